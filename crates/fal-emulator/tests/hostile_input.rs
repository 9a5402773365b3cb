//! Hostile input: malformed, oversized and slow requests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ID: &str = "fal-ai/flux/dev";

/// Sends bytes and returns everything received until the emulator closes the connection.
async fn exchange(emulator: &Emulator, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(emulator.url().replace("http://", "")).await.unwrap();
    // Fails if the emulator refuses before everything is sent.
    stream.write_all(bytes).await.ok();
    let mut all = Vec::new();
    let mut some = [0; 4096];
    while let Ok(read) = stream.read(&mut some).await {
        if read == 0 {
            break;
        }
        all.extend_from_slice(&some[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Asserts that the emulator still serves requests.
async fn assert_alive(fal: &TestEmulator) {
    let input = json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}});
    assert_eq!(fal.run(ID, &input).await.status, 200);
}

#[tokio::test]
async fn oversized_and_malformed_heads_are_refused() {
    let fal = TestEmulator::instant().await;
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x-many: a\r\n".repeat(10_000));
    let path = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(1 << 20));
    for head in [long, many, path] {
        let reply = exchange(&fal.emulator, head.as_bytes()).await;
        // A reset may overtake the refusal.
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply:.100}");
    }
    for nonsense in
        [&b"\0\xff\xfe\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02"]
    {
        let reply = tokio::time::timeout(Duration::from_millis(300), exchange(&fal.emulator, nonsense)).await;
        assert!(
            reply.is_err() || reply.is_ok_and(|reply| reply.is_empty() || reply.starts_with("HTTP/1.1 4"))
        );
    }
    assert_alive(&fal).await;
}

#[tokio::test]
async fn malformed_framing_is_a_bad_request_in_json() {
    let fal = TestEmulator::instant().await;
    for chunk in ["zz\r\n{}\r\n0\r\n\r\n", "-1\r\n", "ffffffffffffffffff\r\n{}", "2\r\n{}xx"] {
        let head = format!(
            "POST /run/{ID} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"
        );
        let reply = exchange(&fal.emulator, head.as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 400"), "{chunk:?}: {reply}");
        assert!(reply.contains("{\"detail\":"), "{chunk:?}: {reply}");
    }
    for path in ["run/%ff", "queue/a/%c3%28", "cdn/files/%ff", "ws/%80/x"] {
        let answer = fal.get(&format!("{}/{path}", fal.emulator.url())).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.json()["detail"].is_string(), "{path}");
    }
    assert_alive(&fal).await;
}

#[tokio::test]
async fn a_request_with_two_lengths_hides_no_other() {
    let fal = TestEmulator::instant().await;
    let framings = [
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "content-length: 60\r\ntransfer-encoding: chunked",
        "content-length: 0\r\ncontent-length: 60",
        "content-length: 5, 60",
        "content-length: +5",
        "content-length: 5\r\ntransfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: chunked\r\ncontent-length: 0\r\ntransfer-encoding: identity",
        "transfer-encoding : chunked",
    ];
    for framing in framings {
        let head = format!("POST /run/{ID} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n0\r\n\r\n");
        let hidden = "GET /run/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let reply = exchange(&fal.emulator, format!("{head}{hidden}").as_bytes()).await;
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{framing}: {reply}");
        assert!(reply.starts_with("HTTP/1.1 4"), "{framing}: {reply}");
    }
    assert!(fal.emulator.requests().iter().all(|request| request.path != "/run/hidden"));
    assert_alive(&fal).await;
}

#[tokio::test]
async fn half_sent_heads_are_closed_and_idle_connections_are_kept() {
    let limit = Duration::from_secs(6);
    let fal = TestEmulator::start(Emulator::builder().read_timeout(limit)).await;
    let mut idle = TcpStream::connect(fal.emulator.url().replace("http://", "")).await.unwrap();
    let mut health = async || {
        idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut reply = vec![0; 4096];
        let length = idle.read(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply[..length]).starts_with("HTTP/1.1 200")
    };
    assert!(health().await);
    assert_eq!(exchange(&fal.emulator, b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await, "");
    assert!(health().await, "it was idle for as long as the half-sent head");
}

#[tokio::test]
async fn interim_statuses_are_no_answers() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/_emulator/scenario", fal.emulator.url());
    for status in [100, 101, 199] {
        let failing = json!({"endpoint": [{"id": ID, "outcomes": [{"fail": {"status": status}}]}]});
        let rule = json!({"rule": [{"respond": {"status": status, "json": {}}}]});
        for scenario in [failing, rule] {
            assert_eq!(fal.post(&url, &scenario).await.status, 422, "{scenario}");
        }
        fal.emulator.on_endpoint(ID).fail(status, json!({}));
        assert_eq!(fal.run(ID, &json!({"prompt": "x"})).await.status, 500);
    }
}

#[tokio::test]
async fn slow_senders_time_out() {
    let builder = Emulator::builder().pace(Pace::instant()).read_timeout(Duration::from_secs(3));
    let fal = TestEmulator::start(builder).await;
    assert_eq!(exchange(&fal.emulator, b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await, "");
    let head = format!("POST /run/{ID} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{{");
    let reply = exchange(&fal.emulator, head.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 408"), "{reply}");
    assert_alive(&fal).await;
}

#[tokio::test]
async fn too_large_bodies_are_refused_after_they_were_sent() {
    let fal = TestEmulator::instant().await;
    let part = "x".repeat(1 << 20);
    for (parts, declares_length) in [(11, true), (64, true), (11, false)] {
        let mut stream = TcpStream::connect(fal.emulator.url().replace("http://", "")).await.unwrap();
        let framing = match declares_length {
            true => format!("content-length: {}", parts << 20),
            false => "transfer-encoding: chunked".to_owned(),
        };
        let head =
            format!("POST /run/{ID} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..parts {
            let sent = match declares_length {
                true => part.clone(),
                false => format!("{:x}\r\n{part}\r\n", part.len()),
            };
            stream.write_all(sent.as_bytes()).await.unwrap();
        }
        if !declares_length {
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 413"), "{parts}: {reply}");
    }
    // Nobody waits for the end of these.
    let head =
        format!("POST /run/{ID} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
    let reply = exchange(&fal.emulator, head.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
    assert_alive(&fal).await;
}

#[tokio::test]
async fn deep_wide_and_huge_json_is_refused() {
    let fal = TestEmulator::instant().await;
    let deep = format!("{}{}", "[".repeat(5_000_000), "]".repeat(5_000_000));
    let wide = format!("{{\"prompt\": \"x\", \"loras\": [{}1]}}", "1,".repeat(4_000_000));
    let keys: String = (0..600_000).map(|key| format!("\"{key}\":1,")).collect();
    let keys = format!("{{{keys}\"prompt\":1}}");
    for (name, body) in [("deep", deep), ("wide", wide), ("keys", keys)] {
        let url = format!("{}/{ID}", fal.urls.run);
        let answer = fal.send(reqwest::Method::POST, &url, &[], body).await;
        assert_eq!(answer.status, 422, "{name}");
        assert_eq!(answer.json()["detail"][0]["type"], "json_invalid", "{name}");
    }
    let huge = format!("{{\"prompt\": \"{}\"}}", "x".repeat(11 << 20));
    let url = format!("{}/{ID}", fal.urls.queue);
    assert_eq!(fal.send(reqwest::Method::POST, &url, &[], huge).await.status, 413);
    assert_alive(&fal).await;
}

#[tokio::test]
async fn the_list_of_violations_is_limited() {
    let fal = TestEmulator::instant().await;
    let input: Value =
        json!({"prompt": 1, "image_size": {"width": vec![1; 50_000]}, "loras": vec![1; 50_000]});
    let answer = fal.run(ID, &input).await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_array().unwrap().len() <= 200);
    assert_alive(&fal).await;
}
