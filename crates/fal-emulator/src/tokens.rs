//! Short-lived tokens for realtime connections and streams of browsers: JSON Web Tokens (HS256).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::endpoint_id;

/// The longest lifetime of a token.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Issues and checks tokens.
pub(crate) struct Tokens {
    key: hmac::Key,
    /// The lifetime of every token. `None` means the one that the caller asks for.
    lifetime: Option<Duration>,
}

/// The reason for which a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// This emulator did not sign the token.
    Unknown,
    Expired,
    /// The token is for other apps.
    OtherApp,
}

impl Tokens {
    pub(crate) fn new(lifetime: Option<Duration>) -> Self {
        // Two UUIDs have 244 random bits, which is enough for a secret that lives as long as the process.
        let secret = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), lifetime }
    }

    /// Creates a token for `apps`.
    ///
    /// It expires after `lifetime`, unless the emulator has a lifetime of its own, and after one day at most. Calls with
    /// it belong to the scope.
    pub(crate) fn issue(&self, apps: &[String], lifetime: Duration, scope: Option<&str>) -> String {
        let now = unix_seconds(SystemTime::now());
        let lifetime = self.lifetime.unwrap_or(lifetime).min(MAX_LIFETIME);
        let mut claims = json!({"allowed_apps": apps, "iat": now, "exp": now + lifetime.as_secs_f64()});
        if let Some(scope) = scope {
            claims["scope"] = json!(scope);
        }
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Checks a token for an endpoint. Returns the time at which the token expires.
    ///
    /// `names` are the names of the endpoint that a token may list.
    pub(crate) fn check(&self, token: &str, names: &[&str]) -> Result<SystemTime, TokenError> {
        let claims = self.claims(token).ok_or(TokenError::Unknown)?;
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or(TokenError::Unknown)?;
        if unix_seconds(SystemTime::now()) >= expires {
            return Err(TokenError::Expired);
        }
        let apps = claims.get("allowed_apps").and_then(Value::as_array);
        let allowed = |app: &Value| {
            app.as_str().is_some_and(|app| names.contains(&endpoint_id::canonical(app).as_str()))
        };
        if !apps.is_some_and(|apps| apps.iter().any(allowed)) {
            return Err(TokenError::OtherApp);
        }
        // The lifetime of a token is bounded, so this is never the epoch itself.
        let since_1970 = Duration::try_from_secs_f64(expires).unwrap_or_default();
        Ok(UNIX_EPOCH.checked_add(since_1970).unwrap_or(UNIX_EPOCH))
    }

    /// Returns the scope of a token that this emulator signed.
    pub(crate) fn scope(&self, token: &str) -> Option<String> {
        self.claims(token)?.get("scope")?.as_str().map(str::to_owned)
    }

    fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        serde_json::from_slice(&claims).ok()
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_token_allows_its_apps_and_no_others() {
        let tokens = Tokens::new(None);
        let token = tokens.issue(&["flux".to_owned(), "/acme/live/realtime".to_owned()], HOUR, None);
        assert!(tokens.check(&token, &["flux", "fal-ai/flux"]).is_ok());
        assert!(tokens.check(&token, &["live", "acme/live/realtime"]).is_ok());
        assert_eq!(tokens.check(&token, &["whisper"]), Err(TokenError::OtherApp));
    }

    #[test]
    fn a_foreign_or_modified_token_is_unknown() {
        let tokens = Tokens::new(None);
        let token = tokens.issue(&["flux".to_owned()], HOUR, Some("test-1"));
        assert_eq!(Tokens::new(None).check(&token, &["flux"]), Err(TokenError::Unknown));
        assert_eq!(tokens.scope(&token).as_deref(), Some("test-1"));
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.check(&changed, &["flux"]), Err(TokenError::Unknown), "{index}");
        }
        for bad in ["", ".", "..", "a.b.c", "custom-token"] {
            assert_eq!(tokens.check(bad, &["flux"]), Err(TokenError::Unknown), "{bad}");
        }
    }

    #[test]
    fn tokens_expire_after_the_lifetime_of_the_caller_or_of_the_emulator() {
        let apps = ["flux".to_owned()];
        let tokens = Tokens::new(None);
        assert_eq!(
            tokens.check(&tokens.issue(&apps, Duration::ZERO, None), &["flux"]),
            Err(TokenError::Expired)
        );
        let expires = tokens.check(&tokens.issue(&apps, HOUR, None), &["flux"]).unwrap();
        let left = expires.duration_since(SystemTime::now()).unwrap();
        assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
        let tokens = Tokens::new(Some(Duration::ZERO));
        assert_eq!(tokens.check(&tokens.issue(&apps, HOUR, None), &["flux"]), Err(TokenError::Expired));
    }
}
