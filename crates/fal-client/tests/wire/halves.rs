//! Sending and receiving at the same time. A sender reads before it writes, and must wake the receiver.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fal_client::{Client, realtime::Connection, untyped::Messages};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    clock::{StoppedClock, run_other_tasks},
    realtime::soon,
};

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

#[tokio::test]
async fn a_close_that_is_dropped_still_ends_the_receiver() {
    let clock = StoppedClock::new();
    let pause = Duration::from_millis(300);
    // Pings would wake the receiver too.
    let (sender, mut receiver) = connect_to_slow_reader(pause, None).await.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    run_other_tasks().await;
    assert!(sender.close().now_or_never().is_none());
    clock.advance(pause).await;
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
async fn connect_to_slow_reader(
    pause: Duration,
    keep_alive: impl Into<Option<Duration>>,
) -> Connection<Messages<Value, Value>> {
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

/// Polls a call until it has done what it can without more time.
async fn poll_for_now<F: Future + Unpin>(call: &mut F) {
    tokio::select! {
        biased;
        _ = call => panic!("it did not wait"),
        () = run_other_tasks() => {}
    }
}

#[tokio::test]
async fn a_ping_does_not_take_the_wakeup_of_a_blocked_sender() {
    let clock = StoppedClock::new();
    let keep_alive = Duration::from_secs(6);
    let connection = connect_to_slow_reader(Duration::from_secs(9), keep_alive).await;
    let (sender, mut receiver) = connection.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let message = large_message();
    let mut sending = Box::pin(sender.send_message(&message));
    poll_for_now(&mut sending).await;
    // The ping is written while the message waits for the server to read.
    clock.advance(keep_alive).await;
    poll_for_now(&mut sending).await;
    clock.advance(Duration::from_secs(3)).await;
    assert!(soon(sending).await.is_ok());
    receiving.abort();
}

#[tokio::test]
async fn a_blocked_sender_fails_when_the_connection_is_lost() {
    let clock = StoppedClock::new();
    let keep_alive = Duration::from_secs(6);
    let connection = connect_to_slow_reader(Duration::from_secs(3600), keep_alive).await;
    let (sender, mut receiver) = connection.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let message = large_message();
    let mut sending = Box::pin(sender.send_message(&message));
    for _ in 0..2 {
        poll_for_now(&mut sending).await;
        clock.advance(keep_alive).await;
    }
    let error = soon(sending).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("while a message was written"), "{error}");
    assert!(soon(receiving).await.unwrap().unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_sender_without_a_receiver_gives_up_when_nothing_is_read() {
    let clock = StoppedClock::new();
    let day = Duration::from_secs(24 * 3600);
    let connection = connect_to_slow_reader(7 * day, day).await;
    let message = large_message();
    let mut sending = Box::pin(connection.send_message(&message));
    poll_for_now(&mut sending).await;
    clock.advance(day).await;
    let error = soon(sending).await.unwrap_err();
    assert!(error.is_timeout() && error.may_be_accepted(), "{error:?}");
    // A part of the message was written, so no other may follow.
    let error = soon(connection.send_message(&json!({}))).await.unwrap_err();
    assert!(error.is_transport() && error.message().contains("is closed"), "{error}");
}

#[tokio::test]
async fn control_frames_keep_a_silent_connection_alive() {
    let clock = StoppedClock::new();
    let (keep_alive, answered) = (Duration::from_secs(6), Arc::new(AtomicU64::new(0)));
    let (sender, mut receiver) = connect_to_silence(answered.clone(), keep_alive).await.split();
    let mut receiving = tokio::spawn(async move { receiver.recv().await });
    for nth in 1..=5_u64 {
        run_other_tasks().await;
        clock.advance(keep_alive).await;
        // There is a ping after each time without a frame, and its answer is a frame of the next time.
        soon(async {
            while answered.load(Ordering::SeqCst) < nth.div_ceil(2) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        poll_for_now(&mut receiving).await;
    }
    soon(sender.close()).await.unwrap();
    assert!(soon(receiving).await.unwrap().unwrap().is_none());
}

/// Connects to a server that sends no messages. It answers each ping, asks back, and counts the answers to that.
async fn connect_to_silence(
    answered: Arc<AtomicU64>,
    keep_alive: Duration,
) -> Connection<Messages<Value, Value>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Ping(_) => socket.send(Message::Ping("back".into())).await.unwrap(),
                Message::Pong(_) => drop(answered.fetch_add(1, Ordering::SeqCst)),
                _ => {}
            }
        }
    });
    let client = Client::builder().emulator(url).build().unwrap();
    let call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().keep_alive(keep_alive);
    soon(call).await.unwrap()
}
