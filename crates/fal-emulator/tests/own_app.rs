//! Documents that FastAPI apps publish themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::TestEmulator;
use fal_emulator::{Emulator, Error, Pace};
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
