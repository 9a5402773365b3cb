//! `run`: one request, one answer, no queue.

use std::{borrow::Cow, pin::pin};

use fal_core::{Endpoint, IntoInput};
use tracing::{Instrument, field::Empty};

use crate::{
    BoxFuture, Client, Pending, Reply, Result,
    call::{CallOptions, within},
    prepare::{self, Written},
    reply::Answered,
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
}

impl<E: Endpoint> IntoFuture for Run<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<E::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options } = self;
        let input = prepare::write(input, options.unchecked);
        Pending::new(endpoint.clone(), exchange(client, endpoint, input, options))
    }
}

fn exchange(
    client: Client,
    endpoint: Cow<'static, str>,
    input: Result<Written>,
    mut options: CallOptions,
) -> BoxFuture<Result<Answered>> {
    let span = tracing::info_span!("fal.run", %endpoint, request_id = Empty);
    let call = async move {
        let limit = options.timeout(&client);
        let call = pin!(async {
            let base = &client.hosts().run;
            let request = prepare::request(&client, base, &endpoint, input, &mut options).await?;
            let answer = client.0.transport.send(&request).await?;
            tracing::Span::current().record("request_id", answer.request_id());
            Ok(answer.into())
        });
        within(limit, &endpoint, call).await
    };
    Box::pin(call.instrument(span))
}
