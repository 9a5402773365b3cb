//! Direct calls: the request, and the response as a reply or an error.

use std::time::Duration;

use fal_client::{ErrorKind, untyped};
use serde_json::json;

use crate::{
    model::{Input, cat},
    server::{Reaction, Server, bytes, json as answer},
};

#[tokio::test]
async fn run_sends_one_post() {
    let server = Server::start(|_, _| {
        let headers =
            [("x-fal-request-id", "r1"), ("x-fal-billable-units", "2"), ("x-fal-served-from", "runner-7")];
        bytes(200, &headers, r#"{"seed":7,"newer":true}"#)
    })
    .await;
    let client = server.builder().user_agent_suffix("my-app/1.2").build().unwrap();
    let reply = client
        .run(cat())
        .runner_hint("session-1")
        .start_timeout(Duration::from_secs(30))
        .header("x-fal-store-io", "0")
        .await
        .unwrap();
    assert_eq!((reply.seed, reply.request_id()), (7, "r1"));
    assert_eq!((reply.billable_units(), reply.served_from()), (Some(2.0), Some("runner-7")));
    assert_eq!(reply.raw().as_ref(), br#"{"seed":7,"newer":true}"#);

    assert_eq!(server.lines(), ["POST /run/acme/app/edit"]);
    let request = &server.received()[0];
    assert_eq!(request.json(), json!({"prompt": "a cat"}));
    for (name, value) in [
        ("authorization", "Key test:key"),
        ("content-type", "application/json"),
        ("x-fal-runner-hint", "session-1"),
        ("x-fal-request-start-timeout", "30"),
        ("x-fal-request-timeout", "30"),
        ("x-fal-store-io", "0"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let user_agent = request.header("user-agent").unwrap();
    assert!(
        user_agent.starts_with("fal-client-rust/") && user_agent.ends_with(" my-app/1.2"),
        "{user_agent}"
    );
}

#[tokio::test]
async fn untyped_run_takes_and_returns_json() {
    let server = Server::start(|request, _| answer(200, &json!({ "echo": request.json() }))).await;
    let reply = server.client().run(untyped::input("my-user/my-app", json!({"scale": 4}))).await.unwrap();
    assert_eq!(reply["echo"]["scale"], 4);
    assert_eq!(server.lines(), ["POST /run/my-user/my-app"]);
}

#[tokio::test]
async fn invalid_input_is_not_sent() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let input = Input { prompt: String::new(), images: Vec::new() };
    let error = server.client().run(input.clone()).await.unwrap_err();
    let ErrorKind::InvalidInput(violations) = error.kind() else { panic!("{error:?}") };
    assert_eq!(violations.as_slice()[0].path, "body.prompt");
    assert!(error.to_string().starts_with("acme/app/edit: body.prompt: "), "{error}");
    assert!(server.received().is_empty());

    server.client().run(input).skip_validation().await.unwrap();
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn validation_error_names_the_parameter() {
    let server = Server::start(|_, _| {
        let body = json!({"detail": [{
            "loc": ["body", "num_images"], "msg": "Input should be less than or equal to 4",
            "type": "less_than_equal", "input": 9, "ctx": {"le": 4},
        }]});
        bytes(422, &[("x-fal-request-id", "r1"), ("content-type", "application/json")], body.to_string())
    })
    .await;
    let error = server.client().run(cat()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme/app/edit: 422 body.num_images: Input should be less than or equal to 4 (request r1)"
    );
    let ErrorKind::Validation(fields) = error.kind() else { panic!("{error:?}") };
    assert_eq!((&fields[0].input, &fields[0].ctx), (&Some(json!(9)), &Some(json!({"le": 4}))));
    assert_eq!((error.error_type(), error.endpoint()), (Some("less_than_equal"), Some("acme/app/edit")));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn body_that_is_not_json_is_kept_in_the_error() {
    let server =
        Server::start(|_, _| bytes(200, &[("x-fal-request-id", "r1")], b"\xffnot json".to_vec())).await;
    let error = server.client().run(cat()).await.unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.body().unwrap().as_ref(), b"\xffnot json");
    assert_eq!((error.request_id(), error.endpoint()), (Some("r1"), Some("acme/app/edit")));
}

#[tokio::test]
async fn run_fails_after_its_timeout() {
    let server = Server::start(|_, _| Reaction::Hang).await;
    let error = server.client().run(cat()).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout() && error.status().is_none(), "{error:?}");
    let client = server.builder().timeout(Duration::from_millis(50)).build().unwrap();
    assert!(client.run(cat()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn call_can_be_spawned_and_an_invalid_option_is_an_error() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let call = server.client().run(cat());
    assert_eq!(tokio::spawn(call.into_future()).await.unwrap().unwrap().seed, 1);
    let error = server.client().run(cat()).start_timeout(Duration::from_millis(10)).await.unwrap_err();
    assert!(error.is_config() && error.endpoint() == Some("acme/app/edit"), "{error:?}");
    let error = server.client().run(untyped::input("no-owner", json!({}))).await.unwrap_err();
    assert!(error.is_config(), "{error:?}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn compressed_answer_that_was_not_asked_for_is_named() {
    let server =
        Server::start(|_, _| bytes(200, &[("content-encoding", "br"), ("x-fal-request-id", "r1")], "\u{1b}"))
            .await;
    let error = server.client().run(cat()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("`br`"), "{error}");
    assert_eq!(error.request_id(), Some("r1"));
    assert!(error.body().is_some());
    assert_eq!(server.received()[0].header("accept-encoding"), cfg!(feature = "gzip").then_some("gzip"));
    let plain = Server::start(|_, _| bytes(200, &[("content-encoding", "identity")], "{\"seed\":1}")).await;
    assert_eq!(plain.client().run(cat()).await.unwrap().seed, 1);
}
