//! Objects that describe a file, and the file itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::kind::{Clues, Kind};
use super::scalar;
use super::walk::{Place, Walk};
use crate::media::picture::Picture;
use crate::media::{Size, clip, glb, jpeg, plain, png, wav};

/// A file that was made, and what can be said about it.
struct Media {
    bytes: Bytes,
    content_type: &'static str,
    extension: &'static str,
    size: Option<Size>,
    seconds: Option<f64>,
    frames: Option<(u32, u32)>,
}

/// Whether a schema describes a file: it has a URL, and something else that files have.
pub(super) fn is_described_by(schema: &Value, component: Option<&str>) -> bool {
    let component = component.unwrap_or_default();
    let is_named_so = ["File", "Image", "Video", "Audio"].iter().any(|name| component.ends_with(name));
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            properties.contains_key("url")
                && (is_named_so
                    || ["content_type", "file_name", "file_size", "width", "mime_type"]
                        .iter()
                        .any(|name| properties.contains_key(*name)))
        }
        // A component that the document left out: its name is all there is.
        None => is_named_so && schema.as_object().is_some_and(Map::is_empty),
    }
}

/// Makes a file and describes it as the schema wants.
pub(super) fn object(walk: &Walk<'_>, schema: &Value, component: Option<&str>, place: &Place<'_>) -> Value {
    let kind = Kind::of(&Clues {
        component: component.unwrap_or_default(),
        field: place.field,
        example: place.example.unwrap_or_default(),
        content_type: content_type(schema).unwrap_or_default(),
        category: walk.model.category(),
    });
    let media = make(walk, kind, place);
    let url = publish(walk, &media, place);
    let known = |name: &str| -> Option<Value> {
        match name {
            "url" => Some(json!(url)),
            "content_type" | "mime_type" => Some(json!(media.content_type)),
            "file_name" => Some(json!(file_name(&media, place))),
            "file_size" => Some(json!(media.bytes.len())),
            "width" => media.size.map(|size| json!(size.width)),
            "height" => media.size.map(|size| json!(size.height)),
            "duration" => media.seconds.map(|seconds| json!(seconds)),
            "fps" => media.frames.map(|(_, rate)| json!(rate)),
            "num_frames" | "frame_count" => media.frames.map(|(count, _)| json!(count)),
            "sample_rate" => (kind == Kind::Audio).then(|| json!(wav::SAMPLE_RATE)),
            "channels" => (kind == Kind::Audio).then(|| json!(1)),
            _ => None,
        }
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return ["url", "content_type", "file_name", "file_size", "width", "height"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), known(name)?)))
            .collect();
    };
    let required = |name: &str| {
        schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|required| required.iter().any(|property| property == name))
    };
    let mut object = Map::new();
    for (name, schema) in properties {
        let value = match known(name) {
            Some(value) if walk.accepts(schema, &value) => value,
            // Whatever is not known of the file is left out rather than made up.
            _ if !required(name) => continue,
            _ => walk.value(schema, &place.property(name)),
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object)
}

/// A file for a property that holds nothing but its URL.
pub(super) fn url(walk: &Walk<'_>, place: &Place<'_>) -> Value {
    let kind = Kind::of(&Clues {
        component: "",
        field: place.field,
        example: place.example.unwrap_or_default(),
        content_type: "",
        category: walk.model.category(),
    });
    let media = make(walk, kind, place);
    json!(publish(walk, &media, place))
}

/// The bytes of a file, where they stand in the output themselves.
pub(super) fn base64(walk: &Walk<'_>, place: &Place<'_>) -> Value {
    let kind = Kind::of(&Clues {
        component: "",
        field: place.field,
        example: place.example.unwrap_or_default(),
        content_type: "",
        category: walk.model.category(),
    });
    json!(STANDARD.encode(&make(walk, kind, place).bytes))
}

fn publish(walk: &Walk<'_>, media: &Media, place: &Place<'_>) -> String {
    walk.files.set(walk.files.get() + 1);
    if walk.request.sync_mode() {
        return format!("data:{};base64,{}", media.content_type, STANDARD.encode(&media.bytes));
    }
    let path = walk.store.add(&file_name(media, place), media.content_type, media.bytes.clone());
    format!("{}/files/{path}", walk.base.cdn())
}

fn file_name(media: &Media, place: &Place<'_>) -> String {
    let stem = if place.field.is_empty() { "output" } else { place.field };
    match place.index {
        Some(index) => format!("{stem}-{index}.{}", media.extension),
        None => format!("{stem}.{}", media.extension),
    }
}

fn make(walk: &Walk<'_>, kind: Kind, place: &Place<'_>) -> Media {
    let request = walk.request;
    // Each of several results is another one.
    let seed = request.seed.wrapping_add(place.index.unwrap_or(0) as u64);
    let plain = |bytes: Vec<u8>, content_type, extension| Media {
        bytes: bytes.into(),
        content_type,
        extension,
        size: None,
        seconds: None,
        frames: None,
    };
    match kind {
        Kind::Image => image(walk, seed),
        Kind::Video => {
            let size = request.video_size();
            let rate = request.frame_rate();
            let frames = ((request.seconds() * f64::from(rate)).round() as u32).max(1);
            let bytes = clip::mp4(&Picture::new(size, seed, &request.prompt), frames, rate);
            Media {
                size: Some(size),
                seconds: Some(f64::from(frames) / f64::from(rate)),
                frames: Some((frames, rate)),
                ..plain(bytes, "video/mp4", "mp4")
            }
        }
        Kind::Audio => {
            let seconds = request.seconds();
            let bytes = wav::tone(seconds, seed);
            Media { seconds: Some(seconds), ..plain(bytes, "audio/wav", "wav") }
        }
        Kind::Model => plain(glb::cube(), "model/gltf-binary", "glb"),
        Kind::Obj => plain(plain::triangle_obj(), "model/obj", "obj"),
        Kind::Svg => plain(plain::svg().into_bytes(), "image/svg+xml", "svg"),
        Kind::Zip => plain(plain::empty_zip(), "application/zip", "zip"),
        Kind::Weights => plain(plain::empty_safetensors(), "application/octet-stream", "safetensors"),
        Kind::Subtitles => plain(plain::subtitles(), "application/x-subrip", "srt"),
        Kind::Json => plain(b"{\"generator\":\"fal-emulator\"}".to_vec(), "application/json", "json"),
        Kind::Other => plain(plain::note(place.field), "text/plain", "txt"),
    }
}

/// JPEG where it was asked for, else PNG: the content type always tells the truth.
fn image(walk: &Walk<'_>, seed: u64) -> Media {
    let size = walk.stage.size(walk.request.image_size());
    let picture = Picture::new(size, seed, &walk.request.prompt).noisy(walk.stage.noise());
    let wants_jpeg = ["jpeg", "jpg"].contains(&walk.request.image_format().as_str());
    let jpeg = wants_jpeg.then(|| jpeg::encode(&picture)).flatten();
    let (bytes, content_type, extension) = match jpeg {
        Some(bytes) => (bytes, "image/jpeg", "jpg"),
        None => (png::encode(&picture).unwrap_or_default(), "image/png", "png"),
    };
    Media {
        bytes: bytes.into(),
        content_type,
        extension,
        size: Some(picture.size()),
        seconds: None,
        frames: None,
    }
}

/// A URL or content type in the first example a schema gives of itself.
pub(super) fn example(schema: &Value) -> Option<&str> {
    let mut example = schema.get("examples")?.get(0)?;
    // A list's example clues for its items.
    while let Some(first) = example.get(0) {
        example = first;
    }
    let parts = [example.get("url"), example.get("content_type"), Some(example)];
    parts.into_iter().flatten().find_map(Value::as_str)
}

/// The content type that the component itself states.
fn content_type(schema: &Value) -> Option<&str> {
    let property = schema.pointer("/properties/content_type")?;
    let example = property.get("examples").and_then(|examples| examples.get(0));
    property.get("default").or(example)?.as_str()
}

/// Whether a value may stand where the schema is one plain type or that type or null.
pub(super) fn accepts(schema: &Value, value: &Value) -> bool {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(branches) => branches.iter().any(|branch| scalar::fits(branch, value)),
        None => scalar::fits(schema, value),
    }
}
