//! Direct calls over one WebSocket, by fal's protocol for HTTP over WebSocket.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use fal_core::{Endpoint, IntoInput};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Reply, Result,
    endpoint_id::EndpointId,
    input::{self, Checks},
    redact::Secrets,
    run::RUN_TIMEOUT,
    socket::{self, Frame, Socket, write_limit},
    sync::lock,
    timeout::within,
    transport::Response,
};

/// A request for a [`WebSocketRunner`], from [`EndpointHandle::over_websocket`](crate::EndpointHandle::over_websocket).
/// Await it to open the connection.
#[must_use = "nothing is opened until this is awaited"]
pub struct WebSocketRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    path: Option<String>,
    timeout: Option<Duration>,
    types: PhantomData<fn() -> E>,
}

/// A connection for direct calls of one endpoint, from awaiting
/// [`EndpointHandle::over_websocket`](crate::EndpointHandle::over_websocket).
///
/// Clones share the connection. Calls are answered in the order in which they were sent. Several can be in progress, but a
/// slow one delays those after it.
///
/// ```no_run
/// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
/// use fal_client::untyped;
/// use serde_json::json;
///
/// let runner = client.endpoint_id("my-user/my-app").over_websocket().await?;
/// let run = |n: u32| runner.run(untyped::input("my-user/my-app", json!({ "n": n })));
/// let (one, two) = tokio::join!(run(1), run(2));
/// println!("{} {}", *one?, *two?);
/// # Ok(())
/// # }
/// ```
pub struct WebSocketRunner<E: Endpoint> {
    shared: Arc<Shared>,
    types: PhantomData<fn(E) -> E>,
}

struct Shared {
    client: Client,
    endpoint: Cow<'static, str>,
    timeout: Option<Duration>,
    sending: tokio::sync::Mutex<()>,
    receiving: tokio::sync::Mutex<()>,
    state: Mutex<RunnerState>,
}

struct RunnerState {
    socket: Socket,
    /// The largest size of a response in bytes.
    limit: usize,
    /// The number of calls that were sent.
    sent: u64,
    /// The number of frames that were received.
    frames: u64,
    /// The number of responses that are complete.
    completed: u64,
    partial: Option<PartialResponse>,
    /// Complete responses that are not taken yet, by the number of their call.
    responses: BTreeMap<u64, Result<Response>>,
    /// Calls that nobody waits for.
    abandoned: BTreeSet<u64>,
    /// The reason for which the connection cannot be used any more.
    broken: Option<String>,
}

/// A response that has begun to arrive.
struct PartialResponse {
    request_id: String,
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
    is_too_large: bool,
}

/// A frame at the beginning or the end of a response.
#[derive(Deserialize)]
struct Metadata {
    r#type: String,
    request_id: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, serde_json::Value>,
}

impl<E: Endpoint> WebSocketRequest<E> {
    pub(crate) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        let timeout = client.0.timeout;
        Self { client, endpoint, path: None, timeout, types: PhantomData }
    }

    /// Sets the path below the endpoint for all calls. Empty by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the time for opening the connection, and then for each call. By default it is that of the client, which has no
    /// limit unless one is set. In any case a call fails after an hour in which nothing arrives, as long as fal lets a
    /// request run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    async fn open(self) -> Result<WebSocketRunner<E>> {
        let Self { client, endpoint, path, timeout, .. } = self;
        let limit = client.0.transport.event_limit();
        let opening = async {
            let url = EndpointId::parse(&endpoint)?.call_url(&client.hosts().ws, path.as_deref())?;
            let mut request = socket::upgrade_request(url, true);
            request.retry = client.0.retry.clone();
            Socket::open(&client.0.transport, request, limit).await
        };
        let opened = within(timeout, &endpoint, opening).await;
        let socket = opened.map_err(|error| error.with_endpoint(endpoint.as_ref()))?;
        let state = RunnerState {
            socket,
            limit,
            sent: 0,
            frames: 0,
            completed: 0,
            partial: None,
            responses: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            broken: None,
        };
        let shared = Shared {
            client,
            endpoint,
            timeout,
            sending: tokio::sync::Mutex::default(),
            receiving: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        };
        Ok(WebSocketRunner { shared: Arc::new(shared), types: PhantomData })
    }
}

impl<E: Endpoint> IntoFuture for WebSocketRequest<E> {
    type Output = Result<WebSocketRunner<E>>;
    type IntoFuture = Pending<WebSocketRunner<E>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.open())
    }
}

impl<E: Endpoint> WebSocketRunner<E> {
    /// Calls the model and waits for its answer, like [`Client::run`]. Local files are uploaded first. The endpoint is that
    /// of the connection, whatever the input says.
    ///
    /// # Errors
    ///
    /// Those of [`Client::run`]. If the connection breaks, every call in progress fails, with the remark that it may have
    /// been accepted, and no more calls can be made.
    pub fn run<I: IntoInput<Endpoint = E>>(&self, input: I) -> BoxFuture<'_, Result<Reply<E::Output>>> {
        Box::pin(self.run_input(input.into_input()))
    }

    async fn run_input(&self, input: E::Input) -> Result<Reply<E::Output>> {
        let shared = &*self.shared;
        let call = async {
            let input = input::encode(input, Checks { rules: true, files: shared.client.0.check_files })?;
            let uploads = shared.client.0.uploads.clone();
            let body = input.into_json(&shared.client, uploads, &shared.client.0.retry, None).await?;
            let call = shared.send(text_message(body)?).await?;
            let response = shared.receive(call).await?;
            let response = Response { secrets: shared.client.0.transport.secrets(), ..response };
            if !response.status.is_success() {
                return Err(Error::from_response(response.status, &response.headers, response.body));
            }
            Reply::decode(response.into())
        };
        let result = within(shared.timeout, &shared.endpoint, call).await;
        let secrets = shared.client.0.transport.secrets();
        result.map_err(|error| error.with_endpoint(shared.endpoint.as_ref()).hide(&secrets))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, RunnerState> {
        lock(&self.state)
    }

    /// Sends a call. If it is dropped while this waits, its response is dropped when it arrives.
    async fn send(&self, message: Message) -> Result<PendingCall<'_>> {
        let _turn = self.sending.lock().await;
        let limit = write_limit(self.client.0.transport.idle_timeout, message.len());
        let mut message = Some(message);
        let mut call = PendingCall { shared: self, number: None };
        let writing = std::future::poll_fn(|context| {
            let mut state = self.state();
            if let Some(reason) = &state.broken {
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, reason.clone())));
            }
            ready!(state.socket.poll_ready(context))?;
            if let Some(message) = message.take() {
                state.socket.start_send(message)?;
                state.sent += 1;
                call.number = Some(state.sent);
            }
            state.socket.poll_flush(context).map_err(Error::with_unknown_outcome)
        });
        match limit {
            None => writing.await?,
            Some(limit) => tokio::time::timeout(limit, writing).await.unwrap_or_else(|_| {
                let error = Error::from_silence(limit);
                self.state().broken = Some(error.message().to_owned());
                Err(error)
            })?,
        }
        Ok(call)
    }

    /// Waits for the response to a call.
    async fn receive(&self, mut call: PendingCall<'_>) -> Result<Response> {
        let number = call.number.unwrap_or_default();
        // The task with this lock reads the responses for all calls.
        let _turn = self.receiving.lock().await;
        loop {
            let frames = self.state().frames;
            let receiving = std::future::poll_fn(|context| self.state().poll_response(context, number));
            if let Ok(response) = tokio::time::timeout(RUN_TIMEOUT, receiving).await {
                call.number = None;
                return response;
            }
            let mut state = self.state();
            if state.frames == frames && state.broken.is_none() {
                let error = Error::from_silence(RUN_TIMEOUT);
                state.broken = Some(error.message().to_owned());
                call.number = None;
                return Err(error);
            }
        }
    }
}

impl RunnerState {
    fn poll_response(&mut self, context: &mut Context<'_>, number: u64) -> Poll<Result<Response>> {
        loop {
            if let Some(response) = self.responses.remove(&number) {
                return Poll::Ready(response);
            }
            if let Some(reason) = &self.broken {
                let message = format!("{reason}; the call may have been accepted");
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, message).with_unknown_outcome()));
            }
            let frame = ready!(self.socket.poll_next(context));
            self.frames += 1;
            match frame {
                Some(Ok(Frame::Text(text))) => self.accept(&text, true),
                Some(Ok(Frame::Binary(bytes))) => self.accept(&bytes, false),
                Some(Ok(Frame::KeepAlive)) => {}
                Some(Ok(Frame::Close(_))) => {
                    self.broken = Some("the service closed the connection".to_owned());
                }
                Some(Err(error)) => {
                    self.broken = Some(error.message().to_owned());
                    if error.is_too_large() {
                        self.fail_current(error);
                    }
                }
                None => self.broken = Some("the connection is gone".to_owned()),
            }
        }
    }

    /// Completes the current call with an error, when its response cannot be read any further.
    fn fail_current(&mut self, error: Error) {
        let error = match self.partial.take() {
            Some(partial) => error.with_request_id(Some(&partial.request_id)),
            None => error,
        };
        self.complete_current(Err(error));
    }

    /// Stores the response to the current call, unless nobody waits for it.
    fn complete_current(&mut self, response: Result<Response>) {
        self.completed += 1;
        if !self.abandoned.remove(&self.completed) {
            self.responses.insert(self.completed, response);
        }
    }

    fn accept(&mut self, frame: &[u8], is_text: bool) {
        let metadata = if is_text { serde_json::from_slice::<Metadata>(frame).ok() } else { None };
        match (metadata, &mut self.partial) {
            (Some(metadata), None) if metadata.r#type == "start" => {
                self.partial = Some(PartialResponse::new(metadata));
            }
            (Some(metadata), Some(partial))
                if metadata.r#type == "end" && metadata.request_id == partial.request_id =>
            {
                if let Some(partial) = self.partial.take() {
                    self.complete_current(partial.into_response(self.limit));
                }
            }
            (_, Some(partial)) if partial.body.len().saturating_add(frame.len()) > self.limit => {
                partial.is_too_large = true;
            }
            (_, Some(partial)) => partial.body.extend_from_slice(frame),
            (_, None) => self.broken = Some("the service sent a body that belongs to no call".to_owned()),
        }
    }
}

impl PartialResponse {
    fn new(metadata: Metadata) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in &metadata.headers {
            let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
            if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
                headers.append(name, value);
            }
        }
        if let Ok(id) = HeaderValue::from_str(&metadata.request_id) {
            headers.entry("x-fal-request-id").or_insert(id);
        }
        let status = metadata.status.and_then(|status| StatusCode::from_u16(status).ok());
        Self {
            request_id: metadata.request_id,
            status: status.unwrap_or(StatusCode::OK),
            headers,
            body: BytesMut::new(),
            is_too_large: false,
        }
    }

    fn into_response(self, limit: usize) -> Result<Response> {
        if self.is_too_large {
            let message = format!("the answer is larger than {limit} bytes");
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(
                Error::new(ErrorKind::TooLarge { limit }, message).with_request_id(Some(&self.request_id))
            );
        }
        let secrets = Secrets::default();
        Ok(Response { status: self.status, headers: self.headers, body: self.body.freeze(), secrets })
    }
}

/// Returns a text frame, because the gateway takes no binary ones.
fn text_message(json: Bytes) -> Result<Message> {
    let text = Utf8Bytes::try_from(json).map_err(|cause| {
        Error::new(ErrorKind::Encode, "the input is written as JSON that is no UTF-8").with_source(cause)
    })?;
    Ok(Message::Text(text))
}

/// A call whose response was not taken. Dropping it drops the response.
struct PendingCall<'a> {
    shared: &'a Shared,
    /// The number of the call, from 1; `None` before it is written.
    number: Option<u64>,
}

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.shared.state();
        if state.responses.remove(&number).is_none() && state.completed < number {
            state.abandoned.insert(number);
        }
    }
}

impl<E: Endpoint> Clone for WebSocketRunner<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), types: PhantomData }
    }
}

impl<E: Endpoint> fmt::Debug for WebSocketRunner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketRunner").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}

impl<E: Endpoint> fmt::Debug for WebSocketRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketRequest").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
