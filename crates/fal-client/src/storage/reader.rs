//! Files that are read once, from wherever.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use fal_core::File;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{Error, ErrorKind, Result};

/// What this crate adds to [`File`].
pub trait FileExt: Sized {
    /// A file that is read while it is uploaded: a pipe, a download, an archive being packed. Read once: clones
    /// of the value are the same file, and after the upload they stand for its URL.
    ///
    /// Up to one part stays in memory, and up to `parts_at_once` parts of files that have more than one; see
    /// [`UploadOptions`](crate::storage::UploadOptions). A file on disk is better given as [`File::path`], which can be
    /// read again when the connection breaks.
    ///
    /// ```no_run
    /// use fal_client::{Client, File, storage::FileExt};
    ///
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let file = File::reader(tokio::io::empty()).named("nothing.txt");
    /// let uploaded = client.upload(file).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn reader(reader: impl AsyncRead + Send + 'static) -> Self;
}

impl FileExt for File {
    fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::custom(Reader(Arc::new(Mutex::new(State::Fresh(Box::pin(reader))))))
    }
}

/// A reader inside a [`File`].
#[derive(Clone)]
pub(super) struct Reader(Arc<Mutex<State>>);

enum State {
    Fresh(Pin<Box<dyn AsyncRead + Send>>),
    /// It is being read, or was read in vain.
    Spent,
    Uploaded(String),
}

/// A reader that was taken out of its file.
pub(super) struct Taken(Pin<Box<dyn AsyncRead + Send>>);

impl Reader {
    pub(super) fn take(&self) -> Result<Taken> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Spent) {
            State::Fresh(reader) => Ok(Taken(reader)),
            uploaded @ State::Uploaded(_) => {
                *state = uploaded;
                Err(spent())
            }
            State::Spent => Err(spent()),
        }
    }

    /// Where the content is, once it was uploaded.
    pub(super) fn url(&self) -> Option<String> {
        match &*self.lock() {
            State::Uploaded(url) => Some(url.clone()),
            _ => None,
        }
    }

    pub(super) fn is_at(&self, url: &str) {
        *self.lock() = State::Uploaded(url.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The next bytes; fewer than asked for at the end only.
    pub(super) async fn read(&mut self, length: u64) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        self.0.as_mut().take(length).read_to_end(&mut buffer).await?;
        Ok(buffer.into())
    }
}

fn spent() -> Error {
    Error::new(ErrorKind::File, "this reader has been read already: a reader is uploaded once")
}
