//! `run`: one request, one answer, no queue.

use std::{borrow::Cow, future::ready, pin::pin};

use fal_core::{Endpoint, IntoInput};
use tracing::{Instrument, field::Empty};

use crate::{
    BoxFuture, Client, Pending, Reply, Result,
    call::{CallOptions, within},
    prepare::{self, Draft, Written},
    reply::CallResponse,
};

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

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl<E: Endpoint> IntoFuture for RunRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, endpoint, input, options } = self;
        let input = prepare::write(input, options.skip_validation);
        Pending::reply(endpoint.clone(), exchange(client, endpoint, input, options))
    }
}

fn exchange(
    client: Client,
    endpoint: Cow<'static, str>,
    input: Result<Written>,
    options: CallOptions,
) -> BoxFuture<'static, Result<CallResponse>> {
    let span = tracing::info_span!("fal.run", %endpoint, request_id = Empty);
    let limit = options.timeout(&client);
    let mut draft = match Draft::new(&client, &client.hosts().run, &endpoint, input, options) {
        Ok(draft) => draft,
        Err(error) => return Box::pin(ready(Err(error))),
    };
    let call = async move {
        let call = pin!(async {
            let request = draft.complete(&client).await?;
            let answer = client.0.transport.send(request).await?;
            tracing::Span::current().record("request_id", answer.request_id());
            Ok(answer.into())
        });
        within(limit, &endpoint, call).await
    };
    Box::pin(call.instrument(span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untyped;

    /// Every call allocates as much.
    #[test]
    fn a_call_is_small() {
        let client = Client::builder().emulator("http://127.0.0.1:9").build().unwrap();
        let call = client.run(untyped::input("acme/app", serde_json::json!({})));
        let input = prepare::write(call.input, false);
        let size = size_of_val(&*exchange(client, call.endpoint, input, call.options));
        assert!(size <= 2048, "{size} bytes");
    }
}
