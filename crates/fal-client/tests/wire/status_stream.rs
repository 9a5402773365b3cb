//! `subscribe` over the status stream: the updates when the stream is complete, and when it is not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::{Body, Bytes};
use fal_client::{Client, Reply, Result, queue::Update};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    job::accepted,
    model::{Output, cat},
    server::{Reaction, Received, Server, bytes, json as answer},
};

/// The end of a stream, after its events.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// The stream is complete.
    Clean,
    /// The connection breaks.
    Cut,
    /// The stream stays open and silent.
    Silent,
}

fn lines(text: &str) -> Value {
    text.chars().map(|line| json!({"message": line.to_string(), "timestamp": "t"})).collect()
}

fn queued(position: u32) -> Value {
    json!({"status": "IN_QUEUE", "queue_position": position})
}

fn running(text: &str) -> Value {
    json!({"status": "IN_PROGRESS", "logs": lines(text)})
}

fn completed(text: &str) -> Value {
    json!({"status": "COMPLETED", "logs": lines(text), "metrics": {"inference_time": 1.0}})
}

fn events(events: &[Value], end: End) -> Reaction {
    let text: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    raw(text.into_iter().map(Bytes::from).collect(), end)
}

fn raw(chunks: Vec<Bytes>, end: End) -> Reaction {
    let chunks = stream::iter(chunks.into_iter().map(Ok)).then(|chunk| async {
        tokio::task::yield_now().await;
        chunk
    });
    let body = match end {
        End::Clean => Body::from_stream(chunks),
        End::Cut => {
            // The events before the cut have to arrive first.
            let cut = stream::once(async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                Err(std::io::Error::other("cut"))
            });
            Body::from_stream(chunks.chain(cut))
        }
        End::Silent => Body::from_stream(chunks.chain(stream::pending())),
    };
    bytes(200, &[("content-type", "text/event-stream; charset=utf-8")], body)
}

/// Starts a queue with these status streams, one for each connection, and these polled statuses.
async fn queue(
    streams: impl Fn(usize) -> Reaction + Send + Sync + 'static,
    statuses: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> Server {
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => streams(request.nth),
        path if path.ends_with("/status") => answer(200, &statuses(request.nth)),
        path if path.ends_with("/cancel") => answer(202, &json!({"status": "CANCELLATION_REQUESTED"})),
        _ => answer(200, &json!({"seed": 7})),
    })
    .await
}

/// Subscribes with logs. Returns the reply and the updates in short: `q2` for a position, `r` and `c` with their lines.
async fn subscribe(client: &Client) -> (Result<Reply<Output>>, Vec<String>) {
    let updates: Arc<Mutex<Vec<String>>> = Arc::default();
    let received = updates.clone();
    let reply = client.subscribe(cat()).logs().on_update(move |update| {
        let state = match update {
            Update::Queued { position, .. } => format!("q{position}"),
            Update::Running { .. } => "r ".to_owned(),
            Update::Completed { .. } => "c ".to_owned(),
            _ => panic!("{update:?}"),
        };
        let lines: String = update.logs().iter().map(|line| line.message.as_str()).collect();
        received.lock().unwrap().push(state + &lines);
    });
    let reply = reply.timeout(Duration::from_secs(20)).await;
    let updates = updates.lock().unwrap().clone();
    (reply, updates)
}

fn count(server: &Server, ending: &str) -> usize {
    server.lines().iter().filter(|line| line.ends_with(ending)).count()
}

#[tokio::test]
async fn a_call_over_the_status_stream_takes_three_requests() {
    let whole = || [queued(1), queued(0), running(""), completed("")];
    let server = queue(move |_| events(&whole(), End::Clean), |_| panic!("no status is polled")).await;
    let reply = server.client().subscribe(cat()).await.unwrap();
    assert_eq!((reply.seed, reply.request_id()), (7, "r1"));
    assert_eq!(
        server.lines(),
        [
            "POST /queue/acme/app/edit",
            "GET /queue/acme/app/requests/r1/status/stream?logs=0",
            "GET /queue/acme/app/requests/r1",
        ]
    );
    let request = &server.received()[1];
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("authorization"), Some("Key test:key"));
}

#[tokio::test]
async fn each_update_of_the_stream_is_reported_once() {
    let whole =
        || [queued(2), queued(1), queued(1), running("a"), running(""), running("bb"), completed("c")];
    let server = queue(move |_| events(&whole(), End::Clean), |_| completed("abbc")).await;
    let (reply, updates) = subscribe(&server.client()).await;
    assert_eq!(reply.unwrap().seed, 7);
    assert_eq!(updates, ["q2", "q1", "r a", "r bb", "c c"]);
    // One status is polled for late lines.
    assert_eq!(count(&server, "/status?logs=1"), 1);
}

#[tokio::test]
async fn log_lines_after_the_end_are_reported() {
    let late = ["ab", "abcd", "abcde", "abcde"];
    let server =
        queue(|_| events(&[running("a"), completed("b")], End::Clean), move |nth| completed(late[nth])).await;
    let (reply, updates) = subscribe(&server.client()).await;
    reply.unwrap();
    assert_eq!(updates, ["r a", "c b"]);

    let server =
        queue(|_| events(&[running("a"), completed("b")], End::Clean), move |nth| completed(late[nth + 1]))
            .await;
    let (reply, updates) = subscribe(&server.client()).await;
    reply.unwrap();
    assert_eq!(updates, ["r a", "c bcde"]);
    assert_eq!(count(&server, "/status?logs=1"), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again() {
    for end in [End::Cut, End::Clean] {
        let server = queue(
            move |nth| match nth {
                0 => events(&[queued(1), running("a"), running("b")], end),
                // A new connection repeats everything.
                1 => events(&[running("abbc"), running("d")], end),
                _ => events(&[running("abbcde"), completed("f")], End::Clean),
            },
            |nth| match nth {
                0 => running("abb"),
                1 => running("abbcd"),
                _ => completed("abbcdef"),
            },
        )
        .await;
        let (reply, updates) = subscribe(&server.client()).await;
        assert_eq!(reply.unwrap().seed, 7, "{end:?}");
        assert_eq!(updates, ["q1", "r a", "r b", "r b", "r c", "r d", "r e", "c f"], "{end:?}");
        assert_eq!(count(&server, "/stream?logs=1"), 3);
        assert_eq!(count(&server, "/status?logs=1"), 3);
    }
}

#[tokio::test]
async fn a_request_that_completes_while_the_stream_is_down_is_noticed_immediately() {
    let server = queue(|_| events(&[running("a")], End::Cut), |_| completed("ab")).await;
    let (reply, updates) = subscribe(&server.client()).await;
    reply.unwrap();
    assert_eq!(updates, ["r a", "c b"]);
    assert_eq!(count(&server, "/stream?logs=1"), 1);
}

#[tokio::test]
async fn stale_events_are_not_reported() {
    let stale = || [running("a"), queued(3), queued(0), running("a"), completed("")];
    let server = queue(move |_| events(&stale(), End::Clean), |_| completed("aa")).await;
    let (reply, updates) = subscribe(&server.client()).await;
    reply.unwrap();
    assert_eq!(updates, ["r a", "r a", "c "]);
}

#[tokio::test]
async fn statuses_are_polled_if_there_is_no_usable_stream() {
    type Make = fn() -> Reaction;
    let table: [(&str, Make, usize); 7] = [
        ("404", || answer(404, &json!({"detail": "Not Found"})), 3),
        ("503", || bytes(503, &[("content-type", "text/html")], "<html>nginx</html>"), 3),
        ("json", || answer(200, &running("")), 3),
        ("no events", || events(&[], End::Clean), 3),
        ("cut", || raw(vec![Bytes::from_static(b"data: {\"status\": \"IN_PRO")], End::Cut), 3),
        ("nonsense", || raw(vec![Bytes::from_static(b"data: \xff\xfe\n\n")], End::Silent), 3),
        ("unknown", || events(&[json!({"status": "EXPLODED"})], End::Silent), 3),
    ];
    for (name, make, streams) in table {
        let statuses = |nth: usize| if nth < 4 { running("a") } else { completed("ab") };
        let server = queue(move |_| make(), statuses).await;
        let (reply, updates) = subscribe(&server.client()).await;
        assert_eq!(reply.unwrap().seed, 7, "{name}");
        assert_eq!(updates, ["r a", "c b"], "{name}");
        // No more streams are opened after a few failures in a row.
        assert_eq!(count(&server, "/stream?logs=1"), streams, "{name}");
        assert_eq!(count(&server, "/status?logs=1"), 6, "{name}");
    }
}

#[tokio::test]
async fn statuses_are_polled_while_the_stream_is_silent() {
    let statuses = |nth: usize| if nth == 0 { queued(0) } else { completed("a") };
    let server = queue(|_| events(&[], End::Silent), statuses).await;
    let (reply, updates) = subscribe(&server.client()).await;
    assert_eq!(reply.unwrap().seed, 7);
    assert_eq!(updates, ["q0", "c a"]);
}

#[tokio::test]
async fn an_event_above_the_limit_is_not_used() {
    let huge = || json!({"status": "IN_PROGRESS", "logs": [{"message": "x".repeat(5000)}]});
    let server = queue(move |_| events(&[huge()], End::Silent), |_| completed("")).await;
    let client = server.builder().max_reply_bytes(4000).build().unwrap();
    assert_eq!(client.subscribe(cat()).await.unwrap().seed, 7);
}
