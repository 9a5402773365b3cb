//! Realtime messages of 1 KiB to the server and back.

use std::time::Instant;

use fal_client::{realtime::Connection, untyped::Messages};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite};

use crate::{
    Extent, client,
    row::{Of, Row},
    stats::{median, quantile},
};

/// A message of 1 KiB as MessagePack.
#[derive(Serialize, Deserialize, Clone)]
struct Message {
    n: u32,
    prompt: String,
}

/// The number of messages in a round, one after the other.
const CALLS: usize = 1_000;
/// The number of messages in a round, many of them under way.
const MESSAGES: u32 = 5_000;
/// The number of messages that are under way at the same time.
const WINDOW: u32 = 32;

type Live = Connection<Messages<Message, Message>>;
type Raw = WebSocketStream<TcpStream>;

pub(crate) async fn measure(url: &str, extent: Extent) -> Vec<Row> {
    let (rounds, one_rounds) = if extent == Extent::Quick { (5, 2) } else { (31, 20) };
    let message = Message { n: 1, prompt: "0123456789abcdef".repeat(64)[..1008].to_owned() };
    let mut live: Live = client(url).endpoint_id("acme/live").messages().realtime().await.unwrap();
    let address = url.trim_start_matches("http://");
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut raw, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), socket).await.unwrap();

    let (mut raws, mut clients) = (Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=rounds {
        // The second one benefits from a warmer cache.
        let (by_hand, by_client) = if round % 2 == 0 {
            let by_hand = many_raw(&mut raw, &message).await;
            (by_hand, many(&mut live, &message).await)
        } else {
            let by_client = many(&mut live, &message).await;
            (many_raw(&mut raw, &message).await, by_client)
        };
        if round > 0 {
            raws.push(f64::from(MESSAGES) / by_hand);
            clients.push(f64::from(MESSAGES) / by_client);
        }
    }
    let (mut p50_raw, mut p50, mut p99_raw, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..one_rounds {
        let (mut one_raw, mut one) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let start = Instant::now();
            send_raw(&mut raw, &message).await;
            recv_raw(&mut raw).await;
            one_raw.push(start.elapsed().as_secs_f64() * 1e6);
            let start = Instant::now();
            live.send_message(&message).await.unwrap();
            live.recv().await.unwrap().unwrap();
            one.push(start.elapsed().as_secs_f64() * 1e6);
        }
        p50_raw.push(median(&one_raw));
        p50.push(median(&one));
        p99_raw.push(quantile(&one_raw, 0.99));
        p99.push(quantile(&one, 0.99));
    }
    vec![
        Row::against("stream: realtime messages of 1 KiB, 32 under way", "messages/s", &clients, &raws)
            .at_least(Of::Ratio, 0.95),
        Row::against("stream: realtime message there and back, p50", "µs", &p50, &p50_raw),
        Row::against("stream: realtime message there and back, p99", "µs", &p99, &p99_raw)
            .at_most(Of::Difference, 50.0),
    ]
}

/// Measures the seconds of a round.
async fn many(live: &mut Live, message: &Message) -> f64 {
    let start = Instant::now();
    for n in 0..MESSAGES + WINDOW {
        if n < MESSAGES {
            live.send_message(&Message { n, ..message.clone() }).await.unwrap();
        }
        if let Some(answered) = n.checked_sub(WINDOW) {
            assert_eq!(live.recv().await.unwrap().unwrap().n, answered);
        }
    }
    start.elapsed().as_secs_f64()
}

async fn many_raw(raw: &mut Raw, message: &Message) -> f64 {
    let start = Instant::now();
    for n in 0..MESSAGES + WINDOW {
        if n < MESSAGES {
            send_raw(raw, &Message { n, ..message.clone() }).await;
        }
        if let Some(answered) = n.checked_sub(WINDOW) {
            assert_eq!(recv_raw(raw).await.n, answered);
        }
    }
    start.elapsed().as_secs_f64()
}

async fn send_raw(raw: &mut Raw, message: &Message) {
    let bytes = rmp_serde::to_vec_named(message).unwrap();
    raw.send(tungstenite::Message::Binary(bytes.into())).await.unwrap();
}

async fn recv_raw(raw: &mut Raw) -> Message {
    match raw.next().await.unwrap().unwrap() {
        tungstenite::Message::Binary(bytes) => rmp_serde::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}
