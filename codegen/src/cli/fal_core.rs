//! The folder that generated crates take `fal-core` from.

use std::{
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use fal_codegen::{Error, FalCore};

use super::failure::disk;

/// What stands in `Cargo.toml` of the workspace at `out`: an absolute path as it was given, a relative one
/// so that it leads to the same folder from there.
pub(crate) fn dependency(given: &Path, out: &Path) -> Result<FalCore, Error> {
    let manifest = given.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| disk(&manifest, &error))?;
    if !text.lines().any(|line| line.split_whitespace().collect::<String>() == "name=\"fal-core\"") {
        return Err(Error::new(given.display().to_string(), "is not the folder of `fal-core`")
            .help("give the folder whose Cargo.toml has `name = \"fal-core\"`"));
    }
    let path = if given.is_absolute() {
        given.to_owned()
    } else {
        let target = fs::canonicalize(given).map_err(|error| disk(given, &error))?;
        let out = real(out).map_err(|error| disk(out, &error))?;
        relative(&target, &out).unwrap_or(target)
    };
    Ok(FalCore::Path(path.display().to_string().replace('\\', "/")))
}

/// A path without links, of a folder that need not be there yet.
fn real(path: &Path) -> io::Result<PathBuf> {
    let mut missing: Vec<OsString> = Vec::new();
    let mut known = std::path::absolute(path)?;
    loop {
        match fs::canonicalize(&known) {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, name| path.join(name))),
            Err(error) => match (known.file_name().map(ToOwned::to_owned), known.parent()) {
                (Some(name), Some(parent)) => {
                    missing.push(name);
                    known = parent.to_owned();
                }
                _ => return Err(error),
            },
        }
    }
}

/// The way from one folder to another, if there is one.
fn relative(target: &Path, from: &Path) -> Option<PathBuf> {
    let (target, from): (Vec<Component>, Vec<Component>) =
        (target.components().collect(), from.components().collect());
    let shared = target.iter().zip(&from).take_while(|(a, b)| a == b).count();
    // Nothing in common, not even the root: another drive.
    if shared == 0 {
        return None;
    }
    let up = from[shared..].iter().map(|_| Component::ParentDir);
    Some(up.chain(target[shared..].iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_up_and_down() {
        let way = |target, from| relative(Path::new(target), Path::new(from));
        assert_eq!(way("/a/b/core", "/a/x/out"), Some("../../b/core".into()));
        assert_eq!(way("/a/core", "/a"), Some("core".into()));
    }
}
