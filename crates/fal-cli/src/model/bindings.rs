//! The crate with the Rust types of a model, and a first call of it.

use fal_codegen::manifest::Family;
use fal_codegen::{Errors, Generator, Manifest, Options, Source, TypeNames};
use fal_emulator::catalogue::Catalogue;

use crate::failure::{Failure, Result};

const MANIFEST: &str = include_str!("../../schemas/manifest.toml");
const TYPE_NAMES: &str = include_str!("../../schemas/type_names.jsonl");

/// The crate of a model.
pub(crate) struct Bindings {
    pub(crate) krate: String,
    /// A program that calls the model; `None` if the model requires a value that is too long for an example.
    pub(crate) program: Option<String>,
}

impl Bindings {
    /// Returns the crate of a built-in model, or `None` if no crate has it.
    pub(crate) fn find(catalogue: &Catalogue, id: &str) -> Result<Option<Self>> {
        let damaged = |error: fal_codegen::Error| Failure::usage(error.to_string());
        let mut manifest = Manifest::parse("manifest.toml", MANIFEST).map_err(damaged)?;
        manifest.crates.retain(|_, family: &mut Family| family.endpoints.iter().any(|known| known == id));
        let Some((krate, family)) = manifest.crates.first_key_value() else { return Ok(None) };
        let source = |id: &String| {
            let text = catalogue.built_in_record(id).unwrap_or_default();
            Source { file: Manifest::document_path(id), text }
        };
        let sources: Vec<Source> = family.endpoints.iter().map(source).collect();
        let type_names = TypeNames::parse("type_names.jsonl", TYPE_NAMES).map_err(damaged)?;
        let generator = Generator::new(Options { type_names, ..Options::default() });
        let analyzed = generator.analyze(&manifest, "manifest.toml", &sources);
        let analyzed = analyzed.map_err(|Errors(errors)| {
            Failure::mistakes(errors.iter().map(|error| error.to_string().replace('\n', " ")).collect())
        })?;
        let program = analyzed.get(krate).and_then(|analyzed| analyzed.example_program(id));
        Ok(Some(Self { krate: krate.clone(), program }))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::*;

    /// The pages of the crates show the call of one endpoint each, which another test compiles.
    #[test]
    fn programs_are_those_of_the_pages_of_the_crates() {
        let manifest = Manifest::parse("manifest.toml", MANIFEST).unwrap();
        let catalogue = Catalogue::embedded().unwrap();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        // Every sixteenth crate, because all take half a minute in a debug build.
        for (krate, family) in manifest.crates.iter().step_by(16) {
            let page = std::fs::read_to_string(models.join(krate).join("README.md")).unwrap();
            let mut programs = family.endpoints.iter().filter_map(|id| {
                let bindings = Bindings::find(&catalogue, id).unwrap().unwrap();
                assert_eq!(bindings.krate, *krate);
                bindings.program
            });
            let shown = page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
            match shown {
                Some(shown) => assert!(programs.any(|program| program == shown), "{krate}: {shown}"),
                None => assert_eq!(programs.next(), None, "{krate}"),
            }
        }
    }

    #[test]
    fn unknown_models_have_no_crate() {
        let catalogue = Catalogue::embedded().unwrap();
        assert!(Bindings::find(&catalogue, "nobody/nothing").unwrap().is_none());
    }
}
