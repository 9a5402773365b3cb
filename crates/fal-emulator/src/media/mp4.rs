//! MP4 files with one video track, and with one sound track or none. The index comes before the data, so that playback starts
//! at once.

use super::Size;
use super::aac;
use super::h264::{PROFILE, picture_parameters, sequence_parameters};

/// A video: an H.264 track, and an AAC track that is as long.
pub(crate) struct Movie {
    pub(crate) size: Size,
    pub(crate) frames_per_second: u32,
    /// The frames. Each is one NAL unit; the first is a key frame.
    pub(crate) frames: Vec<Vec<u8>>,
    /// The blocks of the sound, as many as [`sound_samples`] need.
    pub(crate) sound: Option<Vec<Vec<u8>>>,
}

/// Time units per second; a multiple of every usual frame rate, and a part of the sample rate of the sound.
const TIMESCALE: u32 = 12_000;
/// The size in bytes of the length before each NAL unit.
const LENGTH_SIZE: u32 = 4;

/// Returns the number of samples of a sound that is as long as so many frames.
pub(crate) fn sound_samples(frames: u32, frames_per_second: u32) -> u32 {
    frame_duration(frames_per_second) * frames * (aac::SAMPLE_RATE / TIMESCALE)
}

fn frame_duration(frames_per_second: u32) -> u32 {
    TIMESCALE / frames_per_second.max(1)
}

/// Writes a file.
pub(crate) fn mux(movie: &Movie) -> Vec<u8> {
    let kind = atom(b"ftyp", &[b"isom", &0x200u32.to_be_bytes(), b"isomiso2avc1mp41"]);
    // The index contains the offset of the data after it, so it is built once to learn its length.
    let header = kind.len() + index(movie, 0).len() + 8;
    let index = index(movie, header as u32);
    let mut data = Vec::new();
    // The sound comes first. It is hundreds of times smaller than the pictures, so that a player that needs both at once has to
    // skip little.
    for block in movie.sound.iter().flatten() {
        data.extend_from_slice(block);
    }
    for frame in &movie.frames {
        data.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        data.extend_from_slice(frame);
    }
    [kind, index, atom(b"mdat", &[&data])].concat()
}

fn index(movie: &Movie, data_offset: u32) -> Vec<u8> {
    let frame = frame_duration(movie.frames_per_second);
    let count = movie.frames.len() as u32;
    let duration = frame * count;
    let sound = movie.sound.as_ref().map(|blocks| {
        let samples = sound_samples(count, movie.frames_per_second);
        let last = samples.saturating_sub((blocks.len() as u32).saturating_sub(1) * aac::BLOCK);
        TrackIndex {
            id: 2,
            form: SampleForm::Sound,
            duration,
            timescale: aac::SAMPLE_RATE,
            times: vec![[(blocks.len() as u32).saturating_sub(1), aac::BLOCK], [1, last]],
            sizes: blocks.iter().map(|block| block.len() as u32).collect(),
            data_offset,
        }
    });
    let sound_bytes: u32 = sound.as_ref().map_or(0, |sound| sound.sizes.iter().sum());
    let video = TrackIndex {
        id: 1,
        form: SampleForm::Video(movie.size),
        duration,
        timescale: TIMESCALE,
        times: vec![[count, frame]],
        sizes: movie.frames.iter().map(|frame| frame.len() as u32 + LENGTH_SIZE).collect(),
        data_offset: data_offset + sound_bytes,
    };
    let tracks: Vec<TrackIndex> = [video].into_iter().chain(sound).collect();

    let mut header = BoxWriter::versioned(0, 0);
    header.u32s(&[0, 0, TIMESCALE, duration, 0x0001_0000]);
    header.u32s(&[0x0100_0000, 0, 0]);
    header.u32s(&MATRIX);
    header.u32s(&[0; 6]);
    header.u32s(&[tracks.len() as u32 + 1]); // next_track_ID

    let tracks: Vec<u8> = tracks.iter().flat_map(TrackIndex::to_atom).collect();
    atom(b"moov", &[&atom(b"mvhd", &[&header.0]), &tracks])
}

/// The index of a track, whose samples are in one piece.
struct TrackIndex {
    id: u32,
    form: SampleForm,
    /// The duration in the units of the movie.
    duration: u32,
    timescale: u32,
    /// Numbers of consecutive samples, and the duration of each in the units of the track.
    times: Vec<[u32; 2]>,
    /// The sizes of the samples in bytes.
    sizes: Vec<u32>,
    /// The offset of the first sample in the file.
    data_offset: u32,
}

/// The form of the samples of a track.
#[derive(Clone, Copy)]
enum SampleForm {
    Video(Size),
    Sound,
}

impl TrackIndex {
    fn to_atom(&self) -> Vec<u8> {
        let (handler_type, volume, size) = match self.form {
            SampleForm::Video(size) => (b"vide", 0, size),
            SampleForm::Sound => (b"soun", 0x0100_0000, Size::new(0, 0)),
        };
        let mut header = BoxWriter::versioned(0, 3); // enabled, in the movie
        header.u32s(&[0, 0, self.id, 0, self.duration, 0, 0, 0, volume]);
        header.u32s(&MATRIX);
        header.u32s(&[size.width << 16, size.height << 16]);

        let mut media_header = BoxWriter::versioned(0, 0);
        let duration: u32 = self.times.iter().map(|[count, duration]| count * duration).sum();
        media_header.u32s(&[0, 0, self.timescale, duration]);
        media_header.u32s(&[0x55C4_0000]); // language: undetermined

        let mut handler = BoxWriter::versioned(0, 0);
        handler.u32s(&[0]);
        handler.bytes(handler_type);
        handler.u32s(&[0; 3]);
        handler.bytes(b"fal-emulator\0");

        let form_header = match self.form {
            SampleForm::Video(_) => {
                let mut header = BoxWriter::versioned(0, 1);
                header.u32s(&[0, 0]);
                atom(b"vmhd", &[&header.0])
            }
            SampleForm::Sound => {
                let mut header = BoxWriter::versioned(0, 0);
                header.u32s(&[0]); // balance
                atom(b"smhd", &[&header.0])
            }
        };

        let mut reference = BoxWriter::versioned(0, 0);
        reference.u32s(&[1]);
        reference.bytes(&atom(b"url ", &[&BoxWriter::versioned(0, 1).0])); // the data is in this file

        let data = atom(b"dinf", &[&atom(b"dref", &[&reference.0])]);
        let information = atom(b"minf", &[&form_header, &data, &self.sample_table()]);
        let media =
            atom(b"mdia", &[&atom(b"mdhd", &[&media_header.0]), &atom(b"hdlr", &[&handler.0]), &information]);
        atom(b"trak", &[&atom(b"tkhd", &[&header.0]), &media])
    }

    fn sample_table(&self) -> Vec<u8> {
        let count = self.sizes.len() as u32;

        let mut description = BoxWriter::versioned(0, 0);
        description.u32s(&[1]);
        description.bytes(&match self.form {
            SampleForm::Video(size) => video_entry(size),
            SampleForm::Sound => sound_entry(),
        });

        let times: Vec<[u32; 2]> = self.times.iter().copied().filter(|[count, _]| *count > 0).collect();
        let mut durations = BoxWriter::versioned(0, 0);
        durations.u32s(&[times.len() as u32]);
        durations.u32s(times.as_flattened());

        let mut key_frames = BoxWriter::versioned(0, 0);
        key_frames.u32s(&[1, 1]);

        let mut chunks = BoxWriter::versioned(0, 0);
        chunks.u32s(&[1, 1, count, 1]); // one chunk of all samples

        let mut sizes = BoxWriter::versioned(0, 0);
        sizes.u32s(&[0, count]);
        sizes.u32s(&self.sizes);

        let mut offsets = BoxWriter::versioned(0, 0);
        offsets.u32s(&[1, self.data_offset]);

        // Without a list of key frames, each sample is one.
        let key_frames = match self.form {
            SampleForm::Video(_) => atom(b"stss", &[&key_frames.0]),
            SampleForm::Sound => Vec::new(),
        };
        atom(
            b"stbl",
            &[
                &atom(b"stsd", &[&description.0]),
                &atom(b"stts", &[&durations.0]),
                &key_frames,
                &atom(b"stsc", &[&chunks.0]),
                &atom(b"stsz", &[&sizes.0]),
                &atom(b"stco", &[&offsets.0]),
            ],
        )
    }
}

fn video_entry(size: Size) -> Vec<u8> {
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

fn sound_entry() -> Vec<u8> {
    // Descriptors of MPEG-4 Systems: a tag, the length of the content, the content.
    let descriptor = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        [&[tag, content.len() as u8][..], &content].concat()
    };
    let decoder = descriptor(5, &[&aac::CONFIGURATION]);
    // Sound of MPEG-4, an audio stream, with buffer and rates that are not known.
    let configuration = descriptor(4, &[&[0x40, 0x15], &[0; 11], &decoder]);
    let synchronization = descriptor(6, &[&[2]]); // as in MP4 files
    let stream = descriptor(3, &[&[0; 3], &configuration, &synchronization]);
    let mut elementary_stream = BoxWriter::versioned(0, 0);
    elementary_stream.bytes(&stream);

    let mut entry = BoxWriter(vec![0; 6]);
    entry.bytes(&1u16.to_be_bytes()); // data_reference_index
    entry.u32s(&[0; 2]);
    entry.bytes(&1u16.to_be_bytes()); // channels
    entry.bytes(&16u16.to_be_bytes()); // bits per sample
    entry.u32s(&[0, aac::SAMPLE_RATE << 16]);
    entry.bytes(&atom(b"esds", &[&elementary_stream.0]));
    atom(b"mp4a", &[&entry.0])
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

    /// Returns the body of a box of the sample table of a track.
    fn sample_table<'a>(track: &'a [u8], name: &'static [u8; 4]) -> &'a [u8] {
        find(track, &[b"mdia", b"minf", b"stbl", name])
    }

    #[test]
    fn the_index_holds_the_offset_sizes_and_durations_of_the_samples() {
        let movie = Movie {
            size: Size::new(64, 32),
            frames_per_second: 24,
            frames: vec![vec![0x65, 1, 2], vec![0x41, 3]],
            sound: None,
        };
        let file = mux(&movie);
        let track = find(&file, &[b"moov", b"trak"]);
        let offset = word(sample_table(track, b"stco"), 2) as usize;
        assert_eq!(&file[offset..], [0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 0x41, 3]);
        let sizes = sample_table(track, b"stsz");
        assert_eq!((word(sizes, 3), word(sizes, 4)), (7, 6));
        let times = sample_table(track, b"stts");
        assert_eq!((word(times, 2), word(times, 3)), (2, 500));
        let header = find(&file, &[b"moov", b"mvhd"]);
        assert_eq!((word(header, 3), word(header, 4)), (12_000, 1000));
    }

    #[test]
    fn a_sound_is_as_long_as_the_pictures_and_comes_before_them() {
        let movie = Movie {
            size: Size::new(64, 32),
            frames_per_second: 24,
            frames: vec![vec![0x65, 1, 2], vec![0x41, 3]],
            sound: Some(vec![vec![1; 7], vec![2; 7], vec![3; 7], vec![4; 7]]),
        };
        assert_eq!(sound_samples(2, 24), 4000);
        let file = mux(&movie);
        let movie = find(&file, &[b"moov"]);
        let video = find(movie, &[b"trak"]);
        let header = 8 + find(movie, &[b"mvhd"]).len() + 8 + video.len();
        let sound = find(&movie[header..], &[b"trak"]);
        let media_header = find(sound, &[b"mdia", b"mdhd"]);
        assert_eq!((word(media_header, 3), word(media_header, 4)), (48_000, 4000));
        let times = sample_table(sound, b"stts");
        assert_eq!([1, 2, 3, 4, 5].map(|at| word(times, at)), [2, 3, 1024, 1, 928]);
        let (sound, video) = (word(sample_table(sound, b"stco"), 2), word(sample_table(video, b"stco"), 2));
        assert_eq!(&file[sound as usize..][..7], [1; 7]);
        assert_eq!((video - sound, &file[video as usize..][..7]), (28, [0, 0, 0, 3, 0x65, 1, 2].as_slice()));
    }
}
