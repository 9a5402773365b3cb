//! Generates media files and the objects that describe them.

use std::cell::OnceCell;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::file_kind::{FileClues, FileKind};
use super::synthesizer::{FieldContext, Synthesizer};
use super::{scalar, sound};
use crate::media::captioned_jpeg::Composition;
use crate::media::drawn_images::{self, ImageKey};
use crate::media::picture::Picture;
use crate::media::{ImageFormat, Size, clip, glb, jpeg, minimal_files, mp3, png, wav, webp};
use crate::store::{DrawFile, UploadMetadata};

/// A generated file and its properties.
struct GeneratedFile {
    /// Makes the bytes, which takes up to seconds and always gives the same ones.
    draw: DrawFile,
    bytes: OnceCell<Bytes>,
    content_type: &'static str,
    extension: &'static str,
    size: Option<Size>,
    seconds: Option<f64>,
    /// The number of frames and the frames per second.
    frames: Option<(u32, u32)>,
    /// The samples per second of a recording.
    sample_rate: Option<u32>,
}

impl GeneratedFile {
    fn new<B: Into<Bytes>>(
        content_type: &'static str,
        extension: &'static str,
        draw: impl Fn() -> B + Send + Sync + 'static,
    ) -> Self {
        Self {
            draw: Arc::new(move || draw().into()),
            bytes: OnceCell::new(),
            content_type,
            extension,
            size: None,
            seconds: None,
            frames: None,
            sample_rate: None,
        }
    }

    /// Returns the bytes, which are made now if nothing has needed them before.
    fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| (self.draw)())
    }
}

/// Returns true if a schema describes a file: it has a URL and another property that files have.
pub(super) fn describes_file(schema: &Value, component: Option<&str>) -> bool {
    let component = component.unwrap_or_default();
    let is_named_like_one = ["File", "Image", "Video", "Audio"].iter().any(|name| component.ends_with(name));
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            properties.contains_key("url")
                && (is_named_like_one
                    || ["content_type", "file_name", "file_size", "width", "mime_type"]
                        .iter()
                        .any(|name| properties.contains_key(*name)))
        }
        // The document does not define the component: its name is the only clue.
        None => is_named_like_one && schema.as_object().is_some_and(Map::is_empty),
    }
}

/// Generates a file and the object that describes it.
pub(super) fn make_object(
    synthesizer: &Synthesizer<'_>,
    schema: &Value,
    component: Option<&str>,
    context: &FieldContext<'_>,
) -> Value {
    let content_type = content_type(schema).unwrap_or_default();
    let kind = guess_kind(synthesizer, component.unwrap_or_default(), content_type, context);
    let file = generate(synthesizer, kind, context);
    let url = publish(synthesizer, &file, context);
    let known = |name: &str| -> Option<Value> {
        match name {
            "url" => Some(json!(url)),
            "content_type" | "mime_type" => Some(json!(file.content_type)),
            "file_name" => Some(json!(file_name(&file, context))),
            "file_size" => Some(json!(file.bytes().len())),
            "width" => file.size.map(|size| json!(size.width)),
            "height" => file.size.map(|size| json!(size.height)),
            "duration" => file.seconds.map(|seconds| json!(seconds)),
            "fps" => file.frames.map(|(_, rate)| json!(rate)),
            "num_frames" | "frame_count" => file.frames.map(|(count, _)| json!(count)),
            "sample_rate" => file.sample_rate.map(|rate| json!(rate)),
            "channels" => file.sample_rate.map(|_| json!(1)),
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
            Some(value) if synthesizer.allows(schema, &value) => value,
            // Optional properties that the file does not have are left out.
            _ if !required(name) => continue,
            _ => synthesizer.make_value(schema, &context.property(name)),
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object)
}

/// Generates a file and returns its URL.
pub(super) fn make_url(synthesizer: &Synthesizer<'_>, context: &FieldContext<'_>) -> Value {
    let file = generate(synthesizer, guess_kind(synthesizer, "", "", context), context);
    json!(publish(synthesizer, &file, context))
}

/// Generates a file and returns its bytes as base64.
pub(super) fn make_base64(synthesizer: &Synthesizer<'_>, context: &FieldContext<'_>) -> Value {
    let kind = guess_kind(synthesizer, "", "", context);
    json!(STANDARD.encode(generate(synthesizer, kind, context).bytes()))
}

fn guess_kind(
    synthesizer: &Synthesizer<'_>,
    component: &str,
    content_type: &str,
    context: &FieldContext<'_>,
) -> FileKind {
    FileKind::guess(&FileClues {
        component,
        field: context.field,
        example: context.example.unwrap_or_default(),
        content_type,
        category: synthesizer.model.category(),
    })
}

/// Stores a file and returns its URL, or a data URI in sync mode.
fn publish(synthesizer: &Synthesizer<'_>, file: &GeneratedFile, context: &FieldContext<'_>) -> String {
    let mut production = synthesizer.production.get();
    production.files += 1;
    production.seconds += file.seconds.unwrap_or_default();
    production.megapixels +=
        file.size.map_or(0.0, |size| f64::from(size.width) * f64::from(size.height) / 1e6);
    synthesizer.production.set(production);
    if synthesizer.parameters.sync_mode() {
        return format!("data:{};base64,{}", file.content_type, STANDARD.encode(file.bytes()));
    }
    let upload = UploadMetadata {
        name: file_name(file, context),
        content_type: file.content_type.to_owned(),
        lifecycle: synthesizer.lifecycle.clone(),
    };
    let path = synthesizer.store.add_generated(upload, file.bytes.get().cloned(), Arc::clone(&file.draw));
    format!("{}/files/{path}", synthesizer.base.cdn())
}

fn file_name(file: &GeneratedFile, context: &FieldContext<'_>) -> String {
    let stem = if context.field.is_empty() { "output" } else { context.field };
    match context.index {
        Some(index) => format!("{stem}-{index}.{}", file.extension),
        None => format!("{stem}.{}", file.extension),
    }
}

fn generate(synthesizer: &Synthesizer<'_>, kind: FileKind, context: &FieldContext<'_>) -> GeneratedFile {
    let parameters = synthesizer.parameters;
    // The results of one call differ from each other.
    let seed = parameters.seed.wrapping_add(context.index.unwrap_or(0) as u64);
    match kind {
        FileKind::Image => generate_image(synthesizer, seed),
        FileKind::Video => {
            let size = parameters.video_size();
            let rate = parameters.frame_rate();
            let frames = ((parameters.seconds() * f64::from(rate)).round() as u32).max(1);
            let picture = Picture::new(size, seed, &parameters.prompt);
            let sound_seed = sound::video_has_sound(synthesizer.model, parameters).then_some(seed);
            let draw = move || clip::encode_mp4(&picture, frames, rate, sound_seed);
            GeneratedFile {
                size: Some(size),
                seconds: Some(f64::from(frames) / f64::from(rate)),
                frames: Some((frames, rate)),
                ..GeneratedFile::new("video/mp4", "mp4", draw)
            }
        }
        FileKind::Audio => generate_recording(synthesizer, seed, context),
        FileKind::Model => GeneratedFile::new("model/gltf-binary", "glb", glb::cube),
        FileKind::Obj => GeneratedFile::new("model/obj", "obj", minimal_files::triangle_obj),
        FileKind::Svg => GeneratedFile::new("image/svg+xml", "svg", || minimal_files::svg().into_bytes()),
        FileKind::Zip => GeneratedFile::new("application/zip", "zip", minimal_files::empty_zip),
        FileKind::Weights => {
            GeneratedFile::new("application/octet-stream", "safetensors", minimal_files::empty_safetensors)
        }
        FileKind::Subtitles => GeneratedFile::new("application/x-subrip", "srt", minimal_files::subtitles),
        FileKind::Json => {
            GeneratedFile::new("application/json", "json", || b"{\"generator\":\"fal-emulator\"}".to_vec())
        }
        FileKind::Other => {
            let field = context.field.to_owned();
            GeneratedFile::new("text/plain", "txt", move || minimal_files::placeholder(&field))
        }
    }
}

/// Generates an MP3 if the call asks for one, else a WAV, also for formats that the emulator cannot write.
fn generate_recording(synthesizer: &Synthesizer<'_>, seed: u64, context: &FieldContext<'_>) -> GeneratedFile {
    let seconds = synthesizer.parameters.seconds();
    let (file, sample_rate) =
        match sound::wants_mp3(synthesizer.model, synthesizer.parameters, context.example) {
            true => {
                let draw = move || mp3::arpeggio(seconds, seed);
                (GeneratedFile::new("audio/mpeg", "mp3", draw), mp3::SAMPLE_RATE)
            }
            false => {
                let draw = move || wav::arpeggio(seconds, seed);
                (GeneratedFile::new("audio/wav", "wav", draw), wav::SAMPLE_RATE)
            }
        };
    GeneratedFile { seconds: Some(seconds), sample_rate: Some(sample_rate), ..file }
}

/// Generates a JPEG or a WebP if the call asks for one, else a PNG, also for formats that the emulator cannot write and for sizes
/// that the other formats do not have.
fn generate_image(synthesizer: &Synthesizer<'_>, seed: u64) -> GeneratedFile {
    let Synthesizer { parameters, progress, .. } = synthesizer;
    let size = progress.scale(parameters.image_size());
    let noise = progress.noise();
    let is_black = synthesizer.is_flagged;
    let picture = match is_black {
        true => Picture::black(size),
        false => Picture::new(size, seed, &parameters.prompt).with_noise(noise),
    };
    let size = picture.size();
    let format = match parameters.image_format().as_str() {
        "jpeg" | "jpg" if jpeg::can_encode(size) => ImageFormat::Jpeg,
        "webp" if webp::can_encode(size) => ImageFormat::WebP,
        _ => ImageFormat::Png,
    };
    let key = ImageKey { size, seed, prompt: ImageKey::hash(&parameters.prompt), noise, is_black, format };
    let composition = (format == ImageFormat::Jpeg && noise == 0 && !is_black)
        .then(|| Composition::new(size, seed, &parameters.prompt));
    let draw = move || {
        let encode = || match (&composition, format) {
            (Some(composition), _) => composition.encode().or_else(|| jpeg::encode(&picture)),
            (None, ImageFormat::Jpeg) => jpeg::encode(&picture),
            (None, ImageFormat::Png) => png::encode(&picture),
            (None, ImageFormat::WebP) => webp::encode(&picture),
        };
        drawn_images::get(&key, || encode().unwrap_or_default())
    };
    let (content_type, extension) = match format {
        ImageFormat::Jpeg => ("image/jpeg", "jpg"),
        ImageFormat::Png => ("image/png", "png"),
        ImageFormat::WebP => ("image/webp", "webp"),
    };
    GeneratedFile { size: Some(size), ..GeneratedFile::new(content_type, extension, draw) }
}

/// Returns the URL or content type in the first example of a schema.
pub(super) fn example(schema: &Value) -> Option<&str> {
    let mut example = schema.get("examples")?.get(0)?;
    // The example of a list shows its items.
    while let Some(first) = example.get(0) {
        example = first;
    }
    let parts = [example.get("url"), example.get("content_type"), Some(example)];
    parts.into_iter().flatten().find_map(Value::as_str)
}

/// Returns the content type in the default or example of a component.
fn content_type(schema: &Value) -> Option<&str> {
    let property = schema.pointer("/properties/content_type")?;
    let example = property.get("examples").and_then(|examples| examples.get(0));
    property.get("default").or(example)?.as_str()
}

/// Returns true if a schema of one scalar type, or of alternatives of them, allows a value.
pub(super) fn allows(schema: &Value, value: &Value) -> bool {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(branches) => branches.iter().any(|branch| scalar::satisfies(branch, value)),
        None => scalar::satisfies(schema, value),
    }
}
