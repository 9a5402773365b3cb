//! Tests that strings of hostile documents do not become code.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::{Value, json};
use support::{Folder, record};

/// Strings that would be code if they were not escaped.
const TEXTS: &[&str] = &[
    "*/ pub fn evil() {} /*",
    "]\npub fn evil() {}\n[",
    "\"]\npub fn evil() {}\n#[doc = \"",
    "\" )] pub fn evil() {} #[doc(alias = \"",
    "end\r\n#[evil]\r\nfn evil() {}",
    "end\u{2028}fn evil() {}\u{2029}fn evil() {}\u{85}fn evil() {}\u{0b}fn evil() {}\u{0c}fn evil() {}",
    "```\nfn evil() {}\n```",
    "```\n#![evil]",
    "`x\n```\n`",
    "\0\u{1b}[2J\u{7f}\u{202e}evil",
    "#[path = \"evil.rs\"] mod evil;",
    "include!(\"evil\")",
    "{evil} {} {{",
    "\\u{0022} \\\" \\n \\",
    "'\"\\",
    "r#\"evil\"#",
    "</script><b>[evil](javascript:evil())",
    "crate::evil!() $crate",
    "",
    " ",
];

/// Names of properties, values and components that have a meaning in Rust or in generated code.
const NAMES: &[&str] = &[
    "self",
    "Self",
    "super",
    "crate",
    "_",
    "__",
    "type",
    "async",
    "union",
    "extra",
    "build",
    "builder",
    "validate",
    "optional",
    "object",
    "serializer",
    "deserializer",
    "value",
    "key",
    "visit",
    "visit_files",
    "check",
    "given",
    "take",
    "Input",
    "Output",
    "Model",
    "Builder",
    "Value",
    "Map",
    "String",
    "Option",
    "None",
    "Ok",
    "A b",
    "a-b",
    "a_b",
    "aB",
    "ab",
    "0",
    "0a",
    "-",
    "ß",
    "名前",
    "é",
    "🤩",
    "\"",
    "\\",
    "\n",
    "a\"b",
    "a\nb",
    "a'b",
    "a\\b",
    "fal_core",
    "serde",
    "std",
    "wire",
    "at",
    "path",
    "violations",
];

/// Asserts that code parses, and that `evil` occurs only in literals.
fn assert_harmless(name: &str, code: &str) {
    let file = syn::parse_file(code)
        .unwrap_or_else(|error| panic!("{name}: {error}:\n{}", lines_around(code, &error)));
    for attribute in &file.attrs {
        assert!(attribute.path().is_ident("doc"), "{name}: an attribute was injected");
    }
    // Comments are not tokens, so a string that escaped from a comment would be found here.
    let tokens: TokenStream = code.parse().unwrap();
    assert_only_in_literals(name, tokens);
}

fn assert_only_in_literals(name: &str, tokens: TokenStream) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => assert!(ident != "evil", "{name}: `evil` got into the code"),
            TokenTree::Group(group) => {
                assert!(group.delimiter() != Delimiter::None);
                assert_only_in_literals(name, group.stream());
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn lines_around(code: &str, error: &syn::Error) -> String {
    let line = error.span().start().line;
    let lines = code.lines().enumerate().skip(line.saturating_sub(4)).take(8);
    lines.map(|(number, text)| format!("{}: {text}\n", number + 1)).collect()
}

/// Asserts that the crates and the module of a document are harmless. Returns the message if it is rejected.
fn generate(file: &str, document: &Value) -> Result<(), String> {
    let source = fal_codegen::Source { file: file.to_owned(), text: document.to_string() };
    let generator = fal_codegen::Generator::new(fal_codegen::Options::default());
    let generated = generator.crates(std::slice::from_ref(&source)).map_err(|e| e.to_string())?;
    for (path, text) in generated.tree.iter() {
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
        if path.ends_with(".rs") {
            assert_harmless(path, text);
        } else {
            let read: Result<toml::Table, _> = toml::from_str(text);
            let read = read.unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
            assert!(!read.contains_key("evil"));
        }
    }
    assert_harmless("module", &generator.module(&[source]).map_err(|e| e.to_string())?.text);
    Ok(())
}

#[test]
fn descriptions_do_not_become_code() {
    for text in TEXTS {
        let properties = json!({
            "plain": { "type": "string", "title": text, "description": text, "default": text, "examples": [text] },
            "pattern": { "type": "string", "pattern": text, "description": text },
            "number": { "type": "integer", "minimum": 1, "maximum": 3, "description": text, "default": 2 },
            "list": { "type": "array", "items": { "type": "string", "description": text }, "description": text },
            "inner": { "type": "object", "title": text, "description": text, "properties": {
                "x": { "type": "string", "description": text }
            } },
            "kinds": { "description": text, "anyOf": [
                { "type": "integer", "title": text }, { "type": "string", "enum": ["a", text], "description": text }
            ] }
        });
        let mut document = record("acme/draw", properties);
        for name in ["display_name", "description", "category"] {
            document["metadata"][name] = json!(text);
        }
        document["openapi"]["info"]["title"] = json!(text);
        document["openapi"]["info"]["description"] = json!(text);
        document["openapi"]["info"]["x-fal-metadata"] = json!({ "about": text });
        for side in ["TestInput", "TestOutput"] {
            let schema = &mut document["openapi"]["components"]["schemas"][side];
            schema["description"] = json!(text);
            schema["title"] = json!(text);
            schema["required"] = json!(["plain", "pattern"]);
        }
        if let Err(message) = generate("x.json", &document) {
            // Only a pattern that is not a regular expression may be rejected.
            assert!(message.contains("pattern"), "{text:?}: {message}");
            for side in ["TestInput", "TestOutput"] {
                let schema = &mut document["openapi"]["components"]["schemas"][side];
                schema["properties"]["pattern"]["pattern"] = json!("^a$");
            }
            generate("x.json", &document).unwrap();
        }
    }
}

#[test]
fn names_and_values_do_not_become_code() {
    // The words of a name form its identifier, so `evil` must not be the only one.
    let texts = TEXTS.iter().map(|text| format!("z{text}"));
    let all: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).chain(texts).collect();
    let many: Value =
        all.iter().map(|name| (name.clone(), json!({ "type": "string", "enum": all }))).collect();
    generate("x.json", &record("acme/draw", many)).unwrap();
    for name in &all {
        let property = json!({ (name): { "type": "string", "enum": [name, "other"], "default": name } });
        let mut document = record("acme/draw", property);
        let schemas = &mut document["openapi"]["components"]["schemas"];
        schemas["TestInput"]["required"] = json!([name]);
        generate("x.json", &document).unwrap_or_else(|message| panic!("{name:?}: {message}"));

        // The name of a component that is referred to.
        let token = name.replace('~', "~0").replace('/', "~1");
        let reference = json!({ "x": { "$ref": format!("#/components/schemas/{token}") } });
        let mut document = record("acme/draw", reference);
        document["openapi"]["components"]["schemas"][name] =
            json!({ "type": "object", "properties": { "y": { "type": "string", "minLength": 1 } } });
        if let Err(message) = generate("x.json", &document) {
            assert!(message.starts_with("x.json: /openapi"), "{name:?}: {message}");
        }
    }
}

#[test]
fn file_names_do_not_become_code() {
    for text in TEXTS {
        generate(text, &record("acme/draw/fast", json!({ "x": { "type": "string" } }))).unwrap();
    }
}

#[test]
fn segments_of_ids_do_not_become_reserved_modules() {
    for id in [
        "acme/lib",
        "acme/draw/lib",
        "acme/draw/main",
        "acme/draw/bin/x",
        "acme/draw/types",
        "acme/draw/given",
        "acme/draw/self",
        "acme/draw/crate",
        "acme/draw/std",
        "acme/draw/serde",
        "acme/draw/serde_json",
        "acme/draw/fal_core",
        "acme/draw/json_schema",
        "acme/draw/..x/y",
        "acme/draw/_",
        "acme/draw/1",
        "acme/core",
        "fal-ai/core",
        "fal-ai/client",
        "acme/---",
    ] {
        match generate("x.json", &record(id, json!({ "x": { "type": "string", "minLength": 1 } }))) {
            Ok(()) => {
                assert!(!RESERVED.iter().any(|name| modules(id).contains(&(*name).to_owned())), "{id}")
            }
            Err(message) => assert!(message.contains("is not an endpoint id"), "{id}: {message}"),
        }
    }
}

/// Crates that generated code uses, and files that have a meaning for cargo.
const RESERVED: &[&str] = &["std", "serde", "serde_json", "fal_core", "main", "lib", "bin"];

/// Returns the modules at the root of the crate of an endpoint.
fn modules(id: &str) -> Vec<String> {
    let source = fal_codegen::Source { file: "x.json".to_owned(), text: record(id, json!({})).to_string() };
    let tree = fal_codegen::Generator::new(fal_codegen::Options::default()).crates(&[source]).unwrap().tree;
    let root = tree.iter().find(|(path, _)| path.ends_with("src/lib.rs")).unwrap().1.to_owned();
    let items = syn::parse_file(&root).unwrap().items;
    items
        .iter()
        .filter_map(|item| if let syn::Item::Mod(item) = item { Some(item.ident.to_string()) } else { None })
        .collect()
}

#[test]
fn two_similar_ids_do_not_overwrite_each_other() {
    for (one, two) in [
        ("acme/draw/Fast", "acme/draw/fast"),
        ("acme/draw/v1.5", "acme/draw/v1-5"),
        ("acme/draw", "acme/draw_"),
        ("acme/x-y", "acme/x_y"),
    ] {
        let folder = Folder::new();
        folder.write("one.json", record(one, json!({})).to_string());
        folder.write("two.json", record(two, json!({})).to_string());
        let run = folder.run(&["one.json", "two.json"]);
        if run.code == Some(0) {
            let ids = [one, two].map(|id| format!("const ID: &'static str = \"{id}\";"));
            let text: String = folder.files().iter().map(|name| folder.read(name)).collect();
            assert!(ids.iter().all(|id| text.contains(id)), "{one} and {two}");
        } else {
            assert!(run.stderr.contains("is taken by"), "{one} and {two}: {}", run.stderr);
        }
    }
}

#[test]
fn names_of_crates_are_unique() {
    let ids = ["fal-ai/x-y", "fal-ai/x-y-2", "fal-ai/x_y", "fal-ai/core", "fal-ai/X.y"];
    let sources = ids.map(|id| fal_codegen::Source {
        file: format!("{id}.json"),
        text: record(id, json!({})).to_string(),
    });
    let report =
        fal_codegen::Generator::new(fal_codegen::Options::default()).crates(&sources).unwrap().report;
    let mut names: Vec<_> = report.endpoints.into_iter().filter_map(|entry| entry.krate).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), ids.len(), "{names:?}");
    assert!(!names.contains(&"fal-core".to_owned()), "the crates depend on a crate of that name");
}
