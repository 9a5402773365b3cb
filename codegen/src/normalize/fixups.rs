//! Fixups: corrections of single documents.
//!
//! A rule interprets a construct in every document. A fixup corrects an error in one document. A fixup that finds
//! nothing to correct fails the run, so that it is removed once fal has corrected the document.

use serde_json::{Value, json};

use crate::error::Error;

/// A correction of the documents of some endpoints.
#[derive(Debug, Clone, Copy)]
pub struct Fixup {
    /// The name, for reports.
    pub name: &'static str,
    /// The ids of the endpoints.
    pub endpoints: &'static [&'static str],
    /// The error, and why the correction is right.
    pub reason: &'static str,
    /// A page that shows one of the documents.
    pub link: &'static str,
    /// Corrects the document. Returns false if there was nothing to correct.
    apply: fn(&mut Value) -> bool,
}

/// All fixups.
pub const FIXUPS: &[Fixup] = &[
    Fixup {
        name: "free-form-passthrough",
        endpoints: &[
            "openrouter/router/openai/v1/chat/completions",
            "openrouter/router/openai/v1/embeddings",
            "openrouter/router/openai/v1/responses",
            "perceptron/isaac-01/openai/v1/chat/completions",
        ],
        reason: "the input refers to a component that is not there: these endpoints pass a request of \
                 OpenAI's API through as it is, so the input is any object",
        link: "https://fal.ai/models/openrouter/router/openai/v1/chat/completions/api",
        apply: allow_free_form_input,
    },
    Fixup {
        name: "patina-images",
        endpoints: &["fal-ai/patina/material"],
        reason: "`ImageFile` and `MapImageFile` are referred to and not there; the example shows a file's `url`, \
                 and `map_type` for maps",
        link: "https://fal.ai/models/fal-ai/patina/material/api",
        apply: add_patina_images,
    },
];

/// Applies the fixups of the endpoint `id`, and returns their names.
///
/// # Errors
///
/// Fails if a fixup finds nothing to correct.
pub fn apply(file: &str, id: &str, openapi: &mut Value) -> Result<Vec<&'static str>, Error> {
    let mut applied = Vec::new();
    for fixup in FIXUPS.iter().filter(|fixup| fixup.endpoints.contains(&id)) {
        if !(fixup.apply)(openapi) {
            return Err(Error::new(file, format!("the fixup `{}` no longer applies", fixup.name))
                .with_help(format!("fal corrected the document ({}); update `fal-codegen`", fixup.link)));
        }
        applied.push(fixup.name);
    }
    Ok(applied)
}

fn add_component(openapi: &mut Value, name: &str, schema: Value) -> bool {
    let schemas = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    match schemas {
        Some(schemas) if !schemas.contains_key(name) => schemas.insert(name.to_owned(), schema).is_none(),
        _ => false,
    }
}

fn allow_free_form_input(openapi: &mut Value) -> bool {
    let paths = openapi.get("paths").and_then(Value::as_object);
    let input = paths.and_then(|paths| {
        paths
            .values()
            .find_map(|path| path.pointer("/post/requestBody/content/application~1json/schema/$ref"))
    });
    let name = input.and_then(Value::as_str).and_then(|input| input.rsplit('/').next()).map(str::to_owned);
    name.is_some_and(|name| {
        add_component(openapi, &name, json!({ "type": "object", "additionalProperties": true }))
    })
}

fn add_patina_images(openapi: &mut Value) -> bool {
    let url = json!({ "type": "string", "description": "The address to download the image from." });
    let map = json!({ "type": "string", "description": "Which map it is, such as `basecolor` or `normal`." });
    let file = json!({ "type": "object", "properties": { "url": url }, "required": ["url"] });
    let map_file = json!({
        "type": "object", "properties": { "map_type": map, "url": url }, "required": ["map_type", "url"],
    });
    let added = add_component(openapi, "ImageFile", file) && add_component(openapi, "MapImageFile", map_file);
    // Only maps have a `map_type`, which is required, so the map must be tried before the plain image.
    let branches = openapi
        .pointer_mut("/components/schemas/PatinaMaterialOutput/properties/images/items/anyOf")
        .and_then(Value::as_array_mut);
    if let Some(branches) = branches {
        branches.reverse();
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixup_with_nothing_to_correct_is_an_error() {
        let mut corrected = json!({ "components": { "schemas": { "ImageFile": {}, "MapImageFile": {} } } });
        let error = apply("x.json", "fal-ai/patina/material", &mut corrected).unwrap_err().to_string();
        assert!(error.contains("`patina-images` no longer applies"), "{error}");
        assert_eq!(apply("x.json", "fal-ai/flux/dev", &mut corrected), Ok(vec![]));
    }

    #[test]
    fn every_fixup_has_a_reason_and_a_link() {
        for fixup in FIXUPS {
            assert!(
                fixup.reason.len() > 20 && fixup.link.starts_with("https://fal.ai/models/"),
                "{}",
                fixup.name
            );
        }
    }
}
