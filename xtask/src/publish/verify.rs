//! Compiles every crate from its package, together, so that a file that was left out is missed here and not by users.
//!
//! `cargo package` can do so too, but keeps the packages that it unpacks by name and version: a second run of one
//! version would compile against the sources of the first.

use std::{fs, path::Path, process::Command};

use super::package::Package;
use crate::{root, run};

pub(super) fn compile(packages: &[Package]) -> Result<(), String> {
    let Some(target) = packages.first().map(|package| package.target.clone()) else { return Ok(()) };
    let folder = target.join("unpacked");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    packages.iter().try_for_each(|package| unpack(package, &folder))?;
    fs::write(folder.join("Cargo.toml"), workspace(packages)).map_err(failed)?;
    // The versions that everything else was tested with.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
    println!("Compiling {} crates from what was packed.", packages.len());
    let manifest = folder.join("Cargo.toml").display().to_string();
    let target = target.parent().unwrap_or(&target).display().to_string();
    run::cargo([
        "check",
        "--quiet",
        "--offline",
        "--workspace",
        "--lib",
        "--bins",
        "--target-dir",
        &target,
        "--manifest-path",
        &manifest,
    ])
}

fn unpack(package: &Package, folder: &Path) -> Result<(), String> {
    let file = package.file();
    let status = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(folder).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: tar could not unpack it ({status})", file.display())),
        Err(error) => Err(format!("tar: {error}")),
    }
}

/// A workspace of packages, which stand in for their published selves.
fn workspace(packages: &[Package]) -> String {
    let members: String = packages.iter().map(|package| format!("    \"{}\",\n", package.folder())).collect();
    let patches: String = packages
        .iter()
        .map(|package| format!("{} = {{ path = \"{}\" }}\n", package.name, package.folder()))
        .collect();
    format!("[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}")
}
