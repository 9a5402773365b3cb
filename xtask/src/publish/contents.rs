//! What a package holds: its sources, its licences, its page, and nothing else.

use std::{fmt, fs, process::Command};

use super::package::Package;
use crate::root;

/// So much a registry takes, packed.
const LARGEST: u64 = 10 << 20;

/// What must be there.
const NEEDED: [&str; 5] = ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/"];

/// What may be there besides: what cargo adds, and the documents that the emulator serves.
const ALLOWED: [&str; 5] = ["Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json", "build.rs", "schemas/"];

pub(super) struct Contents {
    files: Vec<String>,
    /// Packed, in bytes.
    size: u64,
}

/// What the package that was made last holds.
pub(super) fn of(package: &Package) -> Result<Contents, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["package", "--offline", "--list", "--allow-dirty", "--package", &package.name])
        .current_dir(root());
    let output = cargo.output().map_err(|error| format!("cargo package: {error}"))?;
    if !output.status.success() {
        return Err(format!("{}: {}", package.name, String::from_utf8_lossy(&output.stderr).trim()));
    }
    let path = package.file();
    let size = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    let files = String::from_utf8_lossy(&output.stdout).lines().map(|line| line.replace('\\', "/")).collect();
    Ok(Contents { files, size })
}

impl Contents {
    pub(super) fn problems(&self, package: &Package) -> Vec<String> {
        let is = |file: &str, name: &&str| {
            if name.ends_with('/') { file.starts_with(name) } else { file == *name }
        };
        let missing = NEEDED.iter().filter(|name| !self.files.iter().any(|file| is(file, name)));
        let mut problems: Vec<String> =
            missing.map(|name| format!("{}: the package has no {name}", package.name)).collect();
        let unknown =
            self.files.iter().filter(|file| !NEEDED.iter().chain(&ALLOWED).any(|name| is(file, name)));
        problems.extend(unknown.map(|file| {
            format!(
                "{}: the package holds {file}, which nobody needs: leave it out by `include`",
                package.name
            )
        }));
        if self.size > LARGEST {
            problems.push(format!("{}: {self} is more than a registry takes", package.name));
        }
        problems
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} files {:>5} KiB", self.files.len(), self.size.div_ceil(1024))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_missing_and_what_is_too_much_is_named() {
        let metadata = serde_json::json!({ "name": "a", "version": "1.0.0" });
        let Some(package) = Package::new(&metadata, Path::new("target")) else { unreachable!() };
        let contents = |files: &[&str], size| Contents {
            files: files.iter().map(|&file| file.to_owned()).collect(),
            size,
        };
        let whole = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];
        assert_eq!(contents(&whole, 1000).problems(&package), [""; 0]);
        assert_eq!(
            contents(
                &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs", "tests/a.rs"],
                LARGEST + 1
            )
            .problems(&package),
            [
                "a: the package has no README.md",
                "a: the package holds tests/a.rs, which nobody needs: leave it out by `include`",
                "a:    5 files 10241 KiB is more than a registry takes",
            ]
        );
    }
}
