//! One connection, from the upgrade to the close.

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
use crate::app::App;
use crate::engine::Call;
use crate::hosts::Base;
use crate::journal::Entry;
use crate::models::Model;
use crate::net::{self, Orders};
use crate::protocol::{Mode, RealtimeRoute};
use crate::reply::Reply;
use crate::script::{Frame, Interrupted, Interruption};

/// How long a client is waited for that does not answer a close.
const FAREWELL: Duration = Duration::from_secs(2);
/// What no format of messages begins with.
const NONSENSE: &[u8] = b"\xc1 not a message";
/// A frame of a kind that does not exist.
const GARBAGE: &[u8] = b"\xff\xffnot a frame";
/// When the inputs of a client-streaming route count as ended, where the document does not say.
const END_OF_INPUTS: Duration = Duration::from_secs(1);

/// What a connection was opened with.
pub(crate) struct Session {
    pub(crate) app: Arc<App>,
    pub(crate) model: Arc<Model>,
    pub(crate) route: RealtimeRoute,
    pub(crate) base: Base,
    /// How many inputs wait at most, where the caller says.
    pub(crate) max_buffering: Option<usize>,
    /// How long the token of the caller is still good for.
    pub(crate) token_life: Option<Duration>,
    /// What a rule demands.
    pub(crate) interruption: Option<Interruption>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) sent: AtomicU32,
}

/// Ends a connection whose caller may not call.
pub(crate) async fn refuse_caller(mut socket: WebSocket) {
    let message = json!({"status": "error", "error": "Unauthorized"});
    say(&mut socket, &message).await;
    close(socket, 1008, "Unauthorized").await;
}

/// Ends a connection to a route that the runner does not have, as the gateway does: it upgrades first.
pub(crate) async fn refuse_route(socket: WebSocket) {
    close(socket, 1011, "Error while forwarding the request").await;
}

struct Input {
    value: Value,
    is_text: bool,
}

/// The outputs of one input, or the reason why there is none.
struct Running {
    outputs: BoxStream<'static, Result<(Value, Duration), String>>,
    is_text: bool,
}

enum End {
    /// The client is gone.
    Gone,
    /// No inputs, or all is said.
    Timeout,
    Failed(String),
    TokenExpired,
    /// As a rule demands, without a word.
    Broken,
    /// As a rule demands, with this code.
    Closed(u16),
}

impl Session {
    pub(crate) async fn serve(self, mut socket: WebSocket) {
        let end = self.exchange(&mut socket).await;
        self.entry.end(&Reply::ok(json!({"outputs": self.sent.load(Ordering::Relaxed)})));
        match end {
            End::Gone => return drain(&mut socket).await,
            End::Broken => return,
            End::Closed(code) => return close(socket, code, "").await,
            End::TokenExpired => return refuse_caller(socket).await,
            End::Timeout => say(&mut socket, &error("TIMEOUT", "no inputs, reconnect when needed!")).await,
            End::Failed(reason) => say(&mut socket, &error("INTERNAL_ERROR", &reason)).await,
        }
        close(socket, 1000, "").await;
    }

    async fn exchange(&self, socket: &mut WebSocket) -> End {
        let settings = self.app.realtime;
        let ends_after_one = matches!(self.route.mode, Mode::ServerStreaming | Mode::ClientStreaming);
        let timeout = settings.session_timeout.or(self.route.session_timeout);
        let timeout = match self.route.mode {
            Mode::ClientStreaming => Some(timeout.unwrap_or(END_OF_INPUTS)),
            _ => timeout,
        };
        let token_ends =
            self.token_life.filter(|_| settings.ends_with_token).map(|life| Instant::now() + life);
        let mut waiting: VecDeque<Input> = VecDeque::new();
        let mut running: Option<Running> = None;
        let mut heard_at = Instant::now();
        loop {
            // The inputs of a client-streaming route are one, and complete when no more come.
            if running.is_none() && self.route.mode != Mode::ClientStreaming {
                running = waiting.pop_front().map(|input| self.start(input));
            }
            let idle = timeout.filter(|_| running.is_none()).map(|time| heard_at + time);
            tokio::select! {
                message = socket.recv() => {
                    heard_at = Instant::now();
                    match read(message) {
                        Ok(None) => {}
                        Ok(Some(input)) => self.enqueue(&mut waiting, input),
                        Err(end) => return end,
                    }
                }
                output = next(&mut running) => {
                    let Some((output, is_text)) = output else {
                        running = None;
                        if ends_after_one {
                            return End::Timeout;
                        }
                        continue;
                    };
                    match output {
                        Ok((output, time)) => {
                            if let Some(interruption) = self.is_due() {
                                match self.interrupt(socket, interruption).await {
                                    Some(end) => return end,
                                    None => continue,
                                }
                            }
                            if self.send(socket, &output, time, is_text).await.is_err() {
                                return End::Gone;
                            }
                        }
                        Err(reason) => return End::Failed(reason),
                    }
                }
                () = until(idle) => match waiting.pop_back() {
                    Some(last) => running = Some(self.start(last)),
                    None => return End::Timeout,
                },
                () = until(token_ends) => return End::TokenExpired,
            }
        }
    }

    fn enqueue(&self, waiting: &mut VecDeque<Input>, input: Input) {
        let most = self.max_buffering.or(self.route.buffering).unwrap_or(usize::MAX);
        waiting.push_back(input);
        while waiting.len() > most {
            waiting.pop_front();
        }
    }

    /// The outputs of an input, each after the time it takes.
    fn start(&self, input: Input) -> Running {
        let settings = self.app.realtime;
        let of = if self.route.mode == Mode::ServerStreaming { settings.frames.max(1) } else { 1 };
        let (app, model, base) = (Arc::clone(&self.app), Arc::clone(&self.model), self.base.clone());
        let checked =
            Call::new(&self.app, &model.id, Some(Arc::clone(&model)), input.value.to_string().as_bytes())
                .map_err(|refusal| reason(&model, &refusal.body));
        let outputs = stream::iter(1..=of).then(move |step| {
            let (app, model, base) = (Arc::clone(&app), Arc::clone(&model), base.clone());
            let checked = checked.clone();
            async move {
                // Nobody fetches the file of a frame: pictures are put into the message.
                let call = checked?.with_files_inside();
                let started = app.clock.now();
                app.clock.sleep(settings.frame_time).await;
                let preview = match step < of {
                    true => call.preview(Arc::clone(&app), base.clone(), step, of).await,
                    false => None,
                };
                let output = match preview {
                    Some(output) => output,
                    None => {
                        let answer = call.answer(Arc::clone(&app), base).await;
                        if !answer.status.is_success() {
                            return Err(reason(&model, &answer.body));
                        }
                        answer.body
                    }
                };
                Ok((output, app.clock.now().saturating_sub(started)))
            }
        });
        Running { outputs: outputs.boxed(), is_text: input.is_text }
    }

    /// What a rule demands in place of the next message.
    fn is_due(&self) -> Option<&Interruption> {
        let sent = self.sent.load(Ordering::Relaxed);
        self.interruption.as_ref().filter(|due| u32::try_from(due.after) == Ok(sent))
    }

    /// Does what a rule demands. `None`: the connection goes on.
    async fn interrupt(&self, socket: &mut WebSocket, interruption: &Interruption) -> Option<End> {
        let Interruption { what, control, .. } = interruption;
        let bytes = match *what {
            Interrupted::By(Frame::Close(code)) => return Some(End::Closed(code)),
            Interrupted::By(Frame::Unauthorized) => return Some(End::TokenExpired),
            Interrupted::By(Frame::Nonsense) => NONSENSE.to_vec(),
            Interrupted::By(Frame::Large(bytes)) => vec![0; bytes],
            Interrupted::By(Frame::Garbage) => {
                control.order(Orders { instead: Some(GARBAGE.into()), ..Orders::default() });
                socket.flush().await.ok();
                return Some(End::Broken);
            }
            Interrupted::End(end) => {
                control.end_after_flush(end);
                // Nothing can be sent from here on, and a stall is over when the client is gone.
                match end {
                    net::End::Stall => {
                        socket.flush().now_or_never();
                        while let Some(Ok(_)) = socket.recv().await {}
                    }
                    net::End::Close | net::End::Reset => drop(socket.flush().await),
                }
                return Some(End::Broken);
            }
        };
        let sent = socket.send(Message::Binary(bytes.into())).await;
        self.sent.fetch_add(1, Ordering::Relaxed);
        sent.err().map(|_| End::Gone)
    }

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
            Message::Binary(codec::pack(output, &self.model.output, &self.model.components).into())
        };
        socket.send(message).await?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        if self.app.realtime.timings {
            let timing = json!({"type": "x-fal-message", "action": "timings", "timing": time.as_secs_f64()});
            socket.send(Message::Text(timing.to_string().into())).await?;
        }
        Ok(())
    }
}

/// What a frame says; pings are answered by the library.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<Input>, End> {
    let (value, is_text) = match message {
        Some(Ok(Message::Binary(bytes))) => (codec::unpack(&bytes), false),
        Some(Ok(Message::Text(text))) => (codec::parse(&text), true),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
    };
    value.map(|value| Some(Input { value, is_text })).map_err(End::Failed)
}

async fn next(running: &mut Option<Running>) -> Option<(Result<(Value, Duration), String>, bool)> {
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

/// An error reply in one line, or one for every problem of an input.
fn reason(model: &Model, body: &Value) -> String {
    match body.get("detail") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(problems)) => {
            let (_, component) = model.components.resolve(&model.input);
            let plural = if problems.len() == 1 { "" } else { "s" };
            let title = component.unwrap_or("the input");
            let mut reason = format!("{} validation error{plural} for {title}", problems.len());
            for problem in problems {
                let place = problem.get("loc").and_then(Value::as_array).into_iter().flatten().skip(1);
                let place: Vec<String> =
                    place.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
                let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
                reason += &format!("\n{}\n  {} [type={}]", place.join("."), text("msg"), text("type"));
            }
            reason
        }
        _ => body.to_string(),
    }
}

fn error(kind: &str, reason: &str) -> Value {
    json!({"type": "x-fal-error", "error": kind, "reason": reason})
}

/// Sends a control message. A client that is gone does not need it.
async fn say(socket: &mut WebSocket, message: &Value) {
    socket.send(Message::Text(message.to_string().into())).await.ok();
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        drain(&mut socket).await;
    }
}

/// Reads until the client is gone, so that what was sent last arrives.
async fn drain(socket: &mut WebSocket) {
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    tokio::time::timeout(FAREWELL, rest).await.ok();
}
