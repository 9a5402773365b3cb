//! Streams of events, and all ways in which they fail.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_client::{Client, Error, ErrorKind, Streams, stream::WorkflowEvent, untyped};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use super::{
    model::{Model, Output, cat},
    server::{Server, bytes},
};

impl Streams for Model {
    type Event = Value;
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-fal-request-id: r1\r\ntransfer-encoding: chunked\r\n\r\n";
const EVENTS: &str = "data: {\"step\":1}\n\nevent: preview\nid: 7\ndata: {\"step\":2,\"text\":\"žluť\"}\r\n\r\n: hello\n\ndata: {\"seed\":3}\n\n";

/// The end of a server's response.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// The response is complete.
    Complete,
    Cut,
    Reset,
    Stall,
}

/// Starts a server that sends these chunks and then ends in this way. The channel receives a value at its end.
async fn server(chunks: Vec<Vec<u8>>, end: End) -> (Client, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (gone, is_gone) = mpsc::channel(1);
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        assert!(socket.read(&mut head).await.unwrap() > 0);
        let mut sent = HEAD.as_bytes().to_vec();
        for chunk in chunks {
            sent.extend(format!("{:x}\r\n", chunk.len()).bytes());
            sent.extend(chunk);
            sent.extend(b"\r\n");
        }
        if end == End::Complete {
            sent.extend(b"0\r\n\r\n");
        }
        let _ = socket.write_all(&sent).await;
        match end {
            End::Complete | End::Stall => while socket.read(&mut head).await.is_ok_and(|read| read > 0) {},
            End::Cut => {}
            End::Reset => {
                let _ = socket.flush().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = socket.set_zero_linger();
            }
        }
        let _ = gone.send(()).await;
    });
    (Client::builder().emulator(url).build().unwrap(), is_gone)
}

/// Reads all events. Returns them, and the error at the end if there was one.
async fn read(client: &Client) -> (Vec<Value>, Option<Error>) {
    read_within(client, Duration::from_secs(300)).await
}

/// Does the same, for a stream that may be silent for this time.
async fn read_within(client: &Client, idle_timeout: Duration) -> (Vec<Value>, Option<Error>) {
    let call = client.stream(cat()).idle_timeout(idle_timeout);
    let mut events = match call.await {
        Ok(events) => events,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut all = Vec::new();
    let limit = Duration::from_secs(30);
    while let Some(event) = tokio::time::timeout(limit, events.next()).await.expect("it hangs") {
        match event {
            Ok(event) => all.push(event.into_inner()),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

fn expected() -> [Value; 3] {
    [json!({"step": 1}), json!({"step": 2, "text": "žluť"}), json!({"seed": 3})]
}

#[tokio::test]
async fn events_have_names_and_the_last_is_the_output() {
    let (client, _) = server(vec![EVENTS.into()], End::Complete).await;
    let mut events = client.stream(cat()).await.unwrap();
    assert_eq!(events.request_id(), Some("r1"));
    let first = events.next().await.unwrap().unwrap();
    assert_eq!((first["step"].as_i64(), first.name(), first.id()), (Some(1), None, None));
    let second = events.next().await.unwrap().unwrap();
    assert_eq!((second.name(), second.id()), (Some("preview"), Some("7")));
    assert_eq!(second.raw().as_ref(), "{\"step\":2,\"text\":\"žluť\"}".as_bytes());
    let reply = events.done().await.unwrap();
    assert_eq!((&*reply, reply.request_id()), (&Output { seed: 3 }, "r1"));
}

#[tokio::test]
async fn the_request_has_the_path_and_headers_for_a_stream() {
    let server =
        Server::start(|_, _| bytes(200, &[("content-type", "text/event-stream")], "data: {}\n\n")).await;
    let client = server.client();
    for path in [None, Some("/other/route")] {
        let call = client.stream(cat());
        let call = if let Some(path) = path { call.path(path) } else { call };
        drop(call.await.unwrap());
    }
    drop(client.stream(untyped::input("acme/app/stream", json!({}))).await.unwrap());
    let lines = ["/run/acme/app/edit/stream", "/run/acme/app/edit/other/route", "/run/acme/app/stream"];
    assert_eq!(server.lines(), lines.map(|path| format!("POST {path}")));
    let first = &server.received()[0];
    assert_eq!(first.header("accept"), Some("text/event-stream"));
    assert_eq!(first.json(), json!({"prompt": "a cat"}));
}

#[tokio::test]
async fn a_refused_stream_is_the_error_of_its_status() {
    let body = r#"{"detail":[{"loc":["body","prompt"],"msg":"no","type":"t"}]}"#;
    let server = Server::start(move |_, _| bytes(422, &[("x-fal-request-id", "r1")], body)).await;
    let error = server.client().stream(cat()).await.unwrap_err();
    assert!(error.is_validation() && error.request_id() == Some("r1"), "{error}");
    assert_eq!(error.body().unwrap().as_ref(), body.as_bytes());
}

#[tokio::test]
async fn a_response_that_is_not_a_stream_is_an_error_with_its_body() {
    let server =
        Server::start(|_, _| bytes(200, &[("content-type", "application/json")], r#"{"seed":3}"#)).await;
    let error = server.client().stream(cat()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("`application/json`"), "{error}");
    assert_eq!(error.body().unwrap().as_ref(), br#"{"seed":3}"#);
}

#[tokio::test]
async fn malformed_events_do_not_end_the_stream() {
    let events = b"data: {\"step\":1}\n\ndata: {\"cut\n\ndata: \"\xff\"\n\ndata: {\"seed\":3}\n\n";
    let (client, _) = server(vec![events.to_vec()], End::Complete).await;
    let mut events = client.stream(cat()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(
            event
                .map(fal_client::stream::Event::into_inner)
                .map_err(|error| (error.is_decode(), error.to_string())),
        );
    }
    assert_eq!((seen[0].clone(), seen[3].clone()), (Ok(json!({"step": 1})), Ok(json!({"seed": 3}))));
    for (index, bad) in [(2, &seen[1]), (3, &seen[2])] {
        let (is_decode, text) = bad.clone().unwrap_err();
        assert!(is_decode && text.contains(&format!("event {index}")) && text.contains("r1"), "{text}");
    }
    assert_eq!(*events.done().await.unwrap(), Output { seed: 3 });
}

/// Events before the end are delivered, and the end is an error with their number.
#[tokio::test]
async fn a_stream_that_breaks_anywhere_is_an_error() {
    let (mut noticed, mut between, whole) = (0, 0, EVENTS.as_bytes());
    for end in [End::Cut, End::Reset, End::Stall, End::Complete] {
        let step = if end == End::Stall { 9 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            let pieces: Vec<_> = whole[..at].chunks(7).map(<[u8]>::to_vec).collect();
            let (client, _) = server(pieces, end).await;
            let (events, error) = match end {
                End::Stall => read_within(&client, Duration::from_millis(300)).await,
                _ => read(&client).await,
            };
            assert_eq!(events, expected()[..events.len()], "{end:?} after {at} bytes");
            let counted = format!("after {} event{}", events.len(), if events.len() == 1 { "" } else { "s" });
            match (end, error) {
                // The end of a body between events, or before an empty line, is the end of the stream.
                (End::Complete, None) => {
                    between += 1;
                    continue;
                }
                (End::Stall, Some(error)) => {
                    assert!(error.is_timeout() && error.to_string().contains(&counted), "{at}: {error}");
                }
                (_, Some(error)) => {
                    assert!(error.is_transport(), "{end:?} after {at} bytes: {error:?}");
                    assert!(error.to_string().contains(&counted), "{end:?} after {at} bytes: {error}");
                    assert_eq!(error.request_id(), Some("r1"));
                }
                (_, None) => panic!("{end:?} after {at} bytes went unnoticed"),
            }
            noticed += 1;
        }
    }
    println!(
        "{} streams ended early: {noticed} were errors, {between} ended between events",
        noticed + between
    );
    // At the beginning, after a line without data, after each event and comment, and before the empty lines of events.
    assert_eq!((noticed, between), (284, 34));
}

#[tokio::test]
async fn a_broken_stream_has_no_output() {
    let (client, _) = server(vec![EVENTS.as_bytes()[..40].to_vec()], End::Cut).await;
    let mut events = client.stream(cat()).await.unwrap();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(last.unwrap().unwrap_err().is_transport());
    assert!(events.next().await.is_none(), "an error is the end");
    assert!(events.done().await.unwrap_err().is_transport());

    let (client, _) = server(vec![], End::Complete).await;
    let error = client.stream(cat()).await.unwrap().done().await.unwrap_err();
    assert!(error.is_decode() && error.message().contains("without an event"), "{error}");
    let (client, _) = server(vec![b"data: {\"step\":1}\n\n".to_vec()], End::Complete).await;
    let error = client.stream(cat()).await.unwrap().done().await.unwrap_err();
    assert!(error.is_decode() && error.body().unwrap().as_ref() == b"{\"step\":1}", "{error}");
}

#[tokio::test]
async fn an_event_above_the_limit_is_an_error() {
    let (client, _) = server(vec![format!("data: \"{}\"\n\n", "x".repeat(2000)).into()], End::Complete).await;
    drop(client);
    let server = Server::start(|_, _| {
        let large = format!("data: 1\n\ndata: \"{}\"\n\n", "x".repeat(2000));
        bytes(200, &[("content-type", "text/event-stream")], large)
    })
    .await;
    let client = server.builder().max_reply_bytes(1000).build().unwrap();
    let mut events = client.stream(cat()).await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TooLarge { limit: 1000, .. }), "{error:?}");
    assert!(error.to_string().contains("after 1 event"), "{error}");
}

/// Events that the reader does not ask for remain at the server.
#[tokio::test]
async fn a_slow_reader_holds_the_server_back() {
    const EVENTS: usize = 64;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client =
        Client::builder().emulator(format!("http://{}", listener.local_addr().unwrap())).build().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counter = written.clone();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
        socket.write_all(HEAD.as_bytes()).await.unwrap();
        let event = format!("data: {{\"seed\":3,\"text\":\"{}\"}}\n\n", "x".repeat(1 << 20));
        for _ in 0..EVENTS {
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            socket.write_all(chunk.as_bytes()).await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
        }
        socket.write_all(b"0\r\n\r\n").await.unwrap();
    });
    let mut events = client.stream(cat()).await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    let mut before = usize::MAX;
    while before != written.load(Ordering::SeqCst) {
        before = written.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // The rest does not fit into the buffers of both ends.
    assert!(before < EVENTS / 2, "{before} of {EVENTS} events were written for a reader of one");
    while let Some(event) = events.next().await {
        event.unwrap();
    }
    assert_eq!(events.count(), EVENTS as u64);
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let (client, mut gone) = server(vec![EVENTS.into()], End::Stall).await;
    let mut events = client.stream(cat()).await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    drop(events);
    tokio::time::timeout(Duration::from_secs(30), gone.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_workflow_has_events_of_its_nodes() {
    let events = "data: {\"type\":\"submit\",\"node_id\":\"n\",\"app_id\":\"a/b\",\"request_id\":\"r\"}\n\n\
                  data: {\"type\":\"output\",\"output\":{\"seed\":3}}\n\n";
    let (client, _) = server(vec![events.into()], End::Complete).await;
    let input = untyped::workflow("workflows/acme/poster", json!({}));
    let mut events = client.stream(input).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(&*first, WorkflowEvent::Submit { app_id, .. } if app_id == "a/b"), "{first:?}");
    assert_eq!(*events.done().await.unwrap(), json!({"seed": 3}));
}

#[tokio::test]
async fn done_mark_ends_a_stream_and_is_not_its_output() {
    for end in ["data: [DONE]\n\n", "data: [DONE]\n", "data: [DONE]", "data:[DONE]\r\n\r\n"] {
        let chunks = || vec![b"data: {\"step\":1}\n\ndata: {\"seed\":3}\n\n".to_vec(), end.into()];
        let (client, _) = server(chunks(), End::Complete).await;
        let (events, error) = read(&client).await;
        assert_eq!(
            (events, error.map(|error| error.to_string())),
            (vec![json!({"step": 1}), json!({"seed": 3})], None)
        );
        let (client, _) = server(chunks(), End::Complete).await;
        assert_eq!(client.stream(cat()).await.unwrap().done().await.unwrap().seed, 3, "{end:?}");
    }
    // A whole object is an event, with or without the empty line.
    for end in ["data: {\"seed\":3}\n", "data: {\"seed\":3}"] {
        let (client, _) = server(vec![b"data: {\"step\":1}\n\n".to_vec(), end.into()], End::Complete).await;
        assert_eq!(client.stream(cat()).await.unwrap().done().await.unwrap().seed, 3, "{end:?}");
    }
    // Anything else may be missing its end.
    let (client, _) = server(vec![b"data: {\"seed\":3}\n\ndata: [DON".to_vec()], End::Complete).await;
    assert!(read(&client).await.1.is_some_and(|error| error.is_transport()));
}

#[tokio::test]
async fn error_event_is_an_error_and_never_the_output() {
    let failed = b"data: {\"step\":1}\n\nevent: error\ndata: {\"detail\":\"out of memory\"}\n\n";
    let (client, _) = server(vec![failed.to_vec()], End::Complete).await;
    let (events, error) = read(&client).await;
    let error = error.unwrap();
    assert_eq!(events, [json!({"step": 1})]);
    assert!(error.to_string().contains("out of memory"), "{error}");
    assert_eq!(
        (error.request_id(), error.body().map(|body| body.as_ref())),
        (Some("r1"), Some(&b"{\"detail\":\"out of memory\"}"[..]))
    );
    let (client, _) = server(vec![failed.to_vec()], End::Complete).await;
    let untyped = client.stream(untyped::input("acme/app", json!({}))).await.unwrap();
    assert!(untyped.done().await.unwrap_err().to_string().contains("out of memory"));
}

#[tokio::test]
async fn compressed_stream_that_was_not_asked_for_is_named() {
    let headers = [("content-type", "text/event-stream"), ("content-encoding", "br")];
    let server = Server::start(move |_, _| bytes(200, &headers, "\u{1b}")).await;
    let error = server.client().stream(cat()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("`br`"), "{error}");
    assert_eq!(server.received()[0].header("accept-encoding"), Some("identity"));
}
