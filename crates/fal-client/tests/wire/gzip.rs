//! Answers in gzip, which is asked for where it helps.

use std::{io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::{
    job::accepted,
    model::cat,
    server::{Received, Server, bytes, json as answer},
};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

const JSON: [(&str, &str); 2] = [("content-type", "application/json"), ("content-encoding", "gzip")];

#[tokio::test]
async fn answers_and_refusals_are_asked_for_and_read_in_gzip() {
    let server = Server::start(|request: &Received, _: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => bytes(422, &JSON, gzip(br#"{"detail": "no cats"}"#)),
        _ => bytes(200, &JSON, gzip(br#"{"seed": 7}"#)),
    })
    .await;
    let reply = server.client().run(cat()).await.unwrap();
    assert_eq!((reply.seed, reply.raw().as_ref()), (7, br#"{"seed": 7}"#.as_slice()));
    let error = server.client().submit(cat()).await.unwrap_err();
    assert!(error.to_string().contains("no cats"), "{error}");
    assert!(server.received().iter().all(|sent| sent.header("accept-encoding") == Some("gzip")));
}

#[tokio::test]
async fn limit_of_an_answer_counts_what_it_becomes() {
    let bomb = gzip(&vec![b' '; 1 << 20]);
    let server = Server::start(move |_, _| bytes(200, &JSON, bomb.clone())).await;
    let client = server.builder().max_reply_bytes(1 << 16).build().unwrap();
    assert!(client.run(cat()).await.unwrap_err().is_too_large());
}

#[tokio::test]
async fn downloads_and_streams_are_not_asked_for_in_gzip() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => {
            bytes(200, &[("content-type", "text/event-stream")], "data: {\"status\": \"COMPLETED\"}\n\n")
        }
        path if path.ends_with("/stream") => {
            bytes(200, &[("content-type", "text/event-stream")], "data: {\"seed\": 1}\n\n")
        }
        "/file" => bytes(200, &[], "cat"),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let client = server.client();
    client.subscribe(cat()).await.unwrap();
    let events = client.stream(fal_client::untyped::input("acme/app", json!({}))).await.unwrap();
    events.done().await.unwrap();
    client.download(format!("{}/file", server.url)).await.unwrap().bytes().await.unwrap();
    for sent in server.received() {
        let expected = match sent.path.as_str() {
            path if path.ends_with("/stream") || path == "/file" => "identity",
            _ => "gzip",
        };
        assert_eq!(sent.header("accept-encoding"), Some(expected), "{}", sent.path);
    }
}

#[tokio::test]
async fn file_that_is_stored_in_gzip_is_saved_as_it_is_and_continued() {
    let content = gzip(&(0..200_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    let whole = content.clone();
    let server = Server::start(move |request: &Received, _: &str| {
        let from = request.header("range").map_or(0, |range| {
            range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse::<usize>().unwrap()
        });
        let rest = whole[from..].to_vec();
        let length = rest.len().to_string();
        let range = format!("bytes {from}-{}/{}", whole.len() - 1, whole.len());
        let headers = [
            ("content-encoding", "gzip"),
            ("etag", "\"a\""),
            ("content-length", &length),
            ("content-range", &range),
        ];
        if from > 0 {
            return bytes(206, &headers, rest);
        }
        // The first response breaks off in the middle.
        let half = rest[..rest.len() / 2].to_vec();
        let chunks = [Ok(half), Err(std::io::Error::other("cut"))];
        let chunks = futures_util::StreamExt::then(futures_util::stream::iter(chunks), |chunk| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            chunk
        });
        bytes(200, &headers[..3], axum::body::Body::from_stream(chunks))
    })
    .await;
    let file = server.client().download(format!("{}/file", server.url)).await.unwrap();
    assert_eq!((file.content_length(), file.content_encoding()), (Some(content.len() as u64), Some("gzip")));
    assert_eq!(file.bytes().await.unwrap(), content);
    assert_eq!(server.received().len(), 2);
}
