//! `run`: one request and its reply.

use super::*;

#[tokio::test]
async fn run_returns_images_of_the_requested_size() {
    let (_emulator, client) = instant().await;
    let reply = client
        .run(input!(dev {
            prompt: "a cat reading a map",
            image_size: dev::ImageSize::Landscape16_9,
            output_format: dev::OutputFormat::Png,
            num_images: 2,
            seed: 42,
        }))
        .await
        .unwrap();
    assert!(!reply.request_id().is_empty());
    assert_eq!(reply.seed, 42);
    assert_eq!(reply.prompt, "a cat reading a map");
    assert_eq!(reply.images.len(), 2);
    for image in &reply.images {
        assert_eq!((image.width, image.height), (1024, 576));
        assert_eq!(image.content_type.as_deref(), Some("image/png"));
        let bytes = client.download(&image.url).await.unwrap().bytes().await.unwrap();
        assert_eq!(dimensions(&bytes), (1024, 576));
    }
    assert!(serde_json::from_slice::<serde_json::Value>(reply.raw()).unwrap()["images"].is_array());
}

#[tokio::test]
async fn run_takes_a_builder_whose_required_parameters_are_set() {
    let (_emulator, client) = instant().await;
    let scale: f64 = "7.5".parse().unwrap();
    let builder = dev::Input::builder().guidance_scale(dev::GuidanceScale::try_from(scale).unwrap());
    let reply = client
        .run(builder.prompt("a cat").image_size(dev::ImageSize::Square).seed(None::<i64>))
        .await
        .unwrap();
    assert_eq!((reply.images[0].width, reply.images[0].height), (512, 512));
}

#[tokio::test]
async fn run_returns_a_video() {
    use fal_kling_video::v2_1::master::text_to_video::{self, AspectRatio, Duration};
    let (_emulator, client) = instant().await;
    let input = input!(text_to_video {
        prompt: "a cat",
        duration: Duration::N5,
        aspect_ratio: AspectRatio::Ratio9x16
    });
    let reply = client.run(input).await.unwrap();
    assert_eq!(reply.video.content_type.as_deref(), Some("video/mp4"));
    let bytes = client.download(&reply.video.url).await.unwrap().bytes().await.unwrap();
    assert_eq!(&bytes[4..8], b"ftyp");
    assert_eq!(reply.video.file_size, i64::try_from(bytes.len()).ok());
}
