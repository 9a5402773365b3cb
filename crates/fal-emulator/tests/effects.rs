//! Options of a call that change its course: priority, start timeouts and lifecycles; and the number of results kept.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::TestEmulator;
use fal_emulator::{Emulator, Pace, RequestKind};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> String {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}}).to_string()
}

async fn call(fal: &TestEmulator, base: &str, header: (&str, &str)) -> (u16, Value) {
    fal.send(Method::POST, &format!("{base}/{ID}"), &[header], input()).await.status_and_json()
}

#[tokio::test]
async fn a_request_of_low_priority_waits_behind_more_others() {
    let fal = TestEmulator::stuck().await;
    for (priority, position) in [("normal", 2), ("low", 4)] {
        let (_, receipt) = call(&fal, &fal.urls.queue, ("x-fal-queue-priority", priority)).await;
        assert_eq!(receipt["queue_position"], position, "{priority}");
    }
}

#[tokio::test]
async fn a_direct_call_ends_at_its_start_timeout() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_request(RequestKind::Run).delay(Duration::from_secs(60)).times(1);
    let started = Instant::now();
    let url = format!("{}/{ID}", fal.urls.run);
    let late = fal.send(Method::POST, &url, &[("x-fal-request-timeout", "0.3")], input()).await;
    assert_eq!((late.status.as_u16(), late.header("x-fal-request-timeout-type")), (504, "user"));
    assert_eq!(late.json()["error_type"], "request_timeout");
    assert!(started.elapsed() < Duration::from_secs(30));
    fal.emulator.on_request(RequestKind::Run).delay(Duration::from_millis(10)).times(1);
    assert_eq!(call(&fal, &fal.urls.run, ("x-fal-request-timeout", "30")).await.0, 200);
}

#[tokio::test]
async fn files_of_an_output_have_the_lifecycle_of_the_call() {
    let fal = TestEmulator::instant().await;
    let hidden = r#"{"initial_acl": {"default": "hide"}}"#;
    let short = r#"{"expiration_duration_seconds": 4}"#;
    for name in ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"] {
        let (_, output) = call(&fal, &fal.urls.run, (name, hidden)).await;
        assert_eq!(fal.get(output["images"][0]["url"].as_str().unwrap()).await.status, 404);
        let (_, receipt) = call(&fal, &fal.urls.queue, (name, short)).await;
        let output = fal.get(receipt["response_url"].as_str().unwrap()).await.json();
        let url = output["images"][0]["url"].as_str().unwrap();
        assert_eq!(fal.get(url).await.status, 200);
        tokio::time::sleep(Duration::from_millis(4100)).await;
        assert_eq!(fal.get(url).await.status, 404);
        assert_eq!(call(&fal, &fal.urls.run, (name, r#"{"expiration_duration_seconds": "x"}"#)).await.0, 400);
    }
}

#[tokio::test]
async fn the_oldest_finished_requests_and_their_files_are_dropped() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).keep(3)).await;
    let mut receipts = Vec::new();
    let mut images = Vec::new();
    for _ in 0..15 {
        let (_, receipt) = call(&fal, &fal.urls.queue, ("x-other", "1")).await;
        let output = fal.get(receipt["response_url"].as_str().unwrap()).await.json();
        images.push(output["images"][0]["url"].as_str().unwrap().to_owned());
        receipts.push(receipt["status_url"].as_str().unwrap().to_owned());
    }
    let found = async |urls: &[String]| {
        let mut found = 0;
        for url in urls {
            found += usize::from(fal.get(url).await.status == 200);
        }
        found
    };
    assert_eq!((found(&receipts).await, found(&images).await), (3, 12));
    assert_eq!(fal.get(&receipts[14]).await.status, 200);
    let page: Value = fal.get(&format!("{}/_emulator/page/feed", fal.emulator.url())).await.json();
    assert_eq!(page["calls"].as_array().unwrap().len(), 15, "the page still lists them");
}

#[tokio::test]
async fn requests_that_have_not_ended_are_not_dropped() {
    let fal =
        TestEmulator::start(Emulator::builder().pace(Pace::instant().run(Duration::from_secs(3600))).keep(1))
            .await;
    let mut receipts = Vec::new();
    for _ in 0..5 {
        receipts.push(call(&fal, &fal.urls.queue, ("x-other", "1")).await.1);
    }
    for receipt in receipts {
        assert_eq!(fal.get(receipt["status_url"].as_str().unwrap()).await.status, 202);
    }
}

#[tokio::test]
async fn a_thousand_results_are_made_without_drawing_them() {
    let fal = TestEmulator::instant().await;
    let started = Instant::now();
    for _ in 0..1000 {
        assert_eq!(fal.run(ID, &json!({"prompt": "a cat"})).await.status, 200);
    }
    println!("1,000 results: {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn calls_without_a_seed_have_the_same_result_unless_seeds_are_random() {
    for (builder, is_same) in [(Emulator::builder(), true), (Emulator::builder().random_seeds(), false)] {
        let fal = TestEmulator::start(builder.pace(Pace::instant())).await;
        let mut made = Vec::new();
        for _ in 0..2 {
            let (_, output) = call(&fal, &fal.urls.run, ("x-other", "1")).await;
            let image = fal.get(output["images"][0]["url"].as_str().unwrap()).await.bytes;
            made.push((output["seed"].clone(), image));
        }
        assert_eq!(made[0] == made[1], is_same, "{} {}", made[0].0, made[1].0);
        let seeded = json!({"prompt": "a cat", "seed": 7, "image_size": {"width": 16, "height": 16}});
        assert_eq!(fal.run(ID, &seeded).await.json()["seed"], 7);
    }
}
