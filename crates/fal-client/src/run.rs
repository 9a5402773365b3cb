//! Direct calls: one request, one response, no queue.

use std::{borrow::Cow, time::Duration};

use fal_core::{Endpoint, IntoInput};
use tracing::Instrument;

use crate::{
    BoxFuture, Client, Pending, Reply, Result,
    call::Call,
    hosts::Service,
    meter::{CallMeter, record_units},
    options::CallOptions,
    reply::{CallResponse, billable_units},
    spans::{record_failure, record_request_id},
    timeout::within,
};

/// The longest time for which fal lets a request run.
pub(crate) const RUN_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A direct call, from [`Client::run`]. Sent by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct RunRequest<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    options: CallOptions,
}

input_options!(RunRequest);
debug_call!(RunRequest);

impl<E: Endpoint> RunRequest<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        Self { client, endpoint, input: input.into_input(), options: CallOptions::default() }
    }

    /// Limits the time for which the connection may be silent, until the answer begins and while it is read.
    ///
    /// By default the answer begins within an hour, as long as fal lets a request run, and its body then follows the
    /// client's [`idle_timeout`](crate::ClientBuilder::idle_timeout). `None` is no limit.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = Some(limit.into());
        self
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl<E: Endpoint> IntoFuture for RunRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options } = self;
        Pending::reply(endpoint.clone(), run(Call::new(client, endpoint, input, options)))
    }
}

/// Sends the call. Boxed here, where it is compiled once rather than for each model.
fn run(call: Call) -> BoxFuture<'static, Result<CallResponse>> {
    let span = call_span!("fal.run", &*call.endpoint);
    let exchange = async move {
        let (client, endpoint, limit) = (call.client.clone(), call.endpoint.clone(), call.limit());
        let meter = CallMeter::start("run");
        let exchange = async {
            let has_idle_timeout = call.options.idle_timeout.is_some();
            let mut request = call.into_request(Service::Run).await?;
            request.answer_timeout = (!has_idle_timeout).then_some(RUN_TIMEOUT);
            let response = client.0.transport.send(&request).await?;
            record_request_id(response.request_id());
            Ok(response.into())
        };
        let result: Result<CallResponse> = within(limit, &endpoint, exchange).await;
        if let Ok(response) = &result {
            record_units(&endpoint, billable_units(&response.response.headers));
        }
        meter.finish(&endpoint, &result);
        record_failure(result)
    };
    Box::pin(exchange.instrument(span))
}
