//! Server-sent events of a response.

#[cfg(fuzzing)]
pub mod fuzz;
mod parser;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

pub(crate) use self::parser::{DONE, Event, Parser};
use crate::{Error, Result, headers::foreign_encoding};

/// The server-sent events of a response.
pub(crate) struct Events {
    chunks: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    parser: Parser,
    holds_connection: bool,
}

impl Events {
    /// Returns the events of a response, or the response itself if its type is not `text/event-stream`, or it is
    /// compressed. Each event may have up to `limit` bytes.
    pub(crate) fn from_response(
        response: reqwest::Response,
        limit: usize,
    ) -> Result<Self, Box<reqwest::Response>> {
        let content_type = response.headers().get(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        let is_stream = media_type.trim().eq_ignore_ascii_case("text/event-stream");
        if !is_stream || foreign_encoding(response.headers()).is_some() {
            return Err(response.into());
        }
        let holds_connection = response.version() < http::Version::HTTP_2;
        Ok(Self {
            chunks: Box::pin(response.bytes_stream().fuse()),
            parser: Parser::new(limit),
            holds_connection,
        })
    }

    /// Returns true if no other request can use the connection while the stream is open, as before HTTP/2.
    pub(crate) fn holds_connection(&self) -> bool {
        self.holds_connection
    }

    /// Waits for the next event. Returns `None` at the end. This can be dropped while it waits without losing an event.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// Polls for the [next](Self::next) event.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Event>>> {
        loop {
            if let Some(event) = self.parser.next()? {
                return Poll::Ready(Ok(Some(event)));
            }
            match ready!(self.chunks.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => self.parser.push(&chunk),
                Some(Err(cause)) => return Poll::Ready(Err(Error::from_broken_body(cause))),
                // The body is whole, so nothing of it is missing but the empty line that some servers leave out.
                None if !self.parser.ends_with_done() => return Poll::Ready(Ok(self.parser.finish())),
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Returns the number of bytes that have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.parser.received()
    }

    /// Returns true if the bytes so far end with the mark that ends a stream, though not with an empty line.
    pub(crate) fn ends_with_done(&self) -> bool {
        self.parser.ends_with_done()
    }

    /// Returns true if the bytes so far end in the middle of an event.
    pub(crate) fn is_within_event(&self) -> bool {
        self.parser.is_within_event()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("received", &self.received()).finish_non_exhaustive()
    }
}
