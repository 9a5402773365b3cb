//! Messages of 1 KiB, there and back.

use std::time::Instant;

use fal_client::{Connection, untyped::Messages};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite};

use crate::{
    Extent, client,
    stats::{median, quantile, rounded, spread},
};

/// 1 KiB as MessagePack.
#[derive(Serialize, Deserialize, Clone)]
struct Message {
    n: u32,
    prompt: String,
}

/// Messages a round.
const MESSAGES: u32 = 5_000;
/// Of them, under way at a time.
const WINDOW: u32 = 32;

type Live = Connection<Messages<Message, Message>>;
type Raw = WebSocketStream<TcpStream>;

pub(crate) async fn measure(url: &str, extent: Extent) -> Value {
    let (rounds, calls) = if extent == Extent::Quick { (5, 2_000) } else { (31, 20_000) };
    let message = Message { n: 1, prompt: "0123456789abcdef".repeat(64)[..1008].to_owned() };
    let mut live: Live = client(url).untyped_realtime("acme/live").await.unwrap();
    let address = url.trim_start_matches("http://");
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut raw, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), socket).await.unwrap();

    let (mut raws, mut clients, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=rounds {
        // Whoever comes second finds a warmer cache.
        let (by_hand, by_client) = if round % 2 == 0 {
            let by_hand = many_raw(&mut raw, &message).await;
            (by_hand, many(&mut live, &message).await)
        } else {
            let by_client = many(&mut live, &message).await;
            (many_raw(&mut raw, &message).await, by_client)
        };
        if round > 0 {
            raws.push(by_hand);
            clients.push(by_client);
            ratios.push(by_hand / by_client);
        }
    }
    let (mut one_raw, mut one) = (Vec::new(), Vec::new());
    for _ in 0..calls {
        let start = Instant::now();
        send_raw(&mut raw, &message).await;
        recv_raw(&mut raw).await;
        one_raw.push(start.elapsed().as_secs_f64() * 1e6);
        let start = Instant::now();
        live.send_message(&message).await.unwrap();
        live.recv().await.unwrap().unwrap();
        one.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let a_second = |times: &[f64]| (f64::from(MESSAGES) / median(times)).round();
    json!({
        "message_bytes": rmp_serde::to_vec_named(&message).unwrap().len(),
        "rounds": rounds,
        "in_flight": WINDOW,
        "raw_a_second": a_second(&raws),
        "client_a_second": a_second(&clients),
        "ratio": rounded(median(&ratios)),
        "ratio_spread": spread(&ratios),
        "p50_raw_us": rounded(median(&one_raw)),
        "p50_us": rounded(median(&one)),
        "p99_raw_us": rounded(quantile(&one_raw, 0.99)),
        "p99_us": rounded(quantile(&one, 0.99)),
        "p50_added_us": rounded(median(&one) - median(&one_raw)),
        "p99_added_us": rounded(quantile(&one, 0.99) - quantile(&one_raw, 0.99)),
    })
}

/// Seconds for a round.
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
