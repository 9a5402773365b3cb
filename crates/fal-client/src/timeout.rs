//! Time limits of calls.

use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Result};

/// Awaits `future`, and fails with `Timeout` once `limit` has passed.
///
/// The future is held twice, as an argument and inside the timer, so large ones are boxed by the caller.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    endpoint: &str,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(limit) = limit else { return future.await };
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| Err(timed_out(limit, endpoint)))
}

/// Returns the error of a call that took longer than `limit`.
pub(crate) fn timed_out(limit: Duration, endpoint: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("no answer within {limit:?}")).with_endpoint(endpoint)
}

/// Returns the moment at which a call that starts now, and may take `limit`, must be done.
///
/// Returns `None` for a limit beyond the range of [`Instant`].
pub(crate) fn deadline(limit: Option<Duration>) -> Option<Instant> {
    now().checked_add(limit?)
}

/// Returns the current moment by tokio's clock, which tests stop and move.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
