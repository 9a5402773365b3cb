//! Who is calling: a key, a token, whatever a provider says, or nobody.

use std::{error::Error as StdError, fmt, sync::Arc};

use http::HeaderValue;

use crate::{BoxFuture, Error, ErrorKind, Result, config::Lookup};

/// How requests are authorized. Printing it never shows the key.
///
/// ```
/// use fal_client::Credentials;
///
/// let key = Credentials::key("0a1b2c:3d4e5f");
/// assert_eq!(format!("{key:?}"), "Credentials(key)");
/// ```
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Nobody,
    Key(String),
    Token(String),
    Provider(Provider),
}

type BoxError = Box<dyn StdError + Send + Sync>;
type Provider = Arc<dyn Fn() -> BoxFuture<'static, Result<Credentials, BoxError>> + Send + Sync>;

impl Credentials {
    /// An API key as the dashboard shows it, usually `id:secret`.
    pub fn key(key: impl Into<String>) -> Self {
        Self(Kind::Key(key.into().trim().to_owned()))
    }

    /// The two halves of an API key, `FAL_KEY_ID` and `FAL_KEY_SECRET`.
    pub fn key_pair(id: impl AsRef<str>, secret: impl AsRef<str>) -> Self {
        Self::key(format!("{}:{}", id.as_ref().trim(), secret.as_ref().trim()))
    }

    /// An access token of a user who has logged in. Sent as `Authorization: Bearer`.
    pub fn token(token: impl Into<String>) -> Self {
        Self(Kind::Token(token.into().trim().to_owned()))
    }

    /// Credentials that are asked for before every request, retries included: a vault, a key that is
    /// rotated, a token that expires. What is expensive to fetch should be cached by `provide`.
    ///
    /// When it fails, so does the call, with `Auth` and the failure as source.
    ///
    /// ```
    /// use fal_client::{Client, Credentials};
    ///
    /// let vault = Credentials::provider(|| async {
    ///     let key = std::fs::read_to_string("/run/secrets/fal_key")?;
    ///     Ok::<_, std::io::Error>(Credentials::key(key))
    /// });
    /// let client = Client::builder().credentials(vault).build()?;
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    pub fn provider<P, F, E>(provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Kind::Provider(Arc::new(move || {
            let asked = provide();
            Box::pin(async move { asked.await.map_err(Into::into) })
        })))
    }

    /// No key. Enough for an emulator, for apps deployed as `public`, and behind a proxy that adds one.
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::Nobody)
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

    /// In the form that a transport needs.
    pub(crate) fn prepare(self) -> Result<Authorization> {
        Ok(match self.0 {
            Kind::Nobody => Authorization::None,
            Kind::Key(key) => Authorization::Fixed(header("Key", &key)?),
            Kind::Token(token) => Authorization::Fixed(header("Bearer", &token)?),
            Kind::Provider(provider) => Authorization::Asked(provider),
        })
    }
}

/// Credentials, ready to be sent.
pub(crate) enum Authorization {
    None,
    Fixed(HeaderValue),
    Asked(Provider),
}

impl Authorization {
    /// The `Authorization` header of the next request.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>> {
        let provide = match self {
            Self::None => return Ok(None),
            Self::Fixed(header) => return Ok(Some(header.clone())),
            Self::Asked(provide) => provide,
        };
        let given = provide().await.map_err(|cause| {
            Error::new(ErrorKind::Auth, format!("the provider of the fal key failed: {cause}"))
                .with_source(cause)
        })?;
        match given.prepare()? {
            Self::None => Ok(None),
            Self::Fixed(header) => Ok(Some(header)),
            Self::Asked(_) => {
                Err(Error::new(ErrorKind::Auth, "the provider of the fal key gave another provider"))
            }
        }
    }
}

/// The `Authorization` header, marked so that nothing prints it.
fn header(scheme: &str, secret: &str) -> Result<HeaderValue> {
    if secret.is_empty() {
        return Err(missing("the key given to the client is empty"));
    }
    let mut header = HeaderValue::from_str(&format!("{scheme} {secret}")).map_err(|_| {
        Error::new(ErrorKind::Auth, "the fal key has characters that no HTTP header can carry")
    })?;
    header.set_sensitive(true);
    Ok(header)
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
        f.write_str(match self.0 {
            Kind::Nobody => "Credentials(none)",
            Kind::Key(_) => "Credentials(key)",
            Kind::Token(_) => "Credentials(token)",
            Kind::Provider(_) => "Credentials(provider)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(credentials: Credentials) -> Result<Option<HeaderValue>> {
        credentials.prepare()?.header().await
    }

    async fn found(variables: &'static [(&'static str, &'static str)]) -> HeaderValue {
        sent(of(variables).unwrap()).await.unwrap().unwrap()
    }

    fn of(variables: &'static [(&'static str, &'static str)]) -> Result<Credentials> {
        let lookup: Lookup = Box::new(move |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        Credentials::from_env(&lookup)
    }

    #[tokio::test]
    async fn a_whole_key_wins_over_its_halves() {
        let whole = [("FAL_KEY", " a:b\n"), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")];
        assert_eq!(found(Box::leak(Box::new(whole))).await, "Key a:b");
        let halves = [("FAL_KEY", ""), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")];
        assert_eq!(found(Box::leak(Box::new(halves))).await, "Key c:d");
    }

    #[test]
    fn a_missing_key_says_what_was_looked_at() {
        let error = of(&[("FAL_KEY", " "), ("FAL_KEY_ID", "c")]).unwrap_err();
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

    #[tokio::test]
    async fn a_provider_is_asked_every_time() {
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let rotating = Credentials::provider(move || {
            let nth = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { Ok::<_, std::io::Error>(Credentials::token(format!("t{nth}"))) }
        });
        let rotating = rotating.prepare().unwrap();
        assert_eq!(rotating.header().await.unwrap().unwrap(), "Bearer t0");
        assert_eq!(rotating.header().await.unwrap().unwrap(), "Bearer t1");
    }

    #[tokio::test]
    async fn a_provider_that_fails_fails_the_call() {
        let locked = || async { Err::<Credentials, _>(std::io::Error::other("the vault is locked")) };
        let error = sent(Credentials::provider(locked)).await.unwrap_err();
        assert!(error.is_auth() && error.to_string().contains("the vault is locked"), "{error}");
        assert!(StdError::source(&error).is_some());
        let nested = move || async move { Ok::<_, BoxError>(Credentials::provider(locked)) };
        assert!(sent(Credentials::provider(nested)).await.unwrap_err().is_auth());
    }

    #[tokio::test]
    async fn a_key_is_never_printed() {
        for credentials in [Credentials::key("very:secret"), Credentials::token("secret")] {
            assert!(!format!("{credentials:?}").contains("secret"));
            assert!(!format!("{:?}", sent(credentials).await.unwrap()).contains("secret"));
        }
        let error = sent(Credentials::key("very\nsecret")).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
