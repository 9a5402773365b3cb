//! The part of a connection that its sender and its receiver share.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{sync::Notify, time::Instant};
use tokio_tungstenite::tungstenite;

use super::{
    connection_state::{ConnectionState, Incoming},
    message::SendOutcome,
    settings::ConnectionSettings,
};
use crate::{
    Error, ErrorKind, Result,
    socket::{Socket, close_frame, write_limit},
    sync::lock,
};

/// The time for which the close frame of the other side is awaited.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The part of a connection that its sender and its receiver share.
pub(super) struct Link {
    pub(super) settings: ConnectionSettings,
    state: Mutex<ConnectionState>,
    /// Held while a message is sent, by the senders in turn.
    send_turn: Arc<tokio::sync::Mutex<SendTurn>>,
    /// The message that is sent when there is room for it, unless another takes its place.
    slot: Mutex<Option<tungstenite::Message>>,
    /// `true` once nothing more is sent, and only the answers are awaited.
    is_finishing: AtomicBool,
    finishing: Notify,
    /// The number of the latest message under a throttle.
    latest: AtomicU64,
    /// Notified when there is a later message.
    superseded: Notify,
    /// Notified when there is a new socket, or will not be another one.
    socket_changed: Notify,
    has_senders: AtomicBool,
}

#[derive(Default)]
pub(super) struct SendTurn {
    /// The time before which the throttle lets no message through.
    pub(super) earliest: Option<Instant>,
}

/// The result of waiting for a message.
pub(super) enum ReceiveOutcome {
    Message(Incoming),
    /// The connection has ended in order.
    Ended,
    /// There is no connection, and the receiver knows the end of the last one.
    NotConnected,
}

impl Link {
    pub(super) fn new(settings: ConnectionSettings, socket: Socket) -> Self {
        Self {
            settings,
            state: Mutex::new(ConnectionState::new(socket)),
            send_turn: Arc::default(),
            slot: Mutex::default(),
            is_finishing: AtomicBool::new(false),
            finishing: Notify::new(),
            latest: AtomicU64::new(0),
            superseded: Notify::new(),
            socket_changed: Notify::new(),
            has_senders: AtomicBool::new(true),
        }
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        lock(&self.state)
    }

    /// Sends a message in its turn, under the throttle if there is one.
    pub(super) async fn send(&self, message: tungstenite::Message) -> Result<SendOutcome> {
        let Some(interval) = self.settings.throttle else {
            self.send_unthrottled(message).await?;
            return Ok(SendOutcome::Written);
        };
        let Some(mut turn) = self.throttled_turn().await else { return Ok(SendOutcome::Superseded) };
        turn.earliest = Instant::now().checked_add(interval);
        let sent = self.write(message).await;
        if sent.is_err() {
            turn.earliest = None;
        }
        sent.map(|_| SendOutcome::Written).map_err(|error| self.settings.add_endpoint(error))
    }

    /// Sends a message in its turn, without regard to the throttle, and returns its number.
    pub(super) async fn send_unthrottled(&self, message: tungstenite::Message) -> Result<u64> {
        let _turn = self.send_turn.lock().await;
        self.write(message).await.map_err(|error| self.settings.add_endpoint(error))
    }

    /// Waits for the turn of a message under the throttle. Returns `None` if a later message takes its place.
    async fn throttled_turn(&self) -> Option<tokio::sync::MutexGuard<'_, SendTurn>> {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        self.superseded.notify_waiters();
        loop {
            let mut later = pin!(self.superseded.notified());
            later.as_mut().enable();
            if self.latest.load(Ordering::SeqCst) != number {
                return None;
            }
            let earliest = {
                let lock = pin!(self.send_turn.lock());
                let Either::Left((turn, _)) = select(lock, later.as_mut()).await else { continue };
                match turn.earliest {
                    Some(earliest) if earliest > Instant::now() => earliest,
                    _ if self.latest.load(Ordering::SeqCst) != number => return None,
                    _ => return Some(turn),
                }
            };
            let _ = tokio::time::timeout_at(earliest, later).await;
        }
    }

    /// Puts a message into the slot, in place of the one that waits there.
    pub(super) fn put_latest(&self, message: tungstenite::Message) -> Result<()> {
        let (is_open, receiver) = {
            let state = self.state();
            let may_reopen = self.settings.reconnects && !state.is_closed_locally;
            (state.socket.is_some() || may_reopen, state.wakers.clone())
        };
        if !is_open || self.is_finishing() {
            let message = "the connection is closed, so nothing can be sent over it";
            return Err(self.settings.add_endpoint(Error::new(ErrorKind::Transport, message)));
        }
        *lock(&self.slot) = Some(message);
        receiver.receiver.wake();
        // A receiver that waits for another connection opens one for it.
        self.socket_changed.notify_waiters();
        Ok(())
    }

    pub(super) fn has_latest(&self) -> bool {
        lock(&self.slot).is_some()
    }

    pub(super) fn take_latest(&self) -> Option<tungstenite::Message> {
        lock(&self.slot).take()
    }

    /// Puts a message back that could not be written, unless another has taken its place.
    pub(super) fn put_back(&self, message: tungstenite::Message) {
        lock(&self.slot).get_or_insert(message);
    }

    /// Returns the turn to send, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<tokio::sync::OwnedMutexGuard<SendTurn>> {
        self.send_turn.clone().try_lock_owned().ok()
    }

    pub(super) fn poll_write(
        &self,
        context: &mut Context<'_>,
        message: &mut Option<tungstenite::Message>,
    ) -> Poll<Result<Option<u64>>> {
        self.state().poll_write(context, message)
    }

    /// Records that nothing more is sent. The receiver then ends after the last answer.
    pub(super) fn finish(&self) {
        self.is_finishing.store(true, Ordering::SeqCst);
        self.finishing.notify_waiters();
        let receiver = self.state().wakers.clone();
        receiver.receiver.wake();
        self.socket_changed.notify_waiters();
    }

    pub(super) fn is_finishing(&self) -> bool {
        self.is_finishing.load(Ordering::SeqCst)
    }

    /// Waits until nothing more is sent.
    pub(super) async fn wait_for_finish(&self) {
        let mut finishing = pin!(self.finishing.notified());
        finishing.as_mut().enable();
        if !self.is_finishing() {
            finishing.await;
        }
    }

    /// Returns true if as many messages were received as sent, and none waits here.
    pub(super) fn is_answered(&self) -> bool {
        let state = self.state();
        state.is_answered() && state.inbox.is_empty() && !self.has_latest()
    }

    /// Writes a message and returns its number. Opens a new connection if the old one is gone and may be replaced.
    async fn write(&self, message: tungstenite::Message) -> Result<u64> {
        let limit = write_limit(self.settings.client.0.transport.idle_timeout, message.len());
        let mut message = Some(message);
        loop {
            let writing = std::future::poll_fn(|context| self.state().poll_write(context, &mut message));
            let written = match limit {
                None => writing.await,
                Some(limit) => tokio::time::timeout(limit, writing).await.unwrap_or_else(|_| {
                    // A part of the message may be written, so nothing else can follow it.
                    self.drop_socket();
                    Err(Error::from_silence(limit))
                }),
            };
            if let Some(number) = written? {
                return Ok(number);
            }
            self.open_another().await?;
        }
    }

    async fn open_another(&self) -> Result<()> {
        if !self.settings.reconnects {
            let message = "the connection is closed; `reconnect` would open another";
            return Err(Error::new(ErrorKind::Transport, message));
        }
        let socket = self.settings.open_socket().await?;
        self.state().replace_socket(socket);
        self.socket_changed.notify_waiters();
        Ok(())
    }

    /// Opens another connection for the receiver, unless a sender has.
    pub(super) async fn reconnect(&self) -> Result<()> {
        let _turn = self.send_turn.lock().await;
        if self.state().socket.is_some() {
            return Ok(());
        }
        self.open_another().await
    }

    /// Polls for the next message, or for the answer with the number `wanted`.
    pub(super) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        wanted: Option<u64>,
    ) -> Poll<Result<ReceiveOutcome>> {
        let mut state = self.state();
        state.wakers.receiver.register(context.waker());
        loop {
            let incoming = match wanted {
                None => state.inbox.pop_front(),
                Some(number) => {
                    let index = state.inbox.iter().position(|incoming| incoming.number == number);
                    index.and_then(|index| state.inbox.remove(index))
                }
            };
            if let Some(incoming) = incoming {
                return Poll::Ready(Ok(ReceiveOutcome::Message(incoming)));
            }
            if let Some(number) = wanted.filter(|number| *number <= state.received) {
                // It would be waited for without end.
                let message = format!(
                    "the answer to input {number} cannot be told from other messages: the service does not send one for each \
                     input, so use `send` and `recv`"
                );
                let error = Error::new(ErrorKind::Transport, message).with_unknown_outcome();
                return Poll::Ready(Err(self.settings.add_endpoint(error)));
            }
            let earlier_end = if wanted.is_none() { state.earlier_end.take() } else { None };
            match earlier_end.or_else(|| state.end.take()) {
                Some(Ok(())) => return Poll::Ready(Ok(ReceiveOutcome::Ended)),
                Some(Err(error)) => return Poll::Ready(Err(self.settings.add_endpoint(error))),
                None => {}
            }
            if state.socket.is_none() {
                return Poll::Ready(Ok(ReceiveOutcome::NotConnected));
            }
            if !state.read_frame() {
                return Poll::Pending;
            }
        }
    }

    /// Drops the answer with this number, now or when it arrives.
    pub(super) fn abandon(&self, number: u64) {
        let mut state = self.state();
        if state.received < number {
            state.abandoned.push_back(number);
        }
        state.inbox.retain(|incoming| incoming.number != number);
    }

    /// Returns the time that the model took for its last output, if it reported it.
    pub(super) fn timing(&self) -> Option<Duration> {
        self.state().timing
    }

    /// Returns the number of frames that were received.
    pub(super) fn frames(&self) -> u64 {
        self.state().frames
    }

    pub(super) fn ping(&self) {
        self.state().ping();
    }

    pub(super) fn drop_socket(&self) {
        self.state().drop_socket();
    }

    /// Returns true if the connection was closed by this side.
    pub(super) fn is_closed_locally(&self) -> bool {
        self.state().is_closed_locally
    }

    /// Waits until there is a socket, or will not be another one.
    pub(super) async fn wait_for_socket(&self) {
        let mut changed = pin!(self.socket_changed.notified());
        changed.as_mut().enable();
        let is_settled = {
            let state = self.state();
            state.socket.is_some() || state.is_closed_locally || self.has_latest() || self.is_finishing()
        };
        if !is_settled {
            changed.await;
        }
    }

    pub(super) fn has_senders(&self) -> bool {
        self.has_senders.load(Ordering::SeqCst)
    }

    /// Records that the last sender was dropped.
    pub(super) fn set_no_senders(&self) {
        self.has_senders.store(false, Ordering::SeqCst);
        let mut state = self.state();
        if state.socket.is_none() {
            state.is_closed_locally = true;
        }
        drop(state);
        self.socket_changed.notify_waiters();
    }

    /// Sends a close frame and waits for that of the other side.
    pub(super) async fn close(&self) -> Result<()> {
        let _turn = self.send_turn.lock().await;
        self.state().is_closed_locally = true;
        self.socket_changed.notify_waiters();
        let mut close_frame = Some(close_frame());
        let closing = std::future::poll_fn(|context| self.state().poll_close(context, &mut close_frame));
        // The connection is over even if the other side does not answer.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
        self.drop_socket();
        Ok(())
    }

    /// Takes the socket, if it is open and every message is answered and received.
    fn take_idle_socket(&self) -> Option<Socket> {
        let mut state = self.state();
        state.read_ahead();
        let is_idle = state.unanswered == 0 && state.inbox.is_empty() && state.end.is_none();
        if is_idle { state.socket.take() } else { None }
    }
}

/// Returns the socket to the client, if it is to be reused.
impl Drop for Link {
    fn drop(&mut self) {
        if let Some(key) = self.settings.reuse_key.clone()
            && let Some(socket) = self.take_idle_socket()
        {
            self.settings.client.0.sockets.put(key, socket);
        }
    }
}
