//! Building a client.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};

use crate::{
    Attempt, Client, Credentials, Error, ErrorKind, Hosts, Result, Retry,
    backup::Backups,
    client::Shared,
    credentials::{self, Authorization},
    env::Env,
    headers::custom_header,
    hosts::{PlainHttp, Service, check_local_names, is_loopback, local_names, parse_host, redact_url},
    middleware::{HeaderHook, Middleware, MiddlewareChain},
    queue::Permits,
    reconcile::RecentRequests,
    redact::SecretStore,
    storage::{CdnTokens, UploadOptions},
    transport::{Hook, Http, ServicePlace, Transport, http_builder},
};
#[cfg(feature = "tower")]
use crate::{
    middleware::HttpService,
    transport::{LayeredHttp, Wrap},
};
#[cfg(feature = "realtime")]
use crate::{socket::SocketPool, transport::UpgradeClient};

/// The default time for which a body may make no progress. Long enough for ten parts of an upload to take turns on a
/// line of 1 Mbit/s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A builder of clients, from [`Client::builder`].
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
///         if let (Some(failure), Some(delay)) = (attempt.failure(), attempt.retry_delay()) {
///             eprintln!("{} {}: {failure}, again in {delay:?}", attempt.method(), attempt.path());
///         }
///     })
///     .build()?;
/// # Ok::<(), fal_client::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    env: Option<Env>,
    credentials: Option<Credentials>,
    emulator: Option<String>,
    proxy: Option<String>,
    hosts: Vec<(Service, String)>,
    trusted_hosts: Vec<String>,
    middleware: MiddlewareChain,
    #[cfg(feature = "tower")]
    layer: Option<Wrap>,
    plain_http: PlainHttp,
    backup_domains: bool,
    http: Option<reqwest::Client>,
    headers: HeaderMap,
    /// The first invalid option. Setters cannot fail, so `build` does.
    invalid: Option<String>,
    timeout: Option<Duration>,
    retry: Retry,
    on_attempt: Option<Hook>,
    user_agent_suffix: Option<String>,
    max_reply_bytes: u64,
    idle_timeout: Option<Duration>,
    queue_connections: usize,
    uploads: UploadOptions,
    check_files: bool,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            env: None,
            credentials: None,
            emulator: None,
            proxy: None,
            hosts: Vec::new(),
            trusted_hosts: Vec::new(),
            middleware: MiddlewareChain::default(),
            #[cfg(feature = "tower")]
            layer: None,
            plain_http: PlainHttp::LoopbackOnly,
            backup_domains: true,
            http: None,
            headers: HeaderMap::new(),
            invalid: None,
            timeout: None,
            retry: Retry::default(),
            on_attempt: None,
            user_agent_suffix: None,
            max_reply_bytes: 256 << 20,
            idle_timeout: Some(IDLE_TIMEOUT),
            queue_connections: 128,
            uploads: UploadOptions::default(),
            check_files: true,
        }
    }

    /// Reads options that are not set here from environment variables:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `FAL_KEY` | the key, usually `id:secret` |
    /// | `FAL_KEY_ID`, `FAL_KEY_SECRET` | the key in two halves, when there is no `FAL_KEY` |
    /// | `FAL_EMULATOR_URL` | a local emulator for every service; the key of the environment stays unused |
    /// | `FAL_RUN_HOST` | instead of `fal.run`: a host, `host:port` or a URL; the queue is then `queue.` before it |
    /// | `FAL_QUEUE_RUN_HOST` | instead of `queue.fal.run` |
    ///
    /// They are read by [`build`](Self::build). The proxies `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY` are read by the HTTP client, with or without this.
    pub fn env(mut self) -> Self {
        self.env = Some(Env::process());
        self
    }

    /// Sets the API key. Short for [`credentials`](Self::credentials) with [`Credentials::key`].
    #[doc(alias("api key", "FAL_KEY"))]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.credentials(Credentials::key(key))
    }

    /// Sets the credentials.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Points every service at an emulator, such as `http://127.0.0.1:8080`, under the prefixes `/run`,
    /// `/queue`, `/rest`, `/cdn`, `/ws` and `/platform`. Without a key, none is sent. An address of this machine without a scheme is
    /// called by plain HTTP.
    #[doc(alias("FAL_EMULATOR_URL", "mock"))]
    pub fn emulator(mut self, url: impl Into<String>) -> Self {
        self.emulator = Some(url.into());
        self
    }

    /// Sends direct calls to this host in place of `fal.run`.
    ///
    /// Takes a host, `host:port` or a URL, which may have a path. Plain `http` is for hosts on this machine
    /// only. A query of this URL, of that of the queue and of that of WebSockets is added to every request there, as
    /// some gateways need it:
    ///
    /// ```
    /// use fal_client::{Client, Credentials};
    ///
    /// // The router of Hugging Face, with a token of its own.
    /// let client = Client::builder()
    ///     .credentials(Credentials::token("hf_0a1b2c3d4e5f"))
    ///     .run_host("https://router.huggingface.co/fal-ai")
    ///     .queue_host("https://router.huggingface.co/fal-ai?_subdomain=queue")
    ///     .build()?;
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    pub fn run_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Run, host)
    }

    /// Sets the host of the queue in place of `queue.fal.run`. Takes the forms of [`run_host`](Self::run_host).
    pub fn queue_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Queue, host)
    }

    /// Sets the host at which uploads start in place of `rest.fal.ai`. Takes the forms of
    /// [`run_host`](Self::run_host).
    pub fn rest_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Rest, host)
    }

    /// Sets the host of files in place of `v3.fal.media`. Takes the forms of [`run_host`](Self::run_host).
    pub fn cdn_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Cdn, host)
    }

    /// Sets the host of calls over a WebSocket in place of `ws.fal.run`. Takes the forms of
    /// [`run_host`](Self::run_host).
    pub fn ws_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Ws, host)
    }

    /// Sets the host of the platform API in place of `api.fal.ai`. Takes the forms of
    /// [`run_host`](Self::run_host).
    pub fn platform_host(self, host: impl Into<String>) -> Self {
        self.host(Service::Platform, host)
    }

    fn host(mut self, service: Service, host: impl Into<String>) -> Self {
        self.hosts.push((service, host.into()));
        self
    }

    /// Allows plain `http` to hosts that are not on this machine.
    ///
    /// Everyone on the way can then read the key, so use it only on networks of your own.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = PlainHttp::Allowed;
        self
    }

    /// Sends every request for fal to this [server-side proxy](https://docs.fal.ai/model-endpoints/server-side),
    /// with fal's own URL in `x-fal-target-url`.
    ///
    /// The proxy adds the key, so none is needed here. The key of the environment is not used, and a key that
    /// is set on the builder is sent to the proxy.
    ///
    /// The content of files does not go through the proxy, but to URLs that need no key. Requests in the queue
    /// are polled, because fal's proxy does not forward the header that asks for a stream.
    ///
    /// ```
    /// let client = fal_client::Client::builder().proxy_url("https://my-app.example/api/fal/proxy").build()?;
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    #[doc(alias("proxyUrl", "withProxy", "x-fal-target-url"))]
    pub fn proxy_url(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets whether `falrun.com` is tried when no connection to `fal.run` can be made, and `queue.falrun.com`
    /// for `queue.fal.run`. On by default. Other hosts have no backup.
    pub fn backup_domains(mut self, enabled: bool) -> Self {
        self.backup_domains = enabled;
        self
    }

    /// Adds a middleware, which reads and changes every request before it is sent, and reads the response.
    ///
    /// The one that is added first changes a request first. The module [`middleware`](crate::middleware) has an example.
    #[doc(alias("requestMiddleware", "withMiddleware", "responseHandler"))]
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(middleware);
        self
    }

    /// Calls `on_request` with the headers of every attempt at a request, to add some.
    ///
    /// It runs inside the span of the attempt, so that the header of a trace can be made of it. The feature `opentelemetry` does
    /// this for OpenTelemetry.
    ///
    /// ```
    /// # use fal_client::Client;
    /// # fn traceparent(span: &tracing::Span) -> Option<String> { None }
    /// let client = Client::builder().key("0a1b2c:3d4e5f").on_request(|headers| {
    ///     let parent = traceparent(&tracing::Span::current());
    ///     if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
    ///         headers.insert("traceparent", parent);
    ///     }
    /// });
    /// # client.build()?;
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    ///
    /// [`middleware`](Self::middleware) can change everything else, and is asynchronous.
    pub fn on_request(self, on_request: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.middleware(HeaderHook(on_request))
    }

    /// Allows a middleware to send requests for fal, and the key with them, to this host too. Takes the forms of
    /// [`run_host`](Self::run_host).
    pub fn trusted_host(mut self, host: impl Into<String>) -> Self {
        self.trusted_hosts.push(host.into());
        self
    }

    /// Wraps the HTTP client in a layer of tower, such as a rate limit or traces. With the feature `tower`.
    ///
    /// Every request but those that open a WebSocket, and those of the feature `platform`, passes the layer, with its
    /// key, and each attempt of it once. A second layer replaces the first: use tower's `ServiceBuilder` for several.
    /// The service must be `Clone`, as it is after `buffer`.
    ///
    /// A layer must not send a request twice, because each submit may be billed: retries are set with
    /// [`retry`](Self::retry). The key is refused at another host than that of the request.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fal_client::Client;
    /// use tower::ServiceBuilder;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> fal_client::Result<()> {
    /// let ten_a_second = ServiceBuilder::new().buffer(100).rate_limit(10, Duration::from_secs(1));
    /// let client = Client::builder().key("0a1b2c:3d4e5f").layer(ten_a_second).build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tower")]
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: tower_layer::Layer<crate::middleware::HttpService> + Send + 'static,
        L::Service: tower_service::Service<
                http::Request<reqwest::Body>,
                Response = http::Response<B>,
                Error: Into<crate::middleware::BoxError>,
                Future: Send,
            > + Clone
            + Send
            + 'static,
        B: http_body::Body<Data = bytes::Bytes, Error: Into<crate::middleware::BoxError>>
            + Send
            + Sync
            + 'static,
    {
        self.layer = Some(Box::new(move |service| LayeredHttp::new(layer.layer(service))));
        self
    }

    /// Adds a header to every request to fal. A header of the call itself wins.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match custom_header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(message) => {
                self.invalid.get_or_insert(message);
            }
        }
        self
    }

    /// Uses this HTTP client, with its proxies, certificates and timeouts.
    ///
    /// Start from [`http_builder`](Self::http_builder), or build it with `reqwest::redirect::Policy::none()`: otherwise
    /// an input is sent wherever a redirect points. Realtime connections over `https` need a client that was built with
    /// `http1_only()`.
    #[doc(alias("fetch", "reqwest"))]
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Returns a builder of HTTP clients with the settings of the default one, to change some of them.
    ///
    /// Unlike `reqwest::Client::builder()`, it needs no crypto provider of the process.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fal_client::{Client, ClientBuilder};
    ///
    /// let http = ClientBuilder::http_builder()?.connect_timeout(Duration::from_secs(3)).build()?;
    /// let client = Client::builder().key("0a1b2c:3d4e5f").http(http).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if the system's certificates cannot be read.
    pub fn http_builder() -> Result<reqwest::ClientBuilder> {
        http_builder()
    }

    /// Limits each call, uploads, downloads and retries included, unless the call sets its own timeout. No limit
    /// by default.
    ///
    /// Single requests always have limits, of which [`idle_timeout`](Self::idle_timeout) is one:
    ///
    /// | request | limit |
    /// |---|---|
    /// | any | 10 s to connect |
    /// | status, cancel | 30 s |
    /// | submit, result | 10 minutes |
    /// | opening a realtime connection | 30 s |
    /// | `run`, `stream` | 1 hour until the answer begins, as long as fal lets a request run |
    /// | upload | 5 minutes from the last byte of a file or part to the answer |
    /// | anything else | 10 minutes until the answer begins |
    #[doc(alias = "default_timeout")]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits the time for which the body of a request or of a response may make no progress. 60 s by default;
    /// `None` is no limit.
    ///
    /// A download that stalls is continued where it stopped, and an upload is sent again, as after a broken
    /// connection. What cannot be repeated fails with `Timeout`. An answer of which less than 1 kB arrives in the time in
    /// which it had to begin is given up as well. Events of streams and realtime connections have limits of their own.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// Sets the retry policy of calls that do not set their own.
    #[doc(alias("retries", "max_retries"))]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Calls `observe` after every attempt at a request, for metrics and logs.
    ///
    /// Requests wait for it, so it should be quick.
    #[doc(alias = "log requests")]
    pub fn on_attempt(mut self, observe: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        self.on_attempt = Some(Arc::new(observe));
        self
    }

    /// Limits the concurrent requests to the queue, and the jobs that are followed over a status stream.
    ///
    /// 128 of each by default, and at least 1. Further requests wait, and further jobs are polled, so that ten
    /// thousand jobs can be awaited without ten thousand connections.
    pub fn queue_connections(mut self, connections: usize) -> Self {
        self.queue_connections = connections.max(1);
        self
    }

    /// Sets the options of uploads that do not set their own.
    pub fn uploads(mut self, options: UploadOptions) -> Self {
        self.uploads = options;
        self
    }

    /// Sets whether local files are checked against the limits of the endpoint before anything is sent, such as the largest
    /// size or the longest duration. On by default.
    ///
    /// Reads the headers of PNG, JPEG, WebP, GIF, MP4, WebM, WAV, MP3, FLAC and Ogg files, which takes milliseconds. A file of another kind,
    /// a file that cannot be read, and one that is online already are not checked, nor are inputs without a type. A call
    /// whose file breaks a limit fails with `InvalidInput`.
    pub fn check_files(mut self, check: bool) -> Self {
        self.check_files = check;
        self
    }

    /// Adds your application to the `User-Agent`, such as `my-app/1.2`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(suffix.into());
        self
    }

    /// Limits the size of a response that is read into memory, in bytes. 256 MiB by default.
    ///
    /// A download that is saved to a file has no limit.
    pub fn max_reply_bytes(mut self, bytes: u64) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// `Auth` without a key ([`Credentials::none`] is for calls without one); `Config` if an option is invalid or
    /// the system's certificates cannot be read.
    pub fn build(self) -> Result<Client> {
        if let Some(message) = &self.invalid {
            return Err(Error::new(ErrorKind::Config, message.clone()));
        }
        let proxy = self.proxy.as_deref().map(|url| parse_host(url, self.plain_http)).transpose();
        let proxy = proxy.map_err(|error| error.with_context("the proxy's URL"))?;
        let (hosts, credentials) = self.resolve_hosts_and_credentials()?;
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
        let authorization = credentials.into_authorization()?;
        let secrets = SecretStore::default();
        if let Authorization::Fixed(key) = &authorization {
            secrets.remember_header(key);
            headers.insert(header::AUTHORIZATION, key.clone());
        }
        let services = || hosts.all().into_iter().chain(&proxy);
        let place = ServicePlace {
            is_local: proxy.as_ref().map_or(hosts.are_local(), is_loopback),
            has_local: services().any(|url| url.scheme() == "http" && is_loopback(url)),
            local_names: local_names(services()),
        };
        if self.http.is_some() && self.plain_http == PlainHttp::LoopbackOnly {
            check_local_names(&place.local_names)?;
        }
        let trusted = self.trusted_hosts.iter().map(|host| {
            parse_host(host, self.plain_http).map_err(|error| error.with_context("a trusted host"))
        });
        let trusted: Vec<_> = trusted.collect::<Result<_>>()?;
        #[cfg(feature = "realtime")]
        let upgrades = UpgradeClient::new(self.http.is_none().then(|| place.clone()));
        let http = match self.http {
            Some(http) => Http::new(http),
            None => Http::build(&place)?,
        };
        let transport = Transport {
            #[cfg(feature = "realtime")]
            upgrades,
            #[cfg(feature = "tower")]
            layered: self.layer.map(|wrap| wrap(HttpService::new(http.clone()))),
            http,
            middleware: self.middleware,
            trusted,
            hosts,
            authorization,
            secrets,
            headers,
            proxy,
            backups: if self.backup_domains { Backups::fal() } else { Backups::default() },
            on_attempt: self.on_attempt,
            max_reply_bytes: self.max_reply_bytes,
            idle_timeout: self.idle_timeout,
        };
        Ok(Client(Arc::new(Shared {
            transport,
            timeout: self.timeout,
            retry: self.retry,
            queue: Permits::new(self.queue_connections),
            #[cfg(feature = "realtime")]
            sockets: SocketPool::default(),
            uploads: self.uploads,
            check_files: self.check_files,
            tokens: CdnTokens::default(),
            recent: RecentRequests::default(),
        })))
    }

    /// Combines the options of the builder with those of the environment.
    fn resolve_hosts_and_credentials(&self) -> Result<(Hosts, Credentials)> {
        let emulator = match (&self.emulator, &self.env) {
            (Some(url), _) => Some((url.clone(), "the emulator's URL")),
            (None, Some(env)) => env.var("FAL_EMULATOR_URL").map(|url| (url, "FAL_EMULATOR_URL")),
            (None, None) => None,
        };
        let mut hosts = match &emulator {
            Some((url, source)) => {
                Hosts::emulator(url, self.plain_http).map_err(|error| error.with_context(source))?
            }
            None => Hosts::fal()?,
        };
        if let (None, Some(env)) = (&emulator, &self.env) {
            hosts.apply_env(env, self.plain_http)?;
        }
        for (service, host) in &self.hosts {
            hosts.set(*service, host, self.plain_http)?;
        }
        let keyless = emulator.is_some() || self.proxy.is_some();
        let credentials = match (&self.credentials, keyless, &self.env) {
            (Some(credentials), _, _) => credentials.clone(),
            // A real key must not end up in an emulator's log, and a proxy has its own.
            (None, true, _) => Credentials::none(),
            (None, false, Some(env)) => Credentials::from_env(env)?,
            (None, false, None) => {
                return Err(credentials::missing_key(
                    "the builder was given none, and reads the environment only after `env()`",
                ));
            }
        };
        Ok((hosts, credentials))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(|(service, host)| (service, redact_url(host))).collect();
        f.debug_struct("ClientBuilder")
            .field("env", &self.env.is_some())
            .field("credentials", &self.credentials)
            .field("emulator", &self.emulator.as_deref().map(redact_url))
            .field("proxy", &self.proxy.as_deref().map(redact_url))
            .field("hosts", &hosts)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("user_agent_suffix", &self.user_agent_suffix)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
