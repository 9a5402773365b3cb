//! The table of common purposes, with a few endpoints for each.

use super::{ListedEndpoint, UPSCALING, filter::Filter, is_special};

/// Endpoints listed for a purpose, and those of them that may be of one crate.
const LISTED: usize = 6;
const OF_ONE_CRATE: usize = 2;

/// A purpose that people come with.
struct Purpose {
    title: &'static str,
    filter: Filter,
}

const fn purpose(title: &'static str, filter: Filter) -> Purpose {
    Purpose { title, filter }
}

const SEGMENTING: &[&str] = &["sam-3", "evf", "segment", "segmentation"];

/// Parameters that name a thing.
const NAMING: &[&str] = &["prompt", "text_input", "object"];

const PURPOSES: &[Purpose] = &[
    purpose("Generate an image", Filter::new(&["text-to-image"], &[])),
    purpose("Change an image by a prompt", Filter::new(&["image-to-image"], &["edit", "kontext"])),
    purpose(
        "Remove the background of an image",
        Filter::new(&["image-to-image"], &["rembg", "remove-background", "background/remove"]),
    ),
    purpose(
        "Remove the background of a video",
        Filter::new(&["video-to-video"], &["background-removal", "birefnet"]),
    ),
    purpose(
        "Show a product in a scene",
        Filter::new(
            &["image-to-image"],
            &["product-shot", "embed-product", "product-photography", "product-holding", "integrate-product"],
        ),
    ),
    purpose(
        "Dress a person in a garment (virtual try-on)",
        Filter::new(&["image-to-image", "video-to-video"], &["tryon", "try-on", "vton"]),
    ),
    purpose(
        "Segment the things of an image that a text names",
        Filter::new(&["image-to-image", "vision"], SEGMENTING).with_parameters(NAMING),
    ),
    purpose(
        "Segment the things of a video that a text names",
        Filter::new(&["video-to-video"], SEGMENTING).with_parameters(NAMING),
    ),
    purpose("Upscale an image", Filter::new(&["image-to-image"], UPSCALING)),
    purpose("Upscale a video", Filter::new(&["video-to-video"], UPSCALING)),
    purpose("Draw vector graphics (SVG)", Filter::new(&[], &["svg", "vector", "vectorize", "image2svg"])),
    purpose("Generate a video", Filter::new(&["text-to-video"], &[])),
    purpose(
        "Generate a video with sound",
        Filter::new(&["text-to-video"], &[]).with_parameters(&["generate_audio"]),
    ),
    purpose("Animate an image", Filter::new(&["image-to-video"], &["image-to-video"])),
    purpose(
        "Continue a video",
        Filter::new(&["video-to-video", "image-to-video"], &["extend", "video-extension"]),
    ),
    purpose("Fill in frames of a video", Filter::new(&[], &["interpolation", "film", "rife"])),
    purpose(
        "Fit the lips of a video to speech",
        Filter::new(&["video-to-video", "audio-to-video"], &["lipsync", "latentsync", "musetalk"]),
    ),
    purpose(
        "Make a portrait speak",
        Filter::new(
            &["image-to-video", "audio-to-video", "text-to-video"],
            &["avatar", "avatars", "omnihuman", "fabric", "aurora", "infinitalk", "sadtalker"],
        ),
    ),
    purpose("Translate the speech of a video", Filter::new(&[], &["dubbing", "translate"])),
    purpose(
        "Add sound to a video",
        Filter::new(
            &["video-to-audio", "video-to-video"],
            &["sfx", "sfx1.6", "mmaudio", "thinksound", "sound-effects", "foley", "video-to-audio"],
        ),
    ),
    purpose("Speak a text", Filter::new(&["text-to-speech"], &[])),
    purpose("Clone a voice", Filter::new(&[], &["clone", "create-voice"])),
    purpose(
        "Write down speech",
        Filter::new(&["speech-to-text"], &["speech-to-text", "whisper", "wizper", "transcribe", "asr"]),
    ),
    purpose(
        "Write down speech with its speakers",
        Filter::new(&["speech-to-text"], &[]).with_parameters(&["diarize"]),
    ),
    purpose(
        "Make music with lyrics",
        Filter::new(&["text-to-audio"], &[]).with_parameters(&["lyrics", "lyrics_prompt"]),
    ),
    purpose(
        "Make a sound effect",
        Filter::new(
            &["text-to-audio"],
            &["sound-effects", "sound-effects-generator", "sfx", "sfx1.6", "mmaudio"],
        ),
    ),
    purpose(
        "Take a recording apart, or clean it",
        Filter::new(&[], &["demucs", "separate", "isolation", "deepfilternet3", "sam-audio"]),
    ),
    purpose("Make a 3D model of an image", Filter::new(&["image-to-3d"], &[])),
    purpose("Make a 3D model of a text", Filter::new(&["text-to-3d"], &[])),
    purpose("Read the text of a page (OCR)", Filter::new(&[], &["ocr"])),
    purpose(
        "Describe an image",
        Filter::new(&["vision", "image-to-text"], &["caption", "captions", "describe", "moondream-next"]),
    ),
    purpose(
        "Ask about an image",
        Filter::new(
            &["vision"],
            &["query", "vlm", "vision", "isaac", "understand", "visual-query", "moondream-next", "llava"],
        ),
    ),
    purpose("Ask about a video", Filter::new(&["video-to-text"], &[])),
    purpose("Train a LoRA of FLUX", Filter::new(&["training"], &["flux"])),
];

impl Purpose {
    /// Returns true if an endpoint is for this purpose. A purpose that goes by categories alone is not that of an endpoint
    /// which does something special: a video of an avatar is no video of a prompt.
    fn fits(&self, endpoint: &ListedEndpoint) -> bool {
        self.filter.has(endpoint) && !(self.filter.words.is_empty() && is_special(endpoint))
    }

    /// Returns the only category of this purpose, unless it is only for some of the endpoints of the category.
    fn category(&self) -> Option<&'static str> {
        let Filter { categories: [category], words, parameters: [] } = self.filter else { return None };
        (words.is_empty() || words.contains(category)).then_some(*category)
    }
}

/// The first endpoints for a purpose.
pub(super) struct Choices<'a> {
    pub(super) title: &'static str,
    /// The category whose name means the same, such as `text-to-speech`.
    pub(super) category: Option<&'static str>,
    /// The best choice first.
    pub(super) endpoints: Vec<&'a ListedEndpoint>,
}

/// Returns the purposes with the first endpoints for each. `sorted` has the best choice first.
pub(super) fn list<'a>(sorted: &[&'a ListedEndpoint]) -> Vec<Choices<'a>> {
    let mut rows: Vec<Choices<'a>> = Vec::new();
    for purpose in PURPOSES {
        let mut endpoints: Vec<&ListedEndpoint> = Vec::new();
        for endpoint in sorted.iter().filter(|endpoint| purpose.fits(endpoint)) {
            let of_crate = endpoints.iter().filter(|other| other.krate == endpoint.krate).count();
            if of_crate < OF_ONE_CRATE && endpoints.len() < LISTED {
                endpoints.push(endpoint);
            }
        }
        // Of two purposes of a category, the second one is more special.
        let is_new = |category: &&str| !rows.iter().any(|row| row.category == Some(*category));
        let category = purpose.category().filter(is_new);
        if !endpoints.is_empty() {
            rows.push(Choices { title: purpose.title, category, endpoints });
        }
    }
    rows
}
