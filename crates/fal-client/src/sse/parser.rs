//! From bytes, cut anywhere, to events.
//!
//! Written here because the crates for it put no limit on the size of an event, or take bytes only after
//! they were decoded as UTF-8 one chunk at a time. Data stays bytes, so that a character which arrives in
//! two chunks cannot be torn; an event of one line that arrives in one chunk is a slice of that chunk.

use std::{mem, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{Error, ErrorKind, Result};

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What the `data:` lines say, joined by `\n`.
    pub(crate) data: Bytes,
    /// What `event:` says, unless it is empty.
    pub(crate) name: Option<Box<str>>,
    /// What `id:` said last, in this event or an earlier one.
    pub(crate) id: Option<Arc<str>>,
}

/// Turns bytes, cut anywhere, into events.
#[derive(Debug)]
pub(crate) struct Parser {
    /// What has arrived and is not yet parsed.
    chunk: Bytes,
    /// The beginning of a line whose rest has not arrived. In front of `chunk`.
    partial: BytesMut,
    /// A line that ended with `\r` may go on with `\n`.
    skip_newline: bool,
    at_beginning: bool,
    data: Data,
    name: Option<Box<str>>,
    id: Option<Arc<str>>,
    received: u64,
    limit: usize,
}

/// The data of the event that is being read.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line.
    One(Bytes),
    /// Several lines.
    Many(BytesMut),
}

impl Parser {
    /// A parser that takes events of up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            partial: BytesMut::new(),
            skip_newline: false,
            at_beginning: true,
            data: Data::None,
            name: None,
            id: None,
            received: 0,
            limit,
        }
    }

    /// Takes what has arrived.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.received = self.received.saturating_add(chunk.len() as u64);
        // Callers take all events before they push more, so there is nothing left but what `partial` holds.
        if !self.chunk.is_empty() {
            let rest = mem::take(&mut self.chunk);
            self.partial.extend_from_slice(&rest);
        }
        self.chunk = chunk;
    }

    /// The next whole event of what has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let name = self.name.take();
                let data = match mem::take(&mut self.data) {
                    Data::None => continue,
                    Data::One(data) => data,
                    Data::Many(data) => data.freeze(),
                };
                return Ok(Some(Event { data, name, id: self.id.clone() }));
            }
            self.field(line);
            self.check(self.data.len())?;
        }
        self.check(self.data.len().saturating_add(self.partial.len()))?;
        Ok(None)
    }

    /// How many bytes have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether what has arrived ends in the middle of an event. Comments and fields without meaning here are
    /// none.
    pub(crate) fn is_within_event(&self) -> bool {
        let begins_data = || {
            let known = self.partial.len().min(5);
            known > 0 && self.partial.get(..known) == b"data:".get(..known)
        };
        !matches!(self.data, Data::None) || self.name.is_some() || begins_data()
    }

    fn check(&self, bytes: usize) -> Result<()> {
        if bytes <= self.limit {
            return Ok(());
        }
        let message = format!("an event of the stream is larger than {} bytes", self.limit);
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        Err(Error::new(ErrorKind::TooLarge { limit }, message))
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Option<Bytes> {
        if self.skip_newline && !self.chunk.is_empty() {
            self.skip_newline = false;
            if self.chunk.first() == Some(&b'\n') {
                self.take(1);
            }
        }
        let Some(end) = memchr::memchr2(b'\n', b'\r', &self.chunk) else {
            let rest = mem::take(&mut self.chunk);
            self.partial.extend_from_slice(&rest);
            return None;
        };
        self.skip_newline = self.chunk.get(end) == Some(&b'\r');
        let line = self.take(end);
        self.take(1);
        let line = if self.partial.is_empty() {
            line
        } else {
            self.partial.extend_from_slice(&line);
            self.partial.split().freeze()
        };
        Some(if mem::take(&mut self.at_beginning) { without(&line, b"\xef\xbb\xbf") } else { line })
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        self.chunk.split_to(bytes.min(self.chunk.len()))
    }

    /// A line that begins with a colon is a comment.
    fn field(&mut self, line: Bytes) {
        let (name, value) = match line.strip_prefix(b"data:") {
            Some(_) => (&b"data"[..], line.slice(5..)),
            None => {
                let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
                (line.get(..colon).unwrap_or_default(), line.slice((colon + 1).min(line.len())..))
            }
        };
        let value = without(&value, b" ");
        match name {
            b"data" => self.data.push(value),
            b"event" => self.name = text(&value).map(Into::into),
            b"id" if !value.contains(&0) => self.id = text(&value).map(Into::into),
            // `retry` is for clients that ask again, and fal resumes no stream.
            _ => {}
        }
    }
}

impl Data {
    fn push(&mut self, line: Bytes) {
        *self = match mem::take(self) {
            Self::None => Self::One(line),
            Self::One(first) => {
                let mut lines = BytesMut::with_capacity(first.len() + 1 + line.len());
                lines.extend_from_slice(&first);
                Self::join(lines, &line)
            }
            Self::Many(lines) => Self::join(lines, &line),
        };
    }

    fn join(mut lines: BytesMut, line: &[u8]) -> Self {
        lines.extend_from_slice(b"\n");
        lines.extend_from_slice(line);
        Self::Many(lines)
    }

    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(line) => line.len(),
            Self::Many(lines) => lines.len(),
        }
    }
}

fn without(line: &Bytes, prefix: &[u8]) -> Bytes {
    if line.starts_with(prefix) { line.slice(prefix.len()..) } else { line.clone() }
}

/// An empty name or id is none.
fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests;
