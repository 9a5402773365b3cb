//! Guesses the kind of file that an output property holds.

/// A kind of file that the emulator can generate.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Image,
    Video,
    Audio,
    Model,
    Obj,
    Svg,
    Zip,
    Weights,
    Subtitles,
    Json,
    Other,
}

/// The clues about a property that holds a file.
pub(super) struct FileClues<'a> {
    /// The name of the component, such as `ImageFile`.
    pub(super) component: &'a str,
    /// The name of the property, such as `model_mesh`.
    pub(super) field: &'a str,
    /// A URL or content type from an example of the whole property.
    pub(super) example: &'a str,
    /// The content type in the component's default or example. A weak clue: fal's `File` always says
    /// `image/png`.
    pub(super) content_type: &'a str,
    /// The category of the model, such as `text-to-video`.
    pub(super) category: &'a str,
}

impl FileKind {
    /// Guesses from the strongest clue that says anything.
    pub(super) fn guess(clues: &FileClues<'_>) -> Self {
        by_component(clues.component)
            .or_else(|| by_field(&clues.field.to_lowercase()))
            .or_else(|| by_example(&clues.example.to_lowercase()))
            .or_else(|| by_category(clues.category))
            .or_else(|| by_example(&clues.content_type.to_lowercase()))
            .unwrap_or(Self::Other)
    }
}

/// Looks at the name of a component.
fn by_component(name: &str) -> Option<FileKind> {
    if name.starts_with("Video") {
        Some(FileKind::Video)
    } else if name.starts_with("Audio") {
        Some(FileKind::Audio)
    } else if name.starts_with("Image") || name.ends_with("ImageFile") {
        Some(FileKind::Image)
    } else {
        None
    }
}

/// Looks for words in the name of a property. The first row with a match decides, so narrower words come first.
fn by_field(name: &str) -> Option<FileKind> {
    const WORDS: [(FileKind, &[&str]); 11] = [
        (FileKind::Zip, &["zip", "archive", "dataset", "_dir"]),
        (FileKind::Weights, &["lora", "safetensors", "latents", "embedding"]),
        (FileKind::Json, &["config", "json", "lottie"]),
        (FileKind::Other, &["fbx", "usdz", "mtl", "ply", "splat", "exr"]),
        (FileKind::Subtitles, &["caption", "subtitle", "srt"]),
        (FileKind::Video, &["video", "animation", "clip"]),
        (FileKind::Obj, &["obj"]),
        (FileKind::Model, &["glb", "mesh", "base_model", "pbr_model", "model_url"]),
        (
            FileKind::Image,
            &[
                "image",
                "texture",
                "thumbnail",
                "visualization",
                "mask",
                "depth",
                "spritesheet",
                "icon",
                "frame",
                "picture",
                "photo",
            ],
        ),
        (
            FileKind::Audio,
            &[
                "audio", "vocals", "drums", "bass", "guitar", "piano", "speech", "music", "voice", "sound",
                "residual", "other",
            ],
        ),
        (FileKind::Svg, &["svg"]),
    ];
    WORDS.iter().find(|(_, words)| words.iter().any(|word| name.contains(word))).map(|(kind, _)| *kind)
}

/// Looks at the extension of a URL, or at a content type.
fn by_example(text: &str) -> Option<FileKind> {
    let extension = text.split(['?', '#']).next()?.rsplit('.').next()?;
    let by_extension = match extension {
        "png" | "jpg" | "jpeg" | "webp" | "gif" => Some(FileKind::Image),
        "mp4" | "webm" | "mov" => Some(FileKind::Video),
        "wav" | "mp3" | "flac" | "ogg" | "m4a" => Some(FileKind::Audio),
        "glb" | "gltf" => Some(FileKind::Model),
        "obj" => Some(FileKind::Obj),
        "svg" => Some(FileKind::Svg),
        "zip" => Some(FileKind::Zip),
        "safetensors" => Some(FileKind::Weights),
        "json" => Some(FileKind::Json),
        _ => None,
    };
    by_extension.or_else(|| match text.split('/').next()? {
        "image" if text.contains("svg") => Some(FileKind::Svg),
        "image" => Some(FileKind::Image),
        "video" => Some(FileKind::Video),
        "audio" => Some(FileKind::Audio),
        "model" => Some(FileKind::Model),
        _ => None,
    })
}

/// Looks at the output that the category of a model names.
fn by_category(category: &str) -> Option<FileKind> {
    match category.rsplit("-to-").next()? {
        "image" => Some(FileKind::Image),
        "video" => Some(FileKind::Video),
        "audio" | "speech" | "music" => Some(FileKind::Audio),
        "3d" => Some(FileKind::Model),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_clue_decides() {
        let kind = |component, field, example, category| {
            let content_type = "image/png";
            FileKind::guess(&FileClues { component, field, example, content_type, category })
        };
        assert_eq!(kind("ImageFile", "thumbnail", "", "text-to-video"), FileKind::Image);
        assert_eq!(kind("File", "video", "", ""), FileKind::Video);
        assert_eq!(kind("File", "frames_zip", "", "image-to-video"), FileKind::Zip);
        assert_eq!(kind("File", "result", "video/mp4", ""), FileKind::Video);
        assert_eq!(kind("File", "result", "https://x.y/a.glb?z=1", ""), FileKind::Model);
        assert_eq!(kind("File", "result", "", "text-to-speech"), FileKind::Audio);
        assert_eq!(kind("File", "result", "", "training"), FileKind::Image);
        assert_eq!(kind("File", "model_fbx", "", "image-to-3d"), FileKind::Other);
    }
}
