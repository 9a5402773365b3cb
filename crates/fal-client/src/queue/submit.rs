//! `submit`: a request into the queue.

use std::{borrow::Cow, future::ready, time::Duration};

use fal_core::{Endpoint, IntoInput};
use futures_util::FutureExt;
use serde::Deserialize;
use tracing::{Instrument, field::Empty};

use super::{
    Job,
    request_handle::{RequestHandle, TRANSFER},
    urls::Given,
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Result, Retry,
    call::{CallOptions, within},
    prepare::{self, Draft, Written},
};

/// A request for the queue, from [`Client::submit`]. Sent by awaiting it, which gives a [`Job`].
#[must_use = "nothing is sent until this is awaited"]
pub struct SubmitRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    pub(super) options: CallOptions,
}

input_options!(SubmitRequest);
queue_options!(SubmitRequest);
debug_call!(SubmitRequest);

impl<E: Endpoint> SubmitRequest<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        Self { client, endpoint, input: input.into_input(), options: CallOptions::default() }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn submission(self) -> Submission {
        let Self { client, endpoint, input, options } = self;
        Submission::new(client, endpoint, prepare::write(input, options.skip_validation), options)
    }
}

impl<E: Endpoint> IntoFuture for SubmitRequest<E> {
    type Output = Result<Job<E>>;
    type IntoFuture = Pending<Job<E>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.submission().submit().map(|queued| queued.map(Job::new)))
    }
}

/// An input on its way into the queue.
pub(crate) struct Submission {
    pub(crate) client: Client,
    pub(crate) endpoint: Cow<'static, str>,
    /// How long the whole call may take.
    pub(crate) limit: Option<Duration>,
    draft: Result<Draft>,
    retry: Option<Retry>,
}

impl Submission {
    pub(crate) fn new(
        client: Client,
        endpoint: Cow<'static, str>,
        input: Result<Written>,
        options: CallOptions,
    ) -> Self {
        let (limit, retry) = (options.timeout(&client), options.retry.clone());
        let mut draft = Draft::new(&client, &client.hosts().queue, &endpoint, input, options);
        if let Ok(draft) = &mut draft {
            draft.request.timeout = Some(TRANSFER);
        }
        Self { client, endpoint, limit, draft, retry }
    }

    pub(crate) fn submit(self) -> BoxFuture<'static, Result<RequestHandle>> {
        let span = tracing::info_span!("fal.submit", endpoint = %self.endpoint, request_id = Empty);
        let (limit, endpoint) = (self.limit, self.endpoint.clone());
        let mut sending = self.send();
        let call = async move { within(limit, &endpoint, sending.as_mut()).await };
        Box::pin(call.instrument(span))
    }

    /// Without the timeout of the call, which `subscribe` spreads over more than this.
    pub(super) fn send(self) -> BoxFuture<'static, Result<RequestHandle>> {
        let Self { client, endpoint, draft, retry, .. } = self;
        let mut draft = match draft {
            Ok(draft) => draft,
            Err(error) => return Box::pin(ready(Err(error.with_endpoint(&*endpoint)))),
        };
        Box::pin(async move {
            let accepted =
                accepted(&client, &mut draft).await.map_err(|error| error.with_endpoint(&*endpoint))?;
            let Accepted { request_id, status_url, response_url, cancel_url } = accepted;
            tracing::Span::current().record("request_id", &request_id);
            tracing::debug!(request_id, "queued");
            let given = Given { status: status_url, result: response_url, cancel: cancel_url };
            Ok(RequestHandle::new(client, endpoint.into_owned(), request_id, &given, retry))
        })
    }
}

async fn accepted(client: &Client, draft: &mut Draft) -> Result<Accepted> {
    let request = draft.complete(client).await?;
    let answer = {
        let _permit = client.0.queue.request().await;
        Box::pin(client.0.transport.send(request)).await?
    };
    let accepted: Accepted = answer.json()?;
    if accepted.request_id.is_empty() {
        let kind = ErrorKind::Decode { path: "request_id".to_owned() };
        return Err(
            Error::new(kind, "the queue gave no request id").with_response(answer.status, answer.body)
        );
    }
    Ok(accepted)
}

#[derive(Deserialize)]
struct Accepted {
    request_id: String,
    status_url: Option<String>,
    response_url: Option<String>,
    cancel_url: Option<String>,
}
