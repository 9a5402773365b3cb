//! A reply's body that ends, or goes on, otherwise than the handler meant.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::wire::{Control, End};

/// Where in a body it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// After so many bytes.
    Byte(usize),
    /// In the middle of the event that follows so many others.
    Event(usize),
}

/// A body that stops at a spot, whatever is left of it.
pub(crate) struct Cut {
    pub(crate) body: Body,
    pub(crate) spot: Spot,
    pub(crate) end: End,
    pub(crate) control: Control,
}

impl Cut {
    /// What of a frame still goes out. `None`: all of it, and there may be more.
    fn last_of(&mut self, data: &Bytes) -> Option<Bytes> {
        match &mut self.spot {
            Spot::Byte(left) if data.len() < *left => *left -= data.len(),
            Spot::Byte(left) => return Some(data.slice(..*left)),
            // Comments keep a connection alive; they are no events.
            Spot::Event(_) if data.starts_with(b":") => {}
            Spot::Event(0) => return Some(data.slice(..data.len() / 2)),
            Spot::Event(left) => *left -= 1,
        }
        None
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.spot == Spot::Byte(0) {
            this.control.end_after_flush(this.end);
            return Poll::Pending;
        }
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)?) else {
            return Poll::Ready(None);
        };
        let Some(last) = frame.data_ref().and_then(|data| this.last_of(data)) else {
            return Poll::Ready(Some(Ok(frame)));
        };
        this.spot = Spot::Byte(0);
        Poll::Ready(Some(Ok(Frame::data(last))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of which every piece is sent twice, as a stream that repeats itself does.
pub(crate) struct Twice {
    pub(crate) body: Body,
    pub(crate) again: Option<Bytes>,
}

impl HttpBody for Twice {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(again) = this.again.take() {
            return Poll::Ready(Some(Ok(Frame::data(again))));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context)?);
        this.again = frame.as_ref().and_then(Frame::data_ref).cloned();
        Poll::Ready(frame.map(Ok))
    }
}
