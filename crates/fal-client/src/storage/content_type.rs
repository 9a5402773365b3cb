//! What a file is, and what it is called.

use std::path::Path;

/// How many bytes tell the type of a file.
pub(super) const HEAD: usize = 8192;

const UNKNOWN: &str = "application/octet-stream";

/// The media type by the extension of the name, else by the first bytes.
pub(crate) fn guess(name: Option<&Path>, head: &[u8]) -> String {
    let by_name = name.and_then(|name| mime_guess::from_path(name).first_raw());
    let by_content = || infer::get(head).map(|kind| kind.mime_type());
    by_name.or_else(by_content).unwrap_or(UNKNOWN).to_owned()
}

/// A name for content that has none, such as `file.png`.
pub(super) fn name(content_type: &str) -> String {
    format!("file.{}", extension(content_type).unwrap_or("bin"))
}

/// What files of this type are called by; `None` for types that say nothing.
pub(super) fn extension(content_type: &str) -> Option<&'static str> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // The list is alphabetical, and nobody calls a JPEG `.jfif`. What is common need not be searched for.
    Some(match essence.as_str() {
        "image/png" => "png",
        "image/webp" => "webp",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/tiff" => "tiff",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "audio/mpeg" => "mp3",
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "text/plain" => "txt",
        "model/gltf-binary" => "glb",
        UNKNOWN | "binary/octet-stream" => return None,
        other => mime_guess::get_mime_extensions_str(other)?.first()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn the_name_comes_before_the_content() {
        let table: &[(Option<&str>, &[u8], &str)] = &[
            (Some("a.png"), b"", "image/png"),
            (Some("a.JPG"), PNG, "image/jpeg"),
            (Some("no-extension"), PNG, "image/png"),
            (Some("a.unheard-of"), PNG, "image/png"),
            (None, PNG, "image/png"),
            (None, b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav"),
            (None, b"", "application/octet-stream"),
            (Some("a.wav"), b"", "audio/wav"),
        ];
        for (name, head, expected) in table {
            assert_eq!(guess(name.map(Path::new), head), *expected, "{name:?}");
        }
    }

    #[test]
    fn nameless_content_gets_an_extension() {
        for (content_type, expected) in [
            ("image/png", "file.png"),
            ("image/jpeg", "file.jpg"),
            ("text/plain; charset=utf-8", "file.txt"),
            ("application/x-unheard-of", "file.bin"),
            ("", "file.bin"),
        ] {
            assert_eq!(name(content_type), expected);
        }
    }
}
