//! Stage 1, read: text to [`Document`]. Lenient: whatever fal publishes is taken as it is.

pub(crate) mod keywords;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Error;

/// A document and what is known around it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file, as the caller named it.
    pub file: String,
    /// The endpoint that it describes, such as `fal-ai/flux/dev`.
    pub endpoint_id: String,
    /// What the platform says about the model.
    pub metadata: Metadata,
    /// Where the OpenAPI document stands in the file, as a JSON pointer.
    pub base: &'static str,
    /// The OpenAPI document.
    pub openapi: Value,
    /// Keywords of schemas that no rule knows, and how often each occurs.
    pub unknown_keywords: BTreeMap<String, usize>,
}

/// What the platform says about a model, as far as bindings use it.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The name for people.
    pub display_name: Option<String>,
    /// What the model does.
    pub description: Option<String>,
    /// Such as `text-to-image`.
    pub category: Option<String>,
}

/// Reads one document: a model record `{endpoint_id, metadata, openapi}`, or a bare OpenAPI document
/// that names its endpoint in `info.x-fal-metadata`.
///
/// # Errors
///
/// When the text is not JSON, or not such a document.
pub fn read(file: &str, text: &str) -> Result<Document, Error> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Error::new(file, format!("not JSON: {error}"))
            .help("download the document again; it may be cut short")
    })?;
    let Value::Object(mut object) = value else {
        return Err(not_a_document(file));
    };
    if object.contains_key("openapi") && !object.contains_key("endpoint_id") && !object.contains_key("paths")
    {
        return Err(not_a_document(file));
    }
    let record = object.contains_key("endpoint_id");
    let metadata = if record { metadata(object.get("metadata")) } else { Metadata::default() };
    let recorded_id = object.get("endpoint_id").and_then(Value::as_str).map(str::to_owned);
    let openapi = if record { object.remove("openapi").unwrap_or_default() } else { Value::Object(object) };

    if let Some(reason) = openapi.get("error") {
        let reason = reason.get("message").unwrap_or(reason);
        let reason = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
        return Err(Error::new(file, format!("fal has no schema for this endpoint: {reason}"))
            .at("/openapi/error")
            .help("leave the endpoint out, or call it untyped"));
    }
    if !openapi.get("paths").is_some_and(Value::is_object) {
        return Err(not_a_document(file));
    }
    let own_id = openapi.pointer("/info/x-fal-metadata/endpointId").and_then(Value::as_str);
    let Some(endpoint_id) = recorded_id.or_else(|| own_id.map(str::to_owned)) else {
        return Err(Error::new(file, "does not say which endpoint it describes")
            .at("/info/x-fal-metadata/endpointId")
            .help("add `endpointId` there, or wrap the document as {\"endpoint_id\": …, \"openapi\": …}"));
    };
    let base = if record { "/openapi" } else { "" };
    let unknown_keywords = keywords::unknown(&openapi);
    Ok(Document { file: file.to_owned(), endpoint_id, metadata, base, openapi, unknown_keywords })
}

fn metadata(value: Option<&Value>) -> Metadata {
    let empty = Map::new();
    let fields = value.and_then(Value::as_object).unwrap_or(&empty);
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    Metadata {
        display_name: text("display_name"),
        description: text("description"),
        category: text("category"),
    }
}

fn not_a_document(file: &str) -> Error {
    Error::new(file, "neither an OpenAPI document nor a model record").help(
        "expected `{\"openapi\": \"3.…\", \"paths\": …}` or `{\"endpoint_id\": …, \"openapi\": {…}}`, \
         as fal's platform API returns it with `expand=openapi-3.0`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        read("x.json", text).unwrap_err().to_string()
    }

    #[test]
    fn bad_documents_are_told_apart() {
        assert!(message("{\"openapi\": ").starts_with("x.json: not JSON: EOF"));
        assert!(message("[1]").contains("neither an OpenAPI document nor a model record"));
        assert!(message("{\"openapi\": \"3.0.4\"}").contains("neither an OpenAPI document"));
        let failed = r#"{"endpoint_id": "a/b", "openapi": {"error": {"message": "gone"}}}"#;
        assert!(
            message(failed).starts_with("x.json: /openapi/error: fal has no schema for this endpoint: gone")
        );
        let nameless = r#"{"openapi": "3.0.4", "paths": {}}"#;
        assert!(message(nameless).contains("does not say which endpoint"));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(message(&"[".repeat(10_000)).contains("recursion limit"));
    }
}
