//! Announcing that a request is completed, until the receiver takes it.

use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Hooks, TIMEOUT, USER};
use crate::app::App;
use crate::queue::Job;
use crate::reply::Reply;

/// One attempt to deliver.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The request that is announced.
    pub request_id: String,
    /// Where it was sent.
    pub url: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The headers that were sent, signature included.
    pub headers: Vec<(String, String)>,
    /// The JSON that was sent.
    pub body: Vec<u8>,
    /// The receiver's status, or why there is none.
    pub outcome: Result<u16, String>,
}

impl Delivery {
    /// Whether the receiver took it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|status| (200..300).contains(status))
    }

    /// Whether another attempt may go better. A redirect is not followed, and not tried again.
    fn may_be_retried(&self) -> bool {
        !self.is_taken() && self.outcome.as_ref().map_or(true, |status| !(300..400).contains(status))
    }
}

/// The client, made when it is first needed.
#[derive(Default)]
pub(super) struct Http(OnceLock<Result<reqwest::Client, String>>);

impl Http {
    fn client(&self) -> Result<&reqwest::Client, String> {
        self.0.get_or_init(|| client().map_err(|error| error.to_string())).as_ref().map_err(Clone::clone)
    }
}

/// rustls is handed its provider, so that none has to be installed for the whole process.
fn client() -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    use rustls_platform_verifier::BuilderVerifierExt as _;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // A container without certificates can still be told about completions over plain HTTP.
    let tls = match tls.clone().with_platform_verifier() {
        Ok(tls) => tls.with_no_client_auth(),
        Err(_) => tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
    };
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .user_agent(concat!("fal-emulator/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// Delivers the reply of a completed request to `url`, in a task of its own, until it is taken or the attempts
/// are used up.
pub(crate) fn announce(app: Arc<App>, job: Arc<Job>, url: String, reply: Reply) {
    tokio::spawn(async move {
        let hooks = &app.hooks;
        let body = Bytes::from(payload(&job.id, &reply).to_string());
        let mut attempt = 1;
        loop {
            let delivery = hooks.deliver(&job.id, &url, attempt, body.clone()).await;
            let (taken, again) = (delivery.is_taken(), delivery.may_be_retried());
            if let Err(error) = &delivery.outcome {
                tracing::warn!(url, request = job.id, attempt, error, "a webhook was not delivered");
            }
            hooks.note(delivery);
            if taken && hooks.is_to_be_doubled() {
                let delivery = hooks.deliver(&job.id, &url, attempt + 1, body).await;
                hooks.note(delivery);
                return;
            }
            let pause = hooks.retries.get(attempt as usize - 1).filter(|_| again);
            let Some(pause) = pause else {
                return;
            };
            app.clock.sleep(*pause).await;
            attempt += 1;
        }
    });
}

fn payload(id: &str, reply: &Reply) -> Value {
    let mut payload = json!({"request_id": id, "gateway_request_id": id, "payload": reply.body});
    if reply.status.is_success() {
        payload["status"] = json!("OK");
    } else {
        payload["status"] = json!("ERROR");
        payload["error"] = json!(format!("Invalid status code: {}", reply.status.as_u16()));
    }
    payload
}

impl Hooks {
    async fn deliver(&self, id: &str, url: &str, attempt: u32, body: Bytes) -> Delivery {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-fal-webhook-request-id", id.to_owned()),
            ("x-fal-webhook-user-id", USER.to_owned()),
            ("x-fal-webhook-timestamp", timestamp.to_string()),
            ("x-fal-webhook-signature", self.keys.sign(id, USER, timestamp, &body)),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let outcome = self.post(url, &headers, body.clone()).await;
        Delivery {
            request_id: id.to_owned(),
            url: url.to_owned(),
            attempt,
            headers: headers.to_vec(),
            body: body.to_vec(),
            outcome,
        }
    }

    async fn post(&self, url: &str, headers: &[(String, String)], body: Bytes) -> Result<u16, String> {
        let mut request = self.http.client()?.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(reply) => Ok(reply.status().as_u16()),
            Err(error) => Err(chain(&error)),
        }
    }

    fn note(&self, delivery: Delivery) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }

    fn is_to_be_doubled(&self) -> bool {
        let mut duplicates = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        let any = *duplicates > 0;
        *duplicates = duplicates.saturating_sub(1);
        any
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
