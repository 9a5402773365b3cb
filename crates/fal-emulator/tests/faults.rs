//! Damage to single replies, seen at the socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;
use std::time::Duration;

use common::Fal;
use fal_emulator::{Answer, At, Emulator, Rule, Verb};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How a connection was left.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    Closed,
    Reset,
    Open,
}

/// Sends a request and gives all that came back, and how the connection was left. A connection on
/// which nothing comes for a while counts as open.
async fn exchange(emulator: &Emulator, request: &str) -> (String, Left) {
    let address = emulator.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A connection that is reset at once may not take it.
    stream.write_all(request.as_bytes()).await.ok();
    let mut all = Vec::new();
    let left = loop {
        let mut some = [0; 4096];
        match tokio::time::timeout(Duration::from_millis(400), stream.read(&mut some)).await {
            Ok(Ok(0)) => break Left::Closed,
            Ok(Ok(read)) => all.extend_from_slice(&some[..read]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                break Left::Reset;
            }
            Err(_) => break Left::Open,
        }
    };
    (String::from_utf8_lossy(&all).into_owned(), left)
}

const GET: &str = "GET /platform/v1/models?endpoint_id=x HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// Its keys are in the order of the reply's, whether or not serde_json keeps orders in this build.
static BODY: LazyLock<String> =
    LazyLock::new(|| json!({"models": [], "next_cursor": null, "has_more": false}).to_string());

/// What comes of a rule about the catalogue.
async fn under(rule: impl Fn(Rule) -> Rule) -> (String, Left) {
    let fal = Fal::instant().await;
    rule(fal.emulator.at(Verb::Platform));
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
async fn nothing_is_said() {
    for at in [At::Arrival, At::Reply, At::Head(0)] {
        assert_eq!(under(|rule| rule.cut(at)).await, (String::new(), Left::Closed), "{at:?}");
        assert_eq!(under(|rule| rule.reset(at)).await, (String::new(), Left::Reset), "{at:?}");
        assert_eq!(under(|rule| rule.stall(at)).await, (String::new(), Left::Open), "{at:?}");
    }
}

#[tokio::test]
async fn the_head_breaks_off() {
    let part = || "HTTP/1.1 200".to_owned();
    assert_eq!(under(|rule| rule.cut(At::Head(12))).await, (part(), Left::Closed));
    assert_eq!(under(|rule| rule.stall(At::Head(12))).await, (part(), Left::Open));
    // A reset may overtake what was sent before it.
    let (reply, left) = under(|rule| rule.reset(At::Head(12))).await;
    assert!(part().starts_with(&reply), "{reply}");
    assert_eq!(left, Left::Reset);
}

#[tokio::test]
async fn the_body_breaks_off() {
    for bytes in [0, 1, 20] {
        let body = |reply: &str| reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        let part = Some(BODY[..bytes].to_owned());
        let (reply, left) = under(|rule| rule.cut(At::Body(bytes))).await;
        assert_eq!((body(&reply), left), (part.clone(), Left::Closed));
        assert!(reply.contains(&format!("content-length: {}\r\n", BODY.len())), "{reply}");
        let (reply, left) = under(|rule| rule.stall(At::Body(bytes))).await;
        assert_eq!((body(&reply), left), (part, Left::Open));
        assert_eq!(under(|rule| rule.reset(At::Body(bytes))).await.1, Left::Reset);
    }
    let (reply, left) = under(|rule| rule.cut(At::Body(1000))).await;
    assert!(reply.ends_with(&*BODY));
    assert_eq!(left, Left::Open);
}

#[tokio::test]
async fn other_bytes_come_instead() {
    let raw = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab";
    assert_eq!(under(|rule| rule.raw(raw)).await, (raw.to_owned(), Left::Closed));
    let (reply, left) = under(Rule::garbage).await;
    assert!(!reply.is_empty() && !reply.contains("HTTP"), "{reply}");
    assert_eq!(left, Left::Closed);
}

#[tokio::test]
async fn slow_replies_arrive_whole_as_the_clock_moves() {
    let fal = Fal::of(Emulator::builder().manual_clock()).await;
    fal.emulator.at(Verb::Platform).slow(64, Duration::from_secs(60));
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
async fn a_reply_may_come_twice() {
    let (reply, _) = under(Rule::twice).await;
    assert_eq!(reply.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(reply.matches(&*BODY).count(), 2);
}

#[tokio::test]
async fn a_reply_lies_about_its_type() {
    let (reply, _) = under(|rule| rule.content_type("text/html")).await;
    assert!(reply.contains("content-type: text/html\r\n") && reply.ends_with(&*BODY), "{reply}");
}

#[tokio::test]
async fn streams_are_cut_in_the_middle_of_an_event_and_repeat_themselves() {
    let events = "data: {\"n\": 1}\n\n";
    let stream = || Answer::bytes(200, events).header("content-type", "text/event-stream");
    let (reply, left) = under(|rule| rule.answer(stream()).cut(At::Event(0))).await;
    assert!(reply.ends_with("\r\n\r\ndata: {\""), "{reply}");
    assert_eq!(left, Left::Closed);
    let (reply, _) = under(|rule| rule.answer(stream()).twice()).await;
    assert_eq!(reply.matches("data: {\"n\": 1}\n\n").count(), 2, "{reply}");
}

#[tokio::test]
async fn work_may_be_accepted_although_the_reply_is_lost() {
    let fal = Fal::instant().await;
    let calls = [At::Arrival, At::Reply].map(|at| fal.emulator.at(Verb::Submit).reset(at).times(1));
    fal.emulator.on_endpoint("acme/app").reply(|_| json!({})).fail(418, json!({})).times(1);
    let request = "POST /queue/acme/app HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    for _ in 0..2 {
        assert_eq!(exchange(&fal.emulator, request).await, (String::new(), Left::Reset));
    }
    assert_eq!(calls.map(|rule| rule.hits()), [1, 1]);
    // The second was accepted, and took the failure that was meant for the first run.
    assert_eq!(fal.run("acme/app", &json!({})).await.status, 200);
    assert_eq!(fal.emulator.requests().len(), 3);
}

#[tokio::test]
async fn connections_are_refused_before_they_are_read() {
    let fal = Fal::instant().await;
    fal.emulator.refuse_connections(2);
    for _ in 0..2 {
        assert_eq!(exchange(&fal.emulator, GET).await, (String::new(), Left::Reset));
    }
    assert!(exchange(&fal.emulator, GET).await.0.ends_with(&*BODY));
    assert_eq!(fal.emulator.requests().len(), 1);
}
