//! Cancelling requests whose caller no longer waits.

use std::time::Duration;

use super::{
    Update,
    request_handle::{Cancelled, RequestHandle},
};
use crate::{Result, reply::CallResponse, timeout::timed_out};

/// The time that a call which has timed out waits for the response to its cancel request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that fetching the result of a request may take that was completed just before its cancel.
const RESULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Cancels a request that took longer than `limit`. Returns the timeout, with the outcome of the cancel; or the outcome of a
/// request that has completed in the meantime, because it is paid for, and a failure would be the same if it were sent again.
pub(crate) async fn cancel_timed_out(handle: &RequestHandle, limit: Duration) -> Result<CallResponse> {
    let failure =
        |outcome: &str| handle.with_ticket(timed_out(limit, handle.endpoint()).with_suffix(outcome));
    let outcome = match tokio::time::timeout(CANCEL_TIMEOUT, handle.send_cancel()).await {
        Ok(Ok(Cancelled::Removed)) => return Err(failure("; it was cancelled before it ran").with_end()),
        Ok(Ok(Cancelled::Requested)) => "; it was cancelled".to_owned(),
        Ok(Ok(Cancelled::AlreadyCompleted)) => {
            match tokio::time::timeout(RESULT_TIMEOUT, fetch_late_outcome(handle)).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) | Err(_) => "; it has completed since, and its result can be fetched".to_owned(),
            }
        }
        Ok(Ok(Cancelled::NotFound)) => "; the queue no longer knows it".to_owned(),
        Ok(Err(error)) => format!("; it could not be cancelled: {}", error.message()),
        Err(_) => "; the request to cancel it was not answered".to_owned(),
    };
    Err(failure(&outcome))
}

/// Fetches the outcome of a completed request: its result, or its own failure. Returns `None` if it cannot be had.
async fn fetch_late_outcome(handle: &RequestHandle) -> Option<Result<CallResponse>> {
    let error = match handle.fetch_unfollowed_result().await {
        Ok(result) => return Some(Ok(result)),
        Err(error) => error,
    };
    let is_of_access =
        error.is_auth() || error.is_locked() || error.is_rate_limited() || error.is_not_found();
    let is_of_job = match error.status() {
        None => false,
        // A response that asks to be fetched again later is that of a server on the way.
        _ if is_of_access || error.is_not_ready() || error.retry_after().is_some() => false,
        // A failure of the model, or of fetching it: the status has the former.
        Some(status) if status.is_server_error() => {
            matches!(handle.fetch_status(false).await, Ok(Update::Completed { error: Some(_), .. }))
        }
        // The rest is an end only if the fetch has decided so: a 408 or a redirect is of a server on the way as well.
        Some(_) => error.has_ended(),
    };
    if !is_of_job {
        tracing::debug!(%error, "the outcome of a late request cannot be fetched");
    }
    is_of_job.then(|| Err(error.with_end()))
}

/// Cancels a request when dropped, unless disarmed.
pub(super) struct CancelOnDrop(Option<RequestHandle>);

impl CancelOnDrop {
    pub(super) fn new(handle: &RequestHandle, armed: bool) -> Self {
        Self(armed.then(|| handle.clone()))
    }

    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = handle.send_cancel().await {
                    tracing::warn!(%error, "a dropped call could not be cancelled");
                }
            });
        }
    }
}
