//! Making a [`Platform`].

use std::fmt;

use http::HeaderValue;

use crate::{Auth, Platform};

/// Where fal serves its platform API.
pub const BASE_URL: &str = "https://api.fal.ai/v1";

/// A key has characters that no HTTP header can carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey(());

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fal key has characters that no HTTP header can carry; copy it again from https://fal.ai/dashboard/keys")
    }
}

impl std::error::Error for InvalidKey {}

impl Platform {
    /// The platform API of fal, called with a key. Some operations need one with admin scope; their docs say so.
    ///
    /// `http` should follow no redirects, for they would carry the key along.
    ///
    /// # Errors
    ///
    /// When the key cannot be put in a header.
    pub fn with_key(http: reqwest::Client, key: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let header = format!("Key {}", key.as_ref().trim());
        let header = HeaderValue::from_str(&header).map_err(|_| InvalidKey(()))?;
        Ok(Self::at(BASE_URL, http, Auth::header(header)))
    }

    /// The platform API at another address, such as that of an emulator.
    #[must_use]
    pub fn at(base_url: &str, http: reqwest::Client, auth: Auth) -> Self {
        Self::new_with_client(base_url.trim_end_matches('/'), http, auth)
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidKey;

    #[test]
    fn a_bad_key_says_what_to_do() {
        assert!(InvalidKey(()).to_string().contains("https://fal.ai/dashboard/keys"));
    }
}
