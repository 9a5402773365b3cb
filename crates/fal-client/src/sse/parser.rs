//! From bytes, cut anywhere, to events.
//!
//! Written here because the crates for it put no limit on the size of an event, or take bytes only after
//! they were decoded as UTF-8 one chunk at a time. Data stays bytes, so that a character which arrives in
//! two chunks cannot be torn; an event of one line that arrives in one chunk is a slice of that chunk.

use std::{mem, ops::Range, sync::Arc};

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
    /// What has arrived last.
    chunk: Bytes,
    /// How much of it is parsed. It is not cut off there, because each cut counts a reference more and one less.
    parsed: usize,
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

/// A line, without its end.
enum Line {
    /// A part of the chunk.
    Within(Range<usize>),
    /// Put together from several chunks.
    Joined(Bytes),
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
            parsed: 0,
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
        self.keep_rest();
        self.chunk = chunk;
    }

    /// What is left of the chunk is the beginning of a line.
    fn keep_rest(&mut self) {
        let (chunk, parsed) = (mem::take(&mut self.chunk), mem::take(&mut self.parsed));
        self.partial.extend_from_slice(chunk.get(parsed..).unwrap_or_default());
    }

    /// The next whole event of what has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        while let Some(line) = self.line() {
            if self.text(&line).is_empty() {
                let name = self.name.take();
                let data = match mem::take(&mut self.data) {
                    Data::None => continue,
                    Data::One(data) => data,
                    Data::Many(data) => data.freeze(),
                };
                return Ok(Some(Event { data, name, id: self.id.clone() }));
            }
            self.field(&line);
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

    /// The next whole line.
    fn line(&mut self) -> Option<Line> {
        let rest = self.chunk.get(self.parsed..).unwrap_or_default();
        if self.skip_newline && !rest.is_empty() {
            self.skip_newline = false;
            self.parsed += usize::from(rest.starts_with(b"\n"));
        }
        let rest = self.chunk.get(self.parsed..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.keep_rest();
            return None;
        };
        let (from, end) = (self.parsed, self.parsed + length);
        self.skip_newline = rest.get(length) == Some(&b'\r');
        self.parsed = end + 1;
        let line = if self.partial.is_empty() {
            Line::Within(from..end)
        } else {
            self.partial.extend_from_slice(rest.get(..length).unwrap_or_default());
            Line::Joined(self.partial.split().freeze())
        };
        let has_mark = mem::take(&mut self.at_beginning) && self.text(&line).starts_with(b"\xef\xbb\xbf");
        Some(match line {
            Line::Within(range) if has_mark => Line::Within(range.start + 3..range.end),
            Line::Joined(line) if has_mark => Line::Joined(line.slice(3..)),
            line => line,
        })
    }

    fn text<'a>(&'a self, line: &'a Line) -> &'a [u8] {
        match line {
            Line::Within(range) => self.chunk.get(range.clone()).unwrap_or_default(),
            Line::Joined(line) => line,
        }
    }

    /// A line that begins with a colon is a comment.
    fn field(&mut self, line: &Line) {
        let all = self.text(line);
        let colon = if all.starts_with(b"data:") { Some(4) } else { memchr::memchr(b':', all) };
        let (name, value) = all.split_at(colon.unwrap_or(all.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                let from = all.len() - value.len();
                let value = match line {
                    Line::Within(range) => self.chunk.slice(range.start + from..range.end),
                    Line::Joined(line) => line.slice(from..),
                };
                self.data.push(value);
            }
            b"event" => self.name = text(value).map(Into::into),
            b"id" if !value.contains(&0) => self.id = text(value).map(Into::into),
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

/// An empty name or id is none.
fn text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests;
