//! Authorization of requests.

use std::{fmt, sync::Arc};

use http::{HeaderValue, header::AUTHORIZATION};

use crate::Interceptor;

/// The authorization of requests: an API key, or none.
///
/// The `Debug` output does not contain the key.
#[derive(Clone)]
pub struct Auth {
    header: Option<HeaderValue>,
    pub(crate) interceptor: Option<Arc<dyn Interceptor>>,
}

impl Auth {
    /// Creates an authorization without a key, which is enough to list models.
    #[must_use]
    pub const fn none() -> Self {
        Self { header: None, interceptor: None }
    }

    /// Creates an authorization from the value of the `Authorization` header, such as `Key id:secret`.
    #[must_use]
    pub fn from_header(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self { header: Some(value), interceptor: None }
    }

    /// Sets the header of a request. Generated code calls this method before it sends the request.
    pub(crate) fn apply(&self, request: &mut reqwest::Request) {
        if let Some(value) = &self.header {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.header.is_some() { "Auth(key)" } else { "Auth(none)" })
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
