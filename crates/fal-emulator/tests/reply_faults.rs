//! Faults of single replies, seen at the socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;
use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, FaultPoint, RequestKind, ResponseTemplate, Rule};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The state of a connection after the reply.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    Closed,
    Reset,
    Open,
}

/// Sends a request, and returns everything received and the state of the connection. A connection counts as open if it is
/// silent for a second before and after another one is answered.
async fn exchange(emulator: &Emulator, request: &str) -> (String, Left) {
    let address = emulator.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    // Fails if the connection is reset at once.
    stream.write_all(request.as_bytes()).await.ok();
    let (mut all, mut was_other_answered) = (Vec::new(), false);
    let left = loop {
        let mut some = [0; 4096];
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut some)).await {
            Ok(Ok(0)) => break Left::Closed,
            Ok(Ok(read)) => {
                all.extend_from_slice(&some[..read]);
                was_other_answered = false;
            }
            Ok(Err(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                break Left::Reset;
            }
            Err(_) if was_other_answered => break Left::Open,
            Err(_) => {
                ask_for_health(&address).await;
                was_other_answered = true;
            }
        }
    };
    (String::from_utf8_lossy(&all).into_owned(), left)
}

/// Waits for an answer on a connection of its own, however busy the machine is.
async fn ask_for_health(address: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

const GET: &str = "GET /platform/v1/models?endpoint_id=x HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// The body of the reply. Built with `json!`, because serde_json's features decide the order of keys.
static BODY: LazyLock<String> =
    LazyLock::new(|| json!({"models": [], "next_cursor": null, "has_more": false}).to_string());

/// Requests the catalogue under a rule, and returns the reply and the state of the connection.
async fn under(rule: impl Fn(Rule) -> Rule) -> (String, Left) {
    let fal = TestEmulator::instant().await;
    rule(fal.emulator.on_request(RequestKind::Platform));
    exchange(&fal.emulator, GET).await
}

#[tokio::test]
async fn without_a_rule_the_reply_is_whole_and_the_connection_stays() {
    let (reply, left) = under(|rule| rule).await;
    assert!(
        reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with(&format!("\r\n\r\n{}", *BODY)),
        "{reply}"
    );
    assert_eq!(left, Left::Open);
}

#[tokio::test]
async fn the_connection_can_end_before_the_reply() {
    for at in [FaultPoint::Arrival, FaultPoint::Reply, FaultPoint::Head(0)] {
        assert_eq!(under(|rule| rule.cut(at)).await, (String::new(), Left::Closed), "{at:?}");
        assert_eq!(under(|rule| rule.reset(at)).await, (String::new(), Left::Reset), "{at:?}");
        assert_eq!(under(|rule| rule.stall(at)).await, (String::new(), Left::Open), "{at:?}");
    }
}

#[tokio::test]
async fn the_connection_can_end_within_the_head() {
    let part = || "HTTP/1.1 200".to_owned();
    assert_eq!(under(|rule| rule.cut(FaultPoint::Head(12))).await, (part(), Left::Closed));
    assert_eq!(under(|rule| rule.stall(FaultPoint::Head(12))).await, (part(), Left::Open));
    // A reset may overtake what was sent before it.
    let (reply, left) = under(|rule| rule.reset(FaultPoint::Head(12))).await;
    assert!(part().starts_with(&reply), "{reply}");
    assert_eq!(left, Left::Reset);
}

#[tokio::test]
async fn the_connection_can_end_within_the_body() {
    for bytes in [0, 1, 20] {
        let body = |reply: &str| reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        let part = Some(BODY[..bytes].to_owned());
        let (reply, left) = under(|rule| rule.cut(FaultPoint::Body(bytes))).await;
        assert_eq!((body(&reply), left), (part.clone(), Left::Closed));
        assert!(reply.contains(&format!("content-length: {}\r\n", BODY.len())), "{reply}");
        let (reply, left) = under(|rule| rule.stall(FaultPoint::Body(bytes))).await;
        assert_eq!((body(&reply), left), (part, Left::Open));
        assert_eq!(under(|rule| rule.reset(FaultPoint::Body(bytes))).await.1, Left::Reset);
    }
    let (reply, left) = under(|rule| rule.cut(FaultPoint::Body(1000))).await;
    assert!(reply.ends_with(&*BODY));
    assert_eq!(left, Left::Open);
}

#[tokio::test]
async fn raw_bytes_can_replace_the_reply() {
    let raw = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab";
    assert_eq!(under(|rule| rule.raw(raw)).await, (raw.to_owned(), Left::Closed));
    let (reply, left) = under(Rule::garbage).await;
    assert!(!reply.is_empty() && !reply.contains("HTTP"), "{reply}");
    assert_eq!(left, Left::Closed);
}

#[tokio::test]
async fn slow_replies_arrive_whole_as_the_clock_advances() {
    let fal = TestEmulator::start(Emulator::builder().manual_clock()).await;
    fal.emulator.on_request(RequestKind::Platform).slow(64, Duration::from_secs(60));
    let tick = async {
        loop {
            fal.emulator.advance(Duration::from_secs(60));
            tokio::task::yield_now().await;
        }
    };
    let reply = tokio::select! {
        reply = exchange(&fal.emulator, GET) => reply,
        () = tick => unreachable!(),
    };
    assert!(reply.0.ends_with(&*BODY), "{}", reply.0);
    let (reply, left) = exchange(&fal.emulator, GET).await;
    assert_eq!((reply.len(), left), (64, Left::Open));
}

#[tokio::test]
async fn twice_sends_the_whole_reply_again() {
    let (reply, _) = under(Rule::twice).await;
    assert_eq!(reply.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(reply.matches(&*BODY).count(), 2);
}

#[tokio::test]
async fn content_type_changes_the_header_and_not_the_body() {
    let (reply, _) = under(|rule| rule.content_type("text/html")).await;
    assert!(reply.contains("content-type: text/html\r\n") && reply.ends_with(&*BODY), "{reply}");
}

#[tokio::test]
async fn streams_can_be_cut_within_an_event_and_can_repeat_events() {
    let events = "data: {\"n\": 1}\n\n";
    let stream = || ResponseTemplate::bytes(200, events).header("content-type", "text/event-stream");
    let (reply, left) = under(|rule| rule.respond(stream()).cut(FaultPoint::Event(0))).await;
    assert!(reply.ends_with("\r\n\r\ndata: {\""), "{reply}");
    assert_eq!(left, Left::Closed);
    let (reply, _) = under(|rule| rule.respond(stream()).twice()).await;
    assert_eq!(reply.matches("data: {\"n\": 1}\n\n").count(), 2, "{reply}");
}

#[tokio::test]
async fn a_reset_on_arrival_drops_the_request_and_a_reset_reply_does_not() {
    let fal = TestEmulator::instant().await;
    let calls = [FaultPoint::Arrival, FaultPoint::Reply]
        .map(|at| fal.emulator.on_request(RequestKind::Submit).reset(at).times(1));
    fal.emulator.on_endpoint("acme/app").reply(|_| json!({})).fail(418, json!({})).times(1);
    let request = "POST /queue/acme/app HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    for _ in 0..2 {
        assert_eq!(exchange(&fal.emulator, request).await, (String::new(), Left::Reset));
    }
    assert_eq!(calls.map(|rule| rule.hits()), [1, 1]);
    // The second request was accepted, and used up the failure.
    assert_eq!(fal.run("acme/app", &json!({})).await.status, 200);
    assert_eq!(fal.emulator.requests().len(), 3);
}

#[tokio::test]
async fn refused_connections_are_reset_before_they_are_read() {
    let fal = TestEmulator::instant().await;
    fal.emulator.refuse_connections(2);
    for _ in 0..2 {
        assert_eq!(exchange(&fal.emulator, GET).await, (String::new(), Left::Reset));
    }
    assert!(exchange(&fal.emulator, GET).await.0.ends_with(&*BODY));
    assert_eq!(fal.emulator.requests().len(), 1);
}
