//! Where the keys come from: given once, or fetched and kept for a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use http::Method;
use url::Url;

use super::keys::Keys;
use crate::{Client, Error, ErrorKind, Result, Retry, hosts::join, retry::RetryClass, transport::Request};

/// How long a fetch of the keys may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a fetch that failed, the next delivery may try again this soon.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

pub(super) enum Keyring {
    Fixed(Arc<Keys>),
    Fetched(Fetched),
}

/// When keys are fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    /// Keys that are older are not used.
    pub(super) keep_for: Duration,
    /// An unknown key makes the set be fetched again, no sooner than this after the last time.
    pub(super) refetch_after: Duration,
}

pub(super) struct Fetched {
    client: Client,
    url: Url,
    state: Mutex<State>,
    /// Held while fetching, so that all who wait share one fetch.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<Keys>, SystemTime)>,
    /// When keys were last asked for, and why that failed if it did.
    last: Option<(SystemTime, Option<String>)>,
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

    /// The keys in use.
    pub(super) async fn keys(&self, now: SystemTime, freshness: Freshness) -> Result<Arc<Keys>> {
        match self {
            Self::Fixed(keys) => Ok(keys.clone()),
            Self::Fetched(fetched) => fetched.keys(now, freshness).await,
        }
    }

    /// Other keys than `known`, which do not hold the one that is looked for.
    pub(super) async fn others(
        &self,
        known: &Arc<Keys>,
        now: SystemTime,
        freshness: Freshness,
    ) -> Option<Arc<Keys>> {
        match self {
            Self::Fixed(_) => None,
            Self::Fetched(fetched) => fetched.others(known, now, freshness).await,
        }
    }
}

impl Fetched {
    async fn keys(&self, now: SystemTime, freshness: Freshness) -> Result<Arc<Keys>> {
        if let Some(keys) = self.kept(now, freshness) {
            return Ok(keys);
        }
        let _one_at_a_time = self.fetching.lock().await;
        match (self.kept(now, freshness), self.refusal(now, freshness)) {
            (Some(keys), _) => Ok(keys),
            (None, Some(why)) => Err(Error::new(ErrorKind::Transport, why)),
            (None, None) => self.fetch(now).await,
        }
    }

    async fn others(&self, known: &Arc<Keys>, now: SystemTime, freshness: Freshness) -> Option<Arc<Keys>> {
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(keys) = self.kept(now, freshness)
            && !Arc::ptr_eq(&keys, known)
        {
            return Some(keys);
        }
        if self.refusal(now, freshness).is_some() {
            return None;
        }
        self.fetch(now).await.inspect_err(|error| tracing::warn!(%error, "webhook keys")).ok()
    }

    fn kept(&self, now: SystemTime, freshness: Freshness) -> Option<Arc<Keys>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (keys, fetched) = state.keys.as_ref()?;
        (between(*fetched, now) < freshness.keep_for).then(|| keys.clone())
    }

    /// Why keys must not be asked for at this moment, if so.
    fn refusal(&self, now: SystemTime, freshness: Freshness) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, failure) = state.last.as_ref()?;
        let pause = match failure {
            Some(_) => freshness.refetch_after.min(AFTER_FAILURE),
            None => freshness.refetch_after,
        };
        let why = failure.as_deref().unwrap_or("they were fetched a moment ago");
        (between(*when, now) < pause).then(|| format!("the webhook keys cannot be had: {why}"))
    }

    async fn fetch(&self, now: SystemTime) -> Result<Arc<Keys>> {
        // Before the request: a caller that gives up half way has asked all the same.
        self.note(now, Some("the last attempt was given up"), None);
        // Anyone may read the keys, so nobody has to be told who asks.
        let mut request = Request::to_anyone(Method::GET, self.url.clone(), RetryClass::Idempotent);
        request.timeout = Some(PATIENCE);
        request.retry = Retry::none();
        let answer = self.client.0.transport.send(&request).await;
        match answer.and_then(|answer| Keys::read(&answer.body)) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                self.note(now, None, Some(keys.clone()));
                Ok(keys)
            }
            Err(error) => {
                self.note(now, Some(error.message()), None);
                let message = format!("the webhook keys cannot be had: {error}");
                Err(Error::new(ErrorKind::Transport, message).with_source(error))
            }
        }
    }

    fn note(&self, now: SystemTime, failure: Option<&str>, keys: Option<Arc<Keys>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = Some((now, failure.map(str::to_owned)));
        if let Some(keys) = keys {
            state.keys = Some((keys, now));
        }
    }
}

/// A clock that was set back counts as time that passed: better one fetch too many than none for years.
fn between(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_else(|back| back.duration())
}
