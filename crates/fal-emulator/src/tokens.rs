//! Short-lived tokens for realtime connections and streams of browsers: JSON Web Tokens (HS256).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

/// The longest life of a token.
const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Tokens {
    key: hmac::Key,
    /// How long tokens are good for, whatever was asked for.
    life: Option<Duration>,
}

/// Why a token does not open an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not a token that this emulator signed.
    Unknown,
    Expired,
    /// It is for other apps.
    OtherApp,
}

impl Tokens {
    pub(crate) fn new(life: Option<Duration>) -> Self {
        // Two UUIDs are 244 random bits: more than enough for what lives as long as a process.
        let secret = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), life }
    }

    /// A token for `apps`, good for the time that was asked for unless the emulator has its own.
    pub(crate) fn issue(&self, apps: &[String], asked: Duration) -> String {
        let now = seconds(SystemTime::now());
        let life = self.life.unwrap_or(asked).min(MAX_LIFE);
        let claims = json!({"allowed_apps": apps, "iat": now, "exp": now + life.as_secs_f64()});
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Checks a token for an endpoint, of which all names are given that tokens use. Returns when it expires.
    pub(crate) fn check(&self, token: &str, names: &[&str]) -> Result<SystemTime, Refused> {
        let claims = self.claims(token).ok_or(Refused::Unknown)?;
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or(Refused::Unknown)?;
        if seconds(SystemTime::now()) >= expires {
            return Err(Refused::Expired);
        }
        let apps = claims.get("allowed_apps").and_then(Value::as_array);
        let allowed = |app: &Value| app.as_str().is_some_and(|app| names.contains(&app.trim_matches('/')));
        if !apps.is_some_and(|apps| apps.iter().any(allowed)) {
            return Err(Refused::OtherApp);
        }
        Ok(UNIX_EPOCH + Duration::try_from_secs_f64(expires).unwrap_or_default())
    }

    fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        serde_json::from_slice(&claims).ok()
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_token_opens_its_apps_and_no_others() {
        let tokens = Tokens::new(None);
        let token = tokens.issue(&["flux".to_owned(), "/acme/live/realtime".to_owned()], HOUR);
        assert!(tokens.check(&token, &["flux", "fal-ai/flux"]).is_ok());
        assert!(tokens.check(&token, &["live", "acme/live/realtime"]).is_ok());
        assert_eq!(tokens.check(&token, &["whisper"]), Err(Refused::OtherApp));
    }

    #[test]
    fn what_another_signed_or_somebody_changed_is_unknown() {
        let tokens = Tokens::new(None);
        let token = tokens.issue(&["flux".to_owned()], HOUR);
        assert_eq!(Tokens::new(None).check(&token, &["flux"]), Err(Refused::Unknown));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.check(&changed, &["flux"]), Err(Refused::Unknown), "{at}");
        }
        for bad in ["", ".", "..", "a.b.c", "custom-token"] {
            assert_eq!(tokens.check(bad, &["flux"]), Err(Refused::Unknown), "{bad}");
        }
    }

    #[test]
    fn tokens_expire_when_they_were_asked_to_or_when_the_emulator_says_so() {
        let apps = ["flux".to_owned()];
        let tokens = Tokens::new(None);
        assert_eq!(tokens.check(&tokens.issue(&apps, Duration::ZERO), &["flux"]), Err(Refused::Expired));
        let expires = tokens.check(&tokens.issue(&apps, HOUR), &["flux"]).unwrap();
        let left = expires.duration_since(SystemTime::now()).unwrap();
        assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
        let tokens = Tokens::new(Some(Duration::ZERO));
        assert_eq!(tokens.check(&tokens.issue(&apps, HOUR), &["flux"]), Err(Refused::Expired));
    }
}
