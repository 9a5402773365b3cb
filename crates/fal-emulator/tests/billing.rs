//! Prices, usage, billing events, statistics and keys of the platform API, as the calls that came make them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, EmulatorBuilder, Error, HistoryOutage, HistorySettings, Pace};
use reqwest::Method;
use serde_json::{Value, json};

const KEY: [(&str, &str); 2] = [("authorization", "Key ci:secret"), ("content-type", "application/json")];

/// Prices images at 0.02 and seconds of video at 0.5 dollars.
fn priced() -> (tempfile::TempDir, EmulatorBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.json");
    let prices = json!({"prices": [
        {"endpoint_id": "fal-ai/flux/dev", "unit_price": 0.02, "unit": "images", "currency": "USD"},
        {"endpoint_id": "fal-ai/ltx-video", "unit_price": 0.5, "unit": "seconds", "currency": "USD"},
    ]});
    std::fs::write(&path, prices.to_string()).unwrap();
    let builder = Emulator::builder().pace(Pace::instant()).prices(path);
    (folder, builder)
}

async fn call(fal: &TestEmulator, url: &str, input: &Value) -> common::Response {
    let answer = fal.send(Method::POST, url, &KEY, input.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer
}

fn images(count: u32) -> Value {
    json!({"prompt": "a cat", "num_images": count, "image_size": {"width": 8, "height": 8}})
}

#[tokio::test]
async fn calls_make_usage_and_billing_events() {
    let (_folder, builder) = priced();
    // Both calls are in the same hour of the time series.
    let fal = TestEmulator::start(builder.manual_clock()).await;
    let platform = |path: &str| format!("{}/v1/{path}", fal.urls.platform);
    let direct = call(&fal, &format!("{}/fal-ai/flux/dev", fal.urls.run), &images(2)).await;
    assert_eq!(direct.header("x-fal-billable-units"), "2");
    // Nobody fetches the result, and fal charges it all the same.
    let queued = call(&fal, &format!("{}/fal-ai/flux/dev", fal.urls.queue), &images(3)).await.json();
    assert_eq!(fal.run("fal-ai/flux/dev", &json!({})).await.status, 422);

    let events = fal.get(&platform("models/billing-events?expand=auth_method_structured")).await.json();
    let events = events["billing_events"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
    let of_queue = events.iter().find(|event| event["request_id"] == queued["request_id"]).unwrap();
    assert_eq!((&of_queue["output_units"], &of_queue["unit_price"]), (&json!(3.0), &json!(0.02)));
    assert_eq!(of_queue["cost_estimate_nano_usd"], json!(60_000_000.0));
    assert_eq!(of_queue["auth_method_structured"]["api_key_id"], "ci");
    assert!(of_queue.get("is_invented").is_none());
    let id = direct.header("x-fal-request-id");
    let one = fal.get(&platform(&format!("models/billing-events?request_id={id}"))).await.json();
    assert_eq!(one["billing_events"][0]["output_units"], json!(2.0));

    let usage = fal.get(&platform("models/usage?expand=summary,time_series,auth_method")).await.json();
    let record = &usage["summary"][0];
    assert_eq!((&record["quantity"], &record["unit"]), (&json!(5.0), &json!("images")));
    assert!((record["cost_total"].as_f64().unwrap() - 0.1).abs() < 1e-9, "{record}");
    assert_eq!(
        (usage["time_series"].as_array().unwrap().len(), &record["auth_method"]),
        (1, &json!("key ci"))
    );
    let none = fal.get(&platform("models/usage?endpoint_id=fal-ai/whisper")).await.json();
    assert_eq!((&none["time_series"], none.get("summary")), (&json!([]), None));
    let past = fal.get(&platform("models/usage?start=2020-01-01&end=2020-02-01")).await.json();
    assert_eq!(past["time_series"], json!([]));

    let account = fal.get(&platform("account/billing?expand=credits")).await.json();
    assert!((account["credits"]["current_balance"].as_f64().unwrap() - 999.9).abs() < 1e-6, "{account}");
    let cost = fal.emulator.cost().await;
    assert_eq!((cost.calls, cost.endpoints, cost.invented_calls), (2, 1, 0));
    for bad in [
        "models/usage?expand=x",
        "models/usage?timeframe=year",
        "models/usage?timezone=Europe/Oslo",
        "models/usage?start=2026-01-02&end=2026-01-01",
        "models/billing-events?start=soon",
        "models/analytics",
        "models/analytics?endpoint_id=a/b&expand=summary",
        "models/analytics?endpoint_id=a/b&expand=summary,luck",
        "account/billing?expand=x",
    ] {
        let answer = fal.get(&platform(bad)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["type"]),
            (400, &json!("validation_error")),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn prices_are_those_of_the_user_or_marked_as_invented() {
    let (folder, builder) = priced();
    let fal = TestEmulator::start(builder).await;
    let url =
        format!("{}/v1/models/pricing?endpoint_id=fal-ai/flux/dev,fal-ai/flux/schnell", fal.urls.platform);
    let prices = fal.get(&url).await.json();
    assert_eq!(
        prices["prices"][0],
        json!({"endpoint_id": "fal-ai/flux/dev", "unit_price": 0.02, "unit": "images", "currency": "USD"})
    );
    assert_eq!(prices["prices"][1]["is_invented"], true);
    let video = fal.run("fal-ai/ltx-video", &json!({"prompt": "a cat"})).await;
    let seconds: f64 = video.header("x-fal-billable-units").parse().unwrap();
    let cost = fal.emulator.cost().await;
    assert!((cost.usd - seconds * 0.5).abs() < 1e-9 && seconds > 1.0, "{cost:?}, {seconds}");
    fal.run("fal-ai/flux/schnell", &json!({"prompt": "a cat", "num_images": 4})).await;
    let cost = fal.emulator.cost().await;
    assert_eq!((cost.calls, cost.invented_calls, cost.invented_usd), (2, 1, 0.04));
    let feed = fal.get(&format!("{}/_emulator/page/feed", fal.emulator.url())).await.json();
    assert_eq!(feed["cost"]["invented_part"], "$0.0400 of it at invented prices");
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, r#"{"a/b": {"unit_price": -1, "unit": "images"}}"#).unwrap();
    let error = Emulator::builder().prices(&bad).start().await.unwrap_err();
    assert!(matches!(error, Error::Prices { .. }) && error.to_string().contains("a/b is -1"), "{error}");
}

#[tokio::test]
async fn lag_and_outages_apply_to_all_data_of_past_requests() {
    let lagging = HistorySettings::default().lag(Duration::from_secs(60));
    let fal =
        TestEmulator::start(Emulator::builder().manual_clock().pace(Pace::instant()).history(lagging)).await;
    fal.run("fal-ai/flux/dev", &images(1)).await;
    let data = [
        ("models/usage?expand=summary", "summary"),
        ("models/billing-events", "billing_events"),
        ("models/analytics?endpoint_id=fal-ai/flux/dev&expand=summary,request_count,p50_duration", "summary"),
    ];
    let count = async |(path, name): (&str, &str)| {
        let answer = fal.get(&format!("{}/v1/{path}", fal.urls.platform)).await;
        (answer.status.as_u16(), answer.json()[name].as_array().map(Vec::len))
    };
    for entry in data {
        assert_eq!(count(entry).await, (200, Some(0)), "{entry:?}");
    }
    fal.emulator.advance(Duration::from_secs(60));
    for entry in data {
        assert_eq!(count(entry).await, (200, Some(1)), "{entry:?}");
    }
    fal.emulator.set_history(lagging.outage(HistoryOutage::Empty));
    assert_eq!(count(data[0]).await, (200, Some(0)));
    fal.emulator.set_history(lagging.outage(HistoryOutage::Unavailable));
    for entry in data {
        assert_eq!(count(entry).await.0, 503, "{entry:?}");
    }
}

#[tokio::test]
async fn statistics_count_the_outcomes_of_requests() {
    let fal = TestEmulator::instant().await;
    for input in [images(1), images(1), json!({})] {
        fal.run("fal-ai/flux/dev", &input).await;
    }
    fal.emulator.on_endpoint("fal-ai/flux/dev").fail(504, json!({"detail": "late"}));
    fal.run("fal-ai/flux/dev", &images(1)).await;
    let metrics = "summary,request_count,success_count,user_error_count,error_count,timeout_error_count,p95_prepare_duration,p50_cold_boot_duration";
    let url =
        format!("{}/v1/models/analytics?endpoint_id=fal-ai/flux/dev&expand={metrics}", fal.urls.platform);
    let answer = fal.get(&url).await.json();
    assert!(answer.get("time_series").is_none());
    assert_eq!(
        answer["summary"],
        json!([{
            "endpoint_id": "fal-ai/flux/dev", "request_count": 4, "success_count": 2, "user_error_count": 1,
            "error_count": 1, "timeout_error_count": 1, "p95_prepare_duration": 0.0, "p50_cold_boot_duration": 0,
        }])
    );
}

#[tokio::test]
async fn keys_are_created_used_and_deleted() {
    let fal = TestEmulator::start(Emulator::builder().require_key("ci:secret").pace(Pace::instant())).await;
    let url = format!("{}/v1/keys", fal.urls.platform);
    let made = fal.send(Method::POST, &url, &KEY, r#"{"alias": "nightly"}"#).await;
    assert_eq!(made.status, 201);
    let key = format!("Key {}", made.json()["key"].as_str().unwrap());
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let call = async || {
        let body = images(1).to_string();
        fal.send(Method::POST, &format!("{}/fal-ai/flux/dev", fal.urls.run), &headers, body).await.status
    };
    assert_eq!(call().await, 200);
    let listed = fal.send(Method::GET, &url, &KEY, "").await.json();
    assert_eq!(
        (&listed["keys"][0]["alias"], &listed["keys"][0]["scope"]),
        (&json!("nightly"), &json!("API"))
    );
    assert!(listed["keys"][0].get("key_secret").is_none());
    let usage = format!("{}/v1/models/usage?expand=summary,auth_method", fal.urls.platform);
    let usage = fal.send(Method::GET, &usage, &KEY, "").await.json();
    assert_eq!(usage["summary"][0]["auth_method"], "nightly");
    let id = made.json()["key_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(fal.send(Method::DELETE, &format!("{url}/{id}"), &KEY, "").await.status, 204);
    }
    assert_eq!(call().await, 401);
    assert_eq!(fal.send(Method::POST, &url, &KEY, "{}").await.status, 400);
    assert_eq!(fal.get(&url).await.status, 401);
}
