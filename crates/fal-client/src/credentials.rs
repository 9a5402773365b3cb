//! Who is calling: a key, or nobody.

use std::fmt;

use http::HeaderValue;

use crate::{Error, ErrorKind, Result, config::Lookup};

/// How requests are authorized. Printing it never shows the key.
///
/// ```
/// use fal_client::Credentials;
///
/// let key = Credentials::key("0a1b2c:3d4e5f");
/// assert_eq!(format!("{key:?}"), "Credentials(key)");
/// ```
#[derive(Clone)]
pub struct Credentials(Option<String>);

impl Credentials {
    /// An API key as the dashboard shows it, usually `id:secret`.
    pub fn key(key: impl Into<String>) -> Self {
        Self(Some(key.into().trim().to_owned()))
    }

    /// The two halves of an API key, `FAL_KEY_ID` and `FAL_KEY_SECRET`.
    pub fn key_pair(id: impl AsRef<str>, secret: impl AsRef<str>) -> Self {
        Self::key(format!("{}:{}", id.as_ref().trim(), secret.as_ref().trim()))
    }

    /// No key. Enough for an emulator and for apps deployed as `public`.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// The key of the environment, found the way the official clients find it.
    pub(crate) fn from_env(lookup: &Lookup) -> Result<Self> {
        let read = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        if let Some(key) = read("FAL_KEY") {
            return Ok(Self::key(key));
        }
        if let (Some(id), Some(secret)) = (read("FAL_KEY_ID"), read("FAL_KEY_SECRET")) {
            return Ok(Self::key_pair(id, secret));
        }
        let state = |name: &str| match lookup(name) {
            None => format!("{name} is not set"),
            Some(value) if value.trim().is_empty() => format!("{name} is empty"),
            Some(_) => format!("{name} is set"),
        };
        Err(missing(&format!("{}, {}, {}", state("FAL_KEY"), state("FAL_KEY_ID"), state("FAL_KEY_SECRET"))))
    }

    /// The `Authorization` header, marked so that nothing prints it.
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>> {
        let Some(key) = &self.0 else { return Ok(None) };
        if key.is_empty() {
            return Err(missing("the key given to the client is empty"));
        }
        let mut header = HeaderValue::from_str(&format!("Key {key}")).map_err(|_| {
            Error::new(ErrorKind::Auth, "the fal key has characters that no HTTP header can carry")
        })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

/// The error for a key that is not there: what was looked at, and what to do about it.
pub(crate) fn missing(looked_at: &str) -> Error {
    Error::new(
        ErrorKind::Auth,
        format!(
            "no fal key: {looked_at}. Create a key at https://fal.ai/dashboard/keys and set FAL_KEY, \
             or point FAL_EMULATOR_URL at a local emulator, which needs none"
        ),
    )
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(key)" } else { "Credentials(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(variables: &'static [(&'static str, &'static str)]) -> Result<Option<HeaderValue>> {
        let lookup: Lookup = Box::new(move |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        Credentials::from_env(&lookup)?.header()
    }

    #[test]
    fn a_whole_key_wins_over_its_halves() {
        let found = header(&[("FAL_KEY", " a:b\n"), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")]);
        assert_eq!(found.unwrap().unwrap(), "Key a:b");
        let found = header(&[("FAL_KEY", ""), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")]);
        assert_eq!(found.unwrap().unwrap(), "Key c:d");
    }

    #[test]
    fn a_missing_key_says_what_was_looked_at() {
        let error = header(&[("FAL_KEY", " "), ("FAL_KEY_ID", "c")]).unwrap_err();
        assert!(error.is_auth());
        let text = error.to_string();
        for part in [
            "FAL_KEY is empty",
            "FAL_KEY_ID is set",
            "FAL_KEY_SECRET is not set",
            "https://fal.ai/dashboard/keys",
            "FAL_EMULATOR_URL",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let credentials = Credentials::key("very:secret");
        assert!(!format!("{credentials:?}").contains("secret"));
        assert!(!format!("{:?}", credentials.header().unwrap()).contains("secret"));
        let error = Credentials::key("very\nsecret").header().unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
