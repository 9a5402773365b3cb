//! Files: uploads, downloads, and the files of the account.
//!
//! A call uploads the local files of its input by itself. [`Client::upload`] uploads a file once for several calls,
//! [`Client::download`] fetches a file that a model made, and [`Client::storage`] manages the files that fal keeps.

mod byte_source;
mod cdn_token;
mod checkpoint;
pub(crate) mod content_type;
mod data_uri;
mod download;
mod file_ext;
mod file_name;
mod lifecycle;
mod media;
mod multipart;
mod name_template;
mod options;
#[cfg(feature = "image")]
mod picture;
mod progress;
mod reader;
mod shared_uploads;
mod single;
mod upload;
mod upload_context;
mod upload_policy;
mod upload_source;

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

#[cfg(feature = "realtime")]
pub(crate) use self::data_uri::{has_to_be_read, to_data_uri};
pub(crate) use self::{
    cdn_token::CdnTokens,
    data_uri::{data_uri, is_data_uri},
    upload::upload_all,
};
pub use self::{
    checkpoint::Checkpoint,
    download::{Chunks, Download, DownloadRequest},
    file_ext::FileExt,
    lifecycle::{Access, Acl, Lifecycle},
    media::{MediaExt, MediaUrl, SaveMediaRequest, SavedFile, find_media},
    name_template::NameTemplate,
    options::{Repository, UploadOptions},
    progress::Progress,
    upload::{UploadEvent, UploadEvents, UploadRequest},
    upload_policy::UploadPolicy,
};
pub use crate::file_check::broken_limits;
use crate::{
    Client, Error, ErrorKind, Result,
    hosts::join,
    retry::RetryClass,
    transport::{Content, Request},
};

/// The longest time for which fal signs a URL: a week.
const MAX_SIGNED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The files of the account at fal, from [`Client::storage`].
///
/// ```no_run
/// use std::time::Duration;
/// use fal_client::{Client, File, storage::{Access, Acl, Lifecycle}};
///
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let secret = client
///     .upload(File::path("contract.pdf"))
///     .lifecycle(Lifecycle::default().access(Access::Hide))
///     .await?;
/// let url = secret.as_url().unwrap_or_default();
/// let storage = client.storage();
/// println!("open for an hour: {}", storage.sign(url, Duration::from_secs(3600)).await?);
/// storage.set_access(url, &Acl::new(Access::Allow)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Storage {
    client: Client,
}

#[derive(Deserialize)]
struct Signed {
    signed_url: String,
}

impl Storage {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the account's default lifecycle of files: how long they are kept and who may read them.
    ///
    /// # Errors
    ///
    /// Fails like any call.
    pub async fn settings(&self) -> Result<Lifecycle> {
        self.send::<Value, _>(Method::GET, &["settings"], None, None).await
    }

    /// Replaces the default lifecycle of future files, and returns the settings that fal stored.
    ///
    /// # Errors
    ///
    /// Fails like any call.
    pub async fn set_settings(&self, settings: &Lifecycle) -> Result<Lifecycle> {
        self.send(Method::PUT, &["settings"], None, Some(settings)).await
    }

    /// Returns the access rules of a file.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file.
    pub async fn access(&self, url: &str) -> Result<Acl> {
        self.send::<Value, _>(Method::GET, &["files", "acl"], Some(url), None).await
    }

    /// Replaces the access rules of a file, and returns the rules that fal stored. fal drops rules about users that it
    /// does not know.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file.
    pub async fn set_access(&self, url: &str, acl: &Acl) -> Result<Acl> {
        self.send(Method::PUT, &["files", "acl"], Some(url), Some(acl)).await
    }

    /// Returns a URL that gives access to a file, to anyone who has it, for whole seconds from one second to a week.
    ///
    /// # Errors
    ///
    /// `Config` if `time` is out of this range, `NotFound` if there is no such file.
    pub async fn sign(&self, url: &str, time: Duration) -> Result<String> {
        if time.as_secs() == 0 || time > MAX_SIGNED_FOR {
            let message = format!("a URL is signed for a second to a week, not {time:?}");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let body = json!({"expiration_seconds": time.as_secs()});
        let signed: Signed = self.send(Method::POST, &["files", "sign"], Some(url), Some(&body)).await?;
        Ok(signed.signed_url)
    }

    async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        file: Option<&str>,
        body: Option<&B>,
    ) -> Result<T> {
        let path = ["v1", "storage"].into_iter().chain(path.iter().copied());
        let mut url = join(&self.client.hosts().platform, path);
        if let Some(file) = file {
            url.query_pairs_mut().append_pair("url", file);
        }
        let mut request = Request::to_fal(method, url, RetryClass::Idempotent);
        request.retry = self.client.0.retry.clone();
        if let Some(body) = body {
            let body = serde_json::to_vec(body)
                .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).with_source(cause))?;
            request.content = Content::Json(body.into());
        }
        self.client.0.transport.send(&request).await?.json()
    }
}
