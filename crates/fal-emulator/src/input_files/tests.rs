//! Files that fal accepts, and files that it refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::media::picture::Picture;
use crate::media::{Size, clip, png, wav};
use crate::models::tests::model;
use crate::store::{FileContent, UploadMetadata};

fn data_url(bytes: &[u8]) -> String {
    format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes))
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    png::encode(&Picture::new(Size::new(width, height), 1, "")).unwrap()
}

/// Returns the types of the problems with a value of one parameter.
fn check_in(store: &Store, name: &str, schema: Value, value: Value) -> Vec<Value> {
    let model = model(json!({"type": "object", "properties": {name: schema}}), json!({}));
    let urls = BaseUrls::from_root("http://127.0.0.1:9");
    FileChecker { store, urls: &urls }.check(&model, &json!({name: value}))
}

fn kinds(name: &str, schema: Value, value: Value) -> Vec<String> {
    let found = check_in(&Store::default(), name, schema, value);
    found.iter().map(|detail| detail["type"].as_str().unwrap().to_owned()).collect()
}

fn text() -> Value {
    json!({"type": "string"})
}

#[test]
fn what_cannot_be_fetched_is_a_failed_download() {
    for url in [
        "/pictures/cat.png",
        "not a url",
        "cat.png",
        "C:\\cat.png",
        "",
        "http://",
        "https:///cat.png",
        "ftp://host/cat.png",
        "file:///cat.png",
        "blob:http://localhost/1",
        "data:image/png;base64",
        "data:image/png;base64,%%%",
        "http://127.0.0.1:9/cdn/files/b/none/cat.png",
        "https://v3.fal.media/files/b/none/cat.png",
        "https://fal.media/files/cat.png",
    ] {
        assert_eq!(kinds("image_url", text(), json!(url)), ["file_download_error"], "{url}");
    }
    for url in ["https://example.com/cat.png", "HTTP://example.com", "http://localhost:3000/a.png"] {
        assert_eq!(kinds("image_url", text(), json!(url)), [""; 0], "{url}");
    }
}

#[test]
fn content_of_another_kind_is_refused() {
    let (image, sound) = (data_url(&picture(8, 8)), data_url(&wav::arpeggio(0.1, 0)));
    let words = "data:image/png;base64,aGVsbG8=".to_owned();
    let zip = data_url(&crate::media::minimal_files::empty_zip());
    let damaged = data_url(&picture(8, 8)[..12]);
    for (name, url, expected) in [
        ("image_url", &image, ""),
        ("image_url", &sound, "image_load_error"),
        ("image_url", &words, "image_load_error"),
        ("image_url", &damaged, "image_load_error"),
        ("mask_url", &image, ""),
        ("audio_url", &sound, ""),
        ("audio_url", &words, "unsupported_audio_format"),
        ("video_url", &image, "unsupported_video_format"),
        ("reference_voice_url", &image, "unsupported_audio_format"),
        ("image_archive_url", &words, "invalid_archive"),
        ("image_archive_url", &zip, ""),
        ("images_data_url", &zip, ""),
        ("images_data_url", &words, ""),
        ("voice_embedding_url", &words, ""),
    ] {
        let expected: Vec<&str> = Some(expected).filter(|kind| !kind.is_empty()).into_iter().collect();
        assert_eq!(kinds(name, text(), json!(url)), expected, "{name}: {url}");
    }
}

#[test]
fn parameters_that_are_no_files_are_left_alone() {
    assert_eq!(kinds("images_data_url", text(), json!("data.zip")), ["file_download_error"]);
    for (name, value) in [
        ("prompt", json!("/pictures/cat.png")),
        ("webhook_url", json!("none")),
        ("website_url", json!("example.com")),
        ("lora_url", json!("owner/model")),
        ("path", json!("owner/model")),
        ("image_size", json!("square")),
        ("image", json!("square")),
        ("video_quality", json!("high")),
    ] {
        assert_eq!(kinds(name, text(), value), [""; 0], "{name}");
    }
    let binary = json!({"type": "string", "format": "binary", "x-fal-file-input": true});
    assert_eq!(kinds("audio", binary, json!("AAAA")), [""; 0]);
    let keyframes =
        json!({"type": "array", "items": {"type": "object", "properties": {"url": {"type": "string"}}}});
    let video = json!([{"url": data_url(b"\0\0\0\x18ftypmp42 a video")}]);
    assert_eq!(kinds("keyframes", keyframes.clone(), video.clone()), [""; 0]);
    assert_eq!(kinds("images", keyframes, video), ["image_load_error"]);
    let optional = json!({"anyOf": [{"type": "string"}, {"type": "null"}], "default": ""});
    assert_eq!(kinds("image_url", optional.clone(), json!("")), [""; 0]);
    assert_eq!(kinds("image_url", optional, json!(null)), [""; 0]);
}

#[test]
fn files_in_lists_and_objects_are_found() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let found = check_in(&Store::default(), "image_urls", list, json!(["https://a.b/c.png", "none"]));
    assert_eq!((found.len(), &found[0]["loc"]), (1, &json!(["body", "image_urls", 1])));
    assert_eq!(found[0]["url"], "https://docs.fal.ai/errors/#file_download_error");
    let object = json!({"anyOf": [
        {"type": "object", "properties": {"url": {"type": "string"}, "scale": {"type": "number"}}}, {"type": "null"},
    ]});
    let found = check_in(&Store::default(), "image", object, json!({"url": "none"}));
    assert_eq!(found[0]["loc"], json!(["body", "image", "url"]));
    let marked = json!({"type": "string", "x-fal-file-input": true});
    assert_eq!(kinds("source", marked, json!("none")), ["file_download_error"]);
}

#[test]
fn limits_of_a_parameter_are_checked() {
    let store = Store::default();
    let limited = |limits: Value| json!({"type": "string", "x-fal": limits});
    let image = data_url(&picture(40, 20));
    let sound = data_url(&wav::arpeggio(2.0, 0));
    for (name, url, limits, expected, context) in [
        ("image_url", &image, json!({"max_file_size": 50}), "file_too_large", json!({"max_size": 50})),
        (
            "image_url",
            &image,
            json!({"min_width": 41, "min_height": 10}),
            "image_too_small",
            json!({"min_width": 41, "min_height": 10}),
        ),
        (
            "image_url",
            &image,
            json!({"max_height": 19}),
            "image_too_large",
            json!({"max_width": null, "max_height": 19}),
        ),
        ("image_url", &image, json!({"max_aspect_ratio": 1.5}), "less_than_equal", json!({"le": 1.5})),
        ("image_url", &image, json!({"min_aspect_ratio": 2.5}), "greater_than_equal", json!({"ge": 2.5})),
        (
            "audio_url",
            &sound,
            json!({"max_duration": 1}),
            "audio_duration_too_long",
            json!({"max_duration": 1.0, "provided_duration": 2.0}),
        ),
        (
            "audio_url",
            &sound,
            json!({"min_duration": 3}),
            "audio_duration_too_short",
            json!({"min_duration": 3.0, "provided_duration": 2.0}),
        ),
    ] {
        let found = check_in(&store, name, limited(limits), json!(url));
        assert_eq!((&found[0]["type"], &found[0]["ctx"]), (&json!(expected), &context));
    }
    let loose = json!({"min_width": 40, "max_width": 40, "min_aspect_ratio": 2, "max_aspect_ratio": 2.0, "max_file_size": 1e6});
    assert!(check_in(&store, "image_url", limited(loose), json!(image)).is_empty());
}

/// Returns a WebM file of 3 s with a track of 64 x 48 pixels and 50 frames per second.
fn webm() -> Vec<u8> {
    let element = |id: &[u8], content: &[u8]| [id, &[0x80 | content.len() as u8], content].concat();
    let info = [element(b"\x2a\xd7\xb1", b"\x0f\x42\x40"), element(b"\x44\x89", &3000.0_f64.to_be_bytes())];
    let picture = [element(b"\xb0", &[64]), element(b"\xba", &[48])].concat();
    let rate = element(b"\x23\xe3\x83", &20_000_000_u32.to_be_bytes());
    let video = [element(b"\x83", &[1]), rate, element(b"\xe0", &picture)].concat();
    let tracks = element(b"\x16\x54\xae\x6b", &element(b"\xae", &video));
    let segment = [element(b"\x15\x49\xa9\x66", &info.concat()), tracks].concat();
    let head = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"));
    // Shorter files are not recognized.
    [head, element(b"\x18\x53\x80\x67", &segment), vec![0; 256]].concat()
}

#[test]
fn sides_and_frames_of_videos_are_checked() {
    let mp4 = clip::encode_mp4(&Picture::new(Size::new(160, 90), 1, ""), 48, 24, None);
    let mov = [&mp4[..8], b"qt  ", &mp4[12..]].concat();
    let allowed = json!({
        "min_width": 64, "max_width": 160, "min_height": 48, "max_height": 90, "min_fps": 24, "max_fps": 50,
        "min_duration": 2, "max_duration": 3, "max_frames": 48, "max_aspect_ratio": 2,
    });
    let limited = |limits: Value| json!({"type": "string", "x-fal": limits});
    for (file, refused) in [
        (&mp4, json!({"min_width": 161})),
        (&mp4, json!({"max_height": 89})),
        (&mp4, json!({"min_fps": 25})),
        (&mp4, json!({"max_frames": 47})),
        (&mov, json!({"max_fps": 23})),
        (&mov, json!({"max_aspect_ratio": 1.5})),
        (&webm(), json!({"max_width": 63})),
        (&webm(), json!({"min_height": 49})),
        (&webm(), json!({"max_fps": 49})),
    ] {
        for name in ["video_url", "mask_url"] {
            let url = json!(data_url(file));
            assert_eq!(kinds(name, limited(allowed.clone()), url.clone()), [""; 0], "{name}");
            let found = kinds(name, limited(refused.clone()), url);
            let limit = refused.as_object().and_then(|limits| limits.keys().next()).unwrap();
            let expected = if limit.starts_with("min") { "greater_than_equal" } else { "less_than_equal" };
            assert_eq!(found, [expected], "{name}: {limit}");
        }
    }
    let long = kinds("video_url", limited(json!({"max_duration": 2})), json!(data_url(&webm())));
    assert_eq!(long, ["video_duration_too_long"]);
}

#[test]
fn files_of_the_emulator_are_known() {
    let store = Store::default();
    let upload = |name: &str, content_type: &str| UploadMetadata {
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        lifecycle: crate::store::Lifecycle::default(),
    };
    let words = FileContent::from_bytes(bytes::Bytes::from_static(b"words"));
    let path = store.add_upload(upload("a.png", "image/png"), words);
    let check = |name: &str, path: &str| {
        let url = format!("http://127.0.0.1:9/cdn/files/{path}");
        check_in(&store, name, text(), json!(url)).len()
    };
    assert_eq!(check("image_url", &path), 1);
    let draw: crate::store::DrawFile = std::sync::Arc::new(|| panic!("it must not be drawn"));
    let path = store.add_generated(upload("b.png", "image/png"), None, draw);
    assert_eq!((check("image_url", &path), check("audio_url", &path)), (0, 1));
    // The sides of an image are those that the call asked for, unlike those of a video.
    let draw: crate::store::DrawFile = std::sync::Arc::new(|| picture(40, 20).into());
    let limited = json!({"type": "string", "x-fal": {"min_width": 50}});
    let check = |name: &str, upload: UploadMetadata| {
        let path = store.add_generated(upload, None, std::sync::Arc::clone(&draw));
        let url = format!("http://127.0.0.1:9/cdn/files/{path}");
        check_in(&store, name, limited.clone(), json!(url)).len()
    };
    assert_eq!(check("image_url", upload("c.png", "image/png")), 1);
    assert_eq!(check("video_url", upload("d.mp4", "video/mp4")), 0);
}
