//! Calls whose output arrives as a stream of events.

mod event;
mod event_stream;
mod raw_events;
mod workflow;

use std::{borrow::Cow, marker::PhantomData, time::Duration};

use fal_core::{Endpoint, IntoInput};
use http::{HeaderValue, header};
use tracing::Instrument;

use self::raw_events::Opened;
pub use self::{
    event::Event,
    event_stream::EventStream,
    workflow::{NodeError, WorkflowEvent},
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Result, call::Call, headers::foreign_encoding,
    hosts::Service, options::CallOptions, run::RUN_TIMEOUT, spans::record_request_id, sse::Events,
    timeout::within,
};

/// The default time for which a stream may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// A call of `E` that is answered with events of type `V`, from [`Client::stream`]. Await it to send it and to get an
/// [`EventStream`] as soon as the model begins to answer.
#[must_use = "nothing is sent until this is awaited"]
pub struct StreamRequest<E: Endpoint, V> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    options: CallOptions,
    idle_timeout: Option<Duration>,
    events: PhantomData<fn() -> V>,
}

input_options!([E: ::fal_core::Endpoint, V] StreamRequest<E, V>);
debug_call!([E: ::fal_core::Endpoint, V] StreamRequest<E, V>);

// Only `Client::stream` asks for an endpoint that streams, and looks up the type of its events, so that the compiler says
// once that one does not.
impl<E: Endpoint, V> StreamRequest<E, V> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        let (input, options) = (input.into_input(), CallOptions::default());
        let (idle_timeout, events) = (Some(IDLE_TIMEOUT), PhantomData);
        Self { client, endpoint, input, options, idle_timeout, events }
    }

    /// Sets the time for which the stream may be silent before it fails with `Timeout`. 5 minutes by default; `None` is
    /// no limit. Comments, which servers send to keep a connection alive, count as a sign of life.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl<E: Endpoint, V: 'static> IntoFuture for StreamRequest<E, V> {
    type Output = Result<EventStream<E, V>>;
    type IntoFuture = Pending<EventStream<E, V>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options, idle_timeout, events: _ } = self;
        let opened = open(Call::new(client, endpoint, input, options), idle_timeout);
        Pending::new(async { opened.await.map(EventStream::new) })
    }
}

/// Returns true for an endpoint without a `/stream` route below it: a stream, or one in the manner of OpenAI's API, which
/// streams if its input says so.
fn streams_itself(endpoint: &str) -> bool {
    let openai_route = endpoint.rsplit_once("/openai/v1/").map(|(_, route)| route);
    endpoint.ends_with("/stream")
        || matches!(openai_route, Some("chat/completions" | "completions" | "responses"))
}

/// Sends the call, and reads the response up to its headers. Boxed here, where it is compiled once rather than for each
/// model.
fn open(mut call: Call, idle_timeout: Option<Duration>) -> BoxFuture<'static, Result<Opened>> {
    let span = call_span!("fal.stream", &*call.endpoint);
    if call.options.path.is_none() && !streams_itself(&call.endpoint) {
        call.options.path = Some("/stream".to_owned());
    }
    let opening = async move {
        let (client, endpoint, limit) = (call.client.clone(), call.endpoint.clone(), call.limit());
        let opening = async {
            let mut request = call.into_request(Service::Run).await?;
            request.answer_timeout = Some(RUN_TIMEOUT);
            let headers = &mut request.headers;
            headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("text/event-stream"));
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            // A server that compresses may keep events back.
            headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
            let deadline = request.deadline.zip(limit);
            let response = client.0.transport.open(&request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let request_id = headers.get("x-fal-request-id").and_then(|id| id.to_str().ok());
            record_request_id(request_id);
            let events = match Events::from_response(response, client.0.transport.event_limit()) {
                Ok(events) => events,
                Err(response) => {
                    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                    let message = match foreign_encoding(&headers) {
                        Some(encoding) => {
                            format!("the stream is compressed with `{encoding}`, which was not asked for")
                        }
                        None => format!(
                            "the answer is `{}` and no stream of events; `run` calls endpoints that do not stream",
                            kind.unwrap_or("without a type")
                        ),
                    };
                    let body = client.0.transport.read_body(*response).await?;
                    let kind = ErrorKind::Decode { path: ".".to_owned() };
                    return Err(Error::new(kind, message)
                        .with_response(status, body)
                        .with_request_id(request_id));
                }
            };
            let (endpoint, secrets) = (endpoint.clone(), client.0.transport.secrets());
            Ok(Opened { events, endpoint, status, headers, secrets, idle_timeout, deadline })
        };
        let opened = within(limit, &endpoint, opening).await;
        opened.map_err(|error| error.with_endpoint(&*endpoint))
    };
    Box::pin(opening.instrument(span))
}

#[cfg(test)]
mod tests;
