//! What the laws found: agreements counted, disagreements by class.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Value, json};

use crate::{
    cases::{Case, Cases, INPUTS},
    compare::{Side, lost},
    documents::Document,
    schema::Schema,
    vectors::WHOLE,
};

/// How many disagreements of a class are shown.
const SHOWN: usize = 3;

/// How much of an instance is shown.
const SHOWN_TEXT: usize = 600;

/// A law that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// The schema accepts it, the type does not.
    Refused,
    /// The type accepts it, the schema does not.
    Accepted,
    /// Reading and writing changed it.
    Changed,
}

/// One instance on which a type and a schema do not agree.
#[derive(Debug, Clone)]
pub(crate) struct Disagreement {
    pub(crate) law: Law,
    pub(crate) side: Side,
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    /// Where the instance was changed.
    pub(crate) pointer: String,
    /// What the one who refused it said, or what was lost.
    pub(crate) reason: String,
    pub(crate) instance: String,
}

/// The sums of a run.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) endpoints: usize,
    /// How many instances there were of each side, kind and verdict.
    pub(crate) counts: BTreeMap<(Side, bool, &'static str), usize>,
    pub(crate) misses: usize,
    pub(crate) refused: usize,
    pub(crate) missed: usize,
    /// Endpoints that were asked less than they should be.
    pub(crate) short: Vec<String>,
    pub(crate) disagreements: Vec<Disagreement>,
    /// Where the normalised schema, or the type's own, does not say what the published one says.
    pub(crate) twins: Vec<String>,
}

impl Findings {
    /// Judges the answers about one endpoint.
    pub(crate) fn judge(&mut self, document: &Document, cases: &Cases, answers: &[Result<Value, String>]) {
        let Some((input, output)) = &document.schemas else { return };
        self.endpoints += 1;
        self.misses += cases.misses;
        self.refused += cases.refused;
        self.missed += cases.missed;
        self.short.extend(short(document, input, &cases.list));
        for (case, answer) in cases.list.iter().zip(answers) {
            *self.counts.entry((case.side, case.valid, case.kind)).or_default() += 1;
            let schema = if case.side == Side::Input { input } else { output };
            let broken = match answer {
                Ok(_) if !case.valid => Some((Law::Accepted, schema.reason(&case.instance))),
                Err(error) if case.valid => Some((Law::Refused, error.clone())),
                Ok(again) => lost(case.side, &schema.tree, &case.instance, again)
                    .map(|difference| (Law::Changed, difference)),
                Err(_) => None,
            };
            self.disagreements.extend(broken.map(|broken| disagreement(document, case, broken)));
        }
    }

    /// Adds the sums of another part of the run.
    pub(crate) fn add(&mut self, other: Self) {
        self.endpoints += other.endpoints;
        self.misses += other.misses;
        self.refused += other.refused;
        self.missed += other.missed;
        self.short.extend(other.short);
        self.disagreements.extend(other.disagreements);
        self.twins.extend(other.twins);
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }

    fn count(&self, pick: impl Fn(Side, bool, &str) -> bool) -> usize {
        self.counts.iter().filter(|((side, valid, kind), _)| pick(*side, *valid, kind)).map(|(_, n)| n).sum()
    }
}

/// Whether an endpoint was asked enough. One whose schema is empty accepts everything.
fn short(document: &Document, input: &Schema, cases: &[Case]) -> Option<String> {
    let valid = cases.iter().filter(|case| case.side == Side::Input && case.kind == "generated").count();
    let invalid = cases.iter().filter(|case| !case.valid).count();
    let enough = valid >= INPUTS && (invalid >= INPUTS || input.tree == json!({}));
    (!enough).then(|| format!("{}: only {valid} valid and {invalid} invalid inputs", document.id))
}

fn disagreement(document: &Document, case: &Case, (law, reason): (Law, String)) -> Disagreement {
    Disagreement {
        law,
        side: case.side,
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
        let vector = |kind: &str| matches!(kind, "example" | "default" | WHOLE);
        let rows = [
            ("endpoints", self.endpoints),
            ("instances", total),
            ("  valid inputs", self.count(|side, valid, kind| side == Side::Input && valid && !vector(kind))),
            ("  invalid inputs", self.count(|_, valid, _| !valid)),
            ("  outputs", self.count(|side, _, kind| side == Side::Output && kind == "generated")),
            (
                "  outputs with news",
                self.count(|side, _, kind| side == Side::Output && kind != "generated" && !vector(kind)),
            ),
            ("  examples", self.count(|_, _, kind| kind == "example")),
            ("  lists of examples that are one example", self.count(|_, _, kind| kind == WHOLE)),
            ("  defaults", self.count(|_, _, kind| kind == "default")),
            ("examples and defaults that their own schema refuses", self.refused),
            ("examples and defaults that no instance has a place for", self.missed),
            ("generated and not used, because invalid", self.misses),
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
    /// What disagreements of one cause have in common.
    fn class(&self) -> String {
        let cause = match self.law {
            // The reason is the schema's, and says less than what was changed.
            Law::Accepted => self.kind.to_owned(),
            Law::Refused | Law::Changed => outline(&self.reason),
        };
        format!("{:?} {:?}: {cause}", self.side, self.law)
    }
}

/// A message without what it quotes and without its numbers.
fn outline(message: &str) -> String {
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

/// Disagreements, most frequent class first, with the first few of each.
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
