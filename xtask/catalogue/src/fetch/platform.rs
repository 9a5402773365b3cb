//! Records from the platform API.

use std::{collections::BTreeMap, env, time::Duration};

use futures_util::{StreamExt, stream};
use reqwest::{Client, StatusCode, Url, header, redirect};
use serde_json::Value;

use super::Take;

/// The platform API of fal.
pub(super) const BASE: &str = "https://api.fal.ai/v1";
/// Endpoints per request. fal allows 50, but documents are large.
const BATCH: usize = 20;
/// Concurrent requests.
const PARALLEL: usize = 4;
/// Maximum attempts per request.
const ATTEMPTS: u32 = 5;
/// Maximum pages per batch, so that a faulty service cannot keep this running.
const PAGES: usize = 50;

/// Reads the records of `ids` in batches, in the order of arrival.
pub(super) fn read(base: &str, ids: &[String], take: &mut Take<'_>) -> Result<(), String> {
    let platform = Platform::new(base)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let batches = ids.chunks(BATCH).map(|batch| platform.batch(batch));
        let mut batches = stream::iter(batches).buffer_unordered(PARALLEL);
        while let Some(records) = batches.next().await {
            take(records?)?;
        }
        Ok(())
    })
}

struct Platform {
    client: Client,
    models: Url,
    key: Option<String>,
}

impl Platform {
    fn new(base: &str) -> Result<Self, String> {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let models = Url::parse(&format!("{}/models", base.trim_end_matches('/')))
            .map_err(|error| format!("--base-url {base}: {error}"))?;
        // The key must not follow a redirect to another host, or leave this machine without TLS.
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| error.to_string())?;
        let local = matches!(models.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let key = env::var("FAL_KEY").ok().filter(|_| local || models.scheme() == "https");
        Ok(Self { client, models, key })
    }

    /// Fetches the records of some endpoints. Each one that the platform does not have is an error.
    async fn batch(&self, ids: &[String]) -> Result<Vec<(String, Result<Value, String>)>, String> {
        let mut found = BTreeMap::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let mut url = self.models.clone();
            url.query_pairs_mut()
                .extend_pairs(ids.iter().map(|id| ("endpoint_id", id)))
                .append_pair("expand", "openapi-3.0")
                .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let page = self.page(url).await?;
            let models = page["models"].as_array().ok_or("the response of the platform has no `models`")?;
            for record in models {
                if let Some(id) = record["endpoint_id"].as_str() {
                    found.insert(id.to_owned(), record.clone());
                }
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || page["has_more"] == Value::Bool(false) {
                break;
            }
        }
        let missing = |id: &String| format!("the platform has no endpoint `{id}`");
        Ok(ids.iter().map(|id| (id.clone(), found.remove(id).ok_or_else(|| missing(id)))).collect())
    }

    /// Fetches one page, and retries server errors, rate limits and lost connections.
    async fn page(&self, url: Url) -> Result<Value, String> {
        let mut attempt = 1;
        loop {
            let mut request = self.client.get(url.clone());
            if let Some(key) = &self.key {
                request = request.header(header::AUTHORIZATION, format!("Key {key}"));
            }
            let failure = match request.send().await {
                Ok(reply) => {
                    let status = reply.status();
                    let retry_after = reply
                        .headers()
                        .get(header::RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.parse().ok())
                        .map(|seconds: u64| Duration::from_secs(seconds.min(60)));
                    let text = reply.text().await;
                    match text {
                        Ok(text) if status.is_success() => {
                            return serde_json::from_str(&text).map_err(|error| {
                                format!("the response of the platform is not JSON: {error}")
                            });
                        }
                        Ok(text) if !is_retryable(status) => return Err(refusal(status, &text)),
                        Ok(text) => (refusal(status, &text), retry_after),
                        Err(error) => (error.to_string(), None),
                    }
                }
                Err(error) => (error.without_url().to_string(), None),
            };
            let (message, retry_after) = failure;
            if attempt == ATTEMPTS {
                return Err(format!("{message} (after {ATTEMPTS} attempts)"));
            }
            tokio::time::sleep(retry_after.unwrap_or(Duration::from_millis(250 << attempt))).await;
            attempt += 1;
        }
    }
}

fn is_retryable(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Returns the error of a refused request, with the message of the service if it sent one.
fn refusal(status: StatusCode, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let message = body["error"]["message"].as_str().map(|message| format!(": {message}"));
    format!("the platform responded with {status}{}", message.unwrap_or_default())
}
