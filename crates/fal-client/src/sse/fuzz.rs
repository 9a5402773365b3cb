//! The body of the fuzz target for events, which has no access to the parser.

use super::parser::{Event, Parser};

/// Asserts that the bytes give the same events at once and in chunks, whose size is the first byte.
#[allow(clippy::panic, reason = "a fuzz target fails by panicking")]
pub fn events(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let limit = 1 << 10;
    let (whole, chunks) = (parse([stream], limit), parse(stream.chunks(usize::from(*size).max(1)), limit));
    assert!(whole == chunks, "chunks of {size} bytes give other events: {whole:?}, {chunks:?}");
}

/// Returns the events, and true if the one after them is too large.
fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> (Vec<Event>, bool) {
    let (mut parser, mut events) = (Parser::new(limit), Vec::new());
    for chunk in chunks {
        parser.push(chunk);
        loop {
            match parser.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}
