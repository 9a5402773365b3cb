//! The scripts of tests: the behaviour of endpoints, rules about single requests, and the received requests.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::endpoint_id;
use crate::history::{HistoryScript, HistorySettings};
use crate::net::Gate;

mod account_script;
mod behaviours;
mod effect;
mod endpoint_script;
mod har;
mod json_parts;
mod limited_list;
mod recorded_response;
mod recorder;
mod request;
mod request_file;
mod request_filter;
mod request_kind;
mod response;
mod response_recording;
mod rule;

pub use effect::{FaultPoint, RealtimeFault};
pub use endpoint_script::Script;
pub use recorded_response::RecordedResponse;
pub use request::Request;
pub use request_kind::RequestKind;
pub use response::ResponseTemplate;
pub use rule::Rule;

pub(crate) use account_script::{AccountScript, EXHAUSTED_BALANCE, too_many_requests};
pub(crate) use behaviours::{Behaviours, Outcome, PollSteps};
pub(crate) use effect::{Effect, Interruption, InterruptionAction};
pub(crate) use har::to_har;
pub(crate) use recorder::{MAX_REQUESTS, RequestRecorder};
pub(crate) use request_file::RequestFile;
pub(crate) use request_filter::RequestFilter;
pub(crate) use request_kind::{Target, classify};
pub(crate) use rule::{RequestPattern, Rules};

/// Everything that a test may script, and the requests that it may inspect.
pub(crate) struct Scripts {
    pub(crate) behaviours: Arc<Behaviours>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) account: Arc<AccountScript>,
    pub(crate) recorder: RequestRecorder,
    /// Refuses connections before a byte of them is read.
    pub(crate) gate: Arc<Gate>,
    /// The list of past requests.
    pub(crate) history: HistoryScript,
}

impl Scripts {
    /// Creates an empty set of scripts. Each received request is also written to `request_file`.
    pub(crate) fn new(request_file: Option<RequestFile>, history: HistorySettings) -> Self {
        Self {
            behaviours: Arc::default(),
            rules: Arc::default(),
            account: Arc::default(),
            recorder: RequestRecorder::new(request_file),
            gate: Arc::default(),
            history: HistoryScript::new(history),
        }
    }

    /// Creates the scripts of a scope, which come before these.
    pub(crate) fn in_scope(&self, name: &str) -> Self {
        Self {
            behaviours: Arc::new(Behaviours::above(&self.behaviours)),
            rules: Arc::new(Rules::above(&self.rules)),
            account: Arc::new(AccountScript::above(&self.account)),
            recorder: self.recorder.in_scope(name),
            // Connections belong to no scope.
            gate: Arc::default(),
            history: self.history.fresh(),
        }
    }

    /// Returns a handle that changes the behaviour of an endpoint.
    pub(crate) fn endpoint<I: DeserializeOwned + 'static>(&self, id: &str) -> Script<I> {
        Script::new(endpoint_id::canonical(id), Arc::clone(&self.behaviours), Arc::clone(&self.rules))
    }

    /// Removes all behaviours, rules, failures of the account and recorded requests, and lets all connections through. The list
    /// of past requests has its initial settings again.
    pub(crate) fn reset(&self) {
        self.behaviours.clear();
        self.rules.clear();
        self.account.reset();
        self.recorder.clear();
        self.gate.refuse(0);
        self.history.reset();
    }
}
