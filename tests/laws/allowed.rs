//! The exceptions: disagreements between a type and its schema that are intended.

use crate::{
    compare::Direction,
    findings::{Disagreement, Law},
};

/// A class of intended disagreements.
struct Exception {
    /// The reason.
    reason: &'static str,
    matches: fn(&Disagreement) -> bool,
}

/// All exceptions.
const ALLOWED: &[Exception] = &[Exception {
    reason: "the document refers to an input schema that it does not contain: any object is accepted, and bodies are objects",
    matches: |one| {
        one.law == Law::Refused
            && one.direction == Direction::Input
            && WITHOUT_INPUT_SCHEMA.contains(&one.id.as_str())
            && !one.instance.starts_with('{')
    },
}];

/// Endpoints whose input refers to a component that does not exist.
const WITHOUT_INPUT_SCHEMA: &[&str] = &[
    "openrouter/router/openai/v1/chat/completions",
    "openrouter/router/openai/v1/embeddings",
    "openrouter/router/openai/v1/responses",
    "perceptron/isaac-01/openai/v1/chat/completions",
];

/// Returns the disagreements that no exception covers, and the reasons of the exceptions that cover nothing.
pub(crate) fn apply_exceptions(found: Vec<Disagreement>) -> (Vec<Disagreement>, Vec<&'static str>) {
    let mut used = vec![0_usize; ALLOWED.len()];
    let rest = found
        .into_iter()
        .filter(|one| {
            let index = ALLOWED.iter().position(|exception| (exception.matches)(one));
            index.map(|index| used[index] += 1).is_none()
        })
        .collect();
    for (exception, count) in ALLOWED.iter().zip(&used) {
        println!("{count:>9}  allowed: {}", exception.reason);
    }
    let expired = ALLOWED.iter().zip(&used).filter(|(_, count)| **count == 0);
    (rest, expired.map(|(exception, _)| exception.reason).collect())
}
