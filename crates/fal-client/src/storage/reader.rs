//! The reader inside a file, which is read once.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{Error, ErrorKind, Result, sync::lock};

/// The reader inside a [`File`](fal_core::File). Clones share it.
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
    pub(super) fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State::Unread(Box::pin(reader)))))
    }

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

    #[cfg(feature = "realtime")]
    pub(super) fn is_unread(&self) -> bool {
        matches!(*self.lock(), State::Unread(_))
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
