//! How the model behind an endpoint behaves, by what tests said about it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::turns::Turns;
use crate::pace::Pace;
use crate::reply::Reply;

pub(crate) type Function = dyn Fn(Value) -> Result<Value, String> + Send + Sync;

/// What becomes of a call.
#[derive(Clone)]
pub(crate) enum Outcome {
    Reply(Arc<Function>),
    Fail(Reply),
}

/// The states of a request, one at a time as it is asked for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// What it says while it waits.
    pub(crate) positions: Vec<u32>,
    /// How often it says that it runs; at least once for each line.
    pub(crate) running: usize,
    pub(crate) lines: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Behaviours(Mutex<HashMap<String, Said>>);

/// All that was said about an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) steps: Option<Steps>,
    pub(crate) pace: Option<Pace>,
    pub(crate) outcomes: Turns<Outcome>,
    /// Whether what runs goes on after a cancel.
    pub(crate) ignores_cancel: bool,
}

impl Behaviours {
    /// Whether anything was said about an endpoint.
    pub(crate) fn know(&self, endpoint: &str) -> bool {
        self.lock().contains_key(endpoint)
    }

    pub(crate) fn say(&self, endpoint: &str, change: impl FnOnce(&mut Said)) {
        change(self.lock().entry(endpoint.to_owned()).or_default());
    }

    /// How calls of an endpoint go, as far as it was said.
    pub(crate) fn course(&self, endpoint: &str) -> (Option<Steps>, Option<Pace>) {
        self.lock().get(endpoint).map(|said| (said.steps.clone(), said.pace)).unwrap_or_default()
    }

    /// What becomes of the next call of an endpoint; `None`: an output is made up.
    pub(crate) fn outcome(&self, endpoint: &str) -> Option<Outcome> {
        self.lock().get_mut(endpoint)?.outcomes.next(|_| true).cloned()
    }

    pub(crate) fn ignores_cancel(&self, endpoint: &str) -> bool {
        self.lock().get(endpoint).is_some_and(|said| said.ignores_cancel)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(_) => out.write_str("Reply"),
            Self::Fail(reply) => out.debug_tuple("Fail").field(&reply.status).finish(),
        }
    }
}
