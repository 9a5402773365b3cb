//! OpenAPI documents as apps publish them: all routes of one app, without its id.

use std::path::Path;

use serde_json::{Value, json};

/// Returns true if the document names its endpoint, as the documents that fal publishes do.
pub(super) fn names_endpoint(document: &Value) -> bool {
    document.pointer("/info/x-fal-metadata/endpointId").is_some()
}

/// Returns the id of the app that a path in the schema folder names: `<owner>/<alias>.json`, or
/// `<owner>/<alias>/openapi.json`.
pub(super) fn app_id(path: &Path) -> Result<String, String> {
    let path = if path.file_stem().is_some_and(|stem| stem == "openapi") {
        path.parent().unwrap_or(path).to_owned()
    } else {
        path.with_extension("")
    };
    let segments: Vec<&str> = path.iter().filter_map(|segment| segment.to_str()).collect();
    if segments.len() < 2 {
        return Err("it names no endpoint, so its path must name the app: <owner>/<alias>.json".to_owned());
    }
    Ok(segments.join("/"))
}

/// Splits a document into one document for each route that takes JSON by `POST`, which names its endpoint
/// `<app><path>`.
pub(super) fn split_routes(app: &str, document: &Value) -> Vec<Value> {
    let paths = document.get("paths").and_then(Value::as_object);
    let takes_json = |item: &Value| item.pointer("/post/requestBody/content/application~1json").is_some();
    paths
        .into_iter()
        .flatten()
        .filter(|(_, item)| takes_json(item))
        .map(|(path, item)| {
            let id = format!("{app}{}", path.trim_end_matches('/'));
            json!({
                "openapi": document.get("openapi"),
                "info": {"title": id, "version": "0", "x-fal-metadata": {"endpointId": id}},
                "components": document.get("components"),
                "paths": {format!("/{id}"): item},
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_document_names_its_app() {
        let id = |path: &str| app_id(Path::new(path));
        assert_eq!(id("me/demo.json"), Ok("me/demo".to_owned()));
        assert_eq!(id("me/demo/openapi.json"), Ok("me/demo".to_owned()));
        assert_eq!(id("workflows/me/demo.json"), Ok("workflows/me/demo".to_owned()));
        assert!(id("openapi.json").is_err() && id("demo.json").is_err());
    }

    #[test]
    fn each_route_that_takes_json_is_an_endpoint() {
        let post = || json!({"post": {"requestBody": {"content": {"application/json": {}}}}});
        let document = json!({"openapi": "3.1.0", "components": {"schemas": {}}, "paths": {
            "/": post(), "/deep/er": post(), "/edit": post(), "/health": {"get": {}},
        }});
        let ids: Vec<String> = split_routes("me/demo", &document)
            .iter()
            .map(|document| document["info"]["x-fal-metadata"]["endpointId"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids, ["me/demo", "me/demo/deep/er", "me/demo/edit"]);
    }
}
