//! Uploads and downloads of whole files.

mod common;

use common::TestEmulator;
use fal_emulator::Emulator;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_uploaded_file_is_downloaded_unchanged() {
    let fal = TestEmulator::instant().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let url = fal.upload("cat.png", "image/png", bytes.clone()).await;
    assert!(url.starts_with(&format!("{}/files/", fal.urls.cdn)) && url.ends_with("/cat.png"));
    let file = fal.get(&url).await;
    assert_eq!(file.bytes, bytes);
    assert_eq!(file.header("content-type"), "image/png");
    assert_eq!(file.header("content-length"), "100000");
    assert_eq!(file.header("access-control-allow-origin"), "*");
    assert_eq!(file.header("accept-ranges"), "bytes");
    let head = fal.send(Method::HEAD, &url, &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, "100000"));
    assert!(head.bytes.is_empty());
}

#[tokio::test]
async fn range_requests_return_parts_of_a_file() {
    let fal = TestEmulator::instant().await;
    let url = fal.upload("ten.txt", "text/plain", b"0123456789".to_vec()).await;
    let read = async |range: &str| fal.send(Method::GET, &url, &[("range", range)], "").await;
    let part = read("bytes=2-4").await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, b"234".as_slice()));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(part.header("content-length"), "3");
    assert_eq!(read("bytes=-2").await.bytes, b"89");
    let beyond = read("bytes=10-").await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
    assert!(beyond.bytes.is_empty());
    assert_eq!(read("lines=1-2").await.status, 200);
}

#[tokio::test]
async fn the_cdn_accepts_uploads_with_a_token_only() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret")).await;
    let key = [("authorization", "Key id:secret")];
    let url = format!("{}/storage/auth/token?storage_type=fal-cdn-v3", fal.urls.rest);
    assert_eq!(fal.send(Method::POST, &url, &[], "{}").await.status, 401);
    let token = fal.send(Method::POST, &url, &key, "{}").await.json();
    assert_eq!((&token["token_type"], &token["base_url"]), (&json!("Bearer"), &json!(fal.urls.cdn)));
    assert!(token["expires_at"].as_str().unwrap().ends_with("+00:00"));

    let url = format!("{}/files/upload", fal.urls.cdn);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "audio/wav"),
        ("x-fal-file-name", "../../talk show.wav"),
    ];
    let answer = fal.send(Method::POST, &url, &headers, "sound").await;
    assert_eq!(answer.status, 200);
    let access_url = answer.json()["access_url"].as_str().unwrap().to_owned();
    assert!(access_url.ends_with("/talk_show.wav"), "{access_url}");
    let file = fal.get(&access_url).await;
    assert_eq!((file.bytes.as_slice(), file.header("content-type")), (b"sound".as_slice(), "audio/wav"));

    for wrong in ["Bearer guess", "Key id:guess"] {
        let answer = fal.send(Method::POST, &url, &[("authorization", wrong)], "x").await;
        assert_eq!(answer.status, 401, "{wrong}");
    }
}

#[tokio::test]
async fn initiate_validates_its_body_and_has_defaults() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/storage/upload/initiate?storage_type=gcs", fal.urls.rest);
    let place = fal.post(&url, &json!({})).await.json();
    assert!(place["file_url"].as_str().unwrap().ends_with("/upload.bin"));
    let answer = fal.post(&url, &json!({"file_name": 3})).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "file_name"]));
    let answer = fal.send(Method::POST, &url, &[], "{\"file_name").await;
    assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
}

#[tokio::test]
async fn file_names_cannot_leave_the_cdn() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/storage/upload/initiate", fal.urls.rest);
    for name in ["../../../etc/passwd", "..\\..\\x", "a\r\nb: c", "", "..", "?q#f%2e%2e"] {
        let place = fal.post(&url, &json!({"file_name": name})).await.json();
        let file_url = place["file_url"].as_str().unwrap();
        let path = file_url.strip_prefix(&format!("{}/files/b/", fal.urls.cdn)).unwrap();
        let (_, stored) = path.split_once('/').unwrap();
        assert!(!stored.is_empty() && !stored.starts_with('.'), "{name:?} -> {stored:?}");
        assert!(
            stored.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
            "{name:?} -> {stored:?}"
        );
    }
}

#[tokio::test]
async fn unreserved_and_unfilled_paths_are_not_found() {
    let fal = TestEmulator::instant().await;
    let nowhere = format!("{}/upload/b/1/x", fal.urls.cdn);
    assert_eq!(fal.send(Method::PUT, &nowhere, &[], "x").await.status, 404);
    let url = format!("{}/storage/upload/initiate", fal.urls.rest);
    let place = fal.post(&url, &json!({"file_name": "a.txt"})).await.json();
    let answer = fal.get(place["file_url"].as_str().unwrap()).await;
    assert_eq!(answer.status_and_json(), (404, json!({"detail": "File not found"})));
    let outside = format!("{}/files/..%2f..%2fetc%2fpasswd", fal.urls.cdn);
    assert_eq!(fal.get(&outside).await.status, 404);
}

#[tokio::test]
async fn files_may_exceed_the_json_limit() {
    let fal = TestEmulator::instant().await;
    let url = fal.upload("big.bin", "application/octet-stream", vec![7; 20 << 20]).await;
    let head = fal.send(Method::HEAD, &url, &[], "").await;
    assert_eq!(head.header("content-length"), (20 << 20).to_string());
}
