//! Extraction of deliveries in axum's handlers.

use axum_core::{
    body::Body,
    extract::{FromRef, FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::RETRY_AFTER;

use super::{Delivery, Rejection, Verifier, response_status};
use crate::{Error, ErrorKind};

/// Verifies the request with the [`Verifier`] in the router's state, so that a handler only gets what fal has signed.
///
/// The limit of the body is the verifier's [`max_body`](Verifier::max_body), not axum's `DefaultBodyLimit`. The body is
/// not read if the headers are invalid.
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
            let claims = verifier.check_headers(&parts.headers)?;
            let body = read_body(body, verifier.body_limit()).await?;
            verifier.verify_body(claims, body).await
        };
        delivery.await.map_err(Rejected)
    }
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Error> {
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

/// The rejection of a request by the extractor of [`Delivery`]. It responds with [`response_status`] and the reason.
#[derive(Debug)]
pub struct Rejected(pub Error);

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        tracing::debug!(error = %self.0, "a webhook was rejected");
        let status = response_status(&self.0);
        let text =
            self.0.rejection().map_or_else(|| "try again".to_owned(), |rejection| rejection.to_string());
        let mut response = (status, text).into_response();
        if status == http::StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("10"));
        }
        response
    }
}
