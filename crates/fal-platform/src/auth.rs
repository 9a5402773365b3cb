//! Who is calling.

use std::fmt;

use http::{HeaderValue, header::AUTHORIZATION};

/// The `Authorization` header of every request, or none. Printing it never shows the key.
#[derive(Clone)]
pub struct Auth(Option<HeaderValue>);

impl Auth {
    /// Requests carry no key. Enough to list models.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Requests carry this header, such as `Key id:secret`.
    #[must_use]
    pub fn header(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self(Some(value))
    }

    /// What generated code calls before it sends a request.
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
    fn a_key_is_never_printed() {
        let auth = Auth::header(HeaderValue::from_static("Key very:secret"));
        assert_eq!(format!("{auth:?}"), "Auth(key)");
    }
}
