//! An emulator that records the real service, or replays what was recorded.

mod web_sockets;

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, watch};

use self::web_sockets::Opening;
use super::body_sink::{BodySink, MAX_TEXT, content_key};
use super::connections::Connections;
use super::exchange::{Exchange, RecordedBody, RecordedReply, RecordedRequest};
use super::folder::RecordingFolder;
use super::live_service::{LiveService, is_kept};
use super::player::Player;
use super::request_key::{KeyBody, RequestKey, Target};
use super::secrets::Secrets;
use super::{RecordSettings, UnrecordedReply, urls};
use crate::error::Error;
use crate::reply::Reply;
use crate::sync::lock;
use crate::unknown_models::WarningLog;

/// The largest request that is kept in memory to find its reply, in bytes.
const MAX_REQUEST: usize = 1 << 30;
/// The time for the rest of a stream of events that its client has left.
const REST_TIMEOUT: Duration = Duration::from_secs(60);
/// The time that replies under way get at the end.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
/// The size of the pieces in which a body is read from its file.
const CHUNK: usize = 64 << 10;

/// An emulator that records, or that replays.
pub(crate) struct RecordingSession {
    folder: RecordingFolder,
    player: Player,
    connections: Connections,
    secrets: Secrets,
    mode: Mode,
    /// The number of exchanges that were stored.
    stored: AtomicU64,
    /// The number of replies that are being recorded.
    under_way: watch::Sender<usize>,
    /// Tells WebSockets to end, so that they can be stored.
    stop: watch::Sender<()>,
    /// Gets a line for each request that is not recorded.
    warning_log: Option<WarningLog>,
    /// The last stored reply to each question, which is not stored again if it is the same.
    last: Mutex<HashMap<RequestKey, RecordedReply>>,
}

enum Mode {
    Record {
        service: LiveService,
        /// The key that callers have. It is worth nothing, and stands for the key of the user.
        caller_key: String,
    },
    Replay(UnrecordedReply),
}

/// The answer to a request, or the request itself if the emulator answers it as without a recording.
pub(crate) enum Answer {
    Reply(Response),
    Synthesize(Request),
}

impl RecordingSession {
    /// Opens a recording, or begins a new one. What it holds already is answered from it and not asked for again.
    pub(crate) fn record(
        settings: RecordSettings,
        caller_key: String,
        warning_log: Option<WarningLog>,
    ) -> Result<Self, Error> {
        let RecordSettings { folder, key, upstream } = settings;
        let secrets = Secrets::of_key(&key);
        let service = LiveService::new(&key, upstream).map_err(|source| Error::Upstream { source })?;
        let opened = RecordingFolder::open_or_create(&folder);
        Self::new(opened, secrets, Mode::Record { service, caller_key }, warning_log)
    }

    /// Opens a recording to replay it.
    pub(crate) fn replay(
        folder: &Path,
        unrecorded: UnrecordedReply,
        warning_log: Option<WarningLog>,
    ) -> Result<Self, Error> {
        Self::new(RecordingFolder::open(folder), Secrets::default(), Mode::Replay(unrecorded), warning_log)
    }

    fn new(
        opened: Result<(RecordingFolder, Vec<Exchange>), super::folder::Problem>,
        secrets: Secrets,
        mode: Mode,
        warning_log: Option<WarningLog>,
    ) -> Result<Self, Error> {
        let (folder, exchanges) =
            opened.map_err(|problem| Error::Recording { path: problem.path, problem: problem.text })?;
        let (connections, exchanges) =
            exchanges.into_iter().partition(|exchange: &Exchange| exchange.messages.is_some());
        let connections = Connections::new(connections, &folder)
            .map_err(|source| Error::Recording { path: folder.bodies(), problem: source.to_string() })?;
        Ok(Self {
            folder,
            player: Player::new(exchanges),
            connections,
            secrets,
            mode,
            stored: AtomicU64::new(0),
            under_way: watch::Sender::new(0),
            stop: watch::Sender::new(()),
            warning_log,
            last: Mutex::default(),
        })
    }

    /// Returns the number of exchanges that the recording held at the start.
    pub(crate) fn known(&self) -> usize {
        self.player.len() + self.connections.len()
    }

    /// Returns the number of exchanges that were added since.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Returns the requests that were not recorded, in alphabetical order, at most 100.
    pub(crate) fn unrecorded(&self) -> Vec<String> {
        self.player.unrecorded()
    }

    /// Ends open WebSockets, and waits until nothing is being recorded, for up to five seconds.
    pub(crate) async fn settle(&self) {
        self.stop.send_replace(());
        let mut under_way = self.under_way.subscribe();
        let settled = under_way.wait_for(|count| *count == 0);
        tokio::time::timeout(SETTLE_TIMEOUT, settled).await.map(drop).ok();
    }

    /// Returns the key of callers, while the real service is recorded.
    pub(crate) fn caller_key(&self) -> Option<&str> {
        match &self.mode {
            Mode::Record { caller_key, .. } => Some(caller_key),
            Mode::Replay(_) => None,
        }
    }

    /// Returns a query without tokens and signatures.
    pub(crate) fn redact_query(&self, query: &str) -> String {
        let query = self.secrets.redact(&format!("?{query}"));
        query.strip_prefix('?').unwrap_or_default().to_owned()
    }

    /// Lets the replies of a scope start from the first again.
    pub(crate) fn rewind(&self, scope: Option<&str>) {
        self.player.rewind(scope);
        self.connections.rewind(scope);
    }

    /// Answers a request of a scope from the recording, or from the real service.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        request: Request,
        scope: Option<&str>,
        scheme: &str,
    ) -> Answer {
        let Some(target) = Target::from_request(request.uri(), request.headers()) else {
            return Answer::Synthesize(request);
        };
        if request.headers().contains_key(header::UPGRADE) {
            let (parts, body) = request.into_parts();
            let opening = Opening::new(self, parts.clone(), target.clone(), scope, scheme);
            return match (opening, &self.mode) {
                (Err(refusal), _) => Answer::Reply(refusal.into_response()),
                (Ok(opening), Mode::Record { caller_key, .. }) => {
                    self.note_foreign_key(&parts, caller_key);
                    Answer::Reply(opening.record().await)
                }
                (Ok(opening), Mode::Replay(_)) if opening.is_recorded() => Answer::Reply(opening.replay()),
                (Ok(_), Mode::Replay(unrecorded)) => {
                    let request = Request::from_parts(parts, body);
                    self.replay_one(request, target, scope, scheme, *unrecorded).await
                }
            };
        }
        match &self.mode {
            Mode::Record { service, caller_key } => {
                let recorder = Recorder { session: self, service, caller_key, scheme, scope };
                Answer::Reply(recorder.answer(request, target).await)
            }
            Mode::Replay(unrecorded) => self.replay_one(request, target, scope, scheme, *unrecorded).await,
        }
    }

    async fn replay_one(
        &self,
        request: Request,
        target: Target,
        scope: Option<&str>,
        scheme: &str,
        unrecorded: UnrecordedReply,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, MAX_REQUEST).await else {
            let text = "The body did not arrive whole, or has more than 1 GiB";
            return Answer::Reply(Reply::detail(StatusCode::BAD_REQUEST, text).into_response());
        };
        let key = RequestKey::new(&parts.method, &target, &parts.headers, self.key_body(&bytes, &target));
        if let Some(exchange) = self.player.next(&key, scope, true) {
            return Answer::Reply(self.send_recorded(&exchange, &parts.headers, scheme));
        }
        let why = self.player.explain(&key);
        self.warn(&why);
        match unrecorded {
            UnrecordedReply::Synthesize => Answer::Synthesize(Request::from_parts(parts, Body::from(bytes))),
            UnrecordedReply::Fail => {
                let folder = self.folder.path().display();
                let text = format!("fal-emulator: {why}, in {folder}; record it with --record {folder}");
                Answer::Reply(Reply::detail(StatusCode::NOT_FOUND, text).into_response())
            }
        }
    }

    /// Answers a request that the service may have accepted, although its reply did not arrive. Clients of fal repeat a call
    /// after a lost connection and after other statuses, which could cost money twice, but not after a 500.
    fn broke_off(&self, target: &Target, why: &str) -> Response {
        let text = format!(
            "{}{}: the connection broke, and the call may be running; it was not sent again: {why}",
            target.host, target.path
        );
        self.warn(&text);
        Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, format!("fal-emulator: {text}")).into_response()
    }

    /// Notes the key of a caller that has one of its own, so that it is not stored.
    fn note_foreign_key(&self, parts: &Parts, caller_key: &str) {
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok());
        if let Some((_, key)) = sent.and_then(|sent| sent.split_once(' '))
            && key.trim() != caller_key
        {
            self.secrets.add(key.trim());
        }
    }

    /// Describes a request as it is stored.
    fn describe_request(&self, parts: &Parts, target: &Target, body: RecordedBody) -> RecordedRequest {
        let range = parts.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        RecordedRequest {
            method: parts.method.as_str().to_owned(),
            host: target.host.clone(),
            path: self.secrets.redact(&target.path),
            query: self.redact_query(&target.query),
            range: range.map(str::to_owned),
            body,
        }
    }

    /// Tells the user about something that is missing in the recording.
    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
        if let Some(log) = &self.warning_log {
            log(text);
        }
    }

    fn key_body(&self, bytes: &Bytes, target: &Target) -> KeyBody {
        content_key(bytes, &target.path, &self.secrets)
    }

    /// Makes the response of a recorded reply.
    fn send_recorded(&self, exchange: &Exchange, caller: &HeaderMap, scheme: &str) -> Response {
        let reply = &exchange.response;
        let body = match &reply.body {
            RecordedBody::Text(text) => {
                let local = urls::localize(text, caller, scheme);
                Ok(Body::from(local.unwrap_or_else(|| text.clone())))
            }
            RecordedBody::File { sha256, length } => {
                self.folder.open_body(sha256).map(|file| read_file(file, *length))
            }
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                let text = format!("fal-emulator: a recorded file cannot be read: {error}");
                return Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        add_headers(&mut response, &reply.headers);
        if let RecordedBody::File { length, .. } = &reply.body {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(*length));
        }
        response
    }

    /// Stores an exchange, unless it is a question whose last reply was the same.
    fn store(&self, key: RequestKey, exchange: &Exchange) {
        if key.is_question() && exchange.messages.is_none() {
            let mut last = lock(&self.last);
            let is_same = last.get(&key).is_some_and(|last| {
                last.status == exchange.response.status && last.body == exchange.response.body
            });
            if is_same {
                return;
            }
            last.insert(key, exchange.response.clone());
        }
        match self.folder.add(exchange) {
            Ok(()) => drop(self.stored.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                let folder = self.folder.path().display();
                self.warn(&format!(
                    "cannot write to the recording {folder}, so a reply is not in it: {error}"
                ));
            }
        }
    }
}

/// The recording of one request.
struct Recorder<'a> {
    session: &'a Arc<RecordingSession>,
    service: &'a LiveService,
    caller_key: &'a str,
    scheme: &'a str,
    scope: Option<&'a str>,
}

impl Recorder<'_> {
    async fn answer(self, request: Request, target: Target) -> Response {
        use axum::body::HttpBody as _;

        let (parts, body) = request.into_parts();
        self.session.note_foreign_key(&parts, self.caller_key);
        let sink = Arc::new(Mutex::new(BodySink::new(&self.session.folder.bodies())));
        let body = if body.size_hint().exact().is_some_and(|size| size <= MAX_TEXT as u64) {
            let Ok(bytes) = to_bytes(body, MAX_TEXT).await else {
                return Reply::detail(StatusCode::BAD_REQUEST, "The body did not arrive whole")
                    .into_response();
            };
            // What is recorded is not asked for, and not paid for, again.
            let key_body = self.session.key_body(&bytes, &target);
            let key = RequestKey::new(&parts.method, &target, &parts.headers, key_body);
            if let Some(exchange) = self.session.player.next(&key, self.scope, key.is_question()) {
                return self.session.send_recorded(&exchange, &parts.headers, self.scheme);
            }
            if lock(&sink).write(&bytes, &self.session.secrets).is_err() {
                return cannot_store();
            }
            reqwest::Body::from(bytes)
        } else {
            let (session, sink) = (Arc::clone(self.session), Arc::clone(&sink));
            let chunks = body.into_data_stream().map(move |chunk| {
                let chunk = chunk.map_err(std::io::Error::other)?;
                lock(&sink).write(&chunk, &session.secrets)?;
                Ok::<_, std::io::Error>(chunk)
            });
            reqwest::Body::wrap_stream(chunks)
        };
        let started = Instant::now();
        let sent = self.service.send(parts.method.clone(), &target, &parts.headers, body, self.caller_key);
        let response = match sent.await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                let why = causes(error.without_url());
                let text = format!("fal-emulator: {} cannot be reached: {why}", target.host);
                return Reply::detail(StatusCode::BAD_GATEWAY, text).into_response();
            }
            Err(error) => return self.session.broke_off(&target, &causes(error.without_url())),
        };
        self.record_reply(response, &parts, target, sink, started).await
    }

    /// Sends a reply of the service on to the caller while it is recorded.
    async fn record_reply(
        self,
        response: reqwest::Response,
        parts: &Parts,
        target: Target,
        request_body: Arc<Mutex<BodySink>>,
        started: Instant,
    ) -> Response {
        let tape = Tape {
            session: Arc::clone(self.session),
            request: parts.clone(),
            target,
            request_body,
            status: response.status(),
            headers: response.headers().clone(),
            sink: Some(BodySink::new(&self.session.folder.bodies())),
            length: response.content_length().filter(|_| parts.method != Method::HEAD),
            read: 0,
            started,
        };
        self.pass_on(response, tape, parts).await
    }

    /// Sends the reply on to the caller while it is recorded.
    async fn pass_on(self, response: reqwest::Response, tape: Tape, parts: &Parts) -> Response {
        let (status, target) = (response.status(), tape.target.clone());
        let mut headers: HeaderMap = response
            .headers()
            .iter()
            .filter(|(name, _)| is_kept(name) || **name == header::CONTENT_LENGTH)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let is_json = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let has_no_body = parts.method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if is_json || has_no_body {
            // Read whole, because its URLs may have to change.
            let mut body = Vec::new();
            let mut chunks = Box::pin(tape.record(response));
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(chunk) => body.extend_from_slice(&chunk),
                    Err(error) => return self.session.broke_off(&target, &error),
                }
            }
            let local = std::str::from_utf8(&body)
                .ok()
                .and_then(|text| urls::localize(text, &parts.headers, self.scheme));
            if parts.method != Method::HEAD {
                headers.remove(header::CONTENT_LENGTH);
            }
            Body::from(local.map_or(body, String::into_bytes))
        } else {
            Body::from_stream(tape.record(response))
        };
        let mut passed = Response::new(body);
        *passed.status_mut() = status;
        *passed.headers_mut() = headers;
        passed
    }
}

/// A reply that is recorded while it passes through.
struct Tape {
    session: Arc<RecordingSession>,
    request: Parts,
    target: Target,
    request_body: Arc<Mutex<BodySink>>,
    status: StatusCode,
    headers: HeaderMap,
    /// `None` once the exchange is stored, or cannot be.
    sink: Option<BodySink>,
    /// The number of bytes that the reply announced.
    length: Option<u64>,
    read: u64,
    started: Instant,
}

impl Tape {
    /// Returns the chunks of the reply. The exchange is stored with the last one; a reply that breaks off is not.
    ///
    /// Clients leave a stream of events once they know enough. The rest of it is still recorded, for up to a minute.
    fn record(
        mut self,
        mut response: reqwest::Response,
    ) -> impl futures_util::Stream<Item = Result<Bytes, String>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(4);
        let has_events = self
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let under_way = UnderWay::new(&self.session);
        let record = async move {
            let mut deadline = None;
            loop {
                let chunk = tokio::select! {
                    chunk = response.chunk() => chunk,
                    () = sender.closed(), if deadline.is_none() => {
                        if !has_events {
                            return;
                        }
                        deadline = Some(tokio::time::Instant::now() + REST_TIMEOUT);
                        continue;
                    }
                    () = sleep_until(deadline) => return,
                };
                match chunk {
                    Ok(Some(chunk)) => {
                        self.take(&chunk);
                        // A failure is seen as the closed channel that it is.
                        sender.send(Ok(chunk)).await.ok();
                    }
                    Ok(None) => return self.store(),
                    Err(error) => {
                        sender.send(Err(causes(error.without_url()))).await.ok();
                        return;
                    }
                }
            }
        };
        tokio::spawn(async move {
            record.await;
            drop(under_way);
        });
        stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
    }

    fn take(&mut self, chunk: &Bytes) {
        self.read += chunk.len() as u64;
        let written = self.sink.as_mut().map(|sink| sink.write(chunk, &self.session.secrets));
        if let Some(Err(error)) = written {
            self.session.warn(&format!("cannot write to the recording, so a reply is not in it: {error}"));
            self.sink = None;
        }
        // After the announced length, nobody asks for more.
        if self.length == Some(self.read) {
            self.store();
        }
    }

    fn store(&mut self) {
        let Some(sink) = self.sink.take() else { return };
        let what = format!("{} {}", self.request.method, self.target.path);
        if self.headers.contains_key(header::CONTENT_ENCODING) {
            return self.session.warn(&format!("{what} is not recorded: its reply is compressed, unasked"));
        }
        let secrets = &self.session.secrets;
        if self.target.path.contains("token") {
            secrets.add_token_reply(sink.bytes().unwrap_or_default());
        }
        let request_body = std::mem::replace(&mut *lock(&self.request_body), BodySink::new(Path::new("")));
        let key_body = request_body.key(&self.target.path, secrets);
        let key = RequestKey::new(&self.request.method, &self.target, &self.request.headers, key_body);
        let bodies = request_body.finish(secrets).and_then(|request| Ok((request, sink.finish(secrets)?)));
        let (request_body, body) = match bodies {
            Ok(bodies) => bodies,
            Err(error) => return self.session.warn(&format!("{what} is not recorded: {error}")),
        };
        let headers = stored_headers(&self.headers, secrets);
        let exchange = Exchange {
            request: self.session.describe_request(&self.request, &self.target, request_body),
            response: RecordedReply { status: self.status.as_u16(), headers, body },
            messages: None,
            seconds: self.started.elapsed().as_secs_f64(),
        };
        self.session.store(key, &exchange);
    }
}

/// Counts a reply as being recorded while it exists.
struct UnderWay(Arc<RecordingSession>);

impl UnderWay {
    fn new(session: &Arc<RecordingSession>) -> Self {
        session.under_way.send_modify(|count| *count += 1);
        Self(Arc::clone(session))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Returns the headers of a reply that are stored, without secrets.
fn stored_headers(headers: &HeaderMap, secrets: &Secrets) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| is_kept(name));
    kept.filter_map(|(name, value)| Some((name.as_str().to_owned(), secrets.redact(value.to_str().ok()?))))
        .collect()
}

/// Adds recorded headers to a response.
fn add_headers(response: &mut Response, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
}

/// Waits until a moment, or for ever if there is none.
async fn sleep_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Returns the body that a file holds.
fn read_file(file: std::fs::File, length: u64) -> Body {
    Body::from_stream(stream::unfold((file, length), async |(mut file, left)| {
        if left == 0 {
            return None;
        }
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        Some(match file.read_exact(&mut chunk) {
            Ok(()) => {
                let left = left - chunk.len() as u64;
                (Ok(Bytes::from(chunk)), (file, left))
            }
            Err(error) => (Err(error), (file, 0)),
        })
    }))
}

fn cannot_store() -> Response {
    let text = "fal-emulator: the recording cannot be written, so the request was not sent";
    Reply::detail(StatusCode::INSUFFICIENT_STORAGE, text).into_response()
}

/// Formats an error and its causes in one line.
fn causes(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
