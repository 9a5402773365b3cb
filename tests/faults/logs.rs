//! Log lines, whatever happens to the status stream.

use std::sync::{Arc, Mutex};

use fal_client::{Client, queue::Update};
use fal_emulator::{Answer, At, Emulator, Rule, Verb};
use serde_json::json;

use crate::{cell::quick, model::Input};

const LINES: usize = 5;

/// Subscribes while `rules` are in force. What was told: positions, and lines.
async fn told(rules: impl Fn(&Emulator) + Send) -> (Vec<u32>, Vec<String>) {
    let emulator = Emulator::start().await.unwrap();
    let mut script = emulator.on_endpoint("acme/app/edit").queue([3, 2, 2, 0]).reply(|_| json!({"seed": 7}));
    for line in 0..LINES {
        script = script.log(format!("line {line}"));
    }
    rules(&emulator);
    let client = Client::builder().emulator(emulator.url()).retry(quick()).build().unwrap();
    let told: Arc<Mutex<Vec<Update>>> = Arc::default();
    let notes = told.clone();
    let call = client.subscribe(Input { prompt: "a cat" }).logs();
    let reply = call.on_update(move |update| notes.lock().unwrap().push(update.clone())).await.unwrap();
    assert_eq!(reply.seed, 7);
    let told = told.lock().unwrap();
    assert!(told.last().unwrap().is_completed());
    let positions = told.iter().filter_map(|update| match update {
        Update::Queued { position } => Some(*position),
        _ => None,
    });
    let lines = told.iter().flat_map(Update::logs).map(|line| line.message.clone());
    (positions.collect(), lines.collect())
}

/// A way to spoil the stream after so many events.
type Spoil = fn(Rule, usize) -> Rule;

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_told_once_and_in_order() {
    let expected: Vec<String> = (0..LINES).map(|line| format!("line {line}")).collect();
    // How it is spoilt, and after how many events.
    let spoils: [(&str, Spoil, usize); 5] = [
        ("closed", |rule, events| rule.cut(At::Event(events)), 8),
        ("reset", |rule, events| rule.reset(At::Event(events)), 8),
        ("twice", |rule, _| rule.twice(), 1),
        ("503", |rule, _| rule.answer(Answer::ingress_error(503)), 1),
        ("no stream", |rule, _| rule.content_type("application/json"), 1),
    ];
    let mut runs = Vec::new();
    for (name, spoil, most) in spoils {
        // The first stream, some, and all.
        for (events, streams) in (0..most).flat_map(|events| [(events, 1), (events, 3), (events, usize::MAX)])
        {
            let told = told(move |emulator| {
                spoil(emulator.at(Verb::StatusStream), events).times(streams);
            });
            runs.push((format!("{name} after {events} events, {streams} streams"), tokio::spawn(told)));
        }
    }
    for (name, run) in runs {
        let (positions, lines) = run.await.unwrap();
        assert_eq!(lines, expected, "{name}");
        assert!(positions.is_sorted_by(|a, b| a > b), "{name}: {positions:?}");
    }
}
