//! `subscribe`: submit, follow, fetch the result.

use std::time::{Duration, Instant};

use fal_core::{Endpoint, IntoInput};
use tracing::{Instrument, field::Empty};

use super::{
    Cancelled, SubmitRequest, follow::FollowOptions, request_handle::RequestHandle, submit::Submission,
    wait::CancelOnDrop,
};
use crate::{
    BoxFuture, Client, Error, Pending, Reply, Result,
    call::{CallOptions, timed_out, within},
    reply::CallResponse,
};

/// How long a call whose time is up waits for its cancel request to be answered.
const GOODBYE: Duration = Duration::from_secs(5);

/// A call over the queue, from [`Client::subscribe`]. Sent by awaiting it.
///
/// When its `timeout` passes, the request is cancelled, and the error says whether that worked.
#[must_use = "nothing is sent until this is awaited"]
pub struct SubscribeRequest<E: Endpoint> {
    submit: SubmitRequest<E>,
    options: CallOptions,
    follow: FollowOptions,
}

input_options!(SubscribeRequest);
queue_options!(SubscribeRequest);
follow_options!(SubscribeRequest);
debug_call!(SubscribeRequest);

impl<E: Endpoint> SubscribeRequest<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let (options, follow) = (CallOptions::default(), FollowOptions::default());
        Self { submit: SubmitRequest::new(client, input), options, follow }
    }

    fn endpoint(&self) -> &str {
        self.submit.endpoint()
    }
}

impl<E: Endpoint> IntoFuture for SubscribeRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { mut submit, options, follow } = self;
        submit.options = options;
        let submission = submit.submission();
        Pending::reply(submission.endpoint.clone(), subscribe(submission, follow))
    }
}

fn subscribe(submission: Submission, follow: FollowOptions) -> BoxFuture<'static, Result<CallResponse>> {
    let span = tracing::info_span!("fal.subscribe", endpoint = %submission.endpoint, request_id = Empty);
    Box::pin(answer(submission, follow).instrument(span))
}

fn answer(
    submission: Submission,
    mut follow: FollowOptions,
) -> impl Future<Output = Result<CallResponse>> + Send + 'static {
    let (limit, endpoint, sending) = (submission.limit, submission.endpoint.clone(), submission.send());
    async move {
        let start = Instant::now();
        let queued = {
            // Gone while the request is waited for.
            let mut sending = sending;
            within(limit, &endpoint, sending.as_mut()).await?
        };
        let guard = CancelOnDrop::new(&queued, follow.cancel_on_drop);
        let result = match limit {
            None => follow.finish(&queued).await,
            Some(limit) => {
                let left = limit.saturating_sub(start.elapsed());
                match tokio::time::timeout(left, follow.finish(&queued)).await {
                    Ok(result) => result,
                    Err(_) => Err(give_up(&queued, limit).await),
                }
            }
        };
        guard.disarm();
        result
    }
}

/// Cancels the request, and says so.
pub(crate) async fn give_up(queued: &RequestHandle, limit: Duration) -> Error {
    let what_then = match tokio::time::timeout(GOODBYE, queued.ask_to_cancel()).await {
        Ok(Ok(Cancelled::Requested)) => "; it was cancelled".to_owned(),
        Ok(Ok(Cancelled::AlreadyCompleted)) => {
            "; it has completed since, and its result can be fetched".to_owned()
        }
        Ok(Ok(Cancelled::NotFound)) => "; the queue no longer knows it".to_owned(),
        Ok(Err(error)) => format!("; it could not be cancelled: {}", error.message()),
        Err(_) => "; the request to cancel it was not answered".to_owned(),
    };
    queued.named(timed_out(limit, queued.endpoint()).with_suffix(&what_then))
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
        let size = size_of_val(&answer(call.submit.submission(), call.follow));
        assert!(size <= 2048, "{size} bytes");
    }
}
