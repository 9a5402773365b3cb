//! Subscribing: submit, follow, fetch the result.

use std::borrow::Cow;

use fal_core::{Endpoint, IntoInput};
use tracing::Instrument;

use super::{
    Ticket,
    cancel::{CancelOnDrop, cancel_timed_out},
    follow::FollowOptions,
};
use crate::{
    BoxFuture, Client, Pending, Reply, Result,
    call::{Call, OnQueued},
    meter::CallMeter,
    options::CallOptions,
    reconcile::SentSlot,
    reply::CallResponse,
    spans::record_failure,
    timeout::{now, within},
};

/// A call through the queue, from [`Client::subscribe`]. Sent by awaiting it.
///
/// A request that exceeds its `timeout` is cancelled, and the error says whether that worked. If it turns out to have
/// completed, its outcome is returned, up to 15 s late: its result, because it is paid for, or the failure of the model,
/// such as a refused prompt, because sending it again would not help. An outcome that cannot be fetched in that time is a
/// `Timeout`.
#[must_use = "nothing is sent until this is awaited"]
pub struct SubscribeRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    options: CallOptions,
    follow: FollowOptions,
    on_queued: Option<OnQueued>,
}

input_options!(SubscribeRequest);
queue_options!(SubscribeRequest);
follow_options!(SubscribeRequest);
debug_call!(SubscribeRequest);

impl<E: Endpoint> SubscribeRequest<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let (endpoint, input) = (input.endpoint_id(), input.into_input());
        let (options, follow) = (CallOptions::default(), FollowOptions::default());
        Self { client, endpoint, input, options, follow, on_queued: None }
    }

    /// Calls `on_queued` once with the ticket of the request, as soon as fal has accepted it and before anything else
    /// is sent.
    ///
    /// Store the ticket there, and a process that is killed while it waits does not lose the output that was paid for:
    /// another one [resumes](Client::resume) the request.
    ///
    /// ```no_run
    /// use fal_client::{Client, queue::Ticket, untyped};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let input = untyped::input("fal-ai/flux/dev", serde_json::json!({ "prompt": "a cat" }));
    /// let call = client.subscribe(input).on_queued(|ticket| {
    ///     let stored = serde_json::to_string(&ticket).and_then(|json| {
    ///         std::fs::write("cat.ticket", json).map_err(serde_json::Error::io)
    ///     });
    ///     if let Err(error) = stored {
    ///         eprintln!("{} is not stored: {error}", ticket.request_id());
    ///     }
    /// });
    /// let reply = call.await?;
    ///
    /// // After a crash, in another process:
    /// let ticket: Ticket<untyped::Any> = serde_json::from_slice(&std::fs::read("cat.ticket")?)?;
    /// let reply = client.resume(ticket).wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("on_enqueue", "onEnqueue"))]
    pub fn on_queued(mut self, on_queued: impl FnOnce(Ticket<E>) + Send + 'static) -> Self {
        self.on_queued = Some(Box::new(|handle| on_queued(Ticket::from(handle))));
        self
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl<E: Endpoint> IntoFuture for SubscribeRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options, follow, on_queued } = self;
        let mut call = Call::new(client, endpoint.clone(), input, options);
        call.on_queued = on_queued;
        Pending::reply(endpoint, subscribe(call, follow))
    }
}

/// Submits the call and waits for its result. Boxed here, where it is compiled once rather than for each model.
fn subscribe(call: Call, mut follow: FollowOptions) -> BoxFuture<'static, Result<CallResponse>> {
    let span = call_span!("fal.subscribe", &*call.endpoint);
    // Taken apart here: as an argument of the future, the call would keep its memory until the job is done (the row
    // "10,000 jobs in flight" of BENCHMARKS.md).
    let sent = SentSlot::default();
    let (limit, endpoint, submitted) = (call.limit(), call.endpoint.clone(), call.enqueue(sent.clone()));
    let subscribed = async move {
        let (start, meter) = (now(), CallMeter::start("subscribe"));
        let submitted = within(limit, &endpoint, submitted).await.map_err(|error| sent.attach(error));
        let handle = match submitted {
            Ok(handle) => handle,
            Err(error) => {
                let failed = Err(error);
                meter.finish(&endpoint, &failed);
                return record_failure(failed);
            }
        };
        drop(sent);
        let guard = CancelOnDrop::new(&handle, follow.cancel_on_drop);
        let result = match limit {
            None => follow.finish(&handle).await,
            Some(limit) => {
                let left = limit.saturating_sub(now().duration_since(start));
                match tokio::time::timeout(left, follow.finish(&handle)).await {
                    Ok(result) => result,
                    Err(_) => cancel_timed_out(&handle, limit).await,
                }
            }
        };
        guard.disarm();
        meter.finish(&endpoint, &result);
        record_failure(result)
    };
    Box::pin(subscribed.instrument(span))
}
