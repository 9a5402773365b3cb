//! The HTTP client, and the same without decompression.

use super::tls::default_http;
use crate::Result;

/// The HTTP client of all requests but those that open a WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    main: reqwest::Client,
    /// The client of downloads, whose bytes are counted and continued, so that nothing may decompress them on the way.
    verbatim: reqwest::Client,
}

impl Http {
    /// Uses one client for everything.
    pub(crate) fn new(http: reqwest::Client) -> Self {
        Self { verbatim: http.clone(), main: http }
    }

    /// Builds the default client.
    pub(crate) fn build(local: bool, local_names: &[String]) -> Result<Self> {
        let verbatim = default_http(local, local_names, false)?;
        if cfg!(feature = "gzip") {
            Ok(Self { main: default_http(local, local_names, true)?, verbatim })
        } else {
            Ok(Self::new(verbatim))
        }
    }

    /// Returns the client of everything but downloads.
    #[cfg(any(feature = "platform", feature = "realtime"))]
    pub(crate) fn main(&self) -> &reqwest::Client {
        &self.main
    }

    pub(super) fn choose(&self, verbatim: bool) -> &reqwest::Client {
        if verbatim { &self.verbatim } else { &self.main }
    }
}
