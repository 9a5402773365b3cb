//! A delivery that fal has signed.

use std::{fmt, time::SystemTime};

use bytes::Bytes;
use fal_core::Endpoint;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{guard::Claim, message::Claims};
use crate::{Error, ErrorKind, Result, transport::Response};

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
    pub(super) fn read(claims: &Claims<'_>, body: Bytes, claim: Option<Claim>) -> Result<Self> {
        // As an answer, because that is what says where reading fails.
        let answer = Response { status: StatusCode::OK, headers: HeaderMap::new(), body: body.clone() };
        let envelope: Envelope<'_> = serde_json::from_slice(&body).map_err(|cause| {
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            let message = format!("a signed webhook is not in fal's form: {cause}");
            let error = Error::new(kind, message).with_source(cause);
            error.with_response(answer.status, answer.body).with_request_id(Some(claims.request_id))
        })?;
        let payload = envelope.payload.map(RawValue::get).unwrap_or("null");
        let (is_part, end) = (envelope.payload.is_some(), payload.len());
        let payload = if is_part { body.slice_ref(payload.as_bytes()) } else { Bytes::from_static(b"null") };
        debug_assert_eq!(payload.len(), end);
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

    /// The request that is completed, as [`Job::request_id`](crate::queue::Job::request_id) gave it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The last attempt at the request, in fal's gateway.
    #[must_use]
    pub fn gateway_request_id(&self) -> Option<&str> {
        self.gateway_request_id.as_deref()
    }

    /// The account the request belongs to.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// When the delivery was signed, to the second.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }

    /// Whether the model answered. [`parse`](Self::parse) has its answer, or what went wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == "OK"
    }

    /// What went wrong with the request, such as `Invalid status code: 422`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Why there is no payload although the model answered: its answer is not JSON, say.
    #[must_use]
    pub fn payload_error(&self) -> Option<&str> {
        self.payload_error.as_deref()
    }

    /// The JSON text of the payload: the model's output, or the body of its error; `null` when there is none.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Everything that was delivered, as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the model answered.
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
    /// When the request failed, the error that fetching its result would give; `Decode` when the payload is
    /// not the output that `E` promises, or was left out. It can then be fetched with
    /// [`EndpointHandle::job`](crate::EndpointHandle::job).
    pub fn parse<E: Endpoint>(&self) -> Result<E::Output> {
        self.read_as().map_err(|error| error.with_endpoint(E::ID).with_request_id(Some(&self.request_id)))
    }

    fn read_as<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.is_ok() {
            return Err(self.failure());
        }
        if let Some(why) = &self.payload_error {
            let kind = ErrorKind::Decode { path: "payload".to_owned() };
            let message =
                format!("the answer was left out of the webhook: {why}; fetch it with `Client::job`");
            return Err(Error::new(kind, message).with_response(StatusCode::OK, self.body.clone()));
        }
        let answer =
            Response { status: StatusCode::OK, headers: HeaderMap::new(), body: self.payload.clone() };
        answer.json()
    }

    fn failure(&self) -> Error {
        let text = self.error.as_deref().unwrap_or("the request failed without a reason");
        let status = text.rsplit(' ').next().and_then(|code| code.parse().ok());
        let status = status.filter(|status: &StatusCode| !status.is_success());
        match status {
            Some(status) if *self.payload != *b"null" => {
                Error::from_answer(status, &HeaderMap::new(), self.payload.clone())
            }
            Some(status) => Error::from_answer(status, &HeaderMap::new(), Bytes::new()),
            None => Error::new(ErrorKind::Api, text),
        }
    }

    /// Says that the request is handled, so that a verifier that [remembers](super::Verifier::remember)
    /// refuses it from now on. Without it, the next delivery of the same request is taken like the first,
    /// which is right when handling it failed.
    pub fn acknowledge(&self) {
        if let Some(claim) = &self.claim {
            claim.done();
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("request_id", &self.request_id)
            .field("status", &self.status)
            .field("error", &self.error)
            .field("payload_error", &self.payload_error)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish_non_exhaustive()
    }
}
