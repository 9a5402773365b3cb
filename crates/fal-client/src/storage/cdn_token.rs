//! The token for uploads to the CDN, which is used for many files.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, header};
use serde::Deserialize;
use url::Url;

use crate::{
    Error, ErrorKind, Result,
    hosts::{Hosts, has_same_origin},
    timestamp,
    transport::Request,
};

/// The time for which a token is used if the service does not say when it expires.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A token is replaced this long before it expires.
const MARGIN: Duration = Duration::from_secs(60);

/// The token of one client, fetched when it is first needed.
#[derive(Default)]
pub(crate) struct CdnTokens(tokio::sync::Mutex<Option<Arc<CdnToken>>>);

/// A token for uploads, and the URL below which it is valid.
pub(super) struct CdnToken {
    authorization: HeaderValue,
    pub(super) base: Url,
    use_until: SystemTime,
}

/// A token as the REST service issues it.
#[derive(Deserialize)]
pub(super) struct IssuedToken {
    token: String,
    token_type: String,
    base_url: Option<String>,
    expires_at: Option<String>,
}

impl CdnTokens {
    /// Returns the current token, or the one that `fetch` returns. Concurrent callers share one fetch.
    pub(super) async fn get_or_fetch(
        &self,
        fetch: impl Future<Output = Result<CdnToken>>,
    ) -> Result<Arc<CdnToken>> {
        let mut current = self.0.lock().await;
        if let Some(token) = &*current
            && SystemTime::now() < token.use_until
        {
            return Ok(token.clone());
        }
        let token = Arc::new(fetch.await?);
        *current = Some(token.clone());
        Ok(token)
    }

    /// Drops a token that was refused, unless it was replaced in the meantime.
    pub(super) async fn discard(&self, refused: &CdnToken) {
        let mut current = self.0.lock().await;
        if current.as_ref().is_some_and(|token| token.authorization == refused.authorization) {
            *current = None;
        }
    }
}

impl CdnToken {
    /// Checks an issued token.
    ///
    /// # Errors
    ///
    /// `Decode` if the token cannot be sent in a header, or its URL is neither `https` nor on this machine.
    pub(super) fn from_issued(issued: &IssuedToken, hosts: &Hosts) -> Result<Self> {
        let invalid = |field: &str| {
            let kind = ErrorKind::Decode { path: field.to_owned() };
            Error::new(kind, format!("the service gave a `{field}` that makes no sense"))
        };
        let authorization = HeaderValue::try_from(format!("{} {}", issued.token_type, issued.token));
        let mut authorization = authorization.map_err(|_| invalid("token"))?;
        authorization.set_sensitive(true);
        let base = match &issued.base_url {
            None => hosts.cdn.clone(),
            Some(base) => {
                let base = Url::parse(base).ok();
                base.filter(|url| hosts.is_safe(url)).ok_or_else(|| invalid("base_url"))?
            }
        };
        let use_until = use_until(issued.expires_at.as_deref(), SystemTime::now());
        Ok(Self { authorization, base, use_until })
    }

    /// Adds the token to a request.
    ///
    /// # Errors
    ///
    /// `Decode` if the token must not be sent to the URL, which came from the service.
    pub(super) fn authorize(&self, hosts: &Hosts, mut request: Request) -> Result<Request> {
        if !self.may_be_sent_to(hosts, &request.url) {
            let kind = ErrorKind::Decode { path: "access_url".to_owned() };
            return Err(Error::new(kind, "the service gave an upload URL that is not fal's"));
        }
        request.headers.insert(header::AUTHORIZATION, self.authorization.clone());
        Ok(request)
    }

    /// Returns true for the configured CDN, the host that came with the token, and fal's media hosts.
    fn may_be_sent_to(&self, hosts: &Hosts, url: &Url) -> bool {
        let is_media_host = |host: &str| host == "fal.media" || host.ends_with(".fal.media");
        [&hosts.cdn, &self.base].into_iter().any(|base| has_same_origin(base, url))
            || url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(is_media_host)
    }
}

/// Returns the time until which a token is used.
fn use_until(expires_at: Option<&str>, now: SystemTime) -> SystemTime {
    let last = expires_at.and_then(timestamp::parse).and_then(|end| end.checked_sub(MARGIN));
    last.unwrap_or_else(|| now + DEFAULT_LIFETIME)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn times_are_parsed_with_and_without_fraction_and_offset() {
        let seconds =
            |text: &str| timestamp::parse(text)?.duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs());
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00.123456Z", Some(951_825_600)),
            ("2026-11-21T07:30:00+00:00", Some(1_795_246_200)),
            ("2026-11-21T08:30:00+01:00", Some(1_795_246_200)),
            ("2026-11-21 02:00:00-05:30", Some(1_795_246_200)),
            ("2026-12-31T23:59:59", Some(1_798_761_599)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("tomorrow", None),
            ("T", None),
            ("", None),
            ("2026-11-21Tnoon", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_token_is_used_until_a_minute_before_it_expires() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_246_200);
        let seconds = |expires_at| use_until(expires_at, now).duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds(Some("2026-11-21T08:00:00Z")), 1_795_246_200 + 29 * 60);
        assert_eq!(seconds(Some("2026-11-21T07:00:00Z")), 1_795_246_200 - 31 * 60);
        assert_eq!(seconds(Some("next week")), 1_795_246_200 + 10 * 60);
        assert_eq!(seconds(None), 1_795_246_200 + 10 * 60);
    }
}
