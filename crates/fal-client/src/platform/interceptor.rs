//! The client's middleware around the requests of the platform API.

use std::mem;

use fal_platform::{Interceptor, InterceptorFuture};
use http::Method;

use crate::{Client, headers::is_json, middleware::OutgoingRequest};

/// Shows the requests and responses of the platform API to the middleware of a client.
pub(super) struct MiddlewareInterceptor {
    client: Client,
}

impl MiddlewareInterceptor {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Interceptor for MiddlewareInterceptor {
    fn change<'a>(&'a self, request: &'a mut reqwest::Request) -> InterceptorFuture<'a> {
        Box::pin(async move {
            let transport = &self.client.0.transport;
            let json =
                request.body().and_then(reqwest::Body::as_bytes).filter(|_| is_json(request.headers()));
            let mut outgoing = OutgoingRequest {
                method: request.method().clone(),
                url: request.url().clone(),
                json: json.map(|json| json.to_vec().into()),
                headers: mem::take(request.headers_mut()),
                is_for_fal: true,
                attempt: 1,
            };
            let changed = match transport.middleware.change(&mut outgoing).await {
                Ok(()) => transport.check_changed_url(true, request.url(), &outgoing.url),
                Err(error) => Err(error),
            };
            changed.map_err(|error| error.message().to_owned())?;
            *request.method_mut() = outgoing.method;
            *request.url_mut() = outgoing.url;
            *request.headers_mut() = outgoing.headers;
            if let Some(json) = outgoing.json {
                *request.body_mut() = Some(json.into());
            }
            Ok(())
        })
    }

    fn read(&self, method: &Method, response: &reqwest::Response) {
        let head = (response.status(), response.headers());
        self.client.0.transport.middleware.read(method, response.url(), head, None);
    }
}
