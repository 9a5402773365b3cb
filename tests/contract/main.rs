//! The requests of the client and the replies of the emulator, compared with the documents of fal's protocol in
//! `schemas/inference`.
//!
//! A difference fails with one line that names it. So does everything that a document describes and nothing sends or
//! answers: a new state or header of fal's needs support here before the test passes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod calls;
mod document;
mod recording_proxy;

use document::{Document, Findings};
use recording_proxy::Exchange;
use serde_json::{Value, json};

const QUEUE: &str = include_str!("../../schemas/inference/queue.json");
const SYNC: &str = include_str!("../../schemas/inference/sync.json");

/// Compares the exchanges with both documents, after `change` has changed them.
fn check(exchanges: &[Exchange], change: impl Fn(&mut Value)) -> Vec<Findings> {
    let read = |text: &str| {
        let mut document = serde_json::from_str(text).unwrap();
        change(&mut document);
        document
    };
    let documents = [Document::new("queue", "queue", read(QUEUE)), Document::new("sync", "run", read(SYNC))];
    documents.iter().map(|document| document.check(exchanges)).collect()
}

fn lines(exchanges: &[Exchange], change: impl Fn(&mut Value)) -> Vec<String> {
    check(exchanges, change).iter().flat_map(Findings::lines).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn client_and_emulator_follow_the_documents() {
    let exchanges = calls::record().await;
    let findings = check(&exchanges, |_| {});
    let problems: Vec<String> = findings.iter().flat_map(Findings::lines).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));

    // The deprecated header is sent for services that do not know its successor, and never without it.
    for deprecated in findings.iter().map(|findings| &findings.deprecated) {
        assert_eq!(deprecated.keys().collect::<Vec<_>>(), ["X-Fal-Request-Timeout"]);
    }
    for exchange in exchanges.iter().filter(|exchange| exchange.is_of_client) {
        let headers = ["x-fal-request-timeout", "x-fal-request-start-timeout"];
        let [old, new] = headers.map(|name| exchange.request.header(name));
        assert!(old == new, "{old:?} is not {new:?}");
    }

    a_changed_document_fails_with_a_line_that_names_the_change(&exchanges);
}

/// Checks that each change of the documents that fal could make is found, and is reported in one line.
fn a_changed_document_fails_with_a_line_that_names_the_change(exchanges: &[Exchange]) {
    for (pointer, new, expected) in changes() {
        let change = |document: &mut Value| {
            if document["info"]["title"] == "fal queue" {
                *document.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) =
                    new.clone();
            }
        };
        let problems = lines(exchanges, change);
        assert!(
            problems.len() == 1 && problems[0].contains(expected),
            "{expected}:\n{}",
            problems.join("\n")
        );
    }
}

/// Returns changes of the document of the queue: the changed place, its new value, and the line that names the change.
fn changes() -> Vec<(&'static str, Value, &'static str)> {
    let schema =
        |name: &str| serde_json::from_str::<Value>(QUEUE).unwrap()["components"]["schemas"][name].clone();
    let mut required = schema("SubmitReply")["required"].clone();
    required.as_array_mut().unwrap().push(json!("expires_at"));
    let mut parameters =
        serde_json::from_str::<Value>(QUEUE).unwrap()["paths"]["/{owner}/{app}"]["post"]["parameters"]
            .clone();
    let new = json!({"name": "X-Fal-Deadline", "in": "header", "schema": {"type": "string"}});
    parameters.as_array_mut().unwrap().push(new);
    vec![
        (
            "/components/parameters/RetryConfig/name",
            json!("X-Fal-Retries"),
            "queue: request: the header `x-fal-retry-config` is not in the document (submit, submitToPath)",
        ),
        (
            "/components/parameters/StartTimeout/schema/exclusiveMinimum",
            json!(1.2),
            "queue: request: the header `X-Fal-Request-Start-Timeout`: 1 is less than or equal to the minimum of 1.2",
        ),
        (
            "/components/parameters/Priority/schema/enum",
            json!(["normal", "background"]),
            "queue: request: the header `X-Fal-Queue-Priority`: \"low\" is not one of \"normal\" or \"background\"",
        ),
        (
            "/paths/~1{owner}~1{app}/post/parameters",
            parameters,
            "queue: request: nothing sends `X-Fal-Deadline` (submit)",
        ),
        (
            "/components/schemas/WaitingStatus/properties/status/enum",
            json!(["IN_QUEUE", "RUNNING"]),
            "queue: reply: /status: \"IN_PROGRESS\" is not one of \"IN_QUEUE\" or \"RUNNING\" (status, streamStatus)",
        ),
        (
            "/components/schemas/WaitingStatus/properties/status/enum",
            json!(["IN_QUEUE", "IN_PROGRESS", "PAUSED"]),
            "queue: reply: no status is \"PAUSED\"",
        ),
        (
            "/components/schemas/SubmitReply/required",
            required,
            "queue: reply: \"expires_at\" is a required property (submit, submitToPath)",
        ),
        (
            "/components/headers/ServedFrom",
            json!({"schema": {"type": "integer"}}),
            "queue: reply: the header `X-Fal-Served-From`: ",
        ),
        (
            "/components/headers/RequestId/schema",
            json!({"type": "string", "pattern": "^req_"}),
            "queue: reply: the header `X-Fal-Request-Id`: ",
        ),
        (
            "/paths/~1{owner}~1{app}~1requests~1{request_id}~1cancel",
            json!({"post": {"operationId": "cancel", "responses": {}}}),
            "queue: put is not a method of /{owner}/{app}/requests/{request_id}/cancel",
        ),
        (
            "/paths/~1{owner}~1{app}~1requests~1{request_id}~1cancel/put/responses/400/content/application~1json/schema",
            json!({"required": ["detail"]}),
            "queue: reply: \"detail\" is a required property (cancel)",
        ),
    ]
}
