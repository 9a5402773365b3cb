//! A realtime connection, from the upgrade to the close.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::codec;
use super::settings::RealtimeSettings;
use crate::clock::Clock;
use crate::hosts::BaseUrls;
use crate::input_files::FileChecker;
use crate::model_call::ModelCall;
use crate::models::{Model, RealtimeMode, RealtimeRoute};
use crate::net::{self, ReplyFaults};
use crate::recent_calls::CallRecord;
use crate::reply::Reply;
use crate::script::{Behaviours, Interruption, InterruptionAction, RealtimeFault};
use crate::store::Store;

/// The time that a client gets to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A message that starts with a byte that neither MessagePack nor JSON uses.
const NONSENSE: &[u8] = b"\xc1 not a message";
/// Bytes that start with an opcode that does not exist.
const GARBAGE: &[u8] = b"\xff\xffnot a frame";
/// The default pause after which the inputs of a client-streaming route count as complete.
const END_OF_INPUTS: Duration = Duration::from_secs(1);

/// A realtime connection.
pub(crate) struct RealtimeSession {
    pub(crate) settings: RealtimeSettings,
    pub(crate) clock: Arc<Clock>,
    pub(crate) behaviours: Arc<Behaviours>,
    pub(crate) store: Arc<Store>,
    pub(crate) model: Arc<Model>,
    pub(crate) route: RealtimeRoute,
    pub(crate) urls: BaseUrls,
    /// The most inputs that may wait, if the caller sets it.
    pub(crate) max_buffering: Option<usize>,
    /// The remaining lifetime of the caller's token.
    pub(crate) token_lifetime: Option<Duration>,
    /// The fault that a rule demands.
    pub(crate) interruption: Option<Interruption>,
    pub(crate) record: Arc<CallRecord>,
    /// The name of the unit in which outputs are charged.
    pub(crate) billing_unit: String,
    /// `true` if inputs without a seed get a random one.
    pub(crate) random_seeds: bool,
    pub(crate) sent: AtomicU32,
}

/// Closes a connection whose caller is not authorized.
pub(crate) async fn refuse_caller(mut socket: WebSocket) {
    let message = json!({"status": "error", "error": "Unauthorized"});
    send_control(&mut socket, &message).await;
    close(socket, 1008, "Unauthorized").await;
}

/// Closes a connection to a route that does not exist. fal's gateway upgrades before it finds out.
pub(crate) async fn refuse_route(socket: WebSocket) {
    close(socket, 1011, "Error while forwarding the request").await;
}

struct QueuedInput {
    value: Value,
    is_text: bool,
}

/// An input whose outputs are being made. An `Err` is the reason why there is no output.
struct ActiveInput {
    outputs: BoxStream<'static, Result<(Reply, Duration), String>>,
    is_text: bool,
}

/// The reason why a connection ends.
enum SessionEnd {
    /// The client is gone.
    Gone,
    /// There were no inputs for too long, or a streaming route is done.
    Timeout,
    /// An input was invalid, or its call failed.
    Failed(String),
    TokenExpired,
    /// A rule ended the connection itself.
    Broken,
    /// A rule demands a close with this code.
    Closed(u16),
}

impl RealtimeSession {
    /// Answers inputs until either side ends the connection, and closes it.
    pub(crate) async fn serve(self, mut socket: WebSocket) {
        let end = self.exchange(&mut socket).await;
        self.record.finish(&Reply::ok(json!({"outputs": self.sent.load(Ordering::Relaxed)})));
        match end {
            SessionEnd::Gone => return drain(&mut socket).await,
            SessionEnd::Broken => return,
            SessionEnd::Closed(code) => return close(socket, code, "").await,
            SessionEnd::TokenExpired => return refuse_caller(socket).await,
            SessionEnd::Timeout => {
                send_control(&mut socket, &error("TIMEOUT", "no inputs, reconnect when needed!")).await
            }
            SessionEnd::Failed(reason) => send_control(&mut socket, &error("INTERNAL_ERROR", &reason)).await,
        }
        close(socket, 1000, "").await;
    }

    async fn exchange(&self, socket: &mut WebSocket) -> SessionEnd {
        let settings = self.settings;
        let ends_after_one =
            matches!(self.route.mode, RealtimeMode::ServerStreaming | RealtimeMode::ClientStreaming);
        let timeout = settings.session_timeout.or(self.route.session_timeout);
        let timeout = match self.route.mode {
            RealtimeMode::ClientStreaming => Some(timeout.unwrap_or(END_OF_INPUTS)),
            _ => timeout,
        };
        let token_ends = self
            .token_lifetime
            .filter(|_| settings.close_on_token_expiry)
            .and_then(|life| Instant::now().checked_add(life));
        let mut waiting: VecDeque<QueuedInput> = VecDeque::new();
        let mut running: Option<ActiveInput> = None;
        let mut last_message_at = Instant::now();
        loop {
            // A client-streaming route takes all inputs as one, which is complete once a pause follows.
            if running.is_none() && self.route.mode != RealtimeMode::ClientStreaming {
                running = waiting.pop_front().map(|input| self.start(input));
            }
            let idle = timeout.filter(|_| running.is_none()).map(|time| last_message_at + time);
            tokio::select! {
                message = socket.recv() => {
                    last_message_at = Instant::now();
                    match parse_message(message) {
                        Ok(None) => {}
                        Ok(Some(input)) => self.enqueue(&mut waiting, input),
                        Err(end) => return end,
                    }
                }
                output = next(&mut running) => {
                    let Some((output, is_text)) = output else {
                        running = None;
                        if ends_after_one {
                            return SessionEnd::Timeout;
                        }
                        continue;
                    };
                    match output {
                        Ok((output, time)) => {
                            if let Some(interruption) = self.due_interruption() {
                                match self.interrupt(socket, interruption).await {
                                    Some(end) => return end,
                                    None => continue,
                                }
                            }
                            if self.send(socket, &output.body, time, is_text).await.is_err() {
                                return SessionEnd::Gone;
                            }
                            self.record.charge(&output);
                        }
                        Err(reason) => return SessionEnd::Failed(reason),
                    }
                }
                () = until(idle) => match waiting.pop_back() {
                    Some(last) => running = Some(self.start(last)),
                    None => return SessionEnd::Timeout,
                },
                () = until(token_ends) => return SessionEnd::TokenExpired,
            }
        }
    }

    /// Adds an input, and drops the oldest ones if too many wait.
    fn enqueue(&self, waiting: &mut VecDeque<QueuedInput>, input: QueuedInput) {
        let most = self.max_buffering.or(self.route.buffering).unwrap_or(usize::MAX);
        waiting.push_back(input);
        while waiting.len() > most {
            waiting.pop_front();
        }
    }

    /// Starts to make the outputs of an input, each after the time that it takes.
    fn start(&self, input: QueuedInput) -> ActiveInput {
        let settings = self.settings;
        let frames =
            if self.route.mode == RealtimeMode::ServerStreaming { settings.frames.max(1) } else { 1 };
        let (clock, store) = (Arc::clone(&self.clock), Arc::clone(&self.store));
        let (model, urls) = (Arc::clone(&self.model), self.urls.clone());
        let body = input.value.to_string();
        let files = FileChecker { store: &store, urls: &urls };
        let checked =
            ModelCall::new(&self.behaviours, &model.id, Some(Arc::clone(&model)), &[], body.as_bytes())
                .and_then(|call| call.with_checked_files(&files))
                // Clients do not fetch a file for each frame, so pictures go into the message.
                .map(|call| call.with_inline_files().with_random_seed(self.random_seeds))
                .map(|call| call.with_billing_unit(self.billing_unit.clone()))
                .map_err(|refusal| reason(&model, &refusal.body));
        let outputs = stream::iter(1..=frames).then(move |step| {
            let (clock, store) = (Arc::clone(&clock), Arc::clone(&store));
            let (model, urls) = (Arc::clone(&model), urls.clone());
            let checked = checked.clone();
            async move {
                let call = checked?;
                let started = clock.now();
                clock.sleep(settings.frame_time).await;
                let preview = match step < frames {
                    true => call.preview(Arc::clone(&store), urls.clone(), step, frames).await,
                    false => None,
                };
                let output = match preview {
                    // Only the last output of an input is charged.
                    Some(output) => Reply::ok(output),
                    None => {
                        let answer = call.answer(store, urls).await;
                        if !answer.status.is_success() {
                            return Err(reason(&model, &answer.body));
                        }
                        answer
                    }
                };
                Ok((output, clock.now().saturating_sub(started)))
            }
        });
        ActiveInput { outputs: outputs.boxed(), is_text: input.is_text }
    }

    /// Returns the fault that a rule demands in place of the next message.
    fn due_interruption(&self) -> Option<&Interruption> {
        let sent = self.sent.load(Ordering::Relaxed);
        self.interruption.as_ref().filter(|due| u32::try_from(due.after) == Ok(sent))
    }

    /// Applies the fault of a rule. Returns `None` if the connection goes on.
    async fn interrupt(&self, socket: &mut WebSocket, interruption: &Interruption) -> Option<SessionEnd> {
        let Interruption { action, control, .. } = interruption;
        let bytes = match *action {
            InterruptionAction::Send(RealtimeFault::Close(code)) => return Some(SessionEnd::Closed(code)),
            InterruptionAction::Send(RealtimeFault::Unauthorized) => return Some(SessionEnd::TokenExpired),
            InterruptionAction::Send(RealtimeFault::Nonsense) => NONSENSE.to_vec(),
            InterruptionAction::Send(RealtimeFault::Large(bytes)) => vec![0; bytes],
            InterruptionAction::Send(RealtimeFault::Garbage) => {
                control.set_faults(ReplyFaults { instead: Some(GARBAGE.into()), ..ReplyFaults::default() });
                socket.flush().await.ok();
                return Some(SessionEnd::Broken);
            }
            InterruptionAction::End(end) => {
                control.end_after_flush(end);
                // From here on nothing can be sent. A stall lasts until the client is gone.
                match end {
                    net::ConnectionEnd::Stall => {
                        socket.flush().now_or_never();
                        while let Some(Ok(_)) = socket.recv().await {}
                    }
                    net::ConnectionEnd::Close | net::ConnectionEnd::Reset => drop(socket.flush().await),
                }
                return Some(SessionEnd::Broken);
            }
        };
        let sent = socket.send(Message::Binary(bytes.into())).await;
        self.sent.fetch_add(1, Ordering::Relaxed);
        sent.err().map(|_| SessionEnd::Gone)
    }

    /// Sends an output in the form of its input.
    async fn send(
        &self,
        socket: &mut WebSocket,
        output: &Value,
        time: Duration,
        is_text: bool,
    ) -> Result<(), axum::Error> {
        let message = if is_text {
            Message::Text(output.to_string().into())
        } else {
            Message::Binary(codec::encode_msgpack(output, &self.model.output, &self.model.components).into())
        };
        socket.send(message).await?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        if self.settings.timings {
            let timing = json!({"type": "x-fal-message", "action": "timings", "timing": time.as_secs_f64()});
            socket.send(Message::Text(timing.to_string().into())).await?;
        }
        Ok(())
    }
}

/// Parses the input in a frame; `None` for pings and pongs, which the library handles.
fn parse_message(message: Option<Result<Message, axum::Error>>) -> Result<Option<QueuedInput>, SessionEnd> {
    let (value, is_text) = match message {
        Some(Ok(Message::Binary(bytes))) => (codec::decode_msgpack(&bytes), false),
        Some(Ok(Message::Text(text))) => (codec::parse_json(&text), true),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(SessionEnd::Gone),
    };
    value.map(|value| Some(QueuedInput { value, is_text })).map_err(SessionEnd::Failed)
}

async fn next(running: &mut Option<ActiveInput>) -> Option<(Result<(Reply, Duration), String>, bool)> {
    match running {
        Some(running) => running.outputs.next().await.map(|output| (output, running.is_text)),
        None => pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => pending().await,
    }
}

/// Formats an error reply: its text, or the violations of an input as pydantic prints them.
fn reason(model: &Model, body: &Value) -> String {
    match body.get("detail") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(problems)) => {
            let (_, component) = model.components.resolve(&model.input);
            let plural = if problems.len() == 1 { "" } else { "s" };
            let title = component.unwrap_or("the input");
            let mut reason = format!("{} validation error{plural} for {title}", problems.len());
            for problem in problems {
                let path = problem.get("loc").and_then(Value::as_array).into_iter().flatten().skip(1);
                let path: Vec<String> =
                    path.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
                let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
                reason += &format!("\n{}\n  {} [type={}]", path.join("."), text("msg"), text("type"));
            }
            reason
        }
        _ => body.to_string(),
    }
}

fn error(kind: &str, reason: &str) -> Value {
    json!({"type": "x-fal-error", "error": kind, "reason": reason})
}

/// Sends a control message; errors do not matter, because the connection ends next.
async fn send_control(socket: &mut WebSocket, message: &Value) {
    socket.send(Message::Text(message.to_string().into())).await.ok();
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        drain(&mut socket).await;
    }
}

/// Reads until the client is gone, so that the last message is not lost to a reset.
async fn drain(socket: &mut WebSocket) {
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    tokio::time::timeout(CLOSE_TIMEOUT, rest).await.ok();
}
