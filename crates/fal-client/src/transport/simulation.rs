//! A service in the same process, for tests in simulated time.

use std::{convert::Infallible, io};

use futures_util::{Stream, StreamExt};
use reqwest::{Body, Request, Response};
use serde_json::Value;

use crate::{BoxFuture, Client, ClientBuilder};

/// Answers every request in place of the network.
///
/// Nothing is sent, so a stopped clock of tokio moves to the next timer as soon as every task waits for one.
pub(crate) type Service = Box<dyn Fn(Request) -> BoxFuture<'static, reqwest::Result<Response>> + Send + Sync>;

/// Builds a client whose requests `service` answers.
pub(crate) fn client<F>(
    builder: ClientBuilder,
    service: impl Fn(&Request) -> F + Send + Sync + 'static,
) -> Client
where
    F: Future<Output = Response> + Send + 'static,
{
    client_with_bodies(builder, move |request| service(&request))
}

/// Builds a client whose requests `service` answers, after it has read as much of their bodies as it wants to.
pub(crate) fn client_with_bodies<F>(
    builder: ClientBuilder,
    service: impl Fn(Request) -> F + Send + Sync + 'static,
) -> Client
where
    F: Future<Output = Response> + Send + 'static,
{
    let client = builder.emulator("http://127.0.0.1:9").key("test:key").build().unwrap();
    client.0.transport.http.simulate(Box::new(move |request| {
        let response = service(request);
        Box::pin(async move { Ok(response.await) })
    }));
    client
}

/// Returns a response of `content_type`.
pub(crate) fn response(status: u16, content_type: &str, body: impl Into<Body>) -> Response {
    let response = http::Response::builder().status(status).header("content-type", content_type);
    response.body(body.into()).unwrap().into()
}

pub(crate) fn json(status: u16, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// Returns a stream of events, which ends after them, breaks, or goes on with `rest`.
pub(crate) fn events(
    events: &[Value],
    rest: impl Stream<Item = io::Result<String>> + Send + Sync + 'static,
) -> Response {
    let text: Vec<_> = events.iter().map(|event| Ok::<_, Infallible>(format!("data: {event}\n\n"))).collect();
    let text = futures_util::stream::iter(text).map(|event| event.map_err(|never| match never {}));
    response(200, "text/event-stream", Body::wrap_stream(text.chain(rest)))
}
