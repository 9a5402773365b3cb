//! A running emulator and a client of it.

#![allow(dead_code, reason = "each test binary uses some of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use fal_emulator::{Builder, Emulator, Pace, Urls};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

pub(crate) struct Fal {
    pub(crate) emulator: Emulator,
    pub(crate) urls: Urls,
    pub(crate) http: Client,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The status code and the JSON body.
    pub(crate) fn both(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }
}

impl Fal {
    /// An emulator whose requests are completed at once.
    pub(crate) async fn instant() -> Self {
        Self::of(Emulator::builder().pace(Pace::instant())).await
    }

    /// An emulator whose requests stay queued for as long as a test may last.
    pub(crate) async fn stuck() -> Self {
        let pace = Pace::default().per_position(Duration::from_secs(3600));
        Self::of(Emulator::builder().pace(pace)).await
    }

    /// An emulator whose requests start at once and run for as long as a test may last.
    pub(crate) async fn running() -> Self {
        let pace = Pace::instant().run(Duration::from_secs(3600));
        Self::of(Emulator::builder().pace(pace)).await
    }

    pub(crate) async fn of(builder: Builder) -> Self {
        let emulator = builder.start().await.unwrap();
        Self { urls: emulator.urls(), emulator, http: http() }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status(), reply.headers().clone());
        Answer { status, headers, bytes: reply.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Method::GET, url, &[], "").await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> Answer {
        self.send(Method::POST, url, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn run(&self, id: &str, input: &Value) -> Answer {
        self.post(&format!("{}/{id}", self.urls.run), input).await
    }

    pub(crate) async fn submit(&self, id: &str, input: &Value) -> Value {
        let answer = self.post(&format!("{}/{id}", self.urls.queue), input).await;
        assert_eq!(answer.status, 200);
        answer.json()
    }

    /// Announces a file, puts it, and gives its URL.
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

/// A WAV of silence: 8 kHz, 8 bits, mono.
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

/// A client without TLS of its own. Built together with the rest of the workspace, reqwest has rustls and
/// no provider, and asks for one although every address here is plain.
fn http() -> Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
