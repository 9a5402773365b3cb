//! The same exchanges by hand.

use http::{HeaderMap, HeaderValue, header};

use crate::model::{Input, Output};

/// The code that one writes without this crate: the key, JSON in, JSON out, and the request id.
pub(crate) struct Raw {
    http: reqwest::Client,
    url: String,
}

impl Raw {
    pub(crate) fn new(url: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Key id:secret"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("raw/1"));
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .build()
            .unwrap();
        Self { http, url: url.to_owned() }
    }

    /// Posts `input` as reqwest's `json` does.
    async fn post(&self, service: &str, input: &Input) -> reqwest::Response {
        let request = self.http.post(format!("{}/{service}/acme/app/edit", self.url));
        let request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body(serde_json::to_vec(input).unwrap()).send().await.unwrap()
    }

    pub(crate) async fn run(&self, input: &Input) -> (String, Output) {
        let response = self.post("run", input).await;
        let response = response.error_for_status().unwrap();
        let id = response.headers()["x-fal-request-id"].to_str().unwrap().to_owned();
        let body = response.bytes().await.unwrap();
        (id, serde_json::from_slice(&body).unwrap())
    }

    pub(crate) async fn subscribe(&self, input: &Input) -> Output {
        #[derive(serde::Deserialize)]
        struct Accepted {
            request_id: String,
        }
        let submit = self.post("queue", input).await;
        let Accepted { request_id } = serde_json::from_slice(&submit.bytes().await.unwrap()).unwrap();
        let request = format!("{}/queue/acme/app/requests/{request_id}", self.url);
        let mut events = self.http.get(format!("{request}/status/stream?logs=0")).send().await.unwrap();
        while let Some(chunk) = events.chunk().await.unwrap() {
            if chunk.windows(9).any(|word| word == b"COMPLETED") {
                break;
            }
        }
        let _ = events.chunk().await; // The end, so that the connection can be reused.
        let result = self.http.get(request).send().await.unwrap();
        serde_json::from_slice(&result.bytes().await.unwrap()).unwrap()
    }
}

/// Returns the client under test, for the same server.
pub(crate) fn client(url: &str) -> fal_client::Client {
    fal_client::Client::builder().emulator(url).key("id:secret").build().unwrap()
}
