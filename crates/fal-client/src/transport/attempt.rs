//! One attempt at a request.

use std::{mem, pin::pin};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, header};
use tracing::{Instrument, field::Empty};
use url::Url;

use super::{
    ANSWER_TIMEOUT, Content, Failure, Request, Response, Transport,
    activity::{Activity, BodyPatience, BodyReader, is_large, stream_bytes},
};
use crate::{
    Error, ErrorKind,
    credentials::Authorization,
    headers::foreign_encoding,
    hosts::{has_same_origin, is_below, redact_url},
    meter::RequestMeter,
    middleware::OutgoingRequest,
    retry::RetryClass,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The largest buffer that is reserved for a response before it has arrived, in bytes.
const MAX_RESERVED: u64 = 16 << 20;

/// The number of headers that a request has room for, with those that the HTTP client adds: more are copied.
const HEADERS: usize = 12;

impl Transport {
    /// Sends the request once, and once more to the backup domain if there is no connection to the first. A response
    /// that is not a success is a failure.
    pub(super) async fn attempt(&self, request: &Request, number: u32) -> Result<reqwest::Response, Failure> {
        let span = tracing::debug_span!(
            "fal.attempt",
            attempt = number,
            request_id = Empty,
            otel.kind = "client",
            otel.name = request.method.as_str(),
            http.request.method = request.method.as_str(),
            http.request.resend_count = Empty,
            http.response.status_code = Empty,
            server.address = request.url.host_str(),
            server.port = request.url.port_or_known_default(),
            // Without the query, because uploads are signed there.
            url.full = Empty,
            "error.type" = Empty
        );
        if !span.is_disabled() {
            span.record("url.full", redact_url(request.url.as_str()));
            if number > 1 {
                span.record("http.request.resend_count", number - 1);
            }
        }
        let meter = RequestMeter::start(&request.method, request.url.host_str(), request.content.size());
        let exchange = async {
            let key = self.provided_key(request).await?;
            let response = match self.execute(request, &request.url, key, number).await {
                Ok(response) => response,
                Err(first) => self.attempt_backup(request, first, number).await?,
            };
            if is_success(request, &response) {
                return Ok(response);
            }
            let failure = read_refusal(response, self.max_reply_bytes, self.body_patience(request)).await;
            if let Failure::Refused(status, headers, body) | Failure::HalfRefused(status, headers, body) =
                &failure
            {
                self.show(request, *status, headers, Some(body));
            }
            Err(failure)
        };
        let result = exchange.instrument(span.clone()).await;
        match &result {
            Ok(response) => meter.finish(Some(response.status()), None, response.content_length()),
            Err(failure) => {
                let error_type = failure.error_type();
                span.record("error.type", &*error_type);
                meter.finish(failure.status(), Some(&error_type), None);
            }
        }
        result
    }

    /// Sends the request to the backup domain, if it has one and `first` is a failure to connect.
    async fn attempt_backup(
        &self,
        request: &Request,
        first: Failure,
        number: u32,
    ) -> Result<reqwest::Response, Failure> {
        let is_unconnected = matches!(first, Failure::Unconnected(..));
        let may_use_backup = is_unconnected && request.to_fal && !request.upgrade && self.proxy.is_none();
        let Some(backup) = may_use_backup.then(|| self.backups.backup_url(&request.url)).flatten() else {
            return Err(first);
        };
        tracing::debug!(host = backup.host_str(), "no connection: trying the backup domain");
        let key = self.provided_key(request).await?;
        match self.execute(request, &backup, key, number).await {
            Ok(response) => Ok(response),
            // If neither can be reached, the error names the first domain, which people know.
            Err(Failure::Unconnected(..)) => Err(first),
            Err(second) => Err(second),
        }
    }

    /// Returns the key of a provider, which is asked before every request.
    async fn provided_key(&self, request: &Request) -> crate::Result<Option<HeaderValue>> {
        match &self.authorization {
            Authorization::Provided(_) if request.to_fal => {
                let key = self.authorization.header().await?;
                key.iter().for_each(|key| self.secrets.remember_header(key));
                Ok(key)
            }
            _ => Ok(None),
        }
    }

    /// Sends the request once, and waits for the head of the response. Gives up after too long a silence.
    async fn execute(
        &self,
        request: &Request,
        url: &Url,
        key: Option<HeaderValue>,
        number: u32,
    ) -> Result<reqwest::Response, Failure> {
        let mut activity = Activity::new();
        let (headers, key) = self.headers(request, key)?;
        let mut outgoing = OutgoingRequest {
            method: request.method.clone(),
            url: url.clone(),
            headers,
            json: request.json().cloned(),
            is_for_fal: request.to_fal,
            attempt: number,
        };
        if !self.middleware.is_empty() {
            self.middleware.change(&mut outgoing).await?;
            let has_key = request.to_fal || request.headers.contains_key(header::AUTHORIZATION);
            self.check_changed_url(has_key, url, &outgoing.url)?;
            if let Some(sent) = &request.sent {
                sent.set_body(outgoing.json.as_ref());
            }
        }
        let prepared = self.prepare(request, outgoing, key, &mut activity)?;
        let idle_timeout = self.idle_timeout(request);
        let silence = activity.silence(idle_timeout, request.answer_timeout.or(idle_timeout));
        let result = match select(pin!(self.execute_prepared(request, prepared)), pin!(silence)).await {
            Either::Left((response, _)) => response,
            Either::Right((limit, _)) => Err(Failure::Silent(limit)),
        };
        let is_cut = request.retry_class == RetryClass::Billable && activity.is_sending();
        result.map_err(|failure| if is_cut { failure.before_end_of_request() } else { failure })
    }

    /// Hands a request to the HTTP client.
    async fn execute_prepared(
        &self,
        request: &Request,
        prepared: reqwest::Request,
    ) -> Result<reqwest::Response, Failure> {
        #[cfg(feature = "realtime")]
        if request.upgrade {
            let url = prepared.url();
            let http = self.upgrades.http(self.http.choose(url, false), url)?;
            return http.execute(prepared).await.map_err(Failure::from_reqwest);
        }
        #[cfg(feature = "tower")]
        if let Some(layered) = &self.layered {
            return layered.execute(prepared, request.verbatim, request.sent.clone()).await;
        }
        self.http.execute(prepared, request.verbatim).await.map_err(Failure::from_reqwest)
    }

    /// Returns the headers of a request, and apart from them its `Authorization`, which no middleware sees.
    fn headers(
        &self,
        request: &Request,
        key: Option<HeaderValue>,
    ) -> crate::Result<(HeaderMap, Option<HeaderValue>)> {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        if request.to_fal {
            // Every such URL is made from a configured host. This check holds even if that is forgotten once.
            if !self.hosts.contains(&request.url) {
                let message = "the key is for fal's services only, not for this URL";
                return Err(Error::new(ErrorKind::Config, message));
            }
            headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
            #[cfg(feature = "opentelemetry")]
            crate::trace_context::add_headers(&mut headers);
            if let Some(key) = key {
                headers.insert(header::AUTHORIZATION, key);
            }
        } else if let Some(agent) = self.headers.get(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, agent.clone());
        }
        for (name, value) in &request.headers {
            // A token of the client's own, such as that of an upload.
            if name == header::AUTHORIZATION {
                self.secrets.remember_header(value);
            }
            headers.insert(name, value.clone());
        }
        let authorization = headers.remove(header::AUTHORIZATION);
        Ok((headers, authorization))
    }

    /// Checks the URL of a request after a middleware may have changed it.
    pub(crate) fn check_changed_url(&self, has_key: bool, from: &Url, to: &Url) -> crate::Result<()> {
        let is_allowed = has_same_origin(from, to) && to.username().is_empty() && to.password().is_none()
            || self.hosts.contains(to)
            || self.trusted.iter().any(|trusted| is_below(trusted, to));
        if !has_key || is_allowed {
            return Ok(());
        }
        let message = format!(
            "a middleware sends a request for fal to `{}`, which is not one of the client's hosts: if the key may go \
             there, name it with `trusted_host`",
            to.host_str().unwrap_or_default()
        );
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Shows a response to the middleware.
    pub(super) fn show(
        &self,
        request: &Request,
        status: http::StatusCode,
        headers: &HeaderMap,
        body: Option<&Bytes>,
    ) {
        self.middleware.read(&request.method, &request.url, (status, headers), body);
    }

    /// Builds the request that is sent to its URL, or to the proxy.
    fn prepare(
        &self,
        request: &Request,
        outgoing: OutgoingRequest,
        key: Option<HeaderValue>,
        activity: &mut Activity,
    ) -> crate::Result<reqwest::Request> {
        let OutgoingRequest { method, url, headers: changed, json, .. } = outgoing;
        let proxy = self.proxy.as_ref().filter(|_| request.to_fal && !request.upgrade);
        let forwarded = if request.to_fal && self.proxy.is_some() {
            Some(HeaderValue::try_from(url.as_str()).map_err(|cause| {
                let message = "the URL cannot be sent to the proxy";
                Error::new(ErrorKind::Config, message).with_source(cause)
            })?)
        } else {
            None
        };
        let target = proxy.map_or(url, Url::clone);
        // Moves a user and a password from the URL of a download, which hyper logs, into a header.
        let built = self.http.choose(&target, false).request(method, target).build();
        let mut prepared = built.map_err(|cause| {
            Error::new(ErrorKind::Config, "the request cannot be sent to this URL").with_source(cause)
        })?;
        let headers = prepared.headers_mut();
        let of_url = headers.remove(header::AUTHORIZATION);
        *headers = changed;
        if let Some(own) = headers.get(header::AUTHORIZATION) {
            self.secrets.remember_header(own);
        } else if let Some(authorization) = key.or(of_url) {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if let Some(url) = forwarded {
            headers.insert("x-fal-target-url", url);
        }
        let json = json.map(Content::Json);
        let content = match &request.content {
            Content::None | Content::Json(_) => json.as_ref().unwrap_or(&Content::None),
            upload => upload,
        };
        match content {
            // As the official clients do: a proxy may refuse a PUT of unknown length.
            Content::None if request.method == http::Method::PUT => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Content::None => {}
            Content::Json(body) | Content::Bytes(body) => {
                if matches!(content, Content::Json(_)) {
                    headers.insert(header::CONTENT_TYPE, JSON);
                }
                *prepared.body_mut() = Some(if is_large(body) {
                    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                    activity.watch(length, stream_bytes(body.clone()))
                } else {
                    body.clone().into()
                });
            }
            Content::Body { length, make } => {
                // Signed upload URLs refuse a body of unknown length.
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(*length));
                *prepared.body_mut() = Some(activity.watch(*length, make()));
            }
        }
        *prepared.timeout_mut() = request.timeout;
        Ok(prepared)
    }

    /// Sends the request once, as [`attempt`](Self::attempt) does, and reads the whole response up to the size limit.
    pub(super) async fn attempt_whole(&self, request: &Request, number: u32) -> Result<Response, Failure> {
        let mut response = self.attempt(request, number).await?;
        let headers = mem::take(response.headers_mut());
        let request_id = headers.get("x-fal-request-id").and_then(|id| id.to_str().ok());
        let (limit, patience) = (self.max_reply_bytes, self.body_patience(request));
        let body = read_at_most(&mut response, limit, patience, request_id).await?;
        self.show(request, response.status(), &headers, Some(&body));
        if let Some(encoding) = foreign_encoding(&headers) {
            return Err(Failure::Final(compressed(encoding, response.status(), body, request_id)));
        }
        Ok(Response { status: response.status(), headers, body, secrets: self.secrets() })
    }

    /// Returns the patience with the body of the response to `request`.
    fn body_patience(&self, request: &Request) -> BodyPatience {
        let idle = self.idle_timeout(request);
        let answer = request.answer_timeout.unwrap_or(ANSWER_TIMEOUT);
        BodyPatience { idle, dripping: idle.map(|idle| idle.max(answer)) }
    }

    /// Reads the body of a response that was opened.
    pub(crate) async fn read_body(&self, mut response: reqwest::Response) -> crate::Result<Bytes> {
        let dripping = self.idle_timeout.map(|idle| idle.max(ANSWER_TIMEOUT));
        let patience = BodyPatience { idle: self.idle_timeout, dripping };
        let body = read_at_most(&mut response, self.max_reply_bytes, patience, None).await;
        body.map_err(|failure| failure.into_error().hide(&self.secrets()))
    }
}

/// Returns true if the response is a success, and records it in the current span.
fn is_success(request: &Request, response: &reqwest::Response) -> bool {
    let status = response.status();
    let span = tracing::Span::current();
    span.record("http.response.status_code", status.as_u16());
    span.record("request_id", response.headers().get("x-fal-request-id").and_then(|id| id.to_str().ok()));
    let is_success =
        status.is_success() || (request.upgrade && status == http::StatusCode::SWITCHING_PROTOCOLS);
    tracing::debug!("{}", if is_success { "answered" } else { "refused" });
    is_success
}

fn compressed(encoding: &str, status: http::StatusCode, body: Bytes, request_id: Option<&str>) -> Error {
    let message = format!("the answer is compressed with `{encoding}`, which was not asked for");
    let error = Error::new(ErrorKind::Decode { path: ".".to_owned() }, message);
    error.with_response(status, body).with_request_id(request_id)
}

/// Reads the body of an error response, or its first `limit` bytes.
async fn read_refusal(mut response: reqwest::Response, limit: u64, patience: BodyPatience) -> Failure {
    let (body, broken) = read_up_to(&mut response, limit, patience).await;
    let failure = if broken.is_none() { Failure::Refused } else { Failure::HalfRefused };
    failure(response.status(), mem::take(response.headers_mut()), body)
}

/// Reads the whole body, and fails with `TooLarge` if it has more than `limit` bytes.
async fn read_at_most(
    response: &mut reqwest::Response,
    limit: u64,
    patience: BodyPatience,
    request_id: Option<&str>,
) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the answer is larger than {limit} bytes");
        Failure::Final(Error::new(ErrorKind::TooLarge { limit }, message).with_request_id(request_id))
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // One byte more tells a response of exactly the limit from a larger one.
    let (body, broken) = read_up_to(response, limit.saturating_add(1), patience).await;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if u64::try_from(body.len()).is_ok_and(|length| length > limit) { Err(too_large()) } else { Ok(body) }
}

/// Reads the body up to `limit` bytes. Returns what has arrived, and the failure if the body broke off or fell silent.
async fn read_up_to(
    response: &mut reqwest::Response,
    limit: u64,
    patience: BodyPatience,
) -> (Bytes, Option<Failure>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let whole = response.content_length();
    // Not the announced length, which a server need not keep.
    let reserved = whole.unwrap_or_default().min(MAX_RESERVED).try_into().unwrap_or_default();
    let (mut body, mut reader) = (BytesMut::new(), BodyReader::new(response, patience));
    loop {
        let chunk = match reader.next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return (body.freeze(), None),
            Err(cause) => return (body.freeze(), Some(cause)),
        };
        let room = limit - body.len();
        if chunk.len() <= room && u64::try_from(chunk.len()).ok() == whole {
            return (chunk, None); // Most responses arrive in one chunk, which needs no copy.
        }
        if body.is_empty() {
            body.reserve(reserved);
        }
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= limit {
            return (body.freeze(), None);
        }
    }
}
