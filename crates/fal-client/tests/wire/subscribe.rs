//! Subscribing: from submit to result, with failures on the way.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fal_client::{
    Error, ErrorKind,
    batch::FileJournal,
    queue::{Ticket, Update},
    reconcile::Reconciled,
};
use serde_json::{Value, json};

use crate::{
    job::accepted,
    model::{Model, cat},
    server::{Reaction, Received, Server, bytes, json as answer},
};

const SOON: Duration = Duration::from_millis(1);

/// Starts a queue that reports one of `states` after the other, stays in the last, and has `result`.
async fn queue(states: Vec<Value>, result: impl Fn() -> Reaction + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        // No stream, because polls are tested here.
        path if path.ends_with("/status/stream") => answer(404, &json!({"detail": "Not Found"})),
        path if path.ends_with("/status") => answer(202, &states[request.nth.min(states.len() - 1)]),
        path if path.ends_with("/cancel") => answer(202, &json!({"status": "CANCELLATION_REQUESTED"})),
        _ => result(),
    })
    .await
}

fn is_cancel(request: &Received) -> bool {
    request.line() == "PUT /queue/acme/app/requests/r1/cancel"
}

#[tokio::test]
async fn progress_and_log_lines_are_reported_once() {
    let lines =
        |text: &str| -> Value { text.chars().map(|line| json!({"message": line.to_string()})).collect() };
    let states = vec![
        json!({"status": "IN_QUEUE", "queue_position": 2}),
        json!({"status": "IN_QUEUE", "queue_position": 2}),
        json!({"status": "IN_QUEUE", "queue_position": 0}),
        json!({"status": "IN_PROGRESS", "logs": lines("a")}),
        json!({"status": "IN_PROGRESS", "logs": lines("abb")}),
        json!({"status": "IN_PROGRESS", "logs": lines("abb")}),
        json!({"status": "COMPLETED", "logs": lines("abbc")}),
    ];
    let server = queue(states, || answer(200, &json!({"seed": 7}))).await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = told.clone();
    let reply = server
        .client()
        .subscribe(cat())
        .logs()
        .poll_every(SOON)
        .on_update(move |update| {
            let state = match update {
                Update::Queued { position, .. } => format!("queued {position}"),
                Update::Running { .. } => "running ".to_owned(),
                Update::Completed { .. } => "completed ".to_owned(),
                _ => "unknown".to_owned(),
            };
            let lines: String = update.logs().iter().map(|line| line.message.as_str()).collect();
            notes.lock().unwrap().push(state + &lines);
        })
        .await
        .unwrap();
    assert_eq!((reply.seed, reply.request_id()), (7, "r1"));
    assert_eq!(*told.lock().unwrap(), ["queued 2", "queued 0", "running a", "running bb", "completed c"]);
    let polls = server.lines().iter().filter(|line| line.ends_with("/status?logs=1")).count();
    // One more poll after the end, for late lines.
    assert_eq!((polls, server.received().len()), (8, 10));
}

#[tokio::test]
async fn status_is_polled_without_a_stream() {
    let server = queue(vec![json!({"status": "COMPLETED"})], || answer(200, &json!({"seed": 7}))).await;
    server.client().subscribe(cat()).await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /queue/acme/app/edit",
            "GET /queue/acme/app/requests/r1/status/stream?logs=0",
            "GET /queue/acme/app/requests/r1/status?logs=0",
            "GET /queue/acme/app/requests/r1",
        ]
    );
}

#[tokio::test]
async fn failed_job_is_an_error_with_the_message_of_the_service() {
    let states = vec![json!({"status": "COMPLETED", "error": "Invalid status code: 422", "error_type": "x"})];
    let server = queue(states, || {
        let body = r#"{"detail":[{"loc":["body","prompt"],"msg":"no","type":"content_policy_violation"}]}"#;
        bytes(422, &[("content-type", "application/json"), ("x-fal-request-id", "gateway")], body)
    })
    .await;
    let error = server.client().subscribe(cat()).await.unwrap_err();
    let ErrorKind::Validation(fields) = error.kind() else { panic!("{error:?}") };
    assert_eq!(fields[0].error_type, "content_policy_violation");
    assert_eq!((error.status().unwrap().as_u16(), error.request_id()), (422, Some("r1")));
    assert!(error.body().unwrap().starts_with(b"{\"detail\""));
}

#[tokio::test]
async fn failure_of_a_job_is_fetched_once() {
    let states = vec![json!({"status": "COMPLETED", "error": "gone", "error_type": "runner_disconnected"})];
    let server =
        queue(states, || answer(503, &json!({"detail": "gone", "error_type": "runner_disconnected"}))).await;
    let error = server.client().subscribe(cat()).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.error_type()), (503, Some("runner_disconnected")));
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn failed_job_is_an_error_even_if_its_result_is_a_success() {
    let states = vec![json!({"status": "COMPLETED", "error": "it broke", "error_type": "internal_error"})];
    let server = queue(states, || bytes(200, &[("x-fal-billable-units", "2")], r#"{"seed": 7}"#)).await;
    let error = server.client().subscribe(cat()).await.unwrap_err();
    assert_eq!((error.message(), error.error_type()), ("it broke", Some("internal_error")));
    assert_eq!(error.headers()["x-fal-billable-units"], "2");
    assert!(matches!(error.kind(), ErrorKind::Api));
}

#[tokio::test]
async fn unknown_status_is_waited_through() {
    let statuses = vec![json!({"status": "FAILED"}), json!({"status": "COMPLETED"})];
    let server = queue(statuses, || answer(200, &json!({"seed": 7}))).await;
    assert_eq!(server.client().subscribe(cat()).await.unwrap().seed, 7);
    // A caller that asks once gets the state.
    let server = queue(vec![json!({"status": "FAILED"})], || answer(200, &json!({"seed": 7}))).await;
    let error = server.client().endpoint::<Model>().job("r1").status().await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("`FAILED`"), "{error}");
}

#[tokio::test]
async fn timeout_covers_the_submit() {
    let server = Server::start(|_, _| Reaction::Hang).await;
    let error = server.client().subscribe(cat()).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout() && error.request_id().is_none(), "{error:?}");
}

#[tokio::test]
async fn wait_has_its_own_timeout_and_does_not_cancel() {
    let server = queue(vec![json!({"status": "IN_PROGRESS"})], || Reaction::Hang).await;
    let job = server.client().endpoint::<Model>().job("r1");
    let error = job.wait().poll_every(SOON).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout() && error.request_id() == Some("r1"), "{error:?}");
    assert!(!server.received().iter().any(is_cancel));
}

#[tokio::test]
async fn dropped_call_is_cancelled_with_cancel_on_drop() {
    let server = queue(vec![json!({"status": "IN_PROGRESS"})], || Reaction::Hang).await;
    let call = server.client().subscribe(cat()).poll_every(SOON).cancel_on_drop().into_future();
    let task = tokio::spawn(call);
    server.wait_for(|request| request.path.ends_with("/status")).await;
    task.abort();
    server.wait_for(is_cancel).await;
}

#[tokio::test]
async fn finished_call_is_not_cancelled() {
    let server = queue(vec![json!({"status": "COMPLETED"})], || answer(200, &json!({"seed": 7}))).await;
    let client = server.client();
    client.subscribe(cat()).cancel_on_drop().await.unwrap();
    // A task that the drop had spawned would have run before this response arrives.
    client.endpoint::<Model>().job("r1").status().await.unwrap();
    assert!(!server.received().iter().any(is_cancel));
}

/// A caller that makes the call again must not pay for an output that is only out of reach.
#[tokio::test]
async fn result_that_cannot_be_fetched_or_read_is_no_end_of_the_request() {
    let failed = || json!({"status": "COMPLETED", "error": "it broke", "error_type": "internal_error"});
    let completed = || json!({"status": "COMPLETED"});
    let table = [
        (failed(), 500, json!({"detail": "out of memory"}), (true, true, true)),
        (failed(), 200, json!({"seed": 7}), (true, true, false)),
        (completed(), 422, json!({"detail": "no"}), (true, true, false)),
        (completed(), 500, json!({"detail": "no"}), (false, true, true)),
        (completed(), 200, json!({"seed": "seven"}), (false, true, true)),
    ];
    for (state, status, result, fate) in table {
        let shown = format!("{state} {status} {result}");
        let server = queue(vec![state], move || answer(status, &result)).await;
        let error = server.client().subscribe(cat()).await.unwrap_err();
        assert_eq!(
            (error.has_ended(), error.was_accepted(), error.may_be_accepted()),
            fate,
            "{shown}: {error}"
        );
    }
}

/// Starts a queue that serves the endpoint by another app, and knows the request under the name of that app only. The request
/// is completed, and has `result`.
async fn alias(result: impl Fn() -> Reaction + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => {
            let request = format!("{url}/queue/acme/served/requests/r1");
            answer(
                200,
                &json!({
                    "request_id": "r1", "response_url": request,
                    "status_url": format!("{request}/status"), "cancel_url": format!("{request}/cancel"),
                }),
            )
        }
        "/queue/acme/served/requests/r1/status" => answer(200, &json!({"status": "COMPLETED"})),
        "/queue/acme/served/requests/r1" => result(),
        _ => answer(404, &json!({"detail": "Not Found"})),
    })
    .await
}

async fn ticket_of(error: &Error, server: &Server) -> Ticket<Model> {
    match error.reconcile(&server.client()).await.unwrap() {
        Reconciled::Found(ticket) => ticket,
        other => panic!("{other:?}: {error}"),
    }
}

/// The loop that the guide shows.
#[tokio::test]
async fn accepted_request_of_an_alias_is_waited_for_at_the_urls_of_the_queue() {
    let is_up = Arc::new(AtomicBool::new(false));
    let state = is_up.clone();
    let server = alias(move || match state.load(Ordering::Relaxed) {
        true => answer(200, &json!({"seed": 7})),
        false => answer(404, &json!({"detail": "gone"})),
    })
    .await;
    let client = server.client();
    let error = client.subscribe(cat()).await.unwrap_err();
    assert!(error.may_be_accepted() && !error.has_ended(), "{error:?}");
    let ticket = ticket_of(&error, &server).await;
    is_up.store(true, Ordering::Relaxed);
    assert_eq!(client.resume(ticket).wait().await.unwrap().seed, 7);
    let paths: Vec<_> = server.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths[0], "/queue/acme/app/edit");
    assert!(paths[1..].iter().all(|path| path.starts_with("/queue/acme/served/requests/r1")), "{paths:?}");
}

#[tokio::test]
async fn every_error_of_an_accepted_request_has_its_ticket_with_the_urls_of_the_queue() {
    let table = [
        (404, json!({"detail": "gone"})),
        (422, json!({"detail": "no"})),
        (500, json!({"detail": "busy"})),
        // No output of the model.
        (200, json!({"seed": "seven"})),
    ];
    for (status, result) in table {
        let server = alias(move || answer(status, &result)).await;
        let client = server.client();
        let job = client.submit(cat()).await.unwrap();
        let mut errors = vec![
            client.subscribe(cat()).await.unwrap_err(),
            job.wait().await.unwrap_err(),
            job.result().await.unwrap_err(),
        ];
        // The second run has a failure, and an output, from the journal.
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let journal = FileJournal::open(folder.path().join("journal")).unwrap();
            let replies = client.batch([cat()]).journal(journal).keep_outputs().await.unwrap();
            errors.extend(replies.into_iter().filter_map(Result::err));
        }
        assert_eq!(errors.len(), 5);
        for error in &errors {
            assert!(error.was_accepted() && ticket_of(error, &server).await == job.ticket(), "{error:?}");
        }
    }
}
