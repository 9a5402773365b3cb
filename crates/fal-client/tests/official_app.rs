//! The client against a server of fal's own Python package, which is what apps at fal run on.
//! `cargo xtask conformance` starts the server and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use fal_client::{
    Client,
    realtime::{ConnectRequest, Format},
    untyped,
    untyped::Messages,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

type Live = Messages<Value, Painting>;

#[derive(Debug, Deserialize)]
struct Painting {
    n: u64,
    prompt: String,
    image: Option<Pixels>,
}

/// Only MessagePack's own bytes, and not text.
#[derive(Debug, PartialEq)]
struct Pixels(Vec<u8>);

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Pixels;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Pixels, E> {
                Ok(Pixels(bytes.to_vec()))
            }
        }
        reader.deserialize_bytes(Visitor)
    }
}

fn client() -> Client {
    let url = std::env::var("FAL_CONFORMANCE_APP").expect("`cargo xtask conformance` starts the server");
    Client::builder().emulator(url).key("id:secret").build().unwrap()
}

fn live(client: &Client, path: &str) -> ConnectRequest<Live> {
    client.endpoint_id("acme/painter").messages().realtime().path(path)
}

fn sketch(prompt: &str) -> Value {
    json!({ "prompt": prompt })
}

fn failing() -> Value {
    json!({ "prompt": "a cat", "fail": true })
}

/// Returns the output of a future, and panics after a minute.
async fn soon<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

fn input(parameters: Value) -> untyped::Input {
    untyped::input("acme/painter", parameters)
}

#[tokio::test]
#[ignore = "needs the server"]
async fn run_gives_the_output_or_what_is_wrong() {
    let client = client();
    let reply = soon(client.run(input(sketch("a cat")))).await.unwrap();
    assert_eq!(*reply, json!({ "n": 1, "prompt": "a cat", "image": null }));
    let error = soon(client.run(input(json!({ "prompt": "a cat", "strength": 2 })))).await.unwrap_err();
    assert!(error.is_validation() && error.to_string().contains("strength"), "{error}");
    let error = soon(client.run(input(failing()))).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(500), "{error}");
}

#[tokio::test]
#[ignore = "needs the server"]
async fn streams_give_every_event_and_the_last_as_the_output() {
    let client = client();
    let mut events = soon(client.stream(input(sketch("a cat")))).await.unwrap();
    for n in 1..=5 {
        let event = soon(events.next()).await.unwrap().unwrap();
        assert_eq!(*event, json!({ "n": n, "prompt": "a cat" }));
    }
    assert!(soon(events.next()).await.is_none());
    assert_eq!(soon(events.done()).await.unwrap()["n"], 5);
    let error = soon(client.stream(input(json!({})))).await.unwrap_err();
    assert!(error.is_validation() && error.to_string().contains("prompt"), "{error}");
}

/// The server closes such a stream as it closes a whole one; what came is all there is to tell.
#[tokio::test]
#[ignore = "needs the server"]
async fn a_model_that_fails_in_its_stream_loses_no_event() {
    let mut events = soon(client().stream(input(failing()))).await.unwrap();
    let mut seen = 0;
    while let Some(Ok(_)) = soon(events.next()).await {
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
#[ignore = "needs the server"]
async fn messages_are_answered_with_bytes_and_an_idle_connection_ends_well() {
    let client = client();
    let mut connection = soon(live(&client, "/realtime")).await.unwrap();
    for prompt in ["a cat", "a dog", "a fox"] {
        let answer = soon(connection.request_message(&sketch(prompt))).await.unwrap();
        assert_eq!((answer.prompt.as_str(), &answer.image), (prompt, &Some(Pixels(vec![0x00, 0xff]))));
    }
    // The app ends it after a second without inputs.
    assert!(soon(connection.recv()).await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs the server"]
async fn what_a_model_says_is_wrong_is_told() {
    let client = client();
    let table = [(failing(), "out of paint"), (json!({ "strength": 2, "prompt": "a" }), "strength")];
    for (message, reason) in table {
        let mut connection = soon(live(&client, "/realtime")).await.unwrap();
        let error = soon(connection.request_message(&message)).await.unwrap_err();
        assert_eq!(error.error_type(), Some("INTERNAL_ERROR"));
        assert!(error.to_string().contains(reason), "{error}");
    }
    // Apps of fal read MessagePack only.
    let mut connection = soon(live(&client, "/realtime").format(Format::Json)).await.unwrap();
    let error = soon(connection.request_message(&sketch("a cat"))).await.unwrap_err();
    assert_eq!(error.error_type(), Some("INTERNAL_ERROR"), "{error}");
}

#[tokio::test]
#[ignore = "needs the server"]
async fn a_connection_is_opened_again_after_an_error() {
    let client = client();
    let mut connection = soon(live(&client, "/realtime").reconnect()).await.unwrap();
    assert!(soon(connection.request_message(&failing())).await.is_err());
    let answer = soon(connection.request_message(&sketch("a cat"))).await.unwrap();
    assert_eq!(answer.prompt, "a cat");
}

/// The package does not keep the order of what is yielded at once, so the order is not looked at.
#[tokio::test]
#[ignore = "needs the server"]
async fn many_messages_follow_one() {
    let mut connection = soon(live(&client(), "/realtime/frames")).await.unwrap();
    soon(connection.send_message(&sketch("a cat"))).await.unwrap();
    let mut seen = Vec::new();
    while let Some(painting) = soon(connection.recv()).await.unwrap() {
        seen.push(painting.n);
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
#[ignore = "needs the server"]
async fn both_sides_talk_at_once() {
    let connection = soon(live(&client(), "/realtime/both")).await.unwrap();
    let (sender, mut receiver) = connection.split();
    for n in 1..=3 {
        soon(sender.send_message(&sketch(&n.to_string()))).await.unwrap();
        let painting = soon(receiver.recv()).await.unwrap().unwrap();
        assert_eq!((painting.n, painting.prompt.as_str()), (n, n.to_string().as_str()));
    }
    soon(sender.close()).await.unwrap();
    assert!(soon(receiver.recv()).await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs the server"]
async fn one_message_follows_many() {
    let mut connection = soon(live(&client(), "/realtime/album")).await.unwrap();
    for prompt in ["a cat", "a dog", "end"] {
        soon(connection.send_message(&sketch(prompt))).await.unwrap();
    }
    let painting = soon(connection.recv()).await.unwrap().unwrap();
    assert_eq!((painting.n, painting.prompt.as_str()), (3, "a cat,a dog,end"));
}
