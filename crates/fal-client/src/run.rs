//! `run`: one request, one answer, no queue.

use std::borrow::Cow;

use fal_core::{Endpoint, IntoInput};
use tracing::{Instrument, field::Empty};

use crate::{
    BoxFuture, Client, Reply, Result,
    call::{CallOptions, within},
    prepare,
};

/// A direct call, from [`Client::run`]. Sent by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct Run<E: Endpoint> {
    client: Client,
    endpoint: Cow<'static, str>,
    input: E::Input,
    options: CallOptions,
}

input_options!(Run);
debug_call!(Run);

impl<E: Endpoint> Run<E> {
    pub(crate) fn new(client: Client, input: impl IntoInput<Endpoint = E>) -> Self {
        let endpoint = input.endpoint_id();
        Self { client, endpoint, input: input.into_input(), options: CallOptions::default() }
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn send(self) -> Result<Reply<E::Output>> {
        let Self { client, endpoint, input, mut options } = self;
        let limit = options.timeout(&client);
        let call = async {
            let request =
                prepare::request(&client, &client.hosts().run, &endpoint, input, &mut options).await?;
            let answer = client.0.transport.send(&request).await?;
            tracing::Span::current().record("request_id", answer.request_id());
            Reply::read(answer, None)
        };
        within(limit, &endpoint, call).await.map_err(|error| error.at(endpoint.as_ref()))
    }
}

impl<E: Endpoint> IntoFuture for Run<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!("fal.run", endpoint = %self.endpoint, request_id = Empty);
        Box::pin(self.send().instrument(span))
    }
}
