//! Reading the properties of a file that limits are about, as far as its header has them.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use data_url::DataUrl;
use fal_core::{File, FileLimits, FileSource};

use super::{
    file_facts::{FileFacts, number},
    flac, gif, mp3, mp4, ogg, webm,
};

/// The number of first bytes by which the kind of a file is known.
const HEAD: usize = 16;

/// The length of the mark and the first block of a FLAC file.
const FLAC: u64 = 42;

/// The place of a picture's orientation: within its first bytes.
const EXIF: u64 = 64 << 10;

impl FileFacts {
    /// Reads what is needed for `limits`. Of a file that is online or a reader, nothing is known.
    pub(super) fn read(file: &File, limits: &FileLimits) -> Self {
        let is_size_enough = FileLimits { max_bytes: limits.max_bytes, ..FileLimits::NONE } == *limits;
        match file.source() {
            FileSource::Bytes { data, .. } => Self::from_bytes(data, is_size_enough),
            FileSource::Path { path, .. } => {
                // A pipe would wait for a writer.
                let Some(metadata) = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file) else {
                    return Self::default();
                };
                let bytes = Some(metadata.len());
                match std::fs::File::open(path) {
                    Ok(file) if !is_size_enough => {
                        Self { bytes, ..Self::from_header(BufReader::new(file), metadata.len()) }
                    }
                    _ => Self { bytes, ..Self::default() },
                }
            }
            FileSource::Url(url) => match DataUrl::process(url).map(|url| url.decode_to_vec()) {
                Ok(Ok((data, _))) => Self::from_bytes(&data, is_size_enough),
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    fn from_bytes(data: &[u8], is_size_enough: bool) -> Self {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let facts =
            if is_size_enough { Self::default() } else { Self::from_header(Cursor::new(data), length) };
        Self { bytes: Some(length), ..facts }
    }

    fn from_header<R: Read + Seek + std::io::BufRead>(mut reader: R, length: u64) -> Self {
        let mut head = Vec::new();
        let is_read = reader.by_ref().take(HEAD as u64).read_to_end(&mut head).is_ok();
        if !is_read || reader.seek(SeekFrom::Start(0)).is_err() {
            return Self::default();
        }
        let facts = match head.as_slice() {
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => mp4::read(&mut reader, length).ok(),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
                Self::from_wav(reader, length)
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

    fn from_image<R: Read + Seek + std::io::BufRead>(mut reader: R) -> Option<Self> {
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

    fn from_wav<R: Read>(reader: R, length: u64) -> Option<Self> {
        let wav = hound::WavReader::new(reader).ok()?;
        let spec = wav.spec();
        let frame = u64::from(spec.channels) * u64::from(spec.bits_per_sample.div_ceil(8));
        if spec.sample_rate == 0 || frame == 0 {
            return None;
        }
        // A header that was written before the end was known claims more than the file has.
        let samples = u64::from(wav.duration()).min(length / frame);
        Some(Self { duration: Some(number(samples) / f64::from(spec.sample_rate)), ..Self::default() })
    }
}
