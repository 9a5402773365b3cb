//! The tasks that endpoints do, by their shape and their facts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Options, Source};
use serde_json::{Value, json};
use support::record;

/// An endpoint: its id, category, title, description, required parameters, and the properties of its output.
type Case<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [&'a str], Value);

/// Returns the names of the traits that the generated endpoint implements.
fn tasks((id, category, title, description, required, output): &Case<'_>) -> Vec<String> {
    let mut record = record(id, json!({}));
    record["metadata"] = json!({ "display_name": title, "category": category, "description": description });
    let schemas = &mut record["openapi"]["components"]["schemas"];
    let parameters = ["image_url", "mask_url", "audio_url", "prompt", "instruction", "scale"];
    for name in parameters {
        schemas["TestInput"]["properties"][name] = json!({ "type": "string" });
    }
    schemas["TestInput"]["required"] = json!(required);
    schemas["TestOutput"]["properties"] = output.clone();
    let names: Vec<&String> = output.as_object().unwrap().keys().collect();
    schemas["TestOutput"]["required"] =
        names.into_iter().filter(|name| output[name.as_str()].get("anyOf").is_none()).cloned().collect();
    schemas["File"] = json!({
        "type": "object", "title": "File", "required": ["url"], "properties": { "url": { "type": "string" } },
    });
    let source = Source { file: format!("{id}.json"), text: record.to_string() };
    let generated = Generator::new(Options::default()).crates(&[source]).unwrap();
    let files = generated.tree.iter().map(|(_, text)| text);
    let lines = files.flat_map(str::lines).filter_map(|line| {
        line.trim().strip_prefix("impl fal_core::task::")?.split(' ').next().map(str::to_owned)
    });
    let mut found: Vec<String> = lines.collect();
    found.sort();
    found
}

fn file() -> Value {
    json!({ "$ref": "#/components/schemas/File" })
}

#[test]
fn tasks_follow_from_shape_and_facts() {
    let image = || json!({ "image": file() });
    let images = || json!({ "images": { "type": "array", "items": file() } });
    let maybe = |name: &str| json!({ name: { "anyOf": [file(), { "type": "null" }] } });
    let text = |name: &str| json!({ name: { "type": "string" } });
    let both = json!({ "video": { "anyOf": [file(), { "type": "null" }] }, "mask": file() });
    let i2i = "image-to-image";
    let cases: &[(Case<'_>, &[&str])] = &[
        // Upscalers are known by the end of a model's name, by their title or by their description.
        (("acme/real-esrgan", i2i, "A", "A model.", &["image_url"], image()), &["ImageToImage", "Upscale"]),
        (("acme/aura-sr/v3", i2i, "A", "A model.", &["image_url"], images()), &["ImageToImage", "Upscale"]),
        (("acme/swin3sr", i2i, "A", "A model.", &["image_url"], image()), &["ImageToImage", "Upscale"]),
        (
            ("acme/a", i2i, "Photo Upscaler", "A model.", &["image_url"], image()),
            &["ImageToImage", "Upscale"],
        ),
        (("acme/b", i2i, "A", "Enlarges an image.", &["image_url"], image()), &["ImageToImage", "Upscale"]),
        (
            ("acme/c", i2i, "A", "Super-resolution of photos.", &["image_url"], image()),
            &["ImageToImage", "Upscale"],
        ),
        (
            ("acme/d", i2i, "A", "Paints. Ends before you upscale.", &["image_url"], image()),
            &["ImageToImage"],
        ),
        (("acme/upscale/e", i2i, "A", "A model.", &["image_url", "scale"], image()), &[]),
        (("acme/tri-sr", "image-to-3d", "A", "A model.", &["image_url"], text("model")), &[]),
        // Background removers.
        (
            ("acme/background/remove", i2i, "A", "A model.", &["image_url"], image()),
            &["ImageToImage", "RemoveBackground"],
        ),
        (
            ("acme/f", i2i, "RMBG 3", "A model.", &["image_url"], image()),
            &["ImageToImage", "RemoveBackground"],
        ),
        (
            ("acme/g", i2i, "A", "Cuts the background out.", &["image_url"], image()),
            &["ImageToImage", "RemoveBackground"],
        ),
        (("acme/background/replace", i2i, "A", "A model.", &["image_url"], image()), &["ImageToImage"]),
        (("acme/background/remove/h", i2i, "A", "A.", &["image_url", "mask_url"], image()), &[]),
        // Editing by an instruction, and masks that are no edit.
        (("acme/i", i2i, "A", "A model.", &["image_url", "instruction"], image()), &["ImageToImage"]),
        (("acme/j", i2i, "A", "Segments by a prompt.", &["image_url", "prompt"], image()), &[]),
        // The text of an output has two names, and is a transcript only if facts say so.
        (("acme/k", "speech-to-text", "A", "A model.", &["audio_url"], text("output")), &["SpeechToText"]),
        (("acme/asr/l", "audio-to-text", "A", "A model.", &["audio_url"], text("text")), &["SpeechToText"]),
        (("acme/m", "speech-to-speech", "A", "Answers.", &["audio_url"], text("text")), &[]),
        // The only file of an output may be null.
        (("acme/n", "text-to-video", "A", "A model.", &["prompt"], maybe("video")), &["TextToVideo"]),
        (("acme/o", "vision", "A", "Finds things.", &["prompt"], maybe("video")), &[]),
        (("acme/p", "text-to-video", "A", "A model.", &["prompt"], both), &[]),
    ];
    for (case, expected) in cases {
        assert_eq!(tasks(case), *expected, "{}", case.0);
    }
}
