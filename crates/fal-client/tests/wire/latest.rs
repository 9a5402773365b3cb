//! Inputs of which only the latest counts, and the answers after the last one.

use std::{path::Path, sync::Arc, time::Duration};

use fal_client::{
    Client, File,
    media::Media,
    realtime::{Connection, Format},
    storage::FileExt,
    untyped::Messages,
};
use fal_emulator::{Emulator, RealtimeSettings};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    clock::StoppedClock,
    realtime::{ask, live, soon, start},
};

type Json = Messages<Value, Value>;

/// Starts an app that takes this time for each answer.
async fn slow(frame_time: u64) -> (tempfile::TempDir, Emulator, Client) {
    let (folder, builder) = live(&json!({"type": "realtime"}));
    let settings = RealtimeSettings::default().frame_time(Duration::from_millis(frame_time));
    let (emulator, client) = start(builder.realtime(settings)).await;
    (folder, emulator, client)
}

async fn connect(client: &Client, throttle: Option<u64>) -> Connection<Json> {
    let mut call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime();
    if let Some(throttle) = throttle {
        call = call.throttle(Duration::from_millis(throttle));
    }
    soon(call).await.unwrap()
}

#[tokio::test]
async fn finished_connection_gives_every_answer_and_ends() {
    let (_folder, _emulator, client) = slow(50).await;
    let connection = connect(&client, None).await;
    for n in 0..10 {
        connection.send_message(&ask(n)).await.unwrap();
    }
    let mut answers = connection.finish();
    for n in 0..10 {
        assert_eq!(soon(answers.recv()).await.unwrap().unwrap()["n"], n);
    }
    let _clock = StoppedClock::new();
    let start = Instant::now();
    assert!(soon(answers.recv()).await.unwrap().is_none());
    assert_eq!(start.elapsed(), Duration::ZERO, "it waited for more answers");
    assert!(soon(answers.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn last_answer_is_not_lost_when_the_sender_finishes() {
    let (_folder, _emulator, client) = slow(20).await;
    let (sender, mut receiver) = connect(&client, Some(60)).await.split();
    let receiving = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(answer) = receiver.recv().await.unwrap() {
            seen.push(answer["n"].as_u64().unwrap());
        }
        seen
    });
    let start = Instant::now();
    for n in 0..10 {
        sender.latest_message(&ask(n)).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sender.finish();
    let seen = soon(receiving).await.unwrap();
    assert_eq!(seen.last(), Some(&9), "{seen:?}");
    assert!(seen.is_sorted() && seen.len() as u128 <= 1 + start.elapsed().as_millis() / 60, "{seen:?}");
}

#[tokio::test]
async fn latest_input_replaces_those_that_were_not_sent() {
    let (_folder, emulator, client) = slow(0).await;
    let mut connection = connect(&client, None).await;
    for n in 0..100 {
        connection.latest_message(&ask(n)).unwrap();
    }
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap()["n"], 99);
    // Nothing else was sent.
    assert!(timeout(Duration::from_millis(200), connection.recv()).await.is_err());
    // Requests and plain messages have their turns in between.
    connection.latest_message(&ask(7)).unwrap();
    let answer = soon(connection.request_message(&ask(8))).await.unwrap();
    assert_eq!(answer["n"], 8);
    assert_eq!(soon(connection.recv()).await.unwrap().unwrap()["n"], 7);
    drop(emulator);
}

#[tokio::test]
async fn latest_input_of_a_closed_connection_is_an_error() {
    let (_folder, _emulator, client) = slow(0).await;
    let (sender, mut receiver) = connect(&client, None).await.split();
    let other = sender.clone();
    soon(sender.close()).await.unwrap();
    assert!(soon(receiver.recv()).await.unwrap().is_none());
    assert!(other.latest_message(&ask(1)).unwrap_err().is_transport());
}

#[tokio::test]
async fn loop_of_thirty_frames_a_second_sees_the_last_input() {
    let (_folder, _emulator, client) = slow(10).await;
    let mut connection = connect(&client, Some(33)).await;
    let (keys, mut typed) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        for n in 0..60 {
            keys.send(n).await.unwrap();
            tokio::time::sleep(Duration::from_millis(8)).await;
        }
    });
    let (mut drawn, start) = (Vec::new(), Instant::now());
    let drawing = async {
        while drawn.last() != Some(&59) {
            tokio::select! {
                Some(n) = typed.recv() => connection.latest_message(&ask(n)).unwrap(),
                frame = connection.recv() => drawn.push(frame.unwrap().unwrap()["n"].as_u64().unwrap()),
            }
        }
    };
    soon(Box::pin(drawing)).await;
    assert!(drawn.is_sorted() && drawn.len() as u128 <= 1 + start.elapsed().as_millis() / 33, "{drawn:?}");
}

#[tokio::test]
async fn files_of_messages_have_bytes_in_both_formats() {
    let (_folder, emulator, client) = slow(0).await;
    for format in [Format::MessagePack, Format::Json] {
        let call = client.endpoint_id("acme/live").messages::<Value, serde::de::IgnoredAny>().realtime();
        let mut connection = soon(call.format(format)).await.unwrap();
        let answer = soon(connection.request_message(&ask(1))).await.unwrap();
        if format == Format::MessagePack {
            let files = answer.files();
            assert_eq!((files.len(), files[0].field()), (1, "image"), "{files:?}");
            let bytes = files[0].fetch(&client).await.unwrap();
            assert!(!bytes.is_empty() && files[0].is_inline(), "{files:?}");
        }
    }
    drop(emulator);
}

#[tokio::test]
async fn files_that_have_to_be_read_are_refused_by_latest() {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    use fal_flux_2::klein::realtime;
    let connection = soon(client.endpoint::<realtime::Model>().realtime()).await.unwrap();
    let input = |file: File| fal_client::input!(realtime { prompt: "a cat", image_url: file });
    connection.latest(input(File::bytes(b"cat", "image/png"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("cat.png");
    std::fs::write(&picture, b"cat").unwrap();
    // However fast the disk is, and whether the file exists.
    for _ in 0..100 {
        for path in [picture.as_path(), Path::new("no such file.png")] {
            let error = connection.latest(input(File::path(path))).unwrap_err();
            assert!(error.is_file() && error.to_string().contains("`send` it"), "{error}");
        }
    }
    // A reader is read once. From then on it is content in memory.
    let reader = File::reader(&b"cat"[..]);
    assert!(connection.latest(input(reader.clone())).unwrap_err().to_string().contains("`send` it"));
    soon(connection.send(input(reader.clone()))).await.unwrap();
    connection.latest(input(reader)).unwrap();
    // Neither method can read these.
    let nothing = futures_util::stream::iter([Err::<&[u8], _>(std::io::Error::other("broken"))]);
    let broken = File::reader(tokio_util::io::StreamReader::new(nothing));
    for file in [broken, File::custom(7)] {
        assert!(soon(connection.send(input(file.clone()))).await.unwrap_err().is_file());
        let error = connection.latest(input(file)).unwrap_err();
        assert!(error.is_file() && !error.to_string().contains("`send` it"), "{error}");
    }
    let _ = Arc::new(emulator);
}
