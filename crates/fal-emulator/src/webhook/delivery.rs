//! One attempt to deliver a webhook.

use serde_json::{Value, json};

/// One attempt to deliver a webhook.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The id of the completed request.
    pub request_id: String,
    /// The URL of the receiver.
    pub url: String,
    /// The number of the attempt, starting with 1.
    pub attempt: u32,
    /// The headers that were sent, including the signature.
    pub headers: Vec<(String, String)>,
    /// The JSON body that was sent.
    pub body: Vec<u8>,
    /// The status that the receiver answered with, or the error for which there is none.
    pub outcome: Result<u16, String>,
    /// The scope of the request, if it belongs to one.
    pub scope: Option<String>,
}

impl Delivery {
    /// Returns true if the receiver answered with a 2xx status.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|status| (200..300).contains(status))
    }

    /// Returns the attempt as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let headers: Value = self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "request_id": self.request_id,
            "url": self.url,
            "attempt": self.attempt,
            "headers": headers,
            "json": serde_json::from_slice::<Value>(&self.body).unwrap_or_default(),
            "status": self.outcome.as_ref().ok(),
            "error": self.outcome.as_ref().err(),
            "scope": self.scope,
        })
    }

    /// Returns true if another attempt follows. A redirect is neither followed nor tried again.
    pub(super) fn is_retryable(&self) -> bool {
        !self.is_accepted() && self.outcome.as_ref().map_or(true, |status| !(300..400).contains(status))
    }
}
