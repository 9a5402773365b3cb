//! WebSockets, opened by the same HTTP client as all requests, so that its certificates and proxies apply.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use http::{HeaderValue, Method, StatusCode, header};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::CapacityError,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use url::Url;

use crate::{
    Error, ErrorKind, Result,
    retry::RetryClass,
    sync::lock,
    transport::{Request, Transport},
};

/// The time in which the service answers the request that opens a WebSocket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The number of pings whose pongs may wait to be sent. Nothing more is read before they are, so that a service that
/// sends pings and reads nothing cannot fill the memory.
const MAX_WAITING_PONGS: u32 = 64;

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
    /// The number of pings received since everything was written.
    waiting_pongs: u32,
}

/// A frame of a WebSocket.
pub(crate) enum Frame {
    Text(Bytes),
    Binary(Bytes),
    /// A ping or a pong.
    KeepAlive,
    /// The other side closes the connection.
    Close(Option<CloseFrame>),
}

/// Builds the request that opens a WebSocket.
pub(crate) fn upgrade_request(url: Url, with_key: bool) -> Request {
    let mut request = match with_key {
        true => Request::to_fal(Method::GET, url, RetryClass::Idempotent),
        false => Request::to_anyone(Method::GET, url, RetryClass::Idempotent),
    };
    request.upgrade = true;
    request.answer_timeout = Some(HANDSHAKE_TIMEOUT);
    request
}

impl Socket {
    /// Opens a WebSocket that receives messages of up to `limit` bytes.
    pub(crate) async fn open(transport: &Transport, mut request: Request, limit: usize) -> Result<Self> {
        let key = generate_key();
        let headers = &mut request.headers;
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let sent = HeaderValue::try_from(&key).map_err(|cause| connection_error(&cause.to_string()))?;
        headers.insert(header::SEC_WEBSOCKET_KEY, sent);
        let response = transport.open(&request).await?;
        let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if response.status() != StatusCode::SWITCHING_PROTOCOLS
            || accepted != Some(derive_accept_key(key.as_bytes()).as_bytes())
        {
            let status = response.status();
            let body = transport.read_body(response).await.unwrap_or_default();
            let message = "the service does not speak WebSocket here";
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            return Err(Error::new(kind, message).with_response(status, body));
        }
        let stream = response.upgrade().await.map_err(Error::from_broken_body)?;
        let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Ok(Self { stream, waiting_pongs: 0 })
    }

    /// Polls for the next frame; `None` after the end of the connection.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame>>> {
        if self.waiting_pongs >= MAX_WAITING_PONGS {
            ready!(self.poll_flush(context))?;
        }
        let next = ready!(Pin::new(&mut self.stream).poll_next(context));
        if let Some(Ok(Message::Ping(_))) = next {
            self.waiting_pongs += 1;
        }
        Poll::Ready(next.map(|next| match next {
            Ok(Message::Text(text)) => Ok(Frame::Text(text.into())),
            Ok(Message::Binary(bytes)) => Ok(Frame::Binary(bytes)),
            Ok(Message::Close(frame)) => Ok(Frame::Close(frame)),
            Ok(_) => Ok(Frame::KeepAlive),
            Err(error) => Err(convert_error(error)),
        }))
    }

    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_ready(context).map_err(convert_error)
    }

    /// Writes a message to the buffer, after `poll_ready`.
    pub(crate) fn start_send(&mut self, message: Message) -> Result<()> {
        Pin::new(&mut self.stream).start_send(message).map_err(convert_error)
    }

    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.waiting_pongs = 0;
        Poll::Ready(flushed.map_err(convert_error))
    }
}

/// Sends a close frame, if the socket can take it immediately.
impl Drop for Socket {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if self.poll_ready(&mut context).is_ready() && self.start_send(close_frame()).is_ok() {
            let _ = self.poll_flush(&mut context);
        }
    }
}

/// Returns the time in which a message of `length` bytes is written: the idle timeout for each piece of it.
pub(crate) fn write_limit(idle_timeout: Option<Duration>, length: usize) -> Option<Duration> {
    const PIECE: usize = 64 << 10;
    let pieces = u32::try_from(length / PIECE + 1).unwrap_or(u32::MAX);
    idle_timeout.map(|limit| limit.saturating_mul(pieces))
}

/// Returns the frame that closes a connection in order.
pub(crate) fn close_frame() -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))
}

fn connection_error(what: &str) -> Error {
    Error::new(ErrorKind::Transport, format!("the connection broke: {what}"))
}

fn convert_error(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { max_size, size }) => {
            let message = format!("a message of {size} bytes is larger than the {max_size} that are taken");
            Error::new(ErrorKind::TooLarge { limit: u64::try_from(max_size).unwrap_or(u64::MAX) }, message)
        }
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            connection_error("it is closed")
        }
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            connection_error("the other side is gone without a close frame")
        }
        error => {
            let message = error.to_string();
            connection_error(&message).with_source(error)
        }
    }
}

/// Idle sockets, by the key for their reuse.
#[derive(Default)]
pub(crate) struct SocketPool(Mutex<HashMap<String, Socket>>);

impl SocketPool {
    pub(crate) fn put(&self, key: String, socket: Socket) {
        lock(&self.0).insert(key, socket);
    }

    /// Takes a socket that is still open.
    pub(crate) fn take(&self, key: &str) -> Option<Socket> {
        let mut socket = lock(&self.0).remove(key)?;
        // All messages were received before, so a frame other than a ping can only be the end.
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match socket.poll_next(&mut context) {
                Poll::Pending => return Some(socket),
                Poll::Ready(Some(Ok(Frame::KeepAlive))) => {}
                Poll::Ready(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshake_is_answered_within_half_a_minute() {
        let url = Url::parse("http://127.0.0.1:9/realtime").unwrap();
        for with_key in [true, false] {
            let request = upgrade_request(url.clone(), with_key);
            assert!(request.answer_timeout.is_some_and(|limit| limit <= Duration::from_secs(30)));
        }
    }
}
