//! Putting a client together.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;

use crate::{
    Client, Credentials, Error, ErrorKind, Hosts, Result, Retry,
    client::Shared,
    credentials,
    hosts::Service,
    transport::{Limits, Transport, default_http},
};

/// Where environment variables are read; tests give their own.
pub(crate) type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A client in the making, from [`Client::builder`].
///
/// ```
/// use std::time::Duration;
/// use fal_client::{Client, Retry};
///
/// let client = Client::builder()
///     .key("0a1b2c:3d4e5f")
///     .timeout(Duration::from_secs(300))
///     .retry(Retry::default().max_attempts(6))
///     .build()?;
/// # Ok::<(), fal_client::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    env: Option<Lookup>,
    credentials: Option<Credentials>,
    emulator: Option<String>,
    hosts: Vec<(Service, String)>,
    http: Option<reqwest::Client>,
    timeout: Option<Duration>,
    retry: Retry,
    user_agent_suffix: Option<String>,
    max_reply_bytes: u64,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            env: None,
            credentials: None,
            emulator: None,
            hosts: Vec::new(),
            http: None,
            timeout: None,
            retry: Retry::default(),
            user_agent_suffix: None,
            max_reply_bytes: 256 << 20,
        }
    }

    /// Takes from the environment what is not set here:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `FAL_KEY` | the key, usually `id:secret` |
    /// | `FAL_KEY_ID`, `FAL_KEY_SECRET` | the key in two halves, when there is no `FAL_KEY` |
    /// | `FAL_EMULATOR_URL` | a local emulator for every service; the key of the environment stays unused |
    /// | `FAL_RUN_HOST` | instead of `fal.run`: a host, `host:port` or a URL; the queue is then `queue.` before it |
    /// | `FAL_QUEUE_RUN_HOST` | instead of `queue.fal.run` |
    ///
    /// They are read by [`build`](Self::build).
    pub fn env(self) -> Self {
        self.env_from(|name| std::env::var(name).ok())
    }

    pub(crate) fn env_from(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.env = Some(Box::new(lookup));
        self
    }

    /// The API key. Short for [`credentials`](Self::credentials) with [`Credentials::key`].
    pub fn key(self, key: impl Into<String>) -> Self {
        self.credentials(Credentials::key(key))
    }

    /// Who is calling.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Points every service at an emulator, such as `http://127.0.0.1:8080`, under the prefixes `/run`,
    /// `/queue`, `/rest`, `/cdn`, `/ws` and `/platform`. Without a key, none is sent.
    pub fn emulator(mut self, url: impl Into<String>) -> Self {
        self.emulator = Some(url.into());
        self
    }

    /// Where direct calls go instead of `fal.run`: a host, `host:port` or a URL, which may have a path.
    /// Plain `http` is for hosts on this machine only.
    pub fn run_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Run, host)
    }

    /// Where the queue is instead of `queue.fal.run`. As [`run_host`](Self::run_host).
    pub fn queue_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Queue, host)
    }

    /// Where uploads start instead of `rest.fal.ai`. As [`run_host`](Self::run_host).
    pub fn rest_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Rest, host)
    }

    /// Where files are instead of `v3.fal.media`. As [`run_host`](Self::run_host).
    pub fn cdn_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Cdn, host)
    }

    /// Where HTTP over WebSocket is spoken instead of `ws.fal.run`. As [`run_host`](Self::run_host).
    pub fn ws_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Ws, host)
    }

    /// Where the platform API is instead of `api.fal.ai`. As [`run_host`](Self::run_host).
    pub fn platform_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Platform, host)
    }

    fn host(mut self, service: Service, host: impl Into<String>) -> Self {
        self.hosts.push((service, host.into()));
        self
    }

    /// Sends through this HTTP client, with its proxies, certificates and timeouts.
    ///
    /// Build it with `reqwest::redirect::Policy::none()`: this crate cannot stop a client that follows
    /// redirects from sending an input to wherever it is redirected.
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// How long a call may take in all, uploads and retries included, unless the call says otherwise.
    /// There is no limit by default.
    ///
    /// The connection has 30 s to be made and every request to the queue 120 s to be answered, whatever
    /// is set here.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// When requests are sent again, unless the call says otherwise.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Names your application behind this crate's own name in `User-Agent`, such as `my-app/1.2`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(suffix.into());
        self
    }

    /// The largest answer that is taken into memory, in bytes; 256 MiB by default. A download that is
    /// saved to a file has no limit.
    pub fn max_reply_bytes(mut self, bytes: u64) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// `Auth` without a key (say [`Credentials::none`] to call without one), `Config` when a host or the
    /// user agent makes no sense or the system's certificates cannot be read.
    pub fn build(self) -> Result<Client> {
        let (hosts, credentials) = self.places_and_key()?;
        let authorization = credentials.header()?;
        let mut user_agent = concat!("fal-client-rust/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(suffix) = &self.user_agent_suffix {
            user_agent = format!("{user_agent} {suffix}");
        }
        let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| {
            Error::new(ErrorKind::Config, "the user agent has characters that no HTTP header can carry")
        })?;
        let http = match self.http {
            Some(http) => http,
            None => default_http(hosts.are_local())?,
        };
        let limits = Limits { reply: self.max_reply_bytes };
        let transport = Transport::new(http, hosts, authorization, user_agent, limits);
        Ok(Client(Arc::new(Shared { transport, timeout: self.timeout, retry: self.retry })))
    }

    fn places_and_key(&self) -> Result<(Hosts, Credentials)> {
        let from_env = |name: &str| {
            let value = self.env.as_ref().and_then(|lookup| lookup(name))?;
            (!value.trim().is_empty()).then_some(value)
        };
        let emulator = match &self.emulator {
            Some(url) => Some((url.clone(), "the emulator's URL")),
            None => from_env("FAL_EMULATOR_URL").map(|url| (url, "FAL_EMULATOR_URL")),
        };
        let mut hosts = match (&emulator, &self.env) {
            (Some((url, what)), _) => Hosts::emulator(url).map_err(|error| error.context(what))?,
            (None, Some(lookup)) => {
                let mut hosts = Hosts::fal()?;
                hosts.set_from_env(lookup)?;
                hosts
            }
            (None, None) => Hosts::fal()?,
        };
        for (service, host) in &self.hosts {
            hosts.set(*service, host)?;
        }
        let credentials = match (&self.credentials, &emulator, &self.env) {
            (Some(credentials), _, _) => credentials.clone(),
            // A real key has no business in an emulator's log.
            (None, Some(_), _) => Credentials::none(),
            (None, None, Some(lookup)) => Credentials::from_env(lookup)?,
            (None, None, None) => {
                return Err(credentials::missing("the builder was given none and was not told to use `env`"));
            }
        };
        Ok((hosts, credentials))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("env", &self.env.is_some())
            .field("credentials", &self.credentials)
            .field("emulator", &self.emulator)
            .field("hosts", &self.hosts)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &'static [(&'static str, &'static str)]) -> ClientBuilder {
        ClientBuilder::new().env_from(move |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_is_enough() {
        let client = env(&[("FAL_KEY", "a:b")]).build().unwrap();
        assert_eq!(client.hosts().queue(), "https://queue.fal.run");
        assert!(client.has_key());
    }

    #[test]
    fn an_emulator_needs_no_key_and_gets_none() {
        let client =
            env(&[("FAL_KEY", "real:key"), ("FAL_EMULATOR_URL", "http://127.0.0.1:8080")]).build().unwrap();
        assert_eq!(client.hosts().rest(), "http://127.0.0.1:8080/rest");
        assert!(!client.has_key());
        let error = env(&[("FAL_EMULATOR_URL", "ftp://x")]).build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains("FAL_EMULATOR_URL"), "{error}");
    }

    #[test]
    fn what_is_said_wins_over_the_environment() {
        let client = env(&[("FAL_KEY", "a:b"), ("FAL_RUN_HOST", "fal.example")])
            .queue_host("http://localhost:1/q")
            .credentials(Credentials::none())
            .build()
            .unwrap();
        assert_eq!(client.hosts().run(), "https://fal.example");
        assert_eq!(client.hosts().queue(), "http://localhost:1/q");
        assert!(!client.has_key());
    }

    #[test]
    fn a_builder_on_its_own_has_no_key() {
        let error = ClientBuilder::new().build().unwrap_err();
        assert!(error.is_auth() && error.to_string().contains("`env`"), "{error}");
    }

    #[test]
    fn nothing_prints_the_key() {
        let builder = ClientBuilder::new().key("very:secret");
        let shown = format!("{builder:?} {:?}", ClientBuilder::new().key("very:secret").build().unwrap());
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("queue.fal.run"), "{shown}");
    }
}
