//! Pictures of the crate `image`, in inputs and outputs.

use fal_client::{
    File,
    core::FileSource,
    image::{DynamicImage, ImageFormat, Rgba, RgbaImage},
    media::ImageFile,
    storage::{FileExt, MediaExt},
};
use serde_json::json;

use crate::{
    model::{Input, cat},
    server::{Server, bytes, json as answer},
};

/// Returns a picture of which each pixel has another colour.
fn picture() -> DynamicImage {
    RgbaImage::from_fn(16, 9, |x, y| {
        Rgba([u8::try_from(x * 15).unwrap(), u8::try_from(y * 25).unwrap(), 7, 255])
    })
    .into()
}

#[tokio::test]
async fn pictures_of_every_kind_of_pixel_can_be_given_and_read() {
    let client = Server::start(|_, _| answer(200, &json!({}))).await.client();
    let pictures = [
        picture(),
        picture().to_rgb8().into(),
        picture().to_luma8().into(),
        picture().to_luma_alpha8().into(),
        picture().to_rgb16().into(),
        picture().to_rgba16().into(),
        picture().to_luma16().into(),
        picture().to_rgb32f().into(),
        picture().to_rgba32f().into(),
    ];
    for picture in pictures {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Jpeg] {
            let file = File::from_image(&picture, format).unwrap();
            let uri = file.to_data_uri().await.unwrap();
            assert!(uri.starts_with(&format!("data:{};base64,", format.to_mime_type())), "{}", &uri[..30]);
            let output: ImageFile = serde_json::from_value(json!({"url": uri})).unwrap();
            let read = output.to_image(&client).await.unwrap();
            assert_eq!((read.width(), read.height()), (16, 9), "{format:?} {:?}", picture.color());
            if format != ImageFormat::Jpeg {
                assert_eq!(read.to_rgba8(), picture.to_rgba8(), "{format:?} {:?}", picture.color());
            }
        }
    }
}

#[tokio::test]
async fn picture_in_an_input_is_sent() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let image = File::from_image(&picture(), ImageFormat::Png).unwrap();
    let FileSource::Bytes { name, content_type, .. } = image.source() else { panic!("{image:?}") };
    assert_eq!((name.as_deref(), content_type.as_str()), (Some("image.png"), "image/png"));
    server.client().run(Input { images: vec![image.inline()], ..cat() }).await.unwrap();
    let sent = server.received()[0].json()["images"][0].as_str().unwrap().to_owned();
    let read = server.client().download(sent).await.unwrap().image().await.unwrap();
    assert_eq!(read, picture());
}

#[tokio::test]
async fn what_is_no_picture_is_a_file_error() {
    // The head of a PNG of 2,000,000,000 by 2,000,000,000 pixels.
    let huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x77\x35\x94\0\x77\x35\x94\0\x08\x06\0\0\0\x1c\x1c\x1c\x1c";
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/text" => bytes(200, &[("content-type", "image/png")], "not a picture"),
        "/huge" => bytes(200, &[("content-type", "image/png")], huge.as_slice()),
        _ => bytes(200, &[], ""),
    })
    .await;
    for path in ["text", "huge", "empty"] {
        let download = server.client().download(format!("{}/{path}", server.url)).await.unwrap();
        let error = download.image().await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains("the image cannot be read"), "{path}: {error}");
    }
    let error = File::from_image(&DynamicImage::new_rgb8(0, 0), ImageFormat::Png).unwrap_err();
    assert!(error.is_file(), "{error}");
}
