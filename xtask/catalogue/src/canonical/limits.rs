//! The limits of a file, which `x-fal` holds, as sentences.

use serde_json::{Map, Value};

const MEBIBYTE: u64 = 1 << 20;

/// Returns the limits as sentences, or `None` if there are no known limits.
pub(super) fn describe(limits: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| limits.get(name).and_then(Value::as_f64);
    let mut sentences = Vec::new();
    if let Some(size) = limits.get("max_file_size").and_then(Value::as_u64) {
        sentences.push(format!("The file may be up to {}.", bytes(size)));
    }
    let sides = [
        side("at least", number("min_width"), number("min_height")),
        side("at most", number("max_width"), number("max_height")),
        range("an aspect ratio", number("min_aspect_ratio"), number("max_aspect_ratio"), "")
            .map(|range| format!("with {range}")),
    ];
    push(&mut sentences, "It has to be ", &sides);
    let time = [
        range("a length", number("min_duration"), number("max_duration"), " seconds"),
        range("a rate", number("min_fps"), number("max_fps"), " frames a second"),
    ];
    push(&mut sentences, "It needs ", &time);
    if let Some(timeout) = number("timeout") {
        sentences.push(format!("It must download within {timeout} seconds."));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn push(sentences: &mut Vec<String>, start: &str, parts: &[Option<String>]) {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    if let Some((last, before)) = parts.split_last() {
        let list =
            if before.is_empty() { (*last).to_owned() } else { format!("{} and {last}", before.join(", ")) };
        sentences.push(format!("{start}{list}."));
    }
}

fn side(relation: &str, width: Option<f64>, height: Option<f64>) -> Option<String> {
    match (width, height) {
        (Some(width), Some(height)) if width == height => Some(format!("{relation} {width} px on each side")),
        (Some(width), Some(height)) => Some(format!("{relation} {width} px wide and {height} px high")),
        (Some(width), None) => Some(format!("{relation} {width} px wide")),
        (None, Some(height)) => Some(format!("{relation} {height} px high")),
        (None, None) => None,
    }
}

fn range(name: &str, min: Option<f64>, max: Option<f64>, unit: &str) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("{name} between {min} and {max}{unit}")),
        (Some(min), None) => Some(format!("{name} of at least {min}{unit}")),
        (None, Some(max)) => Some(format!("{name} of at most {max}{unit}")),
        (None, None) => None,
    }
}

fn bytes(size: u64) -> String {
    match size {
        size if size % MEBIBYTE == 0 => format!("{} MiB", size / MEBIBYTE),
        size if size % 1_000_000 == 0 => format!("{} MB", size / 1_000_000),
        size => format!("{size} bytes"),
    }
}
