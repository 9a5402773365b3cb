//! Time limits of calls to the queue, in simulated time.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{future::join_all, stream};
use http::HeaderValue;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, Retry,
    sync::lock,
    transport::simulation::{self, events},
    untyped,
};

const LIMIT: Duration = Duration::from_secs(300);

/// Builds a client of a queue. `answer` gets the last part of the path of a request; without an answer, it hangs.
///
/// Returns the client with a list of the requests.
fn queue(
    answer: impl Fn(&str) -> Option<Response> + Send + Sync + 'static,
) -> (Client, Arc<Mutex<Vec<String>>>) {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let received = lines.clone();
    let builder = Client::builder().retry(Retry::none());
    let client = simulation::client(builder, move |request| {
        let path = request.url().path();
        lock(&received).push(format!("{} {path}", request.method()));
        let response = match path.rsplit('/').next() {
            Some("app") => Some(simulation::json(200, &json!({"request_id": "r1"}))),
            Some(last) => answer(last),
            None => None,
        };
        async move {
            match response {
                Some(response) => response,
                None => std::future::pending().await,
            }
        }
    });
    (client, lines)
}

fn running() -> Response {
    simulation::json(202, &json!({"status": "IN_PROGRESS"}))
}

fn silent_stream() -> Response {
    events(&[json!({"status": "IN_PROGRESS"})], stream::pending())
}

fn input() -> untyped::Input {
    untyped::input("acme/app", json!({}))
}

#[tokio::test(start_paused = true)]
async fn job_is_cancelled_after_the_timeout() {
    for has_stream in [false, true] {
        let (client, lines) = queue(move |last| match last {
            "stream" if has_stream => Some(silent_stream()),
            "stream" => Some(simulation::json(404, &json!({}))),
            "cancel" => Some(simulation::json(202, &json!({"status": "CANCELLATION_REQUESTED"}))),
            _ => Some(running()),
        });
        let start = Instant::now();
        let error = client.subscribe(input()).timeout(LIMIT).await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(error.to_string(), "acme/app: no answer within 300s; it was cancelled (request r1)");
        assert_eq!(start.elapsed(), LIMIT);
        assert_eq!(lock(&lines).last().unwrap(), "PUT /queue/acme/app/requests/r1/cancel");
    }
}

#[tokio::test(start_paused = true)]
async fn ticket_is_given_to_a_call_that_then_times_out() {
    let (client, _) = queue(|_| None);
    let given: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = given.clone();
    let call = client.subscribe(input()).timeout(LIMIT);
    let call = call.on_queued(move |ticket| lock(&notes).push(ticket.request_id().to_owned()));
    let start = Instant::now();
    let error = call.await.unwrap_err();
    assert!(error.is_timeout() && error.request_id() == Some("r1"), "{error:?}");
    assert_eq!(*lock(&given), ["r1"]);
    // The cancel is not answered either.
    assert_eq!(start.elapsed(), LIMIT + Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn state_that_is_not_known_is_waited_through_until_the_timeout() {
    let (client, _) = queue(|last| match last {
        "stream" => Some(simulation::json(404, &json!({}))),
        "cancel" => Some(simulation::json(202, &json!({"status": "CANCELLATION_REQUESTED"}))),
        _ => Some(simulation::json(200, &json!({"status": "FAILED"}))),
    });
    let error = client.subscribe(input()).timeout(LIMIT).await.unwrap_err();
    assert!(error.is_timeout() && error.request_id() == Some("r1"), "{error}");
}

/// The request turns out to be completed when it is cancelled.
#[tokio::test(start_paused = true)]
async fn outcome_of_a_job_that_has_completed_at_its_timeout_is_returned() {
    let done = || json!({"status": "COMPLETED"});
    let failed = || json!({"status": "COMPLETED", "error": "it broke", "error_type": "internal_error"});
    let refusal = || json!({"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]});
    let cases: [(Value, u16, Value, &str); 15] = [
        (done(), 200, json!({"seed": 7}), "reply"),
        // The model's own failures, which come again if the request is sent again.
        (done(), 422, refusal(), "422 body: no"),
        (done(), 499, json!({"detail": "cancelled"}), "499"),
        (failed(), 500, json!({"detail": "it broke"}), "500"),
        // Failures of fetching it.
        (done(), 500, json!({"detail": "busy"}), "its result can be fetched"),
        (done(), 503, json!({"detail": "busy"}), "its result can be fetched"),
        (done(), 401, json!({"detail": "no key"}), "its result can be fetched"),
        (done(), 404, json!({"detail": "gone"}), "its result can be fetched"),
        (done(), 302, json!({}), "its result can be fetched"),
        (done(), 307, json!({}), "its result can be fetched"),
        (done(), 407, json!({}), "its result can be fetched"),
        (done(), 408, json!({"detail": "slow"}), "its result can be fetched"),
        (done(), 425, json!({"detail": "early"}), "its result can be fetched"),
        // With `Retry-After`.
        (done(), 409, json!({"detail": "busy"}), "its result can be fetched"),
        (json!({"status": "IN_PROGRESS"}), 400, json!({"detail": "early"}), "its result can be fetched"),
    ];
    for (state, status, body, expected) in cases {
        let is_late = AtomicBool::new(false);
        let (client, _) = queue(move |last| {
            Some(match last {
                "stream" => simulation::json(404, &json!({})),
                "status" if is_late.load(Ordering::Relaxed) => simulation::json(200, &state),
                "status" => running(),
                "cancel" => {
                    is_late.store(true, Ordering::Relaxed);
                    simulation::json(400, &json!({"status": "ALREADY_COMPLETED"}))
                }
                _ => {
                    let mut response = simulation::json(status, &body);
                    if status == 409 {
                        response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
                    }
                    response
                }
            })
        });
        let outcome = match client.subscribe(input()).timeout(LIMIT).await {
            Ok(reply) if reply["seed"] == 7 => "reply".to_owned(),
            Ok(reply) => panic!("{reply:?}"),
            Err(error) => {
                assert_eq!(error.request_id(), Some("r1"), "{error}");
                assert_eq!(error.is_timeout(), expected.contains("fetched"), "{status}: {error}");
                assert!(error.was_accepted(), "{status}: {error}");
                // A caller that makes the call again must not pay for an output that is only out of reach.
                assert_eq!(error.has_ended(), !expected.contains("fetched"), "{status}: {error}");
                error.to_string()
            }
        };
        assert!(outcome.contains(expected), "{status}: {outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn queue_connections_limits_the_open_streams() {
    let (opened, polls): (Arc<AtomicUsize>, AtomicUsize) = (Arc::default(), AtomicUsize::new(0));
    let counter = opened.clone();
    let client = simulation::client(Client::builder().queue_connections(2), move |request| {
        let path = request.url().path();
        std::future::ready(match path.rsplit('/').next().unwrap() {
            "app" => simulation::json(200, &json!({"request_id": "r1"})),
            "stream" => {
                counter.fetch_add(1, Ordering::Relaxed);
                silent_stream()
            }
            "status" if polls.fetch_add(1, Ordering::Relaxed) < 40 => running(),
            "status" => simulation::json(200, &json!({"status": "COMPLETED"})),
            "cancel" => simulation::json(202, &json!({"status": "CANCELLATION_REQUESTED"})),
            _ => simulation::json(200, &json!({"seed": 7})),
        })
    });
    let polling =
        (0..6).map(|_| client.subscribe(input()).poll_every(Duration::from_millis(5)).into_future());
    let streaming = (0..6).map(|_| client.subscribe(input()).timeout(Duration::from_secs(2)).into_future());
    let (polled, streamed) = tokio::join!(join_all(polling), join_all(streaming));
    assert!(polled.iter().all(Result::is_ok));
    // Two waited for streams that stay silent; the others polled and noticed the end.
    assert_eq!(streamed.iter().filter(|reply| reply.is_ok()).count(), 4);
    assert!(opened.load(Ordering::Relaxed) <= 6, "{opened:?}");
}
