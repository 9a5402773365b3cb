//! Generates code from an OpenAPI document. The result must be an error or code that parses, never a panic.
#![no_main]

use fal_codegen::{Generator, Options, Source};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source { file: "fuzz.json".to_owned(), text: text.to_owned() };
    let options = Options { app: Some("acme/app".to_owned()), ..Options::default() };
    if let Ok(module) = Generator::new(options).module(&[source]) {
        assert!(syn::parse_file(&module.text).is_ok(), "generated code does not parse");
    }
});
