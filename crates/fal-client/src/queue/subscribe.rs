//! `subscribe`: submit, follow, fetch the result.

use std::time::{Duration, Instant};

use fal_core::{Endpoint, IntoInput};
use tracing::{Instrument, field::Empty};

use super::{Cancelled, Job, Submit, follow::FollowOptions, wait::CancelOnDrop};
use crate::{
    BoxFuture, Client, Error, Reply, Result,
    call::{CallOptions, timed_out, within},
};

/// How long a call whose time is up waits for its cancel request to be answered.
const GOODBYE: Duration = Duration::from_secs(5);

/// A call over the queue, from [`Client::subscribe`]. Sent by awaiting it.
///
/// When its `timeout` passes, the request is cancelled, and the error says whether that worked.
#[must_use = "nothing is sent until this is awaited"]
pub struct Subscribe<E: Endpoint> {
    submit: Submit<E>,
    options: CallOptions,
    follow: FollowOptions,
}

input_options!(Subscribe);
queue_options!(Subscribe);
follow_options!(Subscribe);
debug_call!(Subscribe);

impl<E: Endpoint> Subscribe<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let (options, follow) = (CallOptions::default(), FollowOptions::default());
        Self { submit: Submit::new(client, input), options, follow }
    }

    fn endpoint(&self) -> &str {
        self.submit.endpoint()
    }

    async fn send(self) -> Result<Reply<E::Output>> {
        let Self { mut submit, options, mut follow } = self;
        let (limit, endpoint) = (options.timeout(submit.client()), submit.endpoint().clone());
        submit.options = options;
        let start = Instant::now();
        // In a box, which is gone while the job is waited for.
        let job = Box::pin(within(limit, &endpoint, submit.send())).await?;
        let guard = CancelOnDrop::new(&job, follow.cancel_on_drop);
        let result = match limit {
            None => follow.finish(&job).await,
            Some(limit) => {
                let left = limit.saturating_sub(start.elapsed());
                match tokio::time::timeout(left, follow.finish(&job)).await {
                    Ok(result) => result,
                    Err(_) => Err(give_up(&job, limit).await),
                }
            }
        };
        guard.disarm();
        result
    }
}

/// Cancels the request, and says so.
pub(crate) async fn give_up<E: Endpoint>(job: &Job<E>, limit: Duration) -> Error {
    let what_then = match tokio::time::timeout(GOODBYE, job.ask_to_cancel()).await {
        Ok(Ok(Cancelled::Requested)) => "; it was cancelled".to_owned(),
        Ok(Ok(Cancelled::AlreadyCompleted)) => {
            "; it has completed since, and its result can be fetched".to_owned()
        }
        Ok(Ok(Cancelled::NotFound)) => "; the queue no longer knows it".to_owned(),
        Ok(Err(error)) => format!("; it could not be cancelled: {}", error.message()),
        Err(_) => "; the request to cancel it was not answered".to_owned(),
    };
    job.named(timed_out(limit, job.endpoint()).followed_by(&what_then))
}

impl<E: Endpoint> IntoFuture for Subscribe<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span =
            tracing::info_span!("fal.subscribe", endpoint = %self.submit.endpoint(), request_id = Empty);
        Box::pin(self.send().instrument(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untyped;

    /// Ten thousand of them should fit into the memory of a small server.
    #[test]
    fn a_call_that_waits_is_small() {
        let client = Client::builder().emulator("http://127.0.0.1:9").build().unwrap();
        let call = client.subscribe(untyped::input("acme/app", serde_json::json!({})));
        let size = size_of_val(&call.send());
        assert!(size <= 4096, "{size} bytes");
    }
}
