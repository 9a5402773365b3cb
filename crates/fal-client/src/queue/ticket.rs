//! Tickets: requests in a form that can be stored.

use std::{fmt, marker::PhantomData};

use fal_core::Endpoint;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::request_handle::RequestHandle;
use crate::{Client, Error, server_urls::ServerUrls};

/// A request in the queue, in a form that can be stored and resumed by another process.
///
/// Serialized as `{"endpoint": "fal-ai/flux/dev", "request_id": "764…"}`, with the URLs of the request if they
/// do not follow from the ids. Deserializing fails for a ticket of another endpoint. Contains no key.
///
/// ```
/// # enum Dev {}
/// # impl fal_client::Endpoint for Dev {
/// #     const ID: &'static str = "fal-ai/flux/dev";
/// #     type Input = serde_json::Value;
/// #     type Output = serde_json::Value;
/// # }
/// # enum Schnell {}
/// # impl fal_client::Endpoint for Schnell {
/// #     const ID: &'static str = "fal-ai/flux/schnell";
/// #     type Input = serde_json::Value;
/// #     type Output = serde_json::Value;
/// # }
/// use fal_client::queue::Ticket;
///
/// let stored = serde_json::to_string(&Ticket::<Dev>::new("764cabcf"))?;
/// assert_eq!(stored, r#"{"endpoint":"fal-ai/flux/dev","request_id":"764cabcf"}"#);
///
/// let ticket: Ticket<Dev> = serde_json::from_str(&stored)?;
/// assert_eq!(ticket.request_id(), "764cabcf");
/// let error = serde_json::from_str::<Ticket<Schnell>>(&stored).unwrap_err();
/// assert!(error.to_string().starts_with("a ticket of `fal-ai/flux/dev`, not of `fal-ai/flux/schnell`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Ticket<E> {
    endpoint: String,
    request_id: String,
    urls: ServerUrls,
    marker: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Ticket<E> {
    /// Creates the ticket of a request by its id.
    #[must_use]
    pub fn new(request_id: impl Into<String>) -> Self {
        Self::with_endpoint(E::ID, request_id)
    }

    /// Returns the ticket of the request that failed with this error, if it is in the queue, or was.
    pub(crate) fn from_error(error: &Error) -> Option<Self> {
        let (endpoint, request_id) = (error.endpoint()?, error.request_id()?);
        Some(Self { urls: error.server_urls()?.clone(), ..Self::with_endpoint(endpoint, request_id) })
    }

    pub(crate) fn with_endpoint(endpoint: impl Into<String>, request_id: impl Into<String>) -> Self {
        let (endpoint, request_id) = (endpoint.into(), request_id.into());
        Self { endpoint, request_id, urls: ServerUrls::default(), marker: PhantomData }
    }
}

impl<E: Endpoint> From<&RequestHandle> for Ticket<E> {
    fn from(handle: &RequestHandle) -> Self {
        Self { urls: handle.server_urls(), ..Self::with_endpoint(handle.endpoint(), handle.request_id()) }
    }
}

impl<E> Ticket<E> {
    /// Returns an error of this request.
    pub(crate) fn with_error(self, error: Error) -> Error {
        error.with_queued(&self.endpoint, &self.request_id, self.urls)
    }

    pub(crate) fn into_handle(self, client: Client) -> RequestHandle {
        RequestHandle::new(client, self.endpoint, self.request_id, &self.urls, None)
    }

    /// Returns the ticket as one of `E`, or `None` if it is of another endpoint.
    pub(crate) fn with_type<T: Endpoint>(self) -> Option<Ticket<T>> {
        let Self { endpoint, request_id, urls, .. } = self;
        let is_same = T::ID.is_empty() || T::ID == endpoint;
        is_same.then(|| Ticket { urls, ..Ticket::with_endpoint(endpoint, request_id) })
    }

    /// Returns the id of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the id of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// The serialized form.
#[derive(Serialize, Deserialize)]
struct Stored {
    endpoint: String,
    request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel_url: Option<String>,
}

impl<E> Serialize for Ticket<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { endpoint, request_id, urls, .. } = self.clone();
        let ServerUrls { status: status_url, result: response_url, cancel: cancel_url } = urls;
        Stored { endpoint, request_id, status_url, response_url, cancel_url }.serialize(serializer)
    }
}

impl<'de, E: Endpoint> Deserialize<'de> for Ticket<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        // The untyped endpoint has no id of its own and takes every ticket.
        if !E::ID.is_empty() && stored.endpoint != E::ID {
            return Err(D::Error::custom(format_args!(
                "a ticket of `{}`, not of `{}`",
                stored.endpoint.escape_debug(),
                E::ID
            )));
        }
        let urls =
            ServerUrls { status: stored.status_url, result: stored.response_url, cancel: stored.cancel_url };
        Ok(Self { urls, ..Self::with_endpoint(stored.endpoint, stored.request_id) })
    }
}

// By hand, because `E` need be none of these.
impl<E> Clone for Ticket<E> {
    fn clone(&self) -> Self {
        let (endpoint, request_id) = (self.endpoint.clone(), self.request_id.clone());
        Self { endpoint, request_id, urls: self.urls.clone(), marker: PhantomData }
    }
}

impl<E> PartialEq for Ticket<E> {
    fn eq(&self, other: &Self) -> bool {
        (&self.endpoint, &self.request_id, &self.urls) == (&other.endpoint, &other.request_id, &other.urls)
    }
}

impl<E> Eq for Ticket<E> {}

impl<E> fmt::Debug for Ticket<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("endpoint", &self.endpoint)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::untyped::Any;

    #[test]
    fn untyped_ticket_keeps_its_endpoint_and_urls() {
        let stored = r#"{"endpoint":"acme/app","request_id":"r1","status_url":"https://x/y"}"#;
        let ticket: Ticket<Any> = serde_json::from_str(stored).unwrap();
        assert_eq!((ticket.endpoint(), ticket.request_id()), ("acme/app", "r1"));
        assert_eq!(serde_json::to_string(&ticket).unwrap(), stored);
        assert_eq!(ticket.clone(), ticket);
    }

    #[test]
    fn incomplete_tickets_are_errors() {
        for stored in ["{}", r#"{"endpoint":"acme/app"}"#, r#"{"request_id":"r1"}"#, "null"] {
            assert!(serde_json::from_str::<Ticket<Any>>(stored).is_err(), "{stored}");
        }
    }
}
