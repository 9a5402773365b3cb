//! Constructors of [`Platform`].

use std::fmt;

use http::HeaderValue;

use crate::{Auth, Platform};

/// The base URL of the platform API of fal.
pub const BASE_URL: &str = "https://api.fal.ai/v1";

/// The error for a key with characters that are not allowed in an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey(());

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fal key has characters that no HTTP header can carry; copy it again from https://fal.ai/dashboard/keys")
    }
}

impl std::error::Error for InvalidKey {}

impl Platform {
    /// Creates a client of the platform API of fal with an API key.
    ///
    /// Some operations need a key with admin scope; their docs say so. `http` should not follow redirects, because it
    /// would send the key to the new address.
    ///
    /// # Errors
    ///
    /// Fails if the key has characters that are not allowed in an HTTP header.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use fal_platform::Platform;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    /// let platform = Platform::with_key(http, std::env::var("FAL_KEY")?)?;
    /// let billing = platform.get_billing().send().await?;
    /// println!("{}", billing.username);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_key(http: reqwest::Client, key: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let header = format!("Key {}", key.as_ref().trim());
        let header = HeaderValue::from_str(&header).map_err(|_| InvalidKey(()))?;
        Ok(Self::with_base_url(BASE_URL, http, Auth::from_header(header)))
    }

    /// Creates a client of the platform API at another base URL, such as that of an emulator.
    #[must_use]
    pub fn with_base_url(base_url: &str, http: reqwest::Client, auth: Auth) -> Self {
        Self::new_with_client(base_url.trim_end_matches('/'), http, auth)
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidKey;

    #[test]
    fn the_error_for_a_key_links_to_the_keys() {
        assert!(InvalidKey(()).to_string().contains("https://fal.ai/dashboard/keys"));
    }
}
