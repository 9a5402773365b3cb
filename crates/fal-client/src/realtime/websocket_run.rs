//! HTTP over WebSocket: many small calls over one connection.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use fal_core::{Endpoint, IntoInput};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::{
    Client, Error, ErrorKind, Pending, Reply, Result,
    call::within,
    endpoint_id::EndpointId,
    prepare,
    socket::{self, Frame, Socket},
    transport::Response,
};

/// Calls over one connection in the making, from [`EndpointHandle::over_websocket`](crate::EndpointHandle::over_websocket). Opened by awaiting it.
#[must_use = "nothing is opened until this is awaited"]
pub struct WebSocketRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    path: Option<String>,
    timeout: Option<Duration>,
    types: PhantomData<fn() -> E>,
}

/// Calls over one connection. From awaiting [`EndpointHandle::over_websocket`](crate::EndpointHandle::over_websocket).
///
/// Clones share the connection. Calls are sent as they are made and answered in their order, so that several
/// can be on their way at once; a slow one holds up those behind it.
///
/// ```no_run
/// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
/// use fal_client::untyped;
/// use serde_json::json;
///
/// let calls = client.untyped_over_websocket("my-user/my-app").await?;
/// let ask = |n: u32| calls.run(untyped::input("my-user/my-app", json!({ "n": n })));
/// let (one, two) = tokio::join!(ask(1), ask(2));
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
    wire: Mutex<Wire>,
}

struct Wire {
    socket: Socket,
    limit: usize,
    sent: u64,
    /// How many answers have come whole.
    done: u64,
    begun: Option<Begun>,
    /// Answers that have come and are not fetched yet.
    ready: BTreeMap<u64, Result<Response>>,
    /// Calls that nobody waits for any more.
    abandoned: BTreeSet<u64>,
    /// Why nothing will be sent or come any more.
    broken: Option<String>,
}

/// An answer of which the beginning has come.
struct Begun {
    request_id: String,
    status: StatusCode,
    headers: HeaderMap,
    body: BytesMut,
    is_too_large: bool,
}

/// A frame that is not part of a body.
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

    /// Calls a path below the endpoint.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// How long opening the connection, and then each call, may take. No limit unless the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    async fn open(self) -> Result<WebSocketRunner<E>> {
        let Self { client, endpoint, path, timeout, .. } = self;
        let limit = client.0.transport.event_limit();
        let opening = async {
            let url = EndpointId::parse(&endpoint)?.call_url(&client.hosts().ws, path.as_deref())?;
            let mut request = socket::request(url, true);
            request.retry = client.0.retry.clone();
            Socket::open(&client.0.transport, request, limit).await
        };
        let opened = within(timeout, &endpoint, pin!(opening)).await;
        let socket = opened.map_err(|error| error.with_endpoint(endpoint.as_ref()))?;
        let wire = Wire {
            socket,
            limit,
            sent: 0,
            done: 0,
            begun: None,
            ready: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            broken: None,
        };
        let shared = Shared {
            client,
            endpoint,
            timeout,
            sending: tokio::sync::Mutex::default(),
            receiving: tokio::sync::Mutex::default(),
            wire: Mutex::new(wire),
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
    /// Calls the model and waits for its answer, as [`Client::run`] does over a connection of its own. Local
    /// files are uploaded first. The endpoint is that of the connection.
    ///
    /// # Errors
    ///
    /// As [`Client::run`]. When the connection breaks, every call that waits is told that it may have been
    /// accepted, and no further call can be made.
    pub async fn run<I: IntoInput<Endpoint = E>>(&self, input: I) -> Result<Reply<E::Output>> {
        let shared = &*self.shared;
        let call = pin!(async {
            let input = prepare::write(input.into_input(), false)?;
            let body = input.json(&shared.client, &shared.client.0.retry, None).await?;
            let waiting = shared.send(as_text(body)?).await?;
            let answer = shared.answer(waiting).await?;
            if !answer.status.is_success() {
                return Err(Error::from_answer(answer.status, &answer.headers, answer.body));
            }
            Reply::read(answer.into())
        });
        let done = within(shared.timeout, &shared.endpoint, call).await;
        done.map_err(|error| error.with_endpoint(shared.endpoint.as_ref()))
    }
}

impl Shared {
    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a call. From here on its answer is expected, and dropped if nobody waits for it.
    async fn send(&self, message: Message) -> Result<Waiting<'_>> {
        let _turn = self.sending.lock().await;
        let mut message = Some(message);
        let mut waiting = Waiting { shared: self, number: None };
        std::future::poll_fn(|context| {
            let mut wire = self.wire();
            if let Some(why) = &wire.broken {
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, why.clone())));
            }
            ready!(wire.socket.poll_ready(context))?;
            if let Some(message) = message.take() {
                wire.socket.start_send(message)?;
                wire.sent += 1;
                waiting.number = Some(wire.sent);
            }
            wire.socket.poll_flush(context).map_err(Error::sent_without_response)
        })
        .await?;
        Ok(waiting)
    }

    /// Waits for the answer to a call.
    async fn answer(&self, mut waiting: Waiting<'_>) -> Result<Response> {
        let number = waiting.number.unwrap_or_default();
        // Whoever has this reads, for the others too.
        let _turn = self.receiving.lock().await;
        let answer = std::future::poll_fn(|context| self.wire().poll_answer(context, number)).await;
        waiting.number = None;
        answer
    }
}

impl Wire {
    fn poll_answer(&mut self, context: &mut Context<'_>, number: u64) -> Poll<Result<Response>> {
        loop {
            if let Some(answer) = self.ready.remove(&number) {
                return Poll::Ready(answer);
            }
            if let Some(why) = &self.broken {
                let message = format!("{why}; the call may have been accepted");
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, message).sent_without_response()));
            }
            match ready!(self.socket.poll_next(context)) {
                Some(Ok(Frame::Text(text))) => self.take(&text, true),
                Some(Ok(Frame::Binary(bytes))) => self.take(&bytes, false),
                Some(Ok(Frame::Life)) => {}
                Some(Ok(Frame::Close(_))) => {
                    self.broken = Some("the service closed the connection".to_owned())
                }
                Some(Err(error)) => {
                    self.broken = Some(error.message().to_owned());
                    if error.is_too_large() {
                        self.give_up(error);
                    }
                }
                None => self.broken = Some("the connection is gone".to_owned()),
            }
        }
    }

    /// What came cannot be read on: the call whose answer it was is told why.
    fn give_up(&mut self, error: Error) {
        let error = match self.begun.take() {
            Some(begun) => error.with_request_id(Some(&begun.request_id)),
            None => error,
        };
        self.done += 1;
        if !self.abandoned.remove(&self.done) {
            self.ready.insert(self.done, Err(error));
        }
    }

    fn take(&mut self, frame: &[u8], is_text: bool) {
        let metadata = if is_text { serde_json::from_slice::<Metadata>(frame).ok() } else { None };
        match (metadata, &mut self.begun) {
            (Some(metadata), None) if metadata.r#type == "start" => self.begun = Some(Begun::new(metadata)),
            (Some(metadata), Some(begun))
                if metadata.r#type == "end" && metadata.request_id == begun.request_id =>
            {
                self.done += 1;
                if let Some(begun) = self.begun.take()
                    && !self.abandoned.remove(&self.done)
                {
                    self.ready.insert(self.done, begun.answer(self.limit));
                }
            }
            (_, Some(begun)) if begun.body.len().saturating_add(frame.len()) > self.limit => {
                begun.is_too_large = true;
            }
            (_, Some(begun)) => begun.body.extend_from_slice(frame),
            (_, None) => self.broken = Some("the service sent a body that belongs to no call".to_owned()),
        }
    }
}

impl Begun {
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

    fn answer(self, limit: usize) -> Result<Response> {
        if self.is_too_large {
            let message = format!("the answer is larger than {limit} bytes");
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(
                Error::new(ErrorKind::TooLarge { limit }, message).with_request_id(Some(&self.request_id))
            );
        }
        Ok(Response { status: self.status, headers: self.headers, body: self.body.freeze() })
    }
}

/// The gateway takes frames of text only.
fn as_text(json: Bytes) -> Result<Message> {
    let text = Utf8Bytes::try_from(json).map_err(|cause| {
        Error::new(ErrorKind::Encode, "the input is written as JSON that is no UTF-8").with_source(cause)
    })?;
    Ok(Message::Text(text))
}

/// A call whose answer has not been fetched.
struct Waiting<'a> {
    shared: &'a Shared,
    /// Counted from 1; none before it was written.
    number: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut wire = self.shared.wire();
        if wire.ready.remove(&number).is_none() && wire.done < number {
            wire.abandoned.insert(number);
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
