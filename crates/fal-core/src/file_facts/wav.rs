//! The duration of WAV files.
//!
//! `hound` refuses recordings whose length was not known when their header was written, as those of a pipe.

use std::io::{self, Read, Seek};

use super::{number, read_at};

/// The largest number of chunks that are read.
const MAX_CHUNKS: u32 = 1_000;

/// Returns the duration in seconds. `None` if the samples are compressed.
pub(super) fn duration<R: Read + Seek>(reader: &mut R, length: u64) -> io::Result<Option<f64>> {
    let (mut position, mut format) = (12, None);
    for _ in 0..MAX_CHUNKS {
        let [a, b, c, d, size @ ..]: [u8; 8] = read_at(reader, position)?;
        let (start, size) = (position + 8, u64::from(u32::from_le_bytes(size)));
        match &[a, b, c, d] {
            b"fmt " => format = frames(read_at(reader, start)?),
            b"data" => {
                // A header that was written before the end was known claims more than the file has.
                let bytes = size.min(length.saturating_sub(start));
                return Ok(format.map(|(frame, rate)| number(bytes / u64::from(frame)) / f64::from(rate)));
            }
            _ => {}
        }
        position = start + size.next_multiple_of(2);
    }
    Ok(None)
}

/// Returns the bytes of a frame and the frames per second.
fn frames(format: [u8; 14]) -> Option<(u16, u32)> {
    let [_, _, _, _, r0, r1, r2, r3, b0, b1, b2, b3, f0, f1] = format;
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    let (bytes_per_second, frame) = (u32::from_le_bytes([b0, b1, b2, b3]), u16::from_le_bytes([f0, f1]));
    let is_plain = frame > 0 && rate > 0 && rate.checked_mul(u32::from(frame)) == Some(bytes_per_second);
    is_plain.then_some((frame, rate))
}
