//! The size, duration and frames per second of WebM and Matroska files.
//!
//! Reads ten kinds of elements in place, as for MP4. The published crates read every element into memory, or need a codec.

use std::io::{self, Read, Seek, SeekFrom};

use super::{FileFacts, number};

/// The largest number of elements that are read.
const MAX_ELEMENTS: u32 = 10_000;

/// The content of an element.
#[derive(Clone, Copy)]
struct Element {
    id: u64,
    start: u64,
    end: u64,
}

/// A file, and the number of elements that may still be read.
struct Elements<'a, R> {
    reader: &'a mut R,
    left: u32,
}

#[derive(Default)]
struct Track {
    is_video: bool,
    /// The width and the height in pixels.
    size: [Option<u64>; 2],
    /// `true` if a part of the picture is not shown, or it is shown in another way.
    is_cropped: bool,
    is_projected: bool,
    /// The time of a frame, in nanoseconds.
    frame: Option<u64>,
}

/// Reads the file's own description of itself.
pub(super) fn read<R: Read + Seek>(reader: &mut R, length: u64) -> io::Result<FileFacts> {
    let mut elements = Elements { reader, left: MAX_ELEMENTS };
    let file = Element { id: 0, start: 0, end: length };
    let mut facts = FileFacts::default();
    let mut tracks = None;
    let Some(segment) = elements.find(file, 0x1853_8067)? else { return Ok(facts) };
    let mut position = segment.start;
    while let Some(element) = elements.next(&segment, &mut position)? {
        match element.id {
            0x1549_a966 => facts.duration = elements.duration(&element)?,
            0x1654_ae6b => tracks = Some(elements.tracks(&element)?),
            // What follows the first pictures and sounds is seldom more than an index.
            0x1f43_b675 if tracks.is_some() => break,
            _ => {}
        }
    }
    let mut videos = tracks.unwrap_or_default().into_iter().filter(|track| track.is_video);
    let (Some(video), None) = (videos.next(), videos.next()) else { return Ok(facts) };
    if let ([Some(width @ 1..), Some(height @ 1..)], false) = (video.size, video.is_cropped) {
        facts.size = Some((width, height));
    }
    facts.may_be_rotated = video.is_projected;
    facts.fps = video.frame.filter(|frame| *frame > 0).map(|frame| 1e9 / number(frame));
    Ok(facts)
}

impl<R: Read + Seek> Elements<'_, R> {
    /// Returns the element at `position` within `outer`, and moves behind it. `None` at the end, and behind an element without
    /// a known length.
    fn next(&mut self, outer: &Element, position: &mut u64) -> io::Result<Option<Element>> {
        if *position >= outer.end {
            return Ok(None);
        }
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
        let (id, id_length) = self.number(*position, false)?;
        let (size, size_length) = self.number(*position + id_length, true)?;
        let start = *position + id_length + size_length;
        if start > outer.end {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let is_unknown = size == (1 << (7 * size_length)) - 1;
        // Streams are written before their end is known.
        let end = if is_unknown { outer.end } else { start.saturating_add(size).min(outer.end) };
        *position = end;
        Ok(Some(Element { id, start, end }))
    }

    fn find(&mut self, outer: Element, id: u64) -> io::Result<Option<Element>> {
        let mut position = outer.start;
        while let Some(element) = self.next(&outer, &mut position)? {
            if element.id == id {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    /// Reads a number of variable length, and returns it with that length. `without_mark` removes the bit that says the
    /// length.
    fn number(&mut self, position: u64, without_mark: bool) -> io::Result<(u64, u64)> {
        let mut bytes = [0; 8];
        self.reader.seek(SeekFrom::Start(position))?;
        let (first, rest) = bytes.split_at_mut(1);
        self.reader.read_exact(first)?;
        let length = first[0].leading_zeros() + 1;
        let more = usize::try_from(length - 1).unwrap_or(usize::MAX);
        self.reader.read_exact(rest.get_mut(..more).ok_or(io::ErrorKind::InvalidData)?)?;
        let number = u64::from_be_bytes(bytes) >> (64 - 8 * length);
        let mark = 1_u64 << (7 * length);
        Ok((if without_mark { number & (mark - 1) } else { number }, u64::from(length)))
    }

    /// Reads a number without a sign.
    fn unsigned(&mut self, element: &Element) -> io::Result<Option<u64>> {
        let length = usize::try_from(element.end - element.start).unwrap_or(usize::MAX);
        let mut bytes = [0; 8];
        let Some(room) = 8_usize.checked_sub(length).and_then(|at| bytes.get_mut(at..)) else {
            return Ok(None);
        };
        self.reader.seek(SeekFrom::Start(element.start))?;
        self.reader.read_exact(room)?;
        Ok(Some(u64::from_be_bytes(bytes)))
    }

    fn float(&mut self, element: &Element) -> io::Result<Option<f64>> {
        let bits = self.unsigned(element)?;
        Ok(match (element.end - element.start, bits) {
            (4, Some(bits)) => u32::try_from(bits).ok().map(|bits| f64::from(f32::from_bits(bits))),
            (8, Some(bits)) => Some(f64::from_bits(bits)),
            _ => None,
        })
    }

    /// Reads the duration of a segment, in seconds.
    fn duration(&mut self, info: &Element) -> io::Result<Option<f64>> {
        let (mut scale, mut duration, mut position) = (Some(1_000_000), None, info.start);
        while let Some(element) = self.next(info, &mut position)? {
            match element.id {
                0x2a_d7b1 => scale = self.unsigned(&element)?,
                0x4489 => duration = self.float(&element)?,
                _ => {}
            }
        }
        let seconds = scale.zip(duration).map(|(scale, duration)| duration * number(scale) / 1e9);
        Ok(seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0))
    }

    fn tracks(&mut self, all: &Element) -> io::Result<Vec<Track>> {
        let (mut tracks, mut position) = (Vec::new(), all.start);
        while let Some(element) = self.next(all, &mut position)? {
            if element.id == 0xae {
                tracks.push(self.track(&element)?);
            }
        }
        Ok(tracks)
    }

    fn track(&mut self, all: &Element) -> io::Result<Track> {
        let (mut track, mut position) = (Track::default(), all.start);
        while let Some(element) = self.next(all, &mut position)? {
            match element.id {
                0x83 => track.is_video = self.unsigned(&element)? == Some(1),
                0x23_e383 => track.frame = self.unsigned(&element)?,
                0xe0 => self.video(&element, &mut track)?,
                _ => {}
            }
        }
        Ok(track)
    }

    fn video(&mut self, all: &Element, track: &mut Track) -> io::Result<()> {
        let mut position = all.start;
        while let Some(element) = self.next(all, &mut position)? {
            match element.id {
                0xb0 => track.size[0] = self.unsigned(&element)?,
                0xba => track.size[1] = self.unsigned(&element)?,
                0x54aa | 0x54bb | 0x54cc | 0x54dd => track.is_cropped |= self.unsigned(&element)? != Some(0),
                0x7670 => track.is_projected = true,
                _ => {}
            }
        }
        Ok(())
    }
}
