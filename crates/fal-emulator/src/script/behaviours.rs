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
pub(crate) struct Behaviours(Mutex<HashMap<String, Behaviour>>);

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
    /// Returns true if the endpoint has a script.
    pub(crate) fn contains(&self, endpoint: &str) -> bool {
        lock(&self.0).contains_key(endpoint)
    }

    /// Changes the behaviour of an endpoint, which is created on first use.
    pub(crate) fn update(&self, endpoint: &str, change: impl FnOnce(&mut Behaviour)) {
        change(lock(&self.0).entry(endpoint.to_owned()).or_default());
    }

    pub(crate) fn steps(&self, endpoint: &str) -> Option<PollSteps> {
        lock(&self.0).get(endpoint)?.steps.clone()
    }

    pub(crate) fn pace(&self, endpoint: &str) -> Option<Pace> {
        lock(&self.0).get(endpoint)?.pace
    }

    /// Uses the next outcome of an endpoint. `None` means that an output is synthesized.
    pub(crate) fn take_outcome(&self, endpoint: &str) -> Option<Outcome> {
        lock(&self.0).get_mut(endpoint)?.outcomes.use_next(|_| true).cloned()
    }

    pub(crate) fn ignores_cancel(&self, endpoint: &str) -> bool {
        lock(&self.0).get(endpoint).is_some_and(|behaviour| behaviour.ignores_cancel)
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
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
