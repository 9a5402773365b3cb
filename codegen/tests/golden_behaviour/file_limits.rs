//! The limits of files as a client reads them.

use fal_core::{FileLimits, limited_files};

use super::golden::file_limits::{Input, types::Layer};

#[test]
fn every_file_with_limits_is_listed_with_its_path() {
    let input: Input = serde_json::from_str(
        r#"{
            "poster_url": "a:1",
            "video_urls": ["b:1", "b:2"],
            "mask_url": { "image_url": "c:1" },
            "pair_urls": ["d:1", "d:2", "d:3"],
            "layers": { "front": { "image_url": "e:1" } },
            "music_url": "f:1"
        }"#,
    )
    .unwrap();
    let bytes = |max_bytes| FileLimits { max_bytes: Some(max_bytes), ..FileLimits::NONE };
    let clip = FileLimits { combined: None, ..Input::LIMITS_VIDEO_URLS };
    let total = FileLimits { max_duration: Some(30.0), ..FileLimits::NONE };
    let expected = [
        ("body.poster_url", vec!["a:1"], bytes(10_485_760)),
        ("body.video_urls.0", vec!["b:1"], clip),
        ("body.video_urls.1", vec!["b:2"], clip),
        ("body.video_urls", vec!["b:1", "b:2"], total),
        ("body.mask_url.image_url", vec!["c:1"], Layer::LIMITS_IMAGE_URL),
        ("body.pair_urls.0", vec!["d:1"], bytes(1024)),
        ("body.pair_urls.2", vec!["d:3"], bytes(2048)),
        ("body.layers.front.image_url", vec!["e:1"], Layer::LIMITS_IMAGE_URL),
    ];
    let found = limited_files(&input);
    let found: Vec<_> = found
        .iter()
        .map(|found| {
            let urls = found.files.iter().filter_map(|file| file.as_url()).collect();
            (found.path.as_str(), urls, found.limits)
        })
        .collect();
    assert_eq!(found, expected);

    // Those of each file come before those of the list, which apply where the files have none.
    let limits = Input::LIMITS_VIDEO_URLS;
    assert_eq!((limits.max_duration, limits.min_fps), (Some(10.5), Some(24.0)));
    assert_eq!(limits.max_bytes, Some(209_715_200));

    let mask: Input = serde_json::from_str(r#"{ "mask_url": "c:2" }"#).unwrap();
    let expected = FileLimits { min_width: Some(64), min_height: Some(64), ..FileLimits::NONE };
    assert_eq!(limited_files(&mask)[0].limits, expected);
}
