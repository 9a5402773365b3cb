//! The limits of files and image sizes (`x-fal`), in words for docs, and as a constant for the client.

use serde_json::Value;

use super::FileLimits;
use crate::model::{Property, Type};

/// Returns the limits of a property that its docs state: those of its files, or those of an image size.
pub(super) fn stated_limits(property: &Property) -> &Value {
    files_limits(&property.ty).unwrap_or(&property.limits)
}

/// Returns the limits of the files that a value of `ty` is or holds, outside of types with limits of their own.
pub(super) fn file_limits(ty: &Type) -> Option<FileLimits> {
    match ty {
        Type::File(_, limits) => FileLimits::parse(limits),
        Type::List(item, _) | Type::Map(item, _) => file_limits(&item.ty),
        _ => None,
    }
}

fn files_limits(ty: &Type) -> Option<&Value> {
    match ty {
        Type::File(_, limits) => Some(limits),
        Type::List(item, _) | Type::Map(item, _) => files_limits(&item.ty),
        Type::Tuple(tuple) => tuple.types().find_map(files_limits),
        Type::Union(kinds, _) => kinds.iter().find_map(files_limits),
        _ => None,
    }
}

/// Returns true if the limits of a file hold anything that can be checked.
pub(super) fn are_checked(limits: &Value) -> bool {
    FileLimits::parse(limits).is_some()
}

impl FileLimits {
    /// Reads the extension. Returns `None` if it holds no limit of files.
    fn parse(limits: &Value) -> Option<Self> {
        let read = |limits: &Value| {
            let whole = WHOLE.iter().filter_map(|(key, field, is_least)| {
                let bound = limits.get(key).and_then(Value::as_f64)?;
                let bound = if *is_least { bound.ceil() } else { bound.floor() };
                // Larger numbers of pixels, frames or bytes limit nothing.
                (0.0..9_007_199_254_740_992.0).contains(&bound).then_some((*field, bound as u64))
            });
            let decimal = DECIMAL.iter().filter_map(|key| {
                let bound = limits.get(key).and_then(Value::as_f64)?;
                (bound >= 0.0).then_some((*key, bound))
            });
            Self { whole: whole.collect(), decimal: decimal.collect(), combined: None }
        };
        let combined = limits.get("combined").map(|combined| {
            let mut combined = read(combined);
            combined.whole.retain(|(field, _)| ADDED.contains(field));
            combined.decimal.retain(|(field, _)| ADDED.contains(field));
            Box::new(combined)
        });
        let combined = combined.filter(|combined| !combined.is_empty());
        let limits = Self { combined, ..read(limits) };
        (!limits.is_empty()).then_some(limits)
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.decimal.is_empty() && self.combined.is_none()
    }
}

/// Limits that are whole numbers: the name in documents, the field of `fal_core::FileLimits`, and true for a minimum.
const WHOLE: &[(&str, &str, bool)] = &[
    ("max_file_size", "max_bytes", false),
    ("min_width", "min_width", true),
    ("max_width", "max_width", false),
    ("min_height", "min_height", true),
    ("max_height", "max_height", false),
    ("min_area", "min_area", true),
    ("max_area", "max_area", false),
    ("multiple_of", "multiple_of", false),
    ("min_frames", "min_frames", true),
    ("max_frames", "max_frames", false),
];

/// Limits that may be fractions, with the name that they have both in documents and in `fal_core::FileLimits`.
const DECIMAL: &[&str] =
    &["min_aspect_ratio", "max_aspect_ratio", "min_duration", "max_duration", "min_fps", "max_fps"];

/// The fields that mean something for several files together.
const ADDED: &[&str] = &["max_bytes", "min_frames", "max_frames", "min_duration", "max_duration"];

/// Describes the `x-fal` limits of a file, a list of files or an image size.
pub(super) fn describe_limits(limits: &Value) -> Vec<String> {
    let mut facts = describe_bounds(limits);
    if let Some(combined) = limits.get("combined").map(describe_bounds).filter(|facts| !facts.is_empty()) {
        facts.push(format!("all together {}", combined.join(" and ")));
    }
    // These are no limits: the model accepts other values, and changes the file.
    if let Some(applied) = limits.get("normalization").map(describe_bounds).filter(|facts| !facts.is_empty())
    {
        facts.push(format!("converted by the model to {}", applied.join(" and ")));
    }
    facts
}

fn describe_bounds(limits: &Value) -> Vec<String> {
    let number = |key: &str| limits.get(key).and_then(Value::as_f64);
    let mut facts = Vec::new();
    if let Some(bytes) = number("max_file_size") {
        facts.push(format!("at most {} MiB", bytes / 1_048_576.0));
    }
    for (subject, keys, unit) in [
        ("", ["min_width", "max_width"], " px wide"),
        ("", ["min_height", "max_height"], " px high"),
        ("", ["min_area", "max_area"], " pixels"),
        ("an aspect ratio of ", ["min_aspect_ratio", "max_aspect_ratio"], ""),
        ("", ["min_duration", "max_duration"], " s long"),
        ("", ["min_frames", "max_frames"], " frames"),
        ("", ["min_fps", "max_fps"], " frames per second"),
    ] {
        match keys.map(number) {
            [Some(min), Some(max)] if min == max => facts.push(format!("{subject}{min}{unit}")),
            [Some(min), Some(max)] => facts.push(format!("{subject}{min} to {max}{unit}")),
            [Some(min), None] => facts.push(format!("{subject}at least {min}{unit}")),
            [None, Some(max)] => facts.push(format!("{subject}at most {max}{unit}")),
            [None, None] => {}
        }
    }
    if let Some(fps) = number("fps") {
        facts.push(format!("{fps} frames per second"));
    }
    if let Some(step) = number("multiple_of") {
        facts.push(format!("sides in multiples of {step} px"));
    }
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_limit_is_described() {
        let limits = json!({
            "max_file_size": 10_485_760, "min_width": 64, "max_height": 512, "min_area": 4096, "max_area": 9000,
            "min_aspect_ratio": 0.4, "max_aspect_ratio": 2.5, "max_duration": 10.5, "min_frames": 2, "min_fps": 16,
            "max_fps": 60, "multiple_of": 32,
            "combined": { "max_duration": 30 },
            "normalization": { "max_duration": 15, "fps": 24 },
        });
        assert_eq!(
            describe_limits(&limits),
            [
                "at most 10 MiB",
                "at least 64 px wide",
                "at most 512 px high",
                "4096 to 9000 pixels",
                "an aspect ratio of 0.4 to 2.5",
                "at most 10.5 s long",
                "at least 2 frames",
                "16 to 60 frames per second",
                "sides in multiples of 32 px",
                "all together at most 30 s long",
                "converted by the model to at most 15 s long and 24 frames per second",
            ]
        );
        assert!(describe_limits(&Value::Null).is_empty());
    }

    #[test]
    fn limits_are_read_as_the_numbers_that_they_allow() {
        let limits = json!({
            "max_file_size": 10_485_760, "min_width": 63.5, "max_width": 1e300, "min_height": "a", "max_fps": 60,
            "max_duration": -1, "timeout": 20,
            "combined": { "max_duration": 30.5, "min_width": 3 },
            "normalization": { "max_duration": 15, "fps": 24 },
        });
        let limits = FileLimits::parse(&limits).unwrap();
        assert_eq!(limits.whole, [("max_bytes", 10_485_760), ("min_width", 64)]);
        assert_eq!(limits.decimal, [("max_fps", 60.0)]);
        let combined = limits.combined.unwrap();
        assert_eq!((combined.whole, combined.decimal), (vec![], vec![("max_duration", 30.5)]));
        assert_eq!(FileLimits::parse(&json!({ "timeout": 20, "normalization": { "fps": 24 } })), None);
        assert_eq!(FileLimits::parse(&Value::Null), None);
    }
}
