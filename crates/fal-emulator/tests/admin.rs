//! The admin routes: scenarios, recorded requests, the clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Error, Pace};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

async fn post(fal: &TestEmulator, path: &str, body: &Value) -> (u16, Value) {
    fal.post(&format!("{}/_emulator/{path}", fal.emulator.url()), body).await.status_and_json()
}

#[tokio::test]
async fn posted_scenarios_apply_to_later_requests() {
    let fal = TestEmulator::stuck().await;
    let scenario = json!({
        "endpoint": [{
            "id": ID, "queue": [1, 0], "logs": ["a"],
            "outcomes": [
                {"fail": {"status": 503, "body": {"detail": "no runner"}}, "times": 1},
                {"reply": {"images": [], "seed": 7}},
            ],
        }],
        "rule": [{"kind": "result", "times": 1, "respond": {"status": 502, "text": "<html>nginx</html>"}}],
    });
    assert_eq!(post(&fal, "scenario", &scenario).await, (200, json!({})));
    let mut results = Vec::new();
    for _ in 0..2 {
        let receipt = fal.submit(ID, &input()).await;
        let status_url = receipt["status_url"].as_str().unwrap();
        let mut states = Vec::new();
        while states.last() != Some(&json!("COMPLETED")) {
            states.push(fal.get(status_url).await.json()["status"].clone());
        }
        assert_eq!(states, ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"]);
        results.push(fal.get(receipt["response_url"].as_str().unwrap()).await);
        results.push(fal.get(receipt["response_url"].as_str().unwrap()).await);
    }
    let statuses: Vec<u16> = results.iter().map(|result| result.status.as_u16()).collect();
    assert_eq!(statuses, [502, 503, 200, 200]);
    assert_eq!(results[3].json(), json!({"images": [], "seed": 7}));
    assert_eq!(post(&fal, "reset", &json!({})).await.0, 200);
    assert_eq!(fal.run(ID, &input()).await.status, 200);
}

#[tokio::test]
async fn toml_scenarios_are_accepted_and_invalid_ones_change_nothing() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/_emulator/scenario", fal.emulator.url());
    let toml = "[[rule]]\nkind = \"run\"\nrespond = { status = 418, json = { detail = \"tea\" } }";
    let taken = fal.send(Method::POST, &url, &[("content-type", "application/toml")], toml).await;
    assert_eq!(taken.status, 200);
    assert_eq!(fal.run(ID, &input()).await.status_and_json(), (418, json!({"detail": "tea"})));
    for bad in ["{", r#"{"rule": [{"kind": "dance"}]}"#, r#"{"rule": [{"kind": "run"}], "x": 1}"#] {
        let refused = fal.send(Method::POST, &url, &[], bad).await;
        assert_eq!(refused.status, 422, "{bad}");
        assert!(refused.json()["detail"].is_string());
    }
    assert_eq!(fal.run(ID, &input()).await.status, 418);
}

#[tokio::test]
async fn recorded_requests_are_listed_without_keys() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/{ID}", fal.urls.run);
    let headers = [("authorization", "Key id:secret"), ("x-other", "kept")];
    fal.send(Method::POST, &url, &headers, input().to_string()).await;
    fal.send(Method::POST, &url, &[], "not json").await;
    fal.submit("fal-ai/whisper", &json!({})).await;
    let list = format!("{}/_emulator/requests", fal.emulator.url());
    let all = fal.get(&list).await;
    assert!(!String::from_utf8_lossy(&all.bytes).contains("secret"));
    assert!(!format!("{:?}", fal.emulator.requests()).contains("secret"));
    let all = all.json();
    assert_eq!(all.as_array().unwrap().len(), 3, "the emulator's own routes are not recorded");
    assert_eq!(
        (&all[0]["headers"]["authorization"], &all[0]["headers"]["x-other"]),
        (&json!("Key"), &json!("kept"))
    );
    assert_eq!((&all[0]["kind"], &all[0]["endpoint"]), (&json!("run"), &json!(ID)));
    assert_eq!((&all[0]["json"], &all[1]["text"]), (&input(), &json!("not json")));
    let chosen = fal.get(&format!("{list}?kind=submit&endpoint=fal-ai/whisper")).await.json();
    assert_eq!(chosen.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn admin_requests_from_other_origins_are_refused() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/_emulator/reset", fal.emulator.url());
    let own = fal.emulator.url();
    for (origin, status) in [("https://evil.example", 403), ("null", 403), (own.as_str(), 200)] {
        let answer = fal.send(Method::POST, &url, &[("origin", origin)], "").await;
        assert_eq!(answer.status, status, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
}

#[tokio::test]
async fn the_clock_advances_over_http() {
    let pace = Pace::instant().run(Duration::from_secs(60));
    let fal = TestEmulator::start(Emulator::builder().pace(pace).manual_clock()).await;
    let receipt = fal.submit(ID, &input()).await;
    assert_eq!(post(&fal, "advance", &json!({"seconds": 60.0})).await, (200, json!({"now": 60.0})));
    assert_eq!(fal.get(receipt["status_url"].as_str().unwrap()).await.json()["status"], "COMPLETED");
    for bad in [json!({}), json!({"seconds": -1}), json!({"seconds": "1"}), json!({"seconds": 1e300})] {
        assert_eq!(post(&fal, "advance", &bad).await.0, 422, "{bad}");
    }
}

#[tokio::test]
async fn a_scenario_file_applies_from_the_start_and_errors_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, "[[endpoint]]\nid = \"acme/app\"\noutcomes = [{ reply = { n = 1 } }]").unwrap();
    let fal = TestEmulator::start(Emulator::builder().scenario(&path)).await;
    assert_eq!(fal.run("acme/app", &json!({})).await.json(), json!({"n": 1}));
    std::fs::write(&path, "[[endpoint]]\nname = \"acme/app\"").unwrap();
    let error = Emulator::builder().scenario(&path).start().await.unwrap_err();
    assert!(matches!(error, Error::Scenario { .. }));
    assert!(
        error.to_string().contains("scenario.toml is not a valid scenario")
            && error.to_string().contains("`name`")
    );
}

#[tokio::test]
async fn a_scenario_about_a_misspelt_model_is_answered_with_a_warning() {
    let fal = TestEmulator::instant().await;
    let apply = async |scenario: Value| {
        fal.post(&format!("{}/_emulator/scenario", fal.emulator.url()), &scenario).await.status_and_json()
    };
    let fail = json!([{"fail": {"status": 500}}]);
    let (status, reply) = apply(json!({
        "endpoint": [{"id": "fal-ai/flux/devv", "outcomes": fail}, {"id": "acme/painter", "outcomes": fail}],
        "rule": [{"endpoint": "fal-ai/flux/schnel", "delay": 1}],
    }))
    .await;
    assert_eq!(status, 200);
    let warnings = reply["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{reply}");
    assert!(
        warnings[0].as_str().unwrap().contains("fal-ai/flux/devv, which no document describes"),
        "{reply}"
    );
    assert!(warnings[1].as_str().unwrap().contains("Similar: fal-ai/flux/schnell"), "{reply}");
    let known = json!({"endpoint": [{"id": "fal-ai/flux/dev", "outcomes": fail}], "rule": [{"endpoint": "fal-ai/flux"}]});
    assert_eq!(apply(known).await, (200, json!({})));
}

#[tokio::test]
async fn a_scenario_fails_the_account_and_flags_contents() {
    let fal = TestEmulator::instant().await;
    let account = |account: Value| json!({ "account": account });
    assert_eq!(post(&fal, "scenario", &account(json!({"locked": true}))).await, (200, json!({})));
    let locked = fal.run(ID, &input()).await;
    assert!(
        locked.json()["detail"].as_str().unwrap().starts_with("User is locked. Reason: Exhausted balance."),
        "{}",
        locked.json()
    );
    assert_eq!(post(&fal, "scenario", &account(json!({"locked": "Admin lock"}))).await.0, 200);
    assert_eq!(fal.run(ID, &input()).await.json()["detail"], "User is locked. Reason: Admin lock");
    let open = account(json!({"locked": false, "rate_limited": 1}));
    assert_eq!(post(&fal, "scenario", &open).await.0, 200);
    let outcomes = json!([{"nsfw": true, "times": 1}, {"content_policy_violation": true}]);
    let scenario = json!({"endpoint": [{"id": ID, "outcomes": outcomes}]});
    assert_eq!(post(&fal, "scenario", &scenario).await.0, 200);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = fal.run(ID, &input()).await;
        let json = answer.json();
        let member =
            json.get("error_type").or(json.get("has_nsfw_concepts")).or(json.pointer("/detail/0/type"));
        answers.push((answer.status.as_u16(), member.cloned().unwrap()));
    }
    assert_eq!(
        answers,
        [
            (429, json!("concurrent_requests_limit")),
            (200, json!([true])),
            (422, json!("content_policy_violation")),
        ]
    );
}
