//! Verified deliveries.

use std::{fmt, time::SystemTime};

use bytes::Bytes;
use fal_core::Endpoint;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{guard::Claim, message::Claims};
use crate::{
    Error, ErrorKind, Result,
    redact::{Secrets, Shown},
    transport::Response,
};

/// A delivery that fal has signed, from [`Verifier::verify`](super::Verifier::verify).
pub struct Delivery {
    request_id: String,
    gateway_request_id: Option<String>,
    user_id: String,
    sent_at: SystemTime,
    status: String,
    error: Option<String>,
    payload_error: Option<String>,
    payload: Bytes,
    body: Bytes,
    claim: Option<Claim>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    request_id: String,
    gateway_request_id: Option<String>,
    status: String,
    error: Option<String>,
    payload_error: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Delivery {
    pub(super) fn parse_body(claims: &Claims<'_>, body: Bytes, claim: Option<Claim>) -> Result<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(&body).map_err(|cause| {
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            let message = format!("a signed webhook is not in fal's form: {cause}");
            let error = Error::new(kind, message).with_source(cause);
            error.with_response(StatusCode::OK, body.clone()).with_request_id(Some(claims.request_id))
        })?;
        let payload = match envelope.payload {
            Some(payload) => body.slice_ref(payload.get().as_bytes()),
            None => Bytes::from_static(b"null"),
        };
        Ok(Self {
            request_id: envelope.request_id,
            gateway_request_id: envelope.gateway_request_id,
            user_id: claims.user_id.to_owned(),
            sent_at: claims.sent_at,
            status: envelope.status,
            error: envelope.error,
            payload_error: envelope.payload_error,
            payload,
            body,
            claim,
        })
    }

    /// Returns the id of the completed request, which is also that of its [`Job`](crate::queue::Job).
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Returns the id of the last attempt at the request in fal's gateway.
    #[must_use]
    pub fn gateway_request_id(&self) -> Option<&str> {
        self.gateway_request_id.as_deref()
    }

    /// Returns the id of the account that the request belongs to.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Returns the time at which the delivery was signed, to the second.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }

    /// Returns true if the request succeeded. [`parse`](Self::parse) returns its output or its error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == "OK"
    }

    /// Returns fal's description of a failure, such as `Invalid status code: 422`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns the reason for a missing payload of a request that succeeded, such as an output that is not JSON.
    #[must_use]
    pub fn payload_error(&self) -> Option<&str> {
        self.payload_error.as_deref()
    }

    /// Returns the JSON text of the payload: the output of the model, or the body of its error. `null` if it is missing.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Returns the whole body of the delivery.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Decodes the output of the model.
    ///
    /// ```
    /// # use fal_client::{Endpoint, Result, webhook::Delivery};
    /// fn on_delivery<M: Endpoint<Output: std::fmt::Debug>>(delivery: &Delivery) {
    ///     match delivery.parse::<M>() {
    ///         Ok(output) => println!("{output:?}"),
    ///         Err(error) if error.is_validation() => println!("the input was refused: {error}"),
    ///         Err(error) => println!("{error}"),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the request failed, the error that fetching its result would return. `Decode` if the payload is not the output of
    /// `E` or was left out; the output can then be fetched with [`Job::result`](crate::queue::Job::result).
    pub fn parse<E: Endpoint>(&self) -> Result<E::Output> {
        self.decode().map_err(|error| error.with_endpoint(E::ID).with_request_id(Some(&self.request_id)))
    }

    fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.is_ok() {
            return Err(self.failure());
        }
        if let Some(why) = &self.payload_error {
            let kind = ErrorKind::Decode { path: "payload".to_owned() };
            let message =
                format!("the answer was left out of the webhook: {why}; fetch it with `Job::result`");
            return Err(Error::new(kind, message).with_response(StatusCode::OK, self.body.clone()));
        }
        let response = Response {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: self.payload.clone(),
            secrets: Secrets::default(),
        };
        response.json()
    }

    fn failure(&self) -> Error {
        let text = self.error.as_deref().unwrap_or("the request failed without a reason");
        let status = text.rsplit(' ').next().and_then(|code| code.parse().ok());
        let status = status.filter(|status: &StatusCode| !status.is_success());
        match status {
            Some(status) if *self.payload != *b"null" => {
                Error::from_response(status, &HeaderMap::new(), self.payload.clone())
            }
            Some(status) => Error::from_response(status, &HeaderMap::new(), Bytes::new()),
            None => Error::new(ErrorKind::Api, text),
        }
    }

    /// Marks the request as handled, so that a verifier that [remembers](super::Verifier::remember) requests rejects later
    /// deliveries of it.
    ///
    /// Without this call the next delivery is accepted again, as it should be if handling the first one failed.
    pub fn acknowledge(&self) {
        if let Some(claim) = &self.claim {
            claim.done();
        }
    }
}

/// The longest `Debug` output of a failure, in bytes.
const MAX_ERROR: usize = 500;

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("request_id", &self.request_id)
            .field("status", &self.status)
            .field("error", &Shown::new(&self.error, MAX_ERROR))
            .field("payload_error", &Shown::new(&self.payload_error, MAX_ERROR))
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish_non_exhaustive()
    }
}
