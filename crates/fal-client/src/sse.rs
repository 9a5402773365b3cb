//! Server-sent events: the parser, and events of an answer.
//!
//! Written here because the crates for it put no limit on the size of an event, or take bytes only after
//! they were decoded as UTF-8 one chunk at a time. Data stays bytes, so that a character which arrives in
//! two chunks cannot be torn.

use std::mem;

use crate::{Error, ErrorKind, Result};

/// One event. Its data is whatever the `data:` lines say, joined by `\n`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) data: Vec<u8>,
}

/// Turns bytes, cut anywhere, into events.
#[derive(Debug)]
pub(crate) struct Parser {
    /// What has arrived and is not yet parsed begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here there is no end of a line.
    searched: usize,
    at_beginning: bool,
    /// A line that ended with `\r` at the very end of what has arrived may go on with `\n`.
    skip_newline: bool,
    event: Event,
    has_data: bool,
    limit: usize,
}

impl Parser {
    /// A parser that takes events of up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            at_beginning: true,
            skip_newline: false,
            event: Event::default(),
            has_data: false,
            limit,
        }
    }

    /// Takes what has arrived.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event of what has arrived. An event that is not whole at the end of the stream is
    /// none.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        while let Some(line) = self.line() {
            let (from, to) = line;
            if from == to {
                if mem::take(&mut self.has_data) {
                    return Ok(Some(mem::take(&mut self.event)));
                }
                continue;
            }
            self.field(from, to);
            self.check(self.event.data.len())?;
        }
        self.check(self.event.data.len() + self.buffer.len() - self.start)?;
        Ok(None)
    }

    fn check(&self, bytes: usize) -> Result<()> {
        if bytes <= self.limit {
            return Ok(());
        }
        let message = format!("an event of the stream is larger than {} bytes", self.limit);
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        Err(Error::new(ErrorKind::TooLarge { limit }, message))
    }

    /// Where the next line is, without its end.
    fn line(&mut self) -> Option<(usize, usize)> {
        if self.skip_newline {
            let first = *self.buffer.get(self.start)?;
            self.skip_newline = false;
            self.start += usize::from(first == b'\n');
        }
        if self.at_beginning && !self.skip_bom() {
            return None;
        }
        let from = self.searched.max(self.start);
        let rest = self.buffer.get(from..)?;
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.searched = self.buffer.len();
            return None;
        };
        let (line, end) = (self.start, from + found);
        self.skip_newline = self.buffer.get(end) == Some(&b'\r');
        self.start = end + 1;
        self.searched = self.start;
        Some((line, end))
    }

    /// Whether it is known that no byte order mark is, or is still, in front.
    fn skip_bom(&mut self) -> bool {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        if self.buffer.starts_with(BOM) {
            self.start = BOM.len();
        } else if BOM.starts_with(&self.buffer) {
            return false;
        }
        self.at_beginning = false;
        true
    }

    fn field(&mut self, from: usize, to: usize) {
        let line = self.buffer.get(from..to).unwrap_or_default();
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        // `event`, `id` and `retry` mean nothing to fal, which names no events and resumes none. A line that
        // begins with a colon is a comment.
        if name == b"data" {
            if mem::replace(&mut self.has_data, true) {
                self.event.data.push(b'\n');
            }
            self.event.data.extend_from_slice(value);
        }
    }
}

/// The events of an answer.
#[derive(Debug)]
pub(crate) struct Events {
    response: reqwest::Response,
    parser: Parser,
}

impl Events {
    /// `None` when the answer is not a stream of events.
    pub(crate) fn of(response: reqwest::Response, limit: usize) -> Option<Self> {
        let content_type = response.headers().get(http::header::CONTENT_TYPE)?.to_str().ok()?;
        let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        let is_stream = media_type.trim().eq_ignore_ascii_case("text/event-stream");
        is_stream.then(|| Self { response, parser: Parser::new(limit) })
    }

    /// Waits for the next event; `None` at the end. Can be dropped while it waits without losing anything.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.parser.next()? {
                return Ok(Some(event));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.parser.push(&chunk),
                Ok(None) => return Ok(None),
                Err(cause) => return Err(Error::broken(cause)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parser: &mut Parser) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = parser.next().unwrap() {
            events.push(String::from_utf8(event.data).unwrap());
        }
        events
    }

    /// The same events, wherever the bytes are cut.
    fn check(stream: &str, expected: &[&str]) {
        let bytes = stream.as_bytes();
        let mut whole = Parser::new(1000);
        whole.push(bytes);
        assert_eq!(all(&mut whole), expected, "{stream:?}");
        for size in 1..bytes.len() {
            let mut parser = Parser::new(1000);
            let mut events = Vec::new();
            for chunk in bytes.chunks(size) {
                parser.push(chunk);
                events.extend(all(&mut parser));
            }
            assert_eq!(events, expected, "{stream:?} in pieces of {size}");
        }
    }

    #[test]
    fn events_are_read_wherever_they_are_cut() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check("data: a\r\n\ndata: b\n\r\n", &["a", "b"]);
        check(": ping\n\n:\n\ndata: a\n: inside\n\n", &["a"]);
        check("data: a\ndata: b\ndata\ndata:\ndata:  c\n\n", &["a\nb\n\n\n c"]);
        check("event: x\nid: 7\nretry: 10\ndata:a\nunknown: y\n\n", &["a"]);
        check("event: no data\n\nid: 7\n\ndata\n\n", &[""]);
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]);
        check("data: žluť \u{2028} 🐱\n\n", &["žluť \u{2028} 🐱"]);
        check("data: whole\n\ndata: cut", &["whole"]);
        check("data: whole\n\ndata: cut\n", &["whole"]);
        check("", &[]);
    }

    #[test]
    fn an_event_has_a_limit() {
        let mut parser = Parser::new(10);
        for _ in 0..100 {
            parser.push(b"data: 0123456789\n\n");
            assert_eq!(parser.next().unwrap().unwrap().data.len(), 10);
        }
        parser.push(b"data: 01234\ndata: 56789\n\n");
        assert!(parser.next().unwrap_err().is_too_large());
        let mut parser = Parser::new(10);
        parser.push(b"data: a line without an end");
        assert!(parser.next().unwrap_err().is_too_large());
        let mut parser = Parser::new(10);
        parser.push(b": a comment that is as long as it likes\n\n");
        assert_eq!(parser.next().unwrap(), None);
    }

    #[test]
    fn bytes_that_are_not_text_are_kept() {
        let mut parser = Parser::new(10);
        parser.push(b"data: \xff\xfe\n\n");
        assert_eq!(parser.next().unwrap().unwrap().data, b"\xff\xfe");
    }

    #[test]
    fn what_is_parsed_is_not_kept() {
        let mut parser = Parser::new(1000);
        for _ in 0..10_000 {
            parser.push(b"data: 0123456789\n\n: comment\n");
            assert!(parser.next().unwrap().is_some());
            assert!(parser.next().unwrap().is_none());
        }
        assert!(parser.buffer.capacity() < 1000, "{}", parser.buffer.capacity());
    }
}
