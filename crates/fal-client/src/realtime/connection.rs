//! Open connections, whole or split into a sender and a receiver.

use std::{fmt, marker::PhantomData, pin::pin, sync::Arc, task::Poll, time::Duration};

use fal_core::{Endpoint, IntoInput, Realtime, validate};
use futures_util::{
    FutureExt, Stream,
    future::{Either, select},
    stream,
};

use super::{
    codec,
    connection_state::Incoming,
    inline::inline_files,
    keep_alive::KeepAlive,
    latest::LatestWriter,
    link::{Link, ReceiveOutcome},
    message::{Message, SendOutcome},
};
use crate::{BoxFuture, Error, ErrorKind, Result, input::has_file, storage::has_to_be_read};

/// The silence after which a finished connection expects no more answers.
const FINISH_SILENCE: Duration = Duration::from_secs(10);

/// An open connection to a model, from awaiting [`EndpointHandle::realtime`](crate::EndpointHandle::realtime).
///
/// Nothing runs in the background: messages are read, and pings answered, while [`recv`](Self::recv) or
/// [`request`](Self::request) is awaited.
///
/// ```no_run
/// # use fal_client::{Client, Endpoint, IntoInput, Realtime};
/// # async fn example<E: Realtime<Send = <E as Endpoint>::Input>, I: IntoInput<Endpoint = E>>(client: Client, input: I) -> fal_client::Result<()> {
/// let mut connection = client.endpoint::<E>().realtime().await?;
/// connection.send(input).await?;
/// while let Some(message) = connection.recv().await? {
///     println!("{} bytes", message.raw().len());
/// }
/// connection.close().await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "RealtimeConnection")]
pub struct Connection<E: Realtime> {
    sender: Sender<E>,
    receiver: Receiver<E>,
}

/// The sending half of a connection. Clones share the connection.
pub struct Sender<E: Realtime> {
    link: Arc<Link>,
    guard: Arc<SenderGuard>,
    types: PhantomData<fn(E)>,
}

/// A guard that all clones of a sender share, and that tells the receiver when the last one is dropped.
struct SenderGuard(Arc<Link>);

/// The receiving half of a connection.
pub struct Receiver<E: Realtime> {
    link: Arc<Link>,
    /// `true` after [`Connection::split`], when a sender may open the connection again.
    is_split: bool,
    /// `true` after the loss of the connection was reported, until there is another one.
    loss_reported: bool,
    keep_alive: KeepAlive,
    latest: LatestWriter,
    types: PhantomData<fn() -> E>,
}

impl<E: Realtime> Connection<E> {
    pub(super) fn new(link: Link) -> Self {
        let link = Arc::new(link);
        let guard = Arc::new(SenderGuard(link.clone()));
        let receiver = Receiver {
            link: link.clone(),
            is_split: false,
            loss_reported: false,
            keep_alive: KeepAlive::default(),
            latest: LatestWriter::default(),
            types: PhantomData,
        };
        Self { sender: Sender { link, guard, types: PhantomData }, receiver }
    }

    /// Sends an input; see [`Sender::send`].
    pub fn send<I>(&self, input: I) -> BoxFuture<'_, Result<SendOutcome>>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        self.sender.send(input)
    }

    /// Sends a message; see [`Sender::send_message`].
    pub async fn send_message(&self, message: &E::Send) -> Result<SendOutcome> {
        self.sender.send_message(message).await
    }

    /// Sends an input as soon as there is room for it, unless a later one takes its place; see [`Sender::latest`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn latest<I>(&self, input: I) -> Result<()>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        self.sender.latest(input)
    }

    /// Sends a message without checks as [`latest`](Self::latest) sends an input.
    ///
    /// # Errors
    ///
    /// Those of [`Sender::latest_message`].
    pub fn latest_message(&self, message: &E::Send) -> Result<()> {
        self.sender.latest_message(message)
    }

    /// Says that nothing more is sent, and returns the receiver of the answers that are still to come; see
    /// [`Sender::finish`].
    ///
    /// ```no_run
    /// # use fal_client::{Client, Endpoint, IntoInput, Realtime};
    /// # async fn example<E: Realtime<Send = <E as Endpoint>::Input>, I: IntoInput<Endpoint = E>>(client: Client, inputs: Vec<I>) -> fal_client::Result<()> {
    /// let connection = client.endpoint::<E>().realtime().await?;
    /// for input in inputs {
    ///     connection.send(input).await?;
    /// }
    /// let mut answers = connection.finish();
    /// while let Some(answer) = answers.recv().await? {
    ///     println!("{} bytes", answer.raw().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "the answers come from the receiver"]
    pub fn finish(self) -> Receiver<E> {
        let Self { sender, receiver } = self;
        sender.finish();
        receiver
    }

    /// Waits for the next message; see [`Receiver::recv`].
    pub async fn recv(&mut self) -> Result<Option<Message<E::Receive>>> {
        self.receiver.recv().await
    }

    /// Sends an input and waits for its answer, for models that answer every input with one message, in order.
    ///
    /// Answers to messages of [`send`](Self::send) remain for [`recv`](Self::recv). If this is dropped before its answer
    /// arrives, the answer is dropped too. A throttle does not apply.
    ///
    /// # Errors
    ///
    /// Those of [`Sender::send`] and [`Receiver::recv`]; `Transport` if the connection ends without the answer.
    pub fn request<I>(&mut self, input: I) -> BoxFuture<'_, Result<Message<E::Receive>>>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        let input = input.into_input();
        Box::pin(async {
            let message = self.sender.prepare(input).await?;
            self.request_message(&message).await
        })
    }

    /// Sends a message without checks and waits for its answer; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// Those of [`request`](Self::request).
    pub async fn request_message(&mut self, message: &E::Send) -> Result<Message<E::Receive>> {
        let link = &self.sender.link;
        let message = codec::encode(message, link.settings.format);
        let message = message.map_err(|error| link.settings.add_endpoint(error))?;
        let number = link.send_unthrottled(message).await?;
        let mut pending = PendingAnswer { link, number: Some(number) };
        match self.receiver.next(Some(number)).await {
            Ok(ReceiveOutcome::Message(incoming)) => {
                pending.number = None;
                self.receiver.decode(incoming)
            }
            Ok(ReceiveOutcome::Ended | ReceiveOutcome::NotConnected) => {
                let message = "the connection ended before the answer";
                let error = Error::new(ErrorKind::Transport, message).with_unknown_outcome();
                Err(link.settings.add_endpoint(error))
            }
            Err(error) => {
                self.receiver.loss_reported = true;
                Err(error)
            }
        }
    }

    /// Returns the time that the model took for its last answer, if it says so.
    #[must_use]
    pub fn timing(&self) -> Option<Duration> {
        self.receiver.timing()
    }

    /// Splits the connection, to send and receive in different tasks.
    ///
    /// With [`ConnectRequest::reconnect`](super::ConnectRequest::reconnect), the receiver then waits while there is no
    /// connection, until a message is sent or the last sender is dropped.
    #[must_use]
    pub fn split(self) -> (Sender<E>, Receiver<E>) {
        let Self { sender, mut receiver } = self;
        receiver.is_split = true;
        (sender, receiver)
    }

    /// Returns the messages as a stream, which ends after an error or with the connection.
    pub fn into_stream(self) -> impl Stream<Item = Result<Message<E::Receive>>> + Send {
        messages((Some(self.sender), self.receiver))
    }

    /// Closes the connection: sends a close frame and waits for that of the service, for 5 s at most. Messages that arrive
    /// in the meantime are dropped.
    pub async fn close(self) -> Result<()> {
        self.sender.link.close().await
    }
}

impl<E: Realtime> Sender<E> {
    /// Checks an input and sends it. Local files are sent inside the message, as `data:` URLs.
    ///
    /// On completion, the message has been handed to the operating system. If this is dropped, the message is sent as a
    /// whole or not at all.
    ///
    /// # Errors
    ///
    /// `InvalidInput` and `Encode` if the input is invalid; `Transport` if the connection is closed and is not to be
    /// opened again, or broke while the message was written; the errors of opening a connection.
    // Boxed, because a future with the type of the input would repeat the compiler's message about a wrong one.
    pub fn send<I>(&self, input: I) -> BoxFuture<'_, Result<SendOutcome>>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        let input = input.into_input();
        Box::pin(async {
            let message = self.prepare(input).await?;
            self.send_message(&message).await
        })
    }

    /// Sends a message without checks.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn send_message(&self, message: &E::Send) -> Result<SendOutcome> {
        let message =
            codec::encode(message, self.link.settings.format).map_err(|error| self.add_endpoint(error))?;
        self.link.send(message).await
    }

    /// Sends an input as soon as there is room for it, unless a later one takes its place. Returns at once.
    ///
    /// For inputs of which only the newest counts: a prompt that is typed, a slider, a camera. It is sent while
    /// [`Receiver::recv`] is awaited, under the [throttle](super::ConnectRequest::throttle) if there is one. Drawing 30
    /// frames a second is this loop:
    ///
    /// ```no_run
    /// # use fal_client::{Client, Endpoint, IntoInput, Realtime};
    /// # fn draw(picture: &[u8]) {}
    /// # async fn example<E: Realtime<Send = <E as Endpoint>::Input>, I: IntoInput<Endpoint = E>>(client: Client, mut inputs: tokio::sync::mpsc::Receiver<I>) -> fal_client::Result<()> {
    /// let call = client.endpoint::<E>().realtime().throttle(std::time::Duration::from_millis(33));
    /// let mut connection = call.await?;
    /// loop {
    ///     tokio::select! {
    ///         Some(input) = inputs.recv() => connection.latest(input)?,
    ///         frame = connection.recv() => match frame? {
    ///             Some(frame) => {
    ///                 for picture in frame.files() {
    ///                     draw(&picture.fetch(&client).await?);
    ///                 }
    ///             }
    ///             None => return Ok(()),
    ///         },
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// Local files with bytes are sent inside the message. A file with a path or a reader takes time to read, so it is an
    /// error: [`send`](Self::send) takes those.
    ///
    /// # Errors
    ///
    /// `InvalidInput` and `Encode` if the input is invalid, `File` for a file that has to be read, and `Transport` if the
    /// connection is closed and is not to be opened again. That a message could not be written is an error of
    /// [`Receiver::recv`].
    pub fn latest<I>(&self, input: I) -> Result<()>
    where
        I: IntoInput<Endpoint = E>,
        E: Realtime<Send = <E as Endpoint>::Input>,
    {
        let mut input = input.into_input();
        self.validate(&input)?;
        // Checked first, because a fast disk may finish a read before the first poll, and the file would be accepted.
        let inlined = match has_file(&mut input, has_to_be_read) {
            true => None,
            false => inline_files(&mut input).now_or_never(),
        };
        let Some(inlined) = inlined else {
            let message =
                "a file of the input has to be read first: `send` it, or read it with `File::bytes`";
            return Err(self.add_endpoint(Error::new(ErrorKind::File, message)));
        };
        inlined.map_err(|error| self.add_endpoint(error))?;
        self.latest_message(&input)
    }

    /// Sends a message without checks as [`latest`](Self::latest) sends an input.
    ///
    /// # Errors
    ///
    /// Those of [`latest`](Self::latest).
    pub fn latest_message(&self, message: &E::Send) -> Result<()> {
        let message =
            codec::encode(message, self.link.settings.format).map_err(|error| self.add_endpoint(error))?;
        self.link.put_latest(message)
    }

    /// Says that nothing more is sent. The receiver gives the answers that are still to come, and then ends: when as many
    /// messages have arrived as were sent, or none for 10 s.
    ///
    /// Close frames are exchanged then. [`close`](Self::close) does not wait for answers.
    pub fn finish(self) {
        self.link.finish();
    }

    /// Closes the connection; see [`Connection::close`]. The receiver then ends.
    pub async fn close(self) -> Result<()> {
        self.link.close().await
    }

    async fn prepare(&self, mut input: E::Input) -> Result<E::Input> {
        self.validate(&input)?;
        inline_files(&mut input).await.map_err(|error| self.add_endpoint(error))?;
        Ok(input)
    }

    fn validate(&self, input: &E::Input) -> Result<()> {
        validate(input).map_err(|violations| self.add_endpoint(Error::violations(violations)))
    }

    fn add_endpoint(&self, error: Error) -> Error {
        self.link.settings.add_endpoint(error)
    }
}

impl<E: Realtime> Receiver<E> {
    /// Waits for the next message. Returns `None` after the connection has ended in order: the model is done or had no
    /// input for a long time, or the connection was closed by this side.
    ///
    /// This can be dropped while it waits without losing a message.
    ///
    /// # Errors
    ///
    /// An error that the service reports, with its name as `error_type`; `Auth` if the service refuses the token;
    /// `Transport` if the connection is lost, or closed while messages are unanswered, with their number; `Decode` for a
    /// message that is not what the endpoint promises, after which other messages follow.
    pub async fn recv(&mut self) -> Result<Option<Message<E::Receive>>> {
        loop {
            let next = match self.next_or_finished().await {
                Some(next) => next,
                None => {
                    self.link.close().await?;
                    return Ok(None);
                }
            };
            match next {
                Ok(ReceiveOutcome::Message(incoming)) => return self.decode(incoming).map(Some),
                Ok(_) if self.link.is_finishing() && !self.link.has_latest() => return Ok(None),
                Ok(ReceiveOutcome::Ended) if self.waits_for_reconnection() => {}
                Ok(ReceiveOutcome::Ended) => return Ok(None),
                Ok(ReceiveOutcome::NotConnected)
                    if self.link.is_closed_locally() || !self.link.settings.reconnects =>
                {
                    return Ok(None);
                }
                Ok(ReceiveOutcome::NotConnected) if self.loss_reported || self.link.has_latest() => {
                    let reconnected = self.link.reconnect().await;
                    reconnected.map_err(|error| error.with_context("no new connection"))?;
                    self.loss_reported = false;
                }
                Ok(ReceiveOutcome::NotConnected) if self.is_split && self.link.has_senders() => {
                    self.link.wait_for_socket().await;
                }
                Ok(ReceiveOutcome::NotConnected) => return Ok(None),
                Err(error) => {
                    self.loss_reported = true;
                    return Err(error);
                }
            }
        }
    }

    /// Returns the time that the model took for its last answer, if it says so.
    #[must_use]
    pub fn timing(&self) -> Option<Duration> {
        self.link.timing()
    }

    /// Returns the messages as a stream, which ends after an error or with the connection.
    pub fn into_stream(self) -> impl Stream<Item = Result<Message<E::Receive>>> + Send {
        messages((None, self))
    }

    /// Returns true if a sender may open another connection after this one.
    fn waits_for_reconnection(&self) -> bool {
        self.is_split && self.link.settings.reconnects
    }

    fn decode(&self, incoming: Incoming) -> Result<Message<E::Receive>> {
        let decoded = codec::decode(incoming.raw, incoming.format);
        decoded.map_err(|error| self.link.settings.add_endpoint(error))
    }

    /// Waits for the next message. Returns `None` once the connection is finished.
    async fn next_or_finished(&mut self) -> Option<Result<ReceiveOutcome>> {
        let link = self.link.clone();
        if !link.is_finishing() {
            let finish = pin!(link.wait_for_finish());
            if let Either::Left((next, _)) = select(pin!(self.next(None)), finish).await {
                return Some(next);
            }
        }
        if link.is_answered() && !self.latest.is_busy() {
            return None;
        }
        tokio::time::timeout(FINISH_SILENCE, self.next(None)).await.ok()
    }

    /// Waits for the next message, or for the answer with the number `wanted`.
    async fn next(&mut self, wanted: Option<u64>) -> Result<ReceiveOutcome> {
        let Self { link, keep_alive, latest, .. } = self;
        std::future::poll_fn(|context| {
            latest.poll(context, link);
            match link.poll_receive(context, wanted) {
                Poll::Pending => keep_alive.poll(context, link).map(Err),
                ready => ready,
            }
        })
        .await
    }
}

/// A request whose answer has not arrived. Dropping it drops the answer.
struct PendingAnswer<'a> {
    link: &'a Link,
    number: Option<u64>,
}

impl Drop for PendingAnswer<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.link.abandon(number);
        }
    }
}

impl Drop for SenderGuard {
    fn drop(&mut self) {
        self.0.set_no_senders();
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
        Self { link: self.link.clone(), guard: self.guard.clone(), types: PhantomData }
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
