//! fal's own texts about an endpoint, which documents do not hold, and digests by which a change of them is noticed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    document::{QUEUE_STATUS, referenced_roots, with_plain_names},
    findings::Subject,
    undecided::VALUES,
};
use crate::lock::sha256;

/// Keys of texts that may state a rule. Titles and examples state none, and programs write most of them.
const TEXTS: &[&str] = &["description", "limit_description"];

/// The hexadecimal digits of the digest of a text. With four, one change in about 3,000 is missed, because its digest is that
/// of another text about the same endpoint. With eight, `schemas/lock.toml` would have 100 KB more.
const DIGITS: usize = 4;

/// The texts about an endpoint, its parameters, its fields and its types, each in one line.
///
/// A parameter, a field or a type without a text has an empty one, so that a text that is removed is noticed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Prose(BTreeMap<Subject, String>);

impl Prose {
    /// Reads the texts of a record, or those of a document of `schemas/`, which are this project's.
    pub(crate) fn read(record: &Value) -> Self {
        let openapi = with_plain_names(&record["openapi"]);
        let (input, output) = referenced_roots(&openapi, record["endpoint_id"].as_str().unwrap_or_default());
        let mut prose = BTreeMap::new();
        let metadata = ["display_name", "description"].into_iter();
        let mut about_endpoint: Vec<String> =
            metadata.filter_map(|key| record["metadata"][key].as_str().map(str::to_owned)).collect();
        let empty = Map::new();
        let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&empty);
        for (name, schema) in sorted(schemas).into_iter().filter(|(name, _)| *name != QUEUE_STATUS) {
            let owner = match name.as_str() {
                root if Some(root) == input => "input",
                root if Some(root) == output => "output",
                other => other,
            };
            let mut own = schema.clone();
            let properties = own.as_object_mut().and_then(|schema| schema.shift_remove("properties"));
            let text = text_of(&own);
            if owner == name {
                prose.insert(Subject::Type(name.clone()), text);
            } else {
                // Documents do not describe the types of inputs and outputs.
                about_endpoint.push(text);
            }
            for (name, property) in properties.iter().filter_map(Value::as_object).flatten() {
                let subject = Subject::Property { owner: owner.to_owned(), name: name.clone() };
                prose.insert(subject, text_of(property));
            }
        }
        prose.insert(Subject::Endpoint, single_line(&about_endpoint.join(" ")));
        Self(prose)
    }

    /// Returns the text about a subject.
    pub(crate) fn text(&self, subject: &Subject) -> &str {
        self.0.get(subject).map_or("", String::as_str)
    }

    /// Returns the digests of all texts without separators, in ascending order. They tell nothing about the texts.
    pub(crate) fn digests(&self) -> String {
        let digests: BTreeSet<String> = self.0.iter().map(|(subject, text)| digest(subject, text)).collect();
        digests.into_iter().collect()
    }

    /// Returns the subjects whose texts differ from those with the given digests, or are new.
    pub(crate) fn changed_since(&self, digests: &str) -> Vec<Subject> {
        let known: BTreeSet<&[u8]> = digests.as_bytes().chunks(DIGITS).collect();
        let is_new =
            |(subject, text): &(&Subject, &String)| !known.contains(digest(subject, text).as_bytes());
        self.0.iter().filter(is_new).map(|(subject, _)| subject.clone()).collect()
    }
}

/// Returns the digest of a text. The text of another subject has another one.
fn digest(subject: &Subject, text: &str) -> String {
    let key = match subject {
        Subject::Endpoint => String::new(),
        Subject::Type(name) => name.clone(),
        Subject::Property { owner, name } => format!("{owner}.{name}"),
    };
    sha256(format!("{key}\n{text}").as_bytes()).chars().take(DIGITS).collect()
}

/// Returns the texts of a schema and of all schemas in it in one line.
fn text_of(schema: &Value) -> String {
    let mut texts = Vec::new();
    add_texts(schema, &mut texts);
    single_line(&texts.join(" "))
}

/// Adds the texts of a schema. They do not depend on the order of its keys, which the platform may change.
fn add_texts<'a>(schema: &'a Value, texts: &mut Vec<&'a str>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        Value::Object(object) => {
            for (key, value) in sorted(object) {
                match (key.as_str(), value) {
                    (key, Value::String(text)) if TEXTS.contains(&key) => texts.push(text),
                    // The keys are names of properties here.
                    ("properties", Value::Object(properties)) => {
                        sorted(properties).into_iter().for_each(|(_, property)| add_texts(property, texts));
                    }
                    (key, _) if VALUES.contains(&key) => {}
                    _ => add_texts(value, texts),
                }
            }
        }
        _ => {}
    }
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// Returns a text without line breaks and repeated spaces.
pub(crate) fn single_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::canonical::tests::record;

    const NOTHING: [Subject; 0] = [];

    fn property(owner: &str, name: &str) -> Subject {
        Subject::Property { owner: owner.to_owned(), name: name.to_owned() }
    }

    /// Returns what has changed after a change of a record.
    fn changed(change: impl Fn(&mut Value)) -> Vec<Subject> {
        let mut record = record();
        let before = Prose::read(&record).digests();
        change(&mut record);
        Prose::read(&record).changed_since(&before)
    }

    #[test]
    fn texts_that_changed_are_named_and_nothing_else() {
        const INPUT: &str = "/openapi/components/schemas/DrawInput";
        const IMAGE: &str = "/openapi/components/schemas/Image";
        let set = |pointer: &str, key: &str, value: Value| {
            changed(|record| {
                if let Some(at) = record.pointer_mut(pointer) {
                    at[key] = value.clone();
                }
            })
        };
        let prompt = format!("{INPUT}/properties/prompt");
        let another = || json!("Another text.");
        for (pointer, key, subject) in [
            ("/metadata", "description", Subject::Endpoint),
            ("/metadata", "display_name", Subject::Endpoint),
            (INPUT, "description", Subject::Endpoint),
            (IMAGE, "description", Subject::Type("Image".to_owned())),
            (&prompt, "description", property("input", "prompt")),
            (&prompt, "limit_description", property("input", "prompt")),
            (&format!("{INPUT}/properties/seed/anyOf/0"), "description", property("input", "seed")),
            (&format!("{IMAGE}/properties/width"), "description", property("Image", "width")),
        ] {
            assert_eq!(set(pointer, key, another()), [subject], "{pointer}/{key}");
        }
        assert_eq!(set(&prompt, "description", json!("")), [property("input", "prompt")]);
        assert_eq!(set(IMAGE, "description", Value::Null), [Subject::Type("Image".to_owned())]);
        let new = json!({ "type": "string", "description": "How." });
        assert_eq!(
            set(&format!("{INPUT}/properties"), "description", new),
            [property("input", "description")]
        );
        // Facts, titles, examples and the layout of a text are no texts.
        for (pointer, key, value) in [
            (prompt.as_str(), "maxLength", json!(8)),
            (&prompt, "title", another()),
            (&prompt, "examples", json!([{ "description": "Another text." }])),
            (&prompt, "default", json!({ "description": "Another text." })),
            (&prompt, "description", json!("  SOMEBODY\nELSE'S ")),
            ("/metadata", "tags", json!(["Another text."])),
            ("/openapi/info", "description", another()),
            ("/openapi/components/schemas/QueueStatus", "description", another()),
        ] {
            assert_eq!(set(pointer, key, value), NOTHING, "{pointer}/{key}");
        }
    }

    /// Returns a value with the keys of all objects in the opposite order.
    fn reversed(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(reversed).collect(),
            Value::Object(object) => {
                let entries = object.iter().rev().map(|(key, value)| (key.clone(), reversed(value)));
                Value::Object(entries.collect())
            }
            _ => value.clone(),
        }
    }

    #[test]
    fn order_of_keys_and_names_that_programs_made_change_no_digest() {
        let mut record = record();
        let before = Prose::read(&record);
        assert_eq!(Prose::read(&reversed(&record)), before);
        // The plain name of both is `Pen`.
        for name in ["b__Pen", "a__Pen"] {
            record["openapi"]["components"]["schemas"][name] = json!({ "description": name });
        }
        let before = Prose::read(&record);
        assert_eq!(before.text(&Subject::Type("Pen".to_owned())), "a__Pen");
        assert_eq!(Prose::read(&reversed(&record)), before);
        let renamed = changed(|record| {
            let text =
                record.to_string().replace("DrawInput", "draw__DrawInput").replace("Image\"", "ImageType2\"");
            *record = text.parse().unwrap_or_default();
        });
        assert_eq!(renamed, NOTHING);
    }

    #[test]
    fn digests_are_few_and_damaged_ones_are_only_unknown() {
        let prose = Prose::read(&record());
        let digests = prose.digests();
        assert_eq!(digests.len(), prose.0.len() * DIGITS, "{digests}");
        assert_eq!(digests, Prose::read(&reversed(&record())).digests());
        for damaged in ["", "é", "abc", &digests[1..]] {
            assert_eq!(prose.changed_since(damaged).len(), prose.0.len(), "{damaged}");
        }
        assert_eq!(Prose::read(&Value::Null).text(&Subject::Endpoint), "");
    }
}
