//! The source of the keys: fixed, or fetched and kept for a while.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use http::Method;
use url::Url;

use super::keys::Keys;
use crate::{
    Client, Error, ErrorKind, Result, Retry, hosts::join, retry::RetryClass, sync::lock, transport::Request,
};

/// The time that fetching the keys may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The time after a failed fetch before the next one.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

pub(super) enum Keyring {
    Fixed(Arc<Keys>),
    Fetched(Fetched),
}

/// The limits for the age of keys and for the frequency of fetches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    /// The age beyond which keys are not used.
    pub(super) keep_for: Duration,
    /// The least time between two fetches for a signature by an unknown key.
    pub(super) refetch_after: Duration,
}

pub(super) struct Fetched {
    client: Client,
    url: Url,
    state: Mutex<State>,
    /// Held while the keys are fetched, so that concurrent deliveries share one fetch.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<Keys>, SystemTime)>,
    /// The time of the last fetch, and its error if it failed.
    last_fetch: Option<(SystemTime, Option<String>)>,
}

impl Keyring {
    pub(super) fn fetched(client: Client) -> Self {
        let url = join(&client.hosts().rest, [".well-known", "jwks.json"]);
        Self::Fetched(Fetched {
            client,
            url,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the keys, and fetches them if there are none that are fresh.
    pub(super) async fn keys(&self, now: SystemTime, freshness: Freshness) -> Result<Arc<Keys>> {
        match self {
            Self::Fixed(keys) => Ok(keys.clone()),
            Self::Fetched(fetched) => fetched.keys(now, freshness).await,
        }
    }

    /// Returns newer keys than `known`, which do not have the key of a signature, if there are any.
    pub(super) async fn newer_keys(
        &self,
        known: &Arc<Keys>,
        now: SystemTime,
        freshness: Freshness,
    ) -> Option<Arc<Keys>> {
        match self {
            Self::Fixed(_) => None,
            Self::Fetched(fetched) => fetched.newer_keys(known, now, freshness).await,
        }
    }
}

impl Fetched {
    async fn keys(&self, now: SystemTime, freshness: Freshness) -> Result<Arc<Keys>> {
        if let Some(keys) = self.fresh_keys(now, freshness) {
            return Ok(keys);
        }
        let _one_at_a_time = self.fetching.lock().await;
        match (self.fresh_keys(now, freshness), self.fetch_denial(now, freshness)) {
            (Some(keys), _) => Ok(keys),
            (None, Some(why)) => Err(Error::new(ErrorKind::Transport, why)),
            (None, None) => self.fetch(now).await,
        }
    }

    async fn newer_keys(
        &self,
        known: &Arc<Keys>,
        now: SystemTime,
        freshness: Freshness,
    ) -> Option<Arc<Keys>> {
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(keys) = self.fresh_keys(now, freshness)
            && !Arc::ptr_eq(&keys, known)
        {
            return Some(keys);
        }
        if self.fetch_denial(now, freshness).is_some() {
            return None;
        }
        self.fetch(now).await.inspect_err(|error| tracing::warn!(%error, "webhook keys")).ok()
    }

    fn fresh_keys(&self, now: SystemTime, freshness: Freshness) -> Option<Arc<Keys>> {
        let state = lock(&self.state);
        let (keys, fetched) = state.keys.as_ref()?;
        (elapsed(*fetched, now) < freshness.keep_for).then(|| keys.clone())
    }

    /// Returns the reason for which the keys must not be fetched now, if there is one.
    fn fetch_denial(&self, now: SystemTime, freshness: Freshness) -> Option<String> {
        let state = lock(&self.state);
        let (when, failure) = state.last_fetch.as_ref()?;
        let pause = match failure {
            Some(_) => freshness.refetch_after.min(RETRY_AFTER_FAILURE),
            None => freshness.refetch_after,
        };
        let why = failure.as_deref().unwrap_or("they were fetched a moment ago");
        (elapsed(*when, now) < pause).then(|| format!("the webhook keys cannot be had: {why}"))
    }

    async fn fetch(&self, now: SystemTime) -> Result<Arc<Keys>> {
        // Recorded before the request, because a fetch that is dropped half way counts too.
        self.record_fetch(now, Some("the last attempt was given up"), None);
        // The keys are public, so the request needs no API key.
        let mut request = Request::to_anyone(Method::GET, self.url.clone(), RetryClass::Idempotent);
        request.timeout = Some(FETCH_TIMEOUT);
        request.retry = Retry::none();
        let response = self.client.0.transport.send(&request).await;
        match response.and_then(|response| Keys::parse(&response.body)) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                self.record_fetch(now, None, Some(keys.clone()));
                Ok(keys)
            }
            Err(error) => {
                self.record_fetch(now, Some(error.message()), None);
                let message = format!("the webhook keys cannot be had: {error}");
                Err(Error::new(ErrorKind::Transport, message).with_source(error))
            }
        }
    }

    fn record_fetch(&self, now: SystemTime, failure: Option<&str>, keys: Option<Arc<Keys>>) {
        let mut state = lock(&self.state);
        state.last_fetch = Some((now, failure.map(str::to_owned)));
        if let Some(keys) = keys {
            state.keys = Some((keys, now));
        }
    }
}

/// Returns the time between two instants. A clock that was set back counts as time that passed, so that it causes one
/// more fetch and not none for years.
fn elapsed(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_else(|back| back.duration())
}
