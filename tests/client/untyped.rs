//! Endpoints without generated types, with JSON inputs and outputs.

use fal_client::untyped;
use serde_json::json;

use super::*;

#[tokio::test]
async fn untyped_inputs_can_be_run_subscribed_submitted_and_resumed() {
    let (_emulator, client) = instant().await;
    let input = || {
        untyped::input("fal-ai/flux/schnell", json!({ "prompt": "a cat", "seed": 3, "image_size": "square" }))
    };
    assert_eq!(client.run(input()).await.unwrap()["seed"], 3);
    assert_eq!(client.subscribe(input()).await.unwrap()["images"][0]["width"], 512);

    let job = client.submit(input()).await.unwrap();
    assert_eq!(job.endpoint(), "fal-ai/flux/schnell");
    let stored = serde_json::to_string(&job.ticket()).unwrap();
    let ticket: fal_client::queue::Ticket<untyped::Any> = serde_json::from_str(&stored).unwrap();
    assert_eq!(client.resume(ticket).wait().await.unwrap()["prompt"], "a cat");
    assert_eq!(
        client.endpoint_id("fal-ai/flux/schnell").job(job.request_id()).result().await.unwrap()["seed"],
        3
    );
}

#[tokio::test]
async fn endpoints_in_the_manner_of_openai_stream_from_their_own_path() {
    let (_emulator, client) = instant().await;
    let id = "openrouter/router/openai/v1/chat/completions";
    let body =
        json!({ "model": "openai/gpt-x", "messages": [{ "role": "user", "content": "Hi" }], "stream": true });
    let mut events = client.stream(untyped::input(id, body)).await.unwrap();
    let mut text = String::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        assert_eq!(event["object"], "chat.completion.chunk");
        text += event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
    }
    assert!(text.contains("Hi"), "{text}");
    let body = json!({ "model": "openai/gpt-x", "messages": [{ "role": "user", "content": "Hi" }] });
    assert_eq!(client.run(untyped::input(id, body)).await.unwrap()["object"], "chat.completion");
}
