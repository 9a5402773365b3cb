//! The state that both ends of a connection share: the socket, and what is known of it.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use tokio::{sync::Notify, time::Instant};
use tokio_tungstenite::tungstenite::Message;

use super::{
    Format,
    connect::Settings,
    control::{self, Control},
};
use crate::{
    Error, ErrorKind, Result,
    socket::{Frame, Socket, goodbye},
};

/// How long the other side has to answer a goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

pub(super) struct Link {
    pub(super) settings: Settings,
    wire: Mutex<Wire>,
    /// Whose turn it is to send, in the order of asking.
    turn: tokio::sync::Mutex<Turn>,
    /// The latest message that waits for its turn under a throttle.
    latest: AtomicU64,
    superseded: Notify,
    /// The socket is there again, or will not be any more.
    changed: Notify,
    /// Whether anybody is left who could send.
    has_senders: AtomicBool,
}

/// What whoever sends knows.
struct Turn {
    /// When the next message may go, under a throttle.
    next: Option<Instant>,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was written, as the one with this number.
    Written(u64),
    Superseded,
}

/// A message of the model, not read yet.
pub(super) struct Incoming {
    pub(super) raw: Bytes,
    pub(super) format: Format,
    /// Which answer it is, counted from 1.
    pub(super) number: u64,
}

/// How listening ends.
pub(super) enum Heard {
    Message(Incoming),
    /// The connection has ended as it should.
    End,
    /// There is no connection, and none was lost since it was last asked.
    Gone,
}

#[derive(Default)]
struct Wire {
    socket: Option<Socket>,
    /// What came while something was sent, or for an answer that somebody else waits for.
    inbox: VecDeque<Incoming>,
    /// The waker of whoever listens.
    listener: Option<Waker>,
    /// The end that has been heard of and not yet told.
    end: Option<Result<(), Error>>,
    /// The same of connections before this one. A request, which is on this one, is not concerned.
    earlier_end: Option<Result<(), Error>>,
    is_closed_here: bool,
    sent: u64,
    received: u64,
    /// Sent since the last answer.
    unanswered: u64,
    /// Requests that nobody waits for any more.
    abandoned: VecDeque<u64>,
    timing: Option<Duration>,
    /// How many frames have come.
    frames: u64,
}

impl Link {
    pub(super) fn new(settings: Settings, socket: Socket) -> Self {
        Self {
            settings,
            wire: Mutex::new(Wire { socket: Some(socket), ..Wire::default() }),
            turn: tokio::sync::Mutex::new(Turn { next: None }),
            latest: AtomicU64::new(0),
            superseded: Notify::new(),
            changed: Notify::new(),
            has_senders: AtomicBool::new(true),
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message in its turn.
    pub(super) async fn send(&self, message: Message) -> Result<Fate> {
        let mut turn = match self.settings.throttle {
            None => self.turn.lock().await,
            Some(interval) => match self.latest_turn().await {
                Some(mut turn) => {
                    turn.next = Instant::now().checked_add(interval);
                    turn
                }
                None => return Ok(Fate::Superseded),
            },
        };
        let sent = self.write(message).await;
        if sent.is_err() {
            turn.next = None;
        }
        sent.map(Fate::Written).map_err(|error| error.at(self.settings.endpoint.as_ref()))
    }

    /// Sends a message in its turn, whatever the throttle says, and gives its number.
    pub(super) async fn send_now(&self, message: Message) -> Result<u64> {
        let _turn = self.turn.lock().await;
        self.write(message).await.map_err(|error| error.at(self.settings.endpoint.as_ref()))
    }

    /// The turn of the latest message; `None` for one that is not the latest any more.
    async fn latest_turn(&self) -> Option<tokio::sync::MutexGuard<'_, Turn>> {
        let mine = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        self.superseded.notify_waiters();
        loop {
            let mut newer = std::pin::pin!(self.superseded.notified());
            newer.as_mut().enable();
            if self.latest.load(Ordering::SeqCst) != mine {
                return None;
            }
            let pause = {
                let lock = std::pin::pin!(self.turn.lock());
                let Either::Left((turn, _)) = select(lock, newer.as_mut()).await else { continue };
                match turn.next {
                    Some(next) if next > Instant::now() => next,
                    _ if self.latest.load(Ordering::SeqCst) != mine => return None,
                    _ => return Some(turn),
                }
            };
            let _ = tokio::time::timeout_at(pause, newer).await;
        }
    }

    /// Writes a message, on a new connection where the old one is gone and may be replaced.
    async fn write(&self, message: Message) -> Result<u64> {
        let mut message = Some(message);
        loop {
            if std::future::poll_fn(|context| self.poll_write(context, &mut message)).await? {
                let number = self.wire().sent;
                std::future::poll_fn(|context| self.poll_flush(context)).await?;
                return Ok(number);
            }
            self.connect().await?;
        }
    }

    /// Puts the message into the socket's buffer. `false`: there is no connection.
    fn poll_write(&self, context: &mut Context<'_>, message: &mut Option<Message>) -> Poll<Result<bool>> {
        let mut wire = self.wire();
        if wire.is_closed_here {
            return Poll::Ready(Err(Error::new(ErrorKind::Transport, "the connection was closed here")));
        }
        // A connection whose end has come, unread, would take the message and lose it.
        wire.look();
        let Some(socket) = &mut wire.socket else { return Poll::Ready(Ok(false)) };
        ready!(socket.poll_ready(context)).map_err(Error::unanswered)?;
        if let Some(message) = message.take() {
            socket.start_send(message)?;
            wire.sent += 1;
            wire.unanswered += 1;
        }
        Poll::Ready(Ok(true))
    }

    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let mut wire = self.wire();
        let lost = || {
            let message =
                "the connection was lost while a message was written, which may have arrived or not";
            Error::new(ErrorKind::Transport, message).unanswered()
        };
        let Some(socket) = &mut wire.socket else { return Poll::Ready(Err(lost())) };
        socket.poll_flush(context).map_err(|error| lost().caused_by(error))
    }

    /// Opens another connection, if that is wanted.
    async fn connect(&self) -> Result<()> {
        if !self.settings.reconnects {
            let message = "the connection is closed; `reconnect` would open another";
            return Err(Error::new(ErrorKind::Transport, message));
        }
        let socket = self.settings.open().await?;
        let mut wire = self.wire();
        let Wire { end, earlier_end, inbox, listener, is_closed_here, .. } = std::mem::take(&mut *wire);
        let earlier_end = both(earlier_end, end);
        *wire =
            Wire { socket: Some(socket), earlier_end, inbox, listener, is_closed_here, ..Wire::default() };
        // Answers are counted anew, so that those of the old connection belong to nobody who waits.
        wire.inbox.iter_mut().for_each(|incoming| incoming.number = 0);
        drop(wire);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Opens another connection for whoever listens.
    pub(super) async fn listen_again(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.wire().socket.is_some() {
            return Ok(());
        }
        self.connect().await
    }

    /// The next message, or how the connection ended.
    pub(super) fn poll_heard(&self, context: &mut Context<'_>, wanted: Option<u64>) -> Poll<Result<Heard>> {
        let mut wire = self.wire();
        loop {
            let found = match wanted {
                None => wire.inbox.pop_front(),
                Some(number) => {
                    let place = wire.inbox.iter().position(|incoming| incoming.number == number);
                    place.and_then(|place| wire.inbox.remove(place))
                }
            };
            if let Some(incoming) = found {
                return Poll::Ready(Ok(Heard::Message(incoming)));
            }
            let earlier_end = if wanted.is_none() { wire.earlier_end.take() } else { None };
            match earlier_end.or_else(|| wire.end.take()) {
                Some(Ok(())) => return Poll::Ready(Ok(Heard::End)),
                Some(Err(error)) => return Poll::Ready(Err(error.at(self.settings.endpoint.as_ref()))),
                None => {}
            }
            if wire.socket.is_none() {
                return Poll::Ready(Ok(Heard::Gone));
            }
            if wire.listener.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                wire.listener = Some(context.waker().clone());
            }
            if !wire.read(context) {
                return Poll::Pending;
            }
        }
    }

    /// Nobody waits for the answer to this request any more.
    pub(super) fn abandon(&self, number: u64) {
        let mut wire = self.wire();
        if wire.received < number {
            wire.abandoned.push_back(number);
        }
        wire.inbox.retain(|incoming| incoming.number != number);
    }

    pub(super) fn timing(&self) -> Option<Duration> {
        self.wire().timing
    }

    /// How many frames have come.
    pub(super) fn frames(&self) -> u64 {
        self.wire().frames
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&self) {
        let mut wire = self.wire();
        let listener = wire.listener.clone().unwrap_or_else(|| Waker::noop().clone());
        let mut context = Context::from_waker(&listener);
        if let Some(socket) = &mut wire.socket
            && socket.poll_ready(&mut context).is_ready()
            && socket.start_send(Message::Ping(Bytes::new())).is_ok()
        {
            let _ = socket.poll_flush(&mut context);
        }
    }

    /// Gives the connection up.
    pub(super) fn give_up(&self) {
        self.wire().socket = None;
    }

    /// Whether it was closed on this side.
    pub(super) fn is_closed_here(&self) -> bool {
        self.wire().is_closed_here
    }

    /// Waits until there is a connection again, or never will be.
    pub(super) async fn changed(&self) {
        let mut changed = std::pin::pin!(self.changed.notified());
        changed.as_mut().enable();
        let is_settled = {
            let wire = self.wire();
            wire.socket.is_some() || wire.is_closed_here
        };
        if !is_settled {
            changed.await;
        }
    }

    pub(super) fn has_senders(&self) -> bool {
        self.has_senders.load(Ordering::SeqCst)
    }

    /// No message will be sent any more.
    pub(super) fn no_more_senders(&self) {
        self.has_senders.store(false, Ordering::SeqCst);
        let mut wire = self.wire();
        if wire.socket.is_none() {
            wire.is_closed_here = true;
        }
        drop(wire);
        self.changed.notify_waiters();
    }

    /// Says goodbye and waits for the answer.
    pub(super) async fn close(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.wire().is_closed_here = true;
        self.changed.notify_waiters();
        let farewell = async {
            let mut goodbye = Some(goodbye());
            std::future::poll_fn(|context| {
                let mut wire = self.wire();
                let Some(socket) = &mut wire.socket else { return Poll::Ready(()) };
                if goodbye.is_some() {
                    if ready!(socket.poll_ready(context)).is_err() {
                        return Poll::Ready(());
                    }
                    if let Some(goodbye) = goodbye.take() {
                        let _ = socket.start_send(goodbye);
                    }
                }
                if ready!(socket.poll_flush(context)).is_err() {
                    return Poll::Ready(());
                }
                while let Some(Ok(_)) = ready!(socket.poll_next(context)) {}
                Poll::Ready(())
            })
            .await;
        };
        // Whether the other side answers or not, the connection is over.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        let mut wire = self.wire();
        wire.socket = None;
        let listener = wire.listener.take();
        drop(wire);
        listener.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// The socket, if the connection is in order and nothing is owed.
    pub(super) fn take_idle(&self) -> Option<Socket> {
        let mut wire = self.wire();
        wire.look();
        let is_idle = wire.unanswered == 0 && wire.inbox.is_empty() && wire.end.is_none();
        if is_idle { wire.socket.take() } else { None }
    }
}

/// A connection that is to be used again goes back to the client.
impl Drop for Link {
    fn drop(&mut self) {
        if let Some(key) = self.settings.key.clone()
            && let Some(socket) = self.take_idle()
        {
            self.settings.client.0.sockets.put(key, socket);
        }
    }
}

/// What is told of two ends that nobody has heard of.
fn both(first: Option<Result<(), Error>>, second: Option<Result<(), Error>>) -> Option<Result<(), Error>> {
    const MORE: &str = "; nor was that the only connection that was lost";
    match (first, second) {
        (Some(Err(first)), Some(Err(_))) if !first.message().ends_with(MORE) => {
            Some(Err(first.followed_by(MORE)))
        }
        (Some(Err(first)), _) => Some(Err(first)),
        (first, second) => second.or(first),
    }
}

impl Wire {
    /// Reads what has come, as far as that takes no room: to hear of an end before something is sent.
    fn look(&mut self) {
        let listener = self.listener.clone().unwrap_or_else(|| Waker::noop().clone());
        let mut context = Context::from_waker(&listener);
        let had = self.inbox.len();
        while self.inbox.is_empty() && self.end.is_none() && self.socket.is_some() {
            if !self.read(&mut context) {
                return;
            }
        }
        if self.inbox.len() > had || self.end.is_some() {
            listener.wake();
        }
    }

    /// Reads one frame. `false`: none has come yet.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        let Poll::Ready(frame) = socket.poll_next(context) else { return false };
        self.frames += 1;
        match frame {
            Some(Ok(Frame::Text(raw))) => self.take(raw, Format::Json),
            Some(Ok(Frame::Binary(raw))) => self.take(raw, Format::MessagePack),
            Some(Ok(Frame::Life)) => {}
            Some(Ok(Frame::Close(frame))) => {
                let error = control::of_close(frame).map(|error| error.followed_by(&self.loss()));
                self.end_with(error);
            }
            Some(Err(error)) => {
                let error = error.followed_by(&self.loss());
                self.end_with(Some(error));
            }
            None => {
                let message = format!("the connection is gone without a goodbye{}", self.loss());
                self.end_with(Some(Error::new(ErrorKind::Transport, message)));
            }
        }
        true
    }

    fn take(&mut self, raw: Bytes, format: Format) {
        match control::of(&raw, format) {
            Some(Control::Timing(time)) => self.timing = Some(time),
            Some(Control::Other) => {}
            // A close follows, which says nothing more.
            Some(Control::Timeout) => self.end_with(None),
            Some(Control::Failure(error)) => {
                let error = error.followed_by(&self.loss());
                self.end_with(Some(error));
            }
            None => {
                self.received += 1;
                self.unanswered = 0;
                let number = self.received;
                if self.abandoned.front() == Some(&number) {
                    self.abandoned.pop_front();
                } else {
                    self.inbox.push_back(Incoming { raw, format, number });
                }
            }
        }
    }

    /// The connection is over.
    fn end_with(&mut self, error: Option<Error>) {
        self.socket = None;
        if self.is_closed_here {
            return;
        }
        self.end = Some(match error {
            Some(error) => Err(error),
            None if self.unanswered > 0 => {
                let message = format!("the service closed the connection{}", self.loss());
                Err(Error::new(ErrorKind::Transport, message))
            }
            None => Ok(()),
        });
    }

    /// What is lost with the connection.
    fn loss(&self) -> String {
        match self.unanswered {
            0 => String::new(),
            1 => "; the last message had no answer".to_owned(),
            more => format!("; the last {more} messages had no answer"),
        }
    }
}
