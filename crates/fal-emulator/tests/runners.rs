//! Limited runners, for which requests wait.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

/// Starts an emulator with one runner, which takes a minute for each request, and a manual clock.
async fn one_runner() -> TestEmulator {
    let pace = Pace::default().run(Duration::from_secs(60));
    TestEmulator::start(Emulator::builder().pace(pace).runners(1).manual_clock()).await
}

async fn submit(fal: &TestEmulator, headers: &[(&str, &str)]) -> Value {
    let url = format!("{}/{ID}", fal.urls.queue);
    let answer = fal.send(Method::POST, &url, headers, input().to_string()).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Fetches the status and queue position of each request.
async fn states(fal: &TestEmulator, receipts: &[Value]) -> Vec<(String, Option<u64>)> {
    let mut states = Vec::new();
    for receipt in receipts {
        let state = fal.get(receipt["status_url"].as_str().unwrap()).await.json();
        states.push((state["status"].as_str().unwrap().to_owned(), state["queue_position"].as_u64()));
    }
    states
}

fn queued(position: u64) -> (String, Option<u64>) {
    ("IN_QUEUE".to_owned(), Some(position))
}

fn other(status: &str) -> (String, Option<u64>) {
    (status.to_owned(), None)
}

#[tokio::test]
async fn positions_follow_the_order_and_low_priority_waits() {
    let fal = one_runner().await;
    let mut all = Vec::new();
    for priority in ["normal", "low", "normal"] {
        all.push(submit(&fal, &[("x-fal-queue-priority", priority)]).await);
    }
    assert_eq!(states(&fal, &all).await, [other("IN_PROGRESS"), queued(1), queued(0)]);
    // Each endpoint has its own runner.
    fal.emulator.on_endpoint("acme/app").reply(|_| json!({}));
    let elsewhere = fal.submit("acme/app", &json!({})).await;
    assert_eq!(states(&fal, &[elsewhere]).await, [other("IN_PROGRESS")]);
    fal.emulator.advance(Duration::from_secs(60));
    assert_eq!(states(&fal, &all).await, [other("COMPLETED"), queued(0), other("IN_PROGRESS")]);
    let cancel = fal.send(Method::PUT, all[2]["cancel_url"].as_str().unwrap(), &[], "").await;
    assert_eq!(cancel.status, 202);
    assert_eq!(states(&fal, &all).await, [other("COMPLETED"), other("IN_PROGRESS"), other("COMPLETED")]);
    let url = format!("{}/{ID}", fal.urls.queue);
    // The service ignores unknown priorities.
    let unknown = fal.send(Method::POST, &url, &[("x-fal-queue-priority", "high")], "{}").await;
    assert_eq!(unknown.status, 200);
}

#[tokio::test]
async fn requests_past_their_start_deadline_are_not_started() {
    let fal = one_runner().await;
    let first = submit(&fal, &[]).await;
    let hasty = submit(&fal, &[("x-fal-request-timeout", "30.0")]).await;
    let last = submit(&fal, &[]).await;
    assert_eq!(states(&fal, &[first.clone(), hasty.clone(), last.clone()]).await[2], queued(1));
    fal.emulator.advance(Duration::from_secs(30));
    let all = [first, hasty, last];
    assert_eq!(states(&fal, &all).await, [other("IN_PROGRESS"), other("COMPLETED"), queued(0)]);
    let result = fal.get(all[1]["response_url"].as_str().unwrap()).await;
    assert_eq!((result.status.as_u16(), result.header("x-fal-request-timeout-type")), (504, "user"));
}

#[tokio::test]
async fn direct_calls_are_refused_while_all_runners_are_busy() {
    let fal = one_runner().await;
    submit(&fal, &[]).await;
    let busy = fal.run(ID, &input()).await;
    assert_eq!(busy.status, 429);
    assert_eq!(busy.header("x-fal-needs-retry"), "1");
    assert_eq!(busy.json()["error_type"], "concurrent_requests_limit");
    fal.emulator.advance(Duration::from_secs(60));
    let input = input();
    let run = fal.run(ID, &input);
    let advance = async {
        fal.emulator.wait_for(|request| request.line().starts_with("POST /run")).await;
        loop {
            fal.emulator.advance(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let run = tokio::select! {
        run = run => run,
        () = advance => unreachable!(),
    };
    assert_eq!(run.status, 200);
}

#[tokio::test]
async fn max_queue_length_refuses_requests_that_would_wait_longer() {
    let fal = one_runner().await;
    let submit = async |most: &str| {
        let url = format!("{}/{ID}?fal_max_queue_length={most}", fal.urls.queue);
        fal.post(&url, &input()).await.status.as_u16()
    };
    assert_eq!(submit("0").await, 200);
    assert_eq!(submit("0").await, 200, "it runs, and nobody waits");
    assert_eq!(submit("0").await, 429);
    assert_eq!(submit("1").await, 200);
    assert_eq!(submit("many").await, 400);
    let simulated = TestEmulator::stuck().await;
    let url = |most| format!("{}/{ID}?fal_max_queue_length={most}", simulated.urls.queue);
    let refused = simulated.post(&url(1), &input()).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-fal-needs-retry")), (429, "1"));
    assert_eq!(simulated.post(&url(2), &input()).await.status, 200);
}

#[tokio::test]
async fn the_same_runner_hint_selects_the_same_runner() {
    let fal = TestEmulator::instant().await;
    let mut runners = Vec::new();
    for hint in ["a", "a", "b"] {
        let url = format!("{}/{ID}", fal.urls.queue);
        let headers = [("x-fal-runner-hint", hint)];
        let receipt = fal.send(Method::POST, &url, &headers, input().to_string()).await.json();
        let result = fal.get(receipt["response_url"].as_str().unwrap()).await;
        runners.push(result.header("x-fal-served-from").to_owned());
    }
    assert!(runners[0].starts_with("runner-") && runners[0] == runners[1] && runners[1] != runners[2]);
    assert!(fal.run(ID, &input()).await.header("x-fal-served-from").starts_with("runner-"));
}

#[tokio::test]
async fn ignore_cancel_completes_running_requests_and_not_waiting_ones() {
    let fal = one_runner().await;
    fal.emulator.on_endpoint(ID).ignore_cancel();
    let (running, waiting) = (submit(&fal, &[]).await, submit(&fal, &[]).await);
    for (receipt, outcome) in [(&running, (202, "CANCELLATION_REQUESTED")), (&waiting, (200, "OK"))] {
        let cancel = fal.send(Method::PUT, receipt["cancel_url"].as_str().unwrap(), &[], "").await;
        assert_eq!(cancel.status_and_json(), (outcome.0, json!({"status": outcome.1})));
    }
    fal.emulator.advance(Duration::from_secs(60));
    assert_eq!(fal.get(running["response_url"].as_str().unwrap()).await.status, 200);
    assert_eq!(fal.get(waiting["response_url"].as_str().unwrap()).await.status, 499);
}
