//! `subscribe` over the status stream: what is told when the stream is whole, and when it is not.

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

/// What is left of a stream after its events.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// It ends as it should.
    Clean,
    /// The connection breaks.
    Cut,
    /// Nothing more comes.
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
            // What is before the cut has to arrive.
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

/// A queue whose streams are `streams`, one a connection, and whose looks are `looks`.
async fn queue(
    streams: impl Fn(usize) -> Reaction + Send + Sync + 'static,
    looks: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> Server {
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => streams(request.nth),
        path if path.ends_with("/status") => answer(200, &looks(request.nth)),
        path if path.ends_with("/cancel") => answer(202, &json!({"status": "CANCELLATION_REQUESTED"})),
        _ => answer(200, &json!({"seed": 7})),
    })
    .await
}

/// Subscribes with logs. What was told, in short: `q2` for a position, `r` and `c` with their lines.
async fn told(client: &Client) -> (Result<Reply<Output>>, Vec<String>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = told.clone();
    let reply = client.subscribe(cat()).logs().on_update(move |update| {
        let state = match update {
            Update::Queued { position } => format!("q{position}"),
            Update::Running { .. } => "r ".to_owned(),
            Update::Completed { .. } => "c ".to_owned(),
            _ => panic!("{update:?}"),
        };
        let lines: String = update.logs().iter().map(|line| line.message.as_str()).collect();
        notes.lock().unwrap().push(state + &lines);
    });
    let reply = reply.timeout(Duration::from_secs(20)).await;
    let told = told.lock().unwrap().clone();
    (reply, told)
}

fn count(server: &Server, ending: &str) -> usize {
    server.lines().iter().filter(|line| line.ends_with(ending)).count()
}

#[tokio::test]
async fn a_stream_costs_three_requests() {
    let whole = || [queued(1), queued(0), running(""), completed("")];
    let server = queue(move |_| events(&whole(), End::Clean), |_| panic!("no look is needed")).await;
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
async fn a_stream_tells_everything_once() {
    let whole =
        || [queued(2), queued(1), queued(1), running("a"), running(""), running("bb"), completed("c")];
    let server = queue(move |_| events(&whole(), End::Clean), |_| completed("abbc")).await;
    let (reply, told) = told(&server.client()).await;
    assert_eq!(reply.unwrap().seed, 7);
    assert_eq!(told, ["q2", "q1", "r a", "r bb", "c c"]);
    // For lines that come late.
    assert_eq!(count(&server, "/status?logs=1"), 1);
}

#[tokio::test]
async fn lines_that_come_after_the_end_are_told() {
    let late = ["ab", "abcd", "abcde", "abcde"];
    let server =
        queue(|_| events(&[running("a"), completed("b")], End::Clean), move |nth| completed(late[nth])).await;
    let (reply, told) = told(&server.client()).await;
    reply.unwrap();
    assert_eq!(told, ["r a", "c b"]);

    let server =
        queue(|_| events(&[running("a"), completed("b")], End::Clean), move |nth| completed(late[nth + 1]))
            .await;
    let (reply, told) = self::told(&server.client()).await;
    reply.unwrap();
    assert_eq!(told, ["r a", "c bcde"]);
    assert_eq!(count(&server, "/status?logs=1"), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_is_taken_up_again() {
    for end in [End::Cut, End::Clean] {
        let server = queue(
            move |nth| match nth {
                0 => events(&[queued(1), running("a"), running("b")], end),
                // Another connection begins at the beginning.
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
        let (reply, told) = told(&server.client()).await;
        assert_eq!(reply.unwrap().seed, 7, "{end:?}");
        assert_eq!(told, ["q1", "r a", "r b", "r b", "r c", "r d", "r e", "c f"], "{end:?}");
        assert_eq!(count(&server, "/stream?logs=1"), 3);
        assert_eq!(count(&server, "/status?logs=1"), 3);
    }
}

#[tokio::test]
async fn a_request_that_ends_while_the_stream_is_down_is_noticed_at_once() {
    let server = queue(|_| events(&[running("a")], End::Cut), |_| completed("ab")).await;
    let (reply, told) = told(&server.client()).await;
    reply.unwrap();
    assert_eq!(told, ["r a", "c b"]);
    assert_eq!(count(&server, "/stream?logs=1"), 1);
}

#[tokio::test]
async fn stale_events_do_not_take_progress_back() {
    let stale = || [running("a"), queued(3), queued(0), running("a"), completed("")];
    let server = queue(move |_| events(&stale(), End::Clean), |_| completed("aa")).await;
    let (reply, told) = told(&server.client()).await;
    reply.unwrap();
    assert_eq!(told, ["r a", "r a", "c "]);
}

#[tokio::test]
async fn what_is_no_stream_is_looked_at_instead() {
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
        let looks = |nth: usize| if nth < 4 { running("a") } else { completed("ab") };
        let server = queue(move |_| make(), looks).await;
        let (reply, told) = told(&server.client()).await;
        assert_eq!(reply.unwrap().seed, 7, "{name}");
        assert_eq!(told, ["r a", "c b"], "{name}");
        // After a few in a row, no more are tried.
        assert_eq!(count(&server, "/stream?logs=1"), streams, "{name}");
        assert_eq!(count(&server, "/status?logs=1"), 6, "{name}");
    }
}

#[tokio::test]
async fn a_stream_that_says_nothing_hides_nothing() {
    let looks = |nth: usize| if nth == 0 { queued(0) } else { completed("a") };
    let server = queue(|_| events(&[], End::Silent), looks).await;
    let (reply, told) = told(&server.client()).await;
    assert_eq!(reply.unwrap().seed, 7);
    assert_eq!(told, ["q0", "c a"]);
}

#[tokio::test]
async fn an_oversized_event_is_not_taken() {
    let huge = || json!({"status": "IN_PROGRESS", "logs": [{"message": "x".repeat(5000)}]});
    let server = queue(move |_| events(&[huge()], End::Silent), |_| completed("")).await;
    let client = server.builder().max_reply_bytes(4000).build().unwrap();
    assert_eq!(client.subscribe(cat()).await.unwrap().seed, 7);
}

#[tokio::test]
async fn when_time_is_up_the_stream_is_left_and_the_job_cancelled() {
    let server = queue(|_| events(&[running("")], End::Silent), |_| running("")).await;
    let error = server.client().subscribe(cat()).timeout(Duration::from_millis(300)).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("it was cancelled"), "{error}");
    assert_eq!(server.lines().last().unwrap(), "PUT /queue/acme/app/requests/r1/cancel");
}

#[tokio::test]
async fn only_so_many_streams_are_open() {
    let server = queue(
        |_| events(&[running("")], End::Silent),
        |nth| {
            if nth < 40 { running("") } else { completed("") }
        },
    )
    .await;
    let client = server.builder().queue_connections(2).build().unwrap();
    let calls = (0..6).map(|_| client.subscribe(cat()).poll_every(Duration::from_millis(5)).into_future());
    let streaming = (0..6).map(|_| client.subscribe(cat()).timeout(Duration::from_secs(2)).into_future());
    let (polled, streamed) =
        tokio::join!(futures_util::future::join_all(calls), futures_util::future::join_all(streaming));
    assert!(polled.iter().all(Result::is_ok));
    // Two were listening to streams that say no more; the others looked, and saw the end.
    assert_eq!(streamed.iter().filter(|reply| reply.is_ok()).count(), 4);
    assert!(count(&server, "/stream?logs=0") <= 6, "{}", count(&server, "/stream?logs=0"));
}
