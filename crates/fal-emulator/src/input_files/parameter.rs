//! The parameters that take files.

use serde_json::Value;

use super::content::Content;

/// The kind of file that a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Image,
    Video,
    Audio,
    /// An image or a video, as masks are.
    Visual,
    Archive,
    Any,
}

/// A parameter that takes a file, or a list of files.
#[derive(Clone, Copy)]
pub(super) struct FileParameter<'a> {
    pub(super) kind: FileKind,
    /// `true` if a text that is no URL is certainly a mistake.
    pub(super) is_certain: bool,
    /// The limits, `x-fal`.
    pub(super) limits: &'a Value,
}

/// Words in the names of parameters. The first row with a match decides.
const WORDS: [(FileKind, &[&str]); 8] = [
    (FileKind::Archive, &["archive", "zip"]),
    // Training data and embeddings of images are no images.
    (FileKind::Any, &["data", "embedding"]),
    (FileKind::Video, &["video"]),
    (FileKind::Audio, &["audio", "voice", "speech", "song", "music", "vocal"]),
    (FileKind::Visual, &["mask"]),
    (FileKind::Image, &["image"]),
    // A keyframe of a composition is a picture, a video or a recording.
    (FileKind::Any, &["keyframe"]),
    (FileKind::Image, &["img", "photo", "picture", "face", "portrait", "garment", "frame"]),
];
/// Words in the names of parameters whose URL is no file.
const NO_FILES: [&str; 7] = ["callback", "hook", "model", "page", "repo", "site", "lora"];

impl<'a> FileParameter<'a> {
    /// Recognizes a parameter by its name, its schema and the marks that fal sets. `parent` is the kind of the object that
    /// holds it.
    pub(super) fn new(
        name: &str,
        schema: &'a Value,
        resolved: &'a Value,
        parent: Option<FileKind>,
    ) -> Option<Self> {
        let mark = |key: &str| {
            [schema, resolved]
                .into_iter()
                .find_map(|schema| schema.get(key).or_else(|| schema.pointer(&format!("/items/{key}"))))
        };
        let limits = mark("x-fal").unwrap_or(&Value::Null);
        let field = mark("_fal_ui_field").or_else(|| mark("ui")?.get("field")).and_then(Value::as_str);
        let field = field.and_then(|field| match field {
            "image" => Some(FileKind::Image),
            "image_mask" => Some(FileKind::Visual),
            "video" => Some(FileKind::Video),
            "audio" => Some(FileKind::Audio),
            _ => None,
        });
        let name = name.to_lowercase();
        let is_url = name == "url" || name == "urls" || name.ends_with("_url") || name.ends_with("_urls");
        // Content that is encoded in the input itself.
        if mark("format").is_some_and(|format| format == "binary") {
            return None;
        }
        let is_marked = mark("x-fal-file-input") == Some(&Value::Bool(true)) || limits.is_object();
        let by_name = WORDS
            .iter()
            .find(|(_, words)| words.iter().any(|word| name.contains(word)))
            .map(|(kind, _)| *kind);
        if !is_url && !is_marked {
            // An object that describes a file, such as `{"image": {"url": …}}`.
            return by_name.map(|kind| Self { kind, is_certain: false, limits });
        }
        if !is_marked && NO_FILES.iter().any(|word| name.contains(word)) {
            return None;
        }
        let kind = by_name.filter(|kind| *kind == FileKind::Archive).or(field).or(by_name).or(parent);
        let is_certain = is_marked || kind.is_some();
        Some(Self { kind: kind.unwrap_or(FileKind::Any), is_certain, limits })
    }

    /// Returns the parameter for the items of a list, which may have limits of their own.
    pub(super) fn item<'b>(&self, items: &'b Value) -> FileParameter<'b>
    where
        'a: 'b,
    {
        FileParameter { limits: items.get("x-fal").unwrap_or(self.limits), ..*self }
    }
}

impl FileKind {
    /// Returns the name of the kind, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Visual => "image or video",
            Self::Archive => "archive",
            Self::Any => "any",
        }
    }

    /// Returns true if a file of this content may be of this kind.
    pub(super) fn accepts(self, content: &Content) -> bool {
        match self {
            Self::Image => content.is_image(),
            Self::Visual => content.is_image() || content.is_video(),
            Self::Video => content.is_video() || content.is_moving_image(),
            // The sound of a video is a recording too.
            Self::Audio => content.is_audio() || content.is_video(),
            Self::Archive => content.is_archive(),
            Self::Any => true,
        }
    }

    /// Returns true if a file of this content type may be of this kind.
    pub(super) fn accepts_type(self, content_type: &str) -> bool {
        let is = |kind: &str| content_type.starts_with(kind);
        match self {
            Self::Image => is("image/"),
            Self::Visual => is("image/") || is("video/"),
            Self::Video => is("video/") || is("image/gif") || is("image/webp"),
            Self::Audio => is("audio/") || is("video/"),
            Self::Archive => is("application/"),
            Self::Any => true,
        }
    }
}
