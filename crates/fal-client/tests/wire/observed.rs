//! Headers of traces, and updates for the pages of an app.

#[cfg(feature = "axum")]
use fal_client::Retry;
use fal_client::untyped;
use serde_json::json;

use crate::server::{Received, Server, json as answer};

async fn start() -> Server {
    Server::start(|request: &Received, _: &str| match request.path.as_str() {
        "/queue/acme/app" => answer(200, &json!({"request_id": "r1"})),
        path if path.ends_with("/stream") => answer(404, &json!({})),
        path if path.ends_with("/status") => {
            answer(200, &json!({"status": "COMPLETED", "logs": [{"message": "a\nb"}]}))
        }
        _ => answer(200, &json!({"seed": 7})),
    })
    .await
}

#[tokio::test]
async fn headers_are_added_to_every_request() {
    let server = start().await;
    let client = server.builder().on_request(|headers| {
        headers.insert(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap(),
        );
    });
    client.build().unwrap().subscribe(untyped::input("acme/app", json!({}))).await.unwrap();
    let received = server.received();
    assert!(received.len() >= 3);
    assert!(
        received
            .iter()
            .all(|request| request.header("traceparent").is_some_and(|value| value.starts_with("00-0af")))
    );
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn updates_answer_a_page_as_server_sent_events() {
    use axum::{Router, body::to_bytes, routing::get};
    use tower::ServiceExt;

    let server = start().await;
    let client = server.builder().retry(Retry::none()).build().unwrap();
    let router = Router::new()
        .route(
            "/ok",
            get(async |client: axum::extract::State<fal_client::Client>| {
                client.0.endpoint_id("acme/app").job("r1").updates().into_sse()
            }),
        )
        .route(
            "/bad",
            get(async |client: axum::extract::State<fal_client::Client>| {
                client.0.endpoint_id("no id").job("r1").updates().into_sse()
            }),
        )
        .with_state(client);
    let fetch = async |path: &str| {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        String::from_utf8(to_bytes(response.into_body(), 1_000_000).await.unwrap().to_vec()).unwrap()
    };
    let events = fetch("/ok").await;
    assert!(
        events.starts_with("event: update\ndata: {\"status\":\"completed\",\"request_id\":\"r1\""),
        "{events}"
    );
    assert!(events.contains(r#""message":"a\nb""#) && events.ends_with("}\n\n"), "{events}");
    let events = fetch("/bad").await;
    assert!(events.starts_with("event: error\ndata: {\"message\":"), "{events}");
}
