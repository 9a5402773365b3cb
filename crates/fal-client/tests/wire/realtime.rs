//! Realtime connections to the emulator, and to servers that misbehave.

use std::{fs, sync::Arc, time::Duration};

use fal_client::{
    Client, Error, ErrorKind,
    realtime::{Connection, Format, Message, SendOutcome, Token},
    untyped::Messages,
};
use fal_emulator::{Emulator, EmulatorBuilder, Pace, RealtimeSettings, RequestKind};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::clock::{StoppedClock, run_other_tasks};

type Json = Messages<Value, Value>;

/// Returns an emulator with an app that answers every `{prompt, n}` with one message.
pub(crate) fn live(protocol: &Value) -> (tempfile::TempDir, EmulatorBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let content = |name: &str| json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}});
    let document = json!({
        "info": {"x-fal-metadata": {"endpointId": "acme/live/realtime"}},
        "components": {"schemas": {
            "In": {"type": "object", "required": ["prompt"], "properties": {
                "prompt": {"type": "string"}, "n": {"type": "integer", "maximum": 100},
            }},
            "Out": {"type": "object", "required": ["prompt", "n", "image"], "properties": {
                "prompt": {"type": "string"}, "n": {"type": "integer"},
                "image": {"type": "string", "format": "binary"},
            }},
        }},
        "paths": {"/acme/live/realtime": {"x-fal-protocol": protocol, "post": {
            "requestBody": content("In"), "responses": {"200": content("Out")},
        }}},
    });
    fs::write(folder.path().join("live.json"), document.to_string()).unwrap();
    let builder = Emulator::builder().schemas_dir(folder.path()).pace(Pace::instant());
    (folder, builder.realtime(RealtimeSettings::default().frame_time(Duration::ZERO)))
}

pub(crate) async fn start(builder: EmulatorBuilder) -> (Emulator, Client) {
    let emulator = builder.start().await.unwrap();
    emulator
        .on_endpoint("acme/live/realtime")
        .reply(|input| json!({"prompt": input["prompt"], "n": input["n"], "image": "AP8="}));
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    (emulator, client)
}

async fn unary() -> (tempfile::TempDir, Emulator, Client) {
    let (folder, builder) = live(&json!({"type": "realtime"}));
    let (emulator, client) = start(builder).await;
    (folder, emulator, client)
}

pub(crate) fn ask(n: u64) -> Value {
    json!({"prompt": "a cat", "n": n})
}

/// Awaits a future, and panics if it hangs.
pub(crate) async fn soon<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future.into_future()).await.expect("it hangs")
}

#[derive(Debug, PartialEq, Deserialize)]
struct Answer {
    n: u64,
    #[serde(deserialize_with = "bytes")]
    image: Vec<u8>,
}

fn bytes<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<u8>, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }
        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            Ok(text.as_bytes().to_vec())
        }
    }
    reader.deserialize_byte_buf(Visitor)
}

#[tokio::test]
async fn messages_and_their_bytes_are_exchanged_in_both_formats() {
    let (_folder, emulator, client) = unary().await;
    for format in [Format::MessagePack, Format::Json] {
        let call = client
            .endpoint_id("acme/live")
            .messages::<Value, Answer>()
            .realtime()
            .format(format)
            .max_buffering(8);
        let mut connection = soon(call).await.unwrap();
        for n in 1..=3 {
            let answer = soon(connection.request_message(&ask(n))).await.unwrap();
            assert_eq!((answer.n, answer.format()), (n, format));
            assert!(!answer.image.is_empty());
        }
        soon(connection.close()).await.unwrap();
    }
    let opened = emulator.requests();
    assert_eq!(opened[0].line(), "GET /run/acme/live/realtime?max_buffering=8");
    let mut untyped = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().await.unwrap();
    // Without a type for bytes they are base64, as in messages in JSON.
    let answer = soon(untyped.request_message(&ask(1))).await.unwrap();
    let decoded =
        base64::Engine::decode(&base64::prelude::BASE64_STANDARD, answer["image"].as_str().unwrap());
    assert_eq!(answer.files()[0].bytes().unwrap(), &decoded.unwrap());
}

#[tokio::test]
async fn invalid_settings_and_endpoints_are_errors_of_connecting() {
    let (_folder, _emulator, client) = unary().await;
    for inputs in [0, 61] {
        let error = client.endpoint::<Json>().realtime().max_buffering(inputs).await.unwrap_err();
        assert!(error.is_config(), "{error}");
    }
    let error = client.endpoint_id("nothing").messages::<Value, Value>().realtime().await.unwrap_err();
    assert!(error.is_config(), "{error}");
    let error = client.endpoint_id("acme/nothing").messages::<Value, Value>().realtime().await.unwrap_err();
    assert!(error.is_not_found() && error.body().is_some(), "{error}");
    assert!(error.to_string().starts_with("acme/nothing: 404"), "{error}");
}

#[tokio::test]
async fn a_connection_opens_with_a_token_in_place_of_the_key() {
    let (_folder, builder) = live(&json!({"type": "realtime"}));
    let (emulator, _) = start(builder.require_key("secret")).await;
    let client = Client::builder().emulator(emulator.url()).key("secret").build().unwrap();
    let mut connection =
        soon(client.endpoint_id("acme/live").messages::<Value, Answer>().realtime().with_token())
            .await
            .unwrap();
    assert_eq!(soon(connection.request_message(&ask(1))).await.unwrap().n, 1);
    let requests = emulator.requests();
    assert_eq!(requests[0].line(), "POST /rest/tokens/");
    assert_eq!(requests[0].json(), json!({"allowed_apps": ["live"], "token_expiration": 120}));
    assert!(requests[1].query.starts_with("fal_jwt_token=") && requests[1].header("authorization").is_none());

    let token = client
        .endpoint_id("acme/live")
        .realtime_token()
        .for_route("/realtime")
        .expires_in(Duration::from_secs(9))
        .await
        .unwrap();
    let asked = emulator.requests().pop().unwrap();
    assert_eq!(asked.line(), "POST /rest/tokens/realtime");
    assert_eq!(asked.json(), json!({"allowed_apps": ["acme/live/realtime"], "duration": 9}));
    assert_eq!(format!("{token:?}"), "Token");
    let stranger = Client::builder().emulator(emulator.url()).build().unwrap();
    assert!(
        soon(stranger.endpoint_id("acme/live").messages::<Value, Value>().realtime())
            .await
            .unwrap_err()
            .is_auth()
    );
    let token = Arc::new(token);
    let call =
        stranger.endpoint_id("acme/live").messages::<Value, Answer>().realtime().token_from(move || {
            let token = Token::clone(&token);
            async move { Ok::<_, std::io::Error>(token) }
        });
    assert_eq!(soon(soon(call).await.unwrap().request_message(&ask(2))).await.unwrap().n, 2);

    emulator.on_request(RequestKind::Token).fail(401, json!({"detail": "no"})).times(1);
    let error = soon(client.endpoint_id("acme/live").messages::<Value, Value>().realtime().with_token())
        .await
        .unwrap_err();
    assert!(error.is_auth() && error.to_string().contains("no token"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_reported_and_replaced() {
    let clock = StoppedClock::new();
    let (_folder, builder) = live(&json!({"type": "realtime"}));
    let lifetime = Duration::from_secs(600);
    let short = RealtimeSettings::default()
        .frame_time(Duration::ZERO)
        .token_lifetime(lifetime)
        .close_on_token_expiry(true);
    let (emulator, client) = start(builder.realtime(short)).await;
    let call =
        client.endpoint_id("acme/live").messages::<Value, Answer>().realtime().with_token().reconnect();
    let mut connection = soon(call.keep_alive(None)).await.unwrap();
    assert_eq!(soon(connection.request_message(&ask(1))).await.unwrap().n, 1);
    clock.advance(lifetime).await;
    let error = soon(connection.recv()).await.unwrap_err();
    assert!(error.is_auth() && error.error_type() == Some("Unauthorized"), "{error:?}");
    assert_eq!(soon(connection.request_message(&ask(2))).await.unwrap().n, 2);
    let tokens = emulator.requests().iter().filter(|request| request.kind == RequestKind::Token).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn an_input_that_the_model_refuses_is_an_error_with_its_message() {
    let (_folder, _emulator, client) = unary().await;
    let mut connection =
        soon(client.endpoint_id("acme/live").messages::<Value, Answer>().realtime()).await.unwrap();
    let error = soon(connection.request_message(&json!({"n": 1}))).await.unwrap_err();
    assert_eq!(error.error_type(), Some("INTERNAL_ERROR"));
    assert!(error.message().contains("prompt") && error.body().is_some(), "{error}");
    assert!(soon(connection.recv()).await.unwrap().is_none(), "that was the end");
    let error = soon(connection.send_message(&ask(1))).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("reconnect"), "{error}");
}

/// The time without an input after which the apps of [`idle`] end a connection.
const SESSION: Duration = Duration::from_secs(10);

/// Starts an app that ends idle connections, and opens one that is replaced.
async fn idle() -> (tempfile::TempDir, Emulator, Connection<Messages<Value, Answer>>) {
    let (folder, builder) = live(&json!({"type": "realtime"}));
    let settings = RealtimeSettings::default().frame_time(Duration::ZERO).session_timeout(SESSION);
    let (emulator, client) = start(builder.realtime(settings)).await;
    let call = client.endpoint_id("acme/live").messages::<Value, Answer>().realtime().reconnect();
    (folder, emulator, soon(call.keep_alive(None)).await.unwrap())
}

/// Lets the app end its idle connection, and the end arrive.
async fn end_session(clock: &StoppedClock) {
    run_other_tasks().await;
    clock.advance(SESSION).await;
    // In turns, so that the end is read on a busy machine too.
    for _ in 0..20 {
        run_other_tasks().await;
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(10))).await.unwrap();
    }
    run_other_tasks().await;
}

#[tokio::test]
async fn an_idle_connection_ends_and_is_replaced_for_the_next_message() {
    let clock = StoppedClock::new();
    let (_folder, emulator, mut connection) = idle().await;
    assert_eq!(soon(connection.request_message(&ask(1))).await.unwrap().n, 1);
    end_session(&clock).await;
    assert!(soon(connection.recv()).await.unwrap().is_none());
    assert_eq!(soon(connection.request_message(&ask(2))).await.unwrap().n, 2);
    // An end that was not received yet is noticed before a message is written, and does not end a request on the next
    // connection.
    end_session(&clock).await;
    assert_eq!(soon(connection.request_message(&ask(2))).await.unwrap().n, 2);
    assert!(soon(connection.recv()).await.unwrap().is_none(), "the end is still reported");
    end_session(&clock).await;
    soon(connection.send_message(&ask(3))).await.unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&3) {
        seen.extend(soon(connection.recv()).await.unwrap().map(|answer| answer.n));
    }
    assert_eq!((seen, emulator.requests().len()), (vec![3], 4));

    let (sender, mut receiver) = connection.split();
    let (seen, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        while let Some(answer) = receiver.recv().await? {
            seen.send(answer.n).unwrap();
        }
        Ok::<_, Error>(())
    });
    end_session(&clock).await;
    soon(sender.send_message(&ask(4))).await.unwrap();
    assert_eq!(soon(answers.recv()).await, Some(4));
    end_session(&clock).await;
    drop(sender);
    soon(listening).await.unwrap().unwrap();
    assert_eq!(soon(answers.recv()).await, None);
}

#[tokio::test]
async fn answer_of_an_earlier_connection_is_not_that_of_a_later_request() {
    let clock = StoppedClock::new();
    let (_folder, _emulator, mut connection) = idle().await;
    // The answer to the first remains for `recv`.
    soon(connection.send_message(&ask(1))).await.unwrap();
    assert_eq!(soon(connection.request_message(&ask(2))).await.unwrap().n, 2);
    end_session(&clock).await;
    // The end is behind the answer that was not received, so that a request may notice it first.
    if let Ok(answer) = soon(connection.request_message(&ask(3))).await {
        assert_eq!(answer.n, 3);
    }
    assert_eq!(soon(connection.request_message(&ask(4))).await.unwrap().n, 4);
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap().n, 1);
}

#[tokio::test]
async fn a_receiver_without_senders_ends_with_the_connection() {
    let clock = StoppedClock::new();
    let (_folder, _emulator, connection) = idle().await;
    let (sender, mut receiver) = connection.split();
    soon(sender.send_message(&ask(1))).await.unwrap();
    // The connection is still open.
    drop(sender);
    assert_eq!(soon(receiver.recv()).await.unwrap().unwrap().n, 1);
    end_session(&clock).await;
    assert!(soon(receiver.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn each_request_gets_its_own_answer() {
    let (_folder, builder) = live(&json!({"type": "realtime"}));
    let slow = RealtimeSettings::default().frame_time(Duration::from_millis(150));
    let (_emulator, client) = start(builder.realtime(slow)).await;
    let mut connection =
        soon(client.endpoint_id("acme/live").messages::<Value, Answer>().realtime()).await.unwrap();
    soon(connection.send_message(&ask(1))).await.unwrap();
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), async { connection.request_message(&ask(2)).await });
    assert!(given_up.await.is_err());
    assert_eq!(soon(connection.request_message(&ask(3))).await.unwrap().n, 3);
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap().n, 1);
    soon(connection.send_message(&ask(4))).await.unwrap();
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap().n, 4);
}

#[tokio::test]
async fn a_throttle_sends_the_first_and_the_latest_message() {
    let clock = StoppedClock::new();
    let (_folder, _emulator, client) = unary().await;
    let interval = Duration::from_secs(10);
    let call = client.endpoint_id("acme/live").messages::<Value, Answer>().realtime().throttle(interval);
    let (sender, mut receiver) = soon(call).await.unwrap().split();
    assert_eq!(soon(sender.send_message(&ask(0))).await.unwrap(), SendOutcome::Written);
    let outcomes = (1..=5).map(|n| {
        let sender = sender.clone();
        async move { sender.send_message(&ask(n)).await.unwrap() }
    });
    let pass_time = async {
        run_other_tasks().await;
        clock.advance(interval).await;
    };
    let sending = futures_util::future::join_all(outcomes);
    let (outcomes, ()) = soon(futures_util::future::join(sending, pass_time)).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| **outcome == SendOutcome::Written).count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(outcomes[4], SendOutcome::Written);
    assert_eq!(soon(receiver.recv()).await.unwrap().unwrap().n, 0);
    assert_eq!(soon(receiver.recv()).await.unwrap().unwrap().n, 5);
}

#[tokio::test]
async fn a_request_fails_if_answers_cannot_be_told_from_other_messages() {
    // A greeting and an answer, so that the numbers of answers and inputs differ.
    let client = server([frame(0x82, &packed(1)), frame(0x82, &packed(2))].concat(), End::Stall).await;
    let call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().keep_alive(None);
    let mut connection = soon(call).await.unwrap();
    soon(connection.send_message(&ask(1))).await.unwrap();
    for n in 1..=2 {
        assert_eq!(soon(connection.recv()).await.unwrap().unwrap()["n"], n);
    }
    let error = soon(connection.request_message(&ask(2))).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("use `send` and `recv`"), "{error}");
}

#[tokio::test]
async fn a_connection_is_reused_by_its_key() {
    let (_folder, emulator, client) = unary().await;
    let open = || client.endpoint_id("acme/live").messages::<Value, Answer>().realtime().reuse("session");
    for n in 0..3 {
        let mut connection = soon(open()).await.unwrap();
        assert_eq!(soon(connection.request_message(&ask(n))).await.unwrap().n, n);
    }
    assert_eq!(emulator.requests().len(), 1);
    soon(soon(open()).await.unwrap().close()).await.unwrap();
    drop(soon(open()).await.unwrap());
    assert_eq!(emulator.requests().len(), 2);
}

#[tokio::test]
async fn timing_is_that_of_the_model() {
    let (_folder, builder) = live(&json!({"type": "realtime"}));
    let (_emulator, client) =
        start(builder.realtime(RealtimeSettings::default().frame_time(Duration::ZERO).timings(true))).await;
    let mut connection =
        soon(client.endpoint_id("acme/live").messages::<Value, Answer>().realtime()).await.unwrap();
    for n in 1..=3 {
        assert_eq!(soon(connection.request_message(&ask(n))).await.unwrap().n, n);
    }
    assert!(connection.timing().is_some());
}

/// Starts a server that opens a WebSocket, answers with these bytes, and then ends in this way. On later connections it
/// answers everything with one valid message.
pub(crate) async fn server(answer: Vec<u8>, end: End) -> Client {
    let url = server_url(answer, end).await;
    Client::builder().emulator(url).build().unwrap()
}

/// Starts the server of [`server`], and returns its URL.
async fn server_url(answer: Vec<u8>, end: End) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let answers = Mutex::new(Some((answer, end)));
        while let Ok((mut socket, _)) = listener.accept().await {
            handshake(&mut socket).await;
            let mut buffer = [0; 4096];
            let Some((answer, end)) = answers.lock().await.take() else {
                tokio::spawn(async move {
                    while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let _ = socket.write_all(&frame(0x82, &packed(7))).await;
                    }
                });
                continue;
            };
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(&answer).await;
            match end {
                End::Cut => {}
                End::Reset => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let _ = socket.set_zero_linger();
                }
                End::Stall => {
                    tokio::spawn(async move {
                        // Pings are read, but not answered.
                        while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
                    });
                }
            }
        }
    });
    url
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    Cut,
    Reset,
    Stall,
}

pub(crate) async fn handshake(socket: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await.unwrap();
}

/// Returns a short frame of the server.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()], payload].concat()
}

/// Returns `{"n": n}` in MessagePack.
pub(crate) fn packed(n: u8) -> Vec<u8> {
    vec![0x81, 0xa1, b'n', n]
}

/// The silence after which the connections of [`open`] ping.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

async fn open(client: &Client) -> Connection<Json> {
    let call = client.endpoint_id("acme/live").messages().realtime().keep_alive(KEEP_ALIVE).reconnect();
    soon(call.max_message_bytes(1000)).await.unwrap()
}

/// Receives while the time of a stopped clock passes.
async fn recv_in_time(
    clock: &StoppedClock,
    connection: &mut Connection<Json>,
) -> Result<Option<Message<Value>>, Error> {
    let mut receiving = std::pin::pin!(connection.recv());
    for _ in 0..5 {
        tokio::select! {
            biased;
            received = &mut receiving => return received,
            () = run_other_tasks() => clock.advance(KEEP_ALIVE).await,
        }
    }
    panic!("it hangs")
}

/// Messages before the loss are delivered, the loss is an error, and the next message opens another connection.
#[tokio::test]
async fn a_connection_that_breaks_anywhere_is_an_error() {
    let mut cases = 0;
    let whole = [frame(0x82, &packed(1)), frame(0x82, &packed(2))].concat();
    for end in [End::Cut, End::Reset, End::Stall] {
        for at in 0..whole.len() {
            let clock = (end == End::Stall).then(StoppedClock::new);
            let client = server(whole[..at].to_vec(), end).await;
            let mut connection = open(&client).await;
            soon(connection.send_message(&ask(1))).await.unwrap();
            let (mut seen, all) = (0, i32::from(at >= 6));
            let error = loop {
                let received = match &clock {
                    Some(clock) if seen == all => recv_in_time(clock, &mut connection).await,
                    _ => soon(connection.recv()).await,
                };
                match received {
                    Ok(Some(message)) => {
                        seen += 1;
                        assert_eq!(message["n"], seen);
                    }
                    Ok(None) => panic!("{end:?} after {at} bytes went unnoticed"),
                    Err(error) => break error,
                }
            };
            drop(clock);
            assert_eq!(seen, all, "{end:?} after {at} bytes");
            assert!(error.is_transport() || (error.is_timeout() && end == End::Stall), "{error:?}");
            let is_unanswered = error.message().contains("had no answer");
            assert_eq!(is_unanswered, seen == 0 && end != End::Stall, "{end:?} after {at} bytes: {error}");
            let answer = soon(connection.request_message(&ask(2))).await.unwrap();
            assert_eq!(answer["n"], 7, "{end:?} after {at} bytes");
            cases += 1;
        }
    }
    println!("{cases} connections broken, {cases} noticed and replaced");
}

#[tokio::test]
async fn malformed_messages_are_errors() {
    type Check = fn(&Error) -> bool;
    let table: [(&str, Vec<u8>, Check); 9] = [
        ("invalid MessagePack", frame(0x82, b"\xc1"), Error::is_decode),
        ("MessagePack that is cut", frame(0x82, b"\x82\xa1n"), Error::is_decode),
        ("text that is no JSON", frame(0x81, b"hello"), Error::is_decode),
        ("text that is not UTF-8", frame(0x81, b"\xff\xfe"), Error::is_transport),
        ("a message that is too large", [&b"\x82\x7e\x10\x00"[..], &[0; 4096]].concat(), Error::is_too_large),
        ("a reserved opcode", frame(0x83, b""), Error::is_transport),
        ("a masked frame", vec![0x82, 0x80, 0, 0, 0, 0], Error::is_transport),
        ("a close for a reason", frame(0x88, b"\x03\xf3Error while forwarding the request"), |error| {
            error.is_transport() && error.message().contains("1011: Error while forwarding")
        }),
        ("an error", frame(0x81, br#"{"type":"x-fal-error","error":"E","reason":"R"}"#), |error| {
            error.error_type() == Some("E") && error.message().starts_with("E: R")
        }),
    ];
    let cases = table.len();
    for (what, answer, is_right) in table {
        let client = server(answer, End::Stall).await;
        let mut connection = open(&client).await;
        soon(connection.send_message(&ask(1))).await.unwrap();
        let error = soon(connection.recv()).await.unwrap_err();
        assert!(is_right(&error), "{what}: {error:?}");
        assert_eq!(error.endpoint(), Some("acme/live"), "{what}");
    }
    println!("{cases} malformed messages, {cases} errors");
}

#[tokio::test]
async fn key_that_a_message_repeats_is_not_printed() {
    for answer in [
        frame(0x81, br#"{"type":"x-fal-error","error":"E","reason":"bad key LEAK-SECRET-HALF"}"#),
        frame(0x81, br#"{"status":"error","error":"LEAK-SECRET-HALF"}"#),
        frame(0x88, b"\x03\xf3no LEAK-SECRET-HALF"),
    ] {
        let url = server_url(answer, End::Stall).await;
        let client = Client::builder().emulator(url).key("leak-id:LEAK-SECRET-HALF").build().unwrap();
        let mut connection = open(&client).await;
        soon(connection.send_message(&ask(1))).await.unwrap();
        let error = soon(connection.recv()).await.unwrap_err();
        let printed = format!("{error} {error:?} {} {:?}", error.message(), error.error_type());
        assert!(!printed.contains("LEAK"), "{printed}");
    }
}

#[tokio::test]
async fn a_malformed_message_does_not_end_the_connection() {
    let answer = [
        frame(0x82, b"\xc1"),
        frame(0x81, br#"{"type":"x-fal-message","action":"new"}"#),
        frame(0x89, b""),
        frame(0x82, &packed(2)),
    ];
    let client = server(answer.concat(), End::Stall).await;
    let mut connection = open(&client).await;
    soon(connection.send_message(&ask(1))).await.unwrap();
    let error = soon(connection.recv()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Decode { .. }) && error.body().unwrap().as_ref() == b"\xc1");
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap()["n"], 2);
}

#[tokio::test]
async fn a_server_without_websockets_differs_from_one_that_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: no\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 15\r\n\r\n{\"detail\":\"no\"}",
    ];
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let client = Client::builder().emulator(url).build().unwrap();
    let mut errors = Vec::new();
    for _ in answers {
        errors.push(
            soon(client.endpoint_id("acme/live").messages::<Value, Value>().realtime()).await.unwrap_err(),
        );
    }
    assert!(errors[0].is_decode() && errors[1].is_decode(), "{errors:?}");
    assert!(errors[2].is_auth() && errors[2].message() == "no", "{errors:?}");
}

#[tokio::test]
async fn service_that_pings_without_reading_is_not_read_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = sent.clone();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        handshake(&mut socket).await;
        let ping: Vec<u8> = [&[0x89, 125][..], &[7; 125]].concat().repeat(512);
        while socket.write_all(&ping).await.is_ok() {
            count.fetch_add(ping.len(), std::sync::atomic::Ordering::SeqCst);
        }
    });
    let client = Client::builder().emulator(&url).build().unwrap();
    let mut connection = client.endpoint_id("acme/app").messages::<Value, Value>().realtime().await.unwrap();
    let mut before = None;
    for _ in 0..40 {
        let received = tokio::time::timeout(Duration::from_millis(500), connection.recv()).await;
        assert!(received.is_err(), "pings are no messages: {received:?}");
        let now = sent.load(std::sync::atomic::Ordering::SeqCst);
        if before == Some(now) {
            // The buffers of the connection are full: nothing more is read before the pongs are written.
            return;
        }
        before = Some(now);
    }
    panic!("{before:?} bytes of pings were read without an end");
}
