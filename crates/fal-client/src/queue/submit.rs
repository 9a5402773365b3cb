//! Submitting a request to the queue.

use std::borrow::Cow;

use fal_core::{Endpoint, IntoInput};
use serde::Deserialize;
use tracing::Instrument;

use super::{
    Job,
    request_handle::{RequestHandle, TRANSFER_TIMEOUT},
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Result,
    call::Call,
    hosts::Service,
    meter::CallMeter,
    options::CallOptions,
    reconcile::{Digest, SentSlot},
    server_urls::ServerUrls,
    spans::{record_failure, record_request_id},
    timeout::within,
    transport::Request,
};

/// A request for the queue, from [`Client::submit`]. Sent by awaiting it, which returns a [`Job`].
#[must_use = "nothing is sent until this is awaited"]
pub struct SubmitRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    options: CallOptions,
}

input_options!(SubmitRequest);
queue_options!(SubmitRequest);
debug_call!(SubmitRequest);

impl<E: Endpoint> SubmitRequest<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        Self { client, endpoint, input: input.into_input(), options: CallOptions::default() }
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl<E: Endpoint> IntoFuture for SubmitRequest<E> {
    type Output = Result<Job<E>>;
    type IntoFuture = Pending<Job<E>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options } = self;
        let submitted = Call::new(client, endpoint, input, options).submit();
        Pending::new(async { submitted.await.map(Job::new) })
    }
}

impl Call {
    /// Submits the call to the queue, within its time limit.
    pub(crate) fn submit(self) -> BoxFuture<'static, Result<RequestHandle>> {
        let span = self.submit_span();
        let (limit, endpoint, sent) = (self.limit(), self.endpoint.clone(), SentSlot::default());
        let submitted = async move {
            let meter = CallMeter::start("submit");
            let submitted = within(limit, &endpoint, self.enqueue(sent.clone())).await;
            let submitted = submitted.map_err(|error| sent.attach(error));
            meter.finish(&endpoint, &submitted);
            record_failure(submitted)
        };
        Box::pin(submitted.instrument(span))
    }

    pub(crate) fn submit_span(&self) -> tracing::Span {
        call_span!("fal.submit", &*self.endpoint)
    }

    /// Submits the call to the queue without a time limit, for callers that spread it over more than this. Records what
    /// is sent in `sent`, which the caller attaches to an error.
    ///
    /// Boxed, so that a call that waits for its result has given back the memory of the submit.
    pub(super) fn enqueue(mut self, sent: SentSlot) -> BoxFuture<'static, Result<RequestHandle>> {
        Box::pin(async move {
            let mut request = self.prepare_submit().await?;
            let (handle, _) = self.send_submit(&mut request, &sent).await?;
            Ok(handle)
        })
    }

    /// Builds the request for the queue, after uploading local files.
    pub(crate) async fn prepare_submit(&mut self) -> Result<Request> {
        let request = self.prepare(Service::Queue).await;
        let mut request = request.map_err(|error| error.with_endpoint(&*self.endpoint))?;
        request.timeout = Some(TRANSFER_TIMEOUT);
        Ok(request)
    }

    /// Sends a request that [`prepare_submit`](Self::prepare_submit) has built. Records its id in the current span.
    /// Returns it with the digest of its input.
    pub(crate) async fn send_submit(
        &mut self,
        request: &mut Request,
        sent: &SentSlot,
    ) -> Result<(RequestHandle, Option<Digest>)> {
        let body = request.json().cloned().unwrap_or_default();
        request.sent = Some(sent.begin(&self.client, self.sent_request(body)));
        let accepted =
            send(&self.client, request).await.map_err(|error| error.with_endpoint(&*self.endpoint))?;
        let Accepted { request_id, status_url, response_url, cancel_url } = accepted;
        let digest = sent.accept(&self.client, &request_id);
        record_request_id(Some(&request_id));
        tracing::debug!(request_id, "queued");
        let urls = ServerUrls { status: status_url, result: response_url, cancel: cancel_url };
        let (client, endpoint, retry) =
            (self.client.clone(), self.endpoint.to_string(), self.options.retry.clone());
        let handle = RequestHandle::new(client, endpoint, request_id, &urls, retry);
        // Nothing is awaited in between, so a process that is killed afterwards has not lost the request.
        if let Some(on_queued) = self.on_queued.take() {
            on_queued(&handle);
        }
        Ok((handle, digest))
    }
}

/// Sends a submit once fewer than the allowed number of requests are under way.
async fn send(client: &Client, request: &Request) -> Result<Accepted> {
    let response = {
        let _permit = client.0.queue.acquire_request().await;
        client.0.transport.send(request).await?
    };
    let accepted: Accepted = response.json()?;
    if accepted.request_id.is_empty() {
        let kind = ErrorKind::Decode { path: "request_id".to_owned() };
        let error = Error::new(kind, "the queue gave no request id");
        return Err(error.with_response(response.status, response.body));
    }
    Ok(accepted)
}

/// The queue's response to a submit.
#[derive(Deserialize)]
struct Accepted {
    request_id: String,
    status_url: Option<String>,
    response_url: Option<String>,
    cancel_url: Option<String>,
}
