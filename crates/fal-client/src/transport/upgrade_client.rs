//! The HTTP client of WebSockets.

use std::sync::OnceLock;

use url::Url;

use super::{http_client::ServicePlace, tls::http1};
use crate::Result;

/// The HTTP client of requests that switch to a WebSocket, which only HTTP/1.1 can. Created on first use.
#[derive(Debug)]
pub(crate) struct UpgradeClient {
    /// `None` if the caller's own HTTP client is used.
    place: Option<ServicePlace>,
    http: OnceLock<reqwest::Client>,
}

impl UpgradeClient {
    pub(crate) fn new(place: Option<ServicePlace>) -> Self {
        Self { place, http: OnceLock::new() }
    }

    /// Returns the client for `url`. It is `main` without TLS, where no server chooses HTTP/2.
    pub(super) fn http(&self, main: &reqwest::Client, url: &Url) -> Result<reqwest::Client> {
        match (&self.place, self.http.get()) {
            (None, _) => Ok(main.clone()),
            _ if url.scheme() == "http" => Ok(main.clone()),
            (_, Some(http)) => Ok(http.clone()),
            (Some(place), None) => {
                let http = http1(place.is_local, &place.local_names)?;
                Ok(self.http.get_or_init(|| http).clone())
            }
        }
    }
}
