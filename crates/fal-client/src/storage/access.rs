//! What becomes of files by default, and who may read one.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Acl, Lifecycle};
use crate::{
    Client, Error, ErrorKind, Result,
    hosts::join,
    retry::RetryClass,
    transport::{Content, Request},
};

/// fal signs URLs for a week at most.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The account's files at fal, from [`Client::storage`].
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

    /// What becomes of files that say nothing else: how long they live, who may read them.
    ///
    /// # Errors
    ///
    /// As any call to fal.
    pub async fn settings(&self) -> Result<Lifecycle> {
        self.ask::<Value, _>(Method::GET, &["settings"], None, None).await
    }

    /// Replaces the settings for files to come, and returns what fal made of them.
    ///
    /// # Errors
    ///
    /// As any call to fal.
    pub async fn set_settings(&self, settings: &Lifecycle) -> Result<Lifecycle> {
        self.ask(Method::PUT, &["settings"], None, Some(settings)).await
    }

    /// Who may read a file.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such file.
    pub async fn access(&self, url: &str) -> Result<Acl> {
        self.ask::<Value, _>(Method::GET, &["files", "acl"], Some(url), None).await
    }

    /// Replaces who may read a file, and returns what fal made of it: rules about users that it does not know
    /// are dropped.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such file.
    pub async fn set_access(&self, url: &str, acl: &Acl) -> Result<Acl> {
        self.ask(Method::PUT, &["files", "acl"], Some(url), Some(acl)).await
    }

    /// A URL that opens a file for a while, to whoever has it: whole seconds, from one to a week.
    ///
    /// # Errors
    ///
    /// `Config` for another time, `NotFound` when there is no such file.
    pub async fn sign(&self, url: &str, time: Duration) -> Result<String> {
        if time.as_secs() == 0 || time > LONGEST {
            let message = format!("a URL is signed for a second to a week, not {time:?}");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let body = json!({"expiration_seconds": time.as_secs()});
        let signed: Signed = self.ask(Method::POST, &["files", "sign"], Some(url), Some(&body)).await?;
        Ok(signed.signed_url)
    }

    async fn ask<B: Serialize, T: DeserializeOwned>(
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
