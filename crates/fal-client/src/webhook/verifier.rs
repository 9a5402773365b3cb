//! Telling fal's deliveries from everybody else's.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Delivery, Rejection,
    guard::Guard,
    keyring::{Freshness, Keyring},
    keys::Keys,
    message::Claims,
};
use crate::{Client, Result};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells fal's deliveries from everybody else's. Cloning is cheap and shares keys and memory.
///
/// A delivery is taken when all of this holds, in the order in which it is looked at; otherwise the error
/// says which [`Rejection`] it is:
///
/// - its body is not larger than [`max_body`](Self::max_body);
/// - the four `X-Fal-Webhook-` headers are there, once each, and well-formed;
/// - it was signed within [`tolerance`](Self::tolerance) of now;
/// - an Ed25519 key of fal's key set signed the headers and the body as they came;
/// - with [`remember`](Self::remember), its request was not handled yet.
///
/// The keys are fetched from `rest.fal.ai/.well-known/jwks.json` when the first delivery comes, without the
/// API key, and kept for 24 hours. A signature by no known key makes them be fetched again, because fal may
/// have a new one; but not more often than every [`refetch_after`](Self::refetch_after), whatever comes.
#[derive(Clone)]
pub struct Verifier {
    keyring: Arc<Keyring>,
    freshness: Freshness,
    tolerance: Duration,
    max_body: usize,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    guard: Option<Arc<Guard>>,
}

impl Verifier {
    /// With the keys of the service that `client` is configured for. Nothing is sent yet.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with(Keyring::fetched(client.clone()))
    }

    /// With these keys for ever, where nothing can be fetched: a JSON Web Key Set, such as
    /// `{"keys":[{"x":"…"}]}`.
    ///
    /// # Errors
    ///
    /// `Decode` when it is not such a set, or one without an Ed25519 key.
    pub fn from_jwks(json: impl AsRef<[u8]>) -> Result<Self> {
        Ok(Self::with(Keyring::Fixed(Arc::new(Keys::read(json.as_ref())?))))
    }

    fn with(keyring: Keyring) -> Self {
        Self {
            keyring: Arc::new(keyring),
            freshness: Freshness { keep_for: DAY, refetch_after: Duration::from_secs(60) },
            tolerance: Duration::from_secs(300),
            max_body: 64 << 20,
            clock: Arc::new(SystemTime::now),
            guard: None,
        }
    }

    /// How far the time of signing may be from now, in either direction; 300 s by default, as fal says.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The largest body that is looked at, in bytes; 64 MiB by default. Outputs can hold whole pictures as
    /// `data:` URLs.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long fetched keys are used; 24 hours by default and at most, as fal says.
    #[must_use]
    pub fn keep_keys_for(mut self, time: Duration) -> Self {
        self.freshness.keep_for = time.min(DAY);
        self
    }

    /// How long at least there is between two fetches of the keys; 60 s by default. A delivery that is
    /// signed with a new key within this time of a fetch is refused, and comes again.
    #[must_use]
    pub fn refetch_after(mut self, time: Duration) -> Self {
        self.freshness.refetch_after = time;
        self
    }

    /// Takes the time from this clock, for tests.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Remembers the last so many requests that were [acknowledged](Delivery::acknowledge), to refuse them
    /// when they are delivered again. Off by default.
    ///
    /// The memory is this process's own. Where several serve, keep request ids in a database instead.
    #[must_use]
    pub fn remember(mut self, requests: usize) -> Self {
        self.guard = Some(Arc::new(Guard::new(requests)));
        self
    }

    /// Takes a delivery: its headers, and its body exactly as it came.
    ///
    /// # Errors
    ///
    /// `Webhook` with the [`Rejection`]; `Transport` when the keys cannot be had; `Decode` when what fal
    /// signed cannot be read. [`status_of`](super::status_of) says what to answer.
    pub async fn verify(&self, headers: &HeaderMap, body: impl Into<Bytes>) -> Result<Delivery> {
        let claims = self.check(headers)?;
        self.verify_body(claims, body.into()).await
    }

    /// As [`verify`](Self::verify), of a whole request. Its method and URL are not looked at.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn verify_request(&self, request: http::Request<impl Into<Bytes>>) -> Result<Delivery> {
        let (parts, body) = request.into_parts();
        self.verify(&parts.headers, body).await
    }

    /// What can be told before the body is read.
    pub(super) fn check<'a>(&self, headers: &'a HeaderMap) -> Result<Claims<'a>> {
        let claims = Claims::read(headers)?;
        claims.check_time((self.clock)(), self.tolerance)?;
        Ok(claims)
    }

    pub(super) async fn verify_body(&self, claims: Claims<'_>, body: Bytes) -> Result<Delivery> {
        if body.len() > self.max_body {
            return Err(Rejection::TooLarge(self.max_body).into());
        }
        let (message, now) = (claims.message(&body), (self.clock)());
        let keys = self.keyring.keys(now, self.freshness).await?;
        if !keys.verify(&message, &claims.signature) {
            let others = self.keyring.others(&keys, now, self.freshness).await;
            if !others.is_some_and(|others| others.verify(&message, &claims.signature)) {
                return Err(Rejection::BadSignature.into());
            }
        }
        let claim = self.guard.as_ref().map(|guard| guard.claim(claims.request_id)).transpose()?;
        Delivery::read(&claims, body, claim)
    }

    #[cfg(feature = "axum")]
    pub(super) fn body_limit(&self) -> usize {
        self.max_body
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Verifier");
        match &*self.keyring {
            Keyring::Fixed(keys) => debug.field("keys", &keys.len()),
            Keyring::Fetched(_) => debug.field("freshness", &self.freshness),
        };
        debug
            .field("tolerance", &self.tolerance)
            .field("max_body", &self.max_body)
            .field("remembers", &self.guard.is_some())
            .finish_non_exhaustive()
    }
}
