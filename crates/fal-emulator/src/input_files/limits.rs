//! The limits of parameters, `x-fal`.

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

/// Checks the sides of an image, or the duration of a recording.
pub(super) fn check_media(content: &Content, kind: FileKind, limits: &Value) -> Option<FileProblem> {
    match kind {
        FileKind::Image | FileKind::Visual => check_sides(content, limits),
        FileKind::Video => {
            check_duration(content, limits, ["video_duration_too_short", "video_duration_too_long"])
        }
        FileKind::Audio => {
            check_duration(content, limits, ["audio_duration_too_short", "audio_duration_too_long"])
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
    let ratio = width / height;
    if let Some(least) = limit("min_aspect_ratio").filter(|least| ratio < *least) {
        let text = format!("Image aspect ratio should be greater than or equal to {least}");
        return Some(FileProblem::new("greater_than_equal", text).with_context(json!({"ge": least})));
    }
    let most = limit("max_aspect_ratio").filter(|most| ratio > *most)?;
    let text = format!("Image aspect ratio should be less than or equal to {most}");
    Some(FileProblem::new("less_than_equal", text).with_context(json!({"le": most})))
}

fn check_duration(content: &Content, limits: &Value, kinds: [&'static str; 2]) -> Option<FileProblem> {
    let seconds = content.seconds()?;
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
