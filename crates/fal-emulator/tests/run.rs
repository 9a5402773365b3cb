//! Direct calls.

mod common;

use common::{TestEmulator, silence};
use fal_emulator::Emulator;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_valid_input_returns_an_output_whose_files_exist() {
    let fal = TestEmulator::instant().await;
    let answer = fal.run("fal-ai/flux/dev", &json!({"prompt": "a cat", "image_size": "square"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-fal-billable-units"), "1");
    assert!(!answer.header("x-fal-request-id").is_empty());
    let image = &answer.json()["images"][0];
    let file = fal.get(image["url"].as_str().unwrap()).await;
    assert_eq!(file.header("content-type"), image["content_type"].as_str().unwrap());
    assert_eq!(file.bytes[..3], [0xFF, 0xD8, 0xFF]);
}

#[tokio::test]
async fn a_png_has_the_requested_size() {
    let fal = TestEmulator::instant().await;
    let input = json!({
        "prompt": "a cat", "output_format": "png", "image_size": {"width": 123, "height": 45},
    });
    let output = fal.run("fal-ai/flux/dev", &input).await.json();
    let bytes = fal.get(output["images"][0]["url"].as_str().unwrap()).await.bytes;
    let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (123, 45));
}

#[tokio::test]
async fn values_that_fal_converts_have_the_effect_of_their_parameter() {
    let fal = TestEmulator::instant().await;
    let size = |width: Value, height: Value| json!({"width": width, "height": height});
    let plain = json!({
        "prompt": "a cat", "num_images": 3, "seed": 7, "image_size": size(json!(64), json!(32)), "sync_mode": false,
        "enable_safety_checker": true,
    });
    let shown = |output: Value| {
        let image = &output["images"][2];
        let is_inline = image["url"].as_str().unwrap().starts_with("data:");
        let length = output["images"].as_array().unwrap().len();
        (length, image["width"].clone(), image["height"].clone(), output["seed"].clone(), is_inline)
    };
    let expected = (3, json!(64), json!(32), json!(7), false);
    assert_eq!(shown(fal.run("fal-ai/flux/dev", &plain).await.json()), expected);
    for changes in [
        json!({"num_images": 3.0, "seed": 7.0, "image_size": size(json!(64.0), json!(32.0))}),
        json!({"num_images": "3", "seed": "7", "image_size": size(json!("64"), json!("32"))}),
        json!({"num_images": " 3.0 ", "seed": "+7", "image_size": size(json!("64.0"), json!(32))}),
        json!({"sync_mode": 0, "enable_safety_checker": "yes"}),
        json!({"sync_mode": "off", "enable_safety_checker": 1.0}),
        json!({"guidance_scale": "3.5", "num_inference_steps": 28.0}),
    ] {
        let mut input = plain.clone();
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let reply = fal.run("fal-ai/flux/dev", &input).await;
        assert_eq!(reply.status, 200, "{changes}");
        assert_eq!(shown(reply.json()), expected, "{changes}");
    }
    for yes in [json!("true"), json!("1"), json!(1), json!("on"), json!(1.0)] {
        let mut input = plain.clone();
        input["sync_mode"] = yes.clone();
        let output = fal.run("fal-ai/flux/dev", &input).await.json();
        assert!(output["images"][0]["url"].as_str().unwrap().starts_with("data:"), "{yes}");
    }
    // A queue converts as a direct call does, also from numbers to lengths.
    let input = json!({"prompt": "a ball", "duration": 5});
    let id = "fal-ai/kling-video/v2.1/master/text-to-video";
    assert_eq!(fal.run(id, &input).await.status, 422, "a number is no text, for pydantic");
    let submitted = fal.submit("fal-ai/flux/dev", &json!({"prompt": "", "seed": 9.0})).await;
    let result = fal.get(submitted["response_url"].as_str().unwrap()).await.json();
    assert_eq!(result["seed"], 9);
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused_as_by_fastapi() {
    let fal = TestEmulator::instant().await;
    let body = json!({"prompt": "a cat", "image_size": {"width": 8, "height": 8}}).to_string();
    for (path, headers, status) in [
        ("fal-ai/flux/dev", &[("content-type", "application/x-www-form-urlencoded")][..], 422),
        ("fal-ai/flux/dev/stream", &[("content-type", "text/plain;charset=UTF-8")], 422),
        ("fal-ai/flux/dev", &[("content-type", "application/json; charset=utf-8")], 200),
        ("fal-ai/flux/dev", &[], 200),
    ] {
        let url = format!("{}/{path}", fal.urls.run);
        let reply = fal.send(Method::POST, &url, headers, body.clone()).await;
        assert_eq!(reply.status, status, "{path} {headers:?}");
        if status == 422 {
            let detail = &reply.json()["detail"][0];
            assert_eq!((&detail["type"], &detail["input"]), (&json!("model_attributes_type"), &json!(body)));
        }
    }
}

#[tokio::test]
async fn the_same_input_returns_the_same_picture() {
    let fal = TestEmulator::instant().await;
    let input = json!({"prompt": "a cat", "image_size": {"width": 64, "height": 64}});
    let mut pictures = Vec::new();
    for _ in 0..2 {
        let output = fal.run("fal-ai/flux/dev", &input).await.json();
        let url = output["images"][0]["url"].as_str().unwrap().to_owned();
        pictures.push((output["seed"].clone(), fal.get(&url).await.bytes));
    }
    assert_eq!(pictures[0], pictures[1]);
}

#[tokio::test]
async fn an_input_image_sets_the_size_of_the_output() {
    let fal = TestEmulator::instant().await;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 70, 50);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[9; 70 * 50]).unwrap();
    let url = fal.upload("cat.png", "image/png", bytes).await;
    let input = json!({"prompt": "a dog", "image_url": url});
    let output = fal.run("fal-ai/flux/dev/image-to-image", &input).await.json();
    assert_eq!((&output["images"][0]["width"], &output["images"][0]["height"]), (&json!(70), &json!(50)));
}

#[tokio::test]
async fn a_video_has_the_requested_length() {
    let fal = TestEmulator::instant().await;
    let id = "fal-ai/kling-video/v2.1/master/text-to-video";
    let output = fal.run(id, &json!({"prompt": "a ball", "duration": "5"})).await.json();
    let file = fal.get(output["video"]["url"].as_str().unwrap()).await;
    assert_eq!(file.header("content-type"), "video/mp4");
    let at = |name: &[u8]| file.bytes.windows(4).position(|window| window == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "playing must not wait for the whole file");
    let word = |at: usize| u32::from_be_bytes(file.bytes[at..at + 4].try_into().unwrap());
    let (scale, duration) = (word(at(b"mvhd") + 16), word(at(b"mvhd") + 20));
    assert_eq!(duration, 5 * scale);
}

#[tokio::test]
async fn a_transcript_covers_the_whole_recording() {
    let fal = TestEmulator::instant().await;
    let url = fal.upload("talk.wav", "audio/wav", silence(12)).await;
    let output = fal.run("fal-ai/whisper", &json!({"audio_url": url})).await.json();
    assert!(output["text"].as_str().unwrap().contains("fal-emulator"));
    let chunks = output["chunks"].as_array().unwrap();
    let time = |chunk: usize, end: usize| chunks[chunk]["timestamp"][end].as_f64().unwrap();
    assert_eq!((time(0, 0), time(chunks.len() - 1, 1)), (0.0, 12.0));
    for index in 1..chunks.len() {
        assert!(time(index - 1, 0) < time(index, 0));
    }
}

#[tokio::test]
async fn invalid_inputs_are_refused_with_fals_details() {
    let fal = TestEmulator::instant().await;
    let input = json!({"prompt": 3, "num_images": 0, "guidance_scale": "high", "acceleration": "warp"});
    let answer = fal.run("fal-ai/flux/dev", &input).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.header("x-fal-billable-units"), "0");
    assert!(!answer.header("x-fal-request-id").is_empty());
    let detail = answer.json()["detail"].as_array().unwrap().clone();
    let found: Vec<_> =
        detail.iter().map(|problem| (problem["loc"].clone(), problem["type"].clone())).collect();
    assert_eq!(
        found,
        [
            (json!(["body", "prompt"]), json!("string_type")),
            (json!(["body", "guidance_scale"]), json!("float_parsing")),
            (json!(["body", "num_images"]), json!("greater_than_equal")),
            (json!(["body", "acceleration"]), json!("literal_error")),
        ]
    );
    assert_eq!(
        detail[2],
        json!({
            "type": "greater_than_equal", "loc": ["body", "num_images"], "input": 0,
            "msg": "Input should be greater than or equal to 1", "ctx": {"ge": 1},
        })
    );
}

#[tokio::test]
async fn bodies_that_are_not_an_object_are_refused() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/fal-ai/flux/dev", fal.urls.run);
    for (body, kind) in [
        ("", "missing"),
        ("{\"prompt\": \"a c", "json_invalid"),
        ("\u{0}", "json_invalid"),
        ("[1]", "model_attributes_type"),
        ("null", "model_attributes_type"),
    ] {
        let answer = fal.send(Method::POST, &url, &[], body).await;
        assert_eq!(answer.status, 422, "{body:?}");
        assert_eq!(answer.json()["detail"][0]["type"], kind, "{body:?}");
        assert_eq!(answer.json()["detail"][0]["loc"][0], "body", "{body:?}");
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = fal.send(Method::POST, &url, &[], nested).await;
    assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
}

#[tokio::test]
async fn a_body_over_10_mib_is_refused() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/fal-ai/flux/dev", fal.urls.run);
    let body = format!("{{\"prompt\":\"{}\"}}", "a".repeat(11 << 20));
    let answer = fal.send(Method::POST, &url, &[], body).await;
    assert_eq!(answer.status, 413);
    assert!(answer.json()["detail"].as_str().unwrap().contains("10 MiB"));
}

#[tokio::test]
async fn unknown_apps_and_unknown_paths_have_different_errors() {
    let fal = TestEmulator::instant().await;
    let missing = |text: &str| (404, json!({"detail": text}));
    let input = json!({"prompt": "a cat"});
    for id in ["nobody/nothing", "fal-ai/fluxx/dev", "workflows/me/nothing"] {
        let alias = if id.starts_with("fal-ai") { "fluxx" } else { "nothing" };
        let text = format!("Application \"{alias}\" not found");
        assert_eq!(fal.run(id, &input).await.status_and_json(), missing(&text), "{id}");
    }
    let answer = fal.run("fal-ai/flux/devv", &input).await;
    assert_eq!(answer.status_and_json(), missing("Path /devv not found"));
    assert_eq!(answer.header("x-fal-billable-units"), "0");
}

#[tokio::test]
async fn the_error_for_an_unknown_path_lists_the_services() {
    let fal = TestEmulator::instant().await;
    let answer = fal.get(&format!("{}/nowhere", fal.emulator.url())).await;
    assert_eq!(answer.status, 404);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    for prefix in ["/run", "/queue", "/rest", "/cdn", "/platform", "/ws"] {
        assert!(detail.contains(prefix), "{detail}");
    }
    let answer = fal.get(&format!("{}/fal-ai/flux/dev", fal.urls.run)).await;
    assert_eq!(answer.status_and_json(), (405, json!({"detail": "Method Not Allowed"})));
}

#[tokio::test]
async fn only_the_required_key_is_accepted() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret")).await;
    let url = format!("{}/fal-ai/flux/devv", fal.urls.run);
    for sent in [None, Some("Key id:wrong"), Some("Bearer id:secret"), Some("id:secret")] {
        let headers: Vec<_> = sent.map(|sent| ("authorization", sent)).into_iter().collect();
        let answer = fal.send(Method::POST, &url, &headers, "{}").await;
        assert_eq!(answer.status, 401, "{sent:?}");
        assert!(answer.json()["detail"].is_string());
    }
    let answer = fal.send(Method::POST, &url, &[("authorization", "Key id:secret")], "{}").await;
    assert_eq!(answer.status, 404);
    let other = fal.run("nobody/nothing", &json!({})).await;
    assert_eq!(other.status, 404, "unknown apps are 404 with or without a key");
}

#[tokio::test]
async fn browsers_may_call_from_any_origin() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/fal-ai/flux/dev", fal.urls.run);
    let answer = fal.send(Method::OPTIONS, &url, &[("origin", "http://localhost:3000")], "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn a_temporary_failure_advises_to_retry() {
    let fal = TestEmulator::instant().await;
    for (status, advice) in [(503, "1"), (504, "1"), (500, ""), (422, "")] {
        fal.emulator.on_endpoint("acme/app").fail(status, json!({"detail": "no"})).times(1);
        let answer = fal.run("acme/app", &json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-fal-needs-retry")), (status, advice));
    }
}
