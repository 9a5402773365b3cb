//! Webhooks, delivered to a local receiver.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::TestEmulator;
use fal_emulator::{Emulator, Pace};
use reqwest::Method;
use ring::digest;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A delivery as it was received.
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Verifies the signature as fal's documentation describes.
    fn is_signed(&self, keys: &Value) -> bool {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let message = [
            self.header("x-fal-webhook-request-id"),
            self.header("x-fal-webhook-user-id"),
            self.header("x-fal-webhook-timestamp"),
            &hex(digest::digest(&digest::SHA256, &self.body).as_ref()),
        ]
        .join("\n");
        let digits = self.header("x-fal-webhook-signature");
        let signature: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        keys["keys"].as_array().unwrap().iter().any(|key| {
            let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).is_ok()
        })
    }
}

/// Starts a receiver that answers with these statuses, and then with 200.
async fn receiver(statuses: &[u16]) -> (String, mpsc::UnboundedReceiver<Received>) {
    let statuses = Arc::new(Mutex::new(statuses.to_vec()));
    let (send, received) = mpsc::unbounded_channel();
    let handler = move |headers: HeaderMap, body: Bytes| {
        let mut statuses = statuses.lock().unwrap();
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        send.send(Received { headers, body }).unwrap();
        std::future::ready(StatusCode::from_u16(status).unwrap())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/hook", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

async fn emulator(pauses: &[Duration]) -> TestEmulator {
    TestEmulator::start(Emulator::builder().pace(Pace::instant()).webhook_retries(pauses)).await
}

async fn submit(fal: &TestEmulator, hook: &str, input: Value) -> String {
    let url = format!("{}/fal-ai/flux/schnell?fal_webhook={}", fal.urls.queue, hook.replace(':', "%3A"));
    fal.post(&url, &input).await.json()["request_id"].as_str().unwrap().to_owned()
}

async fn keys(fal: &TestEmulator) -> Value {
    fal.get(&format!("{}/.well-known/jwks.json", fal.urls.rest)).await.json()
}

fn small() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 8, "height": 8}})
}

#[tokio::test]
async fn a_completed_request_is_delivered_with_its_result() {
    let fal = emulator(&[]).await;
    let (hook, mut received) = receiver(&[]).await;
    let id = submit(&fal, &hook, small()).await;
    let delivery = received.recv().await.unwrap();
    let body = delivery.json();
    assert_eq!((&body["request_id"], &body["gateway_request_id"]), (&json!(id), &json!(id)));
    assert_eq!((&body["status"], body.get("error")), (&json!("OK"), None));
    let result = fal.get(&format!("{}/fal-ai/flux/requests/{id}", fal.urls.queue)).await.json();
    assert_eq!(body["payload"], result);
    assert_eq!(delivery.header("x-fal-webhook-request-id"), id);
    assert!(delivery.is_signed(&keys(&fal).await));
    assert!(!delivery.is_signed(&keys(&emulator(&[]).await).await));
}

#[tokio::test]
async fn failures_and_cancels_are_delivered_as_errors() {
    let fal = emulator(&[]).await;
    let (hook, mut received) = receiver(&[]).await;
    submit(&fal, &hook, json!({})).await;
    let body = received.recv().await.unwrap().json();
    assert_eq!((&body["status"], &body["error"]), (&json!("ERROR"), &json!("Invalid status code: 422")));
    assert_eq!(body["payload"]["detail"][0]["loc"], json!(["body", "prompt"]));

    let fal = TestEmulator::stuck().await;
    let id = submit(&fal, &hook, small()).await;
    let cancel = format!("{}/fal-ai/flux/requests/{id}/cancel", fal.urls.queue);
    assert_eq!(fal.send(Method::PUT, &cancel, &[], "").await.status, 200);
    assert_eq!(received.recv().await.unwrap().json()["error"], "Invalid status code: 499");
}

#[tokio::test]
async fn failed_deliveries_are_retried_and_redirects_are_not() {
    let pauses = [Duration::ZERO; 3];
    let fal = emulator(&pauses).await;
    let (hook, mut received) = receiver(&[500, 404]).await;
    submit(&fal, &hook, small()).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(received.recv().await.unwrap().body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "every attempt sends the same body");
    let (hook, mut received) = receiver(&[302]).await;
    submit(&fal, &hook, small()).await;
    received.recv().await.unwrap();
    submit(&fal, "http://127.0.0.1:1/nobody", small()).await;
    let deliveries = loop {
        let deliveries = fal.emulator.webhooks().deliveries();
        if deliveries.len() == 3 + 1 + 4 {
            break deliveries;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let outcomes: Vec<_> = deliveries.iter().map(|delivery| delivery.outcome.clone().ok()).collect();
    assert_eq!(outcomes[..4], [Some(500), Some(404), Some(200), Some(302)]);
    assert_eq!(outcomes[4..], [None; 4]);
    assert!(deliveries[7].outcome.as_ref().unwrap_err().contains("refused"), "{:?}", deliveries[7].outcome);
    let attempts: Vec<_> = deliveries.iter().map(|delivery| delivery.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 1, 1, 2, 3, 4]);
}

#[tokio::test]
async fn each_failed_delivery_is_reported_with_its_reason() {
    let (log, mut lines) = mpsc::unbounded_channel();
    let builder = Emulator::builder().pace(Pace::instant()).webhook_retries([Duration::ZERO]);
    let fal =
        TestEmulator::start(builder.warning_log(move |line: &str| log.send(line.to_owned()).unwrap())).await;
    let (refusing, mut received) = receiver(&[500]).await;
    for (url, reasons) in [
        ("localhost:8099/hook?token=secret", ["the URL has to start with http:// or https://"; 2]),
        ("hook", ["it is no URL: relative URL without a base"; 2]),
        ("http://127.0.0.1:1/nobody", ["refused"; 2]),
        // Accepted at the second attempt.
        (refusing.as_str(), ["it answered 500", ""]),
    ] {
        let id = submit(&fal, url, small()).await;
        let starts = [
            ("at attempt 1: ", "; the next attempt follows in 0 s"),
            ("at attempt 2: ", "; no attempt is left"),
        ];
        for (reason, (start, end)) in reasons.iter().zip(starts).filter(|(reason, _)| !reason.is_empty()) {
            let line = lines.recv().await.unwrap();
            for part in [&*id, url.split('?').next().unwrap(), start, *reason, end] {
                assert!(line.contains(part), "{part}: {line}");
            }
            assert!(!line.contains("secret"), "{line}");
        }
    }
    for _ in 0..2 {
        received.recv().await.unwrap();
    }
    assert!(lines.try_recv().is_err());
}

#[tokio::test]
async fn deliveries_can_be_duplicated_and_keys_rotated() {
    let fal = emulator(&[]).await;
    let webhooks = fal.emulator.webhooks();
    let (hook, mut received) = receiver(&[]).await;
    webhooks.duplicate_next();
    let id = submit(&fal, &hook, small()).await;
    let (first, second) = (received.recv().await.unwrap(), received.recv().await.unwrap());
    assert_eq!((first.json(), &first.json()["request_id"]), (second.json(), &json!(id)));

    let old = keys(&fal).await;
    webhooks.rotate_key();
    submit(&fal, &hook, small()).await;
    let third = received.recv().await.unwrap();
    let both = keys(&fal).await;
    assert_eq!(both["keys"].as_array().unwrap().len(), 2);
    assert!(third.is_signed(&both) && !third.is_signed(&old) && first.is_signed(&both));
    webhooks.forget_old_keys();
    let new = keys(&fal).await;
    assert!(third.is_signed(&new) && !first.is_signed(&new));
    let signature = webhooks.sign(
        third.header("x-fal-webhook-request-id"),
        third.header("x-fal-webhook-user-id"),
        third.header("x-fal-webhook-timestamp").parse().unwrap(),
        &third.body,
    );
    assert_eq!(signature, third.header("x-fal-webhook-signature"));
}

#[tokio::test]
async fn pages_of_foreign_sites_cannot_have_webhooks_delivered() {
    let fal = TestEmulator::instant().await;
    let queue = format!("{}/fal-ai/flux/dev?fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2Fx", fal.urls.queue);
    let proxy = format!("{}/proxy", fal.emulator.url());
    let target = "https://queue.fal.run/fal-ai/flux/dev?fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2Fx";
    for (origin, status) in [
        ("https://attacker.example", 403),
        ("null", 403),
        ("http://127.0.0.1.attacker.example", 403),
        ("http://localhost:3000", 200),
    ] {
        let direct =
            fal.send(reqwest::Method::POST, &queue, &[("origin", origin)], "{\"prompt\": \"x\"}").await;
        assert_eq!(direct.status, status, "{origin}");
        let headers = [("origin", origin), ("x-fal-target-url", target)];
        let proxied = fal.send(reqwest::Method::POST, &proxy, &headers, "{\"prompt\": \"x\"}").await;
        assert_eq!(proxied.status, status, "{origin}");
    }
    let plain = format!("{}/fal-ai/flux/dev", fal.urls.queue);
    let headers = [("origin", "https://attacker.example")];
    assert_eq!(fal.send(reqwest::Method::POST, &plain, &headers, "{\"prompt\": \"x\"}").await.status, 200);
}

#[tokio::test]
async fn deliveries_are_listed_for_their_scope_and_waited_for() {
    let fal = emulator(&[Duration::ZERO]).await;
    let (hook, mut received) = receiver(&[500]).await;
    let list = |query: &str| format!("{}/_emulator/webhooks?{query}", fal.emulator.url());
    let mut ids = Vec::new();
    for scope in ["one", "two"] {
        assert_eq!(fal.get(&list(&format!("scope={scope}"))).await.json(), json!([]));
        let key = format!("Key {scope}:x");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let hook = hook.replace(':', "%3A");
        let url = format!("{}/fal-ai/flux/schnell?fal_webhook={hook}", fal.urls.queue);
        let receipt = fal.send(Method::POST, &url, &headers, small().to_string()).await.json();
        ids.push(receipt["request_id"].as_str().unwrap().to_owned());
        received.recv().await.unwrap();
    }
    // The first delivery was refused at first.
    received.recv().await.unwrap();
    let own = fal.get(&list("scope=one&count=2")).await.json();
    let member = |name: &str| own.as_array().unwrap().iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(member("request_id"), [json!(ids[0]), json!(ids[0])]);
    assert_eq!(
        (member("attempt"), member("status")),
        (vec![json!(1), json!(2)], vec![json!(500), json!(200)])
    );
    assert_eq!(
        (&own[0]["url"], &own[0]["scope"], &own[0]["error"]),
        (&json!(hook), &json!("one"), &json!(null))
    );
    assert_eq!(own[0]["json"]["status"], "OK");
    assert_eq!(own[0]["headers"]["x-fal-webhook-request-id"], json!(ids[0]));
    let accepted = fal.get(&list("scope=one&status=200")).await.json();
    assert_eq!(accepted.as_array().unwrap().len(), 1);
    let other = fal.get(&list("scope=two&count=1")).await.json();
    assert_eq!((other.as_array().unwrap().len(), &other[0]["request_id"]), (1, &json!(ids[1])));
    // Without a scope, those of all.
    let all = fal.get(&list("count=3")).await.json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let of_request = fal.get(&list(&format!("request_id={}", ids[1]))).await.json();
    assert_eq!(of_request, other);
    let scopes: Vec<_> = fal.emulator.webhooks().deliveries().into_iter().map(|one| one.scope).collect();
    assert_eq!(scopes.iter().filter(|scope| scope.as_deref() == Some("one")).count(), 2);

    let missing = fal.get(&list("scope=two&count=2&seconds=0.05")).await;
    assert_eq!(missing.status, 417);
    assert_eq!(missing.json()["detail"], "expected 2 deliveries of webhooks within 0.05 s, but 1 came");
    for bad in ["count=x", "count=10001", "seconds=-1", "seconds=1e9", "status=ok"] {
        assert_eq!(fal.get(&list(bad)).await.status, 422, "{bad}");
    }
    let text = "count: 10001 is too large, because the latest 10000 attempts are kept";
    assert_eq!(fal.get(&list("count=10001")).await.json()["detail"], text);
    let reset = format!("{}/_emulator/reset?scope=one", fal.emulator.url());
    assert_eq!(fal.post(&reset, &json!({})).await.status, 200);
    assert_eq!(fal.get(&list("scope=one")).await.json(), json!([]));
    assert_eq!(fal.get(&list("scope=two")).await.json(), other);
}
