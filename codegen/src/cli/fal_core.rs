//! The path from generated crates to the folder of `fal-core`.

use std::{
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{Error, FalCore};

use super::failure::io_error;

/// Returns the dependency on `fal-core` of the workspace at `out`.
///
/// An absolute path stays as it is. A relative path is rewritten to be relative to `out`.
pub(crate) fn dependency(folder: &Path, out: &Path) -> Result<FalCore, Error> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| io_error(&manifest, &error))?;
    if !text.lines().any(|line| line.split_whitespace().collect::<String>() == "name=\"fal-core\"") {
        return Err(Error::new(folder.display().to_string(), "is not the folder of `fal-core`")
            .with_help("give the folder whose Cargo.toml has `name = \"fal-core\"`"));
    }
    let path = if folder.is_absolute() {
        folder.to_owned()
    } else {
        let target = fs::canonicalize(folder).map_err(|error| io_error(folder, &error))?;
        let out = resolve_links(out).map_err(|error| io_error(out, &error))?;
        relative_path(&target, &out).unwrap_or(target)
    };
    Ok(FalCore::Path(path.display().to_string().replace('\\', "/")))
}

/// Resolves symbolic links in the path of a folder, which does not have to exist.
fn resolve_links(path: &Path) -> io::Result<PathBuf> {
    let mut missing: Vec<OsString> = Vec::new();
    let mut existing = std::path::absolute(path)?;
    loop {
        match fs::canonicalize(&existing) {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, name| path.join(name))),
            Err(error) => match (existing.file_name().map(ToOwned::to_owned), existing.parent()) {
                (Some(name), Some(parent)) => {
                    missing.push(name);
                    existing = parent.to_owned();
                }
                _ => return Err(error),
            },
        }
    }
}

/// Returns the relative path from one folder to another, if there is one.
fn relative_path(target: &Path, from: &Path) -> Option<PathBuf> {
    let (target, from): (Vec<Component>, Vec<Component>) =
        (target.components().collect(), from.components().collect());
    let shared = target.iter().zip(&from).take_while(|(a, b)| a == b).count();
    // Without a common root, the folders are on different drives.
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
    fn relative_path_goes_up_and_down() {
        let path = |target, from| relative_path(Path::new(target), Path::new(from));
        assert_eq!(path("/a/b/core", "/a/x/out"), Some("../../b/core".into()));
        assert_eq!(path("/a/core", "/a"), Some("core".into()));
    }
}
