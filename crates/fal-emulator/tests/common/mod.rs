//! A running emulator and an HTTP client for it.

#![allow(dead_code, reason = "each test binary uses a part of this module")]
#![allow(clippy::unwrap_used, reason = "a failed helper fails its test")]

use std::time::Duration;

use fal_emulator::{Emulator, EmulatorBuilder, Pace, Urls};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A running emulator with an HTTP client.
pub(crate) struct TestEmulator {
    pub(crate) emulator: Emulator,
    pub(crate) urls: Urls,
    pub(crate) http: Client,
}

/// A response that was read to its end.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Returns the status code and the JSON body.
    pub(crate) fn status_and_json(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }
}

impl TestEmulator {
    /// Starts an emulator that completes requests at once.
    pub(crate) async fn instant() -> Self {
        Self::start(Emulator::builder().pace(Pace::instant())).await
    }

    /// Starts an emulator whose requests stay queued for longer than any test takes.
    pub(crate) async fn stuck() -> Self {
        let pace = Pace::default().per_position(Duration::from_secs(3600));
        Self::start(Emulator::builder().pace(pace)).await
    }

    /// Starts an emulator whose requests start at once and run for longer than any test takes.
    pub(crate) async fn running() -> Self {
        let pace = Pace::instant().run(Duration::from_secs(3600));
        Self::start(Emulator::builder().pace(pace)).await
    }

    pub(crate) async fn start(builder: EmulatorBuilder) -> Self {
        let emulator = builder.start().await.unwrap();
        Self { urls: emulator.urls(), emulator, http: http() }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status(), reply.headers().clone());
        Response { status, headers, bytes: reply.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, url: &str) -> Response {
        self.send(Method::GET, url, &[], "").await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> Response {
        self.send(Method::POST, url, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn run(&self, id: &str, input: &Value) -> Response {
        self.post(&format!("{}/{id}", self.urls.run), input).await
    }

    pub(crate) async fn submit(&self, id: &str, input: &Value) -> Value {
        let answer = self.post(&format!("{}/{id}", self.urls.queue), input).await;
        assert_eq!(answer.status, 200);
        answer.json()
    }

    /// Uploads a file and returns its URL.
    pub(crate) async fn upload(&self, name: &str, content_type: &str, bytes: Vec<u8>) -> String {
        let request = serde_json::json!({"file_name": name, "content_type": content_type});
        let url = format!("{}/storage/upload/initiate", self.urls.rest);
        let place = self.post(&url, &request).await.json();
        let upload_url = place["upload_url"].as_str().unwrap();
        let put = self.send(Method::PUT, upload_url, &[("content-type", content_type)], bytes).await;
        assert_eq!(put.status, 200);
        place["file_url"].as_str().unwrap().to_owned()
    }
}

/// Returns a silent WAV: 8 kHz, 8 bits, mono.
pub(crate) fn silence(seconds: u32) -> Vec<u8> {
    let samples = seconds * 8000;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + samples).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(b"\x01\0\x08\0data");
    bytes.extend(samples.to_le_bytes());
    bytes.resize(bytes.len() + samples as usize, 128);
    bytes
}

/// Returns a client. In a build of the whole workspace reqwest has rustls without a crypto provider, and needs
/// one even though every URL here is plain HTTP.
fn http() -> Client {
    // Fails harmlessly if another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
