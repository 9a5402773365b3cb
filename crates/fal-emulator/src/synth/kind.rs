//! Which kind of file an output property is to hold.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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

/// What is known about a property that holds a file.
pub(super) struct Clues<'a> {
    /// Name of the component, such as `ImageFile`.
    pub(super) component: &'a str,
    /// Name of the property, such as `model_mesh`.
    pub(super) field: &'a str,
    /// A URL or content type from an example of the whole property.
    pub(super) example: &'a str,
    /// The content type the component gives as its default or example. A weak clue: fal's `File`
    /// always gives `image/png`.
    pub(super) content_type: &'a str,
    /// What the model does, such as `text-to-video`.
    pub(super) category: &'a str,
}

impl Kind {
    pub(super) fn of(clues: &Clues<'_>) -> Self {
        by_component(clues.component)
            .or_else(|| by_field(&clues.field.to_lowercase()))
            .or_else(|| by_example(&clues.example.to_lowercase()))
            .or_else(|| by_category(clues.category))
            .or_else(|| by_example(&clues.content_type.to_lowercase()))
            .unwrap_or(Self::Other)
    }
}

fn by_component(name: &str) -> Option<Kind> {
    if name.starts_with("Video") {
        Some(Kind::Video)
    } else if name.starts_with("Audio") {
        Some(Kind::Audio)
    } else if name.starts_with("Image") || name.ends_with("ImageFile") {
        Some(Kind::Image)
    } else {
        None
    }
}

/// The first word of a row that the name contains decides, so narrower words come first.
fn by_field(name: &str) -> Option<Kind> {
    const WORDS: [(Kind, &[&str]); 11] = [
        (Kind::Zip, &["zip", "archive", "dataset", "_dir"]),
        (Kind::Weights, &["lora", "safetensors", "latents", "embedding"]),
        (Kind::Json, &["config", "json", "lottie"]),
        (Kind::Other, &["fbx", "usdz", "mtl", "ply", "splat", "exr"]),
        (Kind::Subtitles, &["caption", "subtitle", "srt"]),
        (Kind::Video, &["video", "animation", "clip"]),
        (Kind::Obj, &["obj"]),
        (Kind::Model, &["glb", "mesh", "base_model", "pbr_model", "model_url"]),
        (
            Kind::Image,
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
            Kind::Audio,
            &[
                "audio", "vocals", "drums", "bass", "guitar", "piano", "speech", "music", "voice", "sound",
                "residual", "other",
            ],
        ),
        (Kind::Svg, &["svg"]),
    ];
    WORDS.iter().find(|(_, words)| words.iter().any(|word| name.contains(word))).map(|(kind, _)| *kind)
}

fn by_example(text: &str) -> Option<Kind> {
    let extension = text.split(['?', '#']).next()?.rsplit('.').next()?;
    let by_extension = match extension {
        "png" | "jpg" | "jpeg" | "webp" | "gif" => Some(Kind::Image),
        "mp4" | "webm" | "mov" => Some(Kind::Video),
        "wav" | "mp3" | "flac" | "ogg" | "m4a" => Some(Kind::Audio),
        "glb" | "gltf" => Some(Kind::Model),
        "obj" => Some(Kind::Obj),
        "svg" => Some(Kind::Svg),
        "zip" => Some(Kind::Zip),
        "safetensors" => Some(Kind::Weights),
        "json" => Some(Kind::Json),
        _ => None,
    };
    by_extension.or_else(|| match text.split('/').next()? {
        "image" if text.contains("svg") => Some(Kind::Svg),
        "image" => Some(Kind::Image),
        "video" => Some(Kind::Video),
        "audio" => Some(Kind::Audio),
        "model" => Some(Kind::Model),
        _ => None,
    })
}

fn by_category(category: &str) -> Option<Kind> {
    match category.rsplit("-to-").next()? {
        "image" => Some(Kind::Image),
        "video" => Some(Kind::Video),
        "audio" | "speech" | "music" => Some(Kind::Audio),
        "3d" => Some(Kind::Model),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_clue_decides() {
        let kind = |component, field, example, category| {
            let content_type = "image/png";
            Kind::of(&Clues { component, field, example, content_type, category })
        };
        assert_eq!(kind("ImageFile", "thumbnail", "", "text-to-video"), Kind::Image);
        assert_eq!(kind("File", "video", "", ""), Kind::Video);
        assert_eq!(kind("File", "frames_zip", "", "image-to-video"), Kind::Zip);
        assert_eq!(kind("File", "result", "video/mp4", ""), Kind::Video);
        assert_eq!(kind("File", "result", "https://x.y/a.glb?z=1", ""), Kind::Model);
        assert_eq!(kind("File", "result", "", "text-to-speech"), Kind::Audio);
        assert_eq!(kind("File", "result", "", "training"), Kind::Image);
        assert_eq!(kind("File", "model_fbx", "", "image-to-3d"), Kind::Other);
    }
}
