//! Media types of files, by name and content.

use std::path::Path;

/// The number of bytes of a file that are enough to recognize its type.
pub(super) const HEAD: usize = 8192;

const UNKNOWN: &str = "application/octet-stream";

/// The media types that models take and give, with the extensions of their files, the usual one first. The names are
/// those of IANA, if it has one.
///
/// The crates for this know a thousand types that no model takes, in tables that add 300 kB to every app that uploads,
/// and take a Wavefront OBJ for `application/x-tgif`.
const TYPES: [(&str, &[&str]); 57] = [
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg", "jfif"]),
    ("image/webp", &["webp"]),
    ("image/gif", &["gif"]),
    ("image/avif", &["avif"]),
    ("image/heic", &["heic"]),
    ("image/heif", &["heif"]),
    ("image/bmp", &["bmp"]),
    ("image/tiff", &["tiff", "tif"]),
    ("image/svg+xml", &["svg"]),
    ("image/x-icon", &["ico"]),
    ("image/jxl", &["jxl"]),
    ("image/x-exr", &["exr"]),
    ("image/vnd.radiance", &["hdr"]),
    ("image/vnd.adobe.photoshop", &["psd"]),
    ("video/mp4", &["mp4"]),
    ("video/x-m4v", &["m4v"]),
    ("video/quicktime", &["mov"]),
    ("video/webm", &["webm"]),
    ("video/x-matroska", &["mkv"]),
    ("video/x-msvideo", &["avi"]),
    ("video/mpeg", &["mpg", "mpeg"]),
    ("video/mp2t", &["ts", "mts"]),
    ("video/ogg", &["ogv"]),
    ("video/3gpp", &["3gp"]),
    ("video/x-flv", &["flv"]),
    ("video/x-ms-wmv", &["wmv"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/wav", &["wav"]),
    ("audio/flac", &["flac"]),
    ("audio/ogg", &["ogg", "oga", "opus"]),
    ("audio/mp4", &["m4a"]),
    ("audio/aac", &["aac"]),
    ("audio/aiff", &["aiff", "aif"]),
    ("audio/webm", &["weba"]),
    ("audio/midi", &["mid", "midi"]),
    ("audio/x-ms-wma", &["wma"]),
    ("model/gltf-binary", &["glb"]),
    ("model/gltf+json", &["gltf"]),
    ("model/obj", &["obj"]),
    ("model/mtl", &["mtl"]),
    ("model/stl", &["stl"]),
    ("model/vnd.usdz+zip", &["usdz"]),
    ("text/plain", &["txt"]),
    ("text/csv", &["csv"]),
    ("text/markdown", &["md"]),
    ("text/html", &["html", "htm"]),
    ("text/vtt", &["vtt"]),
    ("application/json", &["json"]),
    ("application/xml", &["xml"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/x-subrip", &["srt"]),
    ("application/pdf", &["pdf"]),
    ("application/zip", &["zip"]),
    ("application/x-tar", &["tar"]),
    ("application/gzip", &["gz"]),
    ("font/ttf", &["ttf"]),
];

/// Further formats of data that models give, by extension. Formats that a system runs when they are opened are missing.
const DATA_EXTENSIONS: [&str; 34] = [
    "3mf",
    "7z",
    "bin",
    "bvh",
    "bz2",
    "dae",
    "docx",
    "epub",
    "exr",
    "fbx",
    "gguf",
    "jsonl",
    "ksplat",
    "lut",
    "ndjson",
    "npy",
    "npz",
    "onnx",
    "otf",
    "parquet",
    "ply",
    "pt",
    "rar",
    "safetensors",
    "spz",
    "splat",
    "srt",
    "ssa",
    "tgz",
    "usd",
    "usda",
    "usdc",
    "woff2",
    "zst",
];

/// Other names that some services use.
const ALIASES: [(&str, &str); 8] = [
    ("image/jpg", "image/jpeg"),
    ("image/vnd.microsoft.icon", "image/x-icon"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/x-flac", "audio/flac"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
];

/// Guesses a media type by the extension of the name, or else by the first bytes.
pub(crate) fn guess(name: Option<&Path>, head: &[u8]) -> String {
    let by_name = name.and_then(|name| by_extension(&name.extension()?.to_str()?.to_ascii_lowercase()));
    let by_content = || infer::get(head).map(|kind| kind.mime_type());
    by_name.or_else(by_content).unwrap_or(UNKNOWN).to_owned()
}

/// Returns true if `extension`, in lower case, is that of a known format of data.
pub(super) fn is_data_extension(extension: &str) -> bool {
    by_extension(extension).is_some() || DATA_EXTENSIONS.contains(&extension)
}

fn by_extension(extension: &str) -> Option<&'static str> {
    let found = TYPES.iter().find(|(_, extensions)| extensions.contains(&extension));
    found.map(|(content_type, _)| *content_type)
}

/// Returns a name for content without one, such as `file.png`.
pub(super) fn default_name(content_type: &str) -> String {
    format!("file.{}", extension(content_type).unwrap_or("bin"))
}

/// Returns the usual extension of a media type; `None` if the type is unknown or generic.
pub(super) fn extension(content_type: &str) -> Option<&'static str> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == essence);
    let essence = alias.map_or(essence.as_str(), |(_, usual)| *usual);
    let (_, extensions) = TYPES.iter().find(|(content_type, _)| *content_type == essence)?;
    extensions.first().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderValue;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn the_extension_wins_over_the_content() {
        let table: &[(Option<&str>, &[u8], &str)] = &[
            (Some("a.png"), b"", "image/png"),
            (Some("a.JPG"), PNG, "image/jpeg"),
            (Some("no-extension"), PNG, "image/png"),
            (Some("a.unheard-of"), PNG, "image/png"),
            (None, PNG, "image/png"),
            (None, b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav"),
            (None, b"", "application/octet-stream"),
            (Some("a.wav"), b"", "audio/wav"),
            (Some("teapot.obj"), b"", "model/obj"),
            (Some(".png"), b"", "application/octet-stream"),
        ];
        for (name, head, expected) in table {
            assert_eq!(guess(name.map(Path::new), head), *expected, "{name:?}");
        }
    }

    #[test]
    fn the_default_name_has_the_extension_of_the_type() {
        for (content_type, expected) in [
            ("image/png", "file.png"),
            ("image/jpeg", "file.jpg"),
            ("text/plain; charset=utf-8", "file.txt"),
            ("IMAGE/JPG", "file.jpg"),
            ("audio/x-wav", "file.wav"),
            ("application/octet-stream", "file.bin"),
            ("application/x-unheard-of", "file.bin"),
            ("", "file.bin"),
        ] {
            assert_eq!(default_name(content_type), expected);
        }
    }

    #[test]
    fn every_extension_belongs_to_one_type() {
        let mut names = BTreeSet::new();
        for (content_type, extensions) in TYPES {
            assert!(HeaderValue::from_static(content_type).to_str().unwrap().contains('/'));
            assert_eq!(extension(content_type), extensions.first().copied());
            for name in extensions {
                assert!(names.insert(*name), "{name}");
                assert_eq!(guess(Some(Path::new(&format!("a.{}", name.to_uppercase()))), PNG), content_type);
            }
        }
        for (alias, usual) in ALIASES {
            assert!(extension(alias).is_some() && TYPES.iter().all(|(known, _)| *known != alias), "{alias}");
            assert_eq!(extension(alias), extension(usual));
        }
    }
}
