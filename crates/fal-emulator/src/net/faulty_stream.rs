//! A byte stream that can damage the replies sent over it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::sync::lock;

/// The way in which a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    /// It is closed in order (FIN).
    Close,
    /// It is reset, as if the process had died (RST).
    Reset,
    /// It stays open and silent.
    Stall,
}

/// The faults of one reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyFaults {
    /// Ends the connection after this many bytes.
    pub(crate) end: Option<(usize, ConnectionEnd)>,
    /// Sends at most this many bytes at a time, with a pause after each.
    pub(crate) pace: Option<(usize, Duration)>,
    /// Sends these bytes in place of the reply, and then closes the connection.
    pub(crate) instead: Option<Bytes>,
    /// Sends everything a second time.
    pub(crate) twice: bool,
}

impl ReplyFaults {
    fn is_any(&self) -> bool {
        self.end.is_some() || self.pace.is_some() || self.instead.is_some() || self.twice
    }
}

/// The handle by which the handler of a request sets the faults of its reply.
#[derive(Clone)]
pub(crate) struct ConnectionControl(Arc<Mutex<FaultState>>);

/// The faults of the current reply and the progress of sending it.
#[derive(Default)]
struct FaultState {
    faults: ReplyFaults,
    /// The bytes sent so far.
    sent: usize,
    /// The bytes to send a second time.
    copy: BytesMut,
    /// Ends the connection once everything written so far is sent.
    end_after_flush: Option<ConnectionEnd>,
    ended: Option<ConnectionEnd>,
}

impl ConnectionControl {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Sets the faults of the next reply.
    pub(crate) fn set_faults(&self, faults: ReplyFaults) {
        *self.lock() = FaultState { faults, ..FaultState::default() };
    }

    /// Ends the connection once everything written so far is sent.
    pub(crate) fn end_after_flush(&self, end: ConnectionEnd) {
        self.lock().end_after_flush = Some(end);
    }

    fn lock(&self) -> MutexGuard<'_, FaultState> {
        lock(&self.0)
    }
}

/// The byte stream to a client, with the faults that its [`ConnectionControl`] sets.
pub(crate) struct FaultyStream<S> {
    stream: S,
    control: ConnectionControl,
    clock: Arc<Clock>,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// A stream that can be reset instead of closed.
pub(crate) trait ResetOnClose {
    /// Turns the later close into a reset.
    fn reset_on_close(&self);
}

impl ResetOnClose for TcpStream {
    fn reset_on_close(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::warn!(%error, "cannot reset a connection; it will be closed instead");
        }
    }
}

impl<S> FaultyStream<S> {
    pub(crate) fn new(stream: S, clock: Arc<Clock>) -> Self {
        Self { stream, control: ConnectionControl::new(), clock, pause: None }
    }

    pub(crate) fn control(&self) -> ConnectionControl {
        self.control.clone()
    }
}

impl<S: AsyncWrite + ResetOnClose + Unpin> FaultyStream<S> {
    /// Ends the connection. A stall never completes.
    fn poll_end(&mut self, end: ConnectionEnd) -> Poll<io::Result<usize>> {
        self.control.lock().ended = Some(end);
        match end {
            ConnectionEnd::Stall => Poll::Pending,
            ConnectionEnd::Close => Poll::Ready(Err(cut())),
            ConnectionEnd::Reset => {
                self.stream.reset_on_close();
                Poll::Ready(Err(cut()))
            }
        }
    }

    /// Waits for a pause to end and returns how many bytes may be sent at once.
    fn poll_allowance(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, ConnectionEnd>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let state = self.control.lock();
        if let Some(end) = state.ended {
            return Poll::Ready(Err(end));
        }
        let left = match state.faults.end {
            Some((at, end)) if state.sent >= at => return Poll::Ready(Err(end)),
            Some((at, _)) => at - state.sent,
            None => usize::MAX,
        };
        Poll::Ready(Ok(left.min(state.faults.pace.map_or(usize::MAX, |(bytes, _)| bytes.max(1)))))
    }

    /// Sends some of the bytes; if `copied`, they are also kept to be sent a second time.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        copied: bool,
    ) -> Poll<io::Result<usize>> {
        let allowed = match ready!(self.poll_allowance(context)) {
            Ok(allowed) => allowed.min(bytes.len()),
            Err(end) => return self.poll_end(end),
        };
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]))?;
        let mut state = self.control.lock();
        state.sent += sent;
        if copied && state.faults.twice {
            state.copy.extend_from_slice(&bytes[..sent]);
        }
        if let Some((_, pause)) = state.faults.pace {
            let clock = Arc::clone(&self.clock);
            self.pause = Some(Box::pin(async move { clock.sleep(pause).await }));
        }
        Poll::Ready(Ok(sent))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FaultyStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + ResetOnClose + Unpin> AsyncWrite for FaultyStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.control.lock().faults.instead.is_some() {
            // The flush that follows sends the other bytes.
            return Poll::Ready(Ok(bytes.len()));
        }
        self.poll_send(context, bytes, true)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let has_faults = {
            let state = self.control.lock();
            state.faults.is_any() || state.ended.is_some() || self.pause.is_some()
        };
        if has_faults {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            return self.poll_write(context, first.map_or(&[][..], |buffer| buffer));
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, buffers))?;
        self.control.lock().sent += sent;
        Poll::Ready(Ok(sent))
    }

    /// Returns true, so that the HTTP library passes on bodies as they are. Otherwise each connection would copy them into a
    /// buffer of its own, and keep it.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let mut state = this.control.lock();
            let (mut bytes, instead) = match state.faults.instead.take() {
                Some(bytes) => (bytes, true),
                None => (state.copy.split().freeze(), false),
            };
            if instead {
                state.end_after_flush = Some(ConnectionEnd::Close);
            }
            drop(state);
            if bytes.is_empty() {
                break;
            }
            let poll = this.poll_send(context, &bytes, false);
            if let Poll::Ready(Ok(sent)) = poll {
                bytes.advance(sent);
            }
            let mut state = this.control.lock();
            if instead && !bytes.is_empty() {
                state.faults.instead = Some(bytes);
            } else if !bytes.is_empty() {
                state.copy = BytesMut::from(bytes);
            }
            drop(state);
            ready!(poll)?;
        }
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        let end = this.control.lock().end_after_flush;
        match end {
            None => Poll::Ready(Ok(())),
            Some(end) => this.poll_end(end).map_ok(|_| ()),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a rule")
}

impl fmt::Debug for ConnectionControl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ConnectionControl").finish_non_exhaustive()
    }
}
