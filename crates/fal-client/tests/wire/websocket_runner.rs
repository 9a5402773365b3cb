//! Direct calls over one WebSocket.

use std::time::Duration;

use fal_client::{Client, untyped};
use fal_emulator::{Emulator, Pace, RequestKind};
use serde_json::json;

use super::realtime::{End, frame, server};

async fn start() -> (Emulator, Client) {
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    emulator.on_endpoint("fal-ai/flux/dev").reply(|input| json!({"prompt": input["prompt"], "images": []}));
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    (emulator, client)
}

fn ask(prompt: &str) -> untyped::Input {
    untyped::input("fal-ai/flux/dev", json!({ "prompt": prompt }))
}

#[tokio::test]
async fn many_calls_share_one_connection_and_get_their_own_answers() {
    let (emulator, client) = start().await;
    let calls = client.endpoint_id("fal-ai/flux/dev").over_websocket().await.unwrap();
    let all = (0..50).map(|n| {
        let calls = calls.clone();
        async move { (n, calls.run(ask(&n.to_string())).await.unwrap()) }
    });
    for (n, reply) in futures_util::future::join_all(all).await {
        assert_eq!(reply["prompt"], n.to_string());
        assert!(!reply.request_id().is_empty());
    }
    // A dropped call does not take the answer of another one.
    for n in 0..10 {
        let dropped = tokio::time::timeout(Duration::ZERO, calls.run(ask("dropped"))).await;
        drop(dropped);
        assert_eq!(calls.run(ask(&n.to_string())).await.unwrap()["prompt"], n.to_string());
    }
    let opened = emulator.requests().iter().filter(|request| request.kind == RequestKind::WebSocket).count();
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn a_refused_call_is_the_error_that_run_gives() {
    let (_emulator, client) = start().await;
    let calls = client.endpoint_id("fal-ai/flux/dev").over_websocket().await.unwrap();
    let error = calls.run(untyped::input("fal-ai/flux/dev", json!({}))).await.unwrap_err();
    assert!(error.is_validation() && error.status().unwrap() == 422, "{error:?}");
    assert_eq!(calls.run(ask("after it")).await.unwrap()["prompt"], "after it");
}

#[tokio::test]
async fn calls_fail_when_the_connection_ends() {
    for (answer, what) in
        [(Vec::new(), "gone"), (frame(0x88, b"\x03\xe8"), "closed"), (frame(0x81, b"{}"), "no call")]
    {
        let client = server(answer, End::Cut).await;
        let calls = client.endpoint_id("fal-ai/flux/dev").over_websocket().await.unwrap();
        let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("b")));
        let error = call.await.unwrap().unwrap_err();
        assert!(error.is_transport() && error.message().contains(what), "{error:?}");
        let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("c")));
        assert!(call.await.unwrap().unwrap_err().is_transport());
    }
}

/// The frame ends the connection, and is the error of the call that it belongs to.
#[tokio::test]
async fn a_frame_above_the_limit_is_the_error_of_its_call() {
    let start = frame(0x81, br#"{"type":"start","request_id":"r1","status":200}"#);
    let large = [&b"\x82\x7f"[..], &(1_u64 << 40).to_be_bytes(), &[0; 4096]].concat();
    for (begins, answer) in [(true, [start, large.clone()].concat()), (false, large)] {
        let client = server(answer, End::Stall).await;
        let calls = client.endpoint_id("fal-ai/flux/dev").over_websocket().await.unwrap();
        let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("a")));
        let error = call.await.expect("it hangs").unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        assert_eq!((error.endpoint(), error.request_id()), (Some("fal-ai/flux/dev"), begins.then_some("r1")));
        let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("b")));
        assert!(call.await.expect("it hangs").unwrap_err().is_transport());
    }
}

/// The call fails, and so does the next one.
#[tokio::test]
async fn an_answer_that_breaks_anywhere_fails_its_call() {
    let start = frame(0x81, br#"{"type":"start","request_id":"r1","status":200}"#);
    let end = frame(0x81, br#"{"type":"end","request_id":"r1"}"#);
    let whole = [start, frame(0x82, br#"{"n":"#), frame(0x81, b"7}"), end].concat();
    let mut cases = 0;
    for (how, step) in [(End::Cut, 1), (End::Reset, 1), (End::Stall, 25)] {
        for at in (0..whole.len()).step_by(step) {
            let client = server(whole[..at].to_vec(), how).await;
            let mut calls = client.endpoint_id("fal-ai/flux/dev").over_websocket();
            if matches!(how, End::Stall) {
                calls = calls.timeout(Duration::from_secs(1));
            }
            let calls = calls.await.unwrap();
            let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("a")));
            let error = call.await.expect("it hangs").unwrap_err();
            match how {
                End::Stall => assert!(error.is_timeout(), "{at}: {error:?}"),
                _ => {
                    assert!(error.is_transport(), "{how:?} after {at} bytes: {error:?}");
                    let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("b")));
                    assert!(call.await.expect("it hangs").unwrap_err().is_transport());
                }
            }
            assert_eq!(error.endpoint(), Some("fal-ai/flux/dev"));
            cases += 1;
        }
    }
    let client = server(whole, End::Stall).await;
    let calls = client.endpoint_id("fal-ai/flux/dev").over_websocket().await.unwrap();
    let call = tokio::time::timeout(Duration::from_secs(30), calls.run(ask("a")));
    let reply = call.await.expect("it hangs").unwrap();
    assert_eq!((reply["n"].clone(), reply.request_id()), (json!(7), "r1"));
    println!("{cases} answers broken off, {cases} errors");
}
