//! Sending and receiving at the same time: whoever sends reads what has come, and must tell whoever listens.

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

/// Sends everything back.
async fn echo() -> Connection<Messages<Value, Value>> {
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
async fn halves_on_two_threads_lose_nothing() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    static NEWS: Notify = Notify::const_new();
    let (sender, mut receiver) = echo().await.split();
    let receiving = tokio::spawn(async move {
        for n in 0..5_000 {
            assert_eq!(receiver.recv().await.unwrap().unwrap()["n"], n);
            SEEN.fetch_add(1, Ordering::SeqCst);
            NEWS.notify_one();
        }
    });
    soon(async {
        for n in 0..5_000_u64 {
            sender.send_message(&json!({ "n": n })).await.unwrap();
            // Bursts of all lengths. After each nobody sends until everything has been heard.
            if n % 37 == n % 11 {
                while SEEN.load(Ordering::SeqCst) <= n {
                    NEWS.notified().await;
                }
            }
        }
    })
    .await;
    soon(receiving).await.unwrap();
}

#[tokio::test]
async fn a_goodbye_that_is_given_up_leaves_a_receiver_that_hears_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let client = Client::builder().emulator(url).build().unwrap();
    // Nothing else wakes the receiver.
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
async fn halves_in_one_task_lose_nothing() {
    let (sender, mut receiver) = echo().await.split();
    sender.send_message(&json!({ "n": 0 })).await.unwrap();
    soon(async {
        for n in 0..500 {
            // Which of the two finds the message depends on when it comes.
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
