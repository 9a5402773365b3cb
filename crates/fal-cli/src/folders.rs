//! The folders and private files of this program.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Returns the folder of the configuration: `$XDG_CONFIG_HOME/fal-cli`, `~/.config/fal-cli`, or `%APPDATA%\fal-cli`.
pub(crate) fn config() -> Result<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

/// Returns the folder of what this program remembers.
pub(crate) fn state() -> Result<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state")
}

/// Returns the folder of what can be fetched again.
pub(crate) fn cache() -> Result<PathBuf> {
    folder("XDG_CACHE_HOME", ".cache")
}

fn folder(variable: &str, below_home: &str) -> Result<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = var(variable).or_else(|| {
        if cfg!(windows) { var("APPDATA") } else { var("HOME").map(|home| home.join(below_home)) }
    });
    let base =
        base.ok_or_else(|| Failure::usage(format!("there is no folder for files; set {variable} or HOME")))?;
    Ok(base.join("fal-cli"))
}

/// Replaces a file by one that only its owner can read. Its folder is created if it does not exist.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file has mode 0600, and a crash leaves the old file whole.
    let write = || {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Failure::usage(format!("{} cannot be written: {error}", path.display())))
}
