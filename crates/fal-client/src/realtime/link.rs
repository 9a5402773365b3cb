//! What both ends of a connection share.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{sync::Notify, time::Instant};
use tokio_tungstenite::tungstenite::Message;

use super::{
    SendOutcome,
    connect::Settings,
    wire::{Incoming, WakesListener, Wire},
};
use crate::{
    Error, ErrorKind, Result,
    socket::{Socket, goodbye},
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

/// How listening ends.
pub(super) enum Heard {
    Message(Incoming),
    /// The connection has ended as it should.
    End,
    /// There is no connection, and none was lost since it was last asked.
    Gone,
}

impl Link {
    pub(super) fn new(settings: Settings, socket: Socket) -> Self {
        Self {
            settings,
            wire: Mutex::new(Wire::new(socket)),
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
    pub(super) async fn send(&self, message: Message) -> Result<SendOutcome> {
        let Some(interval) = self.settings.throttle else {
            self.send_now(message).await?;
            return Ok(SendOutcome::Written);
        };
        let Some(mut turn) = self.latest_turn().await else { return Ok(SendOutcome::Superseded) };
        turn.next = Instant::now().checked_add(interval);
        let sent = self.write(message).await;
        if sent.is_err() {
            turn.next = None;
        }
        sent.map(|_| SendOutcome::Written)
            .map_err(|error| error.with_endpoint(self.settings.endpoint.as_ref()))
    }

    /// Sends a message in its turn, whatever the throttle says, and gives its number.
    pub(super) async fn send_now(&self, message: Message) -> Result<u64> {
        // Mostly nobody else sends, and to find that out is cheaper than to wait for a turn.
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => self.turn.lock().await,
        };
        self.write(message).await.map_err(|error| error.with_endpoint(self.settings.endpoint.as_ref()))
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
            let writing = std::future::poll_fn(|context| self.wire().poll_write(context, &mut message));
            if let Some(number) = writing.await? {
                return Ok(number);
            }
            self.connect().await?;
        }
    }

    /// Opens another connection, if that is wanted.
    async fn connect(&self) -> Result<()> {
        if !self.settings.reconnects {
            let message = "the connection is closed; `reconnect` would open another";
            return Err(Error::new(ErrorKind::Transport, message));
        }
        let socket = self.settings.open().await?;
        self.wire().replace(socket);
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
                Some(Err(error)) => {
                    return Poll::Ready(Err(error.with_endpoint(self.settings.endpoint.as_ref())));
                }
                None => {}
            }
            if wire.socket.is_none() {
                return Poll::Ready(Ok(Heard::Gone));
            }
            if wire.read() {
                continue;
            }
            wire.arrivals.listener.register(context.waker());
            // What has come since has woken nobody.
            if !wire.read() {
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
        self.wire().ping();
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
        // Also when this is given up: in the meantime the socket wakes nobody else.
        let _then = WakesListener(self.wire().arrivals.clone());
        let mut goodbye = Some(goodbye());
        let farewell = std::future::poll_fn(|context| self.wire().poll_farewell(context, &mut goodbye));
        // Whether the other side answers or not, the connection is over.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.wire().socket = None;
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
