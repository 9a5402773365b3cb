//! An open connection, whole or in halves.

use std::{fmt, marker::PhantomData, pin::Pin, sync::Arc, task::Poll, time::Duration};

use fal_core::{Endpoint, IntoInput, Realtime, validate};
use futures_util::{Stream, stream};
use tokio::time::{Instant, Sleep};

use super::{
    Message, codec, inline,
    link::{Heard, Link},
    wire::Incoming,
};
use crate::{Error, ErrorKind, Result};

/// An open connection to a model. From awaiting [`EndpointHandle::realtime`](crate::EndpointHandle::realtime).
///
/// Nothing runs in the background: messages are read while [`recv`](Self::recv) or
/// [`request`](Self::request) is awaited, which is also when pings are answered.
///
/// ```no_run
/// # use fal_client::{Client, Endpoint, IntoInput, Realtime};
/// # async fn example<E: Realtime<Send = <E as Endpoint>::Input>, I: IntoInput<Endpoint = E>>(client: Client, input: I) -> fal_client::Result<()> {
/// let mut connection = client.realtime::<E>().await?;
/// connection.send(input).await?;
/// while let Some(message) = connection.recv().await? {
///     println!("{} bytes", message.raw().len());
/// }
/// connection.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct Connection<E: Realtime> {
    sender: Sender<E>,
    receiver: Receiver<E>,
}

/// The half of a connection that sends. Clones share the connection.
pub struct Sender<E: Realtime> {
    link: Arc<Link>,
    last: Arc<LastSender>,
    types: PhantomData<fn(E)>,
}

/// Tells the receiver when nobody is left to send.
struct LastSender(Arc<Link>);

/// The half of a connection that receives.
pub struct Receiver<E: Realtime> {
    link: Arc<Link>,
    /// Whether somebody else may open the connection again.
    is_half: bool,
    /// Whether the connection was lost, which is told once.
    is_lost: bool,
    life: Life,
    types: PhantomData<fn() -> E>,
}

/// Whether the other side is still there.
#[derive(Default)]
struct Life {
    timer: Option<Pin<Box<Sleep>>>,
    frames: u64,
    asked: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// It was written to the connection.
    Written,
    /// A later message took its place before the throttle let it go.
    Superseded,
}

impl<E: Realtime> Connection<E> {
    pub(super) fn new(link: Link) -> Self {
        let link = Arc::new(link);
        let last = Arc::new(LastSender(link.clone()));
        let receiver = Receiver {
            link: link.clone(),
            is_half: false,
            is_lost: false,
            life: Life::default(),
            types: PhantomData,
        };
        Self { sender: Sender { link, last, types: PhantomData }, receiver }
    }

    /// As [`Sender::send`].
    pub async fn send<I>(&self, input: I) -> Result<SendOutcome>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        self.sender.send(input).await
    }

    /// As [`Sender::send_message`].
    pub async fn send_message(&self, message: &E::Send) -> Result<SendOutcome> {
        self.sender.send_message(message).await
    }

    /// As [`Receiver::recv`].
    pub async fn recv(&mut self) -> Result<Option<Message<E::Receive>>> {
        self.receiver.recv().await
    }

    /// Sends an input and waits for its answer, of a model that answers every input with one message, in
    /// order. Answers to messages of [`send`](Self::send) stay for [`recv`](Self::recv); when this is dropped
    /// before its answer has come, nobody gets it. A throttle does not apply.
    ///
    /// # Errors
    ///
    /// As [`Sender::send`] and [`Receiver::recv`]; `Transport` when the connection ends without the answer.
    pub async fn request<I>(&mut self, input: I) -> Result<Message<E::Receive>>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        let message = self.sender.checked(input).await?;
        self.request_message(&message).await
    }

    /// As [`request`](Self::request), with a message as it is.
    pub async fn request_message(&mut self, message: &E::Send) -> Result<Message<E::Receive>> {
        let settings = &self.sender.link.settings;
        let message = codec::encode(message, settings.format);
        let number =
            self.sender.link.send_now(message.map_err(|error| self.sender.with_endpoint(error))?).await?;
        let mut waiting = Waiting { link: &self.sender.link, number: Some(number) };
        match self.receiver.heard(Some(number)).await {
            Ok(Heard::Message(incoming)) => {
                waiting.number = None;
                self.receiver.read(incoming)
            }
            Ok(Heard::End | Heard::Gone) => {
                let message = "the connection ended before the answer";
                Err(self
                    .sender
                    .with_endpoint(Error::new(ErrorKind::Transport, message).sent_without_response()))
            }
            Err(error) => {
                self.receiver.is_lost = true;
                Err(error)
            }
        }
    }

    /// How long the model took for its last answer, if it says so.
    #[must_use]
    pub fn timing(&self) -> Option<Duration> {
        self.receiver.timing()
    }

    /// Takes the connection apart, to send and receive in different tasks.
    ///
    /// With [`ConnectRequest::reconnect`](super::ConnectRequest::reconnect), the receiver then waits while there is no
    /// connection, until something is sent or no sender is left.
    #[must_use]
    pub fn split(self) -> (Sender<E>, Receiver<E>) {
        let Self { sender, mut receiver } = self;
        receiver.is_half = true;
        (sender, receiver)
    }

    /// The messages as a stream, which ends after an error and with the connection.
    pub fn into_stream(self) -> impl Stream<Item = Result<Message<E::Receive>>> + Send {
        messages((Some(self.sender), self.receiver))
    }

    /// Says goodbye and waits for the service to do so too, for 5 s at most. What comes in the meantime is
    /// dropped.
    pub async fn close(self) -> Result<()> {
        self.sender.link.close().await
    }
}

impl<E: Realtime> Sender<E> {
    /// Checks an input and sends it. Local files go along as data URIs.
    ///
    /// The message has been handed to the operating system when this is done. When this is dropped, the
    /// message is sent whole or not at all.
    ///
    /// # Errors
    ///
    /// `InvalidInput` and `Encode` when the input is wrong; `Transport` when there is no connection and none
    /// is to be opened, or when it broke while the message was written; what opening a connection failed with.
    pub async fn send<I>(&self, input: I) -> Result<SendOutcome>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        let message = self.checked(input).await?;
        self.send_message(&message).await
    }

    /// Sends a message as it is.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_message(&self, message: &E::Send) -> Result<SendOutcome> {
        let message =
            codec::encode(message, self.link.settings.format).map_err(|error| self.with_endpoint(error))?;
        self.link.send(message).await
    }

    /// Says goodbye, as [`Connection::close`]. The receiver then ends.
    pub async fn close(self) -> Result<()> {
        self.link.close().await
    }

    async fn checked<I>(&self, input: I) -> Result<E::Input>
    where
        I: IntoInput<Endpoint = E>,
    {
        let mut input = input.into_input();
        validate(&input).map_err(|violations| self.with_endpoint(Error::violations(violations)))?;
        inline::files(&mut input).await.map_err(|error| self.with_endpoint(error))?;
        Ok(input)
    }

    fn with_endpoint(&self, error: Error) -> Error {
        error.with_endpoint(self.link.settings.endpoint.as_ref())
    }
}

impl<E: Realtime> Receiver<E> {
    /// Waits for the next message; `None` when the connection has ended as it should: the model is done, has
    /// had no input for long, or the connection was closed here. Can be dropped while it waits without losing
    /// a message.
    ///
    /// # Errors
    ///
    /// What the service said was wrong, with its words as `error_type`; `Auth` when it refuses the token;
    /// `Transport` when the connection was lost, or closed while messages had no answer, and how many; `Decode`
    /// for a message that is not what the endpoint promises, after which others come.
    pub async fn recv(&mut self) -> Result<Option<Message<E::Receive>>> {
        loop {
            match self.heard(None).await {
                Ok(Heard::Message(incoming)) => return self.read(incoming).map(Some),
                Ok(Heard::End) if !self.waits() => return Ok(None),
                Ok(Heard::End) => {}
                Ok(Heard::Gone) if self.link.is_closed_here() || !self.link.settings.reconnects => {
                    return Ok(None);
                }
                Ok(Heard::Gone) if self.is_lost => {
                    self.link
                        .listen_again()
                        .await
                        .map_err(|error| error.with_context("no new connection"))?;
                    self.is_lost = false;
                }
                Ok(Heard::Gone) if self.is_half && self.link.has_senders() => self.link.changed().await,
                Ok(Heard::Gone) => return Ok(None),
                Err(error) => {
                    self.is_lost = true;
                    return Err(error);
                }
            }
        }
    }

    /// As [`Connection::timing`].
    #[must_use]
    pub fn timing(&self) -> Option<Duration> {
        self.link.timing()
    }

    /// As [`Connection::into_stream`].
    pub fn into_stream(self) -> impl Stream<Item = Result<Message<E::Receive>>> + Send {
        messages((None, self))
    }

    fn waits(&self) -> bool {
        self.is_half && self.link.settings.reconnects
    }

    fn read(&self, incoming: Incoming) -> Result<Message<E::Receive>> {
        let read = codec::decode(incoming.raw, incoming.format);
        read.map_err(|error| error.with_endpoint(self.link.settings.endpoint.as_ref()))
    }

    /// What comes next: any message, or the answer with this number.
    async fn heard(&mut self, wanted: Option<u64>) -> Result<Heard> {
        let Self { link, life, .. } = self;
        std::future::poll_fn(|context| {
            if let Poll::Ready(heard) = link.poll_heard(context, wanted) {
                return Poll::Ready(heard);
            }
            life.poll(context, link).map(Err)
        })
        .await
    }
}

impl Life {
    /// Asks for a sign of life when there was none for long, and gives up without an answer.
    fn poll(&mut self, context: &mut std::task::Context<'_>, link: &Link) -> Poll<Error> {
        let Some(silence) = link.settings.keep_alive else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence)));
        while timer.as_mut().poll(context).is_ready() {
            let frames = link.frames();
            if frames != self.frames {
                (self.frames, self.asked) = (frames, false);
            } else if self.asked {
                link.give_up();
                self.timer = None;
                self.asked = false;
                let message = format!("the connection is lost: no sign of life within {silence:?}");
                let error = Error::new(ErrorKind::Timeout, message);
                return Poll::Ready(error.with_endpoint(link.settings.endpoint.as_ref()));
            } else {
                self.asked = true;
                link.ping();
            }
            // A time beyond the end of time does not come.
            let Some(next) = Instant::now().checked_add(silence) else { return Poll::Pending };
            timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

/// A request whose answer has not come.
struct Waiting<'a> {
    link: &'a Link,
    number: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.link.abandon(number);
        }
    }
}

impl Drop for LastSender {
    fn drop(&mut self) {
        self.0.no_more_senders();
    }
}

fn messages<E: Realtime>(
    halves: (Option<Sender<E>>, Receiver<E>),
) -> impl Stream<Item = Result<Message<E::Receive>>> + Send {
    stream::unfold(Some(halves), |halves| async {
        let (sender, mut receiver) = halves?;
        match receiver.recv().await.transpose()? {
            Ok(message) => Some((Ok(message), Some((sender, receiver)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl<E: Realtime> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone(), last: self.last.clone(), types: PhantomData }
    }
}

macro_rules! debug {
    ($($name:ident . $($link:ident).+,)*) => {
        $(impl<E: Realtime> fmt::Debug for $name<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let endpoint = &self.$($link).+.settings.endpoint;
                f.debug_struct(stringify!($name)).field("endpoint", endpoint).finish_non_exhaustive()
            }
        })*
    };
}

debug! {
    Connection.sender.link,
    Sender.link,
    Receiver.link,
}
