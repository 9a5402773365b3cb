//! The events of a call, as they come.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use fal_core::Streams;

use super::{
    Event,
    sent::{Opened, Sent},
};
use crate::{Pending, Reply, Result};

/// The events of a call, as they come. From awaiting [`Client::stream`](crate::Client::stream).
///
/// Nothing is read from the connection before it is asked for, so a slow reader holds the model back and
/// takes no memory. Dropping this closes the connection, which cancels the call.
///
/// An event that cannot be read is an error, and the events after it still come. After any other error the
/// stream is over.
///
/// ```no_run
/// # use fal_client::{Client, untyped};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let input = untyped::input("fal-ai/flux/dev", serde_json::json!({ "prompt": "a cat" }));
/// let mut events = client.stream(input).await?;
/// while let Some(event) = events.next().await {
///     println!("{}", event?["images"][0]["url"]);
/// }
/// println!("{} events of request {:?}", events.count(), events.request_id());
/// let reply = events.done().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read unless it is asked for"]
pub struct EventStream<E: Streams> {
    sent: Sent,
    types: PhantomData<fn() -> E>,
}

impl<E: Streams> EventStream<E> {
    pub(super) fn new(opened: Opened) -> Self {
        Self { sent: opened.into(), types: PhantomData }
    }

    /// Waits for the next event; `None` when the model is done. Can be dropped while it waits without losing
    /// an event.
    pub async fn next(&mut self) -> Option<Result<Event<E::Event>>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// How many events have arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sent.count
    }

    /// The id of the request, to look up in fal's dashboard (`x-fal-request-id`).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.sent.request_id()
    }

    /// Waits for the end, and reads the last event as the whole output, which is what fal's models send last.
    /// Of a workflow it is the output of the whole.
    ///
    /// # Errors
    ///
    /// What broke the stream; `Decode` when the last event is no output, or when there was no event; what a
    /// workflow failed with.
    pub async fn done(self) -> Result<Reply<E::Output>> {
        Pending::reply(self.sent.endpoint.clone(), self.sent.done()).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event<E::Event>>>> {
        Poll::Ready(match ready!(self.sent.poll(context)) {
            Some(Ok(sent)) => Some(match serde_json::from_slice(&sent.data) {
                Ok(value) => Ok(Event::new(value, sent)),
                Err(cause) => Err(self.sent.unreadable(&sent, cause)),
            }),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}

impl<E: Streams> futures_util::Stream for EventStream<E> {
    type Item = Result<Event<E::Event>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<E: Streams> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("endpoint", &self.sent.endpoint)
            .field("count", &self.sent.count)
            .field("state", &self.sent.state)
            .finish_non_exhaustive()
    }
}
