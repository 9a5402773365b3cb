//! Models for ids that no document describes: they take any input, and answer in the shape that the id suggests.

use serde_json::{Value, json};

use super::model::Model;

/// Words of ids by the category that they suggest. The first row with a match decides, so narrower words come first.
const WORDS: [(&str, &[&str]); 9] = [
    ("training", &["trainer", "training", "finetune"]),
    ("speech-to-text", &["whisper", "wizper", "transcri", "speech-to-text", "stt", "asr"]),
    ("image-to-3d", &["3d", "mesh", "trellis", "tripo", "rodin", "triposr"]),
    (
        "llm",
        &[
            "llm",
            "chat",
            "claude",
            "caption",
            "vision",
            "moondream",
            "llava",
            "ocr",
            "prompt-enhancer",
            "language",
        ],
    ),
    (
        "text-to-audio",
        &["audio", "tts", "speech", "music", "sound", "voice", "vocal", "song", "lyria", "elevenlabs", "dia"],
    ),
    ("image-to-video", &["lipsync", "lip-sync", "avatar", "animate"]),
    (
        "text-to-video",
        &[
            "video",
            "kling",
            "veo",
            "sora",
            "seedance",
            "hailuo",
            "pixverse",
            "vidu",
            "luma-dream-machine",
            "mochi",
            "wan",
            "ltx",
            "runway",
        ],
    ),
    ("json", &["detect", "segment-anything-json", "nsfw", "moderation", "classif"]),
    ("text-to-image", &["image", "flux", "diffusion"]),
];

/// Returns a model for an id. `sibling` is the category of the most similar endpoint of the same app, if it has any.
pub(super) fn model(id: &str, sibling: Option<&str>) -> Option<Model> {
    let category = category(id, sibling);
    let document = json!({
        "endpoint_id": id,
        "metadata": {
            "category": category,
            "display_name": id,
            "description": "No document describes this model: it takes any input, and its output is a guess.",
        },
        "openapi": {
            "openapi": "3.0.4",
            "info": {"title": id, "version": "0"},
            "components": {"schemas": {"Input": {}, "Output": output(&category), "File": file(), "Image": image()}},
            "paths": {format!("/{id}"): {"post": {
                "requestBody": {"content": content("Input")},
                "responses": {"200": {"content": content("Output")}},
            }}},
        },
    });
    Model::parse(document).ok().flatten()
}

/// Returns true if an id is that of another id with the name of a medium behind it: `a/b/video` is the variant of `a/b` for
/// videos, and says nothing about what `a/b` itself makes.
pub(super) fn is_variant_for_medium(id: &str, of: &str) -> bool {
    const MEDIA: [&str; 8] = ["3d", "audio", "image", "json", "music", "speech", "text", "video"];
    let rest = id.strip_prefix(of).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| rest.split('/').any(|segment| MEDIA.contains(&segment)))
}

fn content(component: &str) -> Value {
    json!({"application/json": {"schema": reference(component)}})
}

fn reference(component: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{component}")})
}

/// Guesses the category from the words of an id.
fn category(id: &str, sibling: Option<&str>) -> String {
    let id = id.to_lowercase();
    // `text-to-image`, as in most ids.
    let words: Vec<&str> = id.split(['/', '-', '_', '.']).collect();
    let media = ["image", "video", "audio", "speech", "text", "music", "3d", "json"];
    let named = words.windows(3).rev().find_map(|window| match window {
        [from, "to", to] if media.contains(from) && media.contains(to) => Some(format!("{from}-to-{to}")),
        _ => None,
    });
    let by_words = || {
        // A short word counts only as a whole, or before a version: `wan` is no part of `taiwan`, but of `wan2`.
        let is_whole = |known: &str| {
            words.iter().any(|word| {
                *word == known
                    || word
                        .strip_prefix(known)
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        let has = |word: &&str| if word.len() > 4 { id.contains(*word) } else { is_whole(word) };
        WORDS.iter().find(|(_, known)| known.iter().any(has)).map(|(category, _)| (*category).to_owned())
    };
    named
        .or_else(|| sibling.map(str::to_owned).filter(|category| !category.is_empty()))
        .or_else(by_words)
        .unwrap_or_else(|| "text-to-image".to_owned())
}

/// Returns the schema of the outputs that models of a category usually have.
fn output(category: &str) -> Value {
    let kind = category.rsplit("-to-").next().unwrap_or_default();
    let seed = json!({"type": "integer"});
    let text = json!({"type": "string"});
    let properties = match kind {
        "video" => json!({"video": reference("File"), "seed": seed}),
        "audio" | "speech" | "music" => json!({"audio": reference("File"), "seed": seed}),
        "3d" => json!({"model_mesh": reference("File"), "seed": seed}),
        "training" => json!({"diffusers_lora_file": reference("File"), "config_file": reference("File")}),
        "text" if category.starts_with("speech") || category.starts_with("audio") => json!({
            "text": text,
            "chunks": {"type": "array", "items": {"type": "object", "properties": {
                "timestamp": {"type": "array", "items": {"type": "number"}}, "text": text,
            }}},
        }),
        "text" | "llm" | "vision" => json!({"output": text, "partial": {"type": "boolean"}}),
        "json" => json!({"output": {"type": "object"}}),
        _ => json!({
            "images": {"type": "array", "items": reference("Image")},
            "image": reference("Image"),
            "seed": seed,
            "prompt": text,
            "has_nsfw_concepts": {"type": "array", "items": {"type": "boolean"}},
        }),
    };
    let names: Vec<String> = properties.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

fn file() -> Value {
    json!({"type": "object", "required": ["url"], "properties": {
        "url": {"type": "string"},
        "content_type": {"type": "string"},
        "file_name": {"type": "string"},
        "file_size": {"type": "integer"},
    }})
}

fn image() -> Value {
    json!({"type": "object", "required": ["url", "width", "height"], "properties": {
        "url": {"type": "string"},
        "content_type": {"type": "string"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_follows_the_id() {
        for (id, expected) in [
            ("fal-ai/new-model/v9/image-to-video", "image-to-video"),
            ("acme/kling-9", "text-to-video"),
            ("acme/taiwan-portraits", "text-to-image"),
            ("fal-ai/whisper-9", "speech-to-text"),
            ("acme/best-tts", "text-to-audio"),
            ("fal-ai/flux-9-trainer", "training"),
            ("acme/any-llm-2", "llm"),
            ("acme/trellis-9", "image-to-3d"),
            ("acme/mesh3d", "image-to-3d"),
            ("acme/veo9", "text-to-video"),
            ("acme/wander2", "text-to-image"),
            ("acme/zebra", "text-to-image"),
        ] {
            assert_eq!(category(id, None), expected, "{id}");
        }
        assert!(is_variant_for_medium("a/b/v2/video", "a/b") && is_variant_for_medium("a/b/video", "a/b"));
        for other in ["a/b/text-to-video", "a/b2/video", "a/b", "a/c/video"] {
            assert!(!is_variant_for_medium(other, "a/b"), "{other}");
        }
        assert_eq!(category("fal-ai/kling-video/v9", Some("image-to-video")), "image-to-video");
        assert_eq!(category("acme/zebra/text-to-image", Some("image-to-video")), "text-to-image");
    }
}
