//! WebSocket connections: realtime, and HTTP over WebSocket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{
    Emulator, EmulatorBuilder, FaultPoint, Pace, RealtimeFault, RealtimeSettings, RequestKind, Rule, Scenario,
};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use rmpv::Value as Packed;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Writes the document of an app with a realtime route of the given protocol.
fn app(protocol: &Value) -> (tempfile::TempDir, EmulatorBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let document = json!({
        "info": {"x-fal-metadata": {"endpointId": "acme/live/realtime"}},
        "components": {"schemas": {
            "RTInput": {"type": "object", "required": ["prompt"], "properties": {
                "prompt": {"type": "string"}, "n": {"type": "integer", "maximum": 100},
            }},
            "RTOutput": {"type": "object", "properties": {
                "prompt": {"type": "string"}, "n": {"type": "integer"},
                "image": {"type": "string", "format": "binary"},
            }},
        }},
        "paths": {"/acme/live/realtime": {"x-fal-protocol": protocol, "post": {
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/RTInput"}}}},
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/RTOutput"}}}}},
        }}},
    });
    std::fs::write(folder.path().join("live.json"), document.to_string()).unwrap();
    let builder = Emulator::builder().schemas_dir(folder.path()).pace(Pace::instant());
    (folder, builder.realtime(fast()))
}

fn fast() -> RealtimeSettings {
    RealtimeSettings::default().frame_time(Duration::ZERO)
}

fn unary() -> Value {
    json!({"type": "realtime", "realtimeMode": "unary"})
}

async fn connect(fal: &TestEmulator, path: &str) -> Socket {
    connect_async(format!("{}/{path}", fal.urls.ws)).await.unwrap().0
}

fn packed(value: &Value) -> Message {
    let entries = value.as_object().unwrap().iter().map(|(key, value)| {
        let value = value.as_i64().map_or_else(|| Packed::from(value.as_str().unwrap()), Packed::from);
        (Packed::from(key.as_str()), value)
    });
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &Packed::Map(entries.collect())).unwrap();
    Message::Binary(bytes.into())
}

fn unpacked(message: &Message) -> Packed {
    let Message::Binary(bytes) = message else { panic!("not binary: {message:?}") };
    rmpv::decode::read_value(&mut bytes.as_ref()).unwrap()
}

fn control(message: &Message) -> Value {
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// Returns the code of the close frame that must come next.
async fn close_code(socket: &mut Socket) -> u16 {
    match socket.next().await.unwrap().unwrap() {
        Message::Close(Some(frame)) => frame.code.into(),
        other => panic!("not a close: {other:?}"),
    }
}

#[tokio::test]
async fn every_output_has_the_format_of_its_input() {
    let (_folder, builder) = app(&unary());
    let fal = TestEmulator::start(builder).await;
    let mut socket = connect(&fal, "acme/live/realtime").await;
    for n in 0..3 {
        socket.send(packed(&json!({"prompt": "hi", "n": n}))).await.unwrap();
        let output = unpacked(&socket.next().await.unwrap().unwrap());
        assert_eq!((output["prompt"].as_str(), output["n"].as_i64()), (Some("hi"), Some(n)));
        let Packed::Binary(image) = &output["image"] else { panic!("not bytes") };
        assert!(image.starts_with(b"\x89PNG"));
    }
    socket.send(Message::text(r#"{"prompt": "text"}"#)).await.unwrap();
    assert_eq!(control(&socket.next().await.unwrap().unwrap())["prompt"], "text");
    socket.send(Message::Ping("hello".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("hello".into()));
    socket.close(None).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        assert!(message.is_close());
    }
}

#[tokio::test]
async fn the_app_of_fal_s_documentation_has_a_realtime_route() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).realtime(fast())).await;
    let mut socket = connect(&fal, "fal-ai/fast-lcm-diffusion/realtime").await;
    let input = json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}});
    socket.send(Message::text(input.to_string())).await.unwrap();
    let output = control(&socket.next().await.unwrap().unwrap());
    assert!(output["images"][0]["url"].as_str().unwrap().starts_with("data:image/"), "{output}");
    let mut other = connect(&fal, "fal-ai/flux/schnell/realtime").await;
    assert_eq!(close_code(&mut other).await, 1011);
}

#[tokio::test]
async fn invalid_inputs_close_the_connection_with_a_reason() {
    let (_folder, builder) = app(&unary());
    let fal = TestEmulator::start(builder).await;
    let cases = [
        (packed(&json!({"n": 1})), "prompt\n  Field required [type=missing]"),
        (packed(&json!({"prompt": "", "n": 101})), "1 validation error for RTInput"),
        (Message::Binary(b"\xc1".as_slice().into()), "Invalid msgpack payload"),
        (Message::Binary(b"\x01".as_slice().into()), "expected a map"),
        (Message::text("{"), "Invalid JSON payload"),
    ];
    for (message, reason) in cases {
        let mut socket = connect(&fal, "acme/live/realtime").await;
        socket.send(message).await.unwrap();
        let error = control(&socket.next().await.unwrap().unwrap());
        assert_eq!((&error["type"], &error["error"]), (&json!("x-fal-error"), &json!("INTERNAL_ERROR")));
        assert!(error["reason"].as_str().unwrap().contains(reason), "{error}");
        assert_eq!(close_code(&mut socket).await, 1000);
    }
}

#[tokio::test]
async fn a_connection_without_inputs_times_out() {
    let (_folder, builder) = app(&json!({"type": "realtime", "config": {"sessionTimeout": 0.05}}));
    let fal = TestEmulator::start(builder).await;
    let mut socket = connect(&fal, "acme/live/realtime").await;
    let message = control(&socket.next().await.unwrap().unwrap());
    let reason = "no inputs, reconnect when needed!";
    assert_eq!(message, json!({"type": "x-fal-error", "error": "TIMEOUT", "reason": reason}));
    assert_eq!(close_code(&mut socket).await, 1000);
}

#[tokio::test]
async fn a_full_buffer_drops_the_oldest_input() {
    const FRAME: Duration = Duration::from_millis(400);
    let (_folder, builder) = app(&unary());
    let slow = RealtimeSettings::default().frame_time(FRAME);
    let fal = TestEmulator::start(builder.realtime(slow).manual_clock()).await;
    let mut socket = connect(&fal, "acme/live/realtime?max_buffering=2").await;
    for n in 0..10 {
        socket.feed(packed(&json!({"prompt": "", "n": n}))).await.unwrap();
    }
    // All of them were read once this is answered.
    socket.send(Message::Ping("all".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("all".into()));
    let mut answered = Vec::new();
    while answered.len() < 3 {
        let time_passes = async {
            loop {
                fal.emulator.advance(FRAME);
                tokio::task::yield_now().await;
            }
        };
        let message = tokio::select! {
            message = socket.next() => message.unwrap().unwrap(),
            () = time_passes => unreachable!(),
        };
        answered.push(unpacked(&message)["n"].as_i64().unwrap());
    }
    assert_eq!(answered, [0, 8, 9]);
    for bad in ["0", "61", "x"] {
        let url = format!("{}/acme/live/realtime?max_buffering={bad}", fal.urls.ws);
        let Err(Error::Http(reply)) = connect_async(url).await else { panic!("{bad} was taken") };
        assert_eq!(reply.status(), 400);
    }
}

#[tokio::test]
async fn streaming_routes_close_after_their_last_output() {
    let (_folder, builder) = app(&json!({"type": "realtime", "realtimeMode": "server_streaming"}));
    let fal = TestEmulator::start(builder.realtime(fast().frames(3).timings(true))).await;
    let mut socket = connect(&fal, "acme/live/realtime").await;
    socket.send(packed(&json!({"prompt": "hi"}))).await.unwrap();
    let mut images = Vec::new();
    for _ in 0..3 {
        images.push(unpacked(&socket.next().await.unwrap().unwrap())["image"].to_string());
        let timing = control(&socket.next().await.unwrap().unwrap());
        assert_eq!((&timing["type"], &timing["action"]), (&json!("x-fal-message"), &json!("timings")));
        assert!(timing["timing"].is_number());
    }
    images.dedup();
    assert_eq!(images.len(), 3);
    assert_eq!(control(&socket.next().await.unwrap().unwrap())["error"], "TIMEOUT");
    assert_eq!(close_code(&mut socket).await, 1000);

    let mode =
        json!({"type": "realtime", "realtimeMode": "client_streaming", "config": {"sessionTimeout": 3.0}});
    let (_folder, builder) = app(&mode);
    let fal = TestEmulator::start(builder).await;
    let mut socket = connect(&fal, "acme/live/realtime").await;
    for n in 0..3 {
        socket.send(packed(&json!({"prompt": "hi", "n": n}))).await.unwrap();
    }
    assert_eq!(unpacked(&socket.next().await.unwrap().unwrap())["n"].as_i64(), Some(2));
    assert_eq!(control(&socket.next().await.unwrap().unwrap())["error"], "TIMEOUT");
}

#[tokio::test]
async fn tokens_are_checked_when_connecting() {
    let (_folder, builder) = app(&unary());
    let fal =
        TestEmulator::start(builder.require_key("id:secret").realtime(fast().close_on_token_expiry(true)))
            .await;
    let token = async |seconds: u32| {
        let body = json!({"allowed_apps": ["live"], "token_expiration": seconds}).to_string();
        let key = [("authorization", "Key id:secret")];
        let url = format!("{}/tokens/", fal.urls.rest);
        fal.send(Method::POST, &url, &key, body).await.json().as_str().unwrap().to_owned()
    };
    let path = "acme/live/realtime?fal_jwt_token=";
    let mut socket = connect(&fal, &format!("{path}{}", token(60).await)).await;
    socket.send(packed(&json!({"prompt": "hi"}))).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_binary());

    let mut expires_soon = connect(&fal, &format!("{path}{}", token(2).await)).await;
    let expired = token(0).await;
    for (mut socket, what) in [
        (connect(&fal, &format!("{path}{expired}")).await, "expired"),
        (connect(&fal, &format!("{path}custom-token")).await, "invented"),
    ] {
        let message = control(&socket.next().await.unwrap().unwrap());
        assert_eq!(message, json!({"status": "error", "error": "Unauthorized"}), "{what}");
        assert_eq!(close_code(&mut socket).await, 1008);
    }
    let message = control(&expires_soon.next().await.unwrap().unwrap());
    assert_eq!(message["error"], "Unauthorized");

    let url = format!("{}/acme/live/realtime", fal.urls.ws);
    let Err(Error::Http(reply)) = connect_async(&url).await else { panic!("no key was needed") };
    assert_eq!(reply.status(), 401);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Key id:secret".parse().unwrap());
    assert!(connect_async(request).await.is_ok());
}

/// Opens a connection and sends two inputs. The first is answered; the rule applies to the second.
async fn interrupted(rule: impl FnOnce(Rule) -> Rule) -> (TestEmulator, Socket) {
    let (_folder, builder) = app(&unary());
    let fal = TestEmulator::start(builder).await;
    fal.emulator.on_endpoint("acme/live/realtime").reply(|input| json!({"n": input["n"]}));
    rule(fal.emulator.on_request(RequestKind::Realtime)).times(1);
    let mut socket = connect(&fal, "acme/live/realtime").await;
    ask(&mut socket, 0).await;
    assert_eq!(unpacked(&socket.next().await.unwrap().unwrap())["n"].as_i64(), Some(0));
    ask(&mut socket, 1).await;
    // The rule applies to one connection only.
    let mut other = connect(&fal, "acme/live/realtime").await;
    for n in 0..3 {
        ask(&mut other, n).await;
        assert_eq!(unpacked(&other.next().await.unwrap().unwrap())["n"].as_i64(), Some(n));
    }
    (fal, socket)
}

async fn ask(socket: &mut Socket, n: i64) {
    socket.send(packed(&json!({"prompt": "hi", "n": n}))).await.unwrap();
}

#[tokio::test]
async fn rules_break_connections_after_a_number_of_messages() {
    for rule in
        [|rule: Rule| rule.cut(FaultPoint::Message(1)), |rule: Rule| rule.reset(FaultPoint::Message(1))]
    {
        let (_fal, mut socket) = interrupted(rule).await;
        let end = socket.next().await.unwrap();
        assert!(matches!(end, Err(Error::Io(_) | Error::Protocol(_))), "{end:?}");
    }
    let (_fal, mut socket) = interrupted(|rule| rule.stall(FaultPoint::Message(1))).await;
    socket.send(Message::Ping("anybody?".into())).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(200), socket.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn rules_replace_messages() {
    let (_fal, mut socket) = interrupted(|rule| rule.replace_message(1, RealtimeFault::Close(1011))).await;
    assert_eq!(close_code(&mut socket).await, 1011);

    let (_fal, mut socket) = interrupted(|rule| rule.replace_message(1, RealtimeFault::Unauthorized)).await;
    assert_eq!(control(&socket.next().await.unwrap().unwrap())["error"], "Unauthorized");
    assert_eq!(close_code(&mut socket).await, 1008);

    let (_fal, mut socket) = interrupted(|rule| rule.replace_message(1, RealtimeFault::Garbage)).await;
    let garbage = socket.next().await.unwrap();
    assert!(matches!(garbage, Err(Error::Protocol(_))), "{garbage:?}");

    for (frame, length) in [(RealtimeFault::Nonsense, 15), (RealtimeFault::Large(100_000), 100_000)] {
        let (_fal, mut socket) = interrupted(|rule| rule.replace_message(1, frame)).await;
        assert_eq!(socket.next().await.unwrap().unwrap().len(), length);
        ask(&mut socket, 2).await;
        assert_eq!(unpacked(&socket.next().await.unwrap().unwrap())["n"].as_i64(), Some(2));
    }
}

#[tokio::test]
async fn scenarios_can_break_connections() {
    let (_folder, builder) = app(&unary());
    let fal = TestEmulator::start(builder).await;
    let rule = |what: &str| Scenario::from_toml(&format!("[[rule]]\nkind = \"realtime\"\ntimes = 1\n{what}"));
    fal.emulator.apply(&rule("replace_message = { after = 0, with = { close = 4001 } }").unwrap());
    fal.emulator.apply(&rule("replace_message = { after = 0, with = \"unauthorized\" }").unwrap());
    fal.emulator.apply(&rule("cut = { message = 0 }").unwrap());
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = connect(&fal, "acme/live/realtime").await;
        socket.send(packed(&json!({"prompt": "hi"}))).await.unwrap();
        sockets.push(socket);
    }
    assert_eq!(close_code(&mut sockets[0]).await, 4001);
    assert_eq!(control(&sockets[1].next().await.unwrap().unwrap())["error"], "Unauthorized");
    assert!(sockets[2].next().await.unwrap().is_err());
    for bad in ["{ after = 0 }", "{ after = 0, with = \"dance\" }", "{ after = 0, with = { close = 7 } }"] {
        assert!(rule(&format!("replace_message = {bad}")).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn unknown_routes_are_closed_after_the_upgrade() {
    let fal = TestEmulator::instant().await;
    let mut socket = connect(&fal, "fal-ai/flux/dev/realtime").await;
    assert_eq!(close_code(&mut socket).await, 1011);
    let Err(Error::Http(reply)) = connect_async(format!("{}/no/app/realtime", fal.urls.ws)).await else {
        panic!("there is no such app")
    };
    assert_eq!(reply.status(), 404);
    assert_eq!(fal.get(&format!("{}/fal-ai/flux/dev", fal.urls.run)).await.status, 405);
    let plain = fal.urls.ws.replace("ws://", "http://");
    assert_eq!(fal.get(&format!("{plain}/fal-ai/flux/dev")).await.status, 426);
}

#[tokio::test]
async fn http_calls_on_one_connection_are_answered_in_order() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant().log_lines(2))).await;
    let mut socket = connect(&fal, "fal-ai/flux/schnell").await;
    let small = json!({"width": 8, "height": 8});
    let bodies = [
        json!({"prompt": "one", "image_size": small}).to_string(),
        "{}".to_owned(),
        json!({"prompt": "two", "image_size": small}).to_string(),
    ];
    for body in bodies {
        socket.feed(Message::text(body)).await.unwrap();
    }
    socket.flush().await.unwrap();
    for (status, prompt) in [(200, Some("one")), (422, None), (200, Some("two"))] {
        let start = control(&socket.next().await.unwrap().unwrap());
        assert_eq!((&start["type"], &start["status"]), (&json!("start"), &json!(status)));
        assert_eq!(start["headers"]["content-type"], "application/json");
        let body = control(&socket.next().await.unwrap().unwrap());
        assert_eq!(body["prompt"].as_str(), prompt);
        let end = control(&socket.next().await.unwrap().unwrap());
        assert_eq!((&end["type"], &end["request_id"]), (&json!("end"), &start["request_id"]));
        assert!(end["time_to_first_byte_seconds"].is_number());
    }

    let mut socket = connect(&fal, "fal-ai/flux/dev/stream").await;
    socket.send(Message::text(json!({"prompt": "", "image_size": small}).to_string())).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        let text = message.into_text().unwrap().to_string();
        let is_end = text.contains(r#""type":"end""#);
        pieces.push(text);
        if is_end {
            break;
        }
    }
    let events = pieces.iter().filter(|piece| piece.starts_with("data: ")).count();
    assert_eq!((events, pieces.len()), (3, 5));
}

#[tokio::test]
async fn failures_of_the_account_refuse_http_calls_on_an_open_connection() {
    const REALTIME: &str = "fal-ai/fast-lcm-diffusion/realtime";

    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).realtime(fast())).await;
    let mut socket = connect(&fal, "fal-ai/flux/schnell").await;
    let mut realtime = connect(&fal, REALTIME).await;
    let input = json!({"prompt": "a cat", "image_size": {"width": 8, "height": 8}}).to_string();
    let mut call = async || {
        socket.send(Message::text(input.clone())).await.unwrap();
        let start = control(&socket.next().await.unwrap().unwrap());
        let body = control(&socket.next().await.unwrap().unwrap());
        assert_eq!(control(&socket.next().await.unwrap().unwrap())["type"], "end");
        (start["status"].as_u64().unwrap(), body)
    };
    fal.emulator.rate_limit(1);
    let (status, body) = call().await;
    assert_eq!((status, &body["error_type"]), (429, &json!("concurrent_requests_limit")));
    assert_eq!(call().await.0, 200);
    fal.emulator.lock_account("Admin lock");
    assert_eq!(call().await, (403, json!({"detail": "User is locked. Reason: Admin lock"})));
    // A realtime connection goes on, and a new one is refused.
    realtime.send(Message::text(input.clone())).await.unwrap();
    assert!(control(&realtime.next().await.unwrap().unwrap())["images"].is_array());
    for path in [REALTIME, "fal-ai/flux/schnell"] {
        let Err(Error::Http(reply)) = connect_async(format!("{}/{path}", fal.urls.ws)).await else {
            panic!("a locked account has opened {path}")
        };
        assert_eq!(reply.status(), 403, "{path}");
    }
    fal.emulator.unlock_account();
    assert_eq!(call().await.0, 200);
}

#[tokio::test]
async fn each_output_is_charged_and_previews_and_refusals_are_free() {
    let builder = Emulator::builder().pace(Pace::instant()).realtime(fast()).random_seeds();
    let fal = TestEmulator::start(builder).await;
    let mut socket = connect(&fal, "fal-ai/fast-lcm-diffusion/realtime").await;
    let input = json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}, "num_images": 2});
    let mut seeds = Vec::new();
    for _ in 0..3 {
        socket.send(Message::text(input.to_string())).await.unwrap();
        seeds.push(control(&socket.next().await.unwrap().unwrap())["seed"].clone());
    }
    assert!(
        seeds[0] != seeds[1] || seeds[1] != seeds[2],
        "inputs without a seed get a random one: {seeds:?}"
    );
    socket.send(Message::text("{}")).await.unwrap();
    assert_eq!(control(&socket.next().await.unwrap().unwrap())["type"], "x-fal-error");
    assert_eq!(close_code(&mut socket).await, 1000);
    let cost = fal.emulator.cost().await;
    assert_eq!((cost.calls, cost.endpoints), (3, 1));
    let events = fal.get(&format!("{}/v1/models/billing-events", fal.urls.platform)).await.json();
    let units: Vec<f64> = events["billing_events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["output_units"].as_f64().unwrap())
        .collect();
    assert_eq!(units, [2.0; 3], "{events}");
}
