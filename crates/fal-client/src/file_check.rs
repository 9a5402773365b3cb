//! Checks of local files against the limits of an endpoint, before anything is sent.

mod facts;

use fal_core::{
    File, FileLimits, LimitedFiles, Violation, Violations,
    file_facts::{FileFacts, number},
};

use crate::{Error, Result};

/// The error of measured durations that is allowed, in seconds: encoders pad, and containers round.
const DURATION_SLACK: f64 = 0.1;

/// The relative error of measured rates, ratios and durations that is allowed: 59.94 for 60 frames per second.
const RELATIVE_SLACK: f64 = 0.01;

/// Files of an input with limits, without the lifetime of the input.
pub(crate) struct FilesToCheck {
    path: String,
    files: Vec<File>,
    limits: FileLimits,
}

impl From<LimitedFiles<'_>> for FilesToCheck {
    fn from(limited: LimitedFiles<'_>) -> Self {
        let files = limited.files.into_iter().cloned().collect();
        Self { path: limited.path, files, limits: limited.limits }
    }
}

/// Checks files against their limits.
///
/// A file that cannot be read, or whose header is not understood, passes: uploading it fails with a better error, or the
/// service has the last word.
pub(crate) async fn check(files: Vec<FilesToCheck>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    // Reads files, though only their beginnings.
    let violations = tokio::task::spawn_blocking(move || find_violations(&files)).await.unwrap_or_default();
    match Violations::from_vec(violations) {
        Some(violations) => Err(Error::violations(violations)),
        None => Ok(()),
    }
}

/// Returns the limits that local files break, in words such as `the file is 64 px wide, and the endpoint takes at least 300 px
/// wide`.
///
/// Every call checks its files in this way before it sends anything. This function is for programs that know the limits from
/// elsewhere, such as a schema. Several files are judged as a whole, such as by their total size. Reads the beginnings of the
/// files, and blocks meanwhile. A file that cannot be read or understood breaks no limit.
///
/// ```
/// use fal_client::{File, storage::broken_limits};
/// use fal_core::FileLimits;
///
/// let file = File::bytes("0123456789", "text/plain");
/// let limits = FileLimits { max_bytes: Some(5), ..FileLimits::NONE };
/// assert_eq!(broken_limits(vec![file], limits), ["the file has 10 bytes, and the endpoint takes at most 5 bytes"]);
/// ```
#[must_use]
pub fn broken_limits(files: Vec<File>, limits: FileLimits) -> Vec<String> {
    let files = FilesToCheck { path: String::new(), files, limits };
    files.complaints().into_iter().map(|(complaint, _)| complaint).collect()
}

fn find_violations(files: &[FilesToCheck]) -> Vec<Violation> {
    files.iter().flat_map(FilesToCheck::violations).collect()
}

/// A measured number of a file, its name in messages, and its bounds.
struct Measure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    min: Option<f64>,
    max: Option<f64>,
    slack: f64,
}

impl FilesToCheck {
    fn violations(&self) -> Vec<Violation> {
        let parameter = self.path.strip_prefix("body.").unwrap_or(&self.path);
        let violations = self.complaints().into_iter().map(|(complaint, value)| {
            let message = format!("`{parameter}`: {complaint}; nothing was sent");
            Violation::new(self.path.clone(), message, value.into())
        });
        violations.collect()
    }

    /// Returns a complaint about each limit that is broken, and the measured value.
    fn complaints(&self) -> Vec<(String, f64)> {
        let facts: Vec<_> = self.files.iter().map(|file| facts::read(file, &self.limits)).collect();
        let (measures, subject) = match facts.as_slice() {
            [facts] => (self.best_measures(facts), "the file"),
            facts => (self.measures_of_total(facts), "the list as a whole"),
        };
        let complaints = measures.into_iter().filter_map(|measure| measure.complaint());
        complaints.map(|(complaint, value)| (format!("{subject} {complaint}"), value)).collect()
    }

    /// Returns the measures of one file. If it may be shown rotated, in the orientation that breaks fewer limits.
    fn best_measures(&self, facts: &FileFacts) -> Vec<Measure> {
        let mut measures = measures_of_whole(&self.limits, facts);
        if let Some((width, height)) = facts.size {
            let upright = self.measures_of_size(width, height);
            let count = |measures: &[Measure]| {
                measures.iter().filter(|measure| measure.complaint().is_some()).count()
            };
            let rotated = facts.may_be_rotated.then(|| self.measures_of_size(height, width));
            measures.extend(match rotated {
                Some(rotated) if count(&rotated) < count(&upright) => rotated,
                _ => upright,
            });
        }
        measures
    }

    fn measures_of_total(&self, facts: &[FileFacts]) -> Vec<Measure> {
        fn sum<T: std::iter::Sum<T>>(
            facts: &[FileFacts],
            get: impl Fn(&FileFacts) -> Option<T>,
        ) -> (Option<T>, bool) {
            let known: Vec<T> = facts.iter().filter_map(get).collect();
            let is_all = known.len() == facts.len();
            ((!known.is_empty()).then(|| known.into_iter().sum()), is_all)
        }
        let (bytes, _) = sum(facts, |facts| facts.bytes);
        let (duration, has_all_durations) = sum(facts, |facts| facts.duration);
        let (frames, has_all_frames) = sum(facts, |facts| facts.frames);
        let total = FileFacts { bytes, duration, frames, ..FileFacts::default() };
        // What is known is at least a part of the total.
        let limits = FileLimits {
            min_duration: self.limits.min_duration.filter(|_| has_all_durations),
            min_frames: self.limits.min_frames.filter(|_| has_all_frames),
            ..self.limits
        };
        measures_of_whole(&limits, &total)
    }

    fn measures_of_size(&self, width: u64, height: u64) -> Vec<Measure> {
        let limits = &self.limits;
        let exact = |name, unit, value, min: Option<u64>, max: Option<u64>| {
            let (min, max) = (min.map(number), max.map(number));
            Measure { name, unit, value: number(value), min, max, slack: 0.0 }
        };
        let mut measures = vec![
            exact("is", "px wide", width, limits.min_width, limits.max_width),
            exact("is", "px high", height, limits.min_height, limits.max_height),
            exact("has", "pixels", width.saturating_mul(height), limits.min_area, limits.max_area),
        ];
        if height > 0 {
            let value = number(width) / number(height);
            let (min, max) = (limits.min_aspect_ratio, limits.max_aspect_ratio);
            let (name, unit, slack) = ("has a ratio of width to height of", "", value * RELATIVE_SLACK);
            measures.push(Measure { name, unit, value, min, max, slack });
        }
        for (unit, side) in [("px wide", width), ("px high", height)] {
            if let Some(multiple) =
                limits.multiple_of.filter(|multiple| side.checked_rem(*multiple).unwrap_or(0) > 0)
            {
                let below = number(side - side % multiple);
                measures.push(Measure {
                    name: "is",
                    unit,
                    value: number(side),
                    min: None,
                    // The next smaller size that is allowed.
                    max: Some(below),
                    slack: 0.0,
                });
            }
        }
        measures
    }
}

/// Returns the measures that do not depend on the orientation.
fn measures_of_whole(limits: &FileLimits, facts: &FileFacts) -> Vec<Measure> {
    let duration = facts.duration.map(|value| Measure {
        name: "lasts",
        unit: "s",
        value,
        min: limits.min_duration,
        max: limits.max_duration,
        slack: DURATION_SLACK.max(value * RELATIVE_SLACK),
    });
    let fps = facts.fps.map(|value| Measure {
        name: "has",
        unit: "frames per second",
        value,
        min: limits.min_fps,
        max: limits.max_fps,
        slack: value * RELATIVE_SLACK,
    });
    let counts = [
        ("bytes", facts.bytes, None, limits.max_bytes),
        ("frames", facts.frames, limits.min_frames, limits.max_frames),
    ];
    let counts = counts.into_iter().filter_map(|(unit, value, min, max)| {
        let (value, min, max) = (number(value?), min.map(number), max.map(number));
        Some(Measure { name: "has", unit, value, min, max, slack: 0.0 })
    });
    counts.chain(duration).chain(fps).collect()
}

impl Measure {
    /// Returns the complaint about a value beyond its bounds, and the value.
    fn complaint(&self) -> Option<(String, f64)> {
        let Self { name, unit, value, min, max, slack } = self;
        let (bound, limit) = match (min, max) {
            (Some(min), _) if value + slack < *min => ("at least", min),
            (_, Some(max)) if value - slack > *max => ("at most", max),
            _ => return None,
        };
        let show = |number: f64| {
            let digits = if number.fract() == 0.0 { 0 } else { 3 };
            format!("{number:.digits$} {unit}").trim_end().to_owned()
        };
        Some((format!("{name} {}, and the endpoint takes {bound} {}", show(*value), show(*limit)), *value))
    }
}

#[cfg(test)]
mod tests;
