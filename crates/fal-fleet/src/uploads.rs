//! Uploads of local files in inputs: each content once for all who add requests.

use std::{io, time::Duration};

use fal_client::{Client, storage::Lifecycle};
use fal_core::{File, FileSource};
use ring::digest::{Context, SHA256};

use crate::{
    Error, ErrorKind, Result,
    ledger::{Ledger, TakenUpload, hex},
};

/// The time after which somebody else may upload a file whose upload was not reported, because its process has ended or needs
/// longer.
const LEASE: Duration = Duration::from_secs(120);

/// The pause before another look at a file that somebody else uploads.
const PAUSE: Duration = Duration::from_millis(200);

/// The way in which local files are uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Uploads {
    pub(crate) client: Client,
    /// The time for which fal keeps them.
    pub(crate) keep: Duration,
}

impl Uploads {
    /// Returns a file with a URL. `account` is the one whose key the client has.
    pub(crate) async fn upload(&self, ledger: &Ledger, account: &str, file: File) -> Result<File> {
        let Some(address) = address(account.to_owned(), file.clone()).await? else {
            // A stream, whose content is not known before it is read.
            return self.send(file).await;
        };
        loop {
            match ledger.take_upload(&address, self.keep / 2, LEASE).await? {
                TakenUpload::Known(url) => return Ok(File::url(url)),
                TakenUpload::Mine => break,
                TakenUpload::Others => tokio::time::sleep(PAUSE).await,
            }
        }
        let sent = self.send(file).await;
        match &sent {
            Ok(file) => ledger.uploaded(&address, file.as_url(), self.keep).await?,
            Err(_) => ledger.uploaded(&address, None, Duration::ZERO).await?,
        }
        sent
    }

    async fn send(&self, file: File) -> Result<File> {
        Ok(self.client.upload(file).lifecycle(Lifecycle::default().expires_after(self.keep)).await?)
    }
}

/// Returns the SHA-256 of a file with its type and the account. `None` for a stream.
async fn address(account: String, file: File) -> Result<Option<String>> {
    let read = tokio::task::spawn_blocking(move || digest(&account, &file)).await;
    let digest = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    digest
        .map_err(|error| Error::new(ErrorKind::Config, format!("a file of an input cannot be read: {error}")))
}

fn digest(account: &str, file: &File) -> io::Result<Option<String>> {
    let mut context = Context::new(&SHA256);
    let mut part = |text: &str| {
        context.update(text.as_bytes());
        context.update(b"\0");
    };
    part(account);
    match file.source() {
        FileSource::Bytes { data, content_type, .. } => {
            part(content_type);
            context.update(data);
        }
        FileSource::Path { path, content_type, .. } => {
            let extension = || path.extension()?.to_str();
            part(content_type.as_deref().or_else(extension).unwrap_or_default());
            let mut content = std::fs::File::open(path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            let mut buffer = vec![0; 64 << 10];
            loop {
                match io::Read::read(&mut content, &mut buffer)? {
                    0 => break,
                    length => context.update(buffer.get(..length).unwrap_or_default()),
                }
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(hex(context.finish().as_ref())))
}
