//! Tasks: models that are swapped, tried one after the other, and compared.

use fal_client::{
    ErrorKind, File,
    core::task::Performs,
    task::{self, BillPolicy},
};
use fal_flux::{dev, dev::image_to_image, schnell};
use fal_kling_video::v2_1::master::{image_to_video, text_to_video};
use serde_json::{Value, json};

use crate::server::{Reaction, Received, Server, bytes, json as answer};

/// A queue in which `fal-ai/flux/dev` answers its submit with `status`, and every other endpoint makes an image.
async fn queue(status: u16) -> Server {
    Server::start(move |request: &Received, url: &str| -> Reaction {
        let requests = format!("{url}/queue/fal-ai/flux/requests/r1");
        match request.path.as_str() {
            "/queue/fal-ai/flux/dev" => answer(status, &json!({ "detail": "no" })),
            "/queue/fal-ai/flux/schnell" => answer(
                200,
                &json!({
                    "request_id": "r1", "status": "IN_QUEUE", "response_url": requests,
                    "status_url": format!("{requests}/status"), "cancel_url": format!("{requests}/cancel"),
                }),
            ),
            path if path.ends_with("/status/stream") => answer(404, &json!({ "detail": "Not Found" })),
            path if path.ends_with("/status") => answer(200, &json!({ "status": "COMPLETED" })),
            _ => bytes(
                200,
                &[("content-type", "application/json"), ("x-fal-billable-units", "2")],
                image().to_string(),
            ),
        }
    })
    .await
}

fn image() -> Value {
    json!({
        "images": [{ "url": "https://x/y.png", "width": 64, "height": 32, "content_type": "image/png" }],
        "timings": {}, "seed": 7, "has_nsfw_concepts": [false], "prompt": "a cat",
    })
}

fn submits(server: &Server) -> Vec<String> {
    let posts = server.received().into_iter().filter(|request| request.method == "POST");
    posts.map(|request| request.path).collect()
}

#[tokio::test]
async fn next_model_does_what_the_first_one_refuses() {
    let server = queue(422).await;
    let made = server
        .client()
        .task(task::text_to_image("a cat"))
        .on_with::<dev::Model>(|input| input.output_format = Some(dev::OutputFormat::Png))
        .or::<schnell::Model>()
        .await
        .unwrap();
    assert_eq!((made.endpoint, made.request_id.as_str()), ("fal-ai/flux/schnell", "r1"));
    assert_eq!((made.output[0].url.as_str(), made.output[0].width), ("https://x/y.png", Some(64.into())));
    assert_eq!(made.billable_units, Some(2.0));
    assert_eq!(made.failures.len(), 1);
    assert!(made.failures[0].1.is_callers_fault());
    let sent: Vec<Value> =
        server.received().iter().filter(|request| request.method == "POST").map(Received::json).collect();
    assert_eq!(sent, [json!({ "prompt": "a cat", "output_format": "png" }), json!({ "prompt": "a cat" })]);
}

#[tokio::test]
async fn work_that_may_be_billed_is_not_done_again_unless_asked_for() {
    let server = queue(502).await;
    let task =
        || server.client().task(task::text_to_image("a cat")).on::<dev::Model>().or::<schnell::Model>();
    let error = task().await.unwrap_err();
    assert!(error.may_be_accepted(), "{error}");
    assert_eq!(submits(&server), ["/queue/fal-ai/flux/dev"]);
    let made = task().bill_policy(BillPolicy::EachModel).await.unwrap();
    assert_eq!(made.endpoint, "fal-ai/flux/schnell");
}

#[tokio::test]
async fn last_failure_names_the_ones_before() {
    let server = queue(422).await;
    let error = server
        .client()
        .task(task::text_to_image("a cat"))
        .on::<dev::Model>()
        .or_with::<dev::Model>(|input| input.seed = Some(7.into()))
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Validation(_)), "{error}");
    assert!(error.message().contains("before it, fal-ai/flux/dev failed"), "{}", error.message());
}

#[tokio::test]
async fn every_model_is_compared_whatever_the_others_do() {
    let server = queue(422).await;
    let compared =
        server.client().compare(task::text_to_image("a cat")).on::<dev::Model>().on::<schnell::Model>().await;
    assert_eq!(compared[0].title, "FLUX.1 [dev]");
    assert!(compared[0].result.is_err() && compared[0].cost.is_none());
    assert_eq!(compared[1].endpoint, "fal-ai/flux/schnell");
    assert_eq!(compared[1].result.as_ref().unwrap().output.len(), 1);
    let lines: Vec<_> = compared.iter().map(ToString::to_string).collect();
    assert!(
        lines[0].starts_with("FLUX.1 [dev] (fal-ai/flux/dev): ") && lines[0].contains(" s, failed: "),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("FLUX.1 [schnell] (fal-ai/flux/schnell): ") && lines[1].ends_with(" s"),
        "{lines:?}"
    );
}

#[test]
fn tasks_make_ordinary_inputs() {
    let edit = image_to_image::Model::input(&task::image_to_image("a dog", File::path("cat.png"))).unwrap();
    assert_eq!((edit.prompt.as_str(), &edit.image_url), ("a dog", &File::path("cat.png")));
    let file = File::bytes(vec![7; 9], "image/png");
    let video = image_to_video::Model::input(&task::image_to_video("it moves", file.clone())).unwrap();
    assert_eq!(video.image_url, file, "content in memory is the same file");
    let speech = fal_whisper::Model::input(&task::speech_to_text(File::url("https://x/y.mp3"))).unwrap();
    assert_eq!(speech.audio_url.as_url(), Some("https://x/y.mp3"));
    let text = text_to_video::Model::input(&task::text_to_video("x".repeat(3000))).unwrap_err();
    assert_eq!(text.as_slice()[0].path, "body.prompt");
}
