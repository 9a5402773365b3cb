//! Saving a download to disk. Files appear when they are complete.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{fs, io::AsyncWriteExt};

use super::chunks::Chunks;
use crate::{Error, ErrorKind, Result, regular_file::check_is_regular, storage::file_name::sanitize};

/// Writes to `path`, replaces an existing file, and returns the number of bytes.
pub(super) async fn replace(chunks: Chunks, path: &Path) -> Result<u64> {
    let written = async {
        // A device or a pipe would be replaced by a file.
        if let Ok(existing) = fs::metadata(path).await {
            check_is_regular(&existing)?;
        } else if let Some(folder) = path.parent() {
            // The output is paid for by now.
            fs::create_dir_all(folder).await?;
        }
        let (file, partial) = PartialFile::create_next_to(path).await?;
        let length = write(chunks, file).await?;
        if let Ok(existing) = fs::metadata(path).await {
            fs::set_permissions(&partial.0, existing.permissions()).await?;
        }
        fs::rename(&partial.0, path).await?;
        Ok(length)
    };
    written.await.map_err(|error: SaveError| error.with_path(path))
}

/// Writes to a new file in `folder` and returns its path.
pub(super) async fn create(chunks: Chunks, folder: &Path, name: &str, extension: &str) -> Result<PathBuf> {
    let name = sanitize(name);
    let path = |number: u32| match number {
        1 => folder.join(format!("{name}.{extension}")),
        _ => folder.join(format!("{name}-{number}.{extension}")),
    };
    let written = async {
        fs::create_dir_all(folder).await?;
        let (file, partial) = PartialFile::create_next_to(&path(1)).await?;
        write(chunks, file).await?;
        for number in 1..u32::MAX {
            // Unlike a rename, a link fails if the file exists.
            match fs::hard_link(&partial.0, path(number)).await {
                Ok(()) => return Ok(path(number)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // The file system may not support links.
                Err(_) if !fs::try_exists(path(number)).await? => {
                    fs::rename(&partial.0, path(number)).await?;
                    return Ok(path(number));
                }
                Err(_) => {}
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
    };
    written.await.map_err(|error: SaveError| error.with_path(&path(1)))
}

async fn write(mut chunks: Chunks, mut file: fs::File) -> Result<u64, SaveError> {
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(SaveError::Download)?;
        file.write_all(&chunk).await?;
        length += u64::try_from(chunk.len()).unwrap_or(0);
    }
    // Otherwise the name could stand for an incomplete file after a crash.
    file.sync_all().await?;
    Ok(length)
}

enum SaveError {
    Download(Error),
    Disk(io::Error),
}

impl SaveError {
    fn with_path(self, path: &Path) -> Error {
        match self {
            Self::Download(error) => error,
            Self::Disk(cause) => {
                let message = format!("cannot write {}: {cause}", path.display());
                Error::new(ErrorKind::File, message).with_source(cause)
            }
        }
    }
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The path of an incomplete file, which is removed on drop unless it was renamed.
struct PartialFile(PathBuf);

impl PartialFile {
    fn next_to(path: &Path) -> Self {
        use std::hash::{BuildHasher, RandomState};

        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{:016x}.part", RandomState::new().hash_one(path)));
        Self(path.with_file_name(name))
    }

    async fn create_next_to(path: &Path) -> io::Result<(fs::File, Self)> {
        let partial = Self::next_to(path);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Outputs are as private as the inputs that they are made of.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // The thread owns the guard: if the save is dropped meanwhile, the new file is removed with the unused result.
        let create = move || Ok::<_, io::Error>((options.open(&partial.0)?, partial));
        let (file, partial) = tokio::task::spawn_blocking(create).await.map_err(io::Error::other)??;
        Ok((fs::File::from_std(file), partial))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // It fails after a rename, because there is nothing to remove then.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::{super::chunks::Body, *};

    /// Occupies the only thread for blocking work until the sender is dropped.
    fn hold_blocking_work() -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel();
        tokio::task::spawn_blocking(move || held.recv());
        release
    }

    /// Waits until the only thread for blocking work has done all that was given to it.
    async fn finish_blocking_work() {
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }

    #[test]
    fn save_that_is_dropped_at_any_step_leaves_no_partial_file() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            for creates in [false, true] {
                let mut is_complete = false;
                for steps in 0.. {
                    let folder = tempfile::tempdir().unwrap();
                    let path = folder.path().join("cat.png");
                    let chunks = Chunks::new(Body::InMemory(Some(b"cat".as_slice().into())), None, None);
                    let mut save = Box::pin(async {
                        if creates {
                            create(chunks, folder.path(), "cat", "png").await.map(drop)
                        } else {
                            replace(chunks, &path).await.map(drop)
                        }
                    });
                    for _ in 0..steps {
                        // Otherwise the work may be done before the poll ends, which then begins the next step too.
                        let release = hold_blocking_work();
                        is_complete = is_complete || save.as_mut().now_or_never().is_some();
                        drop(release);
                        finish_blocking_work().await;
                    }
                    if is_complete {
                        assert!(steps > 3 && path.exists(), "{steps}");
                        break;
                    }
                    // The next step is begun, and not done yet when the save is dropped.
                    let release = hold_blocking_work();
                    let _ = save.as_mut().now_or_never();
                    drop(save);
                    drop(release);
                    finish_blocking_work().await;
                    let files =
                        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
                    let files: Vec<_> = files.collect();
                    assert!(files.iter().all(|file| file == "cat.png"), "{files:?} after {steps} steps");
                }
            }
        });
    }

    #[test]
    fn a_partial_file_is_next_to_the_complete_one() {
        let partial = PartialFile::next_to(Path::new("/out/cat.png"));
        let name = partial.0.to_string_lossy().into_owned();
        assert!(name.starts_with("/out/cat.png.") && name.ends_with(".part"), "{name}");
    }
}
