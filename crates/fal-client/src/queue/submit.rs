//! `submit`: a request into the queue.

use std::{borrow::Cow, pin::pin};

use fal_core::{Endpoint, IntoInput};
use futures_util::FutureExt;
use serde::Deserialize;
use tracing::{Instrument, field::Empty};

use super::{
    Job,
    queued::{Queued, TRANSFER},
    urls::Given,
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result,
    call::{CallOptions, within},
    prepare::{self, Written},
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

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn submission(self) -> Submission {
        let Self { client, endpoint, input, options } = self;
        Submission::new(client, endpoint, prepare::write(input, options.unchecked), options)
    }
}

impl<E: Endpoint> IntoFuture for Submit<E> {
    type Output = Result<Job<E>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.submission().submit().map(|queued| queued.map(Job::of)))
    }
}

/// An input on its way into the queue.
pub(crate) struct Submission {
    pub(crate) client: Client,
    pub(crate) endpoint: Cow<'static, str>,
    input: Result<Written>,
    pub(crate) options: CallOptions,
}

impl Submission {
    pub(crate) fn new(
        client: Client,
        endpoint: Cow<'static, str>,
        input: Result<Written>,
        options: CallOptions,
    ) -> Self {
        Self { client, endpoint, input, options }
    }

    pub(crate) fn submit(self) -> BoxFuture<Result<Queued>> {
        let span = tracing::info_span!("fal.submit", endpoint = %self.endpoint, request_id = Empty);
        let (limit, endpoint) = (self.options.timeout(&self.client), self.endpoint.clone());
        let call = async move { within(limit, &endpoint, pin!(self.send())).await };
        Box::pin(call.instrument(span))
    }

    /// Without the timeout of the call, which `subscribe` spreads over more than this.
    pub(super) async fn send(self) -> Result<Queued> {
        let endpoint = self.endpoint.clone();
        self.exchange().await.map_err(|error| error.at(endpoint.as_ref()))
    }

    async fn exchange(self) -> Result<Queued> {
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
        Ok(Queued::new(client, endpoint.into_owned(), request_id, &given, options.retry))
    }
}

#[derive(Deserialize)]
struct Accepted {
    request_id: String,
    status_url: Option<String>,
    response_url: Option<String>,
    cancel_url: Option<String>,
}
