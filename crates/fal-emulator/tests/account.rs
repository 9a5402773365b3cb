//! Failures of the account: a lock, and a rate limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace, RequestKind};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

fn url<'a>(receipt: &'a Value, name: &str) -> &'a str {
    receipt[name].as_str().unwrap()
}

#[tokio::test]
async fn a_locked_account_refuses_calls_and_lets_queued_requests_go_on() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(ID, &input()).await;
    fal.emulator.lock_account("Exhausted balance");
    let refused = (403, json!({"detail": "User is locked. Reason: Exhausted balance"}));
    assert_eq!(fal.run(ID, &input()).await.status_and_json(), refused);
    let stream = format!("{}/{ID}/stream", fal.urls.run);
    let queue = format!("{}/{ID}", fal.urls.queue);
    let upload = format!("{}/storage/upload/initiate", fal.urls.rest);
    for url in [&stream, &queue, &upload] {
        let answer = fal.post(url, &input()).await;
        assert!(!answer.header("x-fal-request-id").is_empty(), "{url}");
        assert_eq!(answer.status_and_json(), refused, "{url}");
    }
    assert_eq!(fal.get(url(&receipt, "status_url")).await.status, 200);
    assert_eq!(fal.get(url(&receipt, "response_url")).await.status, 200);
    // A rule comes first.
    fal.emulator.on_request(RequestKind::Run).fail(418, json!({})).times(1);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(fal.run(ID, &input()).await.status.as_u16());
    }
    fal.emulator.unlock_account();
    statuses.push(fal.run(ID, &input()).await.status.as_u16());
    assert_eq!(statuses, [418, 403, 200]);
}

#[tokio::test]
async fn a_rate_limit_refuses_the_next_calls() {
    let fal = TestEmulator::instant().await;
    fal.emulator.rate_limit(2);
    let first = fal.run(ID, &input()).await;
    assert_eq!((first.status.as_u16(), first.header("x-fal-needs-retry")), (429, "1"));
    assert_eq!(first.header("x-fal-error-type"), "concurrent_requests_limit");
    assert_eq!(fal.post(&format!("{}/{ID}", fal.urls.queue), &input()).await.status, 429);
    assert_eq!(fal.run(ID, &input()).await.status, 200);
    fal.emulator.rate_limit(1);
    fal.emulator.reset();
    assert_eq!(fal.run(ID, &input()).await.status, 200);
}

#[tokio::test]
async fn a_preflight_is_answered_and_uses_up_neither_a_rule_nor_a_refusal() {
    let fal = TestEmulator::instant().await;
    let preflight = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let ask = async |url: &str| {
        let answer = fal.send(Method::OPTIONS, url, &preflight, "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (204, "*"),
            "{url}"
        );
    };
    let run = format!("{}/{ID}", fal.urls.run);
    let urls = [
        run.clone(),
        format!("{run}/stream"),
        format!("{}/{ID}", fal.urls.queue),
        format!("{}/storage/upload/initiate", fal.urls.rest),
        format!("{}/storage/auth/token", fal.urls.rest),
        format!("{}/files/upload", fal.urls.cdn),
    ];
    fal.emulator.rate_limit(1);
    for url in &urls {
        ask(url).await;
    }
    let limited = fal.run(ID, &input()).await;
    assert_eq!((limited.status.as_u16(), limited.header("access-control-allow-origin")), (429, "*"));
    fal.emulator.lock_account("Admin lock");
    for url in &urls {
        ask(url).await;
    }
    fal.emulator.unlock_account();
    let kind = fal.emulator.on_request(RequestKind::Run).fail(418, json!({})).times(1);
    let any = fal.emulator.on_any_request().fail(419, json!({})).times(1);
    ask(&run).await;
    assert_eq!((kind.hits(), any.hits()), (0, 0));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(fal.run(ID, &input()).await.status.as_u16());
    }
    assert_eq!(statuses, [418, 419, 200]);
    let expected = json!({"kind": "run", "count": 4});
    let listed = fal.post(&format!("{}/_emulator/expect", fal.emulator.url()), &expected).await;
    assert_eq!(listed.json()["requests"].as_array().map(Vec::len), Some(4), "a preflight is no call");
}

#[tokio::test]
async fn a_call_without_the_key_or_to_no_app_uses_up_no_refusal() {
    let builder = Emulator::builder().pace(Pace::instant()).require_key("id:secret");
    let fal = TestEmulator::start(builder).await;
    let post = async |url: &str, key: Option<&str>| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(key.map(|key| ("authorization", key)));
        fal.send(Method::POST, url, &headers, input().to_string()).await.status.as_u16()
    };
    let key = Some("Key id:secret");
    let run = format!("{}/{ID}", fal.urls.run);
    let calls = [run.clone(), format!("{run}/stream"), format!("{}/{ID}", fal.urls.queue)];
    let unknown = format!("{}/no/such-app", fal.urls.run);
    let upload = format!("{}/storage/upload/initiate", fal.urls.rest);
    fal.emulator.rate_limit(1);
    let lock = || fal.emulator.lock_account("Admin lock");
    for expected in [429, 403] {
        for url in &calls {
            assert_eq!((post(url, None).await, post(url, Some("Key x:y")).await), (401, 401), "{url}");
            assert_eq!(post(&unknown, key).await, 404);
            assert_eq!(fal.send(Method::PUT, url, &[], "").await.status, 405);
            assert_eq!(post(url, key).await, expected, "{url}");
            fal.emulator.rate_limit(1);
        }
        lock();
    }
    assert_eq!((post(&upload, None).await, post(&upload, key).await), (401, 403));
}

#[tokio::test]
async fn a_lock_refuses_the_beginning_of_every_upload_and_lets_those_that_have_begun_go_on() {
    let fal = TestEmulator::instant().await;
    let rest = |path: &str| format!("{}/storage/{path}?storage_type=fal-cdn-v3", fal.urls.rest);
    let token = async || fal.post(&rest("auth/token"), &json!({})).await;
    let issued = token().await.json();
    let authorization = format!("Bearer {}", issued["token"].as_str().unwrap());
    let headers = [
        ("authorization", authorization.as_str()),
        ("accept", "application/json"),
        ("content-type", "text/plain"),
        ("x-fal-file-name", "a.txt"),
    ];
    // The requests of fal's client for Python.
    let whole = format!("{}/files/upload", issued["base_url"].as_str().unwrap());
    let in_parts = format!("{whole}/multipart");
    let post = async |url: &str, body: Vec<u8>| fal.send(Method::POST, url, &headers, body).await;
    assert_eq!(post(&whole, b"whole".to_vec()).await.status, 200);
    let begun = post(&in_parts, Vec::new()).await.json();
    let description = json!({"file_name": "a.txt", "content_type": "text/plain"});
    let initiated = fal.post(&rest("upload/initiate"), &description).await.json();

    fal.emulator.lock_account("Admin lock");
    let refused = (403, json!({"detail": "User is locked. Reason: Admin lock"}));
    assert_eq!(token().await.status_and_json(), refused);
    for path in ["upload/initiate", "upload/initiate-multipart"] {
        assert_eq!(fal.post(&rest(path), &description).await.status_and_json(), refused, "{path}");
    }
    // With a token from before the lock.
    assert_eq!(post(&whole, b"whole".to_vec()).await.status_and_json(), refused);
    assert_eq!(post(&in_parts, Vec::new()).await.status_and_json(), refused);
    let put = fal.send(Method::PUT, url(&initiated, "upload_url"), &[], "initiated").await;
    assert_eq!(put.status, 200);
    assert_eq!(fal.get(url(&initiated, "file_url")).await.bytes, b"initiated");
    let parts = format!("{}/multipart/{}", url(&begun, "access_url"), url(&begun, "uploadId"));
    let part = fal.send(Method::PUT, &format!("{parts}/1"), &headers, "a part").await;
    let listed = json!({"parts": [{"partNumber": 1, "etag": part.header("etag")}]});
    assert_eq!(post(&format!("{parts}/complete"), listed.to_string().into_bytes()).await.status, 200);
    assert_eq!(fal.get(url(&begun, "access_url")).await.bytes, b"a part");
}
