//! Endpoints without a crate: JSON in and out.

use fal_client::untyped;
use serde_json::json;

use super::*;

#[tokio::test]
async fn every_verb_takes_json() {
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
