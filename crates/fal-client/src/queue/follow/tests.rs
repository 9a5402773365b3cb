use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::join_all, stream};
use serde_json::{Value, json};

use crate::{
    Client, Retry,
    transport::simulation::{self, events},
    untyped,
};

/// The behaviour of the status streams of a queue.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Streams {
    /// Each is answered with one event, and ends.
    Snapshot,
    /// Each is answered with one event that no other had, and ends.
    NewSnapshot,
    /// Each is opened and says nothing.
    Silent,
    /// Each breaks before its first event.
    Broken,
    /// Each is refused.
    Missing,
    /// Each brings an event and breaks, but every third goes on for 6 seconds.
    Flapping,
    /// The client does not ask for any.
    Unused,
}

/// Follows `jobs` jobs for this simulated time. Returns the number of requests about their status.
async fn requests_about(streams: Streams, jobs: usize, time: Duration) -> usize {
    let requests: Arc<AtomicUsize> = Arc::default();
    let opened = AtomicUsize::new(0);
    let counter = requests.clone();
    let service = move |request: &reqwest::Request| {
        let path = request.url().path();
        if path.contains("/status") {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let response = match path {
            path if path.ends_with("/stream") => stream_of(streams, opened.fetch_add(1, Ordering::Relaxed)),
            path if path.ends_with("/status") => simulation::json(202, &running()),
            _ => simulation::json(200, &json!({"request_id": "r1"})),
        };
        std::future::ready(response)
    };
    let client = simulation::client(Client::builder().retry(Retry::none()), service);
    let calls = (0..jobs).map(|_| {
        let call = client.subscribe(untyped::input("acme/app", json!({})));
        match streams {
            // The pauses of plain polling without trying a stream first.
            Streams::Unused => wait_by_polling(&client, time).boxed(),
            _ => tokio::time::timeout(time, call.into_future()).map(drop).boxed(),
        }
    });
    join_all(calls).await;
    requests.load(Ordering::Relaxed)
}

/// Polls a job with the pauses of plain polling.
async fn wait_by_polling(client: &Client, time: Duration) {
    let job = client.submit(untyped::input("acme/app", json!({}))).await.unwrap();
    let mut schedule = super::PollSchedule::default();
    let polling = async {
        loop {
            job.status().await.unwrap();
            tokio::time::sleep(schedule.next_pause()).await;
        }
    };
    tokio::time::timeout(time, polling).await.unwrap_err();
}

fn running() -> Value {
    json!({"status": "IN_PROGRESS", "logs": null})
}

fn stream_of(streams: Streams, nth: usize) -> reqwest::Response {
    let cut = || stream::iter([Err(io::Error::other("cut"))]);
    let silence = || stream::pending::<io::Result<String>>();
    let line = json!({"status": "IN_PROGRESS", "logs": [{"message": nth.to_string()}]});
    match streams {
        Streams::Snapshot => events(&[running()], stream::empty()),
        Streams::NewSnapshot => events(&[line], stream::empty()),
        Streams::Silent => events(&[], silence()),
        Streams::Broken => events(&[], cut()),
        Streams::Flapping if nth % 3 == 2 => {
            let end = stream::once(tokio::time::sleep(Duration::from_secs(6)));
            events(&[running()], end.map(|()| Err(io::Error::other("cut"))))
        }
        Streams::Flapping => events(&[running()], cut()),
        Streams::Missing | Streams::Unused => simulation::json(404, &json!({"detail": "Not Found"})),
    }
}

#[tokio::test(start_paused = true)]
async fn no_kind_of_stream_costs_more_requests_than_polling() {
    use Streams::{Broken, Flapping, Missing, NewSnapshot, Silent, Snapshot, Unused};
    let all: &[Streams] = &[Snapshot, NewSnapshot, Silent, Broken, Missing, Flapping];
    for (jobs, seconds, kinds) in [(1, 60, all), (1, 5, all), (1000, 3, all)] {
        let time = Duration::from_secs(seconds);
        let polled = requests_about(Unused, jobs, time).await;
        assert!(polled >= jobs * usize::try_from(seconds).unwrap(), "{polled}");
        for streams in kinds {
            let sent = requests_about(*streams, jobs, time).await;
            assert!(sent <= polled, "{streams:?}, {jobs} jobs: {sent} requests, {polled} by polling");
            assert!(sent >= polled / 5, "{streams:?}, {jobs} jobs: only {sent} requests");
        }
    }
}

/// The bound holds at every moment, but for the poll that follows the first stream.
#[tokio::test(start_paused = true)]
async fn first_stream_is_paid_for_before_the_second() {
    for streams in [Streams::Snapshot, Streams::Broken, Streams::Missing] {
        let sent: Arc<std::sync::Mutex<Vec<Duration>>> = Arc::default();
        let (start, times) = (tokio::time::Instant::now(), sent.clone());
        let opened = AtomicUsize::new(0);
        let client = simulation::client(Client::builder(), move |request| {
            let path = request.url().path();
            if path.contains("/status") {
                times.lock().unwrap().push(start.elapsed());
            }
            let response = match path {
                path if path.ends_with("/stream") => {
                    stream_of(streams, opened.fetch_add(1, Ordering::Relaxed))
                }
                path if path.ends_with("/status") => simulation::json(202, &running()),
                _ => simulation::json(200, &json!({"request_id": "r1"})),
            };
            std::future::ready(response)
        });
        let call = client.subscribe(untyped::input("acme/app", json!({}))).into_future();
        let _ = tokio::time::timeout(Duration::from_secs(10), call).await;
        let (mut schedule, mut polls) = (super::PollSchedule::default(), vec![Duration::ZERO]);
        while polls.last().is_some_and(|last| last.as_secs() < 11) {
            polls.push(*polls.last().unwrap() + schedule.next_pause());
        }
        let sent = sent.lock().unwrap();
        for (nth, time) in sent.iter().enumerate().skip(2) {
            let allowed = polls.iter().filter(|poll| *poll <= time).count();
            assert!(nth < allowed, "{streams:?}: request {nth} at {time:?}, {allowed} by polling");
        }
    }
}

/// Starts a queue without streams, whose nth status and nth result these functions return.
fn queue(
    status: impl Fn(usize) -> reqwest::Response + Send + Sync + 'static,
    result: impl Fn(usize) -> reqwest::Response + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let cancels: Arc<AtomicUsize> = Arc::default();
    let (statuses, results, counter) = (AtomicUsize::new(0), AtomicUsize::new(0), cancels.clone());
    let client = simulation::client(Client::builder(), move |request| {
        let path = request.url().path();
        std::future::ready(match path {
            path if path.ends_with("/stream") => simulation::json(404, &json!({"detail": "Not Found"})),
            path if path.ends_with("/status") => status(statuses.fetch_add(1, Ordering::Relaxed)),
            path if path.ends_with("/cancel") => {
                counter.fetch_add(1, Ordering::Relaxed);
                simulation::json(202, &json!({"status": "CANCELLATION_REQUESTED"}))
            }
            path if path.ends_with("/r1") => result(results.fetch_add(1, Ordering::Relaxed)),
            _ => simulation::json(200, &json!({"request_id": "r1"})),
        })
    });
    (client, cancels)
}

fn completed() -> reqwest::Response {
    simulation::json(200, &json!({"status": "COMPLETED"}))
}

fn limited(status: u16, retry_after: &str) -> reqwest::Response {
    let response = http::Response::builder().status(status).header("retry-after", retry_after);
    response.body(reqwest::Body::from("")).unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn answers_that_say_nothing_about_the_job_do_not_end_the_wait() {
    type Make = fn() -> reqwest::Response;
    let odd: [(&str, Make); 9] = [
        ("429 for a minute", || limited(429, "60")),
        ("503 for an hour", || limited(503, "3600")),
        ("429", || simulation::json(429, &json!({}))),
        ("520", || simulation::response(520, "text/html", "")),
        ("529", || simulation::response(529, "text/html", "")),
        ("an empty body", || simulation::response(200, "application/json", "")),
        ("a cut body", || simulation::response(200, "application/json", "{\"status\": \"COMP")),
        ("a page", || simulation::response(200, "text/html", "<html>Welcome</html>")),
        ("a null byte", || simulation::response(200, "application/json", "\0")),
    ];
    for (name, make) in odd {
        let (client, _) = queue(
            move |nth| if nth < 5 { make() } else { completed() },
            move |nth| {
                if nth < 5 && name != "a null byte" {
                    make()
                } else {
                    simulation::json(200, &json!({"seed": 7}))
                }
            },
        );
        let reply = client.subscribe(untyped::input("acme/app", json!({}))).await;
        assert_eq!(reply.unwrap()["seed"], 7, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_states_are_waited_through() {
    let states = ["PAUSED", "", "in_progress", "RETRYING"];
    let status = move |nth: usize| match states.get(nth / 10) {
        Some(state) => simulation::json(202, &json!({"status": state, "logs": "text"})),
        None => completed(),
    };
    let (client, _) = queue(status, |_| simulation::json(200, &json!({"seed": 7})));
    let reply = client.subscribe(untyped::input("acme/app", json!({}))).await;
    assert_eq!(reply.unwrap()["seed"], 7);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_wait_and_not_retry_after() {
    let start = tokio::time::Instant::now();
    let (client, cancels) = queue(|_| limited(429, "3600"), |_| panic!("there is no result"));
    let call = client.subscribe(untyped::input("acme/app", json!({}))).timeout(Duration::from_secs(100));
    let error = call.await.unwrap_err();
    assert!(error.is_timeout() && error.request_id() == Some("r1"), "{error}");
    assert_eq!((start.elapsed().as_secs(), cancels.load(Ordering::Relaxed)), (100, 1));
}

#[tokio::test(start_paused = true)]
async fn a_submit_rides_out_a_minute_of_rate_limits() {
    for (seconds, survives) in [(50, true), (600, false)] {
        let (start, sent): (_, Arc<AtomicUsize>) = (tokio::time::Instant::now(), Arc::default());
        let counter = sent.clone();
        let client = simulation::client(Client::builder(), move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            let is_limited = start.elapsed().as_secs() < seconds;
            std::future::ready(if is_limited {
                simulation::json(429, &json!({"detail": "slowly"}))
            } else {
                simulation::json(200, &json!({"request_id": "r1"}))
            })
        });
        let submitted = client.submit(untyped::input("acme/app", json!({}))).await;
        assert_eq!(submitted.is_ok(), survives, "{submitted:?}");
        assert!(start.elapsed().as_secs() <= 61, "{:?}", start.elapsed());
        assert!(sent.load(Ordering::Relaxed) <= 14, "{sent:?}");
        if let Err(error) = submitted {
            assert!(error.is_rate_limited(), "{error}");
            assert!(start.elapsed().as_secs() >= 59, "{:?}", start.elapsed());
        }
    }
}
