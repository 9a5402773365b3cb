//! The stream of a call's events, with their types.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use fal_core::Endpoint;
use serde::de::DeserializeOwned;

use super::{
    Event,
    raw_events::{Opened, RawEvents},
};
use crate::{Pending, Reply, Result};

/// The events of a call of `E` as they arrive, each of type `V`, from awaiting [`Client::stream`](crate::Client::stream).
///
/// The connection is only read while this is polled, so a slow reader slows the model down instead of taking memory.
/// Dropping this closes the connection, which cancels the call.
///
/// An event that cannot be decoded is an error, and the events after it still arrive. After any other error the stream
/// ends.
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
pub struct EventStream<E: Endpoint, V> {
    events: RawEvents,
    types: PhantomData<fn() -> (E, V)>,
}

impl<E: Endpoint, V> EventStream<E, V> {
    pub(super) fn new(opened: Opened) -> Self {
        Self { events: opened.into(), types: PhantomData }
    }

    /// Waits for the next event. Returns `None` when the model is done.
    ///
    /// This can be dropped while it waits without losing an event.
    pub async fn next(&mut self) -> Option<Result<Event<V>>>
    where
        V: DeserializeOwned,
    {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Returns the number of events that have arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.events.count
    }

    /// Returns the id of the request, by which fal's dashboard finds it (`x-fal-request-id`).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.events.request_id()
    }

    /// Waits for the end and decodes the last event as the output, because fal's models send the whole output last. The
    /// output of a workflow is that of its `output` event.
    ///
    /// # Errors
    ///
    /// The error that ended the stream; `Decode` if the last event is not an output, or there was none; the error of the
    /// node with which a workflow failed.
    pub async fn done(self) -> Result<Reply<E::Output>> {
        Pending::reply(self.events.endpoint.clone(), self.events.done()).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event<V>>>>
    where
        V: DeserializeOwned,
    {
        Poll::Ready(match ready!(self.events.poll_next(context)) {
            Some(Ok(event)) => Some(match serde_json::from_slice(&event.data) {
                Ok(value) => Ok(Event::new(value, event, self.events.secrets.clone())),
                Err(cause) => Err(self.events.decode_error(&event, cause)),
            }),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}

impl<E: Endpoint, V: DeserializeOwned> futures_util::Stream for EventStream<E, V> {
    type Item = Result<Event<V>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<E: Endpoint, V> fmt::Debug for EventStream<E, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("endpoint", &self.events.endpoint)
            .field("count", &self.events.count)
            .field("state", &self.events.state)
            .finish_non_exhaustive()
    }
}
