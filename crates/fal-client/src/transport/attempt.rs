//! One attempt at a request.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};

use super::{Answer, Content, Failure, Request, Transport};
use crate::{Error, ErrorKind};

/// An explanation is not longer than this; what comes after is not read.
const EXPLANATION: u64 = 1 << 20;

impl Transport {
    /// Sends once. An answer that is not a success is a failure.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        attempt: u32,
    ) -> Result<reqwest::Response, Failure> {
        let response = self.prepared(request).await?.send().await.map_err(Failure::of)?;
        let status = response.status();
        let request_id = response.headers().get("x-fal-request-id").and_then(|id| id.to_str().ok());
        tracing::debug!(method = %request.method, attempt, status = status.as_u16(), request_id, "answered");
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        // Half an explanation is better than losing the status because the other half did not arrive.
        let body = read_up_to(response, EXPLANATION).await.unwrap_or_default();
        Err(Failure::Refused(status, headers, body))
    }

    async fn prepared(&self, request: &Request) -> Result<reqwest::RequestBuilder, Failure> {
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .header(header::USER_AGENT, self.user_agent.clone());
        if request.with_key
            && let Some(key) = &self.authorization
        {
            // Every URL of such a request is made from a configured host. This holds even if that is
            // forgotten once.
            if !self.hosts.own(&request.url) {
                let message = "the key is for fal's services only, not for this URL";
                return Err(Failure::Final(Error::new(ErrorKind::Config, message)));
            }
            builder = builder.header(header::AUTHORIZATION, key.clone());
        }
        if let Some(timeout) = request.timeout {
            builder = builder.timeout(timeout);
        }
        Ok(match &request.content {
            // The official clients say so too; a proxy may refuse a PUT of unknown length.
            Content::None if request.method == http::Method::PUT => builder.header(header::CONTENT_LENGTH, 0),
            Content::None => builder,
            Content::Json(body) => builder
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone()),
            Content::Bytes(body) => builder.body(body.clone()),
            Content::File { path, length } => {
                let file = tokio::fs::File::open(path).await.map_err(|cause| {
                    let message = format!("cannot read {}: {cause}", path.display());
                    Failure::Final(Error::new(ErrorKind::File, message).caused_by(cause))
                })?;
                // Signed upload URLs refuse a body of unknown length.
                builder.header(header::CONTENT_LENGTH, *length).body(file)
            }
        })
    }

    /// Reads the whole answer, unless it is larger than the client takes.
    pub(super) async fn read(&self, response: reqwest::Response) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_at_most(response, self.limits.reply).await?;
        Ok(Answer { status, headers, body })
    }

    /// Reads the rest of an answer that was opened.
    pub(crate) async fn read_body(&self, response: reqwest::Response) -> crate::Result<Bytes> {
        read_at_most(response, self.limits.reply).await.map_err(Failure::into_error)
    }
}

async fn read_at_most(response: reqwest::Response, limit: u64) -> Result<Bytes, Failure> {
    let request_id =
        response.headers().get("x-fal-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let too_large = || {
        let message = format!("the answer is larger than {limit} bytes");
        Failure::Final(Error::new(ErrorKind::TooLarge { limit }, message).request(request_id.as_deref()))
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // One byte more tells an answer of exactly the limit from a larger one.
    let body = read_up_to(response, limit.saturating_add(1)).await?;
    if u64::try_from(body.len()).is_ok_and(|length| length > limit) { Err(too_large()) } else { Ok(body) }
}

async fn read_up_to(mut response: reqwest::Response, limit: u64) -> Result<Bytes, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let whole = response.content_length();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::of)? {
        let room = limit - body.len();
        if chunk.len() <= room && u64::try_from(chunk.len()).ok() == whole {
            return Ok(chunk); // All of it at once, as most answers are: nothing to copy.
        }
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= limit {
            break;
        }
    }
    Ok(body.freeze())
}
