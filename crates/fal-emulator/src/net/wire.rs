//! A connection whose replies can be damaged on their way out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;

/// How a connection ends, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, as if all had been said (FIN).
    Close,
    /// As when a process dies (RST).
    Reset,
    /// Open, and silent.
    Stall,
}

/// What to do with the bytes of one reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// After so many bytes.
    pub(crate) end: Option<(usize, End)>,
    /// So many bytes at a time, and the pause after each.
    pub(crate) pace: Option<(usize, Duration)>,
    /// Bytes to send in place of the reply; the connection is closed after them.
    pub(crate) instead: Option<Bytes>,
    /// Whether everything is sent a second time.
    pub(crate) twice: bool,
}

/// The handle by which the handler of a request orders what happens to its reply.
#[derive(Clone)]
pub(crate) struct Control(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    orders: Orders,
    sent: usize,
    copy: BytesMut,
    /// How to end once everything so far is sent.
    last: Option<End>,
    ended: Option<End>,
}

impl Control {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Gives orders for the reply that is sent next.
    pub(crate) fn order(&self, orders: Orders) {
        *self.lock() = State { orders, ..State::default() };
    }

    /// Ends the connection once all that was written is sent.
    pub(crate) fn end_after_flush(&self, end: End) {
        self.lock().last = Some(end);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A byte stream of a client, over which a [`Control`] has power.
pub(crate) struct Wire<S> {
    stream: S,
    control: Control,
    clock: Arc<Clock>,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// A stream whose end can be made a reset.
pub(crate) trait Reset {
    /// Makes closing it a reset.
    fn reset_on_close(&self);
}

impl Reset for TcpStream {
    fn reset_on_close(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::warn!(%error, "a connection will be closed instead of reset");
        }
    }
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S, clock: Arc<Clock>) -> Self {
        Self { stream, control: Control::new(), clock, pause: None }
    }

    pub(crate) fn control(&self) -> Control {
        self.control.clone()
    }
}

impl<S: AsyncWrite + Reset + Unpin> Wire<S> {
    fn end(&mut self, end: End) -> Poll<io::Result<usize>> {
        self.control.lock().ended = Some(end);
        match end {
            End::Stall => Poll::Pending,
            End::Close => Poll::Ready(Err(cut())),
            End::Reset => {
                self.stream.reset_on_close();
                Poll::Ready(Err(cut()))
            }
        }
    }

    /// How many bytes may be sent now, after a pause that is due.
    fn allowed(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, End>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let state = self.control.lock();
        if let Some(end) = state.ended {
            return Poll::Ready(Err(end));
        }
        let left = match state.orders.end {
            Some((at, end)) if state.sent >= at => return Poll::Ready(Err(end)),
            Some((at, _)) => at - state.sent,
            None => usize::MAX,
        };
        Poll::Ready(Ok(left.min(state.orders.pace.map_or(usize::MAX, |(bytes, _)| bytes.max(1)))))
    }

    /// Sends some of the bytes; `copied` says whether they are kept for a second sending.
    fn send(&mut self, context: &mut Context<'_>, bytes: &[u8], copied: bool) -> Poll<io::Result<usize>> {
        let allowed = match ready!(self.allowed(context)) {
            Ok(allowed) => allowed.min(bytes.len()),
            Err(end) => return self.end(end),
        };
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]))?;
        let mut state = self.control.lock();
        state.sent += sent;
        if copied && state.orders.twice {
            state.copy.extend_from_slice(&bytes[..sent]);
        }
        if let Some((_, pause)) = state.orders.pace {
            let clock = Arc::clone(&self.clock);
            self.pause = Some(Box::pin(async move { clock.sleep(pause).await }));
        }
        Poll::Ready(Ok(sent))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Reset + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.control.lock().orders.instead.is_some() {
            // Sent by the flush that follows.
            return Poll::Ready(Ok(bytes.len()));
        }
        self.send(context, bytes, true)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let mut state = this.control.lock();
            let (mut bytes, instead) = match state.orders.instead.take() {
                Some(bytes) => (bytes, true),
                None => (state.copy.split().freeze(), false),
            };
            if instead {
                state.last = Some(End::Close);
            }
            drop(state);
            if bytes.is_empty() {
                break;
            }
            let poll = this.send(context, &bytes, false);
            if let Poll::Ready(Ok(sent)) = poll {
                bytes.advance(sent);
            }
            let mut state = this.control.lock();
            if instead && !bytes.is_empty() {
                state.orders.instead = Some(bytes);
            } else if !bytes.is_empty() {
                state.copy = BytesMut::from(bytes);
            }
            drop(state);
            ready!(poll)?;
        }
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        let last = this.control.lock().last;
        match last {
            None => Poll::Ready(Ok(())),
            Some(end) => this.end(end).map_ok(|_| ()),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut as a script demands")
}

impl fmt::Debug for Control {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Control").finish_non_exhaustive()
    }
}
