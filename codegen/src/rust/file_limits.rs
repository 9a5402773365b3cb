//! The limits of files and image sizes (`x-fal`) in words, for docs.

use serde_json::Value;

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
}
