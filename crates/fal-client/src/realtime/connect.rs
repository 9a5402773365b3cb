//! Opening a connection.

use std::{borrow::Cow, fmt, marker::PhantomData, pin::pin, sync::Arc, time::Duration};

use fal_core::Realtime;

use super::{Connection, Format, Token, TokenRequest, link::Link};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Result, Retry,
    call::CallOptions,
    endpoint_id::EndpointId,
    socket::{self, Socket},
};

/// How a connection says who is calling.
#[derive(Clone)]
enum Access {
    /// With the client's key, in the handshake.
    Key,
    /// With a token that the client fetches with its key.
    Token,
    /// With a token that the caller provides.
    Provided(Provider),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Provider = Arc<dyn Fn() -> BoxFuture<'static, Result<Token, BoxError>> + Send + Sync>;

/// What a connection is opened with, again after it was lost.
pub(super) struct Settings {
    pub(super) client: Client,
    pub(super) endpoint: Cow<'static, str>,
    path: Option<String>,
    max_buffering: Option<u8>,
    access: Access,
    options: CallOptions,
    pub(super) format: Format,
    pub(super) limit: usize,
    pub(super) throttle: Option<Duration>,
    pub(super) reconnects: bool,
    pub(super) keep_alive: Option<Duration>,
    pub(super) key: Option<String>,
}

/// A connection in the making, from [`Client::realtime`]. Opened by awaiting it.
#[must_use = "nothing is opened until this is awaited"]
pub struct ConnectRequest<E: Realtime> {
    settings: Settings,
    types: PhantomData<fn() -> E>,
}

impl<E: Realtime> ConnectRequest<E> {
    pub(crate) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        let access = if client.0.transport.proxy.is_some() { Access::Token } else { Access::Key };
        let settings = Settings {
            client,
            endpoint,
            path: None,
            max_buffering: None,
            access,
            options: CallOptions::default(),
            format: Format::default(),
            limit: 64 << 20,
            throttle: None,
            reconnects: false,
            keep_alive: Some(Duration::from_secs(20)),
            key: None,
        };
        Self { settings, types: PhantomData }
    }

    /// Connects to this path below the endpoint instead of `/realtime`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.path = Some(path.into());
        self
    }

    /// How messages to the model are written; [`Format::MessagePack`] unless this says otherwise. What the
    /// model answers is read in both.
    pub fn format(mut self, format: Format) -> Self {
        self.settings.format = format;
        self
    }

    /// How many inputs may wait for the model before the oldest is dropped for a newer one, 1 to 60. Sent as
    /// `max_buffering`.
    pub fn max_buffering(mut self, inputs: u8) -> Self {
        self.settings.max_buffering = Some(inputs);
        self
    }

    /// Opens the connection with a token that is fetched first, and fetched anew for each connection, instead
    /// of the key. The default behind a proxy, which has the key.
    pub fn with_token(mut self) -> Self {
        self.settings.access = Access::Token;
        self
    }

    /// Opens the connection with a token from `provide`, which is asked anew for each connection: an app
    /// without a key asks its backend, which calls [`Client::realtime_token`].
    pub fn token_from<P, F, T>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Token, T>> + Send + 'static,
        T: Into<BoxError>,
    {
        self.settings.access = Access::Provided(Arc::new(move || {
            let asked = provide();
            Box::pin(async move { asked.await.map_err(Into::into) })
        }));
        self
    }

    /// Leaves at least this much time between two messages. The first goes at once; of those that come in
    /// the meantime the latest is sent when the time is over, and the others are [superseded](super::SendOutcome::Superseded).
    pub fn throttle(mut self, interval: Duration) -> Self {
        self.settings.throttle = Some(interval);
        self
    }

    /// Opens another connection when this one is gone, with a fresh token, for the next message; and after
    /// a failure at once.
    ///
    /// Nothing is repeated by itself: that a connection was lost is an error of [`Connection::recv`], which
    /// says how many messages had no answer, and a message that was not written is an error of its send.
    pub fn reconnect(mut self) -> Self {
        self.settings.reconnects = true;
        self
    }

    /// When opening the connection is tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.options.retry = Some(retry);
        self
    }

    /// How long opening a connection may take, tokens and retries included. No limit unless the client has
    /// one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.options.timeout = Some(timeout);
        self
    }

    /// Sends one more header with the handshake. `Authorization` is refused.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.settings.options.header(name.as_ref(), value.as_ref());
        self
    }

    /// How long the service may be silent before it is asked for a sign of life, and how long it has to give
    /// one; 20 s unless this says otherwise. A connection without one is lost. Never asked with `None`.
    ///
    /// Asking is part of [`Connection::recv`].
    pub fn keep_alive(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.settings.keep_alive = silence.into();
        self
    }

    /// The largest message that is taken, in bytes; 64 MiB unless this says otherwise.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.settings.limit = bytes;
        self
    }

    /// Keeps the connection open when it is dropped, for the next one of this client to the same endpoint
    /// with the same key, which saves the handshake. One that waits for answers is closed.
    pub fn reuse(mut self, key: impl Into<String>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    async fn open(mut self) -> Result<Connection<E>> {
        if let Some(inputs) = self.settings.max_buffering.filter(|inputs| !(1..=60).contains(inputs)) {
            let message = format!("`max_buffering` is from 1 to 60, not {inputs}");
            return Err(Error::new(ErrorKind::Config, message).with_endpoint(self.settings.endpoint.as_ref()));
        }
        self.settings.key = self.settings.key.map(|key| {
            let path = self.settings.path.as_deref().unwrap_or_default();
            format!("{}\n{path}\n{key}", self.settings.endpoint)
        });
        let kept = self.settings.key.as_deref().and_then(|key| self.settings.client.0.sockets.take(key));
        let socket = match kept {
            Some(socket) => socket,
            None => self.settings.open().await?,
        };
        Ok(Connection::new(Link::new(self.settings, socket)))
    }
}

impl Settings {
    /// Opens a connection, with a fresh token where one is needed.
    pub(super) async fn open(&self) -> Result<Socket> {
        let limit = self.options.timeout(&self.client);
        let opened = crate::call::within(limit, &self.endpoint, pin!(self.handshake())).await;
        opened.map_err(|error| error.with_endpoint(self.endpoint.as_ref()))
    }

    async fn handshake(&self) -> Result<Socket> {
        let run = &self.client.hosts().run;
        let default = (!self.endpoint.ends_with("/realtime")).then_some("/realtime");
        let path = self.path.as_deref().or(default);
        let mut url = EndpointId::parse(&self.endpoint)?.call_url(run, path)?;
        let token = match &self.access {
            Access::Key => None,
            Access::Token => Some(TokenRequest::new(self.client.clone(), self.endpoint.clone()).await?),
            Access::Provided(provide) => Some(provide().await.map_err(|cause| {
                let message = format!("the provider of realtime tokens failed: {cause}");
                Error::new(ErrorKind::Auth, message).with_source(cause)
            })?),
        };
        if let Some(token) = &token {
            url.query_pairs_mut().append_pair("fal_jwt_token", token.secret());
        }
        if let Some(inputs) = self.max_buffering {
            url.query_pairs_mut().append_pair("max_buffering", &inputs.to_string());
        }
        let mut request = socket::request(url, token.is_none());
        request.headers = self.options.clone().headers()?;
        request.retry = self.options.retry(&self.client);
        request.deadline = self.options.deadline(&self.client);
        Socket::open(&self.client.0.transport, request, self.limit).await
    }
}

impl<E: Realtime> IntoFuture for ConnectRequest<E> {
    type Output = Result<Connection<E>>;
    type IntoFuture = Pending<Connection<E>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.open())
    }
}

impl<E: Realtime> fmt::Debug for ConnectRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest").field("endpoint", &self.settings.endpoint).finish_non_exhaustive()
    }
}
