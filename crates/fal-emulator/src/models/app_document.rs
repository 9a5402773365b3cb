//! OpenAPI documents as apps publish them: all routes of one app, without its id.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::model::Model;
use super::path_template;

/// The methods of routes that are not served.
const OTHER_METHODS: [&str; 7] = ["get", "put", "patch", "delete", "head", "options", "trace"];

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

/// A route that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOutRoute {
    /// The method, such as `GET`.
    pub(crate) method: String,
    /// The path in the app, such as `/models/{name}`.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl fmt::Display for LeftOutRoute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters would reach the terminal.
        let is_shown = |letter: &char| !letter.is_control();
        let path: String = self.path.chars().filter(is_shown).collect();
        let reason: String = self.reason.chars().filter(is_shown).collect();
        write!(out, "{} {path} is not served: {reason}", self.method)
    }
}

/// Reads the routes of a document: the models of those that are served, whose ids are `<app><path>`, and the others with the
/// reason.
pub(super) fn read_routes(app: &str, document: &Value) -> (Vec<Model>, Vec<LeftOutRoute>) {
    let (mut served, mut left_out) = (Vec::<Model>::new(), Vec::new());
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let leave_out = |method: &str, reason: String| LeftOutRoute {
            method: method.to_ascii_uppercase(),
            path: path.clone(),
            reason,
        };
        let others = OTHER_METHODS.iter().filter(|method| item.get(**method).is_some());
        left_out.extend(others.map(|method| leave_out(method, "only POST routes are".to_owned())));
        let Some(operation) = item.get("post") else {
            if item.get("x-fal-protocol").is_some() {
                let reason = "its document does not describe the messages of this WebSocket";
                left_out.push(leave_out("GET", reason.to_owned()));
            }
            continue;
        };
        let id = format!("{app}{}", path.trim_end_matches('/'));
        let model = if !operation.is_object() {
            Err("its description is no object".to_owned())
        } else if served.iter().any(|model| model.id == id) {
            Err("another route has the same path but for a slash".to_owned())
        } else if path_template::is_template(&id) && path_template::match_id(&id, &id).is_none() {
            Err("its path has a parameter in a form that is not known".to_owned())
        } else {
            Model::from_route(id, item, document)
        };
        match model {
            Ok(model) => served.push(model),
            Err(reason) => left_out.push(leave_out("post", reason)),
        }
    }
    (served, left_out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn each_route_is_an_endpoint_or_left_out_with_a_reason() {
        let replies = |content: Value| json!({"responses": {"200": {"content": content}}});
        let json_reply = || replies(json!({"application/json": {"schema": {}}}));
        let with_body = |content: &str, mut operation: Value| {
            operation["requestBody"] = json!({"content": {content: {"schema": {}}}});
            json!({"post": operation})
        };
        let document = json!({"openapi": "3.1.0", "components": {"schemas": {}}, "paths": {
            "/": with_body("application/json", json_reply()),
            "/batch/{kind}": with_body("application/json", json_reply()),
            "/deep/er": with_body("application/json", json_reply()),
            "/deep/er/": with_body("application/json", json_reply()),
            "/health": {"get": {}},
            "/picture": with_body("application/json", replies(json!({"image/png": {}}))),
            "/ping": {"post": json_reply()},
            "/stream": with_body("application/json", json!({"responses": {"200": {"description": "x"}}})),
            "/upload": with_body("multipart/form-data", json_reply()),
            "/ws": {"x-fal-protocol": {"type": "websocket"}},
            "/{": {"post": json_reply()},
        }});
        let (served, left_out) = read_routes("me/demo", &document);
        let ids: Vec<&str> = served.iter().map(|model| model.id.as_str()).collect();
        let expected =
            ["me/demo", "me/demo/batch/{kind}", "me/demo/deep/er", "me/demo/ping", "me/demo/stream"];
        assert_eq!(ids, expected);
        let lines: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 6, "{lines:?}");
        for (line, start, part) in [
            (0, "POST /deep/er/ ", "slash"),
            (1, "GET /health ", "only POST"),
            (2, "POST /picture ", "image/png"),
            (3, "POST /upload ", "multipart/form-data"),
            (4, "GET /ws ", "WebSocket"),
            (5, "POST /{ ", "parameter"),
        ] {
            assert!(lines[line].starts_with(start) && lines[line].contains(part), "{}", lines[line]);
        }
    }
}
