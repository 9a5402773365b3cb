//! Files at and beyond the limits, in every kind that is understood.

use std::{
    collections::HashMap,
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use fal_core::{File, FileLimits, FileLimitsVisitor, Parameters, limited_files};

use super::*;

/// An input with files below the limits that a test chooses.
struct Input {
    files: Vec<File>,
    limits: &'static FileLimits,
}

impl Parameters for Input {
    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        visitor.field("media_urls", self.limits, &self.files);
    }
}

fn violations_of_all(files: Vec<File>, limits: FileLimits) -> Vec<Violation> {
    let input = Input { files, limits: Box::leak(Box::new(limits)) };
    let files: Vec<_> = limited_files(&input).into_iter().map(FilesToCheck::from).collect();
    find_violations(&files)
}

fn violations(file: impl Into<Vec<u8>>, limits: FileLimits) -> Vec<Violation> {
    violations_of_all(vec![File::bytes(file, "")], limits)
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend(b"\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\xaeB`\x82");
    file
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), b"\0\0\0;\0\0\0\0"].concat()
}

/// A GIF with frames that are shown for this time, in hundredths of a second.
fn animation(size: (u16, u16), frames: u32, delay: u16) -> Vec<u8> {
    let mut file = gif(size.0, size.1);
    file.truncate(13);
    file[10] = 0x91; // A table of 4 colors.
    file.extend([0; 12]);
    file.extend(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    for frame in 0..frames {
        file.extend(b"!\xf9\x04\0");
        file.extend(delay.to_le_bytes());
        file.extend(b"\0\0,\0\0\0\0\x01\0\x01\0");
        // Every second frame has colors of its own.
        if frame % 2 == 0 {
            file.push(0)
        } else {
            file.extend([0x80, 1, 2, 3, 4, 5, 6])
        }
        file.extend(b"\x02\x02D\x01\0");
    }
    file.push(b';');
    file
}

fn flac(samples: u64, rate: u64) -> Vec<u8> {
    let numbers = rate << 44 | 1 << 41 | 15 << 36 | samples;
    [b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".as_slice(), &numbers.to_be_bytes(), &[0; 16], &[0x55; 400]]
        .concat()
}

fn page(serial: u32, position: u64, flags: u8, content: &[u8]) -> Vec<u8> {
    let full = content.len() / 255;
    let lengths = [vec![255; full], vec![u8::try_from(content.len() % 255).unwrap()]].concat();
    let count = u8::try_from(lengths.len()).unwrap();
    let head =
        [b"OggS\0".as_slice(), &[flags], &position.to_le_bytes(), &serial.to_le_bytes(), &[0; 8], &[count]];
    [head.concat(), lengths, content.to_vec()].concat()
}

fn vorbis_head(rate: u32) -> Vec<u8> {
    [b"\x01vorbis\0\0\0\0\x02".as_slice(), &rate.to_le_bytes(), &[0; 14]].concat()
}

fn opus_head(skipped: u16) -> Vec<u8> {
    [b"OpusHead\x01\x02".as_slice(), &skipped.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0; 3]].concat()
}

/// An Ogg file whose stream begins and ends at these samples.
fn ogg(head: &[u8], start: u64, end: u64) -> Vec<u8> {
    let pages = [
        page(7, 0, 2, head),
        page(7, 0, 0, &[0x55; 700]),
        page(7, u64::MAX, 0, &[0x55; 600]),
        page(7, start, 0, &[0x55; 5000]),
        page(7, u64::midpoint(start, end), 0, &[b'O'; 60_000]),
        page(7, end, 4, &[0x55; 400]),
    ];
    pages.concat()
}

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = 0x1000_0000 | u32::try_from(content.len()).unwrap();
    [id, &size.to_be_bytes(), content].concat()
}

/// A WebM file of this duration in milliseconds, with the elements of its picture.
fn webm(milliseconds: f64, fps: u32, picture: &[Vec<u8>], is_stream: bool) -> Vec<u8> {
    let head = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"));
    let info = [element(b"\x2a\xd7\xb1", b"\x0f\x42\x40"), element(b"\x44\x89", &milliseconds.to_be_bytes())];
    let frame = (1_000_000_000 / fps).to_be_bytes();
    let video =
        [element(b"\x83", b"\x01"), element(b"\x23\xe3\x83", &frame), element(b"\xe0", &picture.concat())];
    let sound = element(b"\xae", &element(b"\x83", b"\x02"));
    let tracks = [sound, element(b"\xae", &video.concat())];
    let cluster = element(b"\x1f\x43\xb6\x75", &[0x55; 300]);
    let content = [
        element(b"\xec", &[0; 40]),
        element(b"\x15\x49\xa9\x66", &info.concat()),
        element(b"\x16\x54\xae\x6b", &tracks.concat()),
        cluster,
    ];
    match is_stream {
        // Of a length that is not known.
        true => {
            [head, b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec(), content.concat()].concat()
        }
        false => [head, element(b"\x18\x53\x80\x67", &content.concat())].concat(),
    }
}

fn picture(width: u16, height: u16) -> Vec<Vec<u8>> {
    vec![element(b"\xb0", &width.to_be_bytes()), element(b"\xba", &height.to_be_bytes())]
}

/// A JPEG; with `exif`, one that may say to be shown rotated.
fn jpeg(width: u16, height: u16, exif: bool) -> Vec<u8> {
    let mut file = b"\xff\xd8".to_vec();
    if exif {
        file.extend(b"\xff\xe1\0\x10Exif\0\0MM\0*\0\0\0\x08");
    }
    file.extend(b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08");
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.extend(b"\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xd9");
    file
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    file.extend(&(width - 1).to_le_bytes()[..3]);
    file.extend(&(height - 1).to_le_bytes()[..3]);
    file.extend([0; 8]);
    file
}

fn wav(seconds: f64, rate: u32, channels: u16) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 8,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of samples")]
    for _ in 0..(seconds * f64::from(rate)).round() as u32 * u32::from(channels) {
        writer.write_sample(0_i8).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// Frames of 128 kbit/s at 44.1 kHz, of 417 or 418 bytes and 26.1 ms each.
fn mp3(frames: u32, tag: bool) -> Vec<u8> {
    let mut file = if tag { [b"ID3\x04\0\0\0\0\x02\0".as_slice(), &[0; 256]].concat() } else { Vec::new() };
    for _ in 0..frames {
        file.extend([0xff, 0xfb, 0x90, 0x00]);
        file.resize(file.len() + 413, 0x55);
    }
    if tag {
        file.extend([b"TAG".as_slice(), &[0; 125]].concat());
    }
    file
}

fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), kind.as_slice(), content].concat()
}

struct Video {
    size: (u32, u32),
    is_rotated: bool,
    frames: u32,
    fps: u32,
    is_long: bool,
}

impl Video {
    /// Returns an MP4 file with the boxes that describe it.
    fn file(&self) -> Vec<u8> {
        const SCALE: u32 = 90_000;
        let delta = SCALE / self.fps;
        let duration = self.frames * delta;
        let times = |version: u8| match version {
            1 => [
                vec![1, 0, 0, 0],
                vec![0; 16],
                SCALE.to_be_bytes().to_vec(),
                u64::from(duration).to_be_bytes().to_vec(),
            ]
            .concat(),
            _ => [vec![0; 12], SCALE.to_be_bytes().to_vec(), duration.to_be_bytes().to_vec()].concat(),
        };
        let matrix: [u32; 9] = match self.is_rotated {
            true => [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 0, 0, 0x4000_0000],
            false => [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000],
        };
        let matrix: Vec<u8> = matrix.iter().flat_map(|number| number.to_be_bytes()).collect();
        let (width, height) = ((self.size.0 << 16).to_be_bytes(), (self.size.1 << 16).to_be_bytes());
        let tkhd = [vec![0; 40], matrix, width.to_vec(), height.to_vec()].concat();
        let stts = [
            vec![0; 4],
            1_u32.to_be_bytes().to_vec(),
            self.frames.to_be_bytes().to_vec(),
            delta.to_be_bytes().to_vec(),
        ]
        .concat();
        let sound = atom(b"trak", &atom(b"mdia", &atom(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0")));
        let media = [
            atom(b"mdhd", &times(u8::from(self.is_long))),
            atom(b"hdlr", b"\0\0\0\0\0\0\0\0vide\0\0\0\0"),
            atom(b"minf", &atom(b"stbl", &atom(b"stts", &stts))),
        ];
        let video = atom(b"trak", &[atom(b"tkhd", &tkhd), atom(b"mdia", &media.concat())].concat());
        let movie = atom(b"moov", &[atom(b"mvhd", &times(u8::from(self.is_long))), sound, video].concat());
        let mdat = match self.is_long {
            // A size of 64 bits.
            true => [1_u32.to_be_bytes().as_slice(), b"mdat", &24_u64.to_be_bytes(), &[0; 8]].concat(),
            false => atom(b"mdat", &[0; 64]),
        };
        [atom(b"ftyp", b"isom\0\0\0\0"), mdat, movie].concat()
    }
}

const IMAGE: FileLimits = FileLimits {
    max_bytes: Some(1 << 20),
    min_width: Some(64),
    max_width: Some(4096),
    min_height: Some(64),
    max_height: Some(4096),
    min_area: Some(64 * 64),
    max_area: Some(4096 * 4096),
    min_aspect_ratio: Some(0.4),
    max_aspect_ratio: Some(2.5),
    ..FileLimits::NONE
};

const MEDIA: FileLimits = FileLimits {
    min_duration: Some(2.0),
    max_duration: Some(30.0),
    min_frames: Some(17),
    max_frames: Some(900),
    min_fps: Some(5.0),
    max_fps: Some(60.0),
    ..FileLimits::NONE
};

#[test]
fn a_thousand_valid_files_at_the_limits_pass() {
    let mut count = 0;
    let mut pass = |file: Vec<u8>, limits: FileLimits| {
        count += 1;
        assert_eq!(violations(file, limits), [], "file {count}");
    };
    let sides =
        [(64, 64), (64, 160), (160, 64), (4096, 4096), (4096, 1639), (1639, 4096), (640, 480), (1000, 2500)];
    for (width, height) in sides {
        let (short_width, short_height) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
        for (step, limit) in [1, 8, 16, 64, 512].into_iter().enumerate() {
            let has_step = width % limit == 0 && height % limit == 0;
            let multiple_of = has_step.then_some(u64::from(limit));
            let limits = FileLimits { multiple_of, ..IMAGE };
            let mut files = vec![
                png(width, height),
                gif(short_width, short_height),
                jpeg(short_width, short_height, step % 2 == 0),
                webp(width, height),
            ];
            files.push([files[0].clone(), vec![0; (1 << 20) - files[0].len()]].concat());
            files.into_iter().for_each(|file| pass(file, limits));
        }
    }
    for rate in [8000, 11_025, 16_000, 22_050] {
        for channels in [1, 2] {
            for seconds in [2.0, 2.5, 7.3, 15.0, 29.97, 30.0, 30.05] {
                pass(wav(seconds, rate, channels), MEDIA);
            }
        }
    }
    for frames in [77, 80, 100, 383, 500, 1000, 1148, 1149] {
        pass(mp3(frames, false), MEDIA);
        pass(mp3(frames, true), MEDIA);
    }
    for rate in [8000, 16_000, 44_100, 48_000, 96_000] {
        for samples in [2 * rate, 7 * rate + 1, 30 * rate, 30 * rate + rate / 20] {
            pass(flac(samples, rate), MEDIA);
            let head = vorbis_head(u32::try_from(rate).unwrap());
            pass(ogg(&head, rate / 2, samples), MEDIA);
            pass(ogg(&opus_head(312), 20_000, samples * 48_000 / rate + 312), MEDIA);
        }
    }
    for (frames, delay) in [(17, 20), (30, 10), (60, 5), (900, 3), (100, 30)] {
        let limits = FileLimits { max_bytes: None, ..merge(FileLimits { min_fps: None, ..MEDIA }, IMAGE) };
        pass(animation((64, 160), frames, delay), limits);
        // Their time is not known.
        pass(animation((64, 64), 20, 0), limits);
    }
    for fps in [5, 24, 25, 30, 48, 50, 60] {
        for seconds in [2.0, 9.7, 30.0, 30.05] {
            for is_stream in [false, true] {
                let limits = FileLimits { max_bytes: None, ..merge(MEDIA, IMAGE) };
                pass(webm(seconds * 1000.0, fps, &picture(1920, 1080), is_stream), limits);
                let cropped = [picture(8000, 64), vec![element(b"\x54\xcc", &[255])]].concat();
                pass(webm(seconds * 1000.0, fps, &cropped, is_stream), limits);
                let turned = [picture(64, 8000), vec![element(b"\x76\x70", b"")]].concat();
                let tall = FileLimits { max_height: Some(8000), max_width: Some(8000), ..FileLimits::NONE };
                pass(webm(seconds * 1000.0, fps, &turned, is_stream), merge(MEDIA, tall));
            }
        }
    }
    // Streams that say nothing of their length, or whose parts belong together in another way.
    let (vorbis, rate) = (vorbis_head(48_000), 48_000);
    pass(flac(0, rate), MEDIA);
    pass(ogg(&vorbis, 3600 * rate, 3610 * rate), MEDIA);
    pass([ogg(&vorbis, rate, rate + 9), ogg(&vorbis, rate, 20 * rate)].concat(), MEDIA);
    pass([ogg(&vorbis, rate, 20 * rate), page(8, 90 * rate, 4, b"x")].concat(), MEDIA);
    pass([page(8, 0, 2, b"\x80theora"), ogg(&vorbis, rate, 90 * rate)].concat(), MEDIA);
    pass(ogg(b"\x01unknown", rate, 90 * rate), MEDIA);
    for fps in [5, 12, 24, 25, 30, 48, 50, 60] {
        for seconds in [2, 3, 5, 10, 15, 30] {
            let frames = (fps * seconds).clamp(17, 900);
            for (size, is_rotated) in
                [((64, 160), false), ((160, 64), true), ((4096, 4096), false), ((1920, 1080), true)]
            {
                for is_long in [false, true] {
                    let limits = FileLimits { min_duration: Some(1.9), ..MEDIA };
                    let limits = FileLimits { max_bytes: None, ..merge(limits, IMAGE) };
                    pass(Video { size, is_rotated, frames, fps, is_long }.file(), limits);
                }
            }
        }
    }
    // Content that is not understood never refuses.
    for length in 0..400 {
        let noise: Vec<u8> =
            (0..length).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        pass(noise, FileLimits { max_bytes: Some(400), ..merge(MEDIA, IMAGE) });
    }
    assert!(count >= 1000, "{count} files");
}

fn merge(media: FileLimits, image: FileLimits) -> FileLimits {
    FileLimits {
        min_duration: media.min_duration,
        max_duration: media.max_duration,
        min_frames: media.min_frames,
        max_frames: media.max_frames,
        min_fps: media.min_fps,
        max_fps: media.max_fps,
        ..image
    }
}

#[test]
fn files_beyond_a_limit_are_refused_with_the_limit_and_the_value() {
    let video = |size, frames, fps| Video { size, is_rotated: false, frames, fps, is_long: false }.file();
    let multiple = FileLimits { multiple_of: Some(16), ..FileLimits::NONE };
    let table = [
        (vec![0; (1 << 20) + 1], IMAGE, "has 1048577 bytes, and the endpoint takes at most 1048576 bytes"),
        (png(63, 64), IMAGE, "is 63 px wide, and the endpoint takes at least 64 px wide"),
        (gif(64, 63), IMAGE, "is 63 px high"),
        (webp(4097, 4096), IMAGE, "is 4097 px wide, and the endpoint takes at most 4096"),
        (
            jpeg(64, 200, false),
            IMAGE,
            "has a ratio of width to height of 0.320, and the endpoint takes at least 0.400",
        ),
        (jpeg(63, 63, true), IMAGE, "is 63 px wide"),
        (png(100, 64), multiple, "is 100 px wide, and the endpoint takes"),
        (wav(31.0, 8000, 1), MEDIA, "lasts 31 s, and the endpoint takes at most 30 s"),
        (wav(1.5, 8000, 1), MEDIA, "lasts 1.500 s, and the endpoint takes at least 2 s"),
        (mp3(1200, true), MEDIA, "lasts 31.347 s"),
        (video((64, 64), 1860, 60), MEDIA, "has 1860 frames"),
        (video((64, 64), 90 * 31, 90), MEDIA, "has 90 frames per second, and the endpoint takes at most 60"),
        (video((64, 64), 32, 1), MEDIA, "lasts 32 s"),
        (video((63, 64), 60, 30), IMAGE, "is 63 px wide"),
        (animation((64, 63), 20, 10), IMAGE, "is 63 px high"),
        (animation((64, 64), 16, 100), MEDIA, "has 16 frames"),
        (animation((64, 64), 31, 100), MEDIA, "lasts 31 s"),
        (flac(31 * 44_100, 44_100), MEDIA, "lasts 31 s, and the endpoint takes at most 30 s"),
        (flac(66_150, 44_100), MEDIA, "lasts 1.500 s"),
        (ogg(&vorbis_head(44_100), 44_100, 31 * 44_100), MEDIA, "lasts 31 s"),
        (ogg(&opus_head(312), 48_000, 31 * 48_000 + 312), MEDIA, "lasts 31 s"),
        (
            ogg(&[b"\x7fFLAC\x01\0\0\x01".as_slice(), &flac(0, 8000)[..42]].concat(), 8000, 9000),
            MEDIA,
            "lasts 1.125 s",
        ),
        (webm(31_000.0, 30, &picture(64, 64), false), MEDIA, "lasts 31 s"),
        (webm(3000.0, 90, &picture(64, 64), true), MEDIA, "has 90.000 frames per second"),
        (webm(3000.0, 30, &picture(63, 64), false), IMAGE, "is 63 px wide"),
    ];
    for (file, limits, message) in table {
        let found = violations(file, limits);
        assert!(found.iter().any(|violation| violation.message.contains(message)), "{message}: {found:?}");
        assert!(found.iter().all(|violation| violation.path == "body.media_urls.0"));
        assert!(found[0].message.starts_with("`media_urls.0`: the file "), "{}", found[0].message);
    }
}

#[test]
fn limits_of_a_list_are_those_of_its_total() {
    static TOTAL: FileLimits =
        FileLimits { max_bytes: Some(1000), max_duration: Some(10.0), ..FileLimits::NONE };
    let limits = FileLimits { combined: Some(&TOTAL), ..FileLimits::NONE };
    let file = |length| File::bytes(vec![0; length], "");
    assert_eq!(violations_of_all(vec![file(500), file(500)], limits), []);
    // The size of one that is online is not known.
    let found = violations_of_all(vec![file(500), File::url("https://example.com/x"), file(501)], limits);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "body.media_urls");
    assert!(found[0].message.contains("the list as a whole has 1001 bytes"), "{}", found[0].message);
    let clip = || File::bytes(wav(6.0, 8000, 1), "");
    static LONG: FileLimits = FileLimits { max_duration: Some(10.0), ..FileLimits::NONE };
    let limits = FileLimits { combined: Some(&LONG), ..FileLimits::NONE };
    assert_eq!(violations_of_all(vec![clip()], limits), []);
    assert!(violations_of_all(vec![clip(), clip()], limits)[0].message.contains("12 s"));
}

#[test]
fn paths_and_data_uris_are_checked_like_content_in_memory() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.png");
    std::fs::write(&path, png(10, 10)).unwrap();
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(png(10, 10)));
    for file in [File::path(&path), File::data_uri(uri), File::bytes(png(10, 10), "image/png")] {
        let found = violations_of_all(vec![file.clone()], IMAGE);
        assert_eq!(found.len(), 3, "{file:?}: {found:?}");
    }
    for file in
        [File::path(folder.path()), File::path("/nowhere/at/all"), File::url("https://example.com/x.png")]
    {
        assert_eq!(violations_of_all(vec![file], IMAGE), []);
    }
    #[cfg(unix)]
    assert_eq!(violations_of_all(vec![File::path("/dev/zero")], IMAGE), []);
}

/// A file, and the number of bytes that were read of it.
struct CountedFile(std::fs::File, u64);

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read as u64;
        Ok(read)
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position)
    }
}

#[test]
fn only_the_header_is_read_however_long_the_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.mp4");
    let video = Video { size: (64, 64), is_rotated: false, frames: 1860, fps: 60, is_long: false }.file();
    std::fs::write(&path, &video).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4 << 30).unwrap();
    let mut file = CountedFile(std::fs::File::open(&path).unwrap(), 0);
    let facts = FileFacts::from_header(BufReader::new(&mut file), 4 << 30);
    assert_eq!((facts.duration, facts.frames), (Some(31.0), Some(1860)));
    assert!(file.1 < 1 << 20, "{} bytes were read", file.1);
}

#[test]
fn hostile_headers_are_not_believed() {
    let video = Video { size: (64, 64), is_rotated: false, frames: 60, fps: 30, is_long: true }.file();
    let sound = mp3(3, true);
    let clip = wav(2.0, 8000, 2);
    let limits = merge(MEDIA, IMAGE);
    let files: HashMap<&str, Vec<u8>> = [
        ("mp4", video),
        ("mp3", sound),
        ("wav", clip),
        ("webp", webp(64, 64)),
        ("gif", animation((64, 64), 20, 10)),
        ("flac", flac(100_000, 44_100)),
        ("ogg", ogg(&opus_head(312), 20_000, 200_000)),
        ("webm", webm(9000.0, 30, &picture(64, 64), true)),
    ]
    .into();
    for (kind, file) in files {
        // Every byte of the header in turn becomes an extreme, and the file ends everywhere.
        for at in 0..file.len().min(600) {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = file.clone();
                changed[at] = byte;
                violations(changed, limits);
            }
            violations(file[..at].to_vec(), limits);
        }
        assert!(!kind.is_empty());
    }
    // A table that claims four thousand million frames.
    let xing = [b"\xff\xfb\x90\0".as_slice(), &[0; 32], b"Xing\0\0\0\x01\xff\xff\xff\xff"].concat();
    violations(xing, limits);
    // A stream whose header was written before its end was known.
    let mut stream = wav(10.0, 8000, 1);
    stream[4..8].fill(0xff);
    stream[40..44].fill(0xff);
    assert_eq!(violations(Bytes::from(stream), MEDIA), []);
}
