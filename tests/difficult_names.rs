//! Difficult names: whatever a document calls its properties and values, the generated code compiles, keeps the names
//! of the document on the wire, and stays readable.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use fal_codegen::{Generator, Source};
use fal_tests::standalone;
use serde_json::{Map, Value, json};

/// Names of properties: keywords, names of the prelude, names that generated code uses itself, and text that is no name.
const PROPERTIES: &[&str] = &[
    "type",
    "loop",
    "move",
    "self",
    "Self",
    "crate",
    "super",
    "_",
    "",
    "async",
    "gen",
    "option",
    "Option",
    "string",
    "vec",
    "box",
    "some",
    "none",
    "ok",
    "err",
    "result",
    "default",
    "clone",
    "value",
    "map",
    "file",
    "int",
    "float",
    "input",
    "output",
    "model",
    "builder",
    "build",
    "extra",
    "optional",
    "object",
    "key",
    "check",
    "visit",
    "serializer",
    "deserializer",
    "wire",
    "bounds",
    "given",
    "required",
    "list",
    "nested",
    "json",
    "literal",
    "arg",
    "types",
    "json_schema",
    "2d",
    "16:9",
    "+1",
    "-1",
    "seed",
    "Seed",
    "SEED",
    "se-ed",
    "größe",
    "大きさ",
    "a b",
    "a.b",
    "a/b",
    "a\"b",
    "a\\b",
    "a\nb",
    "*/ fn main",
    "]",
    "a\u{202e}b",
    "TAPose",
    "sdpMLineIndex",
];

/// Values of an enum. Some of them differ only in ways that Rust names cannot express.
const VALUES: &[&str] = &[
    "None",
    "none",
    "Some",
    "Ok",
    "Self",
    "self",
    "Other",
    "16:9",
    "9:16",
    "+1",
    "-1",
    "1",
    "1.5",
    "",
    " ",
    "Hope",
    "Hope ",
    "4K Quad",
    "X264 (.mp4)",
    "größe",
    "🤩",
    "a\"b",
    "a\\b",
    "a`b",
    "a\nb",
    "*/",
    "//",
    "{}",
    "r#type",
    "a\u{2066}b",
];

/// Returns a schema of one kind.
fn schema(kind: &str) -> Value {
    match kind {
        "enum" => json!({ "type": "string", "enum": VALUES, "default": "None" }),
        "bounded" => json!({ "type": "integer", "minimum": -3, "maximum": 9_000_000_000_000_000_i64 }),
        "text" => json!({ "type": "string", "minLength": 1, "maxLength": 9 }),
        "large" => {
            json!({ "type": "string", "enum": (0..1287).map(|n| format!("Voice {n}")).collect::<Vec<_>>() })
        }
        _ => json!({ "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.1 }),
    }
}

/// Returns an object schema that has all [`PROPERTIES`], each with the schema `kind`.
fn object(kind: &str, required: bool) -> Value {
    let properties: Map<String, Value> =
        PROPERTIES.iter().map(|name| ((*name).to_owned(), schema(kind))).collect();
    let required: &[&str] = if required { PROPERTIES } else { &[] };
    json!({ "type": "object", "properties": properties, "required": required, "x-fal-order-properties": PROPERTIES,
        "description": "*/ fn main() {} /* \"]#![deny(warnings)] \u{2028}\u{202e} `unclosed\r\n```rust\nfn x() {\n" })
}

/// Returns the document of an endpoint.
fn document(id: &str, input: &Value, output: &Value) -> Source {
    let mut input = input.clone();
    input["properties"]["nested"] = json!({ "$ref": "#/components/schemas/Option" });
    input["properties"]["either"] = json!({ "anyOf": [{ "$ref": "#/components/schemas/2d-File" }, { "type": "string", "enum": VALUES }] });
    input["properties"]["voice"] = schema("large");
    let reference = |name: &str| {
        json!({ "description": "ok", "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{name}") } } } })
    };
    let mut body = reference("X Input");
    body["required"] = true.into();
    let openapi = json!({
        "openapi": "3.0.4",
        "info": { "title": "*/", "version": "1", "x-fal-metadata": { "endpointId": id } },
        "components": { "schemas": {
            "X Input": input, "Self": output, "Option": object("bounded", true), "2d-File": object("text", false),
        } },
        "paths": {
            format!("/{id}"): { "post": { "requestBody": body, "responses": {} } },
            format!("/{id}/requests/{{request_id}}"): { "get": { "responses": { "200": reference("Self") } } },
        },
    });
    Source { file: format!("{id}.json"), text: openapi.to_string() }
}

fn sources() -> Vec<Source> {
    vec![
        document("acme/obstacle", &object("enum", true), &object("enum", false)),
        document("acme/obstacle/move", &object("bounded", true), &object("number", true)),
        document("acme/obstacle/v1.5/4.8b", &object("text", true), &object("text", true)),
        document("acme/obstacle/arg/types", &object("number", false), &object("bounded", false)),
    ]
}

#[test]
fn difficult_names_become_readable_and_unique_rust_names() {
    let generated = Generator::new(standalone()).crates(&sources()).unwrap();
    for entry in &generated.report.endpoints {
        assert_eq!(entry.properties_read, entry.properties_emitted, "{}", entry.id);
    }
    let text = generated.tree.get("crates/fal-acme-obstacle/src/move_.rs").unwrap();
    let fields =
        text.lines().filter_map(|line| line.strip_prefix("    pub ")).take_while(|line| line.ends_with(','));
    let fields: Vec<&str> =
        fields.map(|line| line.split(':').next().unwrap()).take(PROPERTIES.len()).collect();
    let unique: BTreeSet<&str> = fields.iter().copied().collect();
    assert_eq!(unique.len(), PROPERTIES.len(), "{fields:?}");

    let text = generated.tree.get("crates/fal-acme-obstacle/src/lib.rs").unwrap();
    let start = text.find("pub enum Type {").unwrap();
    let variants: Vec<&str> = text[start..].lines().skip(1).take_while(|line| *line != "}").collect();
    let variants = variants.iter().filter(|line| !line.trim().starts_with("///"));
    let variants: Vec<&str> = variants.map(|line| line.trim().trim_end_matches(',')).collect();
    let pairs = |wire: &[&str], rust: &[&str]| {
        wire.iter().zip(rust).map(|(wire, rust)| format!("{wire:?} {rust}")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n\n{}", pairs(PROPERTIES, &fields), pairs(VALUES, &variants)));
}

#[test]
fn difficult_names_compile_without_a_warning() {
    let generated = Generator::new(standalone()).crates(&sources()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(fal_tests::compile(&generated, folder.path()).unwrap(), Ok(()));
}
