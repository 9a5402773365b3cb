//! The messages of a WebSocket, which are stored while they pass through.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join, select};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::body_sink::BodySink;
use super::exchange::{MessageContent, RecordedMessage, Side};
use super::secrets::Secrets;
use crate::sync::lock;

/// The time for a connection to end after one of its sides has ended it.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest number of messages of a connection that are recorded.
const MAX_MESSAGES: usize = 100_000;
/// The largest size of all texts of a connection that are recorded, in bytes. An exchange with them has to be read again.
const MAX_TEXTS: usize = 32 << 20;

/// The recorded messages of a connection.
pub(super) struct MessageTape {
    bodies: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    messages: Vec<RecordedMessage>,
    /// The size of all texts, in bytes.
    texts: usize,
    /// The reason why the connection is not recorded.
    problem: Option<String>,
}

impl MessageTape {
    /// Creates an empty tape. Binary messages become files in the folder of bodies.
    pub(super) fn new(bodies: &Path) -> Self {
        Self { bodies: bodies.to_owned(), state: Mutex::default() }
    }

    /// Takes all messages.
    ///
    /// # Errors
    ///
    /// Returns the reason why the connection is not recorded.
    pub(super) fn finish(&self) -> Result<Vec<RecordedMessage>, String> {
        let State { messages, problem, .. } = std::mem::take(&mut *lock(&self.state));
        problem.map_or(Ok(messages), Err)
    }

    /// Adds a message without its secrets.
    pub(super) fn add(&self, from: Side, message: &Message, secrets: &Secrets) {
        if lock(&self.state).problem.is_some() {
            return;
        }
        match message {
            Message::Text(text) => self.push(from, MessageContent::Text(secrets.redact(text))),
            Message::Binary(bytes) => match self.store(bytes, secrets) {
                Ok(content) => self.push(from, content),
                Err(error) => self.give_up(error.to_string()),
            },
            Message::Close(frame) => {
                let code = frame.as_ref().map(|frame| frame.code.into());
                let reason = secrets.redact(frame.as_ref().map_or("", |frame| frame.reason.as_str()));
                self.push(from, MessageContent::Close { code, reason });
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }

    fn store(&self, bytes: &Bytes, secrets: &Secrets) -> std::io::Result<MessageContent> {
        let mut sink = BodySink::new(&self.bodies);
        sink.write(bytes, secrets)?;
        let (sha256, length) = sink.finish_file(secrets)?;
        Ok(MessageContent::Binary { sha256, length })
    }

    fn push(&self, from: Side, content: MessageContent) {
        let mut state = lock(&self.state);
        if let MessageContent::Text(text) = &content {
            state.texts += text.len();
        }
        state.messages.push(RecordedMessage { from, content });
        if state.messages.len() > MAX_MESSAGES || state.texts > MAX_TEXTS {
            drop(state);
            self.give_up(format!(
                "it has more than {MAX_MESSAGES} messages, or {} MiB of text",
                MAX_TEXTS >> 20
            ));
        }
    }

    fn give_up(&self, problem: String) {
        *lock(&self.state) = State { problem: Some(problem), ..State::default() };
    }
}

/// Passes on the messages of both sides until one of them ends the connection, and adds them to a tape.
pub(super) async fn relay<C, S>(
    client: WebSocketStream<C>,
    service: WebSocketStream<S>,
    tape: &MessageTape,
    secrets: &Secrets,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (to_client, from_client) = client.split();
    let (to_service, from_service) = service.split();
    let add = |from: Side| move |message: &Message| tape.add(from, message, secrets);
    let lost = |from: Side| move || tape.push(from, MessageContent::Lost);
    let forth = std::pin::pin!(pass(from_client, to_service, add(Side::Client), lost(Side::Client)));
    let back = std::pin::pin!(pass(from_service, to_client, add(Side::Service), lost(Side::Service)));
    // Each side answers the close of the other while it is read to its end.
    let ends = match select(forth, back).await {
        Either::Left((client, back)) => {
            timeout(CLOSE_TIMEOUT, join(drain(client), async { drain(back.await).await })).await
        }
        Either::Right((service, forth)) => {
            timeout(CLOSE_TIMEOUT, join(drain(service), async { drain(forth.await).await })).await
        }
    };
    drop(ends);
}

/// Passes on the messages of one side, and in the end its close. Returns the rest of the side.
async fn pass<F, T>(
    mut from: SplitStream<WebSocketStream<F>>,
    mut to: SplitSink<WebSocketStream<T>, Message>,
    add: impl Fn(&Message),
    lost: impl Fn(),
) -> SplitStream<WebSocketStream<F>>
where
    F: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = from.next().await {
        // Each connection has pings of its own, which the library answers.
        if message.is_ping() || message.is_pong() {
            continue;
        }
        add(&message);
        let is_end = message.is_close();
        if to.send(message).await.is_err() || is_end {
            return from;
        }
    }
    lost();
    to.close().await.ok();
    from
}

async fn drain<S: AsyncRead + AsyncWrite + Unpin>(mut rest: SplitStream<WebSocketStream<S>>) {
    while let Some(Ok(_)) = rest.next().await {}
}
