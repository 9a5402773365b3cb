//! A request at the steps of its way.

use std::time::{Duration, SystemTime};

use fal_client::{Usd, batch::JournalFailure};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error as ValueError},
};
use serde_json::{Value, json};

use crate::MediaFile;

/// A request as a worker holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) id: i64,
    pub(crate) epoch: i32,
}

/// The answer to a submit.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) id: i64,
    pub(crate) attempt: i32,
    pub(crate) token: String,
    pub(crate) request_id: String,
    pub(crate) ticket: Option<String>,
    /// The time until the first look at its status.
    pub(crate) look_in: Duration,
}

/// A request whose submit was not answered.
#[derive(Debug, Clone)]
pub(crate) struct Doubtful {
    pub(crate) held: Held,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    pub(crate) begun_at: SystemTime,
    /// The time at which the doubt was taken, by the clock of the database.
    pub(crate) taken_at: SystemTime,
}

/// Doubts of one endpoint, and the time around them.
pub(crate) struct DoubtWindow {
    pub(crate) endpoint: String,
    pub(crate) doubts: Vec<i64>,
    /// The time at which the first of them was begun.
    pub(crate) first: SystemTime,
    /// The times between which a request with the same input can be taken for one of them.
    pub(crate) from: SystemTime,
    pub(crate) until: SystemTime,
}

impl DoubtWindow {
    /// The time before the first doubt, and after the last.
    const MARGIN: Duration = Duration::from_secs(900);

    pub(crate) fn new(endpoint: &str, doubts: &[&Doubtful]) -> Self {
        let begun = || doubts.iter().map(|doubt| doubt.begun_at);
        let first = begun().min().unwrap_or_else(SystemTime::now);
        let last = begun().max().unwrap_or(first);
        Self {
            endpoint: endpoint.to_owned(),
            doubts: doubts.iter().map(|doubt| doubt.held.id).collect(),
            first,
            from: first.checked_sub(Self::MARGIN).unwrap_or(first),
            until: last.checked_add(Self::MARGIN).unwrap_or(last),
        }
    }
}

/// A request whose status is to be looked at.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) held: Held,
    pub(crate) endpoint: String,
    pub(crate) ticket: String,
    /// The time since fal accepted it.
    pub(crate) age: Duration,
    /// A webhook is expected, and the look is its backstop.
    pub(crate) has_webhook: bool,
    /// The end of the request may raise the concurrency of its account.
    pub(crate) is_adaptive: bool,
    pub(crate) traceparent: Option<String>,
}

/// A request as it is, for an engine that asks about it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) held: Held,
    pub(crate) account: String,
    pub(crate) is_reconciled: bool,
    pub(crate) state: State,
    /// The time until its next step.
    pub(crate) due_in: Duration,
    pub(crate) request_id: Option<String>,
    pub(crate) output: Option<String>,
    /// The reason of a failure.
    pub(crate) message: Option<String>,
}

/// A verified delivery, with the parts of its URL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered<'a> {
    pub(crate) batch: &'a str,
    pub(crate) key: &'a str,
    pub(crate) token: &'a str,
    pub(crate) attempt: i32,
    pub(crate) request_id: &'a str,
}

/// The end of a request.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    /// The output as JSON text, or the failure.
    pub(crate) result: Result<String, Box<JournalFailure>>,
    pub(crate) units: Option<String>,
    /// The cost, or `None` if it is not known. A request of a batch with a budget is then charged what was reserved.
    pub(crate) cost: Option<Usd>,
    /// The failure may not repeat if the request is sent again.
    pub(crate) is_retryable: bool,
}

/// An output, with the request that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Collected {
    pub(crate) held: Held,
    pub(crate) batch: String,
    pub(crate) key: String,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) request_id: String,
    pub(crate) cost: Option<Usd>,
    pub(crate) units: Option<String>,
    pub(crate) traceparent: Option<String>,
}

/// An output that a worker may hand to its handler.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) collected: Collected,
    /// The number of this offer, from 1.
    pub(crate) offer: i32,
    /// The output is one of an earlier request, and no request was sent for it.
    pub(crate) is_reused: bool,
    /// The files of the output, if a worker has saved them.
    pub(crate) media: Vec<MediaFile>,
}

/// An output whose files are to be saved.
#[cfg(feature = "media")]
#[derive(Debug, Clone)]
pub(crate) struct Unsaved {
    pub(crate) collected: Collected,
    /// The time at which the output has arrived, such as `2026-11-27T02:00:00Z`.
    pub(crate) done_at: String,
    /// The time since the output has arrived.
    pub(crate) age: Duration,
}

/// A file of an output in a media store.
#[cfg(feature = "media")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaPlace<'a> {
    /// The location of the store.
    pub(crate) store: &'a str,
    pub(crate) held: Held,
    /// The number of the file in the output, from 0.
    pub(crate) index: i32,
}

/// Returns the two forms in which a name is compared with others: without capitals, which some file systems do not tell apart,
/// and the same as the name of a description without the file that it describes.
#[cfg(feature = "media")]
pub(super) fn fold(name: &str) -> (String, String) {
    let folded = name.to_lowercase();
    let described = folded.strip_suffix(".json").unwrap_or(&folded).to_owned();
    (folded, described)
}

/// The answer to the one who wants to upload a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TakenUpload {
    /// It was uploaded before.
    Known(String),
    /// The caller uploads it.
    Mine,
    /// Somebody else uploads it at the moment.
    Others,
}

impl TakenUpload {
    pub(super) fn new(is_taken: bool, url: Option<String>) -> Self {
        match url {
            _ if is_taken => Self::Mine,
            Some(url) => Self::Known(url),
            None => Self::Others,
        }
    }
}

/// The state of a request, as the database names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Waiting,
    Begun,
    Submitted,
    Done,
    Failed,
    InDoubt,
}

impl State {
    /// Returns the state of this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::deserialize(IntoDeserializer::<ValueError>::into_deserializer(name)).ok()
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Submitted => "submitted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
        }
    }
}

/// A change of a request by the worker that holds it. A request that waits or has failed has its reserved money freed.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) from: State,
    pub(crate) to: State,
    /// The time until the next step.
    pub(crate) pause: Duration,
    /// The reason as JSON text.
    pub(crate) error: Option<String>,
}

impl Move {
    /// Gives a request back that fal has not accepted. It is sent again after the pause.
    pub(crate) fn release(pause: Duration, failure: Option<&JournalFailure>) -> Self {
        Self { from: State::Begun, to: State::Waiting, pause, error: failure.map(failure_json) }
    }

    /// Ends a request that fal has refused. It costs nothing.
    pub(crate) fn refused(failure: &JournalFailure) -> Self {
        Self {
            from: State::Begun,
            to: State::Failed,
            pause: Duration::ZERO,
            error: Some(failure_json(failure)),
        }
    }

    /// Puts a request in doubt whose answer was lost. Its money stays reserved.
    pub(crate) fn lost(failure: &JournalFailure) -> Self {
        Self {
            from: State::Begun,
            to: State::InDoubt,
            pause: Duration::ZERO,
            error: Some(failure_json(failure)),
        }
    }

    /// Sets the time of the next look at a request.
    pub(crate) fn look_again(pause: Duration, failure: Option<&JournalFailure>) -> Self {
        Self { from: State::Submitted, to: State::Submitted, pause, error: failure.map(failure_json) }
    }

    /// Lets a request in doubt wait again that was not accepted.
    pub(crate) fn not_accepted() -> Self {
        Self { from: State::InDoubt, to: State::Waiting, pause: Duration::ZERO, error: None }
    }

    /// Leaves a request in doubt with the reason, and sets the time of the next look.
    pub(crate) fn still_in_doubt(reason: &str, pause: Duration) -> Self {
        Self { from: State::InDoubt, to: State::InDoubt, pause, error: Some(message_json(reason)) }
    }

    /// Offers an output again after a pause, with the reason for which the handler has not taken it.
    pub(crate) fn offer_again(reason: &str, pause: Duration) -> Self {
        Self { from: State::Done, to: State::Done, pause, error: Some(message_json(reason)) }
    }

    /// Returns true if the money that is reserved for the request is freed.
    pub(crate) fn frees_money(&self) -> bool {
        matches!(self.to, State::Waiting | State::Failed)
    }
}

/// Returns the ticket of a request, if the ledger does not have one with more than the id.
pub(super) fn plain_ticket(endpoint: &str, request_id: Option<&str>) -> String {
    json!({ "endpoint": endpoint, "request_id": request_id }).to_string()
}

/// Returns an error with a message as JSON, without the character NUL.
pub(super) fn message_json(message: &str) -> String {
    json!({ "message": message.replace('\0', "") }).to_string()
}

/// Returns a failure as JSON that PostgreSQL accepts: without the character NUL.
pub(super) fn failure_json(failure: &JournalFailure) -> String {
    let mut json =
        serde_json::to_value(failure).unwrap_or_else(|_| json!({ "message": failure.message.as_str() }));
    remove_nul(&mut json);
    json.to_string()
}

fn remove_nul(json: &mut Value) {
    match json {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
        Value::Object(fields) => fields.values_mut().for_each(remove_nul),
        Value::Array(items) => items.iter_mut().for_each(remove_nul),
        _ => {}
    }
}
