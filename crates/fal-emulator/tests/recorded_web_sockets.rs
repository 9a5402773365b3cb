//! Recording and replaying of WebSockets, with a second emulator as the real service.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Error, Pace, RealtimeFault, RealtimeSettings, RequestKind, UnrecordedReply};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const LIVE: &str = "fal-ai/fast-lcm-diffusion/realtime";
const KEY: &str = "real-key-id:real-key-secret";

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Starts the service that is recorded. It requires the key of the user.
async fn real() -> TestEmulator {
    let realtime = RealtimeSettings::default().frame_time(Duration::ZERO);
    let builder = Emulator::builder().pace(Pace::instant()).realtime(realtime);
    TestEmulator::start(builder.require_key(KEY).random_seeds()).await
}

async fn recorder(real: &TestEmulator, folder: &Path) -> TestEmulator {
    TestEmulator::start(Emulator::builder().record(folder, KEY).upstream(real.emulator.url())).await
}

async fn replayer(folder: &Path) -> TestEmulator {
    TestEmulator::start(Emulator::builder().replay(folder)).await
}

fn own_key(recording: &TestEmulator) -> String {
    recording.emulator.caller_key().unwrap().to_owned()
}

/// Opens a WebSocket under one of fal's names, as it comes through the proxy.
async fn open(fal: &TestEmulator, path: &str, key: &str) -> Result<Socket, tungstenite::Error> {
    let url = fal.emulator.url().replacen("http", "ws", 1);
    let mut request = format!("{url}/{path}").into_client_request().unwrap();
    request.headers_mut().insert("host", "fal.run".parse().unwrap());
    if !key.is_empty() {
        request.headers_mut().insert("authorization", format!("Key {key}").parse().unwrap());
    }
    Ok(connect_async(request).await?.0)
}

fn text(prompt: &str) -> Message {
    Message::text(json!({"prompt": prompt, "image_size": {"width": 16, "height": 16}}).to_string())
}

/// The same input as MessagePack, with its members in one of two orders.
fn packed(prompt: &str, is_turned: bool) -> Message {
    let size = rmpv::Value::Map(vec![("width".into(), 16.into()), ("height".into(), 16.into())]);
    let mut members = vec![("prompt".into(), prompt.into()), ("image_size".into(), size)];
    if is_turned {
        members.reverse();
    }
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &rmpv::Value::Map(members)).unwrap();
    Message::binary(bytes)
}

/// Sends a message and returns its answer.
async fn ask(socket: &mut Socket, message: Message) -> Message {
    socket.send(message).await.unwrap();
    socket.next().await.unwrap().unwrap()
}

/// Closes a connection and waits until it is over.
async fn close(mut socket: Socket) {
    socket.close(None).await.ok();
    while let Some(Ok(_)) = socket.next().await {}
}

/// Returns the reason of an error that must come next, and the code of the close that follows.
async fn refusal(socket: &mut Socket, message: Message) -> (String, u16) {
    let error: Value = serde_json::from_str(ask(socket, message).await.to_text().unwrap()).unwrap();
    assert_eq!(error["type"], "x-fal-error");
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
    (error["reason"].as_str().unwrap().to_owned(), frame.code.into())
}

fn connections(real: &TestEmulator) -> usize {
    real.emulator.requests().iter().filter(|request| request.kind == RequestKind::Realtime).count()
}

#[tokio::test]
async fn messages_are_replayed_byte_for_byte_without_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let mut socket = open(&recording, LIVE, &own_key(&recording)).await.unwrap();
    let texts = [ask(&mut socket, text("a cat")).await, ask(&mut socket, text("a cat")).await];
    assert_ne!(texts[0], texts[1], "the seeds are random");
    let image = ask(&mut socket, packed("a cat", false)).await;
    assert!(image.is_binary());
    close(socket).await;
    let mut other = open(&recording, LIVE, &own_key(&recording)).await.unwrap();
    let dog = ask(&mut other, text("a dog")).await;
    close(other).await;
    recording.emulator.finish_recording().await;
    assert_eq!(recording.emulator.recorded_exchanges(), (0, 2));
    drop((real, recording));

    let replayed = replayer(folder.path()).await;
    assert_eq!(replayed.emulator.recorded_exchanges(), (2, 0));
    // The first message decides which connection it is, in whatever order they are opened.
    let mut other = open(&replayed, LIVE, "any").await.unwrap();
    let mut socket = open(&replayed, LIVE, "any").await.unwrap();
    assert_eq!(ask(&mut other, text("a dog")).await, dog);
    for text_answer in texts {
        assert_eq!(ask(&mut socket, text("a cat")).await, text_answer);
    }
    assert_eq!(ask(&mut socket, packed("a cat", true)).await, image);
    close(socket).await;
    close(other).await;
    // The last connection that begins like this is replayed again.
    let mut again = open(&replayed, LIVE, "any").await.unwrap();
    assert_eq!(ask(&mut again, text("a dog")).await, dog);
    assert!(replayed.emulator.unrecorded_requests().is_empty());
}

#[tokio::test]
async fn messages_that_were_not_recorded_are_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let mut socket = open(&recording, LIVE, &own_key(&recording)).await.unwrap();
    ask(&mut socket, text("a cat")).await;
    ask(&mut socket, text("a dog")).await;
    close(socket).await;
    recording.emulator.shutdown().await;

    let replayed = replayer(folder.path()).await;
    let mut socket = open(&replayed, LIVE, "any").await.unwrap();
    let (first, code) = refusal(&mut socket, text("a bird")).await;
    assert_eq!(code, 1011);
    let expected =
        format!("wss://fal.run/{LIVE}: message 1 was recorded with another content: prompt differs");
    assert!(first.contains(&expected), "{first}");
    let mut socket = open(&replayed, LIVE, "any").await.unwrap();
    ask(&mut socket, text("a cat")).await;
    let (second, _) = refusal(&mut socket, text("a cat")).await;
    assert!(second.contains("message 2 was recorded with another content: prompt differs"), "{second}");
    let mut socket = open(&replayed, LIVE, "any").await.unwrap();
    ask(&mut socket, text("a cat")).await;
    ask(&mut socket, text("a dog")).await;
    let (third, _) = refusal(&mut socket, text("a dog")).await;
    assert!(third.contains("message 3 was not recorded"), "{third}");
    assert_eq!(replayed.emulator.unrecorded_requests().len(), 3);
    match open(&replayed, "fal-ai/other/realtime", "any").await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 404),
        other => panic!("{other:?}"),
    }
    let builder = Emulator::builder().replay(folder.path()).unrecorded(UnrecordedReply::Synthesize);
    let both = TestEmulator::start(builder.pace(Pace::instant())).await;
    let mut socket = open(&both, "fal-ai/flux-2/klein/realtime", "any").await.unwrap();
    assert!(ask(&mut socket, text("a cat")).await.is_text());
}

#[tokio::test]
async fn the_end_of_a_connection_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = own_key(&recording);
    // A refused token, a refused input and a close of the service.
    let stranger = open(&recording, LIVE, "other:key").await;
    assert!(matches!(stranger, Err(tungstenite::Error::Http(refused)) if refused.status() == 401));
    let mut wrong = open(&recording, LIVE, &key).await.unwrap();
    let reason = ask(&mut wrong, Message::text("{}")).await;
    let end = wrong.next().await.unwrap().unwrap();
    close(wrong).await;
    real.emulator.on_request(RequestKind::Realtime).replace_message(0, RealtimeFault::Close(1013));
    let mut closed = open(&recording, LIVE, &key).await.unwrap();
    let early = ask(&mut closed, text("a cat")).await;
    close(closed).await;
    recording.emulator.shutdown().await;

    let replayed = replayer(folder.path()).await;
    let stranger = open(&replayed, LIVE, "other:key").await;
    assert!(stranger.is_ok(), "a replay needs no key");
    let mut wrong = open(&replayed, LIVE, "any").await.unwrap();
    assert_eq!(ask(&mut wrong, Message::text("{}")).await, reason);
    assert_eq!(wrong.next().await.unwrap().unwrap(), end);
    let mut closed = open(&replayed, LIVE, "any").await.unwrap();
    assert_eq!(ask(&mut closed, text("a cat")).await, early);
    assert!(matches!(&early, Message::Close(Some(frame)) if u16::from(frame.code) == 1013));
}

#[tokio::test]
async fn tokens_are_not_stored_and_what_is_recorded_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let url = format!("{}/tokens/", recording.emulator.url());
    let authorization = format!("Key {}", own_key(&recording));
    let headers = [("host", "rest.fal.ai"), ("authorization", authorization.as_str())];
    let body = json!({"allowed_apps": ["fast-lcm-diffusion"], "token_expiration": 120}).to_string();
    let token = recording.send(Method::POST, &url, &headers, body.clone()).await.json();
    let token = token.as_str().unwrap();
    let path = format!("{LIVE}?fal_jwt_token={token}&max_buffering=5");
    let mut socket = open(&recording, &path, "").await.unwrap();
    let cat = ask(&mut socket, text("a cat")).await;
    // Not closed: the recording ends first.
    recording.emulator.finish_recording().await;
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    recording.emulator.shutdown().await;
    let exchange = std::fs::read_to_string(folder.path().join("exchanges/000002.json")).unwrap();
    assert!(!exchange.contains(token) && exchange.contains("fal_jwt_token=redacted"), "{exchange}");
    assert_eq!(connections(&real), 1);

    let recording = recorder(&real, folder.path()).await;
    let path = format!("{LIVE}?max_buffering=5&fal_jwt_token=redacted");
    let mut socket = open(&recording, &path, "").await.unwrap();
    assert_eq!(ask(&mut socket, text("a cat")).await, cat);
    close(socket).await;
    assert_eq!(connections(&real), 1, "a recorded connection is not opened again");
    let path = format!("{LIVE}?max_buffering=5");
    let mut socket = open(&recording, &path, &own_key(&recording)).await.unwrap();
    let second = ask(&mut socket, text("a cat")).await;
    close(socket).await;
    assert_eq!(connections(&real), 2, "a second connection of the program is one");
    assert_ne!(second, cat);
    recording.emulator.shutdown().await;

    let recording = recorder(&real, folder.path()).await;
    let mut socket = open(&recording, &path, &own_key(&recording)).await.unwrap();
    ask(&mut socket, text("a dog")).await;
    close(socket).await;
    assert_eq!(connections(&real), 3, "its first message is new");
    recording.emulator.shutdown().await;
    let replayed = replayer(folder.path()).await;
    for expected in [cat, second] {
        let mut socket = open(&replayed, &path, "any").await.unwrap();
        assert_eq!(ask(&mut socket, text("a cat")).await, expected);
    }
}

#[tokio::test]
async fn http_over_web_socket_is_recorded_too() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let call = async |fal: &TestEmulator, key: &str| {
        let url = format!("{}/fal-ai/flux/dev", fal.urls.ws);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Key {key}").parse().unwrap());
        let mut socket = connect_async(request).await.unwrap().0;
        let mut messages = vec![ask(&mut socket, text("a cat")).await];
        while !messages.last().unwrap().to_text().unwrap().contains("time_to_first_byte_seconds") {
            messages.push(socket.next().await.unwrap().unwrap());
        }
        close(socket).await;
        messages
    };
    let recorded = call(&recording, &own_key(&recording)).await;
    assert!(recorded[0].to_text().unwrap().contains("\"status\":200"), "{recorded:?}");
    recording.emulator.shutdown().await;
    let replayed = replayer(folder.path()).await;
    let again = call(&replayed, "any").await;
    assert_eq!(again.len(), recorded.len());
    assert_eq!(again[0], recorded[0]);
}

#[tokio::test]
async fn damaged_messages_of_a_recording_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let mut socket = open(&recording, LIVE, &own_key(&recording)).await.unwrap();
    ask(&mut socket, packed("a cat", false)).await;
    close(socket).await;
    recording.emulator.shutdown().await;
    let exchange = folder.path().join("exchanges/000001.json");
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&exchange).unwrap()).unwrap();
    let answer = json!({"from": "service", "content": {"close": {"code": 1000, "reason": ""}}});
    for (pointer, value, problem) in [
        (
            "/messages/0/content/binary/sha256",
            json!("../../../etc/passwd"),
            "is not the name of a file of bodies",
        ),
        ("/messages/0/content/binary/length", json!(1), "but 1 were recorded"),
        ("/messages/1/content/binary/sha256", json!("a".repeat(64)), "No such file"),
        ("/messages/1/from", json!("nobody"), "unknown variant"),
        (
            "/messages/1/content",
            json!({"close": {"code": 1006, "reason": ""}}),
            "1006 is not the code of a close",
        ),
        (
            "/messages/1/content",
            json!({"close": {"code": 1000, "reason": "x".repeat(200)}}),
            "more than 123 bytes",
        ),
        ("/messages", Value::Null, "101 is not the HTTP status of an answer"),
        ("/response/status", json!(200), "messages do not follow the HTTP status 200"),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&exchange, changed.to_string()).unwrap();
        match Emulator::builder().replay(folder.path()).start().await {
            Err(error @ Error::Recording { .. }) => assert!(error.to_string().contains(problem), "{error}"),
            other => panic!("{pointer}: {other:?}"),
        }
    }
    let mut changed = whole.clone();
    *changed.pointer_mut("/messages/1").unwrap() = answer;
    std::fs::write(&exchange, changed.to_string()).unwrap();
    let replayed = replayer(folder.path()).await;
    let mut socket = open(&replayed, LIVE, "any").await.unwrap();
    assert!(ask(&mut socket, packed("a cat", false)).await.is_close());
}
