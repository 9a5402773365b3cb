//! MP4 files with one video track. The index comes before the data, so that playback starts at once.

use super::Size;
use super::h264::{PROFILE, picture_parameters, sequence_parameters};

/// An H.264 track. Every sample is one NAL unit and lasts one frame; the first is a key frame.
pub(crate) struct Track {
    pub(crate) size: Size,
    pub(crate) frames_per_second: u32,
    pub(crate) samples: Vec<Vec<u8>>,
}

/// Time units per second; a multiple of every usual frame rate.
const TIMESCALE: u32 = 12_000;
/// The size in bytes of the length before each NAL unit.
const LENGTH_SIZE: u32 = 4;

/// Writes a file with one track.
pub(crate) fn mux(track: &Track) -> Vec<u8> {
    let kind = atom(b"ftyp", &[b"isom", &0x200u32.to_be_bytes(), b"isomiso2avc1mp41"]);
    // The index contains the offset of the data after it, so it is built once to learn its length.
    let header = kind.len() + movie(track, 0).len() + 8;
    let index = movie(track, header as u32);
    let mut data = Vec::new();
    for sample in &track.samples {
        data.extend_from_slice(&(sample.len() as u32).to_be_bytes());
        data.extend_from_slice(sample);
    }
    [kind, index, atom(b"mdat", &[&data])].concat()
}

fn movie(track: &Track, data_offset: u32) -> Vec<u8> {
    let frame = TIMESCALE / track.frames_per_second.max(1);
    let duration = frame * track.samples.len() as u32;
    let mut header = BoxWriter::versioned(0, 0);
    header.u32s(&[0, 0, TIMESCALE, duration, 0x0001_0000]);
    header.u32s(&[0x0100_0000, 0, 0]);
    header.u32s(&MATRIX);
    header.u32s(&[0; 6]);
    header.u32s(&[2]); // next_track_ID

    let mut track_header = BoxWriter::versioned(0, 3); // enabled, in the movie
    track_header.u32s(&[0, 0, 1, 0, duration, 0, 0, 0, 0]);
    track_header.u32s(&MATRIX);
    track_header.u32s(&[track.size.width << 16, track.size.height << 16]);

    let mut media_header = BoxWriter::versioned(0, 0);
    media_header.u32s(&[0, 0, TIMESCALE, duration]);
    media_header.u32s(&[0x55C4_0000]); // language: undetermined

    let mut handler = BoxWriter::versioned(0, 0);
    handler.u32s(&[0]);
    handler.bytes(b"vide");
    handler.u32s(&[0; 3]);
    handler.bytes(b"fal-emulator\0");

    let mut video_header = BoxWriter::versioned(0, 1);
    video_header.u32s(&[0, 0]);

    let mut reference = BoxWriter::versioned(0, 0);
    reference.u32s(&[1]);
    reference.bytes(&atom(b"url ", &[&BoxWriter::versioned(0, 1).0])); // the data is in this file

    let media_information = atom(
        b"minf",
        &[
            &atom(b"vmhd", &[&video_header.0]),
            &atom(b"dinf", &[&atom(b"dref", &[&reference.0])]),
            &sample_table(track, frame, data_offset),
        ],
    );
    let media = atom(
        b"mdia",
        &[&atom(b"mdhd", &[&media_header.0]), &atom(b"hdlr", &[&handler.0]), &media_information],
    );
    let track_atom = atom(b"trak", &[&atom(b"tkhd", &[&track_header.0]), &media]);
    atom(b"moov", &[&atom(b"mvhd", &[&header.0]), &track_atom])
}

fn sample_table(track: &Track, frame: u32, data_offset: u32) -> Vec<u8> {
    let count = track.samples.len() as u32;

    let mut description = BoxWriter::versioned(0, 0);
    description.u32s(&[1]);
    description.bytes(&sample_entry(track.size));

    let mut times = BoxWriter::versioned(0, 0);
    times.u32s(&[1, count, frame]);

    let mut key_frames = BoxWriter::versioned(0, 0);
    key_frames.u32s(&[1, 1]);

    let mut chunks = BoxWriter::versioned(0, 0);
    chunks.u32s(&[1, 1, count, 1]); // one chunk of all samples

    let mut sizes = BoxWriter::versioned(0, 0);
    sizes.u32s(&[0, count]);
    for sample in &track.samples {
        sizes.u32s(&[sample.len() as u32 + LENGTH_SIZE]);
    }

    let mut offsets = BoxWriter::versioned(0, 0);
    offsets.u32s(&[1, data_offset]);

    atom(
        b"stbl",
        &[
            &atom(b"stsd", &[&description.0]),
            &atom(b"stts", &[&times.0]),
            &atom(b"stss", &[&key_frames.0]),
            &atom(b"stsc", &[&chunks.0]),
            &atom(b"stsz", &[&sizes.0]),
            &atom(b"stco", &[&offsets.0]),
        ],
    )
}

fn sample_entry(size: Size) -> Vec<u8> {
    let (sequence, picture) = (sequence_parameters(size), picture_parameters());
    let mut configuration = BoxWriter(vec![1]);
    configuration.bytes(&PROFILE);
    configuration.bytes(&[0b1111_1100 | (LENGTH_SIZE - 1) as u8, 0b1110_0001]);
    configuration.bytes(&(sequence.len() as u16).to_be_bytes());
    configuration.bytes(&sequence);
    configuration.bytes(&[1]);
    configuration.bytes(&(picture.len() as u16).to_be_bytes());
    configuration.bytes(&picture);

    let mut entry = BoxWriter(vec![0; 6]);
    entry.bytes(&1u16.to_be_bytes()); // data_reference_index
    entry.u32s(&[0; 4]);
    entry.bytes(&(size.width as u16).to_be_bytes());
    entry.bytes(&(size.height as u16).to_be_bytes());
    entry.u32s(&[0x0048_0000, 0x0048_0000, 0]); // 72 dots per inch
    entry.bytes(&1u16.to_be_bytes()); // frames per sample
    entry.bytes(&[0; 32]); // compressor name
    entry.bytes(&[0, 24, 0xFF, 0xFF]); // depth, no colour table
    entry.bytes(&atom(b"avcC", &[&configuration.0]));
    atom(b"avc1", &[&entry.0])
}

/// The identity matrix: no rotation and no scaling.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// The body of an MP4 box under construction.
struct BoxWriter(Vec<u8>);

impl BoxWriter {
    fn versioned(version: u8, flags: u32) -> Self {
        Self((u32::from(version) << 24 | flags).to_be_bytes().to_vec())
    }

    fn u32s(&mut self, values: &[u32]) {
        for value in values {
            self.0.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Writes a box (which QuickTime calls an atom).
fn atom(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut atom = Vec::with_capacity(length);
    atom.extend_from_slice(&(length as u32).to_be_bytes());
    atom.extend_from_slice(name);
    for part in parts {
        atom.extend_from_slice(part);
    }
    atom
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the body of the box at the end of a path of names.
    fn find<'a>(mut bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
        for name in path {
            loop {
                let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
                if &bytes[4..8] == *name {
                    bytes = &bytes[8..length];
                    break;
                }
                bytes = &bytes[length..];
            }
        }
        bytes
    }

    fn word(bytes: &[u8], index: usize) -> u32 {
        u32::from_be_bytes(bytes[index * 4..index * 4 + 4].try_into().unwrap())
    }

    #[test]
    fn the_index_holds_the_offset_sizes_and_durations_of_the_samples() {
        let track = Track {
            size: Size::new(64, 32),
            frames_per_second: 24,
            samples: vec![vec![0x65, 1, 2], vec![0x41, 3]],
        };
        let file = mux(&track);
        let table: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];
        let at = |name: &'static [u8; 4]| {
            let mut path = table.to_vec();
            path.push(name);
            find(&file, &path)
        };
        let offset = word(at(b"stco"), 2) as usize;
        assert_eq!(&file[offset..], [0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 0x41, 3]);
        assert_eq!((word(at(b"stsz"), 3), word(at(b"stsz"), 4)), (7, 6));
        assert_eq!((word(at(b"stts"), 2), word(at(b"stts"), 3)), (2, 500));
        let header = find(&file, &[b"moov", b"mvhd"]);
        assert_eq!((word(header, 3), word(header, 4)), (12_000, 1000));
    }
}
