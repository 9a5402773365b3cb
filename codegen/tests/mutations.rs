//! Tests that the generator does not panic on published documents with a random edit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use fal_codegen::{Generator, Options, Source};
use serde_json::{Value, json};

/// The time after which no more edits are made, once there are [`FEWEST`]. Their number depends on the machine; their order does not.
const TIME: Duration = Duration::from_secs(10);
/// The number of edits that are made however long they take.
const FEWEST: usize = 200;
const EDITS: usize = 4_000;

/// The generator xorshift64* with a fixed seed, for the same edits on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        usize::try_from(number).unwrap() % end.max(1)
    }
}

/// Adds the JSON pointers of all values below the root.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut below = |token: String, value: &Value| {
        let pointer = format!("{at}/{}", token.replace('~', "~0").replace('/', "~1"));
        pointers(value, &pointer, found);
        found.push(pointer);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| below(i.to_string(), value)),
        _ => {}
    }
}

/// Returns an unexpected value.
fn unexpected_value(random: &mut Random) -> Value {
    let all = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "$ref": "#/components/schemas/Nowhere" }),
        json!({ "$ref": "#" }),
        json!({ "$ref": 7 }),
        json!({ "type": ["string", "null", "integer"] }),
        json!({ "type": "nothing" }),
        json!({ "enum": [] }),
        json!({ "enum": [1, "a", null, {}] }),
        json!({ "anyOf": [] }),
        json!({ "allOf": [{}, { "type": "string" }] }),
        json!({ "oneOf": [{ "$ref": "#/info" }] }),
        json!({ "type": "array" }),
        json!({ "type": "array", "items": [], "prefixItems": [{}] }),
        json!({ "type": "integer", "minimum": 5, "maximum": 1 }),
        json!({ "type": "string", "minLength": -1 }),
        json!({ "type": "string", "pattern": "(" }),
        json!({ "const": { "a": 1 } }),
    ];
    all[random.below(all.len())].clone()
}

/// Edits the document, and returns a description of the edit.
fn edit(document: &mut Value, random: &mut Random) -> String {
    let mut all = Vec::new();
    pointers(document, "", &mut all);
    let pointer = all[random.below(all.len())].clone();
    let (parent, token) = pointer.rsplit_once('/').unwrap();
    let token = token.replace("~1", "/").replace("~0", "~");
    let other = all[random.below(all.len())].clone();
    let copied = document.pointer(&other).cloned().unwrap();
    let replacement = unexpected_value(random);
    let kind = random.below(5);
    match (kind, document.pointer_mut(parent).unwrap()) {
        (0, Value::Object(map)) => drop(map.shift_remove(&token)),
        (0, Value::Array(items)) => drop(items.remove(token.parse().unwrap())),
        (1, Value::Object(map)) => drop(map.insert(token, replacement.clone())),
        (1, Value::Array(items)) => items.push(replacement.clone()),
        // Another part of the document in its place, which may form a cycle of references.
        (2, Value::Object(map)) => drop(map.insert(token, copied)),
        (2, Value::Array(items)) => items.push(copied),
        // The same value under another name.
        (3, Value::Object(map)) => {
            let value = map.shift_remove(&token).unwrap();
            let names = ["type", "$ref", "enum", "anyOf", "allOf", "items", "properties", "default", "x"];
            map.insert(names[random.below(names.len())].to_owned(), value);
        }
        (3, Value::Array(items)) => items.reverse(),
        (_, Value::Object(map)) => {
            let value = map[&token].clone();
            map.insert(format!("{token} 2"), value);
        }
        (_, Value::Array(items)) => items.extend(items.clone()),
        _ => unreachable!("a parent holds values"),
    }
    format!("{kind} at {pointer} (with {other} or {replacement})")
}

#[test]
fn a_random_edit_does_not_panic() {
    let mut files = Vec::new();
    support::walk(Path::new(&support::schemas()), &mut files);
    files.extend(support::corpus().into_iter().flat_map(|folder| {
        let mut files = Vec::new();
        support::walk(&folder, &mut files);
        files
    }));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    // Large documents take longer and have the same constructs.
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let documents: Vec<Value> =
        texts.iter().filter(|text| text.len() < 20_000).map(|t| serde_json::from_str(t).unwrap()).collect();

    let mut random = Random(0x5EED_0FFA);
    let start = Instant::now();
    let (mut fine, mut rejected) = (0, 0);
    while fine + rejected < EDITS && (fine + rejected < FEWEST || start.elapsed() < TIME) {
        let mut document = documents[random.below(documents.len())].clone();
        let description =
            format!("{} edited: {}", document["endpoint_id"].clone(), edit(&mut document, &mut random));
        let source = Source { file: "edited.json".to_owned(), text: document.to_string() };
        let result = std::panic::catch_unwind(|| Generator::new(Options::default()).crates(&[source]));
        match result.unwrap_or_else(|_| panic!("panicked: {description}")) {
            Ok(generated) => {
                for (path, text) in generated.tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
                    syn::parse_file(text).unwrap_or_else(|error| panic!("{description}: {path}: {error}"));
                }
                for entry in &generated.report.endpoints {
                    assert_eq!(entry.properties_read, entry.properties_emitted, "{description}");
                }
                fine += 1;
            }
            Err(errors) => {
                for error in &errors.0 {
                    assert_eq!(error.file, "edited.json", "{description}: {error}");
                    assert!(!error.message.is_empty(), "{description}: {error}");
                }
                rejected += 1;
            }
        }
    }
    eprintln!("{fine} edits generated, {rejected} rejected, in {:?}", start.elapsed());
    // A slow machine makes fewer edits in the same time.
    let is_mixed = fine + rejected > 40 && 10 * fine.min(rejected) > fine + rejected;
    assert!(is_mixed, "the edits are too weak or too strong: {fine} and {rejected}");
}
