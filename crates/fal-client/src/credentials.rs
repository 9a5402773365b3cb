//! Credentials: a key, a token, a provider of either, or none.

use std::{error::Error as StdError, fmt, sync::Arc};

use http::HeaderValue;

use crate::{BoxFuture, Error, ErrorKind, Result, env::Env};

/// The credentials of a client. Their `Debug` output never contains the key.
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
    None,
    Key(String),
    Token(String),
    Provider(Provider),
}

type BoxError = Box<dyn StdError + Send + Sync>;
type Provider = Arc<dyn Fn() -> BoxFuture<'static, Result<Credentials, BoxError>> + Send + Sync>;

impl Credentials {
    /// Uses an API key as the dashboard shows it, usually `id:secret`.
    ///
    /// Quotes around it, and `Key `, `Bearer `, `Authorization:` and `FAL_KEY=` before it, are removed with a warning: they
    /// come from files and headers that were copied whole. What follows `Bearer ` and has no colon is a
    /// [`token`](Self::token).
    pub fn key(key: impl Into<String>) -> Self {
        parse(&key.into(), Scheme::Key)
    }

    /// Uses the two halves of an API key, as in `FAL_KEY_ID` and `FAL_KEY_SECRET`.
    pub fn key_pair(id: impl AsRef<str>, secret: impl AsRef<str>) -> Self {
        Self::key(format!("{}:{}", id.as_ref().trim(), secret.as_ref().trim()))
    }

    /// Uses the access token of a user who has logged in. Sent as `Authorization: Bearer`.
    pub fn token(token: impl Into<String>) -> Self {
        parse(&token.into(), Scheme::Bearer)
    }

    /// Asks `provide` for the credentials before every request, retries included.
    ///
    /// For a vault, a key that is rotated, or a token that expires. `provide` should cache credentials that
    /// are expensive to fetch. If it fails, the call fails with `Auth`, and the failure as source.
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
            let provided = provide();
            Box::pin(async move { provided.await.map_err(Into::into) })
        })))
    }

    /// Sends no key. Enough for an emulator, for apps deployed as `public`, and behind a proxy that adds one.
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    /// Returns the key of the environment, from the variables that the official clients read.
    pub(crate) fn from_env(env: &Env) -> Result<Self> {
        if let Some(key) = env.var("FAL_KEY") {
            return Ok(Self::key(key));
        }
        if let (Some(id), Some(secret)) = (env.var("FAL_KEY_ID"), env.var("FAL_KEY_SECRET")) {
            return Ok(Self::key_pair(id, secret));
        }
        let state = |name: &str| match env.raw(name) {
            None => format!("{name} is not set"),
            Some(value) if value.trim().is_empty() => format!("{name} is empty"),
            Some(_) => format!("{name} is set"),
        };
        Err(missing_key(&format!(
            "{}, {}, {}",
            state("FAL_KEY"),
            state("FAL_KEY_ID"),
            state("FAL_KEY_SECRET")
        )))
    }

    /// Converts the credentials into headers, as far as they are known.
    pub(crate) fn into_authorization(self) -> Result<Authorization> {
        Ok(match self.0 {
            Kind::None => Authorization::None,
            Kind::Key(key) => Authorization::Fixed(header("Key", &key)?),
            Kind::Token(token) => Authorization::Fixed(header("Bearer", &token)?),
            Kind::Provider(provider) => Authorization::Provided(provider),
        })
    }
}

/// The scheme of an `Authorization` header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Key,
    Bearer,
}

/// Makes credentials of a text, without what was copied along: space, quotes, the name of the scheme, of the header or of
/// the variable. The scheme that the text names counts.
fn parse(text: &str, scheme: Scheme) -> Credentials {
    let given = text.trim_matches(is_around);
    let (mut secret, mut named) = (given, None);
    loop {
        let unquoted = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')]
            .into_iter()
            .find_map(|(open, close)| secret.strip_prefix(open)?.strip_suffix(close));
        let without_name = || {
            let (name, rest) = secret.split_once(|end: char| end.is_whitespace() || ":=".contains(end))?;
            let is_label = secret.get(name.len()..).is_some_and(|rest| rest.starts_with([':', '=']));
            match (name.to_ascii_lowercase().as_str(), is_label) {
                ("key", false) => named = Some(Scheme::Key),
                ("bearer", false) => named = Some(Scheme::Bearer),
                ("export", false) | ("authorization" | "fal_key", true) => {}
                _ => return None,
            }
            Some(rest)
        };
        let Some(shorter) = unquoted.or_else(without_name) else { break };
        secret = shorter.trim_matches(is_around);
    }
    if secret.len() < given.len() {
        tracing::warn!("the fal key was given with quotes or its scheme around it, which were removed");
    }
    let is_key = match (scheme, named) {
        // Only keys have two halves.
        (Scheme::Key, Some(Scheme::Bearer)) => secret.contains(':'),
        (_, named) => named.unwrap_or(scheme) == Scheme::Key,
    };
    Credentials(if is_key { Kind::Key(secret.to_owned()) } else { Kind::Token(secret.to_owned()) })
}

/// Returns true for space, and for the mark that some editors put at the beginning of a file.
fn is_around(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// The `Authorization` header of requests, or its provider.
pub(crate) enum Authorization {
    None,
    Fixed(HeaderValue),
    Provided(Provider),
}

impl Authorization {
    /// Returns true if requests carry a bearer token and no key. Asks the provider, if there is one.
    pub(crate) async fn is_bearer(&self) -> Result<bool> {
        Ok(self.header().await?.is_some_and(|header| header.as_bytes().starts_with(b"Bearer ")))
    }

    /// Returns the `Authorization` header of the next request.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>> {
        let provide = match self {
            Self::None => return Ok(None),
            Self::Fixed(header) => return Ok(Some(header.clone())),
            Self::Provided(provide) => provide,
        };
        let provided = provide().await.map_err(|cause| {
            Error::new(ErrorKind::Auth, format!("the provider of the fal key failed: {cause}"))
                .with_source(cause)
        })?;
        match provided.into_authorization()? {
            Self::None => Ok(None),
            Self::Fixed(header) => Ok(Some(header)),
            Self::Provided(_) => {
                Err(Error::new(ErrorKind::Auth, "the provider of the fal key gave another provider"))
            }
        }
    }
}

/// Builds an `Authorization` header, marked as sensitive so that its `Debug` output is empty.
fn header(scheme: &str, secret: &str) -> Result<HeaderValue> {
    if secret.is_empty() {
        return Err(missing_key("the key given to the client is empty"));
    }
    let header = HeaderValue::from_str(&format!("{scheme} {secret}"));
    let mut header = header.ok().filter(|_| secret.is_ascii()).ok_or_else(|| {
        Error::new(ErrorKind::Auth, "the fal key has characters that no HTTP header can carry")
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns the error for a missing key: the places that were checked, and the remedy.
pub(crate) fn missing_key(checked: &str) -> Error {
    Error::new(
        ErrorKind::Auth,
        format!(
            "no fal key: {checked}. Create a key at https://fal.ai/dashboard/keys and set FAL_KEY, \
             or point FAL_EMULATOR_URL at a local emulator, which needs none"
        ),
    )
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::None => "Credentials(none)",
            Kind::Key(_) => "Credentials(key)",
            Kind::Token(_) => "Credentials(token)",
            Kind::Provider(_) => "Credentials(provider)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn header(credentials: Credentials) -> Result<Option<HeaderValue>> {
        credentials.into_authorization()?.header().await
    }

    async fn header_from<const N: usize>(variables: [(&'static str, &'static str); N]) -> HeaderValue {
        header(Credentials::from_env(&Env::fixed(variables)).unwrap()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn whole_key_wins_over_halves() {
        let whole = [("FAL_KEY", " a:b\n"), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")];
        assert_eq!(header_from(whole).await, "Key a:b");
        let halves = [("FAL_KEY", ""), ("FAL_KEY_ID", "c"), ("FAL_KEY_SECRET", "d")];
        assert_eq!(header_from(halves).await, "Key c:d");
    }

    #[tokio::test]
    async fn quotes_and_scheme_around_a_key_are_removed() {
        for key in
            ["a:b", "\"a:b\"", "'a:b'", "Key a:b", "key  a:b", "\"Key a:b\"", "Key \"a:b\"", " `a:b` \n"]
        {
            assert_eq!(header(Credentials::key(key)).await.unwrap().unwrap(), "Key a:b", "{key}");
            assert_eq!(
                header_from([("FAL_KEY", Box::leak(key.to_owned().into_boxed_str()))]).await,
                "Key a:b"
            );
        }
        for (given, expected) in [
            (Credentials::key("Authorization: Key a:b"), "Key a:b"),
            (Credentials::key("authorization: 'Bearer a:b'"), "Key a:b"),
            (Credentials::key("export FAL_KEY=\"a:b\"\r\n"), "Key a:b"),
            (Credentials::key("\u{feff}a:b"), "Key a:b"),
            (Credentials::key("“a:b”"), "Key a:b"),
            (Credentials::key("Bearer t"), "Bearer t"),
            (Credentials::token("Bearer t"), "Bearer t"),
            (Credentials::token("Bearer  'Bearer t'"), "Bearer t"),
            (Credentials::token("Key a:b"), "Key a:b"),
            (Credentials::key("keya:b\""), "Key keya:b\""),
            (Credentials::key("key:b"), "Key key:b"),
            (Credentials::key("bearer=x"), "Key bearer=x"),
        ] {
            assert_eq!(header(given).await.unwrap().unwrap(), expected);
        }
        for bad in ["a:\nb", "a:b\0", "a:bé", "a:\u{200b}b", ""] {
            assert!(header(Credentials::key(bad)).await.is_err_and(|error| error.is_auth()), "{bad:?}");
        }
        assert!(header(Credentials::key("\"\"")).await.unwrap_err().is_auth());
    }

    #[test]
    fn missing_key_error_lists_the_variables() {
        let error = Credentials::from_env(&Env::fixed([("FAL_KEY", " "), ("FAL_KEY_ID", "c")])).unwrap_err();
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
    async fn provider_is_asked_before_every_request() {
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let rotating = Credentials::provider(move || {
            let nth = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { Ok::<_, std::io::Error>(Credentials::token(format!("t{nth}"))) }
        });
        let rotating = rotating.into_authorization().unwrap();
        assert_eq!(rotating.header().await.unwrap().unwrap(), "Bearer t0");
        assert_eq!(rotating.header().await.unwrap().unwrap(), "Bearer t1");
    }

    #[tokio::test]
    async fn failed_provider_is_an_auth_error() {
        let locked = || async { Err::<Credentials, _>(std::io::Error::other("the vault is locked")) };
        let error = header(Credentials::provider(locked)).await.unwrap_err();
        assert!(error.is_auth() && error.to_string().contains("the vault is locked"), "{error}");
        assert!(StdError::source(&error).is_some());
        let nested = move || async move { Ok::<_, BoxError>(Credentials::provider(locked)) };
        assert!(header(Credentials::provider(nested)).await.unwrap_err().is_auth());
    }

    #[tokio::test]
    async fn debug_output_never_contains_the_key() {
        for credentials in [Credentials::key("very:secret"), Credentials::token("secret")] {
            assert!(!format!("{credentials:?}").contains("secret"));
            assert!(!format!("{:?}", header(credentials).await.unwrap()).contains("secret"));
        }
        let error = header(Credentials::key("very\nsecret")).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
