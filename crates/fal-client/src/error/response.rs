//! Errors as responses of axum's handlers.

use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde_json::json;

use super::Error;

/// Answers the caller of a server with the [suggested status](Error::suggested_status), so that handlers pass failures on
/// with `?`. With the feature `axum`.
///
/// If the [input is at fault](Error::is_callers_fault), the body is `{"message": "…", "fields": […]}` with the
/// [field errors](Error::field_errors). Of every other failure, the caller learns only the status: `{"message": "Bad
/// Gateway", "fields": []}`. The error itself is an event of `tracing`.
///
/// ```
/// use axum::{Json, extract::State, response::Result};
/// use fal_client::Client;
/// use fal_flux::dev;
///
/// async fn picture(State(client): State<Client>, Json(input): Json<dev::Input>) -> Result<Json<dev::Output>> {
///     Ok(Json(client.subscribe(input).await?.into_inner()))
/// }
///
/// let routes = axum::Router::new().route("/pictures", axum::routing::post(picture));
/// # let _: axum::Router<Client> = routes;
/// ```
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.suggested_status();
        let message = if self.is_callers_fault() {
            self.message()
        } else {
            tracing::error!(error = %self, "a call of fal has failed");
            status.canonical_reason().unwrap_or_default()
        };
        let body = json!({ "message": message, "fields": self.field_errors() });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fal_core::Violation;
    use http::{HeaderMap, StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::ErrorKind;

    async fn answer(error: Error) -> (StatusCode, Value) {
        let (parts, body) = error.into_response().into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (parts.status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn caller_learns_its_own_mistakes() {
        let violation = Violation::new("body.num_images", "`num_images` must be at most 4", json!(9));
        let (status, body) = answer(Error::from(fal_core::Violations::from(violation))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["fields"][0]["path"], "body.num_images");
        assert!(body["message"].as_str().unwrap().contains("at most 4"), "{body}");
    }

    #[tokio::test]
    async fn caller_learns_nothing_about_the_account() {
        let body = Bytes::from_static(br#"{"detail": "User is locked. Reason: Exhausted balance"}"#);
        let error = Error::from_response(StatusCode::FORBIDDEN, &HeaderMap::new(), body);
        let (status, body) = answer(error).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, json!({ "message": "Service Unavailable", "fields": [] }));

        let (_, body) = answer(Error::new(ErrorKind::Config, "no fal key: FAL_KEY is not set")).await;
        assert_eq!(body["message"], "Internal Server Error");
    }
}
