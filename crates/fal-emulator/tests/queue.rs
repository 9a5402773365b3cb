//! The queue: submit, status, result, cancel.

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

/// Returns a URL of a receipt.
fn url<'a>(receipt: &'a Value, name: &str) -> &'a str {
    receipt[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_receipt_holds_the_id_urls_and_position() {
    let fal = TestEmulator::stuck().await;
    let receipt = fal.submit(ID, &input()).await;
    let id = receipt["request_id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
    let base = format!("{}/fal-ai/flux/requests/{id}", fal.urls.queue);
    assert_eq!(url(&receipt, "response_url"), base);
    assert_eq!(url(&receipt, "status_url"), format!("{base}/status"));
    assert_eq!(url(&receipt, "cancel_url"), format!("{base}/cancel"));
    assert_eq!((&receipt["status"], &receipt["queue_position"]), (&json!("IN_QUEUE"), &json!(2)));
}

#[tokio::test]
async fn receipt_urls_use_the_host_of_the_caller() {
    let fal = TestEmulator::stuck().await;
    let submit = format!("{}/{ID}", fal.urls.queue);
    let port = fal.emulator.url().rsplit(':').next().unwrap().to_owned();
    let host = format!("localhost:{port}");
    let answer = fal.send(Method::POST, &submit, &[("host", &host)], "{}").await.json();
    assert!(url(&answer, "status_url").starts_with(&format!("http://{host}/queue/")));
    assert_eq!(fal.send(Method::POST, &submit, &[("host", "a/b?c")], "{}").await.status, 403);
}

#[tokio::test]
async fn a_waiting_request_has_a_position_and_no_result() {
    let fal = TestEmulator::stuck().await;
    let receipt = fal.submit(ID, &input()).await;
    let (status, body) = fal.get(url(&receipt, "status_url")).await.status_and_json();
    assert_eq!((status, &body["status"], &body["queue_position"]), (202, &json!("IN_QUEUE"), &json!(2)));
    for name in ["request_id", "response_url", "status_url", "cancel_url"] {
        assert_eq!(body[name], receipt[name], "{name}");
    }
    assert_eq!((&body["logs"], &body["metrics"]), (&json!(null), &json!({})));
    let early = fal.get(url(&receipt, "response_url")).await.status_and_json();
    assert_eq!(early, (400, json!({"detail": "Request is still in progress"})));
}

#[tokio::test]
async fn a_running_request_has_logs_if_asked() {
    let fal = TestEmulator::running().await;
    let receipt = fal.submit(ID, &input()).await;
    let status_url = url(&receipt, "status_url");
    for (query, logs) in [
        ("", json!(null)),
        ("?logs=0", json!(null)),
        ("?logs=false", json!(null)),
        ("?logs=1", json!([])),
        ("?logs=true", json!([])),
    ] {
        let (status, body) = fal.get(&format!("{status_url}{query}")).await.status_and_json();
        assert_eq!((status, &body["status"]), (202, &json!("IN_PROGRESS")));
        assert_eq!(body.get("logs"), Some(&logs), "{query}");
        assert!(body.get("queue_position").is_none());
    }
}

#[tokio::test]
async fn a_completed_request_has_logs_metrics_and_a_result() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(ID, &input()).await;
    let answer = fal.get(&format!("{}?logs=1", url(&receipt, "status_url"))).await;
    assert_eq!(answer.header("x-fal-request-id"), receipt["request_id"]);
    let (status, body) = answer.status_and_json();
    assert_eq!((status, &body["status"]), (200, &json!("COMPLETED")));
    assert_eq!(body["metrics"]["inference_time"], 0.0);
    assert!(body.get("error").is_none() && body.get("error_type").is_none());
    let logs = body["logs"].as_array().unwrap();
    assert_eq!(logs.len(), 4);
    for log in logs {
        assert_eq!((&log["level"], &log["source"]), (&json!("INFO"), &json!("USER")));
        assert_eq!(log["labels"], json!({"level": "INFO", "source": "USER"}));
        assert!(log["timestamp"].as_str().unwrap().ends_with("+00:00"));
    }
    let result = fal.get(url(&receipt, "response_url")).await;
    assert_eq!(result.status, 200);
    assert_eq!(result.header("x-fal-request-id"), receipt["request_id"]);
    assert_eq!(result.json()["prompt"], "a cat");
}

#[tokio::test]
async fn a_result_can_be_fetched_again_by_any_of_its_urls() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(ID, &input()).await;
    let id = receipt["request_id"].as_str().unwrap();
    let first = fal.get(url(&receipt, "response_url")).await.json();
    for path in ["fal-ai/flux", "fal-ai/flux/dev", "123/other"] {
        let base = format!("{}/{path}/requests/{id}", fal.urls.queue);
        for end in ["", "/", "/response", "/response/"] {
            assert_eq!(fal.get(&format!("{base}{end}")).await.json(), first, "{path}{end}");
        }
        assert_eq!(fal.get(&format!("{base}/status/")).await.json()["status"], "COMPLETED");
    }
}

#[tokio::test]
async fn a_request_passes_through_every_state() {
    let pace =
        Pace::default().ahead(1).per_position(Duration::from_millis(100)).run(Duration::from_millis(200));
    let fal = TestEmulator::start(Emulator::builder().pace(pace).manual_clock()).await;
    let receipt = fal.submit(ID, &input()).await;
    let status_url = format!("{}?logs=1", url(&receipt, "status_url"));
    let mut states = Vec::new();
    let mut lines = 0;
    loop {
        let body = fal.get(&status_url).await.json();
        let now = body["logs"].as_array().map_or(0, Vec::len);
        assert!(now >= lines, "logs are cumulative");
        lines = now;
        let state = body["status"].as_str().unwrap().to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
        if body["status"] == "COMPLETED" {
            assert_eq!(body["metrics"]["inference_time"], 0.2);
            break;
        }
        fal.emulator.advance(Duration::from_millis(50));
    }
    assert_eq!(lines, 4);
    assert_eq!(states, ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]);
}

#[tokio::test]
async fn invalid_inputs_are_queued_and_fail_at_the_runner() {
    let fal = TestEmulator::instant().await;
    for (body, kind) in [("{}", "missing"), ("{\"prompt\"", "json_invalid")] {
        let submit = format!("{}/{ID}", fal.urls.queue);
        let receipt = fal.send(Method::POST, &submit, &[], body).await;
        assert_eq!(receipt.status, 200);
        let receipt = receipt.json();
        let (status, state) = fal.get(url(&receipt, "status_url")).await.status_and_json();
        assert_eq!((status, &state["status"]), (200, &json!("COMPLETED")));
        assert!(state["error"].is_string() && state["error_type"].is_string());
        let result = fal.get(url(&receipt, "response_url")).await;
        assert_eq!(result.status, 422);
        assert_eq!(result.header("x-fal-billable-units"), "0");
        assert_eq!(result.header("x-fal-request-id"), receipt["request_id"]);
        assert_eq!(result.json()["detail"][0]["type"], kind);
    }
}

#[tokio::test]
async fn unknown_apps_are_refused_at_once_and_unknown_paths_by_the_app() {
    let fal = TestEmulator::instant().await;
    let answer = fal.post(&format!("{}/nobody/nothing", fal.urls.queue), &json!({})).await;
    assert_eq!(answer.status_and_json(), (404, json!({"detail": "Application \"nothing\" not found"})));
    let receipt = fal.submit("fal-ai/flux/devv", &input()).await;
    let result = fal.get(url(&receipt, "response_url")).await;
    assert_eq!(result.status_and_json(), (404, json!({"detail": "Path /devv not found"})));
}

#[tokio::test]
async fn a_queued_request_is_removed_and_a_running_one_asked_to_stop() {
    let (queued, running) = (TestEmulator::stuck().await, TestEmulator::running().await);
    let accepted = [
        (queued, (200, json!({"status": "OK"})), "0"),
        (running, (202, json!({"status": "CANCELLATION_REQUESTED"})), ""),
    ];
    for (fal, outcome, billable_units) in accepted {
        let receipt = fal.submit(ID, &input()).await;
        let cancel =
            async || fal.send(Method::PUT, url(&receipt, "cancel_url"), &[], "").await.status_and_json();
        assert_eq!(cancel().await, outcome);
        assert_eq!(cancel().await, (400, json!({"status": "ALREADY_COMPLETED"})));
        let (status, body) = fal.get(url(&receipt, "status_url")).await.status_and_json();
        assert_eq!((status, &body["status"]), (200, &json!("COMPLETED")));
        assert_eq!(body["error_type"], "client_cancelled");
        let result = fal.get(url(&receipt, "response_url")).await;
        assert_eq!(result.status, 499);
        assert_eq!(result.header("x-fal-error-type"), "client_cancelled");
        assert_eq!(result.header("x-fal-billable-units"), billable_units);
    }
}

#[tokio::test]
async fn a_completed_request_cannot_be_cancelled() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(ID, &input()).await;
    let answer = fal.send(Method::PUT, url(&receipt, "cancel_url"), &[], "").await;
    assert_eq!(answer.status_and_json(), (400, json!({"status": "ALREADY_COMPLETED"})));
    assert_eq!(fal.get(url(&receipt, "response_url")).await.status, 200);
}

#[tokio::test]
async fn unknown_requests_are_not_found() {
    let fal = TestEmulator::instant().await;
    for id in ["00000000-0000-4000-8000-000000000000", "nonsense", "%00%20"] {
        let base = format!("{}/fal-ai/flux/requests/{id}", fal.urls.queue);
        let not_found = (404, json!({"status": "NOT_FOUND"}));
        assert_eq!(fal.get(&format!("{base}/status")).await.status_and_json(), not_found, "{id}");
        assert_eq!(fal.get(&base).await.status, 404, "{id}");
        let cancel = fal.send(Method::PUT, &format!("{base}/cancel"), &[], "").await;
        assert_eq!(cancel.status_and_json(), not_found, "{id}");
    }
}

#[tokio::test]
async fn a_request_that_misses_its_start_deadline_times_out() {
    let fal = TestEmulator::stuck().await;
    let submit = format!("{}/{ID}", fal.urls.queue);
    let headers = [("x-fal-request-start-timeout", "0.2"), ("x-fal-request-timeout", "3600")];
    let receipt = fal.send(Method::POST, &submit, &headers, input().to_string()).await.json();
    let state = loop {
        let state = fal.get(url(&receipt, "status_url")).await.json();
        if state["status"] == "COMPLETED" {
            break state;
        }
    };
    assert_eq!(state["error_type"], "request_timeout");
    let result = fal.get(url(&receipt, "response_url")).await;
    assert_eq!(result.status, 504);
    assert_eq!(result.header("x-fal-request-timeout-type"), "user");
}

#[tokio::test]
async fn malformed_start_timeouts_are_refused() {
    let fal = TestEmulator::instant().await;
    for service in [&fal.urls.queue, &fal.urls.run] {
        let names = ["x-fal-request-start-timeout", "x-fal-request-timeout"];
        let cases = names.iter().flat_map(|name| ["soon", "-1", "0", "NaN"].map(|value| (*name, value)));
        for (name, value) in cases {
            let headers = [(name, value)];
            let url = format!("{service}/{ID}");
            let answer = fal.send(Method::POST, &url, &headers, input().to_string()).await;
            assert_eq!(answer.status, 400, "{name}: {value}");
            assert_eq!(answer.header("x-fal-error-type"), "bad_request");
            assert_eq!(answer.json()["error_type"], "bad_request");
        }
    }
}

#[tokio::test]
async fn webhooks_and_trailing_slashes_are_accepted_at_submission() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit("fal-ai/whisper/?fal_webhook=http%3A%2F%2Fx", &json!({})).await;
    assert!(url(&receipt, "status_url").contains("/queue/fal-ai/whisper/requests/"));
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_refused() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(ID, &input()).await;
    let answer = fal.send(Method::POST, url(&receipt, "cancel_url"), &[], "").await;
    assert_eq!(answer.status, 405);
    let answer = fal.get(&format!("{}/weather", url(&receipt, "response_url"))).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_result_that_is_not_stored_is_kept_for_an_hour_and_a_large_one_for_six_minutes() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).manual_clock()).await;
    fal.emulator.on_endpoint("acme/echo").reply(|input| input);
    let submit = format!("{}/acme/echo", fal.urls.queue);
    let mut receipts = Vec::new();
    for (store, size) in [("0", 9_000), ("0", 10_000), ("1", 10_000)] {
        let body = json!({"text": "x".repeat(size)}).to_string();
        let receipt = fal.send(Method::POST, &submit, &[("x-fal-store-io", store)], body).await.json();
        receipts.push(url(&receipt, "response_url").to_owned());
    }
    for (minutes, expected) in [(6, [200, 200, 200]), (1, [200, 404, 200]), (54, [404, 404, 200])] {
        fal.emulator.advance(Duration::from_secs(60 * minutes));
        for (receipt, expected) in receipts.iter().zip(expected) {
            assert_eq!(fal.get(receipt).await.status, expected, "{receipt} after {minutes} more minutes");
        }
    }
}
