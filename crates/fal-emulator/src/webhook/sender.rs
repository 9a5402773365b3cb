//! Delivery of webhooks, with retries.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::delivery::Delivery;
use super::delivery_log::DeliveryLog;
use super::signing_keys::SigningKeys;
use crate::clock::Clock;
use crate::reply::Reply;
use crate::sync::lock;
use crate::unknown_models::WarningLog;

/// The account that deliveries are signed for.
const USER_ID: &str = "fal-emulator|1";
/// The time that a receiver has to answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The longest URL that a warning repeats, in characters.
const MAX_URL: usize = 200;

/// Sends signed deliveries as fal does, to programs that receive webhooks. Every emulator has one; a tool that delivers by itself
/// creates one with a key of its own.
///
/// ```no_run
/// # async fn example(seed: [u8; 32]) -> Result<(), fal_emulator::Error> {
/// use fal_emulator::WebhookSender;
/// use serde_json::json;
///
/// let sender = WebhookSender::with_seed(&seed);
/// println!("verify with {}", sender.key_set());
/// let body = WebhookSender::body("a-request-id", 200, &json!({"images": []}));
/// let delivery = sender.send("a-request-id", "http://127.0.0.1:3000/hook", body.to_string()).await;
/// assert!(delivery.is_accepted());
/// # Ok(())
/// # }
/// ```
pub struct WebhookSender {
    pub(crate) keys: Arc<SigningKeys>,
    /// The pause before each further attempt.
    retry_delays: Vec<Duration>,
    deliveries: DeliveryLog,
    /// The number of deliveries that are still to be sent twice.
    duplicates: Arc<Mutex<u32>>,
    /// The HTTP client, which is created when it is first needed.
    http: Arc<OnceLock<Result<reqwest::Client, String>>>,
    /// The function that gets a line for each failed delivery.
    log: Option<WarningLog>,
}

impl WebhookSender {
    /// Creates a sender that signs with the key of a seed, which must be secret.
    #[must_use]
    pub fn with_seed(seed: &[u8; 32]) -> Self {
        Self { keys: Arc::new(SigningKeys::with_seed(seed)), ..Self::new(Vec::new(), None) }
    }

    /// Returns the public keys as a JSON Web Key Set, by which receivers verify deliveries.
    #[must_use]
    pub fn key_set(&self) -> Value {
        self.keys.to_jwks()
    }

    /// Returns the body of the delivery of a completed request, whose result came with this status.
    #[must_use]
    pub fn body(request_id: &str, status: u16, result: &Value) -> Value {
        let mut body = json!({"request_id": request_id, "gateway_request_id": request_id, "payload": result});
        if (200..300).contains(&status) {
            body["status"] = json!("OK");
        } else {
            body["status"] = json!("ERROR");
            body["error"] = json!(format!("Invalid status code: {status}"));
        }
        body
    }

    /// Signs a delivery and sends it once. The receiver has 15 s to answer; redirects are not followed.
    pub async fn send(&self, request_id: &str, url: &str, body: impl Into<Bytes>) -> Delivery {
        self.attempt(request_id, url, 1, body.into()).await
    }

    pub(crate) fn new(retry_delays: Vec<Duration>, log: Option<WarningLog>) -> Self {
        Self {
            keys: Arc::new(SigningKeys::new()),
            retry_delays,
            deliveries: DeliveryLog::new(),
            duplicates: Arc::default(),
            http: Arc::default(),
            log,
        }
    }

    /// Creates the sender of a scope. It has the keys of this one, and a list of its own attempts.
    pub(crate) fn in_scope(&self, name: &str) -> Self {
        Self {
            keys: Arc::clone(&self.keys),
            retry_delays: self.retry_delays.clone(),
            deliveries: self.deliveries.in_scope(name),
            duplicates: Arc::clone(&self.duplicates),
            http: Arc::clone(&self.http),
            log: self.log.clone(),
        }
    }

    /// Returns the pauses of ten further attempts within two hours, each twice as long as the one before.
    pub(crate) fn default_retry_delays() -> Vec<Duration> {
        (0..10).map(|attempt| Duration::from_secs(7 << attempt)).collect()
    }

    /// Returns the latest attempts to deliver, in order.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.filtered(|_| true)
    }

    /// Waits until there are `count` attempts that `matches` accepts, at most until `deadline`. Returns those that it accepts.
    pub(crate) async fn wait_for_count(
        &self,
        count: usize,
        deadline: Instant,
        matches: impl Fn(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        self.deliveries.wait_for_count(count, deadline, matches).await
    }

    /// Calls a function with the number and each of the latest `most` attempts, the latest first. Returns the results and
    /// the number of attempts so far.
    pub(crate) fn map_latest<T>(&self, most: usize, make: impl Fn(u64, &Delivery) -> T) -> (Vec<T>, u64) {
        self.deliveries.map_latest(most, make)
    }

    /// Returns the attempt with this number, if it is still kept.
    pub(crate) fn delivery(&self, number: u64) -> Option<Delivery> {
        self.deliveries.get(number)
    }

    /// Forgets the attempts so far.
    pub(crate) fn clear(&self) {
        self.deliveries.clear();
    }

    pub(super) fn duplicate_next(&self) {
        *lock(&self.duplicates) += 1;
    }

    /// Delivers the result of a completed request until the receiver accepts it or no attempt is left.
    pub(crate) async fn deliver(&self, clock: &Clock, request_id: &str, url: &str, result: &Reply) {
        let body = Bytes::from(Self::body(request_id, result.status.as_u16(), &result.body).to_string());
        let mut delays = self.retry_delays.iter();
        for attempt in 1.. {
            let delivery = self.attempt(request_id, url, attempt, body.clone()).await;
            let (is_accepted, is_retryable) = (delivery.is_accepted(), delivery.is_retryable());
            let delay = if is_retryable { delays.next() } else { None };
            if !is_accepted {
                self.report_failure(&delivery, delay.copied());
            }
            self.deliveries.add(delivery);
            if is_accepted && self.take_duplicate() {
                let delivery = self.attempt(request_id, url, attempt + 1, body).await;
                self.deliveries.add(delivery);
                return;
            }
            let Some(delay) = delay else {
                return;
            };
            clock.sleep(*delay).await;
        }
    }

    /// Tells the user of a failed delivery and of the next attempt.
    fn report_failure(&self, delivery: &Delivery, delay: Option<Duration>) {
        let Delivery { request_id, attempt, .. } = delivery;
        // A receiver may be known by a secret in its query, and control characters would reach the terminal.
        let url = delivery.url.split(['?', '#']).next().unwrap_or_default();
        let url: String = url.chars().filter(|letter| !letter.is_control()).take(MAX_URL).collect();
        let reason = match &delivery.outcome {
            Ok(status) => format!("it answered {status}"),
            Err(error) => error.clone(),
        };
        let next = match delay {
            Some(delay) => format!("the next attempt follows in {} s", delay.as_secs_f64()),
            None => "no attempt is left".to_owned(),
        };
        let line = format!(
            "the webhook of request {request_id} was not delivered to {url} at attempt {attempt}: {reason}; {next}"
        );
        match &self.log {
            Some(log) => log(&line),
            None => tracing::warn!("{line}"),
        }
    }

    async fn attempt(&self, request_id: &str, url: &str, attempt: u32, body: Bytes) -> Delivery {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-fal-webhook-request-id", request_id.to_owned()),
            ("x-fal-webhook-user-id", USER_ID.to_owned()),
            ("x-fal-webhook-timestamp", timestamp.to_string()),
            ("x-fal-webhook-signature", self.keys.sign(request_id, USER_ID, timestamp, &body)),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let outcome = self.post(url, &headers, body.clone()).await;
        Delivery {
            request_id: request_id.to_owned(),
            url: url.to_owned(),
            attempt,
            headers: headers.to_vec(),
            body: body.to_vec(),
            outcome,
            scope: None,
        }
    }

    /// Sends a delivery that is signed already, and returns the status that the receiver answered with.
    ///
    /// # Errors
    ///
    /// Returns a message if the URL has another scheme than `http` or `https`, or if there was no answer within 15 s.
    pub async fn post(&self, url: &str, headers: &[(String, String)], body: Bytes) -> Result<u16, String> {
        let client = self.http.get_or_init(|| http_client().map_err(|error| error.to_string()));
        let url = reqwest::Url::parse(url).map_err(|error| format!("it is no URL: {error}"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err("the URL has to start with http:// or https://".to_owned());
        }
        let mut request = client.as_ref().map_err(Clone::clone)?.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(response) => Ok(response.status().as_u16()),
            // The delivery names the URL.
            Err(error) => Err(error_chain(&error.without_url())),
        }
    }

    fn take_duplicate(&self) -> bool {
        let mut duplicates = lock(&self.duplicates);
        let any = *duplicates > 0;
        *duplicates = duplicates.saturating_sub(1);
        any
    }
}

fn http_client() -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    use rustls_platform_verifier::BuilderVerifierExt as _;

    // An explicit provider: a library should not install one for the whole process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // A container without certificates can still receive webhooks over plain HTTP.
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

/// Formats an error and its causes in one line.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

impl std::fmt::Debug for WebhookSender {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WebhookSender").finish_non_exhaustive()
    }
}
