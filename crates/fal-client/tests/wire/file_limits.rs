//! Local files are checked against the limits of their endpoint before anything is sent.

use fal_client::{Client, ErrorKind, File};
use fal_emulator::{Emulator, Pace};
use fal_kling_video::o1::{image_to_video, video_to_video::edit};
use serde_json::json;

use crate::server::{Server, json as answer};

/// Returns a PNG image of this size, without its pixels.
fn png(width: u32, height: u32) -> File {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend(b"\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\xaeB`\x82");
    File::bytes(file, "image/png")
}

fn input(image: File) -> image_to_video::Input {
    image_to_video::Input::builder().prompt("A boat").start_image_url(image).build()
}

async fn server() -> Server {
    Server::start(|_, url| {
        answer(200, &json!({"file_url": format!("{url}/f"), "access_url": format!("{url}/f"), "token": "t", "token_type": "Bearer",
            "base_url": url, "expires_at": "2099-01-01T00:00:00Z", "url": format!("{url}/f"),
            "video": {"url": "https://v3.fal.media/x.mp4"}, "request_id": "r1"}))
    })
    .await
}

#[tokio::test]
async fn file_that_breaks_a_limit_is_refused_before_anything_is_sent() {
    let server = server().await;
    let client = server.client();
    let smallest = image_to_video::Input::LIMITS_START_IMAGE_URL.min_width.unwrap();
    let error = client.run(input(png(10, 10))).await.unwrap_err();
    let ErrorKind::InvalidInput(violations) = error.kind() else { panic!("{error:?}") };
    assert_eq!(violations.as_slice()[0].path, "body.start_image_url");
    let message =
        format!("`start_image_url`: the file is 10 px wide, and the endpoint takes at least {smallest} px");
    assert!(error.to_string().contains(&message), "{error}");
    assert!(client.submit(input(png(10, 10))).await.unwrap_err().is_invalid_input());
    assert!(client.subscribe(input(png(10, 10))).await.unwrap_err().is_invalid_input());
    assert_eq!(server.lines(), [""; 0]);
}

#[tokio::test]
async fn check_of_files_can_be_switched_off() {
    let server = server().await;
    let is_sent = || server.received().iter().any(|request| request.path.contains("image-to-video"));
    let client = server.client();
    client.run(input(png(10, 10))).check_files(false).await.unwrap();
    assert!(is_sent());
    client.run(input(png(10, 10))).skip_validation().await.unwrap();
    let careless = server.builder().check_files(false).build().unwrap();
    careless.run(input(png(10, 10))).await.unwrap();
    assert!(careless.run(input(png(10, 10))).check_files(true).await.unwrap_err().is_invalid_input());
}

#[tokio::test]
async fn valid_unknown_and_remote_files_are_sent() {
    let server = server().await;
    let client = server.client();
    for file in [png(800, 600), File::bytes("no image", "image/png"), File::url("https://example.com/x.png")]
    {
        client.run(input(file)).await.unwrap();
    }
}

#[tokio::test]
async fn real_media_is_measured() {
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let image = File::url("https://example.com/x.png");
    let made = client.run(input(image)).await.unwrap();
    let video = client.download(made.video.url.as_str()).await.unwrap().bytes().await.unwrap();
    let edit = edit::Input::builder().prompt("A cat").video_url(File::bytes(video, "")).build();
    // Emulated videos are small, short and slow.
    let error = client.run(edit).await.unwrap_err();
    let ErrorKind::InvalidInput(violations) = error.kind() else { panic!("{error:?}") };
    let messages: Vec<_> = violations.as_slice().iter().map(|violation| violation.message.as_str()).collect();
    for measure in ["px wide", "px high"] {
        assert!(messages.iter().any(|message| message.contains(measure)), "{messages:?}");
    }
}
