//! `submit`: a request into the queue.

use std::borrow::Cow;

use fal_core::{Endpoint, IntoInput};
use serde::Deserialize;
use tracing::{Instrument, field::Empty};

use super::{Job, job::TRANSFER, urls::Given};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result,
    call::{CallOptions, within},
    prepare,
};

/// A request for the queue, from [`Client::submit`]. Sent by awaiting it, which gives a [`Job`].
#[must_use = "nothing is sent until this is awaited"]
pub struct Submit<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    pub(super) options: CallOptions,
}

input_options!(Submit);
queue_options!(Submit);
debug_call!(Submit);

impl<E: Endpoint> Submit<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        Self { client, endpoint, input: input.into_input(), options: CallOptions::default() }
    }

    /// A request of a batch.
    pub(crate) fn of(
        client: Client,
        endpoint: Cow<'static, str>,
        input: E::Input,
        options: CallOptions,
    ) -> Self {
        Self { client, endpoint, input, options }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn endpoint(&self) -> &Cow<'static, str> {
        &self.endpoint
    }

    /// Without the timeout of the call, which `subscribe` spreads over more than this.
    pub(super) async fn send(self) -> Result<Job<E>> {
        let endpoint = self.endpoint.clone();
        self.exchange().await.map_err(|error| error.at(endpoint.as_ref()))
    }

    async fn exchange(self) -> Result<Job<E>> {
        let Self { client, endpoint, input, mut options } = self;
        let queue = &client.hosts().queue;
        let mut request = prepare::request(&client, queue, &endpoint, input, &mut options).await?;
        request.timeout = Some(TRANSFER);
        let answer = {
            let _permit = client.0.queue.request().await;
            Box::pin(client.0.transport.send(&request)).await?
        };
        let Accepted { request_id, status_url, response_url, cancel_url } = answer.json()?;
        if request_id.is_empty() {
            let kind = ErrorKind::Decode { path: "request_id".to_owned() };
            return Err(Error::new(kind, "the queue gave no request id").body_of(answer.status, answer.body));
        }
        tracing::Span::current().record("request_id", &request_id);
        tracing::debug!(request_id, "queued");
        let given = Given { status: status_url, result: response_url, cancel: cancel_url };
        Ok(Job::new(client, endpoint.into_owned(), request_id, &given, options.retry))
    }
}

#[derive(Deserialize)]
struct Accepted {
    request_id: String,
    status_url: Option<String>,
    response_url: Option<String>,
    cancel_url: Option<String>,
}

impl<E: Endpoint> IntoFuture for Submit<E> {
    type Output = Result<Job<E>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!("fal.submit", endpoint = %self.endpoint, request_id = Empty);
        let (limit, endpoint) = (self.options.timeout(&self.client), self.endpoint.clone());
        Box::pin(async move { within(limit, &endpoint, self.send()).await }.instrument(span))
    }
}
