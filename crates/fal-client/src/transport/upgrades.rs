//! The HTTP client for connections that leave HTTP.

use std::sync::OnceLock;

use url::Url;

use super::tls::http1;
use crate::Result;

/// The HTTP client for connections that leave HTTP. Made when the first is needed.
#[derive(Debug)]
pub(crate) struct Upgrades {
    /// Whether all services are on this machine; `None` when the caller gave an HTTP client.
    own: Option<bool>,
    http: OnceLock<reqwest::Client>,
}

impl Upgrades {
    pub(crate) fn new(own: Option<bool>) -> Self {
        Self { own, http: OnceLock::new() }
    }

    /// The client for `url`. Without TLS there is no HTTP/2 to be agreed on, and `main` will do.
    pub(super) fn http(&self, main: &reqwest::Client, url: &Url) -> Result<reqwest::Client> {
        match (self.own, self.http.get()) {
            (None, _) => Ok(main.clone()),
            _ if url.scheme() == "http" => Ok(main.clone()),
            (_, Some(http)) => Ok(http.clone()),
            (Some(local), None) => {
                let http = http1(local)?;
                Ok(self.http.get_or_init(|| http).clone())
            }
        }
    }
}
