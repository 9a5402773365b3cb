//! Authorization of requests.

use std::fmt;

use http::{HeaderValue, header::AUTHORIZATION};

/// The authorization of requests: an API key, or none.
///
/// The `Debug` output does not contain the key.
#[derive(Clone)]
pub struct Auth(Option<HeaderValue>);

impl Auth {
    /// Creates an authorization without a key, which is enough to list models.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Creates an authorization from the value of the `Authorization` header, such as `Key id:secret`.
    #[must_use]
    pub fn from_header(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self(Some(value))
    }

    /// Sets the header of a request. Generated code calls this method before it sends the request.
    pub(crate) fn apply(&self, request: &mut reqwest::Request) {
        if let Some(value) = &self.0 {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Auth(key)" } else { "Auth(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_the_key() {
        let auth = Auth::from_header(HeaderValue::from_static("Key very:secret"));
        assert_eq!(format!("{auth:?}"), "Auth(key)");
    }
}
