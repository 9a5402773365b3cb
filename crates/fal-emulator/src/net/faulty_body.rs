//! Bodies of replies that are cut short or repeat themselves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::faulty_stream::{ConnectionControl, ConnectionEnd};

/// The point at which a body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutPoint {
    /// After this many bytes.
    Byte(usize),
    /// In the middle of the event after this many whole events.
    Event(usize),
}

/// A body that is cut at a point.
pub(crate) struct CutBody {
    pub(crate) body: Body,
    pub(crate) point: CutPoint,
    pub(crate) end: ConnectionEnd,
    pub(crate) control: ConnectionControl,
}

impl CutBody {
    /// Returns the rest to send if the cut is within `data`; `None` if all of it is to be sent.
    fn cut_within(&mut self, data: &Bytes) -> Option<Bytes> {
        match &mut self.point {
            CutPoint::Byte(left) if data.len() < *left => *left -= data.len(),
            CutPoint::Byte(left) => return Some(data.slice(..*left)),
            // Comments only keep the connection alive; they do not count as events.
            CutPoint::Event(_) if data.starts_with(b":") => {}
            CutPoint::Event(0) => return Some(data.slice(..data.len() / 2)),
            CutPoint::Event(left) => *left -= 1,
        }
        None
    }
}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.point == CutPoint::Byte(0) {
            this.control.end_after_flush(this.end);
            return Poll::Pending;
        }
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)?) else {
            return Poll::Ready(None);
        };
        let Some(last) = frame.data_ref().and_then(|data| this.cut_within(data)) else {
            return Poll::Ready(Some(Ok(frame)));
        };
        this.point = CutPoint::Byte(0);
        Poll::Ready(Some(Ok(Frame::data(last))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that sends every chunk twice, like a stream that repeats events.
pub(crate) struct RepeatedBody {
    pub(crate) body: Body,
    pub(crate) again: Option<Bytes>,
}

impl HttpBody for RepeatedBody {
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
