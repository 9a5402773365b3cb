//! The socket of a connection, and the state of the exchange over it.

use std::{
    collections::VecDeque,
    mem,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio_tungstenite::tungstenite;

use super::{
    control::{self, Control},
    message::Format,
};
use crate::{
    Error, ErrorKind, Result,
    socket::{Frame, Socket},
};

/// The socket of a connection, and the state of the exchange over it.
pub(super) struct ConnectionState {
    pub(super) socket: Option<Socket>,
    /// Messages that were read and not received yet: while something was sent, or out of turn for a request.
    pub(super) inbox: VecDeque<Incoming>,
    pub(super) wakers: Arc<HalfWakers>,
    /// A waker for `wakers`, with which the socket is always polled.
    waker: Waker,
    /// The end of the connection, until the receiver takes it.
    pub(super) end: Option<Result<(), Error>>,
    /// The end of earlier connections. It is not an error of a request, because a request is on this connection.
    pub(super) earlier_end: Option<Result<(), Error>>,
    pub(super) is_closed_locally: bool,
    /// The number of messages that were sent.
    sent: u64,
    /// The number of messages that were received.
    pub(super) received: u64,
    /// The number of messages that were sent after the last one that was received.
    pub(super) unanswered: u64,
    /// The numbers of answers that nobody waits for.
    pub(super) abandoned: VecDeque<u64>,
    pub(super) timing: Option<Duration>,
    /// The number of frames that were received.
    pub(super) frames: u64,
}

/// A message of the model that is not decoded yet.
pub(super) struct Incoming {
    pub(super) raw: Bytes,
    pub(super) format: Format,
    /// The number of the message on its connection, from 1; 0 if it is from an earlier connection.
    pub(super) number: u64,
}

/// The wakers of both halves of a connection.
///
/// A socket wakes only the task that polled it last, but either half may read what the other waits for: a sender reads
/// before it writes, and a receiver writes pings. So both are woken for every event.
#[derive(Default)]
pub(super) struct HalfWakers {
    pub(super) receiver: AtomicWaker,
    pub(super) sender: AtomicWaker,
}

impl Wake for HalfWakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.receiver.wake();
        self.sender.wake();
    }
}

impl ConnectionState {
    pub(super) fn new(socket: Socket) -> Self {
        let wakers = Arc::new(HalfWakers::default());
        Self {
            socket: Some(socket),
            inbox: VecDeque::new(),
            waker: wakers.clone().into(),
            wakers,
            end: None,
            earlier_end: None,
            is_closed_locally: false,
            sent: 0,
            received: 0,
            unanswered: 0,
            abandoned: VecDeque::new(),
            timing: None,
            frames: 0,
        }
    }

    /// Continues with another socket.
    pub(super) fn replace_socket(&mut self, socket: Socket) {
        let old = mem::replace(self, Self::new(socket));
        self.wakers = old.wakers;
        self.waker = old.waker;
        self.earlier_end = combine_ends(old.earlier_end, old.end);
        self.is_closed_locally = old.is_closed_locally;
        self.inbox = old.inbox;
        // Numbers begin again, so answers of the old connection must not look like those of the new one.
        self.inbox.iter_mut().for_each(|incoming| incoming.number = 0);
    }

    /// Writes a message to the socket, unless an earlier poll has taken it, and flushes the socket. Returns the number of
    /// the message; `None` if there is no connection for it.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        message: &mut Option<tungstenite::Message>,
    ) -> Poll<Result<Option<u64>>> {
        self.wakers.sender.register(context.waker());
        if message.is_some() {
            if self.is_closed_locally {
                let message = "the connection was closed here";
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, message)));
            }
            // A message written to a socket whose end has arrived unread would be lost.
            self.read_ahead();
            let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(None)) };
            let ready = socket.poll_ready(&mut Context::from_waker(&self.waker));
            ready!(ready).map_err(Error::with_unknown_outcome)?;
            if let Some(message) = message.take() {
                socket.start_send(message)?;
                self.sent += 1;
                self.unanswered += 1;
            }
        }
        let lost = || {
            let message =
                "the connection was lost while a message was written, which may have arrived or not";
            Error::new(ErrorKind::Transport, message).with_unknown_outcome()
        };
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(lost())) };
        let flushed = socket.poll_flush(&mut Context::from_waker(&self.waker));
        ready!(flushed).map_err(|error| lost().with_source(error))?;
        Poll::Ready(Ok(Some(self.sent)))
    }

    /// Returns true if there are as many answers as messages.
    pub(super) fn is_answered(&self) -> bool {
        self.received >= self.sent
    }

    /// Sends a close frame, unless an earlier poll has taken it, and drops all frames until the other side has closed.
    pub(super) fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        close_frame: &mut Option<tungstenite::Message>,
    ) -> Poll<()> {
        self.wakers.sender.register(context.waker());
        let mut context = Context::from_waker(&self.waker);
        let Some(socket) = &mut self.socket else { return Poll::Ready(()) };
        if close_frame.is_some() {
            if ready!(socket.poll_ready(&mut context)).is_err() {
                return Poll::Ready(());
            }
            if let Some(close_frame) = close_frame.take() {
                let _ = socket.start_send(close_frame);
            }
        }
        if ready!(socket.poll_flush(&mut context)).is_err() {
            return Poll::Ready(());
        }
        while let Some(Ok(_)) = ready!(socket.poll_next(&mut context)) {}
        Poll::Ready(())
    }

    /// Drops the socket, and tells both halves.
    pub(super) fn drop_socket(&mut self) {
        self.socket = None;
        self.waker.wake_by_ref();
    }

    /// Sends a ping, if the socket can take it immediately.
    pub(super) fn ping(&mut self) {
        let mut context = Context::from_waker(&self.waker);
        if let Some(socket) = &mut self.socket
            && socket.poll_ready(&mut context).is_ready()
            && socket.start_send(tungstenite::Message::Ping(Bytes::new())).is_ok()
        {
            let _ = socket.poll_flush(&mut context);
        }
    }

    /// Reads until there is a message for the receiver, so that an end that has arrived is known before a message is sent.
    pub(super) fn read_ahead(&mut self) {
        while self.inbox.is_empty() && self.end.is_none() && self.read_frame() {}
    }

    /// Reads one frame. Returns false if none has arrived.
    pub(super) fn read_frame(&mut self) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        let Poll::Ready(frame) = socket.poll_next(&mut Context::from_waker(&self.waker)) else {
            return false;
        };
        self.frames += 1;
        match frame {
            Some(Ok(Frame::Text(raw))) => self.accept(raw, Format::Json),
            Some(Ok(Frame::Binary(raw))) => self.accept(raw, Format::MessagePack),
            Some(Ok(Frame::KeepAlive)) => {}
            Some(Ok(Frame::Close(frame))) => {
                let error =
                    control::close_error(frame).map(|error| error.with_suffix(&self.unanswered_suffix()));
                self.end_with(error);
            }
            Some(Err(error)) => {
                let error = error.with_suffix(&self.unanswered_suffix());
                self.end_with(Some(error));
            }
            None => {
                let message =
                    format!("the connection is gone without a close frame{}", self.unanswered_suffix());
                self.end_with(Some(Error::new(ErrorKind::Transport, message)));
            }
        }
        true
    }

    fn accept(&mut self, raw: Bytes, format: Format) {
        match control::parse(&raw, format) {
            Some(Control::Timing(time)) => self.timing = Some(time),
            Some(Control::Other) => {}
            // A close frame follows, which says nothing more.
            Some(Control::Timeout) => self.end_with(None),
            Some(Control::Failure(error)) => {
                let error = error.with_suffix(&self.unanswered_suffix());
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

    /// Ends the connection: with an error, or in order unless messages are unanswered.
    fn end_with(&mut self, error: Option<Error>) {
        self.drop_socket();
        if self.is_closed_locally {
            return;
        }
        self.end = Some(match error {
            Some(error) => Err(error),
            None if self.unanswered > 0 => {
                let message = format!("the service closed the connection{}", self.unanswered_suffix());
                Err(Error::new(ErrorKind::Transport, message))
            }
            None => Ok(()),
        });
    }

    /// Describes the messages that will not be answered, for the end of an error message.
    fn unanswered_suffix(&self) -> String {
        match self.unanswered {
            0 => String::new(),
            1 => "; the last message had no answer".to_owned(),
            more => format!("; the last {more} messages had no answer"),
        }
    }
}

/// Combines the ends of two connections that the receiver has not taken.
fn combine_ends(
    first: Option<Result<(), Error>>,
    second: Option<Result<(), Error>>,
) -> Option<Result<(), Error>> {
    const MORE: &str = "; nor was that the only connection that was lost";
    match (first, second) {
        (Some(Err(first)), Some(Err(_))) if !first.message().ends_with(MORE) => {
            Some(Err(first.with_suffix(MORE)))
        }
        (Some(Err(first)), _) => Some(Err(first)),
        (first, second) => second.or(first),
    }
}
