//! Compares the requests of our client with those of the official clients, and explains the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::captures::{Captures, Difference};

/// A reason for differences. It applies to all clients and operations unless it names some.
pub(super) struct Explanation {
    /// Prefix of the name of the client.
    client: String,
    operations: Option<Vec<String>>,
    differences: Vec<Pattern>,
    reason: String,
}

/// A pattern for differences.
struct Pattern {
    /// The request, with `*` for any text.
    request: String,
    part: String,
    ours: Option<String>,
    theirs: Option<String>,
}

impl Explanation {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        has_only(entry, &["client", "operations", "differences", "reason"])?;
        let operations = entry.get("operations").map(|list| {
            let names = list.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>()
        });
        let operations = match operations {
            Some(listed) => Some(listed?),
            None => None,
        };
        let differences = entry.get("differences")?.as_array()?.iter().map(Pattern::read);
        let differences = differences.collect::<Option<Vec<_>>>().filter(|some| !some.is_empty())?;
        let client = text(entry, "client").unwrap_or_default();
        Some(Self { client, operations, differences, reason: text(entry, "reason")? })
    }

    /// Returns the index of the pattern that matches a difference.
    fn explains(&self, difference: &Difference) -> Option<usize> {
        let applies = difference.client.starts_with(&self.client)
            && self.operations.as_ref().is_none_or(|some| some.contains(&difference.operation));
        self.differences.iter().position(|pattern| applies && pattern.matches(difference))
    }
}

impl Pattern {
    fn read(entry: &Value) -> Option<Self> {
        has_only(entry, &["request", "what", "ours", "theirs"])?;
        let request = text(entry, "request").unwrap_or_else(|| "*".to_owned());
        Some(Self {
            request,
            part: text(entry, "what")?,
            ours: text(entry, "ours"),
            theirs: text(entry, "theirs"),
        })
    }

    fn matches(&self, difference: &Difference) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        self.part == difference.part
            && is(&self.ours, &difference.ours)
            && is(&self.theirs, &difference.theirs)
            && matches(&self.request, &difference.request)
    }
}

fn text(entry: &Value, name: &str) -> Option<String> {
    entry.get(name)?.as_str().map(str::to_owned)
}

fn has_only(entry: &Value, names: &[&str]) -> Option<()> {
    entry.as_object()?.keys().all(|name| names.contains(&name.as_str())).then_some(())
}

/// Returns true if a text matches a pattern with `*` for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter_map(|at| text.get(at..)).any(|end| matches(rest, end))
}

/// A table of the differences, by operation and client.
pub(super) struct Differences<'a> {
    captures: &'a Captures,
    ours: &'a str,
    others: &'a [&'a str],
    explanations: &'a [Explanation],
    found: Vec<Difference>,
}

impl<'a> Differences<'a> {
    pub(super) fn new(
        captures: &'a Captures,
        ours: &'a str,
        others: &'a [&'a str],
        explanations: &'a [Explanation],
    ) -> Self {
        Self { captures, ours, others, explanations, found: captures.differences(ours, others) }
    }

    /// Fails if a difference has no reason or, after all operations, a reason has no difference.
    pub(super) fn verdict(&self, all: bool) -> Result<(), String> {
        let mut unexplained: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for difference in self.found.iter().filter(|difference| self.reason(difference).is_none()) {
            let Difference { operation, client, request, part, ours, theirs } = difference;
            let message = format!("{client}, {request}, {part}: {theirs}, ours {ours}, for no known reason");
            unexplained.entry(message).or_default().push(operation);
        }
        let join =
            |(message, operations): (String, Vec<&str>)| format!("{message} ({})", operations.join("; "));
        let mut problems: Vec<String> = unexplained.into_iter().map(join).collect();
        if all {
            for (number, explanation) in self.explanations.iter().enumerate() {
                for (which, Pattern { request, part, .. }) in explanation.differences.iter().enumerate() {
                    if !self.found.iter().any(|one| self.reason(one) == Some((number, which))) {
                        problems.push(format!(
                            "reason {}: {part} of {request} no longer differs so; remove it from differences.json",
                            number + 1
                        ));
                    }
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n       ")) }
    }

    /// Returns the indices of the first explanation that applies and of its pattern.
    fn reason(&self, difference: &Difference) -> Option<(usize, usize)> {
        let explanations = self.explanations.iter().enumerate();
        explanations
            .map(|(index, explanation)| (index, explanation.explains(difference)))
            .find_map(|(index, pattern)| Some((index, pattern?)))
    }

    fn cell(&self, operation: &str, client: &str) -> String {
        if !self.captures.has(client, operation) || !self.captures.has(self.ours, operation) {
            return "-".to_owned();
        }
        let found = self.found.iter().filter(|one| one.operation == operation && one.client == client);
        let reasons: BTreeSet<Option<usize>> =
            found.map(|difference| Some(self.reason(difference)?.0)).collect();
        if reasons.is_empty() {
            return "same".to_owned();
        }
        let label =
            |reason: Option<usize>| reason.map_or_else(|| "FAIL".to_owned(), |index| (index + 1).to_string());
        reasons.into_iter().map(label).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Differences<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self
            .captures
            .operations
            .iter()
            .map(|operation| {
                let cells = self.others.iter().map(|client| self.cell(operation, client));
                std::iter::once(operation.clone()).chain(cells).collect()
            })
            .collect();
        let title = format!("requests of {}, against", self.ours);
        let titles: Vec<String> =
            std::iter::once(title).chain(self.others.iter().map(|&client| client.to_owned())).collect();
        let all = || std::iter::once(&titles).chain(&rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        for row in all() {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        for (index, explanation) in self.explanations.iter().enumerate() {
            write!(out, "\n{}. {}", index + 1, explanation.reason)?;
            for (which, Pattern { request, part, .. }) in explanation.differences.iter().enumerate() {
                let found = self.found.iter().filter(|one| self.reason(one) == Some((index, which)));
                for (ours, theirs) in found.map(|one| (&one.ours, &one.theirs)).collect::<BTreeSet<_>>() {
                    write!(out, "\n   {request}, {part}: ours {ours}, theirs {theirs}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::shape::Shape;
    use super::*;

    fn captures(ours: &str, theirs: &str) -> Captures {
        let shape = |accept: &str| Shape {
            line: "GET https://fal.run/a".to_owned(),
            parts: [("accept".to_owned(), accept.to_owned())].into(),
            lists_parts_in_order: true,
        };
        let mut captures = Captures::default();
        captures.add("Ours", "run", vec![shape(ours)]);
        captures.add("Theirs sync", "run", vec![shape(theirs)]);
        captures.add("Theirs sync", "other", vec![]);
        captures
    }

    fn compare(captures: &Captures, explanation: Value) -> (String, Result<(), String>) {
        let explanations = [Explanation::read(&explanation).unwrap()];
        let differences = Differences::new(captures, "Ours", &["Theirs sync"], &explanations);
        (differences.to_string(), differences.verdict(true))
    }

    /// Returns an explanation with one pattern.
    fn because(mut explanation: Value, difference: Value) -> Value {
        explanation["differences"] = json!([difference]);
        explanation["reason"] = json!("So.");
        explanation
    }

    #[test]
    fn an_unexplained_difference_fails() {
        let captures = captures("*/*", "text/plain");
        let (table, verdict) =
            compare(&captures, because(json!({"client": "Theirs"}), json!({"what": "accept"})));
        assert_eq!(verdict, Ok(()));
        assert!(table.contains("1. So.\n   *, accept: ours */*, theirs text/plain"), "{table}");
        assert!(table.lines().any(|line| line.starts_with("run") && line.ends_with(" 1")), "{table}");
        assert!(table.lines().any(|line| line.starts_with("other") && line.ends_with(" -")), "{table}");
        let others = [
            because(json!({"client": "They"}), json!({"what": "accept"})),
            because(json!({"operations": ["other"]}), json!({"what": "accept"})),
            because(json!({}), json!({"what": "body"})),
            because(json!({}), json!({"what": "accept", "ours": "text/plain"})),
            because(json!({}), json!({"what": "accept", "theirs": "*/*"})),
            because(json!({}), json!({"what": "accept", "request": "POST *"})),
        ];
        for other in others {
            let (table, verdict) = compare(&captures, other.clone());
            let problems = verdict.unwrap_err();
            let unexplained = "Theirs sync, GET https://fal.run/a, accept: text/plain, ours */*";
            assert!(problems.contains(unexplained), "{other}: {problems}");
            assert!(problems.contains("remove it") && table.contains("FAIL"), "{other}: {problems}");
        }
    }

    #[test]
    fn a_reason_without_a_difference_fails_after_all_operations() {
        let captures = captures("*/*", "*/*");
        let explanations = [Explanation::read(&because(json!({}), json!({"what": "accept"}))).unwrap()];
        let differences = Differences::new(&captures, "Ours", &["Theirs sync"], &explanations);
        assert!(differences.verdict(true).unwrap_err().contains("reason 1: accept of * no longer differs"));
        assert_eq!(differences.verdict(false), Ok(()));
        assert!(differences.to_string().contains("same"));
    }

    #[test]
    fn a_malformed_explanation_is_refused() {
        let bad = [
            because(json!({"operation": "run"}), json!({"what": "accept"})),
            because(json!({"operations": "run"}), json!({"what": "accept"})),
            because(json!({}), json!({"what": "accept", "our": "*/*"})),
            because(json!({}), json!({})),
            json!({"differences": [], "reason": ""}),
            json!({"differences": [{"what": "accept"}]}),
            json!([]),
        ];
        for bad in bad {
            assert!(Explanation::read(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, text) in
            [("*", ""), ("a", "a"), ("a*", "a"), ("*/status", "x/status"), ("a*b*c", "a1b2bc")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", "ab"), ("*b", "a"), ("a*b*c", "acb")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
