//! The status of a request as a stream of events.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

/// The events of a stream, one at a time.
struct Events {
    reply: Response,
    text: String,
}

impl Events {
    async fn open(fal: &TestEmulator, receipt: &Value, query: &str) -> Self {
        let url = format!("{}/stream{query}", receipt["status_url"].as_str().unwrap());
        let reply = fal.http.get(url).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        assert_eq!(reply.headers()["x-fal-request-id"], receipt["request_id"].as_str().unwrap());
        Self { reply, text: String::new() }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            match self.reply.chunk().await.unwrap() {
                Some(piece) => self.text.push_str(std::str::from_utf8(&piece).unwrap()),
                None => {
                    assert_eq!(self.text, "", "the stream ends with a whole event");
                    return None;
                }
            }
        }
    }

    /// Returns the status, the position and the new log lines of the next event.
    async fn next_summary(&mut self) -> Option<(String, Option<u64>, Option<Vec<String>>)> {
        let event = self.next().await?;
        let lines = event["logs"].as_array().map(|logs| {
            logs.iter().map(|log| log["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        });
        Some((event["status"].as_str().unwrap().to_owned(), event["queue_position"].as_u64(), lines))
    }
}

#[tokio::test]
async fn every_change_is_an_event_with_the_new_log_lines() {
    let pace = Pace::default()
        .ahead(1)
        .per_position(Duration::from_secs(60))
        .run(Duration::from_secs(60))
        .log_lines(2);
    let fal = TestEmulator::start(Emulator::builder().pace(pace).manual_clock()).await;
    let receipt = fal.submit(ID, &input()).await;
    let mut events = Events::open(&fal, &receipt, "?logs=1").await;
    let mut quiet = Events::open(&fal, &receipt, "").await;
    let line = |number: u32| format!("fal-emulator: step {number} of 2");
    let mut seen = Vec::new();
    for seconds in [0, 60, 60, 30, 30] {
        fal.emulator.advance(Duration::from_secs(seconds));
        seen.push(events.next_summary().await.unwrap());
    }
    let event = |status: &str, position, lines| (status.to_owned(), position, lines);
    assert_eq!(
        seen,
        [
            event("IN_QUEUE", Some(1), Some(vec![])),
            event("IN_QUEUE", Some(0), Some(vec![])),
            event("IN_PROGRESS", None, Some(vec![])),
            event("IN_PROGRESS", None, Some(vec![line(1)])),
            event("COMPLETED", None, Some(vec![line(2)])),
        ]
    );
    assert_eq!(events.next().await, None);
    assert_eq!(quiet.next_summary().await.unwrap(), event("IN_QUEUE", Some(1), None));
    let last = async {
        loop {
            let next = quiet.next().await.unwrap();
            if next["status"] == "COMPLETED" {
                return next;
            }
        }
    };
    let last = last.await;
    assert_eq!((&last["logs"], &last["metrics"]["inference_time"]), (&json!(null), &json!(60.0)));
    assert_eq!(last["response_url"], receipt["response_url"]);
}

#[tokio::test]
async fn scripted_steps_are_one_event_each() {
    let fal = TestEmulator::stuck().await;
    fal.emulator
        .on_endpoint(ID)
        .queue([1, 0])
        .log("a")
        .log("b")
        .fail(503, json!({"detail": "x", "error_type": "runner_disconnected"}));
    let receipt = fal.submit(ID, &input()).await;
    let mut events = Events::open(&fal, &receipt, "?logs=true").await;
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event);
    }
    let statuses: Vec<&str> = all.iter().map(|event| event["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]);
    assert_eq!(all[3]["logs"][0]["message"], "b");
    assert_eq!(all[3]["logs"].as_array().unwrap().len(), 1);
    assert_eq!(all[4]["error_type"], "runner_disconnected");
    let result = fal.get(receipt["response_url"].as_str().unwrap()).await;
    assert_eq!((result.status.as_u16(), result.header("x-fal-error-type")), (503, "runner_disconnected"));
}

#[tokio::test]
async fn a_cancel_ends_the_stream_and_later_streams_repeat_the_end() {
    let fal = TestEmulator::running().await;
    let receipt = fal.submit(ID, &input()).await;
    let mut events = Events::open(&fal, &receipt, "").await;
    assert_eq!(events.next().await.unwrap()["status"], "IN_PROGRESS");
    let cancel = fal.send(Method::PUT, receipt["cancel_url"].as_str().unwrap(), &[], "").await;
    assert_eq!(cancel.status, 202);
    for mut events in [events, Events::open(&fal, &receipt, "").await] {
        let end = events.next().await.unwrap();
        assert_eq!((&end["status"], &end["error_type"]), (&json!("COMPLETED"), &json!("client_cancelled")));
        assert_eq!(events.next().await, None);
    }
}

#[tokio::test]
async fn unknown_requests_have_no_stream() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/{ID}/requests/unknown/status/stream", fal.urls.queue);
    assert_eq!(fal.get(&url).await.status_and_json(), (404, json!({"status": "NOT_FOUND"})));
    assert_eq!(fal.send(Method::POST, &url, &[], "").await.status, 405);
}
