//! The properties of a file that limits are about, as far as its header has them.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

mod flac;
mod gif;
mod mp3;
mod mp4;
mod ogg;
mod wav;
mod webm;

/// The number of first bytes by which the kind of a file is known.
const HEAD: u64 = 16;

/// The length of the mark and the first block of a FLAC file.
const FLAC: u64 = 42;

/// The place of a picture's orientation: within its first bytes.
const EXIF: u64 = 64 << 10;

/// The properties of a file that [`FileLimits`](crate::FileLimits) are about. `None` is not known, and then never a reason to
/// refuse it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct FileFacts {
    /// The size in bytes.
    pub bytes: Option<u64>,
    /// The width and the height in pixels, as they are stored.
    pub size: Option<(u64, u64)>,
    /// `true` if the file says that it is shown rotated, which not every model does.
    pub may_be_rotated: bool,
    /// The duration in seconds.
    pub duration: Option<f64>,
    /// The number of frames.
    pub frames: Option<u64>,
    /// The number of frames per second.
    pub fps: Option<f64>,
}

impl FileFacts {
    /// Reads the header of content in memory.
    #[must_use]
    pub fn from_bytes(data: &[u8]) -> Self {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Self { bytes: Some(length), ..Self::from_header(Cursor::new(data), length) }
    }

    /// Reads the header of a file of `length` bytes, of which `reader` may have the first ones only. Of content that it does
    /// not understand, nothing is known.
    pub fn from_header<R: BufRead + Seek>(mut reader: R, length: u64) -> Self {
        let mut head = Vec::new();
        let is_read = reader.by_ref().take(HEAD).read_to_end(&mut head).is_ok();
        if !is_read || reader.seek(SeekFrom::Start(0)).is_err() {
            return Self::default();
        }
        let facts = match head.as_slice() {
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => mp4::read(&mut reader, length).ok(),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
                let duration = wav::duration(&mut reader, length).unwrap_or_default();
                Some(Self { duration, ..Self::default() })
            }
            [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] if head.get(1) != Some(&0xd8) => {
                mp3::duration(&mut reader, length)
                    .map(|duration| Self { duration: Some(duration), ..Self::default() })
            }
            [0x1a, 0x45, 0xdf, 0xa3, ..] => webm::read(&mut reader, length).ok(),
            [b'f', b'L', b'a', b'C', ..] => Self::from_flac(reader),
            [b'O', b'g', b'g', b'S', ..] => {
                let duration = ogg::duration(&mut reader, length).unwrap_or_default();
                Some(Self { duration, ..Self::default() })
            }
            [b'G', b'I', b'F', b'8', ..] => {
                let animation = gif::read(&mut reader).unwrap_or_default();
                let is_back = reader.seek(SeekFrom::Start(0)).is_ok();
                let picture =
                    if is_back { Self::from_image(reader).unwrap_or_default() } else { Self::default() };
                Some(Self { size: picture.size, ..animation })
            }
            _ => Self::from_image(reader),
        };
        facts.unwrap_or_default()
    }

    fn from_image<R: BufRead + Seek>(mut reader: R) -> Option<Self> {
        let mut head = Vec::new();
        reader.by_ref().take(EXIF).read_to_end(&mut head).ok()?;
        let may_be_rotated = head.windows(6).any(|window| window == b"Exif\0\0");
        reader.seek(SeekFrom::Start(0)).ok()?;
        let size = imagesize::reader_size(reader).ok()?;
        let size = (u64::try_from(size.width).ok()?, u64::try_from(size.height).ok()?);
        Some(Self {
            size: Some(size).filter(|size| size.0 > 0 && size.1 > 0),
            may_be_rotated,
            ..Self::default()
        })
    }

    fn from_flac<R: Read>(reader: R) -> Option<Self> {
        let mut head = Vec::new();
        reader.take(FLAC).read_to_end(&mut head).ok()?;
        Some(Self { duration: flac::duration(&head), ..Self::default() })
    }
}

/// Reads the bytes at a position.
fn read_at<R: Read + Seek, const N: usize>(reader: &mut R, position: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.seek(SeekFrom::Start(position))?;
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Returns a size or a count as a float.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "sizes of files and pictures are below 2^53")]
pub fn number(value: u64) -> f64 {
    value as f64
}
