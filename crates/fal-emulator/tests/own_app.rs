//! Documents that FastAPI apps publish themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use common::TestEmulator;
use fal_emulator::{Emulator, Error, Pace};
use reqwest::Method;
use serde_json::{Value, json};

/// Returns FastAPI's document of an app with three routes.
fn document() -> Value {
    let route = |input: &str, output: &str| {
        let schema = |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
        json!({"post": {
            "requestBody": {"required": true, "content": schema(input)},
            "responses": {"200": {"description": "Successful Response", "content": schema(output)}},
        }})
    };
    json!({
        "openapi": "3.1.0",
        "info": {"title": "FastAPI", "version": "0.1.0"},
        "paths": {
            "/": route("Text", "Answer"),
            "/edit": route("Edit", "Answer"),
            "/stream": route("Text", "Answer"),
            "/health": {"get": {"responses": {"200": {"description": "Successful Response"}}}},
        },
        "components": {"schemas": {
            "Text": {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
            "Edit": {"type": "object", "required": ["strength"], "properties": {
                "strength": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
            }},
            "Answer": {"type": "object", "required": ["image"], "properties": {"image": {"$ref": "#/components/schemas/Image"}}},
            "Image": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}, "width": {"type": "integer"}}},
        }},
    })
}

#[tokio::test]
async fn every_route_of_a_fastapi_document_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    std::fs::write(&path, document().to_string()).unwrap();
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).app("me/demo", &path)).await;
    assert!(fal.emulator.endpoints().iter().any(|id| id == "fal-ai/flux/dev"), "beside the others");
    let answer = fal.run("me/demo", &json!({"prompt": "a cat"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(fal.get(answer.json()["image"]["url"].as_str().unwrap()).await.status, 200);
    let refused = fal.run("me/demo/edit", &json!({"strength": 0})).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["detail"][0]["type"]),
        (422, &json!("greater_than"))
    );
    let receipt = fal.submit("me/demo/edit", &json!({"strength": 1})).await;
    assert!(receipt["status_url"].as_str().unwrap().contains("/queue/me/demo/requests/"));
    assert_eq!(fal.get(receipt["response_url"].as_str().unwrap()).await.status, 200);
    let stream = fal.run("me/demo/stream", &json!({"prompt": "a cat"})).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(
        fal.run("me/demo/none", &json!({})).await.status_and_json(),
        (404, json!({"detail": "Path /none not found"}))
    );
}

#[tokio::test]
async fn the_path_below_the_schema_folder_is_the_app_id() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("me");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("demo.json"), document().to_string()).unwrap();
    let fal = TestEmulator::start(Emulator::builder().schemas_dir(folder.path())).await;
    assert_eq!(fal.emulator.endpoints(), ["me/demo", "me/demo/edit", "me/demo/stream"]);
    std::fs::write(folder.path().join("lost.json"), document().to_string()).unwrap();
    let error = Emulator::builder().schemas_dir(folder.path()).start().await.unwrap_err();
    assert!(matches!(error, Error::Document { .. }));
    assert!(error.to_string().contains("<owner>/<alias>.json"), "{error}");
}

#[tokio::test]
async fn every_route_of_a_real_app_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/own-app/openapi.json");
    if !std::path::Path::new(path).exists() {
        println!("skipped: {path} is not here");
        return;
    }
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).app("me/demo", path)).await;
    let own: Vec<&String> = fal.emulator.endpoints().iter().filter(|id| id.starts_with("me/demo")).collect();
    assert_eq!(own.len(), 9, "{own:?}");
    for id in ["me/demo", "me/demo/edit", "me/demo/video"] {
        let input = json!({"prompt": "a cat", "image_url": "https://example.com/a.png"});
        let answer = fal.run(id, &input).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.json());
    }
}

#[tokio::test]
async fn a_stream_without_a_schema_has_events_of_its_parents_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    let mut document = document();
    document["paths"]["/stream"]["post"]["responses"]["200"]["content"]["application/json"]["schema"] =
        json!({});
    std::fs::write(&path, document.to_string()).unwrap();
    let fal =
        TestEmulator::start(Emulator::builder().pace(Pace::instant().log_lines(2)).app("me/demo", &path))
            .await;
    let stream = fal.run("me/demo/stream", &json!({"prompt": "a cat"})).await;
    let events: Vec<Value> = std::str::from_utf8(&stream.bytes)
        .unwrap()
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(fal.get(event["image"]["url"].as_str().unwrap()).await.status, 200);
    }
    assert_eq!(events[2]["image"]["width"], 1024);
}

/// Writes a document to a new folder.
fn write(document: &Value) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    std::fs::write(&path, document.to_string()).unwrap();
    (folder, path)
}

/// Starts an emulator of the app `me/demo`. Returns it with the lines for its user.
async fn start(document: &Value) -> (TestEmulator, Arc<Mutex<Vec<String>>>) {
    let (_folder, path) = write(document);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = {
        let lines = Arc::clone(&lines);
        move |line: &str| lines.lock().unwrap().push(line.to_owned())
    };
    let builder = Emulator::builder().pace(Pace::instant()).app("me/demo", path).warning_log(log);
    (TestEmulator::start(builder).await, lines)
}

/// Returns the events of a stream.
fn events(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let data = |event: &str| event.strip_prefix("data: ").unwrap().to_owned();
    text.split_terminator("\n\n").map(data).collect()
}

#[tokio::test]
async fn routes_whose_document_declares_a_stream_are_streams() {
    let mut document = document();
    let frame = json!({"type": "object", "required": ["step", "image"], "properties": {
        "step": {"type": "integer"}, "image": {"$ref": "#/components/schemas/Image"}}});
    document["components"]["schemas"]["Frame"] = frame;
    let frame = json!({"$ref": "#/components/schemas/Frame"});
    let content = |content: Value| {
        let mut item = document["paths"]["/"].clone();
        item["post"]["responses"]["200"]["content"] = content;
        item
    };
    let fields = |data: Value| {
        json!({"type": "object", "required": ["data"], "properties": {
            "data": data, "event": {"type": "string"}, "id": {"type": "string"},
            "retry": {"type": "integer", "minimum": 0}}})
    };
    let data = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": frame});
    let lines = content(json!({"application/jsonl": {"itemSchema": frame}}));
    let sse = content(json!({"text/event-stream": {"itemSchema": fields(data)}}));
    let words = content(json!({"text/event-stream": {"itemSchema": fields(json!({"type": "string"}))}}));
    // One of them is the very path of streams.
    document["paths"]["/stream"] = lines;
    document["paths"]["/watch"] = sse;
    document["paths"]["/words"] = words;
    let (fal, _) = start(&document).await;
    let input = json!({"prompt": "a cat"});
    let stream = fal.run("me/demo/stream", &input).await;
    assert_eq!((stream.status.as_u16(), stream.header("content-type")), (200, "application/jsonl"));
    let lines: Vec<Value> = std::str::from_utf8(&stream.bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["step"].is_u64()), "{lines:?}");
    let stream = fal.run("me/demo/watch", &input).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    for event in events(&stream.bytes) {
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(fal.get(event["image"]["url"].as_str().unwrap()).await.status, 200);
    }
    let words = events(&fal.run("me/demo/words", &input).await.bytes);
    assert!(words.iter().all(|word| word.starts_with("Synthesized")), "{words:?}");
    assert_eq!(fal.run("me/demo/watch", &json!({})).await.status, 422);
    assert_eq!(fal.run("me/demo", &input).await.json()["image"]["width"], 1024);
}

#[tokio::test]
async fn a_route_that_cannot_be_served_stops_no_other_and_is_reported() {
    let mut document = document();
    let picture = {
        let mut item = document["paths"]["/"].clone();
        item["post"]["responses"]["200"]["content"] = json!({"image/png": {}});
        item
    };
    document["paths"]["/picture"] = picture.clone();
    let (fal, lines) = start(&document).await;
    assert_eq!(fal.run("me/demo", &json!({"prompt": "a cat"})).await.status, 200);
    let started = lines.lock().unwrap().split_off(0);
    assert_eq!(started[0], "me/demo: 3 routes served, 2 not");
    assert!(started.iter().any(|line| line.contains("GET /health is not served")), "{started:?}");
    assert!(
        started.iter().any(|line| line.contains("POST /picture") && line.contains("image/png")),
        "{started:?}"
    );
    // Calls of such routes say why, and never send anybody to fal, which has no document of the app.
    assert_eq!(fal.run("me/demo/picture", &json!({})).await.status, 404);
    assert_eq!(fal.run("me/demo/none", &json!({})).await.status, 404);
    assert_eq!(fal.get(&format!("{}/me/demo/health", fal.urls.run)).await.status, 405);
    assert_eq!(fal.get(&format!("{}/me/demo/health", fal.urls.run)).await.status, 405);
    let called = lines.lock().unwrap().split_off(0);
    assert_eq!(called.len(), 3, "{called:?}");
    for (line, part) in called.iter().zip(["image/png", "no route POST /none", "GET /health is not served"]) {
        assert!(line.contains(part) && !line.contains("fal.ai"), "{line}");
    }
    // If there is no other route, the message names each.
    let (_folder, path) = write(&json!({"paths": {"/picture": picture}}));
    let error = Emulator::builder().app("me/demo", path).start().await.unwrap_err().to_string();
    assert!(error.contains("POST /picture") && error.contains("image/png"), "{error}");
}

#[tokio::test]
async fn routes_take_parameters_in_the_path_and_the_query_and_need_no_body() {
    let mut document = document();
    let reply = json!({"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}});
    let parameter = |name: &str, place: &str, required: bool, schema: Value| json!({"name": name, "in": place, "required": required, "schema": schema});
    document["paths"]["/ping"] = json!({"post": {"responses": reply}});
    document["paths"]["/query"] = json!({"post": {"responses": reply, "parameters": [
        parameter("steps", "query", true, json!({"type": "integer", "maximum": 9})),
        parameter("tag", "query", false, json!({"type": "array", "items": {"type": "string"}})),
    ]}});
    let mut batch = document["paths"]["/"].clone();
    batch["post"]["parameters"] = json!([
        parameter("kind", "path", true, json!({"enum": ["a", "b"], "type": "string"})),
        parameter("dry_run", "query", false, json!({"type": "boolean"})),
    ]);
    document["paths"]["/batch/{kind}"] = batch;
    let optional = json!({"post": {"responses": reply, "requestBody": {"content": {"application/json": {"schema": {
        "anyOf": [{"$ref": "#/components/schemas/Text"}, {"type": "null"}]}}}}}});
    document["paths"]["/optional"] = optional;
    let (fal, _) = start(&document).await;
    let url = |path: &str| format!("{}/me/demo{path}", fal.urls.run);
    let (fal, url) = (&fal, &url);
    let without_body = |path: &'static str| async move { fal.send(Method::POST, &url(path), &[], "").await };
    for path in ["/ping", "/query?steps=3&tag=x&tag=y", "/optional"] {
        assert_eq!(without_body(path).await.status, 200, "{path}");
    }
    assert_eq!(fal.run("me/demo/ping", &json!({})).await.status, 200);
    assert_eq!(without_body("").await.status, 422);
    let details = |answer: common::Response| -> Vec<(String, String)> {
        assert_eq!(answer.status, 422);
        let json = answer.json();
        let of = |detail: &Value| (detail["type"].as_str().unwrap().to_owned(), detail["loc"].to_string());
        json["detail"].as_array().unwrap().iter().map(of).collect()
    };
    let detail = |kind: &str, loc: &str| (kind.to_owned(), loc.to_owned());
    assert_eq!(details(without_body("/query").await), [detail("missing", r#"["query","steps"]"#)]);
    assert_eq!(
        details(without_body("/query?steps=10").await),
        [detail("less_than_equal", r#"["query","steps"]"#)]
    );
    let input = json!({"prompt": "a cat"});
    assert_eq!(fal.post(&url("/batch/a?dry_run=true"), &input).await.status, 200);
    assert_eq!(
        details(fal.post(&url("/batch/c?dry_run=x"), &json!({})).await),
        [
            detail("literal_error", r#"["path","kind"]"#),
            detail("bool_parsing", r#"["query","dry_run"]"#),
            detail("missing", r#"["body","prompt"]"#),
        ]
    );
    let receipt = fal.submit("me/demo/batch/b", &input).await;
    assert_eq!(fal.get(receipt["response_url"].as_str().unwrap()).await.status, 200);
    assert_eq!(fal.run("me/demo/batch/a/b", &input).await.status, 404);
}

#[tokio::test]
async fn the_document_of_an_app_is_served() {
    let (fal, _) = start(&document()).await;
    let answer = fal.get(&format!("{}/me/demo/openapi.json", fal.urls.run)).await;
    assert_eq!(answer.status_and_json(), (200, document()));
    assert_eq!(fal.get(&format!("{}/fal-ai/flux/openapi.json", fal.urls.run)).await.status, 405);
}

#[tokio::test]
async fn wrong_ids_and_files_of_apps_are_refused_with_the_remedy() {
    let (folder, path) = write(&document());
    for id in ["demo", "", "me/", "/demo", "me//demo"] {
        let error = Emulator::builder().app(id, &path).start().await.unwrap_err();
        assert!(matches!(error, Error::AppId { .. }), "{id}: {error}");
    }
    let yaml = folder.path().join("openapi.yaml");
    std::fs::write(&yaml, "openapi: 3.1.0\npaths: {}\n").unwrap();
    let error = Emulator::builder().app("me/demo", &yaml).start().await.unwrap_err().to_string();
    assert!(error.contains("it is not JSON") && !error.contains("fetch it again"), "{error}");
}

#[tokio::test]
async fn recursive_models_are_short_and_routes_without_a_type_reply_with_null() {
    let mut document = document();
    let tree = json!({"$ref": "#/components/schemas/Tree"});
    let nullable = json!({"anyOf": [tree, {"type": "null"}]});
    document["components"]["schemas"]["Tree"] = json!({
        "type": "object",
        "required": ["name", "left", "children"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]{3}$"}, "left": nullable, "right": nullable, "optional": tree,
            "children": {"type": "array", "items": tree},
        },
    });
    let route = |schema: Value| {
        let mut item = document["paths"]["/"].clone();
        item["post"]["responses"]["200"]["content"]["application/json"]["schema"] = schema;
        item
    };
    let (tree, nothing) = (route(tree), route(json!({})));
    document["paths"]["/tree"] = tree;
    document["paths"]["/nothing"] = nothing;
    let (fal, _) = start(&document).await;
    let input = json!({"prompt": "a cat"});
    let leaf = json!({"name": "aaa", "left": null, "right": null, "children": []});
    let expected = json!({"name": "aaa", "left": leaf, "right": leaf, "optional": leaf, "children": [leaf]});
    assert_eq!(fal.run("me/demo/tree", &input).await.status_and_json(), (200, expected));
    assert_eq!(fal.run("me/demo/nothing", &input).await.status_and_json(), (200, Value::Null));
}

#[tokio::test]
async fn inputs_of_own_apps_are_judged_by_their_formats_tags_and_positions() {
    let mut document = document();
    let file = json!({
        "type": "object", "title": "Image", "required": ["url"],
        "properties": {
            "url": {"type": "string"},
            "content_type": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "file_name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "file_size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
    });
    let layer = |kind: &str| {
        json!({"type": "object", "required": ["text"], "properties": {
            "kind": {"type": "string", "const": kind, "default": kind},
            "text": {"type": "string", "minLength": 1},
        }})
    };
    let schemas = &mut document["components"]["schemas"];
    schemas["Picture"] = file;
    schemas["Title"] = layer("title");
    schemas["Text"] = layer("text");
    schemas["Rank"] = json!({"type": "integer", "enum": [1, 10], "title": "Rank"});
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    document["components"]["schemas"]["Text2"] = json!({"type": "object", "properties": {
        "image": reference("Picture"),
        "at": {"type": "string", "format": "date-time"},
        "page": {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
        "rank": reference("Rank"),
        "layers": {"type": "array", "items": {
            "oneOf": [reference("Title"), reference("Text")],
            "discriminator": {"propertyName": "kind"},
        }},
        "size": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}], "minItems": 2, "maxItems": 2},
    }});
    let mut route = document["paths"]["/"].clone();
    route["post"]["requestBody"]["content"]["application/json"]["schema"] = reference("Text2");
    document["paths"]["/judge"] = route;
    let (fal, _) = start(&document).await;
    for input in [
        json!({"image": "https://example.com/a.png"}),
        json!({"image": {"url": "https://example.com/a.png"}}),
        json!({"at": 5}),
        json!({"at": "2020-01-01"}),
        json!({"rank": "10"}),
        json!({"size": ["1", 2]}),
        json!({"layers": [{"kind": "text", "text": "a"}]}),
    ] {
        let answer = fal.run("me/demo/judge", &input).await;
        assert_eq!(answer.status, 200, "{input}: {}", answer.json());
    }
    for (input, kind, loc) in [
        (json!({"image": "a.png"}), "value_error", json!(["body", "image"])),
        (json!({"at": "x"}), "datetime_from_date_parsing", json!(["body", "at"])),
        (json!({"page": "s3://a/b"}), "url_scheme", json!(["body", "page"])),
        (json!({"rank": "11"}), "enum", json!(["body", "rank"])),
        (json!({"layers": [{"text": "a"}]}), "union_tag_not_found", json!(["body", "layers", 0])),
        (json!({"layers": [{"kind": "no"}]}), "union_tag_invalid", json!(["body", "layers", 0])),
        (
            json!({"layers": [{"kind": "text", "text": ""}]}),
            "string_too_short",
            json!(["body", "layers", 0, "text", "text"]),
        ),
        (json!({"size": [1]}), "missing", json!(["body", "size", 1])),
        (json!({"size": [1, 2, 3]}), "too_long", json!(["body", "size"])),
    ] {
        let answer = fal.run("me/demo/judge", &input).await;
        assert_eq!(answer.status, 422, "{input}");
        let json = answer.json();
        let details = json["detail"].as_array().unwrap();
        assert_eq!(details.len(), 1, "{json}");
        assert_eq!((&details[0]["type"], &details[0]["loc"]), (&json!(kind), &loc), "{json}");
    }
}

#[tokio::test]
async fn a_realtime_route_is_unknown_to_calls_without_a_web_socket() {
    let mut document = document();
    let mut route = document["paths"]["/"].clone();
    route["x-fal-protocol"] = json!({"type": "realtime"});
    document["paths"]["/realtime"] = route;
    let (fal, lines) = start(&document).await;
    lines.lock().unwrap().clear();
    let input = json!({"prompt": "a cat"});
    let refused = (404, json!({"detail": "Path /realtime not found"}));
    let answer = fal.run("me/demo/realtime", &input).await;
    assert_eq!(answer.header("x-fal-billable-units"), "0");
    assert_eq!(answer.status_and_json(), refused);
    let receipt = fal.submit("me/demo/realtime", &input).await;
    let result = fal.get(receipt["response_url"].as_str().unwrap()).await;
    assert_eq!(result.status_and_json(), refused);
    let called = lines.lock().unwrap().split_off(0);
    assert_eq!(called.len(), 1, "{called:?}");
    assert!(
        called[0].starts_with(
            "me/demo: /realtime is a WebSocket route, which takes no POST, so its calls are answered 404."
        ) && !called[0].contains("Similar: me/demo/realtime"),
        "{called:?}"
    );
    let url = format!("{}/me/demo/realtime", fal.urls.ws);
    let (_, opened) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(opened.status(), 101);
}
