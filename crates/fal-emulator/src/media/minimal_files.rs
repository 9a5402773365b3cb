//! The smallest valid files of kinds that have no encoder of their own: archives, weights, text.

/// Returns a ZIP archive without entries.
pub(crate) fn empty_zip() -> Vec<u8> {
    let mut bytes = b"PK\x05\x06".to_vec();
    bytes.resize(22, 0);
    bytes
}

/// Returns a safetensors file without tensors.
pub(crate) fn empty_safetensors() -> Vec<u8> {
    let header = br#"{"__metadata__":{"generator":"fal-emulator"}}"#;
    [&(header.len() as u64).to_le_bytes(), header.as_slice()].concat()
}

/// Returns a Wavefront OBJ file with one triangle.
pub(crate) fn triangle_obj() -> Vec<u8> {
    b"# fal-emulator\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n".to_vec()
}

/// Returns SubRip subtitles with one line.
pub(crate) fn subtitles() -> Vec<u8> {
    b"1\n00:00:00,000 --> 00:00:02,000\nSubtitles by fal-emulator.\n".to_vec()
}

/// Returns an SVG drawing of a circle.
pub(crate) fn svg() -> String {
    concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">"#,
        r##"<title>fal-emulator</title><circle cx="50" cy="50" r="40" fill="#6c5ce7"/></svg>"##,
    )
    .to_owned()
}

/// Returns a text file that stands in for a format that the emulator cannot write.
pub(crate) fn placeholder(field: &str) -> Vec<u8> {
    format!("A placeholder for `{field}`: fal-emulator cannot generate this kind of file.\n").into_bytes()
}
