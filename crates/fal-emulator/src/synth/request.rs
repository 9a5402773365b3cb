//! What a call asks for: its input with the defaults filled in, read by meaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::media::picture::hash;
use crate::media::{Size, probe};
use crate::models::Model;
use crate::store::Store;

/// The most pixels that are drawn; larger sizes are scaled down and reported as such.
const MAX_PIXELS: u64 = 40_000_000;
/// The longest clip or recording that is made, in seconds.
const MAX_SECONDS: f64 = 60.0;
/// The most items of one list that is not bounded by its schema.
const MAX_COUNT: u64 = 16;
/// How much of an uploaded file is looked at, in bytes.
const MAX_SOURCE: u64 = 64 << 20;

pub(crate) struct Request {
    /// Defaults included.
    input: Map<String, Value>,
    /// The names of the parameters that the caller gave.
    given: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) prompt: String,
    /// Size of the first image among the inputs that can be read.
    source_size: Option<Size>,
    /// Length in seconds of the first recording among the inputs that can be read.
    source_seconds: Option<f64>,
}

impl Request {
    pub(crate) fn new(model: &Model, input: &Value, store: &Store) -> Self {
        let given = input.as_object().cloned().unwrap_or_default();
        let names = given.keys().cloned().collect();
        let mut input = defaults(model);
        input.extend(given);
        let prompt = ["prompt", "text", "input", "script", "lyrics", "query"]
            .iter()
            .find_map(|name| input.get(*name).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned();
        // Stable: the same input draws the same seed. Within 31 bits, which every schema allows.
        let drawn = hash(Value::Object(input.clone()).to_string().as_bytes()) >> 33;
        let seed = input.get("seed").and_then(Value::as_u64).unwrap_or(drawn);
        let sources = sources(&input, store);
        Self {
            given: names,
            seed,
            prompt,
            source_size: sources.iter().find_map(|bytes| probe::image_size(bytes)),
            source_seconds: sources.iter().find_map(|bytes| probe::duration(bytes)),
            input,
        }
    }

    /// The value of a parameter, or its default.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.input.get(name).filter(|value| !value.is_null())
    }

    /// Whether files are to be put into the reply itself, as data URIs.
    pub(crate) fn sync_mode(&self) -> bool {
        self.get("sync_mode") == Some(&Value::Bool(true))
    }

    /// The image format that was asked for, in lower case; empty when none was.
    pub(crate) fn image_format(&self) -> String {
        ["output_format", "image_format", "format"]
            .iter()
            .find_map(|name| self.text(name))
            .map(str::to_lowercase)
            .unwrap_or_default()
    }

    /// How many results were asked for.
    pub(crate) fn count(&self) -> usize {
        const NAMES: [&str; 8] = [
            "num_images",
            "num_videos",
            "num_samples",
            "num_outputs",
            "number_of_images",
            "batch_size",
            "max_images",
            "n",
        ];
        let count = NAMES.iter().find_map(|name| self.get(name).and_then(Value::as_u64)).unwrap_or(1);
        count.clamp(1, MAX_COUNT) as usize
    }

    /// The size of images: what the caller asked for, else that of the image brought along, else
    /// the default of the parameter, else 1024x1024.
    pub(crate) fn image_size(&self) -> Size {
        let asked = self.asked_size(|name| self.given.iter().any(|given| given == name));
        let default = || self.asked_size(|_| true);
        bounded(asked.or(self.source_size).or_else(default).unwrap_or(Size::new(1024, 1024)))
    }

    /// The size of videos: the shape that was asked for or brought along, 640 pixels long at most.
    pub(crate) fn video_size(&self) -> Size {
        let asked = self.asked_size(|name| self.given.iter().any(|given| given == name));
        let default = || self.asked_size(|_| true);
        let shape = asked.or(self.source_size).or_else(default).unwrap_or(Size::new(16, 9));
        let square = shape.width == shape.height;
        shape.fitted(if square { 480 } else { 640 })
    }

    /// The length of clips and recordings, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        const NAMES: [&str; 9] = [
            "duration",
            "seconds",
            "duration_seconds",
            "seconds_total",
            "audio_duration",
            "music_length",
            "video_length",
            "length",
            "total_duration",
        ];
        let named = NAMES.iter().find_map(|name| {
            let value = self.get(name)?;
            let text = || value.as_str()?.trim().trim_end_matches(['s', ' ']).parse().ok();
            value.as_f64().or_else(text)
        });
        let milliseconds = || Some(self.get("music_length_ms")?.as_f64()? / 1000.0);
        let frames = || Some(self.get("num_frames")?.as_f64()? / f64::from(self.frame_rate()));
        let seconds: Option<f64> = named.or_else(milliseconds).or_else(frames).or(self.source_seconds);
        seconds.filter(|seconds| *seconds > 0.0).unwrap_or(4.0).clamp(0.5, MAX_SECONDS)
    }

    /// Frames a second of clips.
    pub(crate) fn frame_rate(&self) -> u32 {
        ["fps", "frames_per_second", "frame_rate"]
            .iter()
            .find_map(|name| self.get(name).and_then(Value::as_f64))
            .map_or(24, |rate| rate.round().clamp(1.0, 60.0) as u32)
    }

    /// The length in seconds of the recording to transcribe, when it can be read.
    pub(crate) fn source_seconds(&self) -> Option<f64> {
        self.source_seconds
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The size the parameters ask for, of those that `counts` accepts.
    fn asked_size(&self, counts: impl Fn(&str) -> bool) -> Option<Size> {
        let get = |name: &str| self.get(name).filter(|_| counts(name));
        let number = |value: &Value| value.as_u64().and_then(|side| u32::try_from(side).ok());
        let side = |name: &str| get(name).and_then(number).filter(|side| *side > 0);
        for name in ["image_size", "video_size", "size"] {
            match get(name) {
                Some(Value::String(text)) => {
                    if let Some(size) = preset(text).or_else(|| pair(text, 'x')) {
                        return Some(size);
                    }
                }
                Some(Value::Object(object)) => {
                    // A side that is left out has the default of fal's ImageSize.
                    let side = |key: &str| object.get(key).and_then(number).unwrap_or(512).max(1);
                    return Some(Size::new(side("width"), side("height")));
                }
                _ => {}
            }
        }
        if let (Some(width), Some(height)) = (side("width"), side("height")) {
            return Some(Size::new(width, height));
        }
        let ratio = get("aspect_ratio")
            .or_else(|| get("ratio"))
            .and_then(Value::as_str)
            .and_then(|text| preset(text).or_else(|| pair(text, ':')))?;
        let short = self.text("resolution").and_then(short_side).unwrap_or(1024);
        Some(with_area(ratio, short))
    }
}

/// The defaults the input schema states.
fn defaults(model: &Model) -> Map<String, Value> {
    let (schema, _) = model.components.resolve(&model.input);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone())))
        .collect()
}

/// The first bytes of the files among the inputs that can be read without a network, in the order of their
/// names.
fn sources(input: &Map<String, Value>, store: &Store) -> Vec<Bytes> {
    let mut files = Vec::new();
    for value in input.values() {
        match value {
            Value::String(text) => files.extend(source(text, store)),
            Value::Array(items) => {
                files.extend(items.iter().filter_map(Value::as_str).filter_map(|text| source(text, store)));
            }
            _ => {}
        }
    }
    files
}

fn source(text: &str, store: &Store) -> Option<Bytes> {
    let Some(data) = text.strip_prefix("data:") else {
        return Some(store.by_url(text)?.content.head(MAX_SOURCE));
    };
    let (_, encoded) = data.split_once(";base64,")?;
    Some(STANDARD.decode(encoded.trim()).ok()?.into())
}

fn preset(name: &str) -> Option<Size> {
    let (width, height) = match name {
        "square_hd" => (1024, 1024),
        "square" => (512, 512),
        "portrait_4_3" => (768, 1024),
        "portrait_16_9" => (576, 1024),
        "landscape_4_3" => (1024, 768),
        "landscape_16_9" => (1024, 576),
        "portrait" => (9, 16),
        "landscape" => (16, 9),
        _ => return None,
    };
    Some(Size::new(width, height))
}

/// Two sides with a separator between them, as in `16:9`.
fn pair(text: &str, separator: char) -> Option<Size> {
    let (width, height) = text.split_once(separator)?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| *side > 0);
    Some(Size::new(side(width)?, side(height)?))
}

/// The length of the side of a square of a named resolution: `1K`, `4k`, `720p`, `1080`.
fn short_side(name: &str) -> Option<u32> {
    let lower = name.to_lowercase();
    match lower.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok().map(|k| (k * 1024.0) as u32),
        None => lower.trim_end_matches('p').parse().ok(),
    }
    .filter(|side| (64..=8192).contains(side))
}

/// A size of the given shape with the area of a square of `side`, in steps of 16 pixels.
fn with_area(ratio: Size, side: u32) -> Size {
    let shape = f64::from(ratio.width) / f64::from(ratio.height);
    let step = |length: f64| ((length / 16.0).round() as u32).clamp(1, 1024) * 16;
    let side = f64::from(side);
    Size::new(step(side * shape.sqrt()), step(side / shape.sqrt()))
}

fn bounded(size: Size) -> Size {
    let pixels = u64::from(size.width) * u64::from(size.height);
    if pixels <= MAX_PIXELS && size.width.max(size.height) <= 65_535 {
        return size;
    }
    let scale =
        (MAX_PIXELS as f64 / pixels as f64).sqrt().min(65_535.0 / f64::from(size.width.max(size.height)));
    let side = |side: u32| ((f64::from(side) * scale) as u32).max(1);
    Size::new(side(size.width), side(size.height))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::models::tests::model;

    fn request(input: Value) -> Request {
        let schema = json!({"properties": {
            "image_size": {"default": "landscape_4_3"}, "num_images": {"default": 1},
        }});
        Request::new(&model(schema, json!({})), &input, &Store::default())
    }

    #[test]
    fn image_sizes() {
        let size = |input| request(input).image_size();
        assert_eq!(size(json!({})), Size::new(1024, 768));
        assert_eq!(size(json!({"image_size": "square"})), Size::new(512, 512));
        assert_eq!(size(json!({"image_size": {"width": 300, "height": 200}})), Size::new(300, 200));
        assert_eq!(size(json!({"image_size": "1536x1024"})), Size::new(1536, 1024));
        assert_eq!(size(json!({"aspect_ratio": "1:1"})), Size::new(1024, 1024));
        assert_eq!(size(json!({"aspect_ratio": "16:9", "resolution": "2K"})), Size::new(2736, 1536));
        let huge = size(json!({"image_size": {"width": 14142, "height": 14142}}));
        assert!(u64::from(huge.width) * u64::from(huge.height) <= MAX_PIXELS);
        assert_eq!(huge.width, huge.height);
    }

    #[test]
    fn an_image_brought_along_sets_the_size_unless_one_is_asked_for() {
        let picture = crate::media::picture::Picture::new(Size::new(40, 30), 1, "");
        let png = crate::media::png::encode(&picture).unwrap();
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(png));
        let input = json!({"image_url": uri});
        assert_eq!(request(input).image_size(), Size::new(40, 30));
        let input = json!({"image_urls": [uri], "image_size": "square"});
        assert_eq!(request(input.clone()).image_size(), Size::new(512, 512));
        assert_eq!(request(json!({"image_url": uri})).video_size(), Size::new(640, 480));
    }

    #[test]
    fn lengths() {
        let seconds = |input| request(input).seconds();
        assert_eq!(seconds(json!({"duration": "5"})), 5.0);
        assert_eq!(seconds(json!({"duration": "8s"})), 8.0);
        assert_eq!(seconds(json!({"duration": 2.5})), 2.5);
        assert_eq!(seconds(json!({"num_frames": 32, "fps": 16})), 2.0);
        assert_eq!(seconds(json!({"duration": "auto"})), 4.0);
        assert_eq!(seconds(json!({"duration": 1e9})), MAX_SECONDS);
    }

    #[test]
    fn seeds_are_echoed_or_drawn_from_the_input() {
        assert_eq!(request(json!({"seed": 42})).seed, 42);
        let drawn = |prompt: &str| request(json!({"prompt": prompt})).seed;
        assert_eq!(drawn("a"), drawn("a"));
        assert_ne!(drawn("a"), drawn("b"));
        assert!(drawn("a") < 1 << 31);
    }
}
