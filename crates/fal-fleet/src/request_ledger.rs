//! The ledger of single requests, for engines that run the steps themselves.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fal_client::{Client, IntoInput};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Batch, Error, ErrorKind, Result,
    ledger::{Found, State},
    worker::Advance,
};

/// The bounds of the time after which an engine should come back.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// A ledger for engines that run steps themselves and repeat them after a failure, such as Temporal and Restate.
///
/// No engine runs a step exactly once: it cannot know if a step that was interrupted has sent its request. A step that asks the
/// ledger first can be repeated at any time, at any machine, and pays once. [`Batch::ledger`] returns the one of a batch, and tests of
/// a workflow can have one of their own.
///
/// ```
/// use fal_client::untyped;
/// use fal_fleet::{Progress, RequestLedger, Result};
/// use serde_json::{Value, json};
///
/// /// Generates a picture, in a workflow of an engine.
/// async fn picture(ledger: &impl RequestLedger, workflow: &str, prompt: &str) -> Result<Value> {
///     loop {
///         let input = untyped::input("fal-ai/flux/dev", json!({ "prompt": prompt }));
///         // An activity of the engine, which may run more than once.
///         match ledger.advance(workflow, input).await? {
///             Progress::Done { output, .. } => return Ok(output),
///             // A durable timer of the engine.
///             Progress::Wait(pause) => tokio::time::sleep(pause).await,
///             other => panic!("for people: {other:?}"),
///         }
///     }
/// }
/// ```
pub trait RequestLedger: Send + Sync {
    /// Does what is to be done next for a request, and returns how far it is. The request is added if its key is new.
    ///
    /// A call sends one request or looks at some in fal's queue, within the concurrency and the budget that all share. Any call
    /// works for all requests of the account, so one whose workflow is late does not hold others up.
    ///
    /// # Errors
    ///
    /// `OtherInput` for a known key with another input; `Config` for an input that breaks rules of its endpoint, or for a wrong
    /// account; `Fal` if the client cannot send anything; `Database` if the ledger cannot be used. Repeat the call after the
    /// last.
    fn advance<I>(&self, key: &str, input: I) -> impl Future<Output = Result<Progress>> + Send
    where
        I: IntoInput + Send;
}

/// The progress of a request, as an engine can keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Progress {
    /// The request waits, is being sent, or is in fal's queue. Call again after this time.
    Wait(Duration),
    /// The output is there.
    Done {
        /// The id of the request at fal.
        request_id: String,
        /// The output.
        output: Value,
    },
    /// fal has refused the request, or the model has failed. [`Batch::retry_key`] lets it be sent again.
    Failed {
        /// The reason.
        message: String,
    },
    /// fal may have accepted the request, and its answer was lost. A webhook may decide it, or a call after
    /// [`Batch::reconcile`].
    InDoubt,
}

/// The ledger of the requests of a batch, from [`Batch::ledger`].
pub struct BatchLedger {
    batch: Batch,
    advance: Advance,
    /// The settings of the batch are written.
    is_saved: AtomicBool,
}

impl BatchLedger {
    pub(crate) fn new(batch: Batch, client: Client) -> Self {
        let advance = Advance::new(batch.records().clone(), client, batch.account_name());
        Self { batch, advance, is_saved: AtomicBool::new(false) }
    }

    async fn add<I: IntoInput + Send>(&self, key: &str, input: I) -> Result<()> {
        let request = [(key.to_owned(), input)];
        if self.is_saved.load(Ordering::Relaxed) {
            self.batch.plain().enqueue(request).await?;
        } else {
            self.batch.enqueue(request).await?;
            self.is_saved.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn find(&self, key: &str) -> Result<Found> {
        let found = self.batch.records().find(self.batch.name(), key).await?;
        let found = found.ok_or_else(|| {
            let (batch, key) = (self.batch.name().escape_debug(), key.escape_debug());
            Error::new(ErrorKind::NotFound, format!("the batch `{batch}` has no request `{key}`"))
        })?;
        if found.account != self.batch.account_name() {
            let (name, account) = (self.batch.name().escape_debug(), found.account.escape_debug());
            let message =
                format!("the batch `{name}` is one of the account `{account}`: name it by `Batch::account`");
            return Err(Error::config(message));
        }
        Ok(found)
    }

    async fn progress(&self, found: Found) -> Result<Progress> {
        let (min, max) = PAUSES;
        Ok(match found.state {
            State::InDoubt if !found.is_reconciled => Progress::InDoubt,
            State::Waiting | State::Begun | State::Submitted | State::InDoubt => {
                Progress::Wait(found.due_in.clamp(min, max))
            }
            State::Failed => Progress::Failed { message: found.message.unwrap_or_default() },
            State::Done => {
                // The engine has the output, so no handler of a worker needs it.
                self.advance.acknowledge(found.held).await?;
                let output = serde_json::from_str(found.output.as_deref().unwrap_or("null"));
                let output = output.unwrap_or_else(|_| found.output.unwrap_or_default().into());
                Progress::Done { request_id: found.request_id.unwrap_or_default(), output }
            }
        })
    }
}

impl RequestLedger for BatchLedger {
    async fn advance<I: IntoInput + Send>(&self, key: &str, input: I) -> Result<Progress> {
        self.add(key, input).await?;
        let found = self.find(key).await?;
        if matches!(found.state, State::Done | State::Failed) {
            return self.progress(found).await;
        }
        self.advance.run().await?;
        let found = self.find(key).await?;
        self.progress(found).await
    }
}

impl<T: RequestLedger> RequestLedger for Arc<T> {
    fn advance<I>(&self, key: &str, input: I) -> impl Future<Output = Result<Progress>> + Send
    where
        I: IntoInput + Send,
    {
        T::advance(self, key, input)
    }
}

impl fmt::Debug for BatchLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchLedger").field("batch", &self.batch).finish_non_exhaustive()
    }
}
