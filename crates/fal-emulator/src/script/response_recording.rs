//! The recording of responses while they are sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};

use super::recorded_response::RecordedResponse;
use super::recorder::Records;

/// The largest part of a body that is kept, in bytes.
const MAX_BODY: usize = 256 << 10;

/// The recording of the response to one request.
pub(crate) struct ResponseRecording {
    pub(super) records: Arc<Records>,
    /// The number of the request.
    pub(super) number: u64,
    pub(super) started: Instant,
    /// `false` if the body holds a token.
    pub(super) keeps_body: bool,
}

impl ResponseRecording {
    /// Records a response when it has been sent. `is_faulty`: a rule damages it on its way.
    pub(crate) fn attach(self, response: Response<Body>, is_faulty: bool) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_text = content_type.is_none_or(|kind| {
            kind.starts_with("text/") || kind.starts_with("application/json") || kind.contains("+json")
        });
        let kept = if is_text && self.keeps_body { MAX_BODY } else { 0 };
        let recorded = RecordedBody {
            is_ended: body.is_end_stream(),
            body,
            kept: BytesMut::new(),
            left: kept,
            size: 0,
            status: parts.status,
            headers: parts.headers.clone(),
            is_faulty,
            recording: self,
        };
        Response::from_parts(parts, Body::new(recorded))
    }
}

/// A body that is recorded while it is sent.
struct RecordedBody {
    body: Body,
    kept: BytesMut,
    /// The number of bytes that may still be kept.
    left: usize,
    size: u64,
    is_ended: bool,
    status: StatusCode,
    headers: HeaderMap,
    is_faulty: bool,
    recording: ResponseRecording,
}

impl HttpBody for RecordedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let kept = data.len().min(self.left);
                    self.kept.extend_from_slice(data.get(..kept).unwrap_or_default());
                    self.left -= kept;
                    self.size += data.len() as u64;
                }
                self.is_ended = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.is_ended = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RecordedBody {
    fn drop(&mut self) {
        let response = RecordedResponse {
            status: self.status,
            headers: std::mem::take(&mut self.headers),
            body: self.kept.split().freeze(),
            body_size: self.size,
            duration: self.recording.started.elapsed(),
            is_complete: self.is_ended && !self.is_faulty,
        };
        self.recording.records.finish(self.recording.number, response);
    }
}
