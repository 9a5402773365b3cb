//! The record of the names of shared types, `schemas/type_names.jsonl`.
//!
//! Endpoints of one app share a type while their documents agree about it. If the names followed from the documents
//! alone, a new endpoint could give a known name to another type. So names are recorded: a type keeps its name while
//! most of the endpoints that used it agree, and new types get new names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The names of the shared types of all crates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeNames(BTreeMap<String, CrateNames>);

/// The names of the shared types of one crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrateNames {
    /// The endpoints, in the order in which they came.
    pub endpoints: Vec<String>,
    /// The types, in the order in which they came.
    pub types: Vec<TypeName>,
}

/// The name of a shared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// The name in Rust.
    pub ident: String,
    /// The place of the type in the documents.
    pub origin: Origin,
    /// The endpoints that use it, in the order in which they came.
    pub endpoints: Vec<String>,
}

/// The place of a shared type in the documents of its endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A component that is an object of inputs.
    Input(String),
    /// A component that is an object of outputs.
    Output(String),
    /// A component that is an enum of inputs.
    InputEnum(String),
    /// A component that is an enum of outputs.
    OutputEnum(String),
    /// A component that is a union of inputs.
    InputUnion(String),
    /// A component that is a union of outputs.
    OutputUnion(String),
    /// A parameter that is a union without a name.
    Union(String),
}

/// A line of the record. Without a type, it lists the endpoints of a crate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "crate")]
    krate: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    ident: Option<String>,
    #[serde(rename = "of", default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    endpoints: Vec<String>,
}

impl TypeNames {
    /// Parses a record. `file` is its name in errors. Lines about the same type are joined, so that the lines of two
    /// branches together are a record.
    ///
    /// # Errors
    ///
    /// Fails with the first line that is no part of a record.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let mut names = Self::default();
        for (index, text) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(text).map_err(|error| {
                Error::new(format!("{file}:{}", index + 1), error.to_string())
                    .with_help("keep the lines of both sides of a merge, without its markers")
            })?;
            let known = names.0.entry(line.krate).or_default();
            match (line.ident, line.origin) {
                (Some(ident), Some(origin)) => known.add_type(ident, origin, line.endpoints),
                (None, None) => add_missing(&mut known.endpoints, line.endpoints),
                _ => {
                    return Err(Error::new(
                        format!("{file}:{}", index + 1),
                        "only one of `type` and `of` is there",
                    )
                    .with_help("restore the line from git, or delete it"));
                }
            }
        }
        Ok(names)
    }

    /// Returns the text of the record, sorted by crate.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (name, names) in &self.0 {
            let all =
                Line { krate: name.clone(), ident: None, origin: None, endpoints: names.endpoints.clone() };
            let types = names.types.iter().map(|known| Line {
                krate: name.clone(),
                ident: Some(known.ident.clone()),
                origin: Some(known.origin.clone()),
                endpoints: known.endpoints.clone(),
            });
            for line in std::iter::once(all).chain(types) {
                // Strings and lists of them are always JSON.
                text.push_str(&serde_json::to_string(&line).unwrap_or_default());
                text.push('\n');
            }
        }
        text
    }

    /// Returns the names of a crate. Those of an unknown crate are empty.
    #[must_use]
    pub fn of(&self, name: &str) -> CrateNames {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Sets the names of the crates of another record.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Sets the names of a crate.
    pub fn insert(&mut self, name: impl Into<String>, names: CrateNames) {
        self.0.insert(name.into(), names);
    }
}

impl CrateNames {
    /// Adds a type. A known one gets further endpoints.
    fn add_type(&mut self, ident: String, origin: Origin, endpoints: Vec<String>) {
        match self.types.iter_mut().find(|known| known.ident == ident) {
            Some(known) => add_missing(&mut known.endpoints, endpoints),
            None => self.types.push(TypeName { ident, origin, endpoints }),
        }
    }

    /// Returns endpoints in the order in which they came. Those that the record does not have come last.
    pub(crate) fn in_order<'a, T>(&self, endpoints: &'a [T], id: impl Fn(&T) -> &str) -> Vec<&'a T> {
        let positions: HashMap<&str, usize> =
            self.endpoints.iter().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
        let mut sorted: Vec<&T> = endpoints.iter().collect();
        sorted.sort_by_key(|endpoint| positions.get(id(endpoint)).copied().unwrap_or(usize::MAX));
        sorted
    }

    /// Finds the recorded types of groups of endpoints that agree about a type. Returns the index in `types` for each
    /// group. A recorded type belongs to the group with most of its endpoints, and a group has at most one.
    pub(crate) fn find(&self, groups: &[(Origin, Vec<&str>)]) -> Vec<Option<usize>> {
        let mut by_origin: HashMap<&Origin, Vec<usize>> = HashMap::new();
        for (index, known) in self.types.iter().enumerate() {
            by_origin.entry(&known.origin).or_default().push(index);
        }
        let mut pairs = Vec::new();
        for (group, (origin, users)) in groups.iter().enumerate() {
            let users: HashSet<&str> = users.iter().copied().collect();
            for &known in by_origin.get(origin).into_iter().flatten() {
                let endpoints = &self.types[known].endpoints;
                let common = endpoints.iter().filter(|id| users.contains(id.as_str())).count();
                if common > 0 {
                    pairs.push((Reverse(common), known, group));
                }
            }
        }
        pairs.sort_unstable();
        let mut found = vec![None; groups.len()];
        let mut given = HashSet::new();
        for (_, known, group) in pairs {
            if found[group].is_none() && given.insert(known) {
                found[group] = Some(known);
            }
        }
        found
    }
}

fn add_missing(known: &mut Vec<String>, more: Vec<String>) {
    for id in more {
        if !known.contains(&id) {
            known.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn names(types: &[(&str, &[&str])]) -> CrateNames {
        let mut names = CrateNames::default();
        for (ident, endpoints) in types {
            let endpoints = endpoints.iter().map(|&id| id.to_owned()).collect();
            names.add_type((*ident).to_owned(), Origin::Input("Lora".to_owned()), endpoints);
        }
        names
    }

    #[test]
    fn printed_record_is_read_again_and_the_lines_of_two_branches_are_joined() {
        let mut record = TypeNames::default();
        record.insert("fal-draw", names(&[("Lora", &["a", "b"]), ("Lora2", &["c"])]));
        let text = record.print();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(TypeNames::parse("names", &text).unwrap(), record);
        record.insert("fal-draw", names(&[("Lora", &["a", "d"])]));
        let joined = TypeNames::parse("names", &format!("{text}{}", record.print())).unwrap();
        assert_eq!(joined.of("fal-draw").types[0].endpoints, ["a", "b", "d"]);
    }

    #[test]
    fn line_of_a_conflict_is_named() {
        let error = TypeNames::parse("names.jsonl", "\n<<<<<<< HEAD\n").unwrap_err();
        assert_eq!(error.file, "names.jsonl:2");
        assert!(error.to_string().contains("keep the lines of both sides"), "{error}");
    }

    #[test]
    fn most_endpoints_of_a_type_keep_its_name() {
        let names = names(&[("Lora", &["a", "b", "c"]), ("Lora2", &["d"])]);
        let find = |groups: &[&[&str]]| {
            let origin = || Origin::Input("Lora".to_owned());
            let groups: Vec<_> = groups.iter().map(|ids| (origin(), ids.to_vec())).collect();
            names.find(&groups)
        };
        assert_eq!(find(&[&["a"], &["b", "c"], &["d"]]), [None, Some(0), Some(1)]);
        assert_eq!(find(&[&["a", "b", "c", "d"]]), [Some(0)]);
        assert_eq!(find(&[&["e", "f", "g", "h"], &["a", "d"]]), [None, Some(0)]);
        assert_eq!(names.find(&[(Origin::Output("Lora".to_owned()), vec!["a"])]), [None]);
    }
}
