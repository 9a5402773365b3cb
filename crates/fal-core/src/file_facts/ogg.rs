//! The duration of Ogg files with one stream of sound.

use std::io::{self, Read, Seek, SeekFrom};

use super::{flac, number};

/// The largest page, with its head.
const PAGE: u64 = 65_307;

/// The number of pages before the first one with sound: the heads of Vorbis, with pictures in its comments.
const MAX_HEAD_PAGES: u32 = 256;

/// The largest part of a stream that one page holds, in seconds. A stream that begins later was cut out of another.
const MAX_START: f64 = 60.0;

/// The head of a page.
struct Page {
    /// The position of the last sample that ends in the page, unless none does.
    position: Option<u64>,
    /// `true` for the first page of a stream.
    begins: bool,
    serial: u32,
    /// The length of the content after the head.
    length: u64,
    /// The length of the head.
    head: u64,
}

/// Returns the duration in seconds. `None` for a file with several streams, with pictures, or without a known codec.
pub(super) fn duration<R: Read + Seek>(reader: &mut R, length: u64) -> io::Result<Option<f64>> {
    let first = Page::read(reader, 0)?;
    let mut content = vec![0; usize::try_from(first.length.min(64)).unwrap_or_default()];
    reader.read_exact(&mut content)?;
    let Some((rate, skipped)) = rate(&content) else { return Ok(None) };
    let seconds = |position: u64| number(position.saturating_sub(skipped)) / rate;
    let mut start = first.head + first.length;
    let mut start_position = None;
    for _ in 0..MAX_HEAD_PAGES {
        let page = Page::read(reader, start)?;
        if page.serial != first.serial {
            return Ok(None);
        }
        start_position = page.position.filter(|position| *position > 0);
        if start_position.is_some() {
            break;
        }
        start += page.head + page.length;
    }
    let is_from_start = start_position.is_some_and(|position| seconds(position) < MAX_START);
    let end = last_position(reader, length, first.serial)?;
    Ok(end.filter(|_| is_from_start).map(seconds).filter(|duration| *duration > 0.0))
}

/// Returns the position at the end of the file, unless another stream is there.
fn last_position<R: Read + Seek>(reader: &mut R, length: u64, serial: u32) -> io::Result<Option<u64>> {
    let start = length.saturating_sub(2 * PAGE);
    let mut end = Vec::new();
    reader.seek(SeekFrom::Start(start))?;
    reader.take(2 * PAGE).read_to_end(&mut end)?;
    let mut position = None;
    for at in memchr::memmem::find_iter(&end, b"OggS") {
        let Some(page) = end.get(at..).and_then(Page::parse) else { continue };
        // Another stream, or one that follows the first.
        if page.serial != serial || (page.begins && start + u64::try_from(at).unwrap_or_default() > 0) {
            return Ok(None);
        }
        position = page.position.or(position);
    }
    Ok(position)
}

/// Returns the samples per second of a stream by its first packet, and the number of samples that are not played.
fn rate(packet: &[u8]) -> Option<(f64, u64)> {
    let number_at = |at: usize| Some(u32::from_le_bytes(packet.get(at..at + 4)?.try_into().ok()?));
    let rate = match packet {
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => number_at(12)?,
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, _, low, high, ..] => {
            return Some((48_000.0, u64::from(u16::from_le_bytes([*low, *high]))));
        }
        [b'S', b'p', b'e', b'e', b'x', b' ', b' ', b' ', ..] => number_at(36)?,
        [0x7f, b'F', b'L', b'A', b'C', _, _, _, _, flac @ ..] => flac::rate(flac)?,
        _ => return None,
    };
    (rate > 0).then_some((f64::from(rate), 0))
}

impl Page {
    fn read<R: Read + Seek>(reader: &mut R, start: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        reader.seek(SeekFrom::Start(start))?;
        reader.by_ref().take(27 + 255).read_to_end(&mut head)?;
        let page = Self::parse(&head).ok_or(io::ErrorKind::InvalidData)?;
        reader.seek(SeekFrom::Start(start + page.head))?;
        Ok(page)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(27)?;
        if !head.starts_with(b"OggS\0") {
            return None;
        }
        let position = u64::from_le_bytes(head.get(6..14)?.try_into().ok()?);
        let serial = u32::from_le_bytes(head.get(14..18)?.try_into().ok()?);
        let lengths = rest.get(..usize::from(*head.last()?))?;
        let length = lengths.iter().copied().map(u64::from).sum();
        let head = 27 + u64::try_from(lengths.len()).ok()?;
        let is_known = i64::try_from(position).is_ok();
        let begins = bytes.get(5)? & 2 != 0;
        Some(Self { position: is_known.then_some(position), begins, serial, length, head })
    }
}
