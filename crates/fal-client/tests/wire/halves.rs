//! Sending and receiving at the same time. A sender reads before it writes, and must wake the receiver.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use fal_client::{Client, realtime::Connection, untyped::Messages};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};
use tokio_tungstenite::tungstenite::Message;

use crate::realtime::soon;

/// Connects to a server that sends every message back.
async fn connect_to_echo() -> Connection<Messages<Value, Value>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(_) = message {
                socket.send(message).await.unwrap();
            }
        }
    });
    let client = Client::builder().emulator(url).build().unwrap();
    soon(client.endpoint_id("acme/live").messages().realtime()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_on_two_threads_lose_no_message() {
    static RECEIVED: AtomicU64 = AtomicU64::new(0);
    static PROGRESS: Notify = Notify::const_new();
    let (sender, mut receiver) = connect_to_echo().await.split();
    let receiving = tokio::spawn(async move {
        for n in 0..5_000 {
            assert_eq!(receiver.recv().await.unwrap().unwrap()["n"], n);
            RECEIVED.fetch_add(1, Ordering::SeqCst);
            PROGRESS.notify_one();
        }
    });
    soon(async {
        for n in 0..5_000_u64 {
            sender.send_message(&json!({ "n": n })).await.unwrap();
            // Bursts of many lengths. After each, nothing is sent until everything was received.
            if n % 37 == n % 11 {
                while RECEIVED.load(Ordering::SeqCst) <= n {
                    PROGRESS.notified().await;
                }
            }
        }
    })
    .await;
    soon(receiving).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_still_ends_the_receiver() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let client = Client::builder().emulator(url).build().unwrap();
    // Pings would wake the receiver too.
    let call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().keep_alive(None);
    let connection = soon(call).await.unwrap();
    let (sender, mut receiver) = connection.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let short = Duration::from_millis(20);
    tokio::time::sleep(short).await;
    assert!(tokio::time::timeout(short, sender.close()).await.is_err());
    assert!(soon(receiving).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn halves_in_one_task_lose_no_message() {
    let (sender, mut receiver) = connect_to_echo().await.split();
    sender.send_message(&json!({ "n": 0 })).await.unwrap();
    soon(async {
        for n in 0..500 {
            // Either half may read the answer, depending on the time of its arrival.
            let send = async {
                tokio::task::yield_now().await;
                sender.send_message(&json!({ "n": n + 1 })).await.unwrap();
            };
            let (received, ()) = futures_util::future::join(receiver.recv(), send).await;
            assert_eq!(received.unwrap().unwrap()["n"], n);
        }
    })
    .await;
}

/// Connects to a server that reads nothing for `pause`, and then everything.
async fn connect_to_slow_reader(pause: Duration, keep_alive: Duration) -> Connection<Messages<Value, Value>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        tokio::time::sleep(pause).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let client = Client::builder().emulator(url).build().unwrap();
    let call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().keep_alive(keep_alive);
    soon(call).await.unwrap()
}

/// Returns a message that does not fit into the buffers of a socket.
fn large_message() -> Value {
    json!({ "data": "x".repeat(12 << 20) })
}

#[tokio::test]
async fn a_ping_does_not_take_the_wakeup_of_a_blocked_sender() {
    let keep_alive = Duration::from_millis(600);
    let connection = connect_to_slow_reader(Duration::from_millis(900), keep_alive).await;
    let (sender, mut receiver) = connection.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    // The ping is written while the message waits for the server to read.
    assert!(soon(sender.send_message(&large_message())).await.is_ok());
    drop(sender);
    receiving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_blocked_sender_fails_when_the_connection_is_lost() {
    let connection = connect_to_slow_reader(Duration::from_secs(60), Duration::from_millis(100)).await;
    let (sender, mut receiver) = connection.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let error = soon(sender.send_message(&large_message())).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("while a message was written"), "{error}");
    assert!(soon(receiving).await.unwrap().unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn a_sender_without_a_receiver_gives_up_when_nothing_is_read() {
    let day = Duration::from_secs(24 * 3600);
    let connection = connect_to_slow_reader(7 * day, day).await;
    let sending = async { connection.send_message(&large_message()).await };
    let error = tokio::time::timeout(day, sending).await.expect("it hangs").unwrap_err();
    assert!(error.is_timeout() && error.may_be_accepted(), "{error:?}");
    // A part of the message was written, so no other may follow.
    let error = soon(connection.send_message(&json!({}))).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("is closed"), "{error}");
}

#[tokio::test]
async fn pings_keep_a_silent_connection_alive() {
    let connection = connect_to_slow_reader(Duration::ZERO, Duration::from_millis(100)).await;
    let (sender, mut receiver) = connection.split();
    // The server answers pings and sends nothing else.
    assert!(tokio::time::timeout(Duration::from_millis(700), receiver.recv()).await.is_err());
    soon(sender.close()).await.unwrap();
    assert!(soon(receiver.recv()).await.unwrap().is_none());
}
