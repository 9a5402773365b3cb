//! The scripted behaviour of the models behind endpoints.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::limited_list::LimitedList;
use crate::pace::Pace;
use crate::reply::Reply;
use crate::sync::lock;

/// A function that makes an output of an input.
pub(crate) type ReplyFunction = dyn Fn(Value) -> Result<Value, String> + Send + Sync;

/// The scripted outcome of a call.
#[derive(Clone)]
pub(crate) enum Outcome {
    Reply(Arc<ReplyFunction>),
    Fail(Reply),
    /// The safety checker flags the output.
    Nsfw,
    /// A checker flags the input.
    ContentPolicyViolation,
}

/// The states of a queued request, of which each poll shows the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PollSteps {
    /// The positions that are reported while the request is queued.
    pub(crate) positions: Vec<u32>,
    /// The number of polls that report a running request; at least one for each log line.
    pub(crate) running: usize,
    pub(crate) log_lines: Vec<String>,
}

/// The scripted behaviours, by endpoint id.
#[derive(Debug, Default)]
pub(crate) struct Behaviours {
    by_endpoint: Mutex<HashMap<String, Behaviour>>,
    /// The behaviours that hold for everything that is not scripted here, in a scope.
    base: Option<Arc<Behaviours>>,
}

/// The scripted behaviour of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    pub(crate) steps: Option<PollSteps>,
    pub(crate) pace: Option<Pace>,
    pub(crate) outcomes: LimitedList<Outcome>,
    /// `true` if a running request goes on after a cancellation.
    pub(crate) ignores_cancel: bool,
}

impl Behaviours {
    /// Creates the behaviours of a scope, above those that hold everywhere.
    pub(crate) fn above(base: &Arc<Self>) -> Self {
        Self { by_endpoint: Mutex::default(), base: Some(Arc::clone(base)) }
    }

    /// Returns true if the endpoint has a script.
    pub(crate) fn contains(&self, endpoint: &str) -> bool {
        self.find(endpoint, |_| Some(())).is_some()
    }

    /// Changes the behaviour of an endpoint, which is created on first use.
    pub(crate) fn update(&self, endpoint: &str, change: impl FnOnce(&mut Behaviour)) {
        change(lock(&self.by_endpoint).entry(endpoint.to_owned()).or_default());
    }

    pub(crate) fn steps(&self, endpoint: &str) -> Option<PollSteps> {
        self.find(endpoint, |behaviour| behaviour.steps.clone())
    }

    pub(crate) fn pace(&self, endpoint: &str) -> Option<Pace> {
        self.find(endpoint, |behaviour| behaviour.pace)
    }

    /// Uses the next outcome of an endpoint. `None` means that an output is synthesized.
    pub(crate) fn take_outcome(&self, endpoint: &str) -> Option<Outcome> {
        self.find(endpoint, |behaviour| behaviour.outcomes.use_next(|_| true).cloned())
    }

    pub(crate) fn ignores_cancel(&self, endpoint: &str) -> bool {
        self.find(endpoint, |behaviour| behaviour.ignores_cancel.then_some(())).is_some()
    }

    pub(crate) fn clear(&self) {
        lock(&self.by_endpoint).clear();
    }

    /// Returns what `get` finds in the script of an endpoint, or else in that of the base.
    fn find<T>(&self, endpoint: &str, get: impl Fn(&mut Behaviour) -> Option<T>) -> Option<T> {
        let levels = [Some(self), self.base.as_deref()];
        levels
            .into_iter()
            .flatten()
            .find_map(|level| lock(&level.by_endpoint).get_mut(endpoint).and_then(&get))
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(_) => out.write_str("Reply"),
            Self::Fail(reply) => out.debug_tuple("Fail").field(&reply.status).finish(),
            Self::Nsfw => out.write_str("Nsfw"),
            Self::ContentPolicyViolation => out.write_str("ContentPolicyViolation"),
        }
    }
}
