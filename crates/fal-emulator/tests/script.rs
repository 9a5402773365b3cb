//! Scripts and rules, and the recorded requests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace, RequestKind, ResponseTemplate};
use fal_flux::dev;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

/// A picture of one pixel.
const PIXEL: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

fn url<'a>(receipt: &'a Value, name: &str) -> &'a str {
    receipt[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn scripted_requests_advance_with_each_poll_and_fail_a_set_number_of_times() {
    let fal = TestEmulator::stuck().await;
    fal.emulator
        .on::<dev::Model>()
        .queue([2, 1, 0])
        .log("loading")
        .log("step 1")
        .reply(|input| json!({"images": [], "prompt": input.prompt, "seed": 7}))
        .fail(503, json!({"detail": "no runner"}))
        .times(2);
    let mut results = Vec::new();
    for _ in 0..3 {
        let receipt = fal.submit(ID, &input()).await;
        assert_eq!(receipt["queue_position"], 2);
        let status_url = format!("{}?logs=1", url(&receipt, "status_url"));
        let mut seen = Vec::new();
        loop {
            let state = fal.get(&status_url).await.json();
            let lines = state["logs"].as_array().map_or(0, Vec::len);
            if state["status"] == "COMPLETED" {
                assert_eq!(lines, 2);
                assert_eq!(state.get("error").is_some(), results.len() < 2);
                break;
            }
            let early = fal.get(url(&receipt, "response_url")).await;
            assert_eq!(early.status, 400);
            seen.push((state["queue_position"].as_u64(), lines));
        }
        assert_eq!(seen, [(Some(2), 0), (Some(1), 0), (Some(0), 0), (None, 1), (None, 2)]);
        results.push(fal.get(url(&receipt, "response_url")).await.status_and_json());
    }
    let refusal = (503, json!({"detail": "no runner"}));
    let output = (200, json!({"images": [], "prompt": "a cat", "seed": 7}));
    assert_eq!(results, [refusal.clone(), refusal, output]);
}

#[tokio::test]
async fn scripts_return_typed_outputs_and_inputs_are_received_typed() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on::<dev::Model>().reply(|input| -> dev::Output {
        let output = json!({
            "images": [], "timings": {}, "seed": 1, "has_nsfw_concepts": [],
            "prompt": input.prompt.to_uppercase(),
        });
        serde_json::from_value(output).unwrap()
    });
    let answer = fal.run(ID, &input()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["prompt"]), (200, &json!("A CAT")));
    fal.submit(ID, &json!({"prompt": "a dog"})).await;
    let prompts: Vec<String> =
        fal.emulator.received_inputs::<dev::Model>().into_iter().map(|input| input.prompt).collect();
    assert_eq!(prompts, ["a cat", "a dog"]);
}

#[tokio::test]
async fn invalid_inputs_do_not_use_up_scripted_failures() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on::<dev::Model>().fail(500, json!({"detail": "once"})).times(1);
    assert_eq!(fal.run(ID, &json!({})).await.status, 422);
    assert_eq!(fal.run(ID, &input()).await.status, 500);
    assert_eq!(fal.run(ID, &input()).await.status, 200);
}

#[tokio::test]
async fn scripts_can_define_unknown_endpoints_until_reset() {
    let fal = TestEmulator::instant().await;
    assert_eq!(fal.run("acme/app/sub", &json!({"a": 1})).await.status, 404);
    fal.emulator.on_endpoint("acme/app/sub").reply(|input| json!({"got": input}));
    assert_eq!(fal.run("acme/app/sub", &json!({"a": 1})).await.json(), json!({"got": {"a": 1}}));
    let receipt = fal.submit("acme/app/sub", &json!({})).await;
    assert!(url(&receipt, "status_url").contains("/queue/acme/app/requests/"));
    assert_eq!(fal.get(url(&receipt, "response_url")).await.json(), json!({"got": {}}));
    fal.emulator.reset();
    assert_eq!(fal.run("acme/app/sub", &json!({})).await.status, 404);
    assert_eq!(fal.emulator.requests().len(), 1);
}

#[tokio::test]
async fn an_output_that_cannot_be_serialized_fails_the_call() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_endpoint("acme/app").reply(|_| std::collections::BTreeMap::from([((1, 2), 3)]));
    let answer = fal.run("acme/app", &json!({})).await;
    assert_eq!(answer.status, 500);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("fal-emulator: the script cannot write the output"), "{detail}");
}

#[tokio::test]
async fn the_latest_rule_answers_until_it_is_used_up() {
    let fal = TestEmulator::instant().await;
    let always = fal
        .emulator
        .on::<dev::Model>()
        .on_request(RequestKind::Status)
        .respond(ResponseTemplate::json(200, json!("late")));
    let failing =
        fal.emulator.on_request(RequestKind::Status).fail(500, json!({"detail": "hiccup"})).times(2);
    let third =
        fal.emulator.on_request(RequestKind::Status).respond(ResponseTemplate::ingress_error(502)).times(1);
    let other =
        fal.emulator.on_endpoint("fal-ai/whisper").on_request(RequestKind::Status).fail(501, json!({}));
    let receipt = fal.submit(ID, &input()).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(fal.get(url(&receipt, "status_url")).await);
    }
    let codes: Vec<u16> = statuses.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(codes, [500, 500, 502, 200, 200]);
    assert_eq!([&always, &failing, &third, &other].map(|rule| rule.hits()), [2, 2, 1, 0]);
    assert!(!statuses[0].header("x-fal-request-id").is_empty());
    assert_eq!(statuses[2].header("x-fal-request-id"), "");
    assert!(String::from_utf8_lossy(&statuses[2].bytes).contains("nginx"));
    assert_eq!(fal.get(url(&receipt, "response_url")).await.status, 200);
}

#[tokio::test]
async fn rules_can_inspect_requests_skip_some_and_change_headers() {
    let fal = TestEmulator::instant().await;
    fal.emulator
        .on_request(RequestKind::Run)
        .respond_with(|request| {
            ResponseTemplate::json(201, json!({"line": request.line(), "body": request.json()}))
        })
        .header("x-fal-billable-units", "3")
        .without_header("content-type")
        .date(std::time::UNIX_EPOCH + Duration::from_secs(784_111_777))
        .after(1)
        .times(1);
    assert_eq!(fal.run(ID, &input()).await.status, 200);
    let answer = fal.run(ID, &input()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json(), json!({"line": "POST /run/fal-ai/flux/dev", "body": input()}));
    assert_eq!(answer.header("x-fal-billable-units"), "3");
    assert_eq!(answer.header("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert!(!answer.headers.contains_key("content-type"));
    assert_eq!(fal.run(ID, &input()).await.status, 200);
}

#[tokio::test]
async fn requests_are_recorded_with_their_verb_endpoint_and_id() {
    let fal = TestEmulator::instant().await;
    let receipt = fal.submit(&format!("{ID}?fal_webhook=x"), &input()).await;
    fal.get(&format!("{}?logs=1", url(&receipt, "status_url"))).await;
    let all = fal.emulator.requests();
    assert_eq!(all[0].line(), "POST /queue/fal-ai/flux/dev?fal_webhook=x");
    assert_eq!((all[0].kind, all[0].json()), (RequestKind::Submit, input()));
    assert_eq!(all[0].header("content-type"), Some("application/json"));
    assert_eq!((all[1].kind, all[1].endpoint.as_deref()), (RequestKind::Status, Some(ID)));
    assert_eq!(all[1].request_id.as_deref(), receipt["request_id"].as_str());
    let waited = fal.emulator.wait_for(|request| request.kind == RequestKind::Status).await;
    assert_eq!(waited.query, "logs=1");
}

#[tokio::test]
async fn a_manual_clock_advances_the_queue_and_delays() {
    let pace = Pace::default().per_position(Duration::from_secs(60)).run(Duration::from_secs(600));
    let fal = TestEmulator::start(Emulator::builder().pace(pace).manual_clock()).await;
    let receipt = fal.submit(ID, &input()).await;
    let state = async || fal.get(url(&receipt, "status_url")).await.json();
    assert_eq!(state().await["queue_position"], 2);
    fal.emulator.advance(Duration::from_secs(60));
    assert_eq!(state().await["queue_position"], 1);
    fal.emulator.advance(Duration::from_secs(120));
    assert_eq!(state().await["status"], "IN_PROGRESS");
    fal.emulator.advance(Duration::from_secs(600));
    let state = state().await;
    assert_eq!((&state["status"], &state["metrics"]["inference_time"]), (&json!("COMPLETED"), &json!(600.0)));

    fal.emulator.reset();
    fal.emulator.on_request(RequestKind::Status).delay(Duration::from_secs(3600));
    let reply = fal.get(url(&receipt, "status_url"));
    let advance = async {
        fal.emulator.wait_for(|request| request.kind == RequestKind::Status).await;
        fal.emulator.advance(Duration::from_secs(3600));
    };
    let (reply, ()) = tokio::join!(reply, advance);
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_failure_without_a_body_has_the_reason_of_its_status() {
    let fal = TestEmulator::instant().await;
    let admin = format!("{}/_emulator/scenario", fal.emulator.url());
    for (status, reason) in
        [(500, "Internal Server Error"), (503, "Service Unavailable"), (599, "Unknown Error")]
    {
        let expected = (status, json!({"detail": reason}));
        let call = async || fal.run("acme/app", &json!({})).await.status_and_json();
        fal.emulator.on_endpoint("acme/app").fail(status, ()).times(1);
        assert_eq!(call().await, expected);
        // A file leaves the body out, and the packages for Python and JavaScript send null.
        for failure in [json!({"status": status}), json!({"status": status, "body": null})] {
            let scenario =
                json!({"endpoint": [{"id": "acme/app", "outcomes": [{"fail": failure, "times": 1}]}]});
            assert_eq!(fal.post(&admin, &scenario).await.status, 200);
            assert_eq!(call().await, expected, "{failure}");
        }
    }
}

#[tokio::test]
async fn outputs_are_flagged_and_contents_refused_as_by_a_checker() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on::<dev::Model>().flag_nsfw().times(1);
    let receipt = fal.submit(ID, &input()).await;
    let flagged = fal.get(url(&receipt, "response_url")).await;
    assert_eq!((flagged.status.as_u16(), &flagged.json()["has_nsfw_concepts"]), (200, &json!([true])));
    assert_eq!(fal.run(ID, &input()).await.json()["has_nsfw_concepts"], json!([false]));
    let refused = (
        422,
        json!({"detail": [{
            "loc": ["body", "prompt"],
            "msg": "The content was flagged by a content checker.",
            "type": "content_policy_violation",
            "url": "https://docs.fal.ai/errors#content_policy_violation",
            "input": "a cat",
        }]}),
    );
    fal.emulator.on::<dev::Model>().refuse_content().times(2);
    assert_eq!(fal.run(ID, &input()).await.status_and_json(), refused);
    let receipt = fal.submit(ID, &input()).await;
    assert_eq!(fal.get(url(&receipt, "response_url")).await.status_and_json(), refused);
    // A probability takes the place of the booleans.
    fal.emulator.on_endpoint("fal-ai/imageutils/nsfw").flag_nsfw().times(1);
    let checked = fal.run("fal-ai/imageutils/nsfw", &json!({"image_url": PIXEL})).await;
    assert_eq!(checked.status_and_json(), (200, json!({"nsfw_probability": 1.0})));
    // The output of a video does not say it, so the input is refused.
    fal.emulator.on_endpoint("fal-ai/veo3").flag_nsfw().times(1);
    assert_eq!(fal.run("fal-ai/veo3", &json!({"prompt": "a cat"})).await.status_and_json(), refused);
    // Nor does an object with keys that no document names.
    fal.emulator.on_endpoint("fal-ai/face-to-sticker").flag_nsfw().times(1);
    let portrait = json!({"prompt": "a cat", "image_url": PIXEL});
    assert_eq!(fal.run("fal-ai/face-to-sticker", &portrait).await.status_and_json(), refused);
}

#[tokio::test]
async fn a_refused_content_is_that_of_a_parameter_that_the_model_has() {
    let fal = TestEmulator::instant().await;
    let problem = async |id: &str, input: Value| {
        fal.emulator.on_endpoint(id).refuse_content().times(1);
        let answer = fal.run(id, &input).await;
        assert_eq!(answer.status, 422, "{id}");
        let problem = answer.json()["detail"][0].clone();
        (problem["loc"].clone(), problem["input"].clone())
    };
    let expected = (json!(["body", "image_url"]), json!(PIXEL));
    assert_eq!(problem("fal-ai/esrgan", json!({"image_url": PIXEL})).await, expected);
    let spoken = problem("fal-ai/minimax/speech-02-hd", json!({"text": "Hello."})).await;
    assert_eq!(spoken, (json!(["body", "text"]), json!("Hello.")));
    let own = json!({"subject": "a cat"});
    assert_eq!(problem("acme/app", own.clone()).await, (json!(["body"]), own));
}
