//! Files that appear when they are whole.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::StreamExt;
use tokio::{fs, io::AsyncWriteExt};

use super::Chunks;
use crate::{Error, ErrorKind, Result};

/// Longer names are cut: file systems take 255 bytes, and there is more to come.
const LONGEST: usize = 100;

/// Writes to `path`, in place of what is there.
pub(super) async fn replace(chunks: Chunks, path: &Path) -> Result<u64> {
    let partial = Partial::beside(path);
    let written = async {
        let length = write(chunks, &partial.0).await?;
        fs::rename(&partial.0, path).await?;
        Ok(length)
    };
    written.await.map_err(|problem: Problem| problem.at(path))
}

/// Writes to a new file in `folder`.
pub(super) async fn add(chunks: Chunks, folder: &Path, name: &str, extension: &str) -> Result<PathBuf> {
    let name = harmless(name);
    let path = |number: u32| match number {
        1 => folder.join(format!("{name}.{extension}")),
        more => folder.join(format!("{name}-{more}.{extension}")),
    };
    let partial = Partial::beside(&path(1));
    let written = async {
        fs::create_dir_all(folder).await?;
        write(chunks, &partial.0).await?;
        for number in 1..u32::MAX {
            // A link fails where there is a file, which a renamed file would replace.
            match fs::hard_link(&partial.0, path(number)).await {
                Ok(()) => return Ok(path(number)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Not every file system has links.
                Err(_) if !fs::try_exists(path(number)).await? => {
                    fs::rename(&partial.0, path(number)).await?;
                    return Ok(path(number));
                }
                Err(_) => {}
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
    };
    written.await.map_err(|problem: Problem| problem.at(&path(1)))
}

async fn write(mut chunks: Chunks, path: &Path) -> Result<u64, Problem> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path).await?;
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Problem::Network)?;
        file.write_all(&chunk).await?;
        length += u64::try_from(chunk.len()).unwrap_or(0);
    }
    // So that the name never stands for less than the whole, even after a crash.
    file.sync_all().await?;
    Ok(length)
}

/// A name that stays in its folder, on every system.
fn harmless(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_alphanumeric() || "-_. ".contains(letter) { letter } else { '_' };
    let name: String = name.chars().map(letter).take(LONGEST).collect();
    let mut name = name.trim_matches(['.', ' ']).to_owned();
    while name.len() > LONGEST {
        name.pop();
    }
    if name.is_empty() { "file".to_owned() } else { name }
}

enum Problem {
    Network(Error),
    Disk(io::Error),
}

impl Problem {
    fn at(self, path: &Path) -> Error {
        match self {
            Self::Network(error) => error,
            Self::Disk(cause) => {
                let message = format!("cannot write {}: {cause}", path.display());
                Error::new(ErrorKind::File, message).with_source(cause)
            }
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// A file that is removed unless it was renamed, also when the download is dropped half way.
struct Partial(PathBuf);

impl Partial {
    fn beside(path: &Path) -> Self {
        use std::hash::{BuildHasher, RandomState};

        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{:016x}.part", RandomState::new().hash_one(path)));
        Self(path.with_file_name(name))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a successful rename there is nothing to remove, which is the usual case.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_file_lies_beside_its_own_name() {
        let partial = Partial::beside(Path::new("/out/cat.png"));
        let name = partial.0.to_string_lossy().into_owned();
        assert!(name.starts_with("/out/cat.png.") && name.ends_with(".part"), "{name}");
    }

    #[test]
    fn names_stay_in_their_folder() {
        for (name, expected) in [
            ("images-0", "images-0"),
            ("řeč", "řeč"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "file"),
            ("", "file"),
            (".hidden", "hidden"),
            ("a\\b:c\u{0}", "a_b_c_"),
            ("a b.", "a b"),
        ] {
            assert_eq!(harmless(name), expected);
        }
        assert!(harmless(&"ž".repeat(500)).len() <= LONGEST);
    }
}
