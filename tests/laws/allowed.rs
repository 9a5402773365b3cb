//! Where a type and its schema may disagree, and why. As short as can be.

use crate::{
    compare::Side,
    findings::{Disagreement, Law},
};

/// A class of disagreements that is meant to be.
struct Exception {
    /// Why it is right.
    why: &'static str,
    matches: fn(&Disagreement) -> bool,
}

/// All of them.
const ALLOWED: &[Exception] = &[
    Exception {
        why: "an integer beyond what 64 bits hold: no parameter means one, and i64 is what Rust has",
        matches: |one| one.law == Law::Refused && one.reason.contains("e+18`, expected an integer at line"),
    },
    Exception {
        why: "the document names an input that it does not hold: any object is taken, and bodies are objects",
        matches: |one| {
            one.law == Law::Refused
                && one.side == Side::Input
                && UNDESCRIBED.contains(&one.id.as_str())
                && !one.instance.starts_with('{')
        },
    },
    Exception {
        why: "`min` and `max` mean nothing to JSON Schema but are meant as bounds; a fixup reads them so",
        matches: |one| {
            let reason = &one.reason;
            let bounded = MISSPELT.iter().any(|(id, name)| {
                *id == one.id && reason.starts_with(&format!("read: `{name}` of {id} must be between "))
            });
            one.law == Law::Refused && bounded
        },
    },
];

/// Endpoints whose input is a reference to nothing.
const UNDESCRIBED: &[&str] = &[
    "openrouter/router/openai/v1/chat/completions",
    "openrouter/router/openai/v1/embeddings",
    "openrouter/router/openai/v1/responses",
    "perceptron/isaac-01/openai/v1/chat/completions",
];

/// Parameters whose bounds are called `min` and `max`.
const MISSPELT: &[(&str, &str)] = &[
    ("fal-ai/amt-interpolation", "output_fps"),
    ("fal-ai/amt-interpolation", "recursive_interpolation_passes"),
    ("fal-ai/amt-interpolation/frame-interpolation", "output_fps"),
    ("fal-ai/amt-interpolation/frame-interpolation", "recursive_interpolation_passes"),
    ("fal-ai/llava-next", "max_tokens"),
];

/// Splits off what no exception covers, and the exceptions that covered nothing and have to go.
pub(crate) fn sift(found: Vec<Disagreement>) -> (Vec<Disagreement>, Vec<&'static str>) {
    let mut used = vec![0_usize; ALLOWED.len()];
    let rest = found
        .into_iter()
        .filter(|one| {
            let index = ALLOWED.iter().position(|exception| (exception.matches)(one));
            index.map(|index| used[index] += 1).is_none()
        })
        .collect();
    for (exception, count) in ALLOWED.iter().zip(&used) {
        println!("{count:>9}  allowed: {}", exception.why);
    }
    let expired = ALLOWED.iter().zip(&used).filter(|(_, count)| **count == 0);
    (rest, expired.map(|(exception, _)| exception.why).collect())
}
