//! Fetches a file of an input without a network, and reads what its first bytes say.

use std::io::Cursor;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use fal_core::file_facts::FileFacts;
use infer::MatcherType;

use crate::media::{Size, probe};
use crate::percent;
use crate::store::{LocalFile, Store};

/// The number of first bytes that are read.
const HEAD: u64 = 4 << 20;

/// Base64 as it is found in inputs, also without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The result of fetching a file.
pub(super) enum Fetched {
    /// The text is no URL.
    NoUrl,
    /// A URL that nobody could fetch.
    Broken,
    /// A URL of another server, or of a file that does not exist here.
    Elsewhere,
    /// A generated file, of which the type is known.
    Generated {
        content_type: String,
    },
    Content(Content),
}

/// The content of a file, as far as it was read.
pub(super) struct Content {
    head: Bytes,
    pub(super) length: u64,
}

/// Fetches a file from its URL. `has_limits` is true if more than the type of an image has to be known.
pub(super) fn fetch(store: &Store, text: &str, has_limits: bool) -> Fetched {
    let Some((scheme, rest)) = text.split_once(':') else { return Fetched::NoUrl };
    match scheme.to_ascii_lowercase().as_str() {
        "data" => decode(rest).map_or(Fetched::Broken, |bytes| {
            Fetched::Content(Content { length: bytes.len() as u64, head: bytes.into() })
        }),
        "http" | "https" => {
            let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next());
            if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
                return Fetched::Broken;
            }
            match store.local_file(text, has_limits) {
                Some(LocalFile::Stored(file)) => {
                    let content = &file.content;
                    Fetched::Content(Content { head: content.head(HEAD), length: content.length() })
                }
                Some(LocalFile::Generated { content_type }) => Fetched::Generated { content_type },
                None => Fetched::Elsewhere,
            }
        }
        _ if rest.starts_with("//") || scheme.eq_ignore_ascii_case("blob") => Fetched::Broken,
        _ => Fetched::NoUrl,
    }
}

/// Decodes a data URI without its scheme.
fn decode(uri: &str) -> Option<Vec<u8>> {
    let (header, data) = uri.split_once(',')?;
    if !header.trim_end().to_ascii_lowercase().ends_with(";base64") {
        return Some(percent::decode(data));
    }
    let plain: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(plain).ok()
}

impl Content {
    fn is(&self, kind: MatcherType) -> bool {
        infer::get(&self.head).is_some_and(|found| found.matcher_type() == kind)
    }

    /// Returns true for an image. One whose header is damaged has no size, and does not count.
    pub(super) fn is_image(&self) -> bool {
        if !self.is(MatcherType::Image) {
            return false;
        }
        let mime = infer::get(&self.head).map(|found| found.mime_type()).unwrap_or_default();
        let is_readable = ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime);
        !is_readable || self.size().is_some() || self.length > HEAD
    }

    pub(super) fn is_archive(&self) -> bool {
        self.is(MatcherType::Archive)
    }

    pub(super) fn is_moving_image(&self) -> bool {
        let mime = infer::get(&self.head).map(|found| found.mime_type()).unwrap_or_default();
        ["image/gif", "image/webp", "image/apng"].contains(&mime)
    }

    pub(super) fn is_video(&self) -> bool {
        // Any file of boxes; not all of them are known by name.
        self.is(MatcherType::Video) || self.head.get(4..8) == Some(b"ftyp")
    }

    pub(super) fn is_audio(&self) -> bool {
        // A frame of MPEG audio begins with eleven bits that are set.
        let is_mpeg = self.head.first() == Some(&0xff) && self.head.get(1).is_some_and(|byte| *byte >= 0xe0);
        self.is(MatcherType::Audio) || (is_mpeg && !self.is(MatcherType::Image))
    }

    /// Returns the size of an image, if its header has it.
    pub(super) fn size(&self) -> Option<Size> {
        probe::image_size(&self.head)
    }

    /// Returns the properties that the header has.
    pub(super) fn facts(&self) -> FileFacts {
        FileFacts::from_header(Cursor::new(&self.head), self.length)
    }
}
