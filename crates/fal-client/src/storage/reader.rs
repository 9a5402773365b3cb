//! Files that are read from an `AsyncRead`, once.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use fal_core::File;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{Error, ErrorKind, Result, sync::lock};

/// An extension of [`File`] with constructors that need an async runtime.
pub trait FileExt: Sized {
    /// Creates a file whose content is read while it is uploaded, such as a pipe, a download or an archive that is
    /// being packed.
    ///
    /// The reader is read once: clones of the file share it, and after the upload they all stand for its URL. Up to
    /// one part is kept in memory, and up to `part_concurrency` parts of larger content; see
    /// [`UploadOptions`](crate::storage::UploadOptions). For a file on disk, prefer [`File::path`], which can be read again
    /// when the connection breaks.
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
        Self::custom(Reader(Arc::new(Mutex::new(State::Unread(Box::pin(reader))))))
    }
}

/// The reader inside a [`File`]. Clones share it.
#[derive(Clone)]
pub(super) struct Reader(Arc<Mutex<State>>);

enum State {
    Unread(Pin<Box<dyn AsyncRead + Send>>),
    /// The reader is being read, or its upload failed.
    Taken,
    Uploaded(String),
}

/// A reader that was taken out of its file.
pub(super) struct TakenReader(Pin<Box<dyn AsyncRead + Send>>);

impl Reader {
    /// Takes the reader out of the file.
    ///
    /// # Errors
    ///
    /// `File` if it was taken before.
    pub(super) fn take(&self) -> Result<TakenReader> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Unread(reader) => Ok(TakenReader(reader)),
            taken_or_uploaded => {
                *state = taken_or_uploaded;
                let message = "this reader has been read already: a reader is uploaded once";
                Err(Error::new(ErrorKind::File, message))
            }
        }
    }

    /// Returns the URL of the content, once it is uploaded.
    pub(super) fn url(&self) -> Option<String> {
        match &*self.lock() {
            State::Uploaded(url) => Some(url.clone()),
            _ => None,
        }
    }

    pub(super) fn set_url(&self, url: &str) {
        *self.lock() = State::Uploaded(url.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl TakenReader {
    /// Reads the next `length` bytes; fewer only at the end.
    pub(super) async fn read(&mut self, length: u64) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        self.0.as_mut().take(length).read_to_end(&mut buffer).await?;
        Ok(buffer.into())
    }
}
