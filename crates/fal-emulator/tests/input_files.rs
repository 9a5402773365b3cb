//! Files of inputs, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{TestEmulator, silence};
use serde_json::json;

const MODEL: &str = "fal-ai/flux/dev/image-to-image";

#[tokio::test]
async fn files_that_fal_could_not_read_are_refused_with_its_error_types() {
    let fal = TestEmulator::instant().await;
    let sound = fal.upload("cat.png", "image/png", silence(1)).await;
    let missing = format!("{}/files/b/none/cat.png", fal.urls.cdn);
    for (url, kind) in [
        ("/pictures/cat.png", "file_download_error"),
        ("not a url", "file_download_error"),
        ("https://v3.fal.media/files/b/nope.png", "file_download_error"),
        (missing.as_str(), "file_download_error"),
        ("data:image/png;base64,aGVsbG8=", "image_load_error"),
        (sound.as_str(), "image_load_error"),
    ] {
        let input = json!({"prompt": "a cat", "image_url": url});
        let direct = fal.run(MODEL, &input).await;
        let detail = &direct.json()["detail"][0];
        assert_eq!((direct.status.as_u16(), &detail["type"]), (422, &json!(kind)), "{url}");
        assert_eq!(detail["loc"], json!(["body", "image_url"]));
        assert_eq!(direct.header("x-fal-billable-units"), "0");
        let receipt = fal.submit(MODEL, &input).await;
        let status = fal.get(receipt["status_url"].as_str().unwrap()).await.json();
        assert!(status["error"].as_str().unwrap().contains("422"), "{status}");
        let result = fal.get(receipt["response_url"].as_str().unwrap()).await;
        assert_eq!((result.status.as_u16(), &result.json()["detail"][0]["type"]), (422, &json!(kind)));
    }
}

#[tokio::test]
async fn outputs_uploads_and_foreign_urls_are_accepted_as_files() {
    let fal = TestEmulator::instant().await;
    let small = json!({"prompt": "a cat", "image_size": {"width": 64, "height": 48}});
    let made = fal.run("fal-ai/flux/dev", &small).await.json();
    let url = made["images"][0]["url"].as_str().unwrap().to_owned();
    let bytes = fal.get(&url).await.bytes;
    let uploaded = fal.upload("cat.png", "image/png", bytes).await;
    for url in [url, uploaded, "https://example.com/cat.png".to_owned()] {
        let answer = fal.run(MODEL, &json!({"prompt": "a dog", "image_url": url, "num_images": 1})).await;
        assert_eq!(answer.status, 200, "{url}: {}", answer.json());
    }
    // What a script answers reads no file.
    fal.emulator.on_endpoint(MODEL).reply(|_| json!({"images": []}));
    assert_eq!(fal.run(MODEL, &json!({"prompt": "", "image_url": "none"})).await.status, 200);
}
