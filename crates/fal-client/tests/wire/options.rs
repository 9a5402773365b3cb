//! The headers and parameters that the options of a call send.

use std::time::Duration;

use fal_client::{
    queue::ServerRetries,
    storage::{Access, Lifecycle, UploadPolicy},
    untyped,
};
use http::Method;
use serde_json::json;

use crate::{
    job::accepted,
    model::cat,
    server::{Received, Server, json as answer},
};

async fn echo() -> Server {
    Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await
}

#[tokio::test]
async fn every_platform_header_has_an_option() {
    let server = echo().await;
    let lifecycle = Lifecycle::default().expires_after(Duration::from_millis(1500)).access(Access::Hide);
    server
        .client()
        .submit(cat())
        .server_retries(ServerRetries::default().server_error(2).connection_error(0))
        .upload_policy(UploadPolicy::new("https://b.s3.amazonaws.com/").field("key", "${filename}"))
        .fallback(false)
        .store_io(false)
        .lifecycle(lifecycle)
        .tag("Team", "video")
        .tag("run", "7")
        .runner_hint("h")
        .start_timeout(Duration::from_secs(5))
        .await
        .unwrap();
    let request = &server.received()[0];
    for (name, value) in [
        ("x-fal-retry-config", r#"{"server_error":{"retries":2},"connection_error":{"retries":0}}"#),
        (
            "x-app-fal-upload-policy",
            r#"{"url":"https://b.s3.amazonaws.com/","fields":{"key":"${filename}"}}"#,
        ),
        ("x-app-fal-disable-fallback", "1"),
        ("x-fal-store-io", "0"),
        (
            "x-fal-object-lifecycle-preference",
            r#"{"expiration_duration_seconds":2,"initial_acl":{"default":"hide"}}"#,
        ),
        ("x-fal-tags", "team=video,run=7"),
        ("x-fal-runner-hint", "h"),
        ("x-fal-request-start-timeout", "5"),
        ("x-fal-request-timeout", "5"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn queue_options_are_sent_with_the_submit() {
    let server = echo().await;
    let call = server.client().subscribe(cat()).webhook("https://me.example/?a=b").max_queue_length(3);
    call.poll_every(Duration::from_millis(1)).header("x-mine", "yes").await.unwrap();
    let lines = server.lines();
    assert_eq!(
        lines[0],
        "POST /queue/acme/app/edit?fal_webhook=https%3A%2F%2Fme.example%2F%3Fa%3Db&fal_max_queue_length=3"
    );
    assert_eq!(lines[1], "GET /queue/acme/app/requests/r1/status?logs=0");
    assert_eq!(server.received()[0].header("x-mine"), Some("yes"));
    assert_eq!(server.received()[1].header("x-mine"), None);
}

#[tokio::test]
async fn get_sends_parameters_in_the_query() {
    let server = echo().await;
    let parameters = json!({"q": "a b&c", "n": 3, "on": true, "none": null, "list": [1, "x"]});
    let call = server.client().run(untyped::input("me/app", parameters)).method(Method::GET).path("/search");
    call.await.unwrap();
    let request = &server.received()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/run/me/app/search"));
    let mut pairs: Vec<_> = request.query.split('&').collect();
    pairs.sort_unstable();
    assert_eq!(pairs, ["list=%5B1%2C%22x%22%5D", "n=3", "on=true", "q=a+b%26c"]);
    assert!(request.body.is_empty() && request.header("content-type").is_none());
    let error = server.client().run(untyped::input("me/app", json!([1]))).method(Method::GET).await;
    assert!(error.is_err() && server.received().len() == 1);
    server.client().run(untyped::input("me/app", json!({"a": 1}))).method(Method::PUT).await.unwrap();
    assert_eq!(
        (server.lines()[1].as_str(), server.received()[1].json()),
        ("PUT /run/me/app", json!({"a": 1}))
    );
}

#[tokio::test]
async fn every_form_of_id_has_its_urls() {
    let table = [
        ("acme/app", "/acme/app", "/acme/app/requests/r1"),
        ("acme/app/a/b", "/acme/app/a/b", "/acme/app/requests/r1"),
        ("workflows/me/flow", "/workflows/me/flow", "/workflows/me/flow/requests/r1"),
        ("comfy/me/flow/x", "/comfy/me/flow/x", "/comfy/me/flow/requests/r1"),
        ("123-old-app", "/123/old-app", "/123/old-app/requests/r1"),
    ];
    for (id, call, request) in table {
        let server =
            Server::start(|_, _| answer(200, &json!({"request_id": "r1", "status": "COMPLETED"}))).await;
        let client = server.client();
        client.run(untyped::input(id, json!({}))).await.unwrap();
        client.submit(untyped::input(id, json!({}))).await.unwrap().result().await.unwrap();
        assert_eq!(
            server.lines(),
            [format!("POST /run{call}"), format!("POST /queue{call}"), format!("GET /queue{request}")],
            "{id}"
        );
    }
}

#[tokio::test]
async fn header_of_a_call_wins_over_a_default_header() {
    let server = echo().await;
    let builder = server.builder().default_header("x-a", "default").default_header("x-b", "default");
    let client = builder.build().unwrap();
    client.run(cat()).header("x-b", "own").await.unwrap();
    client.download(format!("{}/file", server.url)).await.unwrap().bytes().await.unwrap();
    let received = server.received();
    assert_eq!((received[0].header("x-a"), received[0].header("x-b")), (Some("default"), Some("own")));
    assert_eq!((received[1].header("x-a"), received[1].header("authorization")), (None, None));
}

#[tokio::test]
async fn time_limit_is_sent_as_start_timeout_on_request() {
    let server = echo().await;
    let limit = Duration::from_secs(60);
    server.client().submit(cat()).timeout(limit).drop_unstarted().await.unwrap();
    let of_client = server.builder().timeout(limit).build().unwrap();
    of_client.submit(cat()).drop_unstarted().await.unwrap();
    server.client().submit(cat()).timeout(limit).await.unwrap();
    let sent: Vec<Option<f64>> = server
        .received()
        .iter()
        .map(|request| request.header("x-fal-request-start-timeout").map(|seconds| seconds.parse().unwrap()))
        .collect();
    let is_rest = |seconds: Option<f64>| seconds.is_some_and(|seconds| (50.0..=60.0).contains(&seconds));
    assert!(is_rest(sent[0]) && is_rest(sent[1]) && sent[2].is_none(), "{sent:?}");

    let error = server.client().submit(cat()).drop_unstarted().await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("needs a `timeout`"), "{error}");
    assert_eq!(server.received().len(), 3);
}
