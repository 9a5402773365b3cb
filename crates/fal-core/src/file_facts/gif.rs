//! The frames and the duration of GIF files.

use std::io::{self, Read, Seek};

use super::{FileFacts, number};

/// The largest number of blocks that are read, each of at most 255 bytes of picture: 250 MB.
const MAX_BLOCKS: u32 = 1_000_000;

/// Delays below this, in hundredths of a second, are not obeyed: programs show such frames for 0.1 s.
const MIN_DELAY: u16 = 2;

/// Reads the frames of a whole file with several of them.
pub(super) fn read<R: Read + Seek>(reader: &mut R) -> io::Result<FileFacts> {
    let [.., flags, _, _]: [u8; 13] = take(reader)?;
    skip_colors(reader, flags)?;
    let (mut frames, mut hundredths, mut is_obeyed) = (0_u64, 0_u64, true);
    let mut left = MAX_BLOCKS;
    loop {
        let [kind] = take(reader)?;
        match kind {
            0x21 => {
                let [label] = take(reader)?;
                if label == 0xf9 {
                    let [_, _, low, high, _] = take(reader)?;
                    let delay = u16::from_le_bytes([low, high]);
                    is_obeyed &= delay >= MIN_DELAY;
                    hundredths += u64::from(delay);
                }
            }
            0x2c => {
                let [.., flags]: [u8; 9] = take(reader)?;
                skip_colors(reader, flags)?;
                let [_code_size] = take(reader)?;
                frames += 1;
            }
            0x3b => break,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        skip_blocks(reader, &mut left)?;
    }
    // A picture has no duration.
    if frames < 2 {
        return Ok(FileFacts::default());
    }
    let duration = Some(number(hundredths) / 100.0).filter(|duration| is_obeyed && *duration > 0.0);
    let fps = duration.map(|duration| number(frames) / duration);
    Ok(FileFacts { frames: Some(frames), duration, fps, ..FileFacts::default() })
}

/// Skips a table of colors, if these flags announce one.
fn skip_colors<R: Seek>(reader: &mut R, flags: u8) -> io::Result<()> {
    if flags & 0x80 == 0 {
        return Ok(());
    }
    reader.seek_relative(3 << ((flags & 7) + 1))
}

/// Skips blocks up to the empty one that ends them.
fn skip_blocks<R: Read + Seek>(reader: &mut R, left: &mut u32) -> io::Result<()> {
    loop {
        *left = left.checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
        let [length] = take(reader)?;
        if length == 0 {
            return Ok(());
        }
        reader.seek_relative(i64::from(length))?;
    }
}

fn take<R: Read, const N: usize>(reader: &mut R) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
