//! The limits of parameters, `x-fal`.

use fal_core::file_facts::FileFacts;
use serde_json::{Value, json};

use super::FileProblem;
use super::content::Content;
use super::parameter::FileKind;

fn number(limits: &Value, name: &str) -> Option<f64> {
    limits.get(name)?.as_f64()
}

/// Checks the size of a file in bytes.
pub(super) fn check_size(content: &Content, limits: &Value) -> Option<FileProblem> {
    let most = limits.get("max_file_size")?;
    let is_larger = most.as_f64().is_some_and(|most| content.length as f64 > most);
    is_larger.then(|| {
        let text = format!("File size exceeds the maximum allowed size of {most} bytes");
        FileProblem::new("file_too_large", text).with_context(json!({"max_size": most}))
    })
}

/// Checks the sides of an image, or what limits a recording.
pub(super) fn check_media(content: &Content, kind: FileKind, limits: &Value) -> Option<FileProblem> {
    match kind {
        FileKind::Video => check_video(&content.facts(), limits),
        FileKind::Visual if content.is_video() => check_video(&content.facts(), limits),
        FileKind::Image | FileKind::Visual => check_sides(content, limits),
        FileKind::Audio => {
            check_duration(&content.facts(), limits, ["audio_duration_too_short", "audio_duration_too_long"])
        }
        FileKind::Archive | FileKind::Any => None,
    }
}

fn check_sides(content: &Content, limits: &Value) -> Option<FileProblem> {
    let size = content.size()?;
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let limit = |name: &str| number(limits, name);
    let side = |name: &str| limits.get(name).cloned().unwrap_or_default();
    let shown = |name: &str| side(name).as_f64().map_or_else(|| "any".to_owned(), |side| side.to_string());
    if limit("min_width").is_some_and(|least| width < least)
        || limit("min_height").is_some_and(|least| height < least)
    {
        let text = format!(
            "Image is too small: {width}x{height}. The minimum is {}x{} pixels",
            shown("min_width"),
            shown("min_height")
        );
        let context = json!({"min_width": side("min_width"), "min_height": side("min_height")});
        return Some(FileProblem::new("image_too_small", text).with_context(context));
    }
    if limit("max_width").is_some_and(|most| width > most)
        || limit("max_height").is_some_and(|most| height > most)
    {
        let text = format!(
            "Image is too large: {width}x{height}. The maximum is {}x{} pixels",
            shown("max_width"),
            shown("max_height")
        );
        let context = json!({"max_width": side("max_width"), "max_height": side("max_height")});
        return Some(FileProblem::new("image_too_large", text).with_context(context));
    }
    check_bounds("Image aspect ratio", width / height, limits, "aspect_ratio")
}

/// Checks a number against the limits `min_{limit}` and `max_{limit}`.
fn check_bounds(subject: &str, value: f64, limits: &Value, limit: &str) -> Option<FileProblem> {
    if let Some(least) = number(limits, &format!("min_{limit}")).filter(|least| value < *least) {
        let text = format!("{subject} should be greater than or equal to {least}");
        return Some(FileProblem::new("greater_than_equal", text).with_context(json!({"ge": least})));
    }
    let most = number(limits, &format!("max_{limit}")).filter(|most| value > *most)?;
    let text = format!("{subject} should be less than or equal to {most}");
    Some(FileProblem::new("less_than_equal", text).with_context(json!({"le": most})))
}

/// Checks the duration, the frames and the sides of a video. fal has types of problems for the duration alone.
fn check_video(facts: &FileFacts, limits: &Value) -> Option<FileProblem> {
    let check_sides = |(width, height): (u64, u64)| {
        let ratio = width as f64 / height as f64;
        check_bounds("Video width", width as f64, limits, "width")
            .or_else(|| check_bounds("Video height", height as f64, limits, "height"))
            .or_else(|| check_bounds("Video aspect ratio", ratio, limits, "aspect_ratio"))
    };
    check_duration(facts, limits, ["video_duration_too_short", "video_duration_too_long"])
        .or_else(|| check_bounds("Number of frames", facts.frames? as f64, limits, "frames"))
        // 59.94 and 23.976 are 60 and 24 to whoever states a limit.
        .or_else(|| check_bounds("Video frame rate", facts.fps?.round(), limits, "fps"))
        .or_else(|| {
            let (width, height) = facts.size?;
            let problem = check_sides((width, height))?;
            // A player, and many a model, turns a rotated video upright.
            let is_turned_allowed = facts.may_be_rotated && check_sides((height, width)).is_none();
            (!is_turned_allowed).then_some(problem)
        })
}

fn check_duration(facts: &FileFacts, limits: &Value, kinds: [&'static str; 2]) -> Option<FileProblem> {
    let seconds = facts.duration?;
    let [short, long] = kinds;
    if let Some(least) = number(limits, "min_duration").filter(|least| seconds < *least) {
        let text = format!("The duration of {seconds} seconds is below the minimum of {least} seconds");
        let context = json!({"min_duration": least, "provided_duration": seconds});
        return Some(FileProblem::new(short, text).with_context(context));
    }
    let most = number(limits, "max_duration").filter(|most| seconds > *most)?;
    let text = format!("The duration of {seconds} seconds exceeds the maximum of {most} seconds");
    let context = json!({"max_duration": most, "provided_duration": seconds});
    Some(FileProblem::new(long, text).with_context(context))
}
