//! From bytes, cut anywhere, to events.
//!
//! Written here because the crates for it put no limit on the size of an event, or take bytes only after
//! they were decoded as UTF-8 one chunk at a time. Data stays bytes, so that a character which arrives in
//! two chunks cannot be torn; an event of one line that arrives in one chunk is a slice of that chunk.

use std::{mem, ops::Range, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};

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
    /// The data of the last event.
    last: Line,
    name: Option<Box<str>>,
    id: Option<Arc<str>>,
    received: u64,
    limit: usize,
}

/// A line without its end, or other text.
#[derive(Debug)]
enum Line {
    /// A part of the chunk.
    Within(Range<usize>),
    /// On its own: put together from several chunks or lines, or of a chunk before.
    Apart(Bytes),
}

/// The data of the event that is being read.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line.
    One(Line),
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
            last: Line::Apart(Bytes::new()),
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
        if let Data::One(line) = &self.data {
            self.data = Data::One(Line::Apart(self.bytes(line)));
        }
        let (mut chunk, parsed) = (mem::take(&mut self.chunk), mem::take(&mut self.parsed));
        self.partial.extend_from_slice(chunk.get(parsed..).unwrap_or_default());
        if let Line::Within(range) = &self.last {
            chunk.truncate(range.end);
            chunk.advance(range.start);
            self.last = Line::Apart(chunk);
        }
    }

    /// The next whole event of what has arrived.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        if let Some(range) = self.plain()? {
            return Ok(Some(self.event(Line::Within(range))));
        }
        while let Some(line) = self.line()? {
            if self.text(&line).is_empty() {
                let data = match mem::take(&mut self.data) {
                    Data::None => {
                        self.name = None;
                        continue;
                    }
                    Data::One(line) => line,
                    Data::Many(lines) => Line::Apart(lines.freeze()),
                };
                return Ok(Some(self.event(data)));
            }
            self.field(line);
        }
        Ok(None)
    }

    /// The data of an event that has nothing else, in one line, and lies in the chunk as a whole. Most are so.
    #[inline]
    fn plain(&mut self) -> Result<Option<Range<usize>>> {
        let begins = self.partial.is_empty() && self.name.is_none() && matches!(self.data, Data::None);
        let rest = self.chunk.get(self.parsed..).filter(|rest| begins && rest.starts_with(b"data:"));
        let Some(rest) = rest else { return Ok(None) };
        let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else { return Ok(None) };
        if !rest.get(length..).is_some_and(|end| end.starts_with(b"\n\n")) {
            return Ok(None);
        }
        self.check(length)?;
        let (from, end) = (self.parsed + b"data:".len(), self.parsed + length);
        let from = from + usize::from(rest.get(b"data:".len()) == Some(&b' '));
        self.parsed = end + 2;
        (self.at_beginning, self.skip_newline) = (false, false);
        Ok(Some(from..end))
    }

    #[inline]
    fn event(&mut self, data: Line) -> Event {
        let event = Event { data: self.bytes(&data), name: self.name.take(), id: self.id.clone() };
        self.last = data;
        event
    }

    /// The data of the last event; empty before the first.
    pub(crate) fn last(&self) -> Bytes {
        self.bytes(&self.last)
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

    /// Takes a line of so many bytes, or the beginning of one, after the data that there is. Counted are its bytes as
    /// they come, with the name of the field: what a line is, is not known before its end.
    #[inline]
    fn check(&self, line: usize) -> Result<()> {
        if self.data.len().saturating_add(line) <= self.limit {
            return Ok(());
        }
        let message = format!("an event of the stream is larger than {} bytes", self.limit);
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        Err(Error::new(ErrorKind::TooLarge { limit }, message))
    }

    /// The next whole line.
    fn line(&mut self) -> Result<Option<Line>> {
        let rest = self.chunk.get(self.parsed..).unwrap_or_default();
        if self.skip_newline && !rest.is_empty() {
            self.skip_newline = false;
            self.parsed += usize::from(rest.starts_with(b"\n"));
        }
        let rest = self.chunk.get(self.parsed..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.keep_rest();
            self.check(self.partial.len())?;
            return Ok(None);
        };
        self.check(self.partial.len().saturating_add(length))?;
        let (from, end) = (self.parsed, self.parsed + length);
        self.skip_newline = rest.get(length) == Some(&b'\r');
        self.parsed = end + 1;
        let line = if self.partial.is_empty() {
            Line::Within(from..end)
        } else {
            self.partial.extend_from_slice(rest.get(..length).unwrap_or_default());
            Line::Apart(self.partial.split().freeze())
        };
        let has_mark = mem::take(&mut self.at_beginning) && self.text(&line).starts_with(b"\xef\xbb\xbf");
        Ok(Some(match line {
            Line::Within(range) if has_mark => Line::Within(range.start + 3..range.end),
            Line::Apart(line) if has_mark => Line::Apart(line.slice(3..)),
            line => line,
        }))
    }

    fn text<'a>(&'a self, line: &'a Line) -> &'a [u8] {
        match line {
            Line::Within(range) => self.chunk.get(range.clone()).unwrap_or_default(),
            Line::Apart(line) => line,
        }
    }

    fn push_data(&mut self, line: Line) {
        let mut lines = match mem::take(&mut self.data) {
            Data::None => {
                self.data = Data::One(line);
                return;
            }
            Data::One(first) => BytesMut::from(self.text(&first)),
            Data::Many(lines) => lines,
        };
        lines.extend_from_slice(b"\n");
        lines.extend_from_slice(self.text(&line));
        self.data = Data::Many(lines);
    }

    #[inline]
    fn bytes(&self, line: &Line) -> Bytes {
        match line {
            Line::Within(range) => self.chunk.slice(range.clone()),
            Line::Apart(text) => text.clone(),
        }
    }

    /// A line that begins with a colon is a comment.
    fn field(&mut self, line: Line) {
        let all = self.text(&line);
        let colon = if all.starts_with(b"data:") { Some(4) } else { memchr::memchr(b':', all) };
        let (name, value) = all.split_at(colon.unwrap_or(all.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                let from = all.len() - value.len();
                let value = match line {
                    Line::Within(range) => Line::Within(range.start + from..range.end),
                    Line::Apart(line) => Line::Apart(line.slice(from..)),
                };
                self.push_data(value);
            }
            b"event" => self.name = text(value).map(Into::into),
            b"id" if !value.contains(&0) => self.id = text(value).map(Into::into),
            // `retry` is for clients that ask again, and fal resumes no stream.
            _ => {}
        }
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(Line::Within(range)) => range.len(),
            Self::One(Line::Apart(line)) => line.len(),
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
