//! The WebSockets of a session: passed on and recorded, or replayed.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::{Mode, Recorder, RecordingSession, UnderWay, add_headers, causes, stored_headers};
use crate::recording::body_sink::BodySink;
use crate::recording::connections::FirstMessage;
use crate::recording::exchange::{Exchange, MessageContent, RecordedBody, RecordedReply, Side};
use crate::recording::live_service::Opened;
use crate::recording::message_player::{MessagePlayer, describe_difference};
use crate::recording::message_tape::{CLOSE_TIMEOUT, MessageTape, relay};
use crate::recording::request_key::{KeyBody, RequestKey, Target};
use crate::recording::urls;
use crate::reply::Reply;

/// The largest message, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;

type ClientSocket = WebSocketStream<TokioIo<Upgraded>>;

/// A request that opens a WebSocket.
pub(super) struct Opening {
    session: Arc<RecordingSession>,
    parts: Parts,
    target: Target,
    key: RequestKey,
    scope: Option<String>,
    scheme: String,
    /// The headers that accept the connection.
    handshake: HeaderMap,
    started: Instant,
}

/// The end of a replay.
enum Played {
    Over,
    /// A message that was not recorded, with the reason in words. The message itself is there if no connection was chosen
    /// before it.
    Unrecorded {
        first: Option<Message>,
        why: String,
    },
}

impl Opening {
    /// Checks the headers of the request.
    ///
    /// # Errors
    ///
    /// Returns the refusal.
    pub(super) fn new(
        session: &Arc<RecordingSession>,
        parts: Parts,
        target: Target,
        scope: Option<&str>,
        scheme: &str,
    ) -> Result<Self, Reply> {
        let handshake = create_response(&Request::from_parts(parts.clone(), ())).map_err(|error| {
            let text = format!("The request opens no WebSocket: {error}");
            Reply::detail(StatusCode::BAD_REQUEST, text)
        })?;
        let handshake = handshake.headers().clone();
        let key = RequestKey::new(&parts.method, &target, &parts.headers, KeyBody::of_text("", &target.path));
        let session = Arc::clone(session);
        let (scope, scheme) = (scope.map(str::to_owned), scheme.to_owned());
        Ok(Self { session, parts, target, key, scope, scheme, handshake, started: Instant::now() })
    }

    /// Returns true if connections of such a request are recorded.
    pub(super) fn is_recorded(&self) -> bool {
        !self.session.connections.of_request(&self.key).is_empty()
    }

    /// Replays a connection.
    pub(super) fn replay(self) -> Response {
        let recorded = self.session.connections.of_request(&self.key).first();
        let headers = recorded.map(|recorded| recorded.exchange.response.headers.clone());
        let (response, client) = self.accept(&headers.unwrap_or_default());
        tokio::spawn(async move {
            let Some(mut client) = client.await else { return };
            if let Played::Unrecorded { why, .. } = self.play(&mut client, true).await {
                self.refuse(&mut client, &why).await;
            }
        });
        response
    }

    /// Passes a connection on to the service and records it. What is recorded is replayed, and not asked for again.
    pub(super) async fn record(self) -> Response {
        if self.session.connections.has_unused(&self.key, self.scope.as_deref()) {
            let (response, client) = self.accept(&[]);
            tokio::spawn(async move {
                let Some(mut client) = client.await else { return };
                match self.play(&mut client, false).await {
                    Played::Over => {}
                    Played::Unrecorded { first: Some(first), .. } => self.record_from(client, first).await,
                    Played::Unrecorded { first: None, why } => self.refuse(&mut client, &why).await,
                }
            });
            return response;
        }
        match self.open().await {
            Ok(Opened::Socket(headers, upgraded)) => {
                let under_way = UnderWay::new(&self.session);
                let headers = stored_headers(&headers, &self.session.secrets);
                let (response, client) = self.accept(&headers);
                tokio::spawn(async move {
                    if let Some(client) = client.await {
                        self.pass_on(client, service_socket(upgraded).await, headers, None).await;
                    }
                    drop(under_way);
                });
                response
            }
            Ok(Opened::Refused(response)) => self.record_refusal(response).await,
            Err(refusal) => refusal.into_response(),
        }
    }

    /// Records a connection whose first message has come already.
    async fn record_from(&self, mut client: ClientSocket, first: Message) {
        let under_way = UnderWay::new(&self.session);
        let problem = match self.open().await {
            Ok(Opened::Socket(headers, upgraded)) => {
                let headers = stored_headers(&headers, &self.session.secrets);
                self.pass_on(client, service_socket(upgraded).await, headers, Some(first)).await;
                return drop(under_way);
            }
            Ok(Opened::Refused(response)) => format!("the service answered {}", response.status()),
            Err(refusal) => refusal.body["detail"].as_str().unwrap_or_default().to_owned(),
        };
        send_error(&mut client, &problem).await;
    }

    /// Opens the connection to the service.
    async fn open(&self) -> Result<Opened, Reply> {
        let Mode::Record { service, caller_key } = &self.session.mode else {
            return Err(Reply::detail(StatusCode::NOT_FOUND, "fal-emulator: nothing is recorded"));
        };
        service.open_web_socket(&self.target, &self.parts.headers, caller_key).await.map_err(|error| {
            let why = causes(error.without_url());
            let text = format!("fal-emulator: {} cannot be reached: {why}", self.target.host);
            Reply::detail(StatusCode::BAD_GATEWAY, text)
        })
    }

    /// Records the reply of a service that opens no connection, and passes it on.
    async fn record_refusal(self, response: reqwest::Response) -> Response {
        let Mode::Record { service, caller_key } = &self.session.mode else {
            return Reply::detail(StatusCode::NOT_FOUND, "fal-emulator: nothing is recorded").into_response();
        };
        let recorder = Recorder {
            session: &self.session,
            service,
            caller_key,
            scheme: &self.scheme,
            scope: self.scope.as_deref(),
        };
        let body = Arc::new(Mutex::new(BodySink::new(&self.session.folder.bodies())));
        recorder.record_reply(response, &self.parts, self.target.clone(), body, self.started).await
    }

    /// Passes on all messages, and stores them in the end.
    async fn pass_on(
        &self,
        client: ClientSocket,
        mut service: WebSocketStream<reqwest::Upgraded>,
        headers: Vec<(String, String)>,
        first: Option<Message>,
    ) {
        let session = &self.session;
        let mut stopped = session.stop.subscribe();
        let tape = MessageTape::new(&session.folder.bodies());
        if let Some(first) = first {
            tape.add(Side::Client, &first, &session.secrets);
            if service.send(first).await.is_err() {
                return session.warn(&format!("{} broke off at once", self.key.describe_web_socket()));
            }
        }
        tokio::select! {
            () = relay(client, service, &tape, &session.secrets) => {}
            _ = stopped.changed() => {}
        }
        let messages = match tape.finish() {
            Ok(messages) => messages,
            Err(problem) => {
                let what = self.key.describe_web_socket();
                return session.warn(&format!("{what} is not recorded: {problem}"));
            }
        };
        let exchange = Exchange {
            request: session.describe_request(&self.parts, &self.target, RecordedBody::Text(String::new())),
            response: RecordedReply {
                status: StatusCode::SWITCHING_PROTOCOLS.as_u16(),
                headers,
                body: RecordedBody::Text(String::new()),
            },
            messages: Some(messages),
            seconds: self.started.elapsed().as_secs_f64(),
        };
        session.store(self.key.clone(), &exchange);
    }

    /// Plays the recorded connection that the first message of the client begins, until either side ends it.
    async fn play(&self, client: &mut ClientSocket, repeats: bool) -> Played {
        let (connections, scope) = (&self.session.connections, self.scope.as_deref());
        let next = |first: FirstMessage<'_>| connections.next(&self.key, scope, first, repeats);
        let mut player = next(FirstMessage::Service).map(MessagePlayer::new);
        loop {
            while let Some(content) = player.as_mut().and_then(MessagePlayer::next_due) {
                if self.send(client, content).await.is_err() {
                    return Played::Over;
                }
            }
            let Some(Ok(message)) = client.next().await else {
                return Played::Over;
            };
            let key = match &message {
                Message::Text(text) => KeyBody::of_text(&self.session.secrets.redact(text), ""),
                Message::Binary(bytes) => KeyBody::of_binary(bytes),
                _ => continue,
            };
            let why = match &mut player {
                Some(player) => player.receive(&key).err(),
                None => {
                    player = next(FirstMessage::Client(&key)).map(MessagePlayer::new);
                    player
                        .as_mut()
                        .map_or_else(|| Some(self.describe_first(&key)), |player| player.receive(&key).err())
                }
            };
            if let Some(why) = why {
                return Played::Unrecorded { first: player.is_none().then_some(message), why };
            }
        }
    }

    fn describe_first(&self, key: &KeyBody) -> String {
        let recorded = self.session.connections.of_request(&self.key).iter();
        describe_difference(1, key, recorded.filter_map(|own| own.keys.first()?.as_ref()))
    }

    /// Sends a recorded message, or ends the connection as the service did.
    async fn send(&self, client: &mut ClientSocket, content: MessageContent) -> Result<(), ()> {
        let message = match content {
            MessageContent::Text(text) => {
                let local = urls::localize(&text, &self.parts.headers, &self.scheme);
                Message::text(local.unwrap_or(text))
            }
            MessageContent::Binary { sha256, length } => {
                let bytes = self.session.folder.read_body(&sha256, length);
                Message::binary(bytes.map_err(|error| {
                    self.session.warn(&format!("a recorded message cannot be read: {error}"));
                })?)
            }
            MessageContent::Close { code, reason } => {
                let frame = code.map(|code| CloseFrame { code: code.into(), reason: reason.into() });
                close(client, frame).await;
                return Err(());
            }
            MessageContent::Lost => return Err(()),
        };
        client.send(message).await.map_err(drop)
    }

    /// Tells the client, and the user, about a message that was not recorded, and ends the connection.
    async fn refuse(&self, client: &mut ClientSocket, why: &str) {
        let what = self.key.describe_web_socket();
        let text = format!("{what}: {why}");
        self.session.player.note_unrecorded(&text);
        self.session.warn(&text);
        let folder = self.session.folder.path().display();
        send_error(client, &format!("fal-emulator: {text}, in {folder}; record it with --record {folder}"))
            .await;
    }

    /// Makes the response that accepts the connection of the client. Returns it with the connection, which is there once
    /// the response is sent.
    fn accept(
        &self,
        headers: &[(String, String)],
    ) -> (Response, impl Future<Output = Option<ClientSocket>> + Send + use<>) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().clone_from(&self.handshake);
        add_headers(&mut response, headers);
        let upgraded = hyper::upgrade::on(Request::from_parts(self.parts.clone(), Body::empty()));
        let client = async {
            let stream = TokioIo::new(upgraded.await.ok()?);
            Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await)
        };
        (response, client)
    }
}

async fn service_socket(upgraded: reqwest::Upgraded) -> WebSocketStream<reqwest::Upgraded> {
    WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config())).await
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT))
}

/// Sends an error as fal's realtime connections do, and ends the connection.
async fn send_error(client: &mut ClientSocket, reason: &str) {
    let error = json!({"type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": reason});
    client.send(Message::text(error.to_string())).await.ok();
    let frame = CloseFrame { code: CloseCode::Error, reason: "not recorded".into() };
    close(client, Some(frame)).await;
}

/// Sends a close and waits for its answer.
async fn close(client: &mut ClientSocket, frame: Option<CloseFrame>) {
    client.close(frame).await.ok();
    let answered = async { while let Some(Ok(_)) = client.next().await {} };
    timeout(CLOSE_TIMEOUT, answered).await.ok();
}
