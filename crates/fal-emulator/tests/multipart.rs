//! Uploads in parts, and the access to files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Response, TestEmulator};
use fal_emulator::{Emulator, Pace};
use reqwest::Method;
use serde_json::{Value, json};

/// Initiates an upload as the JavaScript client does. Returns the upload URL and the URL of the file.
async fn initiate(fal: &TestEmulator) -> (String, String) {
    let url = format!("{}/storage/upload/initiate-multipart?storage_type=fal-cdn-v3", fal.urls.rest);
    let place = fal.post(&url, &json!({"file_name": "big.bin", "content_type": "video/mp4"})).await.json();
    (place["upload_url"].as_str().unwrap().to_owned(), place["file_url"].as_str().unwrap().to_owned())
}

async fn put_part(fal: &TestEmulator, url: &str, number: &str, bytes: Vec<u8>) -> Response {
    fal.send(Method::PUT, &format!("{url}/{number}"), &[], bytes).await
}

async fn complete(fal: &TestEmulator, url: &str, parts: &Value) -> Response {
    fal.post(&format!("{url}/complete"), &json!({"parts": parts})).await
}

#[tokio::test]
async fn parts_uploaded_in_any_order_are_joined_by_number() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/files/upload/multipart", fal.urls.cdn);
    let headers = [("content-type", "video/mp4"), ("x-fal-file-name", "big.mp4")];
    let place = fal.send(Method::POST, &url, &headers, "").await.json();
    let file = place["access_url"].as_str().unwrap();
    let upload = format!("{file}/multipart/{}", place["uploadId"].as_str().unwrap());
    // Sizes around the limit for parts in memory, and a short last part.
    let parts: Vec<Vec<u8>> = [5 << 20, 4 << 20, 100, 6 << 20, 1]
        .iter()
        .enumerate()
        .map(|(index, size)| (0..*size).map(|at: u32| (at * 31 + index as u32) as u8).collect())
        .collect();
    let mut listed = Vec::new();
    for index in [3, 0, 4, 2, 1] {
        let answer = put_part(&fal, &upload, &(index + 1).to_string(), parts[index].clone()).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(
            (&body["partNumber"], body["etag"].as_str()),
            (&json!(index + 1), Some(answer.header("etag")))
        );
        listed.push(body);
    }
    assert_eq!(fal.get(file).await.status, 404, "not complete yet");
    let answer = complete(&fal, &upload, &json!(listed)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["access_url"].as_str()), (200, Some(file)));
    let whole = fal.get(file).await;
    assert!(whole.bytes == parts.concat());
    assert_eq!(whole.header("content-type"), "video/mp4");
    let (from, to) = ((5 << 20) - 10, (9 << 20) + 109);
    let range = format!("bytes={from}-{to}");
    let part = fal.send(Method::GET, file, &[("range", &range)], "").await;
    assert_eq!(
        (part.status.as_u16(), part.header("content-length")),
        (206, (to - from + 1).to_string().as_str())
    );
    assert!(part.bytes == parts.concat()[from..=to]);
    assert_eq!(complete(&fal, &upload, &json!(listed)).await.status, 404, "complete once");
}

#[tokio::test]
async fn missing_changed_and_repeated_parts_are_refused() {
    let fal = TestEmulator::instant().await;
    let (upload, file) = initiate(&fal).await;
    let tag = put_part(&fal, &upload, "1", b"one".to_vec()).await.header("etag").to_owned();
    for (parts, status) in [
        (json!([]), 400),
        (json!([{"partNumber": 2, "etag": tag}]), 400),
        (json!([{"partNumber": 1, "etag": "\"0\""}]), 400),
        (json!([{"partNumber": 1, "etag": tag}, {"partNumber": 1, "etag": tag}]), 400),
        (json!([{"partNumber": "1", "etag": tag}]), 422),
        (json!([{"etag": tag}]), 422),
        (json!("all"), 422),
    ] {
        assert_eq!(complete(&fal, &upload, &parts).await.status, status, "{parts}");
    }
    for number in ["0", "-1", "10001", "x", "", "1/2"] {
        assert_eq!(put_part(&fal, &upload, number, vec![1]).await.status, 400, "{number:?}");
    }
    let elsewhere = format!("{}x", upload);
    assert_eq!(put_part(&fal, &elsewhere, "1", vec![1]).await.status, 404);
    let part = json!([{"part_number": 1, "etag": tag.trim_matches('"')}]);
    assert_eq!(complete(&fal, &upload, &part).await.status, 200);
    assert_eq!(fal.get(&file).await.bytes, b"one");
}

#[tokio::test]
async fn multipart_uploads_can_be_aborted_and_have_urls_for_single_parts() {
    let fal = TestEmulator::instant().await;
    let (upload, file) = initiate(&fal).await;
    let place = fal.post(&format!("{upload}/1"), &json!({})).await.json();
    let put = fal.send(Method::PUT, place["upload_url"].as_str().unwrap(), &[], "x").await;
    assert_eq!(put.status, 200);
    assert_eq!(fal.send(Method::DELETE, &upload, &[], "").await.status, 204);
    assert_eq!(fal.send(Method::DELETE, &upload, &[], "").await.status, 404);
    assert_eq!(put_part(&fal, &upload, "1", vec![1]).await.status, 404);
    assert_eq!(fal.get(&file).await.status, 404);
    assert_eq!(fal.send(Method::DELETE, &file, &[], "").await.status, 405);
}

#[tokio::test]
async fn upload_space_limits_all_uploads_together() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).upload_space(10 << 20)).await;
    let send = async |size: usize| {
        fal.send(Method::POST, &format!("{}/files/upload", fal.urls.cdn), &[], vec![1; size])
            .await
            .status
            .as_u16()
    };
    assert_eq!([send(6 << 20).await, send(6 << 20).await, send(4 << 20).await], [200, 413, 200]);
    assert_eq!(send(1).await, 413);
}

#[tokio::test]
async fn downloads_have_the_original_name_and_an_etag() {
    let fal = TestEmulator::instant().await;
    let url = fal.upload("größe 漢.png", "image/png", vec![1]).await;
    assert!(url.is_ascii());
    let file = fal.get(&url).await;
    assert_eq!(
        file.header("content-disposition"),
        "inline; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E6%BC%A2.png"
    );
    let tag = file.header("etag");
    let again = fal.send(Method::GET, &url, &[("if-none-match", tag)], "").await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    let changed = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(fal.send(Method::GET, &url, &changed, "").await.status, 200);
}

#[tokio::test]
async fn acls_restrict_readers_and_signed_urls_bypass_them() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret")).await;
    let key = [("authorization", "Key id:secret")];
    let upload = async |lifecycle: &str| {
        let headers = [key[0], ("x-fal-object-lifecycle", lifecycle), ("content-type", "text/plain")];
        let url = format!("{}/files/upload", fal.urls.cdn);
        let answer = fal.send(Method::POST, &url, &headers, "secret").await;
        assert_eq!(answer.status, 200);
        answer.json()["access_url"].as_str().unwrap().to_owned()
    };
    let forbidden = upload(r#"{"initial_acl": {"default": "forbid"}}"#).await;
    let hidden = upload(r#"{"initial_acl": {"default": "hide"}}"#).await;
    assert_eq!(
        (fal.get(&forbidden).await.status.as_u16(), fal.get(&hidden).await.status.as_u16()),
        (403, 404)
    );
    assert_eq!(fal.send(Method::GET, &hidden, &key, "").await.bytes, b"secret");

    let sign = format!("{}/v1/storage/files/sign?url={hidden}", fal.urls.platform);
    assert_eq!(fal.post(&sign, &json!({})).await.status, 401);
    let signed = fal.send(Method::POST, &sign, &key, r#"{"expiration_seconds": 60}"#).await.json();
    assert_eq!(fal.get(signed["signed_url"].as_str().unwrap()).await.bytes, b"secret");
    let at_cdn = fal.send(Method::POST, &format!("{forbidden}/sign"), &key, "").await;
    let at_cdn = String::from_utf8(at_cdn.bytes).unwrap();
    assert_eq!(fal.get(&at_cdn).await.bytes, b"secret");
    assert_eq!(fal.get(&at_cdn.replace(&forbidden, &hidden)).await.status, 404, "for one file only");
    assert_eq!(fal.send(Method::POST, &sign, &key, r#"{"expiration_seconds": 604801}"#).await.status, 422);

    let acl = format!("{}/storage/files/acl?url={hidden}", fal.urls.rest);
    let now = fal.send(Method::GET, &acl, &key, "").await.json();
    assert_eq!(now, json!({"default": "hide", "rules": []}));
    let open = r#"{"default": "allow", "rules": [{"user": "nobody", "decision": "forbid"}]}"#;
    let set = fal.send(Method::PUT, &acl, &key, open).await;
    assert_eq!(set.status_and_json(), (200, json!({"default": "allow", "rules": []})));
    assert_eq!(fal.get(&hidden).await.status, 200);
    assert_eq!(fal.send(Method::PUT, &acl, &key, r#"{"default": "maybe"}"#).await.status, 422);
}

#[tokio::test]
async fn storage_settings_are_the_defaults_of_uploads() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/v1/storage/settings", fal.urls.platform);
    let nothing = json!({"expiration_duration_seconds": null, "initial_acl": null});
    assert_eq!(fal.get(&url).await.json(), nothing);
    let set = fal.send(Method::PUT, &url, &[], r#"{"initial_acl": {"default": "forbid"}}"#).await;
    assert_eq!(set.json()["initial_acl"]["default"], "forbid");
    let file = fal.upload("a.txt", "text/plain", vec![1]).await;
    assert_eq!(fal.get(&file).await.status, 403);
    assert_eq!(fal.send(Method::PUT, &url, &[], "{}").await.json(), nothing);
    let upload = format!("{}/files/upload", fal.urls.cdn);
    for bad in ["{", r#"{"expiration_duration_seconds": -1}"#] {
        let answer = fal.send(Method::POST, &upload, &[("x-fal-object-lifecycle", bad)], "x").await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}
