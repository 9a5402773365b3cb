//! The size, duration and frames of MP4 and QuickTime files.
//!
//! Reads seven kinds of boxes in place. Of the published crates, one is under a license that not every app can take,
//! and the others make an entry of every frame that a file claims, of which a hundred bytes can claim billions.

use std::io::{self, Read, Seek};

use super::{FileFacts, number, read_at};

/// The largest number of boxes that are read.
const MAX_BOXES: u32 = 10_000;

/// The largest number of entries of a table of frames. One is enough for a constant rate.
const MAX_ENTRIES: u32 = 1_000_000;

type Kind = [u8; 4];

/// The content of a box.
struct Content {
    kind: Kind,
    start: u64,
    end: u64,
}

/// A file, and the number of boxes that may still be read.
struct Boxes<'a, R> {
    reader: &'a mut R,
    left: u32,
}

#[derive(Default)]
struct Track {
    size: Option<(u64, u64)>,
    is_rotated: bool,
    is_video: bool,
    is_edited: bool,
    duration: Option<f64>,
    frames: Option<u64>,
}

/// Reads the file's own description of itself.
pub(super) fn read<R: Read + Seek>(reader: &mut R, length: u64) -> io::Result<FileFacts> {
    let mut facts = FileFacts::default();
    let mut tracks = Vec::new();
    let mut boxes = Boxes { reader, left: MAX_BOXES };
    let file = Content { kind: *b"file", start: 0, end: length };
    let Some(movie) = boxes.find(&file, *b"moov")? else { return Ok(facts) };
    for content in boxes.list(&movie)? {
        match &content.kind {
            // A file in fragments says no duration here.
            b"mvhd" => facts.duration = boxes.duration(&content)?.filter(|duration| *duration > 0.0),
            b"trak" => tracks.push(boxes.track(&content)?),
            b"mvex" => return Ok(FileFacts { duration: None, ..facts }),
            _ => {}
        }
    }
    let Some(video) = tracks.into_iter().find(|track| track.is_video) else { return Ok(facts) };
    facts.size = video.size.filter(|(width, height)| *width > 0 && *height > 0);
    facts.may_be_rotated = video.is_rotated;
    let rate = video.frames.zip(video.duration).filter(|(frames, seconds)| *frames > 1 && *seconds > 0.0);
    facts.fps = rate.map(|(frames, seconds)| number(frames) / seconds);
    facts.frames = video.frames.filter(|_| !video.is_edited);
    Ok(facts)
}

impl<R: Read + Seek> Boxes<'_, R> {
    /// Returns the boxes within `outer`.
    fn list(&mut self, outer: &Content) -> io::Result<Vec<Content>> {
        let (mut list, mut position) = (Vec::new(), outer.start);
        while position.saturating_add(8) <= outer.end {
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
            let head: [u8; 8] = self.read(position)?;
            let [a, b, c, d, kind @ ..] = head;
            let (size, head) = match u32::from_be_bytes([a, b, c, d]) {
                0 => (outer.end - position, 8),
                1 => (u64::from_be_bytes(self.read(position + 8)?), 16),
                size => (u64::from(size), 8),
            };
            let end = position
                .checked_add(size)
                .filter(|end| *end <= outer.end)
                .ok_or(io::ErrorKind::InvalidData)?;
            if size < head {
                return Err(io::ErrorKind::InvalidData.into());
            }
            list.push(Content { kind, start: position + head, end });
            position = end;
        }
        Ok(list)
    }

    fn find(&mut self, outer: &Content, kind: Kind) -> io::Result<Option<Content>> {
        Ok(self.list(outer)?.into_iter().find(|content| content.kind == kind))
    }

    fn read<const N: usize>(&mut self, position: u64) -> io::Result<[u8; N]> {
        read_at(self.reader, position)
    }

    /// Reads the duration of a `mvhd` or `mdhd`, in seconds.
    fn duration(&mut self, content: &Content) -> io::Result<Option<f64>> {
        let [version] = self.read(content.start)?;
        let (scale, duration) = if version == 1 {
            let scale = u32::from_be_bytes(self.read(content.start + 20)?);
            (scale, u64::from_be_bytes(self.read(content.start + 24)?))
        } else {
            let scale = u32::from_be_bytes(self.read(content.start + 12)?);
            (scale, u64::from(u32::from_be_bytes(self.read(content.start + 16)?)))
        };
        let is_known = scale > 0 && duration != u64::from(u32::MAX) && duration != u64::MAX;
        Ok(is_known.then(|| number(duration) / f64::from(scale)))
    }

    fn track(&mut self, track: &Content) -> io::Result<Track> {
        let mut facts = Track::default();
        for content in self.list(track)? {
            match &content.kind {
                b"tkhd" => self.track_header(&content, &mut facts)?,
                b"edts" => facts.is_edited = true,
                b"mdia" => {
                    for content in self.list(&content)? {
                        match &content.kind {
                            b"mdhd" => facts.duration = self.duration(&content)?,
                            b"hdlr" => facts.is_video = &self.read::<4>(content.start + 8)? == b"vide",
                            b"minf" => facts.frames = self.frames(&content)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// Reads the size in which a track is shown, which ends its head, and the matrix before it.
    fn track_header(&mut self, content: &Content, facts: &mut Track) -> io::Result<()> {
        let Some(start) = content.end.checked_sub(44).filter(|start| *start >= content.start) else {
            return Ok(());
        };
        let [a, b, ..]: [[u8; 4]; 2] = split(self.read::<8>(start)?);
        // Turned by a quarter: the first number is cosine 0, the second sine 1.
        facts.is_rotated = u32::from_be_bytes(a) == 0 && u32::from_be_bytes(b) != 0;
        let [width, height] = split(self.read::<8>(start + 36)?);
        let whole = |fixed: [u8; 4]| u64::from(u32::from_be_bytes(fixed) >> 16);
        facts.size = Some((whole(width), whole(height)));
        Ok(())
    }

    /// Adds up the frames of a track's table of times.
    fn frames(&mut self, media: &Content) -> io::Result<Option<u64>> {
        let Some(table) = self.find(media, *b"stbl")? else { return Ok(None) };
        let Some(times) = self.find(&table, *b"stts")? else { return Ok(None) };
        let entries = u32::from_be_bytes(self.read(times.start + 4)?);
        let room = times.end.saturating_sub(times.start + 8) / 8;
        if entries > MAX_ENTRIES || u64::from(entries) > room {
            return Ok(None);
        }
        let mut frames = 0_u64;
        for _ in 0..entries {
            let mut entry = [0; 8];
            self.reader.read_exact(&mut entry)?;
            let [count, _] = split(entry);
            frames = frames.saturating_add(u64::from(u32::from_be_bytes(count)));
        }
        Ok(Some(frames).filter(|frames| *frames > 0))
    }
}

fn split([a, b, c, d, e, f, g, h]: [u8; 8]) -> [[u8; 4]; 2] {
    [[a, b, c, d], [e, f, g, h]]
}
