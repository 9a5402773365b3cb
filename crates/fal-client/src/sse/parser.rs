//! A parser of server-sent events, for bytes that are cut anywhere.
//!
//! It is written here because the crates for this put no limit on the size of an event, or decode each chunk as UTF-8
//! and so break a character that arrives in two chunks. Data stays bytes here.

use std::{mem, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};
use serde::de::IgnoredAny;

use crate::{Error, ErrorKind, Result};

/// The data that ends a stream in the style of OpenAI.
pub(crate) const DONE: &[u8] = b"[DONE]";

/// A server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The values of the `data:` lines, joined by `\n`.
    pub(crate) data: Bytes,
    /// The value of `event:`, unless it is empty.
    pub(crate) name: Option<Box<str>>,
    /// The value of the last `id:` in this event or an earlier one, unless it is empty.
    pub(crate) id: Option<Arc<str>>,
}

/// A parser that takes bytes with [`push`](Self::push) and returns events from [`next`](Self::next).
#[derive(Debug)]
pub(crate) struct Parser {
    /// The bytes that are not parsed yet.
    buffer: BytesMut,
    /// The number of bytes at the start of `buffer` that are known to have no end of a line.
    searched: usize,
    /// True after a `\r`: a `\n` that follows belongs to it.
    skip_newline: bool,
    is_first_line: bool,
    data: Option<BytesMut>,
    name: Option<Box<str>>,
    id: Option<Arc<str>>,
    received: u64,
    limit: usize,
}

impl Parser {
    /// Creates a parser for events of up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            skip_newline: false,
            is_first_line: true,
            data: None,
            name: None,
            id: None,
            received: 0,
            limit,
        }
    }

    /// Appends bytes that have arrived.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.received = self.received.saturating_add(chunk.len() as u64);
        self.buffer.extend_from_slice(chunk);
    }

    /// Returns the next event that has arrived completely.
    ///
    /// # Errors
    ///
    /// `TooLarge` if an event, complete or not, exceeds the limit.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        while let Some(line) = self.next_line()? {
            if !line.is_empty() {
                self.parse_field(line);
                continue;
            }
            let name = self.name.take();
            if let Some(data) = self.data.take() {
                return Ok(Some(Event { data: data.freeze(), name, id: self.id.clone() }));
            }
        }
        Ok(None)
    }

    /// Returns the last event of a stream whose end was announced, if only the empty line after it is missing.
    ///
    /// Only an object or a list is whole for certain: `12` may be the beginning of `123`.
    pub(crate) fn finish(&mut self) -> Option<Event> {
        if self.buffer.starts_with(b"data:") {
            let line = self.buffer.split();
            self.searched = 0;
            self.parse_field(line);
        }
        let is_whole = |data: &BytesMut| {
            matches!(data.first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(data).is_ok()
        };
        let data = self.data.take_if(|data| is_whole(data) && self.buffer.is_empty())?;
        Some(Event { data: data.freeze(), name: self.name.take(), id: self.id.clone() })
    }

    /// Returns the number of bytes that have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Returns true if the bytes so far end in the middle of an event. Comments and unknown fields do not count.
    pub(crate) fn is_within_event(&self) -> bool {
        let begins_data = || {
            let known = self.buffer.len().min(5);
            known > 0 && self.buffer.get(..known) == b"data:".get(..known)
        };
        self.data.is_some() || self.name.is_some() || begins_data()
    }

    /// Returns true if the bytes so far end with [`DONE`], though not with an empty line.
    pub(crate) fn ends_with_done(&self) -> bool {
        match &self.data {
            Some(data) => self.buffer.is_empty() && data.as_ref() == DONE,
            None => self.buffer.strip_prefix(b"data:").is_some_and(|value| value.trim_ascii() == DONE),
        }
    }

    /// Takes the next complete line, without its end.
    fn next_line(&mut self) -> Result<Option<BytesMut>> {
        if self.skip_newline && !self.buffer.is_empty() {
            self.skip_newline = false;
            if self.buffer.starts_with(b"\n") {
                self.buffer.advance(1);
            }
        }
        let end = memchr2(b'\n', b'\r', self.buffer.get(self.searched..).unwrap_or_default());
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            self.check_size(self.searched)?;
            return Ok(None);
        };
        self.check_size(end)?;
        self.searched = 0;
        // An empty line, which ends every event, needs no share of the buffer.
        let mut line = if end == 0 { BytesMut::new() } else { self.buffer.split_to(end) };
        self.skip_newline = self.buffer.starts_with(b"\r");
        self.buffer.advance(1);
        if mem::take(&mut self.is_first_line) && line.starts_with(b"\xef\xbb\xbf") {
            line.advance(3);
        }
        Ok(Some(line))
    }

    /// Checks the size of the event with a further line of `length` bytes. The name of the field counts, because an
    /// incomplete line need not show yet where its value begins.
    fn check_size(&self, length: usize) -> Result<()> {
        let data = self.data.as_ref().map_or(0, BytesMut::len);
        if data.saturating_add(length) <= self.limit {
            return Ok(());
        }
        let message = format!("an event of the stream is larger than {} bytes", self.limit);
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        Err(Error::new(ErrorKind::TooLarge { limit }, message))
    }

    /// Parses a line `name: value`. A line that begins with a colon is a comment.
    fn parse_field(&mut self, mut line: BytesMut) {
        let colon = memchr(b':', &line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match (line.get(..colon), &mut self.data) {
            (Some(b"data"), None) => {
                line.advance(line.len() - value.len());
                self.data = Some(line);
            }
            (Some(b"data"), Some(data)) => {
                data.extend_from_slice(b"\n");
                data.extend_from_slice(value);
            }
            (Some(b"event"), _) => self.name = non_empty(value).map(Into::into),
            (Some(b"id"), _) if !value.contains(&0) => self.id = non_empty(value).map(Into::into),
            // `retry` sets the pause before a client connects again, but fal cannot resume a stream.
            _ => {}
        }
    }
}

/// Returns the text of a value; `None` if it is empty.
fn non_empty(value: &[u8]) -> Option<String> {
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests;
