//! `cargo xtask package`: packages every published crate, and checks the files and the size of each package.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{root, run};

/// Largest `.crate` file that crates.io accepts.
const MAX_SIZE: u64 = 10 << 20;

/// Files and folders that every package must have.
const REQUIRED: [&str; 5] = ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/"];

/// Files and folders that a package may have: those that cargo adds, the documents that the emulator serves, and examples.
const ALLOWED: [&str; 6] =
    ["Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json", "build.rs", "schemas/", "examples/"];

/// Arguments of `cargo xtask package`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also compiles every crate from its package
    #[arg(long)]
    pub(crate) verify: bool,
}

/// Packages the crates and checks them. Needs `tar`, and no network once the dependencies are fetched.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let metadata = metadata()?;
    let packages = published(&metadata);
    let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target"));
    // Cargo unpacks the packages that it verifies into a cache by target folder, name and version. In a known folder,
    // a second run would compile against the packages of the first.
    let fresh = arguments.verify.then(|| tempfile::tempdir_in(&target)).transpose();
    let fresh = fresh.map_err(|error| format!("{}: {error}", target.display()))?;
    let target = fresh.as_ref().map_or(target.as_path(), tempfile::TempDir::path);
    let folder = target.display().to_string();

    // With all dependencies fetched, packaging does not ask the registry about each crate.
    run::cargo(["fetch", "--locked", "--quiet"])?;
    let mut cargo =
        vec!["package", "--offline", "--locked", "--quiet", "--allow-dirty", "--target-dir", &folder];
    if !arguments.verify {
        cargo.push("--no-verify");
    }
    for package in &packages {
        cargo.extend(["--package", &package.name]);
    }
    let verb = if arguments.verify { "packaging and compiling" } else { "packaging" };
    eprintln!("{verb} {} crates", packages.len());
    run::cargo(cargo)?;

    let mut problems = Vec::new();
    for package in &packages {
        let contents = Contents::read(&target.join("package").join(package.file()))?;
        println!("{:<32} {} {contents}{}", package.name, package.version, contents.warning());
        problems.extend(contents.problems(&package.name));
    }
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    println!("{} crates can be published", packages.len());
    Ok(())
}

/// Returns the output of `cargo metadata` for the members of the workspace.
fn metadata() -> Result<Value, String> {
    let mut cargo = run::cargo_command();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// A published crate.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
}

impl Package {
    fn file(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }
}

/// Returns the members of the workspace without `publish = false`, which is an empty list of registries.
fn published(metadata: &Value) -> Vec<Package> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let published = packages.filter(|package| !package["publish"].as_array().is_some_and(Vec::is_empty));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    published
        .filter_map(|package| {
            Some(Package { name: text(&package["name"])?, version: text(&package["version"])? })
        })
        .collect()
}

/// The files of a package, and its size.
struct Contents {
    files: Vec<String>,
    /// Bytes of the `.crate` file.
    size: u64,
}

impl Contents {
    /// Reads a `.crate` file.
    fn read(file: &Path) -> Result<Self, String> {
        let failed = |error: &dyn fmt::Display| format!("{}: {error}", file.display());
        let output = Command::new("tar").arg("-tzf").arg(file).output().map_err(|error| failed(&error))?;
        if !output.status.success() {
            return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
        }
        let size = fs::metadata(file).map_err(|error| failed(&error))?.len();
        // Everything is in a folder named after the crate and its version.
        let list = String::from_utf8_lossy(&output.stdout);
        let files = list.lines().filter_map(|line| Some(line.split_once('/')?.1.to_owned())).collect();
        Ok(Self { files, size })
    }

    /// Returns a warning about a size near the limit of the registry, before a release fails.
    fn warning(&self) -> &'static str {
        if self.size > MAX_SIZE / 4 * 3 {
            "  over three quarters of what crates.io accepts: split it"
        } else {
            ""
        }
    }

    /// Returns the missing files, the needless files, and a size over the limit of the registry.
    fn problems(&self, package: &str) -> Vec<String> {
        let is = |file: &str, name: &&str| {
            if name.ends_with('/') { file.starts_with(name) } else { file == *name }
        };
        let missing = REQUIRED.iter().filter(|name| !self.files.iter().any(|file| is(file, name)));
        let mut problems: Vec<String> =
            missing.map(|name| format!("{package}: the package has no {name}")).collect();
        let needless =
            self.files.iter().filter(|file| !REQUIRED.iter().chain(&ALLOWED).any(|name| is(file, name)));
        problems.extend(
            needless.map(|file| format!("{package}: the package has {file}: leave it out of `include`")),
        );
        if self.size > MAX_SIZE {
            problems.push(format!("{package}: {self} is more than crates.io accepts"));
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
    use super::*;

    #[test]
    fn missing_and_needless_files_and_a_large_package_are_reported() {
        let contents = |files: &[&str], size| Contents {
            files: files.iter().map(|&file| file.to_owned()).collect(),
            size,
        };
        let whole = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"];
        assert_eq!(contents(&whole, 1000).problems("a"), [""; 0]);
        assert_eq!(contents(&whole, MAX_SIZE / 4 * 3).warning(), "");
        assert!(contents(&whole, MAX_SIZE / 4 * 3 + 1).warning().contains("three quarters"));
        let other = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs", "tests/a.rs"];
        assert_eq!(
            contents(&other, MAX_SIZE + 1).problems("a"),
            [
                "a: the package has no README.md",
                "a: the package has tests/a.rs: leave it out of `include`",
                "a:    5 files 10241 KiB is more than crates.io accepts",
            ]
        );
    }

    #[test]
    fn a_package_without_registries_is_not_published() {
        let package =
            |name: &str, publish| serde_json::json!({ "name": name, "version": "1.0.0", "publish": publish });
        let metadata = serde_json::json!({ "packages": [package("a", Value::Null), package("tool", serde_json::json!([]))] });
        assert_eq!(published(&metadata), [Package { name: "a".to_owned(), version: "1.0.0".to_owned() }]);
    }
}
