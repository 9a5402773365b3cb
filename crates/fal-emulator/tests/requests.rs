//! Recorded requests and their responses: the list, waiting for calls, and the HTTP Archive.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::TestEmulator;
use fal_emulator::{Emulator, FaultPoint, Pace, RequestKind};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

async fn requests(fal: &TestEmulator, query: &str) -> Vec<Value> {
    // A response is recorded when its last byte has left, which its reader may see a moment earlier.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let list = fal.get(&format!("{}/_emulator/requests{query}", fal.emulator.url())).await;
    assert_eq!(list.status, 200);
    list.json().as_array().unwrap().clone()
}

async fn expect(fal: &TestEmulator, expectation: &Value) -> (u16, Value) {
    fal.post(&format!("{}/_emulator/expect", fal.emulator.url()), expectation).await.status_and_json()
}

#[tokio::test]
async fn a_request_has_its_time_and_response() {
    let pace = Pace::instant().run(Duration::from_millis(120));
    let fal = TestEmulator::start(Emulator::builder().pace(pace)).await;
    let output = fal.run(ID, &input()).await.json();
    let url = output["images"][0]["url"].as_str().unwrap();
    let picture = fal.get(url).await.bytes;
    fal.run("no/thing", &json!({})).await;
    let all = requests(&fal, "").await;
    assert_eq!(all.len(), 3);
    let response = &all[0]["response"];
    assert_eq!((&response["status"], &response["json"]), (&json!(200), &output));
    assert_eq!(response["complete"], true);
    assert!(response["seconds"].as_f64().unwrap() >= 0.12, "{response}");
    assert!(response["headers"]["x-fal-request-id"].is_string());
    assert!(all[0]["time"].as_str().unwrap().starts_with("20"));
    // Of a file, only the size is kept.
    assert_eq!((&all[1]["kind"], &all[1]["response"]["bytes"]), (&json!("media"), &json!(picture.len())));
    assert_eq!(all[2]["response"]["status"], 404);
    assert_eq!(all[2]["response"]["json"]["detail"], "Application \"thing\" not found");
    assert_eq!(requests(&fal, "?status=404").await.len(), 1);
    let bad = fal.get(&format!("{}/_emulator/requests?kind=dance", fal.emulator.url())).await;
    assert_eq!(bad.status, 422);
}

#[tokio::test]
async fn refused_and_damaged_requests_are_recorded_as_such_and_tokens_are_not() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_request(RequestKind::Run).cut(FaultPoint::Body(5)).times(1);
    let cut = fal.http.post(format!("{}/{ID}", fal.urls.run)).body(input().to_string()).send().await.unwrap();
    assert!(cut.bytes().await.is_err());
    let large = fal.send(Method::POST, &format!("{}/{ID}", fal.urls.run), &[], vec![b' '; 11 << 20]).await;
    assert_eq!(large.status, 413);
    let token = format!("{}/tokens/", fal.urls.rest);
    fal.send(Method::POST, &token, &[], json!({"allowed_apps": ["flux"]}).to_string()).await;
    let all = requests(&fal, "").await;
    assert_eq!(
        (&all[0]["response"]["complete"], &all[0]["response"]["status"]),
        (&json!(false), &json!(200))
    );
    assert_eq!(all[1]["response"]["status"], 413);
    let token = &all[2]["response"];
    assert!(token["bytes"].as_u64().unwrap() > 20 && token.get("json").is_none(), "{token}");
}

#[tokio::test]
async fn streams_are_recorded_to_their_end() {
    let fal = TestEmulator::instant().await;
    fal.run(&format!("{ID}/stream"), &input()).await;
    let all = requests(&fal, "?kind=stream").await;
    let text = all[0]["response"]["text"].as_str().unwrap();
    assert!(text.starts_with("data: {") && text.contains("seed"), "{text}");
}

#[tokio::test]
async fn expect_waits_until_enough_calls_matched() {
    let fal = TestEmulator::instant().await;
    let wanted =
        json!({"kind": "submit", "endpoint": ID, "json": {"prompt": "a cat"}, "count": 2, "seconds": 300});
    let calls = async {
        fal.submit(ID, &json!({"prompt": "a dog"})).await;
        fal.submit(ID, &input()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        fal.submit(ID, &input()).await;
    };
    let started = Instant::now();
    let ((status, body), ()) = tokio::join!(expect(&fal, &wanted), calls);
    assert_eq!((status, body["requests"].as_array().unwrap().len()), (200, 2));
    assert!(started.elapsed() < Duration::from_secs(60));
    let answered = json!({"kind": "submit", "status": 200, "count": 3});
    assert_eq!(expect(&fal, &answered).await.0, 200);

    let (status, body) = expect(&fal, &json!({"kind": "cancel", "seconds": 0.05})).await;
    assert_eq!(status, 417);
    assert_eq!(body["detail"], "expected 1 cancel requests within 0.05 s, but 0 came, and 3 others");
    assert_eq!(expect(&fal, &json!({"kind": "cancel", "count": 0})).await.0, 200);
    let (status, body) = expect(&fal, &json!({"kind": "submit", "count": 0})).await;
    assert_eq!((status, &body["detail"]), (417, &json!("expected no submit requests, but 3 came")));
    for bad in [
        json!({"kind": "dance"}),
        json!({"seconds": -1}),
        json!({"seconds": 601}),
        json!({"times": 2}),
        json!({"count": 20_001}),
        json!(1),
    ] {
        assert_eq!(expect(&fal, &bad).await.0, 422, "{bad}");
    }
}

#[tokio::test]
async fn requests_are_exported_as_an_http_archive() {
    let fal = TestEmulator::instant().await;
    let headers =
        [("host", "fal.run"), ("authorization", "Key a:verysecret"), ("content-type", "application/json")];
    let url = format!("{}/{ID}?x=1", fal.emulator.url());
    assert_eq!(fal.send(Method::POST, &url, &headers, input().to_string()).await.status, 200);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let reply = fal.get(&format!("{}/_emulator/requests.har", fal.emulator.url())).await;
    assert!(reply.header("content-disposition").contains("fal-emulator.har"));
    let har = reply.json();
    assert!(!har.to_string().contains("verysecret"));
    let entry = &har["log"]["entries"][0];
    assert_eq!(entry["request"]["url"], format!("https://fal.run/{ID}?x=1"));
    assert_eq!(entry["response"]["status"], 200);
    assert!(entry["response"]["content"]["text"].as_str().unwrap().contains("images"));
}
