//! What the fuzz target of events does, which cannot see the parser.

use bytes::Bytes;

use super::parser::{Event, Parser};

/// Reads the bytes at once and in pieces, whose size the first byte says.
#[allow(clippy::panic, reason = "a fuzz target fails by panicking")]
pub fn events(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let limit = 1 << 10;
    let (whole, pieces) = (read([stream], limit), read(stream.chunks(usize::from(*size).max(1)), limit));
    assert!(whole == pieces, "pieces of {size} bytes are read otherwise: {whole:?}, {pieces:?}");
}

/// The events, and whether what came after them is too large.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> (Vec<Event>, bool) {
    let (mut parser, mut events) = (Parser::new(limit), Vec::new());
    for chunk in chunks {
        parser.push(Bytes::copy_from_slice(chunk));
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
