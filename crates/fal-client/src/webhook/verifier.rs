//! Verification of deliveries.

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

/// A verifier of deliveries. Cloning is cheap, and clones share keys and memory.
///
/// A delivery is accepted if all of these conditions hold. They are checked in this order, and the error has the
/// [`Rejection`] of the first that does not:
///
/// - its body is not larger than [`max_body`](Self::max_body);
/// - the four `X-Fal-Webhook-` headers occur once each and are well-formed;
/// - it was signed within [`tolerance`](Self::tolerance) of now;
/// - an Ed25519 key of fal's key set signed the headers and the body;
/// - with [`remember`](Self::remember), its request was not handled before.
///
/// The keys are fetched from `rest.fal.ai/.well-known/jwks.json` for the first delivery, without the API key, and kept
/// for 24 hours. A signature by an unknown key fetches them again, because fal may have a new one, but at most once every
/// [`refetch_after`](Self::refetch_after).
#[doc(alias("signature", "jwks", "X-Fal-Webhook-Signature"))]
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
    /// Creates a verifier with the keys of the service that `client` is configured for. Sends nothing yet.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_keyring(Keyring::fetched(client.clone()))
    }

    /// Creates a verifier with fixed keys, for a server that cannot fetch them. `json` is a JSON Web Key Set, such as
    /// `{"keys":[{"x":"…"}]}`.
    ///
    /// # Errors
    ///
    /// `Decode` if it is not such a set, or has no Ed25519 key.
    pub fn from_jwks(json: impl AsRef<[u8]>) -> Result<Self> {
        Ok(Self::with_keyring(Keyring::Fixed(Arc::new(Keys::parse(json.as_ref())?))))
    }

    fn with_keyring(keyring: Keyring) -> Self {
        Self {
            keyring: Arc::new(keyring),
            freshness: Freshness { keep_for: DAY, refetch_after: Duration::from_secs(60) },
            tolerance: Duration::from_secs(300),
            max_body: 64 << 20,
            clock: Arc::new(SystemTime::now),
            guard: None,
        }
    }

    /// Sets the largest time between the signature and now, in either direction. 300 s by default, as fal recommends.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest size of a body, in bytes. 64 MiB by default, because outputs can contain images as `data:` URLs.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the time for which fetched keys are used. 24 hours by default and at most, as fal recommends.
    #[must_use]
    pub fn keep_keys_for(mut self, time: Duration) -> Self {
        self.freshness.keep_for = time.min(DAY);
        self
    }

    /// Sets the least time between two fetches of the keys. 60 s by default.
    ///
    /// Within this time after a fetch, a delivery that is signed with a new key is rejected, and fal delivers it again.
    #[must_use]
    pub fn refetch_after(mut self, time: Duration) -> Self {
        self.freshness.refetch_after = time;
        self
    }

    /// Replaces the system clock, for tests.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Remembers the last requests that were [acknowledged](Delivery::acknowledge), up to this number, and rejects further
    /// deliveries of them. Off by default.
    ///
    /// The memory belongs to this process. If several processes receive deliveries, store the request ids in a database
    /// instead.
    #[must_use]
    pub fn remember(mut self, requests: usize) -> Self {
        self.guard = Some(Arc::new(Guard::new(requests)));
        self
    }

    /// Verifies a delivery, given its headers and its unchanged body.
    ///
    /// # Errors
    ///
    /// `Webhook` with the [`Rejection`]; `Transport` if the keys cannot be fetched; `Decode` if the signed body cannot be
    /// decoded. [`response_status`](super::response_status) returns the status to respond with.
    pub async fn verify(&self, headers: &HeaderMap, body: impl Into<Bytes>) -> Result<Delivery> {
        let claims = self.check_headers(headers)?;
        self.verify_body(claims, body.into()).await
    }

    /// Verifies a delivery, given a whole request. Its method and URL are ignored.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub async fn verify_request(&self, request: http::Request<impl Into<Bytes>>) -> Result<Delivery> {
        let (parts, body) = request.into_parts();
        self.verify(&parts.headers, body).await
    }

    /// Checks everything that can be checked without the body.
    pub(super) fn check_headers<'a>(&self, headers: &'a HeaderMap) -> Result<Claims<'a>> {
        let claims = Claims::parse(headers)?;
        claims.check_time((self.clock)(), self.tolerance)?;
        Ok(claims)
    }

    pub(super) async fn verify_body(&self, claims: Claims<'_>, body: Bytes) -> Result<Delivery> {
        if body.len() > self.max_body {
            return Err(Rejection::TooLarge(self.max_body).into());
        }
        let (message, now) = (claims.signed_message(&body), (self.clock)());
        let keys = self.keyring.keys(now, self.freshness).await?;
        if !keys.verify(&message, &claims.signature) {
            let newer = self.keyring.newer_keys(&keys, now, self.freshness).await;
            if !newer.is_some_and(|newer| newer.verify(&message, &claims.signature)) {
                return Err(Rejection::BadSignature.into());
            }
        }
        let claim = self.guard.as_ref().map(|guard| guard.claim(claims.request_id)).transpose()?;
        Delivery::parse_body(&claims, body, claim)
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
