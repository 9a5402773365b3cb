//! Putting a client together.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};

use crate::{
    Attempt, Client, Credentials, Error, ErrorKind, Hosts, Result, Retry,
    backup::Backups,
    call::custom_header,
    client::Shared,
    credentials::{self, Authorization},
    hosts::{PlainHttp, Service, is_loopback, parse},
    queue::Permits,
    storage::{CdnTokens, UploadOptions},
    transport::{Hook, Limits, Transport, default_http},
};
#[cfg(feature = "realtime")]
use crate::{socket::SocketPool, transport::Upgrades};

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
///     .on_attempt(|attempt| {
///         if let (Some(failure), Some(pause)) = (attempt.failure(), attempt.pause()) {
///             eprintln!("{} {}: {failure}, again in {pause:?}", attempt.method(), attempt.path());
///         }
///     })
///     .build()?;
/// # Ok::<(), fal_client::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    env: Option<Lookup>,
    credentials: Option<Credentials>,
    emulator: Option<String>,
    proxy: Option<String>,
    hosts: Vec<(Service, String)>,
    plain_http: PlainHttp,
    backup_domains: bool,
    http: Option<reqwest::Client>,
    headers: HeaderMap,
    /// The first thing that was wrong. Setters cannot fail, so `build` does.
    wrong: Option<String>,
    timeout: Option<Duration>,
    retry: Retry,
    on_attempt: Option<Hook>,
    user_agent_suffix: Option<String>,
    max_reply_bytes: u64,
    queue_connections: usize,
    uploads: UploadOptions,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            env: None,
            credentials: None,
            emulator: None,
            proxy: None,
            hosts: Vec::new(),
            plain_http: PlainHttp::LoopbackOnly,
            backup_domains: true,
            http: None,
            headers: HeaderMap::new(),
            wrong: None,
            timeout: None,
            retry: Retry::default(),
            on_attempt: None,
            user_agent_suffix: None,
            max_reply_bytes: 256 << 20,
            queue_connections: 128,
            uploads: UploadOptions::default(),
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
    /// They are read by [`build`](Self::build). The proxies of the environment, `HTTPS_PROXY`, `HTTP_PROXY`,
    /// `ALL_PROXY` and `NO_PROXY`, are the HTTP client's business and known without this.
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

    /// Takes plain `http` for hosts that are not on this machine, too. Everyone on the way can then read the
    /// key: for networks that are your own.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = PlainHttp::Allowed;
        self
    }

    /// Sends every request for fal to this URL instead, with fal's own URL in `x-fal-target-url`, as fal's
    /// [server-side proxy](https://docs.fal.ai/model-endpoints/server-side) expects it. The proxy adds the
    /// key, so that none is needed here; the key of the environment stays unused, and one that is given to
    /// the builder goes to the proxy.
    ///
    /// The content of files goes past the proxy, to URLs that need no key. Requests in the queue are
    /// followed by polling, because fal's proxy does not pass on the header that asks for a stream.
    ///
    /// ```
    /// let client = fal_client::Client::builder().proxy_url("https://my-app.example/api/fal/proxy").build()?;
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    pub fn proxy_url(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Whether `falrun.com` is asked when no connection to `fal.run` can be made, and `queue.falrun.com` for
    /// `queue.fal.run`. On by default; without meaning for other hosts.
    pub fn backup_domains(mut self, use_them: bool) -> Self {
        self.backup_domains = use_them;
        self
    }

    /// Sends one more header with every request to fal. A header of the call itself wins.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match custom_header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(message) => {
                self.wrong.get_or_insert(message);
            }
        }
        self
    }

    /// Sends through this HTTP client, with its proxies, certificates and timeouts.
    ///
    /// Realtime connections need HTTP/1.1: with `https`, build it with `http1_only()` to use them.
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
    /// Whatever is set here, a connection has 10 s to be made, a status or a cancel 30 s to be answered, and
    /// a submit or a result 10 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// When requests are sent again, unless the call says otherwise.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Tells `observe` of every attempt at a request, for metrics: how it went, how long it took, and whether
    /// there will be another. Called between attempts, so it should be quick.
    pub fn on_attempt(mut self, observe: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        self.on_attempt = Some(Arc::new(observe));
        self
    }

    /// How many requests to the queue are under way at once, and how many jobs are followed over a stream of
    /// their own; 128 of each by default, and at least 1. Beyond that, requests wait for each other, and
    /// jobs are looked at now and then.
    ///
    /// Ten thousand jobs can so be awaited at once without ten thousand connections.
    pub fn queue_connections(mut self, connections: usize) -> Self {
        self.queue_connections = connections.max(1);
        self
    }

    /// How files are uploaded, unless an upload says otherwise.
    pub fn uploads(mut self, options: UploadOptions) -> Self {
        self.uploads = options;
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
        if let Some(message) = &self.wrong {
            return Err(Error::new(ErrorKind::Config, message.clone()));
        }
        let proxy = self.proxy.as_deref().map(|url| parse(url, self.plain_http)).transpose();
        let proxy = proxy.map_err(|error| error.with_context("the proxy's URL"))?;
        let (hosts, credentials) = self.places_and_key()?;
        let mut user_agent = concat!("fal-client-rust/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(suffix) = &self.user_agent_suffix {
            user_agent = format!("{user_agent} {suffix}");
        }
        let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| {
            Error::new(ErrorKind::Config, "the user agent has characters that no HTTP header can carry")
        })?;
        let mut headers = self.headers;
        headers.entry(header::USER_AGENT).or_insert(user_agent);
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let authorization = credentials.prepare()?;
        if let Authorization::Fixed(key) = &authorization {
            headers.insert(header::AUTHORIZATION, key.clone());
        }
        let local = proxy.as_ref().map_or(hosts.are_local(), is_loopback);
        let transport = Transport {
            #[cfg(feature = "realtime")]
            upgrades: Upgrades::new(self.http.is_none().then_some(local)),
            http: self.http.map_or_else(|| default_http(local), Ok)?,
            hosts,
            authorization,
            headers,
            proxy,
            backups: if self.backup_domains { Backups::fal() } else { Backups::default() },
            on_attempt: self.on_attempt,
            limits: Limits { reply: self.max_reply_bytes },
        };
        Ok(Client(Arc::new(Shared {
            transport,
            timeout: self.timeout,
            retry: self.retry,
            queue: Permits::new(self.queue_connections),
            #[cfg(feature = "realtime")]
            sockets: SocketPool::default(),
            uploads: self.uploads,
            tokens: CdnTokens::default(),
        })))
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
            (Some((url, what)), _) => {
                Hosts::emulator(url, self.plain_http).map_err(|error| error.with_context(what))?
            }
            (None, Some(lookup)) => {
                let mut hosts = Hosts::fal()?;
                hosts.set_from_env(lookup, self.plain_http)?;
                hosts
            }
            (None, None) => Hosts::fal()?,
        };
        for (service, host) in &self.hosts {
            hosts.set(*service, host, self.plain_http)?;
        }
        let keyless = emulator.is_some() || self.proxy.is_some();
        let credentials = match (&self.credentials, keyless, &self.env) {
            (Some(credentials), _, _) => credentials.clone(),
            // A real key has no business in an emulator's log, and a proxy has its own.
            (None, true, _) => Credentials::none(),
            (None, false, Some(lookup)) => Credentials::from_env(lookup)?,
            (None, false, None) => {
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
            .field("proxy", &self.proxy)
            .field("hosts", &self.hosts)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
