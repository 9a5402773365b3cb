//! Requests and answers over HTTP, with retries, limits and the key.

mod attempt;
mod tls;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

pub(crate) use self::tls::default_http;
use crate::{
    Error, ErrorKind, Hosts, Result, Retry,
    retry::{Outcome, Repeat},
};

/// What sends requests. One a client.
pub(crate) struct Transport {
    http: reqwest::Client,
    hosts: Hosts,
    authorization: Option<HeaderValue>,
    user_agent: HeaderValue,
    limits: Limits,
}

/// What a client takes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one answer.
    pub(crate) reply: u64,
}

/// A request that can be sent several times.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    /// Whether the key goes along.
    with_key: bool,
    pub(crate) repeat: Repeat,
    pub(crate) retry: Retry,
    /// How long one attempt may take.
    pub(crate) timeout: Option<Duration>,
}

/// The body of a request.
pub(crate) enum Content {
    None,
    Json(Bytes),
    /// The content of an upload.
    Bytes(Bytes),
    /// The content of an upload, read while it is sent.
    File {
        path: PathBuf,
        length: u64,
    },
}

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A request to one of fal's services, with the key.
    pub(crate) fn to_fal(method: Method, url: Url, repeat: Repeat) -> Self {
        Self { with_key: true, ..Self::to_anyone(method, url, repeat) }
    }

    /// A request to wherever a URL points, without the key.
    pub(crate) fn to_anyone(method: Method, url: Url, repeat: Repeat) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            content: Content::None,
            with_key: false,
            repeat,
            retry: Retry::default(),
            timeout: None,
        }
    }
}

/// How an attempt failed.
enum Failure {
    /// Nothing was sent.
    Unconnected(reqwest::Error),
    /// Something was sent.
    Broken(reqwest::Error),
    /// An answer that is not a success.
    Refused(StatusCode, HeaderMap, Bytes),
    /// Nothing that another attempt would change.
    Final(Error),
}

impl Transport {
    pub(crate) fn new(
        http: reqwest::Client,
        hosts: Hosts,
        authorization: Option<HeaderValue>,
        user_agent: HeaderValue,
        limits: Limits,
    ) -> Self {
        Self { http, hosts, authorization, user_agent, limits }
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(crate) fn has_key(&self) -> bool {
        self.authorization.is_some()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer> {
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(request, attempt).await {
                Ok(response) => match self.read(response).await {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            self.pause_or_fail(request, &mut attempt, failure).await?;
        }
    }

    /// Sends a request and leaves the body of the answer to be read.
    pub(crate) async fn open(&self, request: &Request) -> Result<reqwest::Response> {
        let mut attempt = 1;
        loop {
            match self.attempt(request, attempt).await {
                Ok(response) => return Ok(response),
                Err(failure) => self.pause_or_fail(request, &mut attempt, failure).await?,
            }
        }
    }

    /// Sleeps before the next attempt, or gives up.
    async fn pause_or_fail(&self, request: &Request, attempt: &mut u32, failure: Failure) -> Result<()> {
        let outcome = match &failure {
            Failure::Unconnected(_) => Outcome::Unconnected,
            Failure::Broken(_) => Outcome::Broken,
            Failure::Refused(status, headers, _) => Outcome::Status(*status, headers),
            Failure::Final(_) => return Err(failure.into_error()),
        };
        let Some(pause) = request.retry.pause(*attempt, request.repeat, &outcome) else {
            return Err(failure.into_error());
        };
        tracing::debug!(attempt, ?pause, %outcome, "sending again");
        tokio::time::sleep(pause).await;
        *attempt += 1;
        Ok(())
    }
}

impl Error {
    /// An answer that broke off while it was read.
    pub(crate) fn broken(cause: reqwest::Error) -> Self {
        Failure::of(cause).into_error()
    }
}

impl Failure {
    /// A failure of the HTTP client. Its URL is left out: uploads are signed in theirs.
    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            let message = format!("the request cannot be sent: {error}");
            Self::Final(Error::new(ErrorKind::Transport, message).caused_by(error))
        } else if error.is_connect() {
            Self::Unconnected(error)
        } else {
            Self::Broken(error)
        }
    }

    fn into_error(self) -> Error {
        let (what, cause) = match self {
            Self::Refused(status, headers, body) => return Error::from_answer(status, &headers, body),
            Self::Final(error) => return error,
            Self::Unconnected(cause) => ("no connection", cause),
            Self::Broken(cause) if cause.is_timeout() => {
                let message = "the service did not answer in time";
                return Error::new(ErrorKind::Timeout, message).caused_by(cause);
            }
            Self::Broken(cause) => ("the connection broke", cause),
        };
        Error::new(ErrorKind::Transport, format!("{what}: {}", root(&cause))).caused_by(cause)
    }
}

/// The innermost cause, which is the one that says something: "connection refused".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    #[tokio::test]
    async fn the_key_is_kept_from_other_hosts() {
        let client = Client::builder().key("test:key").build().unwrap();
        let url = Url::parse("http://127.0.0.1:9/queue/acme/app").unwrap();
        let request = Request::to_fal(Method::GET, url, Repeat::Freely);
        let error = client.0.transport.send(&request).await.unwrap_err();
        assert!(error.is_config(), "{error:?}");
    }
}
