//! Results of a run: counts, and disagreements by class.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Value, json};

use crate::{
    cases::{Case, Cases, PUBLISHED},
    compare::{Direction, first_difference, without_dropped_nulls},
    documents::Document,
    examples::WHOLE,
    schema::Schema,
};

/// The number of disagreements of a class that are shown.
const SHOWN: usize = 3;

/// The number of characters of an instance that are shown.
const SHOWN_TEXT: usize = 600;

/// A law that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// The schema accepts the instance, and the type refuses it.
    Refused,
    /// The type accepts the instance, and the schema refuses it.
    Accepted,
    /// Reading and writing changed the instance.
    Changed,
}

/// An instance on which a type and its schema disagree.
#[derive(Debug, Clone)]
pub(crate) struct Disagreement {
    pub(crate) law: Law,
    pub(crate) direction: Direction,
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    /// JSON pointer to the change of the instance.
    pub(crate) pointer: String,
    /// The message of the refusal, or the difference after reading and writing.
    pub(crate) reason: String,
    pub(crate) instance: String,
}

/// The totals of a run.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) endpoints: usize,
    /// The number of instances by direction, verdict and kind.
    pub(crate) counts: BTreeMap<(Direction, bool, &'static str), usize>,
    pub(crate) discarded: usize,
    pub(crate) invalid_examples: usize,
    pub(crate) unplaced_examples: usize,
    /// Endpoints with too few cases.
    pub(crate) too_few_cases: Vec<String>,
    pub(crate) disagreements: Vec<Disagreement>,
    /// Deviations of the normalised schema and of the type's own schema from the published one.
    pub(crate) derived: Vec<String>,
}

impl Findings {
    /// Compares the answers about one endpoint with the expected verdicts.
    pub(crate) fn add_answers(
        &mut self,
        document: &Document,
        cases: &Cases,
        answers: &[Result<Value, String>],
    ) {
        let Some((input, output)) = &document.schemas else { return };
        self.endpoints += 1;
        self.discarded += cases.discarded;
        self.invalid_examples += cases.invalid_examples;
        self.unplaced_examples += cases.unplaced_examples;
        self.too_few_cases.extend(too_few_cases(document, input, &cases.list));
        for (case, answer) in cases.list.iter().zip(answers) {
            *self.counts.entry((case.direction, case.valid, case.kind)).or_default() += 1;
            let schema = if case.direction == Direction::Input { input } else { output };
            let broken = match answer {
                Ok(_) if !case.valid => Some((Law::Accepted, schema.reason(&case.instance))),
                Err(error) if case.valid => Some((Law::Refused, error.clone())),
                Ok(again) => {
                    let is_lenient = case.direction == Direction::Output && !schema.accepts(&case.instance);
                    let lenient = is_lenient.then(|| without_dropped_nulls(&case.instance, again));
                    let instance = lenient.as_ref().unwrap_or(&case.instance);
                    first_difference(case.direction, &schema.tree, instance, again)
                        .map(|difference| (Law::Changed, difference))
                }
                Err(_) => None,
            };
            self.disagreements.extend(broken.map(|broken| disagreement(document, case, broken)));
        }
    }

    /// Adds the totals of another part of the run.
    pub(crate) fn add(&mut self, other: Self) {
        self.endpoints += other.endpoints;
        self.discarded += other.discarded;
        self.invalid_examples += other.invalid_examples;
        self.unplaced_examples += other.unplaced_examples;
        self.too_few_cases.extend(other.too_few_cases);
        self.disagreements.extend(other.disagreements);
        self.derived.extend(other.derived);
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }

    fn count(&self, pick: impl Fn(Direction, bool, &str) -> bool) -> usize {
        self.counts
            .iter()
            .filter(|((direction, valid, kind), _)| pick(*direction, *valid, kind))
            .map(|(_, n)| n)
            .sum()
    }
}

/// Describes an endpoint with too few cases. An empty schema accepts everything, and needs no invalid instances.
fn too_few_cases(document: &Document, input: &Schema, cases: &[Case]) -> Option<String> {
    let valid =
        cases.iter().filter(|case| case.direction == Direction::Input && case.kind == "generated").count();
    let invalid = cases.iter().filter(|case| !case.valid).count();
    let enough = valid >= PUBLISHED.inputs && (invalid >= PUBLISHED.inputs || input.tree == json!({}));
    (!enough).then(|| format!("{}: only {valid} valid and {invalid} invalid inputs", document.id))
}

fn disagreement(document: &Document, case: &Case, (law, reason): (Law, String)) -> Disagreement {
    Disagreement {
        law,
        direction: case.direction,
        kind: case.kind,
        id: document.id.clone(),
        pointer: case.pointer.clone(),
        reason,
        instance: case.instance.to_string(),
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.count(|_, _, _| true);
        let is_example = |kind: &str| matches!(kind, "example" | "default" | WHOLE);
        let rows = [
            ("endpoints", self.endpoints),
            ("instances", total),
            (
                "  valid inputs",
                self.count(|direction, valid, kind| {
                    direction == Direction::Input && valid && !is_example(kind)
                }),
            ),
            ("  invalid inputs", self.count(|_, valid, _| !valid)),
            (
                "  outputs",
                self.count(|direction, _, kind| direction == Direction::Output && kind == "generated"),
            ),
            (
                "  outputs with additions",
                self.count(|direction, _, kind| {
                    direction == Direction::Output && kind != "generated" && !is_example(kind)
                }),
            ),
            ("  examples", self.count(|_, _, kind| kind == "example")),
            ("  lists of examples taken as one example", self.count(|_, _, kind| kind == WHOLE)),
            ("  defaults", self.count(|_, _, kind| kind == "default")),
            ("examples and defaults that their own schema refuses", self.invalid_examples),
            ("examples and defaults without a place in any instance", self.unplaced_examples),
            ("generated instances discarded as invalid", self.discarded),
            ("agreements", total - self.disagreements.len()),
            ("disagreements", self.disagreements.len()),
        ];
        for (name, count) in rows {
            writeln!(f, "{count:>9}  {name}")?;
        }
        writeln!(f, "invalid inputs by mistake:")?;
        for ((_, _, kind), count) in self.counts.iter().filter(|((_, valid, _), _)| !valid) {
            writeln!(f, "{count:>9}  {kind}")?;
        }
        Ok(())
    }
}

impl Disagreement {
    /// Returns the class, which is the same for all disagreements with the same cause.
    pub(crate) fn class(&self) -> String {
        let cause = match self.law {
            // The reason is the schema's, and less telling than the kind of the mistake.
            Law::Accepted => self.kind.to_owned(),
            Law::Refused | Law::Changed => outline(&self.reason),
        };
        format!("{:?} {:?}: {cause}", self.direction, self.law)
    }
}

/// Replaces quoted text, numbers and paths in a message.
pub(crate) fn outline(message: &str) -> String {
    let quoted =
        message.split('`').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "`_`" });
    let mut text = String::new();
    for word in quoted.collect::<String>().split_whitespace() {
        let word = if word.contains(|c: char| c.is_ascii_digit()) && word != "i64" { "_" } else { word };
        text += if text.is_empty() { "" } else { " " };
        text += if word.contains('/') { "_" } else { word };
    }
    text.split(" at line").next().unwrap_or_default().chars().take(120).collect()
}

/// Lists disagreements by class, the most frequent class first, with the first few of each.
pub(crate) fn by_class(disagreements: &[Disagreement]) -> String {
    let mut classes: BTreeMap<String, Vec<&Disagreement>> = BTreeMap::new();
    for one in disagreements {
        classes.entry(one.class()).or_default().push(one);
    }
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(_, list)| std::cmp::Reverse(list.len()));
    let mut text = String::new();
    for (class, list) in classes {
        let endpoints: BTreeSet<&str> = list.iter().map(|one| one.id.as_str()).collect();
        text += &format!("\n{} x {class} ({} endpoints)\n", list.len(), endpoints.len());
        for id in endpoints.into_iter().take(SHOWN) {
            if let Some(one) = list.iter().find(|one| one.id == id) {
                let instance: String = one.instance.chars().take(SHOWN_TEXT).collect();
                let reason = &one.reason;
                text += &format!("  {id}, {} at `{}`: {reason}\n    {instance}\n", one.kind, one.pointer);
            }
        }
    }
    text
}
