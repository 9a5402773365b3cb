//! The parameters of a call: its input with the defaults filled in, read by meaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::media::picture::fnv1a;
use crate::media::{Size, probe};
use crate::models::Model;
use crate::store::Store;

/// The most pixels that are drawn; larger images are scaled down and reported with their real size.
const MAX_PIXELS: u64 = 40_000_000;
/// The longest clip or recording that is generated, in seconds.
const MAX_SECONDS: f64 = 60.0;
/// The most results of one call.
const MAX_RESULTS: u64 = 16;
/// The most bytes of an uploaded file that are probed.
const MAX_PROBED_BYTES: u64 = 64 << 20;

/// The parameters of a call.
pub(crate) struct CallParameters {
    /// The input, with defaults for the parameters that the caller left out.
    input: Map<String, Value>,
    /// The names of the parameters that the caller set.
    given: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) prompt: String,
    /// The size of the first readable image among the input files.
    source_size: Option<Size>,
    /// The length in seconds of the first readable recording among the input files.
    source_seconds: Option<f64>,
    /// `true` if one of the readable videos among the input files has a sound track. `None` if there are none.
    source_has_sound: Option<bool>,
    is_upscaler: bool,
}

impl CallParameters {
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
        // The same input always gets the same seed, of 31 bits, which every schema allows.
        let drawn = fnv1a(Value::Object(input.clone()).to_string().as_bytes()) >> 33;
        let seed = input.get("seed").and_then(whole_number).unwrap_or(drawn);
        let sources = sources(&input, store);
        Self {
            given: names,
            seed,
            prompt,
            source_size: sources.iter().find_map(|bytes| probe::image_size(bytes)),
            source_seconds: sources.iter().find_map(|bytes| probe::duration(bytes)),
            source_has_sound: sources
                .iter()
                .filter_map(|bytes| probe::has_sound(bytes))
                .reduce(|one, other| one || other),
            is_upscaler: is_upscaler(&model.id),
            input,
        }
    }

    /// Returns the value of a parameter, or its default.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.input.get(name).filter(|value| !value.is_null())
    }

    /// Returns the names of the parameters that have a value, which is neither null nor an empty text or list.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let has_value = |value: &Value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        self.input.iter().filter(move |(_, value)| has_value(value)).map(|(name, _)| name.as_str())
    }

    /// Returns true if the caller wants files inside the reply, as data URIs.
    pub(crate) fn sync_mode(&self) -> bool {
        self.get("sync_mode") == Some(&Value::Bool(true))
    }

    /// Returns the requested image format in lower case; empty if none was requested.
    pub(crate) fn image_format(&self) -> String {
        ["output_format", "image_format", "format"]
            .iter()
            .find_map(|name| self.text(name))
            .map(str::to_lowercase)
            .unwrap_or_default()
    }

    /// Returns the number of requested results, at most 16.
    pub(crate) fn result_count(&self) -> usize {
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
        let count = NAMES.iter().find_map(|name| self.get(name).and_then(whole_number)).unwrap_or(1);
        count.clamp(1, MAX_RESULTS) as usize
    }

    /// Returns the size of images: the size that the caller set, else the size of the input image times the factor of an
    /// upscaler, else the default of the parameter, else 1024x1024.
    pub(crate) fn image_size(&self) -> Size {
        let asked = self.size_from(|name| self.given.iter().any(|given| given == name));
        let default = || self.size_from(|_| true);
        let source = self.source_size.map(|size| scale(size, self.upscale_factor()));
        limit_pixels(asked.or(source).or_else(default).unwrap_or(Size::new(1024, 1024)))
    }

    /// Returns the factor by which the model enlarges the sides of its input.
    fn upscale_factor(&self) -> f64 {
        // An upscaler may take a resolution in place of the factor.
        if self.text("upscale_mode") == Some("target") {
            return 1.0;
        }
        let names = ["upscale_factor", "scale_factor", "scale_ratio"].into_iter();
        // Of other models, it is the strength of an effect, or the size of a detail.
        let names = names.chain(self.is_upscaler.then_some("scale"));
        let factor = names.filter_map(|name| self.get(name).and_then(Value::as_f64)).next();
        factor.filter(|factor| *factor > 0.0).unwrap_or(1.0)
    }

    /// Returns the size of videos: the requested shape or that of the input image, at most 640 pixels
    /// long.
    pub(crate) fn video_size(&self) -> Size {
        let asked = self.size_from(|name| self.given.iter().any(|given| given == name));
        let default = || self.size_from(|_| true);
        let shape = asked.or(self.source_size).or_else(default).unwrap_or(Size::new(16, 9));
        let square = shape.width == shape.height;
        shape.fitted(if square { 480 } else { 640 })
    }

    /// Returns the length of clips and recordings, in seconds.
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

    /// Returns the frames per second of clips.
    pub(crate) fn frame_rate(&self) -> u32 {
        ["fps", "frames_per_second", "frame_rate"]
            .iter()
            .find_map(|name| self.get(name).and_then(Value::as_f64))
            .map_or(24, |rate| rate.round().clamp(1.0, 60.0) as u32)
    }

    /// Returns the length in seconds of the input recording, if it can be read.
    pub(crate) fn source_seconds(&self) -> Option<f64> {
        self.source_seconds
    }

    /// Returns true if an input video has a sound track, if one can be read.
    pub(crate) fn source_has_sound(&self) -> Option<bool> {
        self.source_has_sound
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns the size that the parameters with the given names ask for.
    fn size_from(&self, uses: impl Fn(&str) -> bool) -> Option<Size> {
        let get = |name: &str| self.get(name).filter(|_| uses(name));
        let number = |value: &Value| whole_number(value).and_then(|side| u32::try_from(side).ok());
        let side = |name: &str| get(name).and_then(number).filter(|side| *side > 0);
        for name in ["image_size", "video_size", "size"] {
            match get(name) {
                Some(Value::String(text)) => {
                    if let Some(size) = preset_size(text).or_else(|| parse_pair(text, 'x')) {
                        return Some(size);
                    }
                }
                Some(Value::Object(object)) => {
                    // 512 is the default of both sides in fal's ImageSize.
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
            .and_then(|text| preset_size(text).or_else(|| parse_pair(text, ':')))?;
        let side = self.text("resolution").and_then(parse_resolution).unwrap_or(1024);
        Some(scale_to_area(ratio, side))
    }
}

/// Returns true for the ids of models that enlarge an image.
fn is_upscaler(id: &str) -> bool {
    const NAMES: [&str; 8] = ["upscal", "esrgan", "aura-sr", "ccsr", "pasd", "swin2sr", "drct", "seedvr"];
    NAMES.iter().any(|name| id.contains(name))
}

/// Multiplies the sides of an image.
fn scale(size: Size, factor: f64) -> Size {
    // Larger than any image that is drawn, so that the shape stays.
    let side = |side: u32| (f64::from(side) * factor).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    Size::new(side(size.width), side(size.height))
}

/// Returns a number without sign and fraction. A parameter of the type `number` may have one as 2.0.
fn whole_number(value: &Value) -> Option<u64> {
    let of_float = || value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0);
    // No float from 2^53 on stands for one integer.
    let exact = |float: f64| (float < 9_007_199_254_740_992.0).then_some(float as u64);
    value.as_u64().or_else(|| of_float().and_then(exact))
}

/// Returns the defaults of the input schema.
fn defaults(model: &Model) -> Map<String, Value> {
    let (schema, _) = model.components.resolve(&model.input);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone())))
        .collect()
}

/// Returns the first bytes of the input files that can be read without a network, in the order of the
/// parameters' names.
fn sources(input: &Map<String, Value>, store: &Store) -> Vec<Bytes> {
    let mut files = Vec::new();
    for value in input.values() {
        match value {
            Value::String(text) => files.extend(read_source(text, store)),
            Value::Array(items) => {
                files.extend(
                    items.iter().filter_map(Value::as_str).filter_map(|text| read_source(text, store)),
                );
            }
            _ => {}
        }
    }
    files
}

fn read_source(text: &str, store: &Store) -> Option<Bytes> {
    let Some(data) = text.strip_prefix("data:") else {
        return Some(store.by_url(text)?.content.head(MAX_PROBED_BYTES));
    };
    let (_, encoded) = data.split_once(";base64,")?;
    Some(STANDARD.decode(encoded.trim()).ok()?.into())
}

fn preset_size(name: &str) -> Option<Size> {
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

/// Parses two sides with a separator between them, such as `16:9`.
fn parse_pair(text: &str, separator: char) -> Option<Size> {
    let (width, height) = text.split_once(separator)?;
    let side = |text: &str| text.trim().parse().ok().filter(|side| *side > 0);
    Some(Size::new(side(width)?, side(height)?))
}

/// Parses the name of a resolution, such as `1K`, `4k`, `720p` or `1080`, into the side of a square with
/// that many pixels.
fn parse_resolution(name: &str) -> Option<u32> {
    let lower = name.to_lowercase();
    match lower.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok().map(|k| (k * 1024.0) as u32),
        None => lower.trim_end_matches('p').parse().ok(),
    }
    .filter(|side| (64..=8192).contains(side))
}

/// Returns a size of the given shape with the area of a square of `side`, in steps of 16 pixels.
fn scale_to_area(ratio: Size, side: u32) -> Size {
    let shape = f64::from(ratio.width) / f64::from(ratio.height);
    let step = |length: f64| ((length / 16.0).round() as u32).clamp(1, 1024) * 16;
    let side = f64::from(side);
    Size::new(step(side * shape.sqrt()), step(side / shape.sqrt()))
}

/// Scales a size down to at most `MAX_PIXELS` pixels and 65,535 pixels a side.
fn limit_pixels(size: Size) -> Size {
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

    fn parameters(input: Value) -> CallParameters {
        let schema = json!({"properties": {
            "image_size": {"default": "landscape_4_3"}, "num_images": {"default": 1},
        }});
        CallParameters::new(&model(schema, json!({})), &input, &Store::default())
    }

    #[test]
    fn image_size_is_read_from_every_form_of_the_parameters() {
        let size = |input| parameters(input).image_size();
        assert_eq!(size(json!({})), Size::new(1024, 768));
        assert_eq!(size(json!({"image_size": "square"})), Size::new(512, 512));
        assert_eq!(size(json!({"image_size": {"width": 300, "height": 200}})), Size::new(300, 200));
        assert_eq!(size(json!({"image_size": {"width": 300.0, "height": 200.0}})), Size::new(300, 200));
        assert_eq!(size(json!({"image_size": "1536x1024"})), Size::new(1536, 1024));
        assert_eq!(size(json!({"aspect_ratio": "1:1"})), Size::new(1024, 1024));
        assert_eq!(size(json!({"aspect_ratio": "16:9", "resolution": "2K"})), Size::new(2736, 1536));
        let huge = size(json!({"image_size": {"width": 14142, "height": 14142}}));
        assert!(u64::from(huge.width) * u64::from(huge.height) <= MAX_PIXELS);
        assert_eq!(huge.width, huge.height);
    }

    #[test]
    fn an_input_image_sets_the_size_unless_the_caller_does() {
        let picture = crate::media::picture::Picture::new(Size::new(40, 30), 1, "");
        let png = crate::media::png::encode(&picture).unwrap();
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(png));
        let input = json!({"image_url": uri});
        assert_eq!(parameters(input).image_size(), Size::new(40, 30));
        let input = json!({"image_urls": [uri], "image_size": "square"});
        assert_eq!(parameters(input.clone()).image_size(), Size::new(512, 512));
        assert_eq!(parameters(json!({"image_url": uri})).video_size(), Size::new(640, 480));
        let upscaled =
            |factor: f64| parameters(json!({"image_url": uri, "scale_factor": factor})).image_size();
        assert_eq!(upscaled(2.5), Size::new(100, 75));
        assert_eq!(upscaled(0.0), Size::new(40, 30));
        let huge = upscaled(200.0);
        assert!(u64::from(huge.width) * u64::from(huge.height) <= MAX_PIXELS);
        assert!((3 * huge.width).abs_diff(4 * huge.height) < 8, "{huge:?}");
    }

    #[test]
    fn seconds_are_read_from_numbers_texts_and_frames() {
        let seconds = |input| parameters(input).seconds();
        assert_eq!(seconds(json!({"duration": "5"})), 5.0);
        assert_eq!(seconds(json!({"duration": "8s"})), 8.0);
        assert_eq!(seconds(json!({"duration": 2.5})), 2.5);
        assert_eq!(seconds(json!({"num_frames": 32, "fps": 16})), 2.0);
        assert_eq!(seconds(json!({"duration": "auto"})), 4.0);
        assert_eq!(seconds(json!({"duration": 1e9})), MAX_SECONDS);
    }

    #[test]
    fn the_seed_is_the_callers_or_derived_from_the_input() {
        assert_eq!(parameters(json!({"seed": 42})).seed, 42);
        assert_eq!(parameters(json!({"seed": 42.0})).seed, 42);
        let drawn = |prompt: &str| parameters(json!({"prompt": prompt})).seed;
        assert_eq!(drawn("a"), drawn("a"));
        assert_ne!(drawn("a"), drawn("b"));
        assert!(drawn("a") < 1 << 31);
    }
}
