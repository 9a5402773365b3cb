//! One attempt at a request.

use std::mem;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use tracing::{Instrument, field::Empty};
use url::Url;

use super::{Content, Failure, Request, Response, Transport};
use crate::{Error, ErrorKind, credentials::Authorization};

/// An explanation is not longer than this; what comes after is not read.
const EXPLANATION: u64 = 1 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// No more than this is set aside for an answer before it has arrived.
const PREPARED: u64 = 16 << 20;

impl Transport {
    /// Sends once, and once more to the second domain when there is no connection to the first. An answer
    /// that is not a success is a failure.
    // What happens seldom is in boxes: every call holds this future, and without them it is twice as large.
    pub(super) async fn attempt(&self, request: &Request, number: u32) -> Result<reqwest::Response, Failure> {
        let span = tracing::debug_span!(
            "fal.attempt", method = %request.method, attempt = number, status = Empty, request_id = Empty
        );
        let exchange = async {
            let key = self.key_asked_for(request).await?;
            let sending = self.execute(request, &request.url, key)?;
            let response = match sending.await {
                Ok(response) => response,
                Err(first) => Box::pin(self.second(request, first)).await?,
            };
            if accepts(request, &response) { Ok(response) } else { Err(Box::pin(refused(response)).await) }
        };
        exchange.instrument(span).await
    }

    /// What the second domain answers, when that is where to go on.
    async fn second(&self, request: &Request, first: reqwest::Error) -> Result<reqwest::Response, Failure> {
        let has_second = first.is_connect() && request.to_fal && !request.upgrade && self.proxy.is_none();
        let Some(backup) = has_second.then(|| self.backups.of_url(&request.url)).flatten() else {
            return Err(Failure::of(first));
        };
        tracing::debug!(host = backup.host_str(), "no connection: asking the second domain");
        let key = self.key_asked_for(request).await?;
        match self.execute(request, &backup, key)?.await {
            Ok(response) => Ok(response),
            // The first domain is the one that people look for.
            Err(second) => Err(Failure::of(if second.is_connect() { first } else { second })),
        }
    }

    /// The key, where it has to be asked for before every request.
    async fn key_asked_for(&self, request: &Request) -> crate::Result<Option<HeaderValue>> {
        match &self.authorization {
            Authorization::Asked(_) if request.to_fal => self.authorization.header().await,
            _ => Ok(None),
        }
    }

    fn execute(
        &self,
        request: &Request,
        url: &Url,
        key: Option<HeaderValue>,
    ) -> crate::Result<impl Future<Output = reqwest::Result<reqwest::Response>> + use<>> {
        let prepared = self.prepared(request, url, key)?;
        #[cfg(feature = "realtime")]
        if request.upgrade {
            return Ok(self.upgrades.http(&self.http, &request.url)?.execute(prepared));
        }
        Ok(self.http.execute(prepared))
    }

    fn prepared(
        &self,
        request: &Request,
        url: &Url,
        key: Option<HeaderValue>,
    ) -> crate::Result<reqwest::Request> {
        let target = match (&self.proxy, request.to_fal) {
            (Some(proxy), true) if !request.upgrade => proxy,
            _ => url,
        };
        let mut prepared = reqwest::Request::new(request.method.clone(), target.clone());
        let headers = prepared.headers_mut();
        // With room for what the HTTP client adds: a clone has none and would be moved at once.
        *headers = HeaderMap::with_capacity(self.headers.len() + request.headers.len() + 4);
        if request.to_fal {
            // Every URL of such a request is made from a configured host. This holds even if that is
            // forgotten once.
            if !self.hosts.contains(&request.url) {
                let message = "the key is for fal's services only, not for this URL";
                return Err(Error::new(ErrorKind::Config, message));
            }
            headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
            if let Some(key) = key {
                headers.insert(header::AUTHORIZATION, key);
            }
            if self.proxy.is_some() {
                let target = HeaderValue::try_from(url.as_str()).map_err(|cause| {
                    let message = "the URL cannot be sent to the proxy";
                    Error::new(ErrorKind::Config, message).with_source(cause)
                })?;
                headers.insert("x-fal-target-url", target);
            }
        } else if let Some(agent) = self.headers.get(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, agent.clone());
        }
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        match &request.content {
            // The official clients say so too; a proxy may refuse a PUT of unknown length.
            Content::None if request.method == http::Method::PUT => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Content::None => {}
            Content::Json(body) => {
                headers.insert(header::CONTENT_TYPE, JSON);
                *prepared.body_mut() = Some(body.clone().into());
            }
            Content::Bytes(body) => *prepared.body_mut() = Some(body.clone().into()),
            Content::Body { length, make } => {
                // Signed upload URLs refuse a body of unknown length.
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(*length));
                *prepared.body_mut() = Some(make());
            }
        }
        *prepared.timeout_mut() = request.timeout;
        Ok(prepared)
    }

    /// As [`attempt`](Self::attempt), with the whole answer, unless it is larger than the client takes.
    pub(super) async fn whole(&self, request: &Request, number: u32) -> Result<Response, Failure> {
        let mut response = self.attempt(request, number).await?;
        let headers = mem::take(response.headers_mut());
        let request_id = headers.get("x-fal-request-id").and_then(|id| id.to_str().ok());
        let body = read_at_most(&mut response, self.limits.reply, request_id).await?;
        Ok(Response { status: response.status(), headers, body })
    }

    /// Reads the rest of an answer that was opened.
    pub(crate) async fn read_body(&self, mut response: reqwest::Response) -> crate::Result<Bytes> {
        read_at_most(&mut response, self.limits.reply, None).await.map_err(Failure::into_error)
    }
}

/// Whether the answer is what was asked for.
fn accepts(request: &Request, response: &reqwest::Response) -> bool {
    let status = response.status();
    let span = tracing::Span::current();
    span.record("status", status.as_u16());
    span.record("request_id", response.headers().get("x-fal-request-id").and_then(|id| id.to_str().ok()));
    let accepts = status.is_success() || (request.upgrade && status == http::StatusCode::SWITCHING_PROTOCOLS);
    tracing::debug!("{}", if accepts { "answered" } else { "refused" });
    accepts
}

async fn refused(mut response: reqwest::Response) -> Failure {
    let (body, broken) = read_up_to(&mut response, EXPLANATION).await;
    let refused = if broken.is_none() { Failure::Refused } else { Failure::HalfRefused };
    refused(response.status(), mem::take(response.headers_mut()), body)
}

async fn read_at_most(
    response: &mut reqwest::Response,
    limit: u64,
    request_id: Option<&str>,
) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the answer is larger than {limit} bytes");
        Failure::Final(Error::new(ErrorKind::TooLarge { limit }, message).with_request_id(request_id))
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // One byte more tells an answer of exactly the limit from a larger one.
    let (body, broken) = read_up_to(response, limit.saturating_add(1)).await;
    if let Some(cause) = broken {
        return Err(Failure::of(cause));
    }
    if u64::try_from(body.len()).is_ok_and(|length| length > limit) { Err(too_large()) } else { Ok(body) }
}

/// What has arrived, up to `limit` bytes, and why there is no more if it broke off.
async fn read_up_to(response: &mut reqwest::Response, limit: u64) -> (Bytes, Option<reqwest::Error>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let whole = response.content_length();
    // What is announced is not yet sent.
    let prepared = whole.unwrap_or_default().min(PREPARED).try_into().unwrap_or_default();
    let mut body = BytesMut::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return (body.freeze(), None),
            Err(cause) => return (body.freeze(), Some(cause)),
        };
        let room = limit - body.len();
        if chunk.len() <= room && u64::try_from(chunk.len()).ok() == whole {
            return (chunk, None); // All of it at once, as most answers are: nothing to copy.
        }
        if body.is_empty() {
            body.reserve(prepared);
        }
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= limit {
            return (body.freeze(), None);
        }
    }
}
