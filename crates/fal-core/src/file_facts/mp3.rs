//! The duration of MP3 files.
//!
//! The published crates for this either multiply unchecked numbers of the file, or decode it.

use std::io::{self, Read, Seek, SeekFrom};

use super::read_at;

/// The largest number of frames that are counted: 7 hours.
const MAX_FRAMES: u32 = 1_000_000;

/// The number of bytes after a frame's head in which a table may be: the longest side information, and the table's head.
const TABLE: usize = 64;

/// Bits per second of layer III, by the version and the number in a head.
const BITRATES: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// The head of a frame.
struct Frame {
    bytes: u32,
    samples: u32,
    sample_rate: u32,
}

/// Returns the duration in seconds, from the table of the first frame or by counting the frames. `None` for what is no
/// whole MP3 file.
pub(super) fn duration<R: Read + Seek>(reader: &mut R, length: u64) -> Option<f64> {
    let mut position = skip_tag(reader).ok()?;
    let mut seconds = 0.0;
    for count in 0..MAX_FRAMES {
        reader.seek(SeekFrom::Start(position)).ok()?;
        let mut head = [0; 4];
        if reader.read_exact(&mut head).is_err() {
            return (count > 0).then_some(seconds);
        }
        let Some(frame) = Frame::parse(u32::from_be_bytes(head)) else {
            // Tags at the end.
            let is_tag = head.starts_with(b"TAG") || head.starts_with(b"APET") || head == [0; 4];
            return (count > 0 && is_tag).then_some(seconds);
        };
        if count == 0
            && let Some(frames) = count_in_table(reader)
        {
            return Some(f64::from(frames) * f64::from(frame.samples) / f64::from(frame.sample_rate));
        }
        position =
            position.checked_add(u64::from(frame.bytes)).filter(|end| *end <= length.saturating_add(1))?;
        seconds += f64::from(frame.samples) / f64::from(frame.sample_rate);
    }
    None
}

/// Returns the position after an ID3v2 tag, if there is one.
fn skip_tag<R: Read + Seek>(reader: &mut R) -> io::Result<u64> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..]: [u8; 10] = read_at(reader, 0)? else { return Ok(0) };
    let size = size.iter().fold(0, |size: u64, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Ok(10 + size + footer)
}

/// Returns the number of frames that the table of encoders says.
fn count_in_table<R: Read>(reader: &mut R) -> Option<u32> {
    let mut table = Vec::new();
    reader.take(TABLE as u64).read_to_end(&mut table).ok()?;
    let find = |name: &[u8; 4]| table.windows(4).position(|window| window == name);
    let number = |at: usize| Some(u32::from_be_bytes(table.get(at..at + 4)?.try_into().ok()?));
    if let Some(table) = find(b"Xing").or_else(|| find(b"Info")) {
        return (number(table + 4)? & 1 == 1).then(|| number(table + 8)).flatten();
    }
    find(b"VBRI").and_then(|table| number(table + 14))
}

impl Frame {
    /// Parses the head of a frame of layer III.
    fn parse(head: u32) -> Option<Self> {
        let version = (head >> 19) & 3;
        let (is_synchronized, layer) = (head >> 21 == 0x7ff, (head >> 17) & 3);
        if !is_synchronized || layer != 1 || version == 1 {
            return None;
        }
        let is_first = version == 3;
        let bitrate = BITRATES[usize::from(!is_first)].get(usize::try_from((head >> 12) & 15).ok()?)? * 1000;
        let rate = *[44_100, 48_000, 32_000].get(usize::try_from((head >> 10) & 3).ok()?)?;
        let sample_rate = match version {
            3 => rate,
            2 => rate / 2,
            _ => rate / 4,
        };
        let samples = if is_first { 1152 } else { 576 };
        let bytes = samples / 8 * bitrate / sample_rate + ((head >> 9) & 1);
        (bitrate > 0).then_some(Self { bytes, samples, sample_rate })
    }
}
