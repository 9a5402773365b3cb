//! Streaming calls, and tokens for them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Parses the data of each event.
fn events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    let data = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn previews_are_images_and_the_last_event_is_the_output() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant().log_lines(3))).await;
    let input = json!({
        "prompt": "a cat", "seed": 7, "output_format": "png", "image_size": {"width": 700, "height": 350},
    });
    let answer = fal.run("fal-ai/flux/dev/stream", &input).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(!answer.header("x-fal-request-id").is_empty());
    let events = events(&answer.bytes);
    assert_eq!(events.len(), 4);
    let mut pictures = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let image = &event["images"][0];
        let file = fal.get(image["url"].as_str().unwrap()).await;
        assert!(file.bytes.starts_with(b"\x89PNG"));
        let width = u32::from_be_bytes(file.bytes[16..20].try_into().unwrap());
        assert_eq!(json!(width), image["width"]);
        assert_eq!(width, if index == 3 { 700 } else { 512 });
        pictures.push(file.bytes);
    }
    pictures.dedup();
    assert_eq!(pictures.len(), 4);
    let mut result = fal.run("fal-ai/flux/dev", &input).await.json();
    let mut last = events[3].clone();
    let (same, url) = (result["images"][0]["url"].take(), last["images"][0]["url"].take());
    assert_eq!(last, result);
    assert_eq!(fal.get(url.as_str().unwrap()).await.bytes, fal.get(same.as_str().unwrap()).await.bytes);
}

#[tokio::test]
async fn errors_before_a_stream_are_json_replies() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).require_key("id:secret")).await;
    let url = format!("{}/fal-ai/flux/dev/stream", fal.urls.run);
    let key = [("authorization", "Key id:secret")];
    let send = async |headers: &[(&str, &str)], body: &str| {
        fal.send(Method::POST, &url, headers, body.to_owned()).await
    };
    assert_eq!(send(&[], r#"{"prompt": ""}"#).await.status, 401);
    let invalid = send(&key, "{}").await;
    assert_eq!(invalid.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(invalid.json()["detail"][0]["loc"], json!(["body", "prompt"]));
    assert_eq!(send(&key, r#"{"prompt": ""}"#).await.status, 200);
    let no_stream = format!("{}/fal-ai/whisper/stream", fal.urls.run);
    let answer = fal.send(Method::POST, &no_stream, &key, "{}").await;
    assert_eq!(answer.status_and_json(), (404, json!({"detail": "Path /stream not found"})));
}

#[tokio::test]
async fn a_token_opens_a_stream_of_its_app_only() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).require_key("id:secret")).await;
    let key = [("authorization", "Key id:secret")];
    let ask = async |app: &str| {
        let body = json!({"allowed_apps": [app], "token_expiration": 120}).to_string();
        let url = format!("{}/tokens/", fal.urls.rest);
        fal.send(Method::POST, &url, &key, body).await.json().as_str().unwrap().to_owned()
    };
    let stream = async |token: &str| {
        let url = format!("{}/fal-ai/flux/dev/stream?fal_jwt_token={token}", fal.urls.run);
        fal.send(Method::POST, &url, &[], r#"{"prompt": ""}"#).await.status.as_u16()
    };
    assert_eq!(stream(&ask("flux").await).await, 200);
    assert_eq!(stream(&ask("fal-ai/flux/dev/stream").await).await, 200);
    assert_eq!(stream(&ask("whisper").await).await, 401);
    assert_eq!(stream("made.up.token").await, 401);
}

#[tokio::test]
async fn both_token_routes_issue_tokens_and_validate_their_body() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret")).await;
    let key = [("authorization", "Key id:secret")];
    let ask = async |path: &str, headers: &[(&str, &str)], body: Value| {
        let url = format!("{}/tokens{path}", fal.urls.rest);
        fal.send(Method::POST, &url, headers, body.to_string()).await
    };
    let body = json!({"allowed_apps": ["a/b/realtime"], "duration": 60});
    let documented = ask("/realtime", &key, body.clone()).await;
    assert_eq!(documented.status, 200);
    assert_eq!(documented.json()["token"].as_str().unwrap().split('.').count(), 3);
    assert!(ask("/", &key, body.clone()).await.json().is_string());
    assert!(ask("", &key, body.clone()).await.json().is_string());
    assert_eq!(ask("/", &[], body).await.status, 401);
    let missing = ask("/", &key, json!({})).await;
    assert_eq!(
        (missing.status.as_u16(), missing.json()["detail"][0]["type"].clone()),
        (422, json!("missing"))
    );
    for bad in [json!({"allowed_apps": "a"}), json!({"allowed_apps": [1]})] {
        assert_eq!(ask("/", &key, bad).await.json()["detail"][0]["type"], "list_type");
    }
    let bad = json!({"allowed_apps": [], "token_expiration": "soon"});
    assert_eq!(ask("/", &key, bad).await.json()["detail"][0]["loc"], json!(["body", "token_expiration"]));
}

#[tokio::test]
async fn workflows_stream_nodes_and_texts_stream_growing_prefixes() {
    let folder = tempfile::tempdir().unwrap();
    let document = |id: &str, output: Value| {
        json!({
            "info": {"x-fal-metadata": {"endpointId": id}},
            "paths": {format!("/{id}"): {"post": {
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": output}}}},
            }}, format!("/{id}/stream"): {}},
        })
    };
    let text = json!({"properties": {"output": {"type": "string"}, "partial": {"type": "boolean"}}});
    let number = json!({"properties": {"n": {"type": "integer"}}});
    for (file, document) in [
        ("flow.json", document("workflows/me/flow", number.clone())),
        ("talk.json", document("me/talk", text)),
        ("count.json", document("me/count", number)),
    ] {
        std::fs::write(folder.path().join(file), document.to_string()).unwrap();
    }
    let builder = Emulator::builder().schemas_dir(folder.path()).pace(Pace::instant().log_lines(2));
    let fal = TestEmulator::start(builder).await;
    let stream = async |id: &str| events(&fal.run(&format!("{id}/stream"), &json!({})).await.bytes);

    let flow = stream("workflows/me/flow").await;
    let kinds: Vec<_> = flow.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["submit", "completion", "output"]);
    assert_eq!((&flow[0]["node_id"], &flow[1]["output"]), (&flow[1]["node_id"], &flow[2]["output"]));
    assert_eq!(flow[2]["output"], json!({"n": 1}));

    let talk = stream("me/talk").await;
    assert_eq!(talk.len(), 3);
    assert_eq!(talk.iter().map(|event| event["partial"] == true).collect::<Vec<_>>(), [true, true, false]);
    let texts: Vec<_> = talk.iter().map(|event| event["output"].as_str().unwrap()).collect();
    assert!(texts[0].len() < texts[1].len() && texts[1].len() < texts[2].len());
    assert!(texts[2].starts_with(texts[1]) && texts[1].starts_with(texts[0]));

    assert_eq!(stream("me/count").await, [json!({"n": 1})], "nothing to show early");
}
