//! The HTTP client of WebSockets.

use std::sync::OnceLock;

use url::Url;

use super::tls::http1;
use crate::Result;

/// The HTTP client of requests that switch to a WebSocket, which only HTTP/1.1 can. Created on first use.
#[derive(Debug)]
pub(crate) struct UpgradeClient {
    /// `true` if all services are on this machine, and the names of this machine among them; `None` if the caller's own
    /// HTTP client is used.
    local: Option<(bool, Vec<String>)>,
    http: OnceLock<reqwest::Client>,
}

impl UpgradeClient {
    pub(crate) fn new(local: Option<(bool, Vec<String>)>) -> Self {
        Self { local, http: OnceLock::new() }
    }

    /// Returns the client for `url`. It is `main` without TLS, where no server chooses HTTP/2.
    pub(super) fn http(&self, main: &reqwest::Client, url: &Url) -> Result<reqwest::Client> {
        match (&self.local, self.http.get()) {
            (None, _) => Ok(main.clone()),
            _ if url.scheme() == "http" => Ok(main.clone()),
            (_, Some(http)) => Ok(http.clone()),
            (Some((local, names)), None) => {
                let http = http1(*local, names)?;
                Ok(self.http.get_or_init(|| http).clone())
            }
        }
    }
}
