//! The key is sent to the configured hosts only.

use fal_client::{Client, queue::Ticket};
use serde_json::json;

use crate::{
    model::{Model, cat},
    server::{Received, Server, bytes, json as answer, quick},
};

/// Starts a server that must not receive a request.
async fn stranger() -> Server {
    Server::start(|_, _| answer(200, &json!({"seed": 666, "status": "COMPLETED"}))).await
}

#[tokio::test]
async fn foreign_urls_in_a_submit_response_are_ignored() {
    let stranger = stranger().await;
    let evil = stranger.url.clone();
    let server = Server::start(move |request: &Received, _: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => answer(
            200,
            &json!({
                "request_id": "r1", "response_url": format!("{evil}/queue/acme/app/requests/r1"),
                "status_url": format!("{evil}/queue/acme/app/requests/r1/status"),
                "cancel_url": format!("{evil}/queue/acme/app/requests/r1/cancel"),
            }),
        ),
        path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let client = server.client();
    assert_eq!(client.subscribe(cat()).await.unwrap().seed, 1);
    client.submit(cat()).await.unwrap().cancel().await.unwrap();

    // The same for a forged ticket.
    let stored = json!({
        "endpoint": "acme/app/edit", "request_id": "r1",
        "response_url": format!("{}/queue/acme/app/requests/r1", stranger.url),
    });
    let ticket: Ticket<Model> = serde_json::from_value(stored).unwrap();
    assert_eq!(client.resume(ticket).result().await.unwrap().seed, 1);
    assert!(stranger.received().is_empty());
}

#[tokio::test]
async fn redirects_are_errors_and_not_followed() {
    for status in [301, 302, 307, 308] {
        let stranger = stranger().await;
        let target = format!("{}/elsewhere", stranger.url);
        let location = target.clone();
        let server = Server::start(move |_, _| bytes(status, &[("location", &location)], "")).await;
        let error = server.client().run(cat()).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.to_string().contains(&target), "{error}");
        assert!(server.client().endpoint::<Model>().job("r1").status().await.is_err());
        assert!(stranger.received().is_empty());
        assert_eq!(server.received().len(), 2);
    }
}

#[tokio::test]
async fn no_authorization_is_sent_without_a_key() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let client = Client::builder().emulator(&server.url).retry(quick()).build().unwrap();
    client.run(cat()).await.unwrap();
    assert_eq!(server.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn services_can_have_different_hosts() {
    let run = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let queue = Server::start(|_, _| answer(200, &json!({"request_id": "r1"}))).await;
    let client = Client::builder()
        .key("test:key")
        .run_host(&run.url)
        .queue_host(format!("{}/below/", queue.url))
        .build()
        .unwrap();
    client.run(cat()).await.unwrap();
    client.submit(cat()).await.unwrap().cancel().await.unwrap();
    assert_eq!(run.lines(), ["POST /acme/app/edit"]);
    assert_eq!(queue.lines(), ["POST /below/acme/app/edit", "PUT /below/acme/app/requests/r1/cancel"]);
}

#[tokio::test]
async fn names_below_localhost_are_this_machine_whatever_the_resolver_says() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let url = server.url.replace("127.0.0.1", "surely-not-in-any-resolver.localhost");
    let client = Client::builder().emulator(&url).key("test:key").retry(quick()).build().unwrap();
    assert_eq!(client.run(cat()).await.unwrap().seed, 1);
    assert_eq!(server.received().len(), 1);
}
