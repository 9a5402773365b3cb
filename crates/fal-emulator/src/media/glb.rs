//! Binary glTF files.

use serde_json::json;

/// Returns a file with a cube of side one around the origin.
pub(crate) fn cube() -> Vec<u8> {
    // Six faces of two triangles. Bit 0 of a corner's number is its x, bit 1 its y, bit 2 its z.
    const TRIANGLES: [u16; 36] = [
        0, 2, 1, 1, 2, 3, 4, 5, 6, 5, 7, 6, 0, 1, 4, 1, 5, 4, 2, 6, 3, 3, 6, 7, 0, 4, 2, 2, 4, 6, 1, 3, 5, 3,
        7, 5,
    ];
    let mut binary: Vec<u8> = TRIANGLES.iter().flat_map(|index| index.to_le_bytes()).collect();
    let indices = binary.len();
    for corner in 0..8u8 {
        for axis in 0..3 {
            let coordinate: f32 = if corner >> axis & 1 == 1 { 0.5 } else { -0.5 };
            binary.extend_from_slice(&coordinate.to_le_bytes());
        }
    }
    let scene = json!({
        "asset": {"version": "2.0", "generator": "fal-emulator"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1}, "indices": 0}]}],
        "buffers": [{"byteLength": binary.len()}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": indices, "target": 34963},
            {"buffer": 0, "byteOffset": indices, "byteLength": binary.len() - indices, "target": 34962},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 36, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 8, "type": "VEC3",
             "min": [-0.5, -0.5, -0.5], "max": [0.5, 0.5, 0.5]},
        ],
    });
    let mut text = scene.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut file = Vec::new();
    file.extend_from_slice(b"glTF");
    file.extend_from_slice(&2u32.to_le_bytes());
    file.extend_from_slice(&((12 + 8 + text.len() + 8 + binary.len()) as u32).to_le_bytes());
    for (kind, chunk) in [(b"JSON", text), (b"BIN\0", binary)] {
        file.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        file.extend_from_slice(kind);
        file.extend_from_slice(&chunk);
    }
    file
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_stated_length_matches_the_bytes() {
        let file = super::cube();
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(word(8), file.len());
        let text = word(12);
        let scene: serde_json::Value = serde_json::from_slice(&file[20..20 + text]).unwrap();
        assert_eq!(scene["buffers"][0]["byteLength"], word(20 + text));
        assert_eq!(28 + text + word(20 + text), file.len());
    }
}
