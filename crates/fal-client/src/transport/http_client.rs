//! The HTTP client, and the same without decompression.

use std::fmt;

use url::Url;

use super::tls::default_http;
use crate::{Result, hosts::is_loopback};

/// The machines on which the services of a client are.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServicePlace {
    /// `true` if all of them are on this machine.
    pub(crate) is_local: bool,
    /// `true` if one of them is called by plain `http` on this machine.
    pub(crate) has_local: bool,
    /// The names of this machine among them.
    pub(crate) local_names: Vec<String>,
}

/// The HTTP client of all requests but those that open a WebSocket.
#[derive(Clone)]
pub(crate) struct Http {
    main: reqwest::Client,
    /// The client of downloads, whose bytes are counted and continued, so that nothing may decompress them on the way.
    verbatim: reqwest::Client,
    /// The client of plain `http` to this machine if not all services are on it: a proxy of the environment would otherwise
    /// get these requests, and the key with them.
    local: Option<reqwest::Client>,
    /// Answers every request in place of the network, so that tests run in simulated time.
    #[cfg(test)]
    simulated: std::sync::Arc<std::sync::OnceLock<super::simulation::Service>>,
}

impl Http {
    /// Uses one client for everything.
    pub(crate) fn new(http: reqwest::Client) -> Self {
        Self::with_verbatim(http.clone(), http, None)
    }

    /// Builds the default client.
    pub(crate) fn build(place: &ServicePlace) -> Result<Self> {
        let is_local = place.is_local;
        let verbatim = default_http(is_local, &place.local_names, false)?;
        let local = match place.has_local && !is_local {
            true => Some(default_http(true, &place.local_names, cfg!(feature = "gzip"))?),
            false => None,
        };
        let main = match cfg!(feature = "gzip") {
            true => default_http(is_local, &place.local_names, true)?,
            false => verbatim.clone(),
        };
        Ok(Self::with_verbatim(main, verbatim, local))
    }

    fn with_verbatim(
        main: reqwest::Client,
        verbatim: reqwest::Client,
        local: Option<reqwest::Client>,
    ) -> Self {
        Self {
            main,
            verbatim,
            local,
            #[cfg(test)]
            simulated: Default::default(),
        }
    }

    /// Returns the client of requests to `url`. With `verbatim`, their bodies stay as they are sent.
    pub(crate) fn choose(&self, url: &Url, verbatim: bool) -> &reqwest::Client {
        match &self.local {
            _ if verbatim => &self.verbatim,
            Some(local) if url.scheme() == "http" && is_loopback(url) => local,
            _ => &self.main,
        }
    }

    /// Sends a request once, and waits for the head of the response. With `verbatim`, the body stays as it is sent.
    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
        verbatim: bool,
    ) -> reqwest::Result<reqwest::Response> {
        #[cfg(test)]
        if let Some(service) = self.simulated.get() {
            return service(request).await;
        }
        self.choose(request.url(), verbatim).execute(request).await
    }

    /// Lets `service` answer all requests of this client and its clones.
    #[cfg(test)]
    pub(super) fn simulate(&self, service: super::simulation::Service) {
        assert!(self.simulated.set(service).is_ok(), "it is simulated already");
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
