//! One request with its reply, as it is kept in a file.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::hosts;

/// The longest reason in a close frame, in bytes.
pub(super) const MAX_CLOSE_REASON: usize = 123;

/// A request with its reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) request: RecordedRequest,
    pub(super) response: RecordedReply,
    /// The messages of a WebSocket, in the order in which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<Vec<RecordedMessage>>,
    /// The time from the request to the end of the reply.
    pub(super) seconds: f64,
}

/// A request. It has no headers but the range that it asks for, because they hold keys and decide nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) host: String,
    /// The path, still percent-encoded.
    pub(super) path: String,
    pub(super) query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range: Option<String>,
    pub(super) body: RecordedBody,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedReply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: RecordedBody,
}

/// The content of a request or reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RecordedBody {
    /// The text itself.
    Text(String),
    /// A file in the folder of bodies.
    File { sha256: String, length: u64 },
}

/// A message of a WebSocket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedMessage {
    pub(super) from: Side,
    pub(super) content: MessageContent,
}

/// A side of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Client,
    Service,
}

/// The content of a message of a WebSocket, or the end of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum MessageContent {
    Text(String),
    /// A file in the folder of bodies.
    Binary {
        sha256: String,
        length: u64,
    },
    Close {
        code: Option<u16>,
        reason: String,
    },
    /// The side was gone without a close.
    Lost,
}

impl Exchange {
    /// Checks what the types do not: a recording may come from anywhere.
    ///
    /// # Errors
    ///
    /// Returns the problem.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { request, response, messages, .. } = self;
        Method::from_bytes(request.method.as_bytes())
            .map_err(|_| format!("{:?} is not an HTTP method", request.method))?;
        if hosts::service_prefix(&request.host).is_none() {
            return Err(format!("{:?} is not the name of a service of fal", request.host));
        }
        if !request.path.starts_with('/') || request.path.contains(['?', '#', ' ']) {
            return Err(format!("{:?} is not the path of a request", request.path));
        }
        let is_web_socket = response.status == StatusCode::SWITCHING_PROTOCOLS.as_u16();
        StatusCode::from_u16(response.status)
            .ok()
            .filter(|status| !status.is_informational() || is_web_socket && messages.is_some())
            .ok_or_else(|| format!("{} is not the HTTP status of an answer", response.status))?;
        if messages.is_some() && !is_web_socket {
            return Err(format!("messages do not follow the HTTP status {}", response.status));
        }
        messages.iter().flatten().try_for_each(|message| message.content.check())?;
        for (name, value) in &response.headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("{name:?} is not the name of a header, or its value cannot be sent"));
            }
        }
        [&request.body, &response.body].into_iter().try_for_each(RecordedBody::check)
    }
}

impl MessageContent {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Binary { sha256, .. } if !is_sha256(sha256) => {
                Err(format!("{sha256:?} is not the name of a file of bodies"))
            }
            Self::Close { code: Some(code), .. } if !CloseCode::from(*code).is_allowed() => {
                Err(format!("{code} is not the code of a close"))
            }
            Self::Close { reason, .. } if reason.len() > MAX_CLOSE_REASON => {
                Err(format!("the reason of a close has more than {MAX_CLOSE_REASON} bytes"))
            }
            _ => Ok(()),
        }
    }
}

impl RecordedBody {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::File { sha256, .. } if !is_sha256(sha256) => {
                Err(format!("{sha256:?} is not the name of a file of bodies"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns true for 64 hexadecimal digits, which lead nowhere else as the name of a file.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
