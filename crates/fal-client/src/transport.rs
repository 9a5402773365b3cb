//! HTTP requests with retries, limits and the key.

mod activity;
mod attempt;
mod failure;
mod hook;
mod http_client;
#[cfg(feature = "tower")]
mod layered;
#[cfg(test)]
pub(crate) mod simulation;
mod tls;
#[cfg(feature = "realtime")]
mod upgrade_client;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

pub(crate) use self::activity::{BodyStream, SIGN_OF_LIFE};
use self::failure::Failure;
pub use self::hook::Attempt;
pub(crate) use self::hook::Hook;
pub(crate) use self::http_client::{Http, ServicePlace};
#[cfg(feature = "tower")]
pub use self::layered::HttpService;
#[cfg(feature = "tower")]
pub(crate) use self::layered::{LayeredHttp, Wrap};
pub(crate) use self::tls::http_builder;
#[cfg(feature = "realtime")]
pub(crate) use self::upgrade_client::UpgradeClient;
use crate::{
    BoxFuture, Hosts, Result, Retry,
    backup::Backups,
    credentials::Authorization,
    meter::record_retry,
    middleware::MiddlewareChain,
    reconcile::SentRequest,
    redact::{SecretStore, Secrets},
    retry::RetryClass,
    timeout::now,
};

/// The time in which a request without another limit is answered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The sender of all requests of a client.
pub(crate) struct Transport {
    pub(crate) http: Http,
    /// The HTTP client inside the layers of the caller.
    #[cfg(feature = "tower")]
    pub(crate) layered: Option<LayeredHttp>,
    pub(crate) middleware: MiddlewareChain,
    /// The hosts beside those of fal to which a middleware may send the key.
    pub(crate) trusted: Vec<Url>,
    #[cfg(feature = "realtime")]
    pub(crate) upgrades: UpgradeClient,
    pub(crate) hosts: Hosts,
    pub(crate) authorization: Authorization,
    /// The secrets that no message of a service may make the client print.
    pub(crate) secrets: SecretStore,
    /// The headers of every request to fal: `User-Agent`, a fixed key, and those that the caller set.
    pub(crate) headers: HeaderMap,
    /// The server-side proxy that requests to fal are sent to.
    pub(crate) proxy: Option<Url>,
    pub(crate) backups: Backups,
    pub(crate) on_attempt: Option<Hook>,
    /// The largest response that is read into memory, in bytes.
    pub(crate) max_reply_bytes: u64,
    /// The time for which a body may make no progress, for requests that set none.
    pub(crate) idle_timeout: Option<Duration>,
}

/// A request that can be sent several times.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    /// `true` if it is for fal, so that it carries the key.
    to_fal: bool,
    /// `true` if it asks for another protocol, which only HTTP/1.1 can switch to.
    pub(crate) upgrade: bool,
    /// `true` if the body of the response is wanted as the server stores it, without an encoding that is undone on the
    /// way, because its bytes are counted.
    pub(crate) verbatim: bool,
    pub(crate) retry_class: RetryClass,
    pub(crate) retry: Retry,
    /// The limit of one attempt.
    pub(crate) timeout: Option<Duration>,
    /// The time for which the bodies of request and response may make no progress. Defaults to that of the client.
    pub(crate) idle_timeout: Option<Option<Duration>>,
    /// The time between the end of the request and the start of the response. `None` for the idle timeout.
    pub(crate) answer_timeout: Option<Duration>,
    /// The moment at which the whole call must be done.
    pub(crate) deadline: Option<Instant>,
    /// The record of a submit, in which the body that is sent is noted.
    pub(crate) sent: Option<Arc<SentRequest>>,
    /// Returns false for a success that makes no sense, such as half a body, so that it is asked for again.
    pub(crate) is_plausible: fn(&Response) -> bool,
    /// Returns true for a refusal that is an answer, so that it is not asked for again.
    pub(crate) is_answer: fn(StatusCode, &[u8]) -> bool,
}

/// The body of a request.
pub(crate) enum Content {
    None,
    Json(Bytes),
    /// The content of an upload.
    Bytes(Bytes),
    /// The content of an upload, created anew for every attempt.
    Body {
        length: u64,
        make: Box<dyn Fn() -> BodyStream + Send + Sync>,
    },
}

impl Content {
    /// Returns the number of bytes.
    fn size(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Json(body) | Self::Bytes(body) => u64::try_from(body.len()).unwrap_or(u64::MAX),
            Self::Body { length, .. } => *length,
        }
    }
}

/// A response that is a success.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Those of the client, for the errors and the `Debug` output of what is made of this.
    pub(crate) secrets: Secrets,
}

/// Prints only the length of the body.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Response {
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }
}

impl Request {
    /// Creates a request to one of fal's services, with the key.
    pub(crate) fn to_fal(method: Method, url: Url, retry_class: RetryClass) -> Self {
        Self { to_fal: true, ..Self::to_anyone(method, url, retry_class) }
    }

    /// Returns the JSON of the request.
    pub(crate) fn json(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Json(json) => Some(json),
            _ => None,
        }
    }

    /// Creates a request to any URL, without the key.
    pub(crate) fn to_anyone(method: Method, url: Url, retry_class: RetryClass) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            content: Content::None,
            to_fal: false,
            upgrade: false,
            verbatim: false,
            retry_class,
            retry: Retry::default(),
            timeout: None,
            idle_timeout: None,
            answer_timeout: Some(ANSWER_TIMEOUT),
            deadline: None,
            sent: None,
            is_plausible: |_| true,
            is_answer: |_, _| false,
        }
    }
}

impl Transport {
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Returns what services must not make the client print.
    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.get()
    }

    pub(crate) fn has_key(&self) -> bool {
        !matches!(self.authorization, Authorization::None)
    }

    /// Returns true if a middleware or a layer may change the bodies of requests.
    pub(crate) fn may_change_bodies(&self) -> bool {
        #[cfg(feature = "tower")]
        if self.layered.is_some() {
            return true;
        }
        !self.middleware.keeps_bodies()
    }

    /// Returns true if event streams are available. fal's proxy does not forward the header that asks for one.
    pub(crate) fn supports_streams(&self) -> bool {
        self.proxy.is_none()
    }

    /// Returns the time for which the bodies of `request` may make no progress.
    fn idle_timeout(&self, request: &Request) -> Option<Duration> {
        request.idle_timeout.unwrap_or(self.idle_timeout)
    }

    /// Returns the size of the largest event that is accepted, in bytes.
    pub(crate) fn event_limit(&self) -> usize {
        self.max_reply_bytes.try_into().unwrap_or(usize::MAX)
    }

    /// Sends a request and reads the whole response.
    ///
    /// Boxed, because callers hold it in futures that outlive the exchange by minutes, and would otherwise keep room
    /// for one.
    pub(crate) fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let (start, mut number) = (now(), 1);
            loop {
                match self.attempt_whole(request, number).await {
                    Ok(response) if !(request.is_plausible)(&response) => {
                        // After the last attempt, the caller says what is wrong with it.
                        let failure = Failure::Nonsense(response.status);
                        match self.retry_delay(request, number, start, &failure) {
                            Some(delay) => tokio::time::sleep(delay).await,
                            None => return Ok(response),
                        }
                    }
                    Ok(response) => {
                        self.observe(request, number, start, Ok((response.status, &response.headers)), None);
                        return Ok(response);
                    }
                    Err(failure) => match self.retry_delay(request, number, start, &failure) {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return Err(failure.into_final_error(request).hide(&self.secrets())),
                    },
                }
                number += 1;
            }
        })
    }

    /// Sends a request and leaves the body of the response unread. Boxed, as [`send`](Self::send) is.
    pub(crate) fn open<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<reqwest::Response>> {
        Box::pin(async move {
            let (start, mut number) = (now(), 1);
            loop {
                match self.attempt(request, number).await {
                    Ok(response) => {
                        let outcome = Ok((response.status(), response.headers()));
                        self.show(request, response.status(), response.headers(), None);
                        self.observe(request, number, start, outcome, None);
                        return Ok(response);
                    }
                    Err(failure) => match self.retry_delay(request, number, start, &failure) {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return Err(failure.into_final_error(request).hide(&self.secrets())),
                    },
                }
                number += 1;
            }
        })
    }

    /// Returns the delay before the next attempt, or `None` if this attempt was the last.
    fn retry_delay(
        &self,
        request: &Request,
        number: u32,
        start: Instant,
        failure: &Failure,
    ) -> Option<Duration> {
        let left = request.deadline.map(|deadline| deadline.saturating_duration_since(now()));
        let outcome = failure.outcome().filter(|_| !failure.is_answer(request));
        let delay = outcome.as_ref().and_then(|outcome| {
            request.retry.delay(number, request.retry_class, outcome, now().duration_since(start), left)
        });
        self.observe(request, number, start, Err(failure), delay);
        if let Some(delay) = delay {
            record_retry(request.url.host_str(), &failure.error_type());
            tracing::debug!(attempt = number, ?delay, outcome = %failure.summary(), "sending again");
        }
        delay
    }
}

#[cfg(test)]
mod silence_tests;
#[cfg(test)]
mod tests;
