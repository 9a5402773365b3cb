//! Deliveries as arguments of axum's handlers.

use axum_core::{
    body::Body,
    extract::{FromRef, FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::RETRY_AFTER;

use super::{Delivery, Rejection, Verifier, status_of};
use crate::{Error, ErrorKind};

/// Verifies the request with the [`Verifier`] of the router's state. A handler sees only what fal has signed.
///
/// The verifier's own [`max_body`](Verifier::max_body) counts, not axum's `DefaultBodyLimit`. Nothing of the
/// body is read while the headers are wrong.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use fal_client::webhook::{Delivery, Verifier};
///
/// async fn on_webhook(delivery: Delivery) -> StatusCode {
///     println!("{} is completed", delivery.request_id());
///     delivery.acknowledge();
///     StatusCode::OK
/// }
///
/// fn app(verifier: Verifier) -> Router {
///     Router::new().route("/fal", post(on_webhook)).with_state(verifier)
/// }
/// ```
impl<S: Send + Sync> FromRequest<S> for Delivery
where
    Verifier: FromRef<S>,
{
    type Rejection = Rejected;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let verifier = Verifier::from_ref(state);
        let (parts, body) = request.into_parts();
        let delivery = async {
            let claims = verifier.check(&parts.headers)?;
            let body = read(body, verifier.body_limit()).await?;
            verifier.verify_body(claims, body).await
        };
        delivery.await.map_err(Rejected)
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Error> {
    let mut chunks = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|cause| {
            Error::new(ErrorKind::Transport, "the webhook broke off").with_source(cause.into_inner())
        })?;
        if chunk.len() > limit - whole.len() {
            return Err(Rejection::TooLarge(limit).into());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Why a handler with a [`Delivery`] was not called. Answers with [`status_of`] and the reason.
#[derive(Debug)]
pub struct Rejected(pub Error);

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        tracing::debug!(error = %self.0, "a webhook was not taken");
        let status = status_of(&self.0);
        let text =
            self.0.rejection().map_or_else(|| "try again".to_owned(), |rejection| rejection.to_string());
        let mut response = (status, text).into_response();
        if status == http::StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("10"));
        }
        response
    }
}
