//! The request that opens a connection.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc, time::Duration};

use fal_core::Realtime;

use super::{
    connection::Connection,
    link::Link,
    message::Format,
    settings::{Access, BoxError, ConnectionSettings},
    token::Token,
};
use crate::{Client, Error, ErrorKind, Pending, Result, Retry};

/// A request for a connection, from [`EndpointHandle::realtime`](crate::EndpointHandle::realtime). Await it to open the
/// [`Connection`].
#[must_use = "nothing is opened until this is awaited"]
pub struct ConnectRequest<E: Realtime> {
    settings: ConnectionSettings,
    types: PhantomData<fn() -> E>,
}

impl<E: Realtime> ConnectRequest<E> {
    pub(crate) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        Self { settings: ConnectionSettings::new(client, endpoint), types: PhantomData }
    }

    /// Sets the path below the endpoint to connect to. `/realtime` by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.settings.path = Some(path.into());
        self
    }

    /// Sets the format of messages to the model. [`Format::MessagePack`] by default. Messages of the model are read in
    /// both formats.
    pub fn format(mut self, format: Format) -> Self {
        self.settings.format = format;
        self
    }

    /// Sets the number of inputs, from 1 to 60, that may wait for the model. If there are more, the oldest is dropped.
    /// Sent as `max_buffering`; by default, fal decides.
    #[doc(alias = "maxBuffering")]
    pub fn max_buffering(mut self, inputs: u8) -> Self {
        self.settings.max_buffering = Some(inputs);
        self
    }

    /// Opens the connection with a token instead of the key. A new token is fetched for each connection.
    ///
    /// This is the default behind a proxy, because only the proxy has the key.
    pub fn with_token(mut self) -> Self {
        self.settings.access = Access::Token;
        self
    }

    /// Opens the connection with a token from `provide`, which is called for each connection.
    ///
    /// An app without a key gets the token from its backend, which calls
    /// [`EndpointHandle::realtime_token`](crate::EndpointHandle::realtime_token).
    #[doc(alias = "tokenProvider")]
    pub fn token_from<P, F, T>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Token, T>> + Send + 'static,
        T: Into<BoxError>,
    {
        self.settings.access = Access::TokenFrom(Arc::new(move || {
            let token = provide();
            Box::pin(async move { token.await.map_err(Into::into) })
        }));
        self
    }

    /// Sets the least time between two messages. By default messages are sent immediately.
    ///
    /// The first message is sent immediately. Of those that follow within `interval`, the latest is sent at its end, and
    /// the others are [superseded](super::SendOutcome::Superseded).
    #[doc(alias = "throttleInterval")]
    pub fn throttle(mut self, interval: Duration) -> Self {
        self.settings.throttle = Some(interval);
        self
    }

    /// Opens another connection after this one has ended, with a new token: for the next message, or immediately after a
    /// failure. Off by default.
    ///
    /// No message is sent again. The loss of a connection is an error of [`Connection::recv`], which says how many
    /// messages were not answered, and a message that was not written is an error of its `send`.
    pub fn reconnect(mut self) -> Self {
        self.settings.reconnects = true;
        self
    }

    /// Sets when opening the connection is tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.options.retry = Some(retry);
        self
    }

    /// Sets the time for opening the connection, tokens and retries included. By default it is that of the client, which
    /// has no limit unless one is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.options.timeout = Some(timeout);
        self
    }

    /// Adds a header to the handshake. `Authorization` is refused.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.settings.options.set_header(name.as_ref(), value.as_ref());
        self
    }

    /// Sets the time of silence after which the service is pinged. If it is then silent for the same time again, the
    /// connection is lost. 20 s by default; `None` turns pings off.
    ///
    /// Pings are sent while [`Connection::recv`] is awaited.
    pub fn keep_alive(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.settings.keep_alive = silence.into();
        self
    }

    /// Sets the largest size of a received message, in bytes. 64 MiB by default.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_message_bytes = bytes;
        self
    }

    /// Keeps the socket open when the connection is dropped, for the next connection of this client to the same endpoint
    /// with the same key, which then needs no handshake. Off by default.
    ///
    /// A connection that is dropped while it waits for an answer is closed.
    #[doc(alias = "connectionKey")]
    pub fn reuse(mut self, key: impl Into<String>) -> Self {
        self.settings.reuse_key = Some(key.into());
        self
    }

    async fn open(self) -> Result<Connection<E>> {
        let mut settings = self.settings;
        if let Some(inputs) = settings.max_buffering.filter(|inputs| !(1..=60).contains(inputs)) {
            let message = format!("`max_buffering` is from 1 to 60, not {inputs}");
            return Err(settings.add_endpoint(Error::new(ErrorKind::Config, message)));
        }
        settings.reuse_key = settings.reuse_key.map(|key| {
            let path = settings.path.as_deref().unwrap_or_default();
            format!("{}\n{path}\n{key}", settings.endpoint)
        });
        let idle = settings.reuse_key.as_deref().and_then(|key| settings.client.0.sockets.take(key));
        let socket = match idle {
            Some(socket) => socket,
            None => settings.open_socket().await?,
        };
        Ok(Connection::new(Link::new(settings, socket)))
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
