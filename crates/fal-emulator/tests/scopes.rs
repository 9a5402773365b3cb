//! Scopes: tests that use one emulator at the same time do not see one another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{Response, TestEmulator};
use fal_emulator::{Emulator, Pace, Scenario};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

async fn admin(fal: &TestEmulator, path: &str, body: &Value) -> (u16, Value) {
    fal.post(&format!("{}/_emulator/{path}", fal.emulator.url()), body).await.status_and_json()
}

/// Calls the model with the key `<scope>:secret`.
async fn run_with_key(fal: &TestEmulator, scope: &str) -> Response {
    let key = format!("Key {scope}:secret");
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    fal.send(Method::POST, &format!("{}/{ID}", fal.urls.run), &headers, input().to_string()).await
}

fn failure(status: u16) -> Value {
    json!({"endpoint": [{"id": ID, "outcomes": [{"fail": {"status": status, "body": {}}, "times": 1}]}]})
}

#[tokio::test]
async fn calls_of_a_scope_use_its_outcomes_and_no_others() {
    let fal = TestEmulator::instant().await;
    for (scope, status) in [("one", 500), ("two", 501)] {
        assert_eq!(admin(&fal, &format!("scenario?scope={scope}"), &failure(status)).await.0, 200);
    }
    assert_eq!(run_with_key(&fal, "other").await.status, 200);
    assert_eq!(fal.run(ID, &input()).await.status, 200);
    assert_eq!(run_with_key(&fal, "two").await.status, 501);
    let headers = [("x-fal-emulator-scope", "one"), ("content-type", "application/json")];
    let url = format!("{}/{ID}", fal.urls.run);
    assert_eq!(fal.send(Method::POST, &url, &headers, input().to_string()).await.status, 500);
    // Used up.
    for scope in ["one", "two"] {
        assert_eq!(run_with_key(&fal, scope).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_not_scripted_in_a_scope_is_as_everywhere() {
    let fal = TestEmulator::instant().await;
    let everywhere = json!({
        "endpoint": [{"id": "acme/app", "outcomes": [{"reply": {"from": "everywhere"}}]}],
        "rule": [{"kind": "run", "headers": {"x-rule": "everywhere"}}],
    });
    assert_eq!(admin(&fal, "scenario", &everywhere).await.0, 200);
    let own = json!({"rule": [{"kind": "run", "headers": {"x-rule": "own"}, "times": 1}]});
    assert_eq!(admin(&fal, "scenario?scope=one", &own).await.0, 200);
    let headers = [("authorization", "Key one:x")];
    let mut rules = Vec::new();
    for _ in 0..2 {
        let reply = fal.send(Method::POST, &format!("{}/acme/app", fal.urls.run), &headers, "{}").await;
        assert_eq!(reply.json(), json!({"from": "everywhere"}));
        rules.push(reply.header("x-rule").to_owned());
    }
    assert_eq!(rules, ["own", "everywhere"]);
    // A reset without a scope leaves scopes alone.
    assert_eq!(admin(&fal, "scenario?scope=one", &failure(503)).await.0, 200);
    assert_eq!(admin(&fal, "reset", &json!({})).await.0, 200);
    assert_eq!(run_with_key(&fal, "one").await.status, 503);
}

#[tokio::test]
async fn a_scope_ends_a_lock_of_the_account_that_holds_everywhere() {
    let fal = TestEmulator::instant().await;
    fal.emulator.apply(&Scenario::from_toml("[account]\nlocked = true").unwrap());
    let mut statuses = Vec::new();
    for (path, body) in [
        ("scenario?scope=one", json!({"account": {"rate_limited": 0}})),
        ("scenario?scope=one", json!({"account": {"locked": false}})),
        ("reset?scope=one", json!({})),
    ] {
        assert_eq!(admin(&fal, path, &body).await.0, 200);
        statuses.push([
            run_with_key(&fal, "one").await.status.as_u16(),
            fal.run(ID, &input()).await.status.as_u16(),
        ]);
    }
    assert_eq!(statuses, [[403, 403], [200, 403], [403, 403]]);
}

#[tokio::test]
async fn a_scope_records_all_requests_of_a_call_also_those_without_a_key() {
    let fal = TestEmulator::instant().await;
    assert_eq!(admin(&fal, "reset?scope=one", &json!({})).await.0, 200);
    let headers = [("authorization", "Key one:x"), ("content-type", "application/json")];
    let submitted = fal
        .send(Method::POST, &format!("{}/{ID}", fal.urls.queue), &headers, input().to_string())
        .await
        .json();
    // Neither sends a key.
    let result = fal.get(submitted["response_url"].as_str().unwrap()).await.json();
    assert_eq!(fal.get(result["images"][0]["url"].as_str().unwrap()).await.status, 200);
    let initiate = format!("{}/storage/upload/initiate", fal.urls.rest);
    let place = fal.send(Method::POST, &initiate, &headers, r#"{"file_name": "a.txt"}"#).await.json();
    fal.send(Method::PUT, place["upload_url"].as_str().unwrap(), &[], "x").await;
    let token = format!("{}/storage/auth/token", fal.urls.rest);
    let token = fal.send(Method::POST, &token, &headers, "{}").await.json();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let jwt = format!("{}/tokens/", fal.urls.rest);
    let jwt = fal.send(Method::POST, &jwt, &headers, r#"{"allowed_apps": ["flux"]}"#).await.json();
    let stream = format!("{}/{ID}/stream?fal_jwt_token={}", fal.urls.run, jwt.as_str().unwrap());
    assert_eq!(fal.post(&stream, &input()).await.status, 200);
    let url = format!("{}/files/upload", fal.urls.cdn);
    assert_eq!(fal.send(Method::POST, &url, &[("authorization", &bearer)], "x").await.status, 200);
    fal.run(ID, &input()).await;

    let list = |query: &str| format!("{}/_emulator/requests{query}", fal.emulator.url());
    let own = fal.get(&list("?scope=one")).await.json();
    let kinds: Vec<&str> = own.as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    let expected =
        ["submit", "result", "media", "upload_initiate", "upload", "token", "token", "stream", "upload"];
    assert_eq!(kinds, expected);
    let all = fal.get(&list("")).await.json();
    assert_eq!(
        (all.as_array().unwrap().len(), &all[9]["scope"], &all[0]["scope"]),
        (10, &json!(null), &json!("one"))
    );
    assert_eq!(fal.get(&list("?scope=two")).await.json(), json!([]));
    let platform = format!("{}/v1/models/requests/by-endpoint?endpoint_id={ID}", fal.urls.platform);
    let of_scope = fal.send(Method::GET, &platform, &headers, "").await.json();
    assert_eq!(of_scope["items"].as_array().unwrap().len(), 2);
    assert_eq!(fal.get(&platform).await.json()["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_clock_of_a_scope_moves_alone() {
    let pace = Pace::instant().run(Duration::from_secs(3600));
    let fal = TestEmulator::start(Emulator::builder().manual_clock().pace(pace)).await;
    let mut urls = Vec::new();
    for scope in ["one", "two"] {
        assert_eq!(admin(&fal, &format!("reset?scope={scope}"), &json!({})).await.0, 200);
        let key = format!("Key {scope}:x");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let url = format!("{}/{ID}", fal.urls.queue);
        let submitted = fal.send(Method::POST, &url, &headers, input().to_string()).await.json();
        urls.push(submitted["status_url"].as_str().unwrap().to_owned());
    }
    assert_eq!(admin(&fal, "advance?scope=one", &json!({"seconds": 4000})).await.0, 200);
    let mut states = Vec::new();
    for url in &urls {
        states.push(fal.get(url).await.json()["status"].clone());
    }
    assert_eq!(states, ["COMPLETED", "IN_PROGRESS"]);
    // The clock of the emulator moves those of all scopes.
    assert_eq!(admin(&fal, "advance", &json!({"seconds": 4000})).await.0, 200);
    assert_eq!(fal.get(&urls[1]).await.json()["status"], "COMPLETED");
}

#[tokio::test]
async fn a_required_key_may_name_the_scope() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).require_key("id:secret")).await;
    assert_eq!(run_with_key(&fal, "one").await.status, 401);
    assert_eq!(admin(&fal, "reset?scope=one", &json!({})).await.0, 200);
    assert_eq!(run_with_key(&fal, "one").await.status, 200);
    assert_eq!(run_with_key(&fal, "two").await.status, 401);
    assert_eq!(run_with_key(&fal, "id").await.status, 200);
}

#[tokio::test]
async fn the_key_of_an_ended_scope_is_refused_until_the_scope_is_opened_again() {
    let fal = TestEmulator::instant().await;
    assert_eq!(admin(&fal, "reset?scope=one", &json!({})).await.0, 200);
    let headers = [("authorization", "Key one:x"), ("content-type", "application/json")];
    let token = format!("{}/storage/auth/token", fal.urls.rest);
    let token = fal.send(Method::POST, &token, &headers, "{}").await.json();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let submitted = fal
        .send(Method::POST, &format!("{}/{ID}", fal.urls.queue), &headers, input().to_string())
        .await
        .json();
    let upload = format!("{}/files/upload", fal.urls.cdn);
    let end = format!("{}/_emulator/scope?scope=one", fal.emulator.url());
    assert_eq!(fal.send(Method::DELETE, &end, &[], "").await.status, 200);
    let call = run_with_key(&fal, "one").await;
    assert_eq!(call.status, 401);
    let detail = call.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("The scope one has ended"), "{detail}");
    let status = fal.send(Method::GET, submitted["status_url"].as_str().unwrap(), &headers, "").await;
    let uploaded = fal.send(Method::POST, &upload, &[("authorization", &bearer)], "x").await;
    assert_eq!((status.status.as_u16(), uploaded.status.as_u16()), (401, 401));
    // Others are served, also while another scope is open.
    for _ in 0..2 {
        assert_eq!(run_with_key(&fal, "emulator").await.status, 200);
        assert_eq!(run_with_key(&fal, "one").await.status, 401);
        assert_eq!(admin(&fal, "reset?scope=two", &json!({})).await.0, 200);
    }
    assert_eq!(admin(&fal, "reset?scope=one", &json!({})).await.0, 200);
    assert_eq!(run_with_key(&fal, "one").await.status, 200);
}

#[tokio::test]
async fn scopes_end_and_bad_names_and_too_many_are_refused() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/_emulator/scope?scope=one", fal.emulator.url());
    assert_eq!(admin(&fal, "scenario?scope=one", &failure(503)).await.0, 200);
    let ended = |reply: Response| reply.json()["ended"].clone();
    assert_eq!(ended(fal.send(Method::DELETE, &url, &[], "").await), true);
    assert_eq!(ended(fal.send(Method::DELETE, &url, &[], "").await), false);
    assert_eq!(run_with_key(&fal, "other").await.status, 200);
    for bad in ["", "a%20b", "%C3%A4", "a/b", &"x".repeat(101)] {
        let (status, body) = admin(&fal, &format!("reset?scope={bad}"), &json!({})).await;
        assert_eq!(status, 422, "{bad}");
        assert!(body["detail"].as_str().unwrap().contains("the name of a scope"), "{body}");
    }
    let connections = json!({"refuse_connections": 1});
    let (status, body) = admin(&fal, "scenario?scope=one", &connections).await;
    assert_eq!(status, 422, "{body}");
    // A page of another site opens none.
    let foreign = [("origin", "https://evil.example")];
    let url = format!("{}/_emulator/reset?scope=evil", fal.emulator.url());
    assert_eq!(fal.send(Method::POST, &url, &foreign, "{}").await.status, 403);
    let headers = [("origin", "https://evil.example"), ("x-fal-emulator-scope", "evil")];
    let url = format!("{}/{ID}", fal.urls.run);
    assert_eq!(fal.send(Method::POST, &url, &headers, input().to_string()).await.status, 200);
    for number in 0..999 {
        assert_eq!(admin(&fal, &format!("reset?scope=many-{number}"), &json!({})).await.0, 200);
    }
    let (status, body) = admin(&fal, "reset?scope=one-more", &json!({})).await;
    assert_eq!((status, body["detail"].as_str().unwrap().starts_with("1000 scopes are open")), (422, true));
}
