//! Log lines when the status stream breaks.

use std::sync::{Arc, Mutex};

use fal_client::{Client, queue::Update};
use fal_emulator::{Emulator, FaultPoint, RequestKind, ResponseTemplate, Rule};
use serde_json::json;

use crate::{case::quick, model::Input};

const LINES: usize = 5;

/// Subscribes while the emulator follows `rules`. Returns the positions and the log lines that were reported.
async fn subscribe(rules: impl Fn(&Emulator) + Send) -> (Vec<u32>, Vec<String>) {
    let emulator = Emulator::start().await.unwrap();
    let mut script = emulator.on_endpoint("acme/app/edit").queue([3, 2, 2, 0]).reply(|_| json!({"seed": 7}));
    for line in 0..LINES {
        script = script.log(format!("line {line}"));
    }
    rules(&emulator);
    let client = Client::builder().emulator(emulator.url()).retry(quick()).build().unwrap();
    let updates: Arc<Mutex<Vec<Update>>> = Arc::default();
    let seen = Arc::clone(&updates);
    let call = client.subscribe(Input { prompt: "a cat" }).logs();
    let reply = call.on_update(move |update| seen.lock().unwrap().push(update.clone())).await.unwrap();
    assert_eq!(reply.seed, 7);
    let updates = updates.lock().unwrap();
    assert!(updates.last().unwrap().is_completed());
    let positions = updates.iter().filter_map(|update| match update {
        Update::Queued { position, .. } => Some(*position),
        _ => None,
    });
    let lines = updates.iter().flat_map(Update::logs).map(|line| line.message.clone());
    (positions.collect(), lines.collect())
}

/// Breaks the stream after a number of events.
type Break = fn(Rule, usize) -> Rule;

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_reported_once_and_in_order_when_the_stream_breaks() {
    let expected: Vec<String> = (0..LINES).map(|line| format!("line {line}")).collect();
    // The name of the fault, the fault, and the numbers of events after which it happens.
    let breaks: [(&str, Break, usize); 5] = [
        ("closed", |rule, events| rule.cut(FaultPoint::Event(events)), 8),
        ("reset", |rule, events| rule.reset(FaultPoint::Event(events)), 8),
        ("twice", |rule, _| rule.twice(), 1),
        ("503", |rule, _| rule.respond(ResponseTemplate::ingress_error(503)), 1),
        ("no stream", |rule, _| rule.content_type("application/json"), 1),
    ];
    let mut runs = Vec::new();
    for (name, break_stream, numbers) in breaks {
        for events in 0..numbers {
            for streams in [1, 3, usize::MAX] {
                let run = subscribe(move |emulator| {
                    break_stream(emulator.on_request(RequestKind::StatusStream), events).times(streams);
                });
                runs.push((format!("{name} after {events} events, {streams} streams"), tokio::spawn(run)));
            }
        }
    }
    for (name, run) in runs {
        let (positions, lines) = run.await.unwrap();
        assert_eq!(lines, expected, "{name}");
        assert!(positions.is_sorted_by(|a, b| a > b), "{name}: {positions:?}");
    }
}
