//! The backend against the emulator, over HTTP.

use std::{error::Error, net::Ipv4Addr, time::Duration};

use fal_emulator::{Emulator, RequestKind};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

type TestResult = Result<(), Box<dyn Error>>;

const MINUTE: Duration = Duration::from_secs(60);

/// A backend of its own for each test.
struct Server {
    url: String,
    http: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(emulator: &Emulator, folder: &TempDir) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = Client::builder().emulator(emulator.url()).build()?;
        let backend = super::start(client, &url, &folder.path().join("videos.jsonl"))?;
        let task = tokio::spawn(async move { drop(axum::serve(listener, backend).await) });
        Ok(Self { url, http: reqwest::Client::new(), task })
    }

    async fn post(&self, path: &str, body: Value) -> reqwest::Result<Response> {
        let request = self.http.post(format!("{}{path}", self.url));
        request.header("content-type", "application/json").body(body.to_string()).send().await
    }

    async fn get(&self, path: &str) -> reqwest::Result<Response> {
        self.http.get(format!("{}{path}", self.url)).send().await
    }

    /// Asks for a video until it is no longer running.
    async fn outcome(&self, id: &str) -> Result<Value, Box<dyn Error>> {
        loop {
            let video = self.get(&format!("/videos/{id}")).await?.bytes().await?;
            let video: Value = serde_json::from_slice(&video)?;
            if video["status"] != "running" {
                return Ok(video);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn emulator() -> Result<Emulator, fal_emulator::Error> {
    Emulator::builder().manual_clock().start().await
}

async fn text(response: Response) -> reqwest::Result<String> {
    Ok(String::from_utf8_lossy(&response.bytes().await?).into_owned())
}

#[tokio::test]
async fn video_is_delivered_and_its_progress_is_followed() -> TestResult {
    let (emulator, folder) = (emulator().await?, tempfile::tempdir()?);
    let server = Server::start(&emulator, &folder).await?;
    let id = text(server.post("/videos", json!({ "prompt": "a cat", "duration": "10" })).await?).await?;
    let events = server.get(&format!("/videos/{id}/events")).await?;
    emulator.advance(MINUTE);

    let events = text(events).await?;
    let last = events.trim().rsplit("\n\n").next().unwrap_or_default();
    assert!(last.starts_with("event: update\n") && last.contains(r#""status":"completed""#), "{events}");
    let video = server.outcome(&id).await?;
    assert_eq!(video["status"], "done");
    assert!(video["video"]["url"].as_str().is_some_and(|url| url.ends_with(".mp4")), "{video}");
    assert!(emulator.webhooks().deliveries().iter().all(|delivery| delivery.is_accepted()));
    assert_eq!(emulator.received_inputs::<Model>()[0].prompt, "a cat");
    Ok(())
}

#[tokio::test]
async fn callers_are_told_what_they_did_wrong_and_nothing_else() -> TestResult {
    let (emulator, folder) = (emulator().await?, tempfile::tempdir()?);
    let server = Server::start(&emulator, &folder).await?;
    let unknown = server.post("/videos", json!({ "prompt": "a cat", "duration": "7" })).await?;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(unknown).await?.contains("`7` is not allowed here; allowed: `5`, `10`"));

    let long = server.post("/videos", json!({ "prompt": "a".repeat(3000) })).await?;
    assert_eq!(long.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = serde_json::from_str(&text(long).await?)?;
    assert_eq!(body["fields"][0]["path"], "body.prompt");

    emulator.on_request(RequestKind::Submit).fail(401, json!({ "detail": "the key of acme is gone" }));
    let refused = server.post("/videos", json!({ "prompt": "a cat" })).await?;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!text(refused).await?.contains("acme"));
    assert_eq!(server.get("/videos/764cabcf").await?.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn failure_of_the_model_is_the_outcome() -> TestResult {
    let (emulator, folder) = (emulator().await?, tempfile::tempdir()?);
    emulator.on::<Model>().fail(500, json!({ "detail": "the runner is on fire" }));
    let server = Server::start(&emulator, &folder).await?;
    let id = text(server.post("/videos", json!({ "prompt": "a cat" })).await?).await?;
    emulator.advance(MINUTE);
    let video = server.outcome(&id).await?;
    assert_eq!(video, json!({ "status": "failed", "reason": "the runner is on fire" }));
    Ok(())
}

#[tokio::test]
async fn forged_delivery_is_refused() -> TestResult {
    let (emulator, folder) = (emulator().await?, tempfile::tempdir()?);
    let server = Server::start(&emulator, &folder).await?;
    let id = text(server.post("/videos", json!({ "prompt": "a cat" })).await?).await?;
    let forged =
        json!({ "request_id": id, "status": "OK", "payload": { "video": { "url": "http://evil" } } });
    assert!(server.post("/fal", forged).await?.status().is_client_error());
    assert!(text(server.get(&format!("/videos/{id}")).await?).await?.contains("running"));
    Ok(())
}

#[tokio::test]
async fn backend_that_was_killed_fetches_the_outcome_that_it_has_missed() -> TestResult {
    let (emulator, folder) = (emulator().await?, tempfile::tempdir()?);
    let server = Server::start(&emulator, &folder).await?;
    let id = text(server.post("/videos", json!({ "prompt": "a cat" })).await?).await?;
    server.task.abort();
    // It died while it wrote.
    let log = folder.path().join("videos.jsonl");
    fs::write(&log, fs::read_to_string(&log)? + "\n[\"half a li")?;
    emulator.advance(MINUTE);

    let server = Server::start(&emulator, &folder).await?;
    assert_eq!(server.outcome(&id).await?["status"], "done");
    let server = Server::start(&emulator, &folder).await?;
    assert_eq!(server.outcome(&id).await?["status"], "done", "of the log");
    let submits = emulator.requests().iter().filter(|request| request.kind == RequestKind::Submit).count();
    assert_eq!(submits, 1);
    Ok(())
}
