//! Cancelling requests whose caller no longer waits.

use std::time::Duration;

use super::request_handle::{Cancelled, RequestHandle};
use crate::{Result, reply::CallResponse, timeout::timed_out};

/// The time that a call which has timed out waits for the response to its cancel request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that fetching the result of a request may take that was completed just before its cancel.
const RESULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Cancels a request that took longer than `limit`. Returns the timeout, with the outcome of the cancel; or the result of a
/// request that has completed in the meantime, because it is paid for.
pub(crate) async fn cancel_timed_out(handle: &RequestHandle, limit: Duration) -> Result<CallResponse> {
    let outcome = match tokio::time::timeout(CANCEL_TIMEOUT, handle.send_cancel()).await {
        Ok(Ok(Cancelled::Removed)) => "; it was cancelled before it ran".to_owned(),
        Ok(Ok(Cancelled::Requested)) => "; it was cancelled".to_owned(),
        Ok(Ok(Cancelled::AlreadyCompleted)) => {
            match tokio::time::timeout(RESULT_TIMEOUT, handle.fetch_unfollowed_result()).await {
                Ok(Ok(result)) => return Ok(result),
                // The failure of the job, unless it is one of fetching.
                Ok(Err(error)) if error.status().is_some() && !error.is_retryable() => return Err(error),
                _ => "; it has completed since, and its result can be fetched".to_owned(),
            }
        }
        Ok(Ok(Cancelled::NotFound)) => "; the queue no longer knows it".to_owned(),
        Ok(Err(error)) => format!("; it could not be cancelled: {}", error.message()),
        Err(_) => "; the request to cancel it was not answered".to_owned(),
    };
    Err(handle.with_ids(timed_out(limit, handle.endpoint()).with_suffix(&outcome)))
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
