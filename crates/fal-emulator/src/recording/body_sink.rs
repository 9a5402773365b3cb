//! A body that is stored while it passes through.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use ring::digest::{Context, SHA256};

use super::exchange::RecordedBody;
use super::request_key::KeyBody;
use super::secrets::Secrets;
use crate::hex::{hex, sha256};
use crate::private_files;

/// The largest text that is stored inside an exchange, in bytes.
pub(super) const MAX_TEXT: usize = 16 << 20;

/// A body that is stored while it passes through: in memory, and from [`MAX_TEXT`] on in a temporary file.
pub(super) struct BodySink {
    folder: PathBuf,
    digest: Context,
    length: u64,
    memory: BytesMut,
    file: Option<(PathBuf, File)>,
    /// The last bytes, in which a secret may have begun.
    tail: Vec<u8>,
    /// `true` if a file holds a secret.
    has_secret: bool,
}

impl BodySink {
    /// Creates a sink for a file in the folder of bodies.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            digest: Context::new(&SHA256),
            length: 0,
            memory: BytesMut::new(),
            file: None,
            tail: Vec::new(),
            has_secret: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &Bytes, secrets: &Secrets) -> io::Result<()> {
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        if self.file.is_none() && self.memory.len() + bytes.len() <= MAX_TEXT {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        if self.file.is_none() {
            let path = self.folder.join(format!("{}.new", uuid::Uuid::new_v4().simple()));
            let mut file = private_files::create(&path)?;
            let start = self.memory.split();
            self.has_secret = secrets.occur_in(&start);
            file.write_all(&start)?;
            self.keep_tail(&start, secrets);
            self.file = Some((path, file));
        }
        let seam = [self.tail.as_slice(), bytes].concat();
        self.has_secret = self.has_secret || secrets.occur_in(&seam);
        self.keep_tail(&seam, secrets);
        match &mut self.file {
            Some((_, file)) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    fn keep_tail(&mut self, bytes: &[u8], secrets: &Secrets) {
        let kept = secrets.longest().saturating_sub(1).min(bytes.len());
        self.tail = bytes.get(bytes.len() - kept..).unwrap_or_default().to_vec();
    }

    /// Returns the bytes, unless they are too many to be kept in memory.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.file.is_none().then_some(&self.memory[..])
    }

    /// Returns the form in which the content of a request to `path` is compared.
    pub(super) fn key(&self, path: &str, secrets: &Secrets) -> KeyBody {
        self.bytes().map_or_else(
            || KeyBody::Digest(hex(self.digest.clone().finish())),
            |bytes| content_key(bytes, path, secrets),
        )
    }

    /// Stores the content without secrets. Returns the part for the exchange.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written, or if content that is no text holds a secret.
    pub(super) fn finish(self, secrets: &Secrets) -> io::Result<RecordedBody> {
        if let Some(Ok(text)) = self.bytes().map(std::str::from_utf8) {
            return Ok(RecordedBody::Text(secrets.redact(text)));
        }
        let (sha256, length) = self.finish_file(secrets)?;
        Ok(RecordedBody::File { sha256, length })
    }

    /// Stores the content in a file, whatever it is. Returns its SHA-256 and its length.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written, or if the content holds a secret.
    pub(super) fn finish_file(mut self, secrets: &Secrets) -> io::Result<(String, u64)> {
        if self.has_secret || secrets.occur_in(&self.memory) {
            return Err(io::Error::other("its content holds a key or token"));
        }
        let sha256 = hex(self.digest.clone().finish());
        let path = self.folder.join(&sha256);
        match self.file.take() {
            _ if path.exists() => {}
            Some((new, file)) => {
                drop(file);
                std::fs::rename(new, path)?;
            }
            None => {
                let new = self.folder.join(format!("{}.new", uuid::Uuid::new_v4().simple()));
                private_files::write(&new, &self.memory)?;
                std::fs::rename(new, path)?;
            }
        }
        Ok((sha256, self.length))
    }
}

impl Drop for BodySink {
    fn drop(&mut self) {
        if let Some((path, _)) = self.file.take() {
            std::fs::remove_file(path).ok();
        }
    }
}

/// Returns the form in which the content of a request to `path` is compared.
pub(super) fn content_key(bytes: &[u8], path: &str, secrets: &Secrets) -> KeyBody {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= MAX_TEXT => KeyBody::of_text(&secrets.redact(text), path),
        _ => KeyBody::Digest(sha256(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_content_is_a_file_and_a_secret_in_it_is_noticed_across_chunks() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of_key("id:very-secret");
        let chunk = Bytes::from(vec![0xff; MAX_TEXT / 2]);
        let fill = |parts: &[&Bytes]| {
            let mut sink = BodySink::new(folder.path());
            parts.iter().try_for_each(|part| sink.write(part, &secrets)).unwrap();
            sink
        };
        let (one, two) = (Bytes::from_static(b"very-s"), Bytes::from_static(b"ecret"));
        let stored = fill(&[&chunk, &chunk, &chunk, &two]).finish(&secrets).unwrap();
        let RecordedBody::File { sha256, length } = stored else { panic!("{stored:?}") };
        assert_eq!(length, 3 * MAX_TEXT as u64 / 2 + 5);
        assert_eq!(std::fs::metadata(folder.path().join(sha256)).unwrap().len(), length);
        assert!(fill(&[&chunk, &chunk, &one, &two, &chunk]).finish(&secrets).is_err());
        assert!(fill(&[&Bytes::from_static(b"\xffvery-secret")]).finish(&secrets).is_err());
        let text = fill(&[&Bytes::from_static(b"a very-secret b")]).finish(&secrets).unwrap();
        assert_eq!(text, RecordedBody::Text("a redacted b".to_owned()));
        drop(fill(&[&chunk, &chunk, &chunk]));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left of what was not stored"
        );
    }
}
