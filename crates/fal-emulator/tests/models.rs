//! The models that are served: added documents, unknown ids, and endpoints in the manner of OpenAI.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};

use common::TestEmulator;
use fal_emulator::{Emulator, Error, Pace};
use serde_json::{Value, json};

/// The document of a model, as fal publishes it for its queue.
fn queue_document(id: &str, maximum: u32) -> Value {
    let content = |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    json!({
        "openapi": "3.0.4",
        "info": {"title": "Queue OpenAPI", "x-fal-metadata": {"endpointId": id, "category": "text-to-image"}},
        "components": {"schemas": {
            "Input": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer", "maximum": maximum}}},
            "Output": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}},
            "QueueStatus": {"type": "object"},
        }},
        "paths": {
            format!("/{id}/requests/{{request_id}}/status"): {"get": {"responses": {"200": {"content": content("QueueStatus")}}}},
            format!("/{id}"): {"post": {"requestBody": {"content": content("Input")}, "responses": {"200": {"content": content("QueueStatus")}}}},
            format!("/{id}/requests/{{request_id}}"): {"get": {"responses": {"200": {"content": content("Output")}}}},
        },
    })
}

#[tokio::test]
async fn documents_are_added_to_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, document: &Value| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, document.to_string()).unwrap();
        path
    };
    let file = write("raw.json", &queue_document("acme/paint/fast", 9));
    let replaced = write("flux.json", &queue_document("fal-ai/flux/dev", 9));
    let record = json!({"endpoint_id": "acme/one", "metadata": {}, "openapi": queue_document("acme/one", 9)});
    let other = json!({"endpoint_id": "acme/two", "openapi": queue_document("acme/two", 9)});
    let gone = json!({"endpoint_id": "acme/gone", "openapi": {"error": {"code": "x"}}});
    let page = write("page/page.json", &json!({"models": [record, other, gone], "next_cursor": null}));
    let app = write("app.json", &queue_document("acme/app/edit", 9));
    let builder = Emulator::builder()
        .pace(Pace::instant())
        .add_schemas(&file)
        .add_schemas(replaced)
        .add_schemas(page.parent().unwrap())
        .app("acme/app", app);
    let fal = TestEmulator::start(builder).await;
    assert!(fal.emulator.endpoints().len() > 1_290);
    for id in ["acme/paint/fast", "fal-ai/flux/dev", "acme/one", "acme/two", "acme/app/edit"] {
        assert_eq!(
            fal.run(id, &json!({"size": 3})).await.status_and_json(),
            (200, json!({"size": 3})),
            "{id}"
        );
        assert_eq!(fal.run(id, &json!({"size": 10})).await.status, 422, "{id}");
    }
    assert_eq!(fal.run("fal-ai/flux/schnell", &json!({"prompt": "a cat"})).await.status, 200);
    assert_eq!(fal.run("acme/gone", &json!({})).await.status, 404);

    let refusal = async |builder: fal_emulator::EmulatorBuilder| builder.start().await.unwrap_err();
    let error = refusal(Emulator::builder().app("acme/other", &file)).await.to_string();
    assert!(
        error.contains("the app acme/other: it describes acme/paint/fast; pass it as --schema"),
        "{error}"
    );
    let own = write("own.json", &json!({"paths": {"/": {"post": {}}}}));
    let error = refusal(Emulator::builder().add_schemas(&own)).await.to_string();
    assert!(error.contains("--app OWNER/ALIAS="), "{error}");
    let missing = refusal(Emulator::builder().add_schemas(folder.path().join("none.json"))).await;
    assert!(matches!(missing, Error::Read { .. }), "{missing}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(Emulator::builder().add_schemas(empty.path())).await, Error::NoModels { .. }));
}

#[tokio::test]
async fn unknown_models_are_refused_and_told_with_near_misses() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let builder = Emulator::builder().warning_log(move |line| log.lock().unwrap().push(line.to_owned()));
    let fal = TestEmulator::start(builder).await;
    let (status, body) = fal.run("fal-ai/imagen99/preview", &json!({})).await.status_and_json();
    assert_eq!((status, body), (404, json!({"detail": "Application \"imagen99\" not found"})));
    let queued = fal.post(&format!("{}/fal-ai/flux/deev", fal.urls.queue), &json!({})).await;
    assert_eq!(queued.status, 200, "the queue accepts any route of an app that exists");
    for _ in 0..2 {
        assert_eq!(fal.run("fal-ai/flux/deev", &json!({})).await.status, 404);
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("fal-ai/flux/dev") && told[1].contains("--schema model.json"), "{}", told[1]);
    assert_eq!(fal.emulator.unknown_endpoints(), ["fal-ai/flux/deev", "fal-ai/imagen99/preview"]);
    let feed = fal.get(&format!("{}/_emulator/page/feed", fal.emulator.url())).await.json();
    let shown = &feed["unknown_models"][0];
    assert_eq!((&shown["id"], &shown["calls"]), (&json!("fal-ai/flux/deev"), &json!(3)));
    assert!(shown["similar"].as_array().unwrap().contains(&json!("fal-ai/flux/dev")), "{shown}");
}

#[tokio::test]
async fn unknown_models_can_be_accepted() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).accept_unknown_models()).await;
    let small = json!({"image_size": {"width": 8, "height": 8}, "duration": 1});
    for (id, pointer, kind) in [
        ("acme/new-model/text-to-image", "/images/0/url", "image/png"),
        ("acme/kling-99/image-to-video", "/video/url", "video/mp4"),
        ("acme/some-tts", "/audio/url", "audio/wav"),
        ("acme/trellis-99", "/model_mesh/url", "model/gltf-binary"),
        ("fal-ai/flux/never-heard-of", "/images/0/url", "image/png"),
    ] {
        let answer = fal.run(id, &small).await.json();
        let url = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{id}: {answer}"));
        assert_eq!(fal.get(url).await.header("content-type"), kind, "{id}");
    }
    assert!(fal.run("acme/whisper-99", &json!({})).await.json()["text"].is_string());
    let receipt = fal.submit("acme/new-model/text-to-image", &small).await;
    assert_eq!(fal.get(receipt["response_url"].as_str().unwrap()).await.status, 200);
    let stream = fal.run("acme/any-llm-99/stream", &json!({"prompt": "Hi"})).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(fal.run("fal-ai/flux/dev", &json!({})).await.status, 422, "known models check their input");
    assert_eq!(fal.emulator.unknown_endpoints(), [""; 0]);
}

#[tokio::test]
async fn transcripts_have_the_asked_chunks() {
    let fal = TestEmulator::instant().await;
    let url = fal.upload("a.wav", "audio/wav", common::silence(12)).await;
    let mut counts = Vec::new();
    for level in ["none", "segment", "word"] {
        let answer = fal.run("fal-ai/whisper", &json!({"audio_url": url, "chunk_level": level})).await;
        let chunks = answer.json()["chunks"].as_array().unwrap().clone();
        assert_eq!(
            (&chunks[0]["timestamp"][0], &chunks[chunks.len() - 1]["timestamp"][1]),
            (&json!(0.0), &json!(12.0))
        );
        counts.push(chunks.len());
    }
    assert!(counts[0] == 1 && counts[1] == 3 && counts[2] > 10, "{counts:?}");
    let answer = fal.run("fal-ai/whisper", &json!({"audio_url": url, "chunk_level": "letter"})).await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn openai_endpoints_answer_in_the_shapes_of_openai() {
    let fal = TestEmulator::instant().await;
    let base = "openrouter/router/openai/v1";
    let chat = json!({"model": "openai/gpt-x", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = fal.run(&format!("{base}/chat/completions"), &chat).await.json();
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("openai/gpt-x")));
    assert!(answer["choices"][0]["message"]["content"].is_string());
    let answer = fal.run(&format!("{base}/responses"), &json!({"input": "Hi"})).await.json();
    assert_eq!(answer["output"][0]["content"][0]["type"], "output_text");
    let answer = fal.run(&format!("{base}/embeddings"), &json!({"input": ["a", "b"]})).await.json();
    assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 1536);
    let receipt = fal.submit(&format!("{base}/chat/completions"), &chat).await;
    let answer = fal.get(receipt["response_url"].as_str().unwrap()).await.json();
    assert_eq!(answer["object"], "chat.completion");
    let mut streamed = chat.clone();
    streamed["stream"] = json!(true);
    let stream = fal.run(&format!("{base}/chat/completions"), &streamed).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let text = String::from_utf8(stream.bytes).unwrap();
    let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let first: Value = serde_json::from_str(events[0]).unwrap();
    assert_eq!(first["object"], "chat.completion.chunk");
    let stream = fal.run(&format!("{base}/responses"), &json!({"input": "Hi", "stream": true})).await;
    let text = String::from_utf8(stream.bytes).unwrap();
    assert!(
        text.starts_with("event: response.created\n") && text.contains("event: response.completed\n"),
        "{text}"
    );
}
