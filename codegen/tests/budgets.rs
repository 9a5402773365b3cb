//! Tests that the size of generated code grows with the document and no faster, and prints the time that it takes.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use fal_codegen::{Generator, Options, Source};
use serde_json::{Map, Value, json};

/// A construct that a document may have many of.
type Construct = (&'static str, fn(usize) -> Value);

const CONSTRUCTS: &[Construct] = &[
    ("branches that are objects", |count| {
        app(json!({ "u": { "anyOf": numbered(count, |n| object(&format!("p{n}"))) } }), json!({}))
    }),
    ("branches that are texts", |count| {
        let branch = |n| json!({ "type": "string", "maxLength": n + 1 });
        app(json!({ "u": { "anyOf": numbered(count, branch) } }), json!({}))
    }),
    ("members of a tagged union", |count| {
        let reference = |n| json!({ "$ref": format!("#/components/schemas/C{n}") });
        let mapping = named(count, "v", |n| format!("#/components/schemas/C{n}").into());
        let member = |n| {
            json!({ "type": "object", "required": ["k"],
                "properties": { "k": { "type": "string", "enum": [format!("v{n}")] } } })
        };
        let union = json!({ "oneOf": numbered(count, reference),
            "discriminator": { "propertyName": "k", "mapping": mapping } });
        app(json!({ "u": union }), named(count, "C", member).into())
    }),
    ("properties", |count| {
        app(named(count, "p", |n| json!({ "type": "integer", "minimum": n })).into(), json!({}))
    }),
    ("values of an enum", |count| {
        let values = numbered(count * 20, |n| format!("v{n}").into());
        app(json!({ "u": { "type": "string", "enum": values } }), json!({}))
    }),
    ("components", |count| {
        let reference = |n| json!({ "$ref": format!("#/components/schemas/C{n}") });
        app(named(count, "p", reference).into(), named(count, "C", |_| object("x")).into())
    }),
    ("components that are enums", |count| {
        let reference = |n| json!({ "$ref": format!("#/components/schemas/C{n}") });
        let item = |n| json!({ "type": "string", "enum": ["a", format!("b{n}")] });
        app(named(count, "p", reference).into(), named(count, "C", item).into())
    }),
    ("routes", |count| {
        let mut document = app(json!({ "a": { "type": "integer", "minimum": 0 } }), json!({}));
        let route = document["paths"]["/"].clone();
        document["paths"] = named(count, "/r", |_| route.clone()).into();
        document
    }),
];

fn numbered(count: usize, item: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(item).collect()
}

fn named(count: usize, prefix: &str, item: impl Fn(usize) -> Value) -> Map<String, Value> {
    (0..count).map(|n| (format!("{prefix}{n}"), item(n))).collect()
}

fn object(property: &str) -> Value {
    json!({ "type": "object", "properties": { property: { "type": "string" } }, "required": [property] })
}

/// Returns the document of an app whose input has these properties.
fn app(properties: Value, components: Value) -> Value {
    let content = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let mut schemas = components;
    schemas["In"] = json!({ "type": "object", "properties": properties });
    schemas["Out"] = object("a");
    json!({ "openapi": "3.1.0", "info": { "title": "x", "version": "1" }, "components": { "schemas": schemas },
        "paths": { "/": { "post": { "requestBody": { "content": content("In") },
            "responses": { "200": { "description": "", "content": content("Out") } } } } } })
}

/// Generates a module, and returns its size and the time that it took.
fn measure(document: &Value) -> (usize, Duration) {
    let options = Options { app: Some("acme/many".to_owned()), ..Options::default() };
    let source = Source { file: "many.json".to_owned(), text: document.to_string() };
    let start = Instant::now();
    let module = Generator::new(options).module(&[source]).unwrap();
    (module.text.len(), start.elapsed())
}

#[test]
fn size_grows_no_faster_than_the_document() {
    const COUNT: usize = 100;
    for (name, document) in CONSTRUCTS {
        let (few, many) = (document(COUNT), document(8 * COUNT));
        let size = |(size, _): (usize, Duration)| size as f64;
        let growth = size(measure(&many)) / size(measure(&few));
        assert!(growth < 9.0, "the code for {name} is {growth:.1} times as long, for 8 times as many");
        // Times depend on the machine, so they are printed and not judged.
        let slowdown = measure(&many).1.as_secs_f64() / measure(&few).1.as_secs_f64();
        println!("{name}: {growth:.1} times the code, {slowdown:.1} times the time, for 8 times as many");
    }
}

#[test]
fn a_builder_with_too_many_required_parameters_is_refused_by_name() {
    let mut document = app(named(151, "p", |_| json!({ "type": "string" })).into(), json!({}));
    let names = numbered(151, |n| format!("p{n}").into());
    document["components"]["schemas"]["In"]["required"] = names.into();
    let options = Options { app: Some("acme/many".to_owned()), ..Options::default() };
    let source = Source { file: "many.json".to_owned(), text: document.to_string() };
    let errors = Generator::new(options).module(&[source]).unwrap_err().to_string();
    assert!(errors.contains("/components/schemas/In/required: `In` has 151 required properties"), "{errors}");
}
