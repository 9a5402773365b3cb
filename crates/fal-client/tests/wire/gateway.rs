//! Gateways of one's own between the client and fal.

use fal_client::{
    Client, Credentials,
    middleware::{BoxError, Middleware, OutgoingRequest},
    untyped,
};
use serde_json::json;

use crate::server::{Received, Server, json as answer, quick};

/// Adds the parameter that the router of Hugging Face needs.
struct Subdomain;

impl Middleware for Subdomain {
    async fn on_request(&self, request: &mut OutgoingRequest) -> Result<(), BoxError> {
        request.url_mut().query_pairs_mut().append_pair("_subdomain", "queue");
        Ok(())
    }
}

/// Passes on what fal answers, with the URLs of fal and the id of the app that serves.
async fn gateway() -> Server {
    Server::start(|request: &Received, _: &str| match request.path.as_str() {
        "/fal-ai/fal-ai/flux/dev" => {
            let request = "https://queue.fal.run/fal-ai/flux-lora/requests/r1";
            answer(
                200,
                &json!({
                    "request_id": "r1", "response_url": request,
                    "status_url": format!("{request}/status"), "cancel_url": format!("{request}/cancel"),
                }),
            )
        }
        "/fal-ai/fal-ai/flux-lora/requests/r1/status" => answer(200, &json!({"status": "COMPLETED"})),
        "/fal-ai/fal-ai/flux-lora/requests/r1" => answer(200, &json!({"seed": 7})),
        "/fal-ai/fal-ai/flux-lora/requests/r1/cancel" => answer(400, &json!({"status": "ALREADY_COMPLETED"})),
        _ => answer(404, &json!({"detail": "Not Found"})),
    })
    .await
}

#[tokio::test]
async fn requests_are_followed_through_a_gateway_under_the_path_that_fal_names() {
    for by_middleware in [true, false] {
        let server = gateway().await;
        let builder = Client::builder().credentials(Credentials::token("hf_token")).retry(quick());
        let host = format!("{}/fal-ai", server.url);
        let client = match by_middleware {
            true => builder.queue_host(host).middleware(Subdomain).build().unwrap(),
            false => builder.queue_host(format!("{host}?_subdomain=queue")).build().unwrap(),
        };
        let input = || untyped::input("https://fal.ai/models/fal-ai/flux/dev", json!({"prompt": "a cat"}));
        assert_eq!(client.subscribe(input()).await.unwrap()["seed"], 7);
        let job = client.submit(input()).await.unwrap();
        assert_eq!(job.endpoint(), "fal-ai/flux/dev");
        // A ticket keeps the path.
        let ticket = serde_json::from_str(&serde_json::to_string(&job.ticket()).unwrap()).unwrap();
        let resumed = client.resume::<untyped::Any>(ticket);
        assert_eq!(resumed.result().await.unwrap()["seed"], 7);
        resumed.cancel().await.unwrap();
        for sent in server.received() {
            assert!(sent.query.split('&').any(|pair| pair == "_subdomain=queue"), "{}", sent.line());
            assert_eq!(sent.header("authorization"), Some("Bearer hf_token"));
        }
    }
}

#[tokio::test]
async fn outputs_that_are_not_json_are_values() {
    let server = Server::start(|request: &Received, _: &str| match request.path.as_str() {
        "/run/acme/text" => crate::server::bytes(200, &[("content-type", "text/plain")], "a cat"),
        "/run/acme/picture" => crate::server::bytes(200, &[("content-type", "image/png")], "\u{89}PNG"),
        _ => crate::server::bytes(200, &[("content-type", "text/html")], "<html>"),
    })
    .await;
    let client = server.client();
    let run = |id: &str| client.run(untyped::input(id, json!({}))).into_future();
    let reply = run("acme/text").await.unwrap();
    assert_eq!((&*reply, reply.raw().as_ref()), (&json!("a cat"), b"a cat".as_slice()));
    let folder = tempfile::tempdir().unwrap();
    let picture = run("acme/picture").await.unwrap();
    assert_eq!(picture["content_type"], "image/png");
    let saved = picture.save_media(&client, folder.path()).await.unwrap();
    assert_eq!(&std::fs::read(&saved[0].path).unwrap(), picture.raw());
    assert_eq!(saved[0].path.extension().unwrap(), "png");
    let bytes = client.download(picture["url"].as_str().unwrap()).await.unwrap().bytes().await.unwrap();
    assert_eq!(&bytes, picture.raw());
    assert!(run("acme/page").await.unwrap_err().is_decode());
}
