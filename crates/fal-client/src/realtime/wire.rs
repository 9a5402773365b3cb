//! The socket of a connection, and what is known of it.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio_tungstenite::tungstenite::Message;

use super::{
    Format,
    control::{self, Control},
};
use crate::{
    Error, ErrorKind, Result,
    socket::{Frame, Socket},
};

/// The socket of a connection, and what is known of it.
pub(super) struct Wire {
    pub(super) socket: Option<Socket>,
    /// What came while something was sent, or for an answer that somebody else waits for.
    pub(super) inbox: VecDeque<Incoming>,
    pub(super) arrivals: Arc<Arrivals>,
    /// Wakes `arrivals`.
    waker: Waker,
    /// The end that has been heard of and not yet told.
    pub(super) end: Option<Result<(), Error>>,
    /// The same of connections before this one. A request, which is on this one, is not concerned.
    pub(super) earlier_end: Option<Result<(), Error>>,
    pub(super) is_closed_here: bool,
    sent: u64,
    pub(super) received: u64,
    /// Sent since the last answer.
    pub(super) unanswered: u64,
    /// Requests that nobody waits for any more.
    pub(super) abandoned: VecDeque<u64>,
    pub(super) timing: Option<Duration>,
    /// How many frames have come.
    pub(super) frames: u64,
}

/// A message of the model, not read yet.
pub(super) struct Incoming {
    pub(super) raw: Bytes,
    pub(super) format: Format,
    /// Which answer it is, counted from 1.
    pub(super) number: u64,
}

/// Whether something may have come.
///
/// To find nothing is not cheap, because the reader clears its buffer first. So nothing is read before the socket
/// has said that there is something.
pub(super) struct Arrivals {
    any: AtomicBool,
    /// Whoever listens.
    pub(super) listener: AtomicWaker,
}

impl Wake for Arrivals {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.any.store(true, Ordering::Release);
        self.listener.wake();
    }
}

/// Wakes whoever listens, when it is dropped.
pub(super) struct WakesListener(pub(super) Arc<Arrivals>);

impl Drop for WakesListener {
    fn drop(&mut self) {
        self.0.listener.wake();
    }
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Self {
        let arrivals = Arc::new(Arrivals { any: AtomicBool::new(true), listener: AtomicWaker::new() });
        Self {
            socket: Some(socket),
            inbox: VecDeque::new(),
            waker: arrivals.clone().into(),
            arrivals,
            end: None,
            earlier_end: None,
            is_closed_here: false,
            sent: 0,
            received: 0,
            unanswered: 0,
            abandoned: VecDeque::new(),
            timing: None,
            frames: 0,
        }
    }

    /// Goes on with another socket.
    pub(super) fn replace(&mut self, socket: Socket) {
        let old = mem::replace(self, Self::new(socket));
        self.arrivals = old.arrivals;
        self.waker = old.waker;
        self.arrivals.any.store(true, Ordering::Release);
        self.earlier_end = both(old.earlier_end, old.end);
        self.is_closed_here = old.is_closed_here;
        self.inbox = old.inbox;
        // Answers are counted anew, so that those of the old connection belong to nobody who waits.
        self.inbox.iter_mut().for_each(|incoming| incoming.number = 0);
    }

    /// Puts a message into the socket's buffer, unless it is there already, and empties that. Gives the number of the
    /// message; `None` where there is no connection for it.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<Option<u64>>> {
        if message.is_some() {
            if self.is_closed_here {
                let message = "the connection was closed here";
                return Poll::Ready(Err(Error::new(ErrorKind::Transport, message)));
            }
            // A connection whose end has come, unread, would take the message and lose it.
            self.look();
            let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(None)) };
            ready!(socket.poll_ready(context)).map_err(Error::sent_without_response)?;
            if let Some(message) = message.take() {
                socket.start_send(message)?;
                self.sent += 1;
                self.unanswered += 1;
            }
        }
        let lost = || {
            let message =
                "the connection was lost while a message was written, which may have arrived or not";
            Error::new(ErrorKind::Transport, message).sent_without_response()
        };
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(lost())) };
        ready!(socket.poll_flush(context)).map_err(|error| lost().with_source(error))?;
        Poll::Ready(Ok(Some(self.sent)))
    }

    /// Sends a goodbye and drops what comes, until the other side is done.
    pub(super) fn poll_farewell(
        &mut self,
        context: &mut Context<'_>,
        goodbye: &mut Option<Message>,
    ) -> Poll<()> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(()) };
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
        // From here on the socket wakes this task. Should it give up, whoever reads next has to see for itself.
        self.arrivals.any.store(true, Ordering::Release);
        while let Some(Ok(_)) = ready!(socket.poll_next(context)) {}
        Poll::Ready(())
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self) {
        let mut context = Context::from_waker(&self.waker);
        if let Some(socket) = &mut self.socket
            && socket.poll_ready(&mut context).is_ready()
            && socket.start_send(Message::Ping(Bytes::new())).is_ok()
        {
            let _ = socket.poll_flush(&mut context);
        }
    }

    /// Reads what has come, as far as that takes no room: to hear of an end before something is sent.
    pub(super) fn look(&mut self) {
        // Whoever listens has been woken by what has come, and finds it in the inbox.
        while self.inbox.is_empty() && self.end.is_none() && self.read() {}
    }

    /// Reads one frame. `false`: none has come yet.
    pub(super) fn read(&mut self) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        // Set back before, so that what comes from now on counts.
        if !self.arrivals.any.load(Ordering::Acquire) || !self.arrivals.any.swap(false, Ordering::AcqRel) {
            return false;
        }
        let Poll::Ready(frame) = socket.poll_next(&mut Context::from_waker(&self.waker)) else {
            return false;
        };
        self.arrivals.any.store(true, Ordering::Release);
        self.frames += 1;
        match frame {
            Some(Ok(Frame::Text(raw))) => self.take(raw, Format::Json),
            Some(Ok(Frame::Binary(raw))) => self.take(raw, Format::MessagePack),
            Some(Ok(Frame::Life)) => {}
            Some(Ok(Frame::Close(frame))) => {
                let error = control::of_close(frame).map(|error| error.with_suffix(&self.loss()));
                self.end_with(error);
            }
            Some(Err(error)) => {
                let error = error.with_suffix(&self.loss());
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
                let error = error.with_suffix(&self.loss());
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

/// What is told of two ends that nobody has heard of.
fn both(first: Option<Result<(), Error>>, second: Option<Result<(), Error>>) -> Option<Result<(), Error>> {
    const MORE: &str = "; nor was that the only connection that was lost";
    match (first, second) {
        (Some(Err(first)), Some(Err(_))) if !first.message().ends_with(MORE) => {
            Some(Err(first.with_suffix(MORE)))
        }
        (Some(Err(first)), _) => Some(Err(first)),
        (first, second) => second.or(first),
    }
}
