//! Records from the platform API.

use std::{collections::BTreeMap, env, time::Duration};

use futures_util::{StreamExt, stream};
use reqwest::{Client, StatusCode, Url, header};
use serde_json::Value;

use super::Take;
use crate::http::{self, runtime, with_causes};

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
/// Maximum pages of the list of all models.
const MOST_PAGES: usize = 500;

/// Reads the records of `ids` in batches, in the order of arrival.
pub(super) fn read(base: &str, ids: &[String], take: &mut Take<'_>) -> Result<(), String> {
    let platform = Platform::new(base)?;
    runtime()?.block_on(async {
        let batches = ids.chunks(BATCH).map(|batch| platform.batch(batch));
        let mut batches = stream::iter(batches).buffer_unordered(PARALLEL);
        while let Some(records) = batches.next().await {
            take(records?)?;
        }
        Ok(())
    })
}

/// Reads the records of all models, without their documents.
pub(super) fn list(base: &str) -> Result<Vec<Value>, String> {
    let platform = Platform::new(base)?;
    runtime()?.block_on(async {
        let models = platform.pages(&[("limit", "100")], MOST_PAGES).await?;
        if models.is_empty() { Err("the platform lists no models".to_owned()) } else { Ok(models) }
    })
}

struct Platform {
    client: Client,
    models: Url,
    key: Option<String>,
}

impl Platform {
    fn new(base: &str) -> Result<Self, String> {
        let models = Url::parse(&format!("{}/models", base.trim_end_matches('/')))
            .map_err(|error| format!("--base-url {base}: {error}"))?;
        let client = http::client()?;
        // The key must not leave this machine without TLS.
        let local = matches!(models.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let key = env::var("FAL_KEY").ok().filter(|_| local || models.scheme() == "https");
        Ok(Self { client, models, key })
    }

    /// Fetches the records of some endpoints. Each one that the platform does not have is an error.
    async fn batch(&self, ids: &[String]) -> Result<Vec<(String, Result<Value, String>)>, String> {
        let query: Vec<(&str, &str)> =
            ids.iter().map(|id| ("endpoint_id", id.as_str())).chain([("expand", "openapi-3.0")]).collect();
        let models = match self.pages(&query, PAGES).await {
            // A platform that refuses a whole batch for one endpoint is asked for each.
            Err(Failure::NotFound(_)) if ids.len() > 1 => {
                let mut records = Vec::with_capacity(ids.len());
                for id in ids {
                    records.extend(Box::pin(self.batch(std::slice::from_ref(id))).await?);
                }
                return Ok(records);
            }
            // One endpoint that is not there, or no platform API at this address.
            Err(Failure::NotFound(message)) => {
                return Ok(ids.iter().map(|id| (id.clone(), Err(message.clone()))).collect());
            }
            models => models?,
        };
        let named = models
            .into_iter()
            .filter_map(|record| Some((record["endpoint_id"].as_str()?.to_owned(), record)));
        let mut found: BTreeMap<String, Value> = named.collect();
        let missing = |id: &String| format!("the platform has no endpoint `{id}`");
        Ok(ids.iter().map(|id| (id.clone(), found.remove(id).ok_or_else(|| missing(id)))).collect())
    }

    /// Fetches all pages of a query.
    async fn pages(&self, query: &[(&str, &str)], most: usize) -> Result<Vec<Value>, Failure> {
        let mut models = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..most {
            let mut url = self.models.clone();
            url.query_pairs_mut()
                .extend_pairs(query)
                .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
            let mut page = self.page(url).await?;
            match page["models"].take() {
                Value::Array(more) => models.extend(more),
                _ => return Err("the response of the platform has no `models`".to_owned().into()),
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || page["has_more"] == Value::Bool(false) {
                break;
            }
        }
        Ok(models)
    }

    /// Returns the error of a path that the service does not have, which is that of a wrong `--base-url` as a rule.
    fn not_found(&self, refusal: &str) -> String {
        format!("{}: {refusal}; `--base-url` is the address of the platform API, such as {BASE}", self.models)
    }

    /// Fetches one page, and retries server errors, rate limits and lost connections.
    async fn page(&self, url: Url) -> Result<Value, Failure> {
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
                                format!("the response of the platform is not JSON: {error}").into()
                            });
                        }
                        Ok(text) if status == StatusCode::NOT_FOUND => {
                            return Err(Failure::NotFound(self.not_found(&refusal(status, &text))));
                        }
                        Ok(text) if !is_retryable(status) => return Err(refusal(status, &text).into()),
                        Ok(text) => (refusal(status, &text), retry_after),
                        Err(error) => (error.to_string(), None),
                    }
                }
                Err(error) => (with_causes(&error.without_url()), None),
            };
            let (message, retry_after) = failure;
            if attempt == ATTEMPTS {
                let host = self.models.host_str().unwrap_or_default();
                return Err(format!("{host}: {message} (after {ATTEMPTS} attempts)").into());
            }
            eprintln!("{message}; trying again ({attempt} of {ATTEMPTS})");
            tokio::time::sleep(retry_after.unwrap_or(Duration::from_millis(250 << attempt))).await;
            attempt += 1;
        }
    }
}

/// The reason why a request failed.
enum Failure {
    /// The platform has no such endpoint, or no such path.
    NotFound(String),
    Other(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound(message) | Failure::Other(message) => message,
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
