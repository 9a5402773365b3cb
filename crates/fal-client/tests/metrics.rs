//! The metrics of calls, as Prometheus scrapes them from an app.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, future, net::Ipv4Addr};

use axum::{Router, routing::get};
use fal_client::{Client, File, Usd, input, metrics};
use fal_emulator::{Emulator, RequestKind};
use fal_flux::dev;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

/// Starts an app that exports its metrics, and returns the URL that is scraped.
async fn export() -> String {
    let exporter = PrometheusBuilder::new().install_recorder().unwrap();
    metrics::describe();
    let routes = Router::new().route("/metrics", get(move || future::ready(exporter.render())));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn scrape(url: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = http.get(url).send().await.unwrap().bytes().await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Returns the value of the line that starts with `name` and has all `labels`.
fn value(scraped: &str, name: &str, labels: &[&str]) -> f64 {
    let is_it = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    let line = scraped.lines().find(is_it);
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn calls_retries_times_bytes_and_money_are_exported() {
    let url = export().await;
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.json");
    fs::write(&prices, json!({ "fal-ai/flux/dev": { "unit_price": 0.025, "unit": "images" } }).to_string())
        .unwrap();
    let emulator = Emulator::builder().prices(prices).start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let cat = || input!(dev { prompt: "a cat", num_images: 2 });

    // One direct call, which is refused once; one through the queue; one that fails; an upload; a batch with a budget.
    emulator.on_request(RequestKind::Run).fail(429, json!({ "detail": "busy" })).times(1);
    client.run(cat()).await.unwrap();
    client.subscribe(cat()).await.unwrap();
    emulator.on_request(RequestKind::Submit).fail(401, json!({ "detail": "no" })).times(1);
    client.submit(cat()).await.unwrap_err();
    client.upload(File::bytes(vec![7; 5000], "image/png")).await.unwrap();
    let replies = client.batch([cat(), cat()]).budget(Usd::dollars(1)).await.unwrap();
    assert!(replies.iter().all(Result::is_ok));

    let scraped = scrape(&url).await;
    let model = r#"gen_ai_request_model="fal-ai/flux/dev""#;
    let count = |name: &str, labels: &[&str]| value(&scraped, &format!("{name}_count"), labels);
    let duration = "gen_ai_client_operation_duration";
    for operation in ["run", "subscribe"] {
        let label = format!(r#"gen_ai_operation_name="{operation}""#);
        assert_eq!(count(duration, &[model, &label]), 1.0, "{operation}\n{scraped}");
    }
    let failed = [model, r#"gen_ai_operation_name="submit""#, r#"error_type="401""#];
    assert_eq!(count(duration, &failed), 1.0, "{scraped}");
    assert_eq!(value(&scraped, "fal_client_retries", &[r#"error_type="429""#]), 1.0, "{scraped}");
    // Two images a call, of `run`, `subscribe` and two of the batch.
    assert_eq!(count("fal_client_billable_units", &[model]), 4.0, "{scraped}");
    assert_eq!(value(&scraped, "fal_client_billable_units_sum", &[model]), 8.0, "{scraped}");
    assert!((value(&scraped, "fal_client_spend", &[model]) - 0.10).abs() < 1e-9, "{scraped}");
    assert_eq!(count("fal_client_queue_duration", &[model]), 3.0, "{scraped}");
    assert_eq!(count("fal_client_run_duration", &[model]), 3.0, "{scraped}");
    let ran = value(&scraped, "fal_client_run_duration_sum", &[model]);
    assert!(ran > 0.1, "the emulator runs a request for 0.2 s: {ran}");

    let posts = [
        r#"http_request_method="POST""#,
        r#"http_response_status_code="200""#,
        r#"server_address="127.0.0.1""#,
    ];
    assert!(count("http_client_request_duration", &posts) >= 5.0, "{scraped}");
    let refused = [r#"http_response_status_code="429""#, r#"error_type="429""#];
    assert_eq!(count("http_client_request_duration", &refused), 1.0, "{scraped}");
    let sent: f64 = ["PUT", "POST"]
        .map(|method| format!(r#"http_request_method="{method}""#))
        .iter()
        .map(|method| value(&scraped, "http_client_request_body_size_sum", &[method]))
        .sum();
    assert!(sent > 5000.0, "{sent}");
    assert!(scraped.contains("# HELP gen_ai_client_operation_duration"), "{scraped}");
    // No label grows with the calls or tells a secret.
    assert!(!scraped.contains("a cat") && !scraped.contains("request_id"), "{scraped}");
}
