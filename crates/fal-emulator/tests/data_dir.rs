//! The data folder, which survives a restart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::TestEmulator;
use fal_emulator::{Emulator, EmulatorBuilder, Pace};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

/// Moves a URL of an earlier run to the port of this one.
fn moved(fal: &TestEmulator, url: &Value) -> String {
    let path = url.as_str().unwrap().splitn(4, '/').nth(3).unwrap().to_owned();
    format!("{}/{path}", fal.emulator.url())
}

#[tokio::test]
async fn results_uploads_and_cancels_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || -> EmulatorBuilder { Emulator::builder().data_dir(folder.path()) };
    let first = TestEmulator::start(builder().pace(Pace::instant())).await;
    let fetched = first.submit(ID, &input()).await;
    let result = first.get(fetched["response_url"].as_str().unwrap()).await.json();
    let image = first.get(result["images"][0]["url"].as_str().unwrap()).await.bytes;
    let unfetched = first.submit(ID, &input()).await;
    let refused = first.submit(ID, &json!({})).await;
    let small = first.upload("a.txt", "text/plain", b"text".to_vec()).await;
    let large = first.upload("large.bin", "application/octet-stream", vec![7; 5 << 20]).await;
    first.emulator.shutdown().await;

    let second =
        TestEmulator::start(builder().pace(Pace::instant().run(std::time::Duration::from_secs(3600)))).await;
    let at = async |url: &Value| second.get(&moved(&second, url)).await;
    assert_eq!(at(&fetched["status_url"]).await.json()["status"], "COMPLETED");
    assert_eq!(at(&fetched["response_url"]).await.json(), result);
    assert_eq!(at(&result["images"][0]["url"]).await.bytes, image);
    assert_eq!(at(&unfetched["response_url"]).await.json()["prompt"], "a cat");
    assert_eq!(at(&refused["response_url"]).await.status, 422);
    let text = at(&json!(small)).await;
    assert_eq!((text.bytes.as_slice(), text.header("content-type")), (&b"text"[..], "text/plain"));
    assert!(at(&json!(large)).await.bytes == vec![7; 5 << 20]);
    let running = second.submit(ID, &input()).await;
    let cancelled = second.submit(ID, &input()).await;
    second.send(Method::PUT, cancelled["cancel_url"].as_str().unwrap(), &[], "").await;
    second.emulator.shutdown().await;

    let third = TestEmulator::start(builder()).await;
    assert_eq!(third.get(&moved(&third, &cancelled["response_url"])).await.status, 499);
    assert_eq!(third.get(&moved(&third, &running["response_url"])).await.status, 200);
    let other = TestEmulator::instant().await;
    assert_eq!(other.get(&moved(&other, &running["response_url"])).await.status, 404);
}

#[tokio::test]
async fn the_certificate_authority_survives_a_restart_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || Emulator::builder().tls().data_dir(folder.path()).start().await.unwrap();
    let first = start().await;
    let ca = reqwest::Certificate::from_pem(first.ca_certificate().unwrap().as_bytes()).unwrap();
    first.shutdown().await;
    let second = start().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    assert_eq!(client.get(second.urls().platform + "/v1/models").send().await.unwrap().status(), 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("ca-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[tokio::test]
async fn request_paths_cannot_leave_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    let fal = TestEmulator::start(Emulator::builder().data_dir(folder.path().join("data"))).await;
    for path in ["b/../../secret", "b/..%2F..%2Fsecret/x", "%2e%2e/%2e%2e/secret", "b/%00/x", "/etc/passwd"] {
        assert_eq!(fal.get(&format!("{}/files/{path}", fal.urls.cdn)).await.status, 404, "{path}");
        let job = format!("{}/{ID}/requests/{}/status", fal.urls.queue, path.replace('/', "%2F"));
        assert_eq!(fal.get(&job).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_endless_lifetime_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let fal = TestEmulator::start(Emulator::builder().data_dir(folder.path())).await;
    let lifecycle = r#"{"expiration_duration_seconds": 9223372036854000000}"#;
    let headers = [("x-fal-object-lifecycle", lifecycle), ("content-type", "text/plain")];
    let reply = fal.send(Method::POST, &format!("{}/files/upload", fal.urls.cdn), &headers, "text").await;
    assert_eq!(reply.status, 200);
    let url = reply.json()["access_url"].clone();
    fal.emulator.shutdown().await;
    let second = TestEmulator::start(Emulator::builder().data_dir(folder.path())).await;
    assert_eq!(second.get(&moved(&second, &url)).await.bytes, b"text");
}
