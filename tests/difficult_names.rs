//! Difficult names: whatever a document calls its properties and values, the generated code compiles, keeps the names
//! of the document on the wire, and stays readable.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs};

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
    input["properties"]["slotted"] = json!({ "$ref": "#/components/schemas/ASlot" });
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
            // The type parameter that the builder of a type with a required `a` has.
            "ASlot": { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] },
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

/// Returns every identifier of the golden modules, which have all that the generator emits: imports, type parameters,
/// variables, methods, traits and modules.
fn emitted_identifiers() -> Vec<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(fal_tests::root().join("codegen/tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().unwrap() != "rs" {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        found.extend(words.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned));
    }
    found.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Returns a schema whose kind depends on `index`, with a type of its own in generated code.
fn schema_at(index: usize, names: &[String]) -> Value {
    let near = |offset: usize| names[(index * 7 + offset) % names.len()].as_str();
    let reference = |offset: usize| json!({ "$ref": format!("#/components/schemas/{}", near(offset)) });
    match index % 8 {
        0 => json!({ "type": "string", "enum": [near(0), near(1), near(2)] }),
        1 => json!({ "type": "integer", "minimum": -3, "maximum": 300 }),
        2 => json!({ "type": "string", "minLength": 1, "maxLength": 9 }),
        3 => json!({ "type": "array", "items": reference(3), "maxItems": 4 }),
        4 => json!({ "anyOf": [reference(4), { "type": "string", "enum": [near(5), near(6)] }] }),
        5 => json!({ "type": "array", "prefixItems": [{ "type": "string", "maxLength": 3 }, reference(8)],
            "minItems": 1, "items": { "type": "number" } }),
        6 => json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "null" }], "default": 0.5 }),
        _ => json!({ "type": "string", "x-fal-file-input": true, "x-fal": { "max_file_size": 9 } }),
    }
}

/// Returns the document of an app whose properties, components, enum values and routes have these names.
fn document_of_names(names: &[String]) -> Source {
    const ROUTE: usize = 180;
    let object = |names: &[String], all: &[String], shift: usize| {
        let properties = names.iter().enumerate();
        let properties: Map<String, Value> =
            properties.map(|(index, name)| (name.clone(), schema_at(index + shift, all))).collect();
        let required: Vec<&String> = names.iter().step_by(2).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    };
    let mut schemas = Map::new();
    for (index, name) in names.iter().enumerate() {
        let schema = match index % 4 {
            0 => json!({ "type": "string", "enum": [name, "other"] }),
            1 => json!({ "type": "integer", "enum": [0, 10] }),
            _ => object(&[name.clone(), "a".to_owned()], names, index),
        };
        schemas.insert(name.clone(), schema);
    }
    let mut paths = Map::new();
    for (index, part) in names.chunks(ROUTE).enumerate() {
        let content = |schema: Value| json!({ "application/json": { "schema": schema } });
        let route = json!({ "post": {
            "requestBody": { "content": content(object(part, names, index)) },
            "responses": { "200": { "description": "", "content": content(object(part, names, index + 3)) } },
        } });
        paths.insert(format!("/{}", part[part.len() / 2].to_lowercase()), route);
    }
    let document = json!({ "openapi": "3.1.0", "info": { "title": "Names", "version": "1" }, "paths": paths,
        "components": { "schemas": schemas } });
    Source { file: "names.json".to_owned(), text: document.to_string() }
}

#[test]
fn names_of_generated_code_compile_as_names_of_documents() {
    let names = emitted_identifiers();
    assert!(names.len() > 500, "{}", names.len());
    let options = fal_codegen::Options { app: Some("acme/names".to_owned()), ..standalone() };
    let generated = Generator::new(options).crates(&[document_of_names(&names)]).unwrap();
    for entry in &generated.report.endpoints {
        assert_eq!(entry.properties_read, entry.properties_emitted, "{}", entry.id);
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(fal_tests::compile(&generated, folder.path()).unwrap(), Ok(()));
}
