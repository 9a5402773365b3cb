//! Generates code from an OpenAPI document. The result must be an error or code that parses, never a panic.
#![no_main]

use fal_codegen::{Options, Source, generate_module};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source { file: "fuzz.json".to_owned(), text: text.to_owned() };
    let options = Options { app: Some("acme/app".to_owned()), ..Options::default() };
    if let Ok(module) = generate_module(&[source], &options) {
        assert!(syn::parse_file(&module).is_ok(), "generated code does not parse");
    }
});
