//! The token of the CDN, which is good for many files.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use url::Url;

use super::upload::Task;
use crate::{
    Error, ErrorKind, Result,
    hosts::{Hosts, is_loopback, is_same_place, join},
    retry::RetryClass,
    transport::{Content, Request, Response},
};

/// How long a token is used that does not say how long it is good for.
const UNSAID: Duration = Duration::from_secs(10 * 60);

/// A token is not used this shortly before it ends.
const MARGIN: Duration = Duration::from_secs(60);

/// The token of one client.
#[derive(Default)]
pub(crate) struct Tokens(tokio::sync::Mutex<Option<Arc<Token>>>);

/// A token for uploads, and where it is good.
pub(super) struct Token {
    authorization: HeaderValue,
    pub(super) base: Url,
    good_until: SystemTime,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
    token_type: String,
    base_url: Option<String>,
    expires_at: Option<String>,
}

impl Tokens {
    /// The token in use. Those who ask while it is fetched share it.
    async fn get(&self, task: &Task) -> Result<Arc<Token>> {
        let mut kept = self.0.lock().await;
        if let Some(token) = &*kept
            && SystemTime::now() < token.good_until
        {
            return Ok(token.clone());
        }
        let token = Arc::new(fetch(task).await?);
        *kept = Some(token.clone());
        Ok(token)
    }

    /// Forgets a token that was refused, unless it is another one by now.
    async fn forget(&self, refused: &Token) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|token| token.authorization == refused.authorization) {
            *kept = None;
        }
    }
}

/// Sends a request with the token, and once more with a new one when it is refused.
pub(super) async fn send(task: &Task, build: impl Fn(&Token) -> Result<Request>) -> Result<Response> {
    let tokens = &task.client.0.tokens;
    let token = tokens.get(task).await?;
    let answer = task.client.0.transport.send(&token.sign(task, build(&token)?)?).await;
    match answer {
        Err(error) if error.status() == Some(http::StatusCode::UNAUTHORIZED) => {
            tokens.forget(&token).await;
            let token = tokens.get(task).await?;
            task.client.0.transport.send(&token.sign(task, build(&token)?)?).await
        }
        answer => answer,
    }
}

impl Token {
    /// Adds the token, for a URL that it may be sent to.
    fn sign(&self, task: &Task, mut request: Request) -> Result<Request> {
        if !self.is_for(task.client.hosts(), &request.url) {
            let kind = ErrorKind::Decode { path: "access_url".to_owned() };
            return Err(Error::new(kind, "the service gave an upload URL that is not fal's"));
        }
        request.headers.insert(header::AUTHORIZATION, self.authorization.clone());
        Ok(request)
    }

    /// The configured CDN, the place that came with the token, and fal's own hosts of media.
    fn is_for(&self, hosts: &Hosts, url: &Url) -> bool {
        let media = |host: &str| host == "fal.media" || host.ends_with(".fal.media");
        [&hosts.cdn, &self.base].into_iter().any(|base| is_same_place(base, url))
            || url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(media)
    }
}

async fn fetch(task: &Task) -> Result<Token> {
    let mut url = join(&task.client.hosts().rest, ["storage", "auth", "token"]);
    url.query_pairs_mut().append_pair("storage_type", "fal-cdn-v3");
    let mut request = task.request(Request::to_fal(Method::POST, url, RetryClass::Idempotent));
    request.content = Content::Json(Bytes::from_static(b"{}"));
    let issued: Issued = task.client.0.transport.send(&request).await?.json()?;
    let bad = |what: &str| {
        let kind = ErrorKind::Decode { path: what.to_owned() };
        Error::new(kind, format!("the service gave a `{what}` that makes no sense"))
    };
    let authorization = HeaderValue::try_from(format!("{} {}", issued.token_type, issued.token));
    let mut authorization = authorization.map_err(|_| bad("token"))?;
    authorization.set_sensitive(true);
    let base = match &issued.base_url {
        None => task.client.hosts().cdn.clone(),
        Some(base) => {
            let base = Url::parse(base).ok();
            let safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
            base.filter(safe).ok_or_else(|| bad("base_url"))?
        }
    };
    let until = issued.expires_at.as_deref().and_then(time).and_then(|end| end.checked_sub(MARGIN));
    let good_until = until.unwrap_or_else(|| SystemTime::now() + UNSAID);
    Ok(Token { authorization, base, good_until })
}

/// Reads a time such as `2026-11-21T07:30:00.5+01:00`. A library for dates would be a lot for one field, which
/// only saves a request that would be refused.
fn time(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.split_once(['T', ' '])?;
    let (clock, offset) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => clock.split_at_checked(at)?,
        None => (clock, "Z"),
    };
    let numbers = |text: &str, mark: char| -> Option<[i64; 3]> {
        let mut parts = text.split(mark).map(|part| part.split('.').next()?.parse().ok());
        let all = [parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?];
        all.iter().all(|number: &i64| (0..=9999).contains(number)).then_some(all)
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let offset = match offset.strip_prefix(['+', '-']) {
        None => 0,
        Some(digits) => {
            let [hours, minutes, _] =
                numbers(digits, ':').or_else(|| numbers(&format!("{digits}:00"), ':'))?;
            let seconds = hours * 3600 + minutes * 60;
            if offset.starts_with('-') { -seconds } else { seconds }
        }
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970, with years that begin in March, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_services_write_them() {
        let read = |text: &str| time(text)?.duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs());
        for (text, seconds) in [
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
            assert_eq!(read(text), seconds, "{text}");
        }
    }
}
