//! The real service, to which requests pass through while they are recorded.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::request_key::Target;

/// The time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest silence of the service. A direct call is silent while it runs.
const READ_TIMEOUT: Duration = Duration::from_secs(3600);
/// The headers that concern one connection, or that the client of the emulator does not decide.
const DROPPED: [&str; 17] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "accept-encoding",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "x-fal-emulator-scope",
    "x-fal-emulator-scheme",
];

/// The answer of the service to a request that opens a WebSocket.
pub(super) enum Opened {
    Socket(HeaderMap, reqwest::Upgraded),
    Refused(reqwest::Response),
}

/// The real service.
pub(super) struct LiveService {
    http: reqwest::Client,
    upstream: Option<String>,
    /// The header with the key of the user.
    authorization: HeaderValue,
}

impl LiveService {
    /// Creates a client of fal with the key of the user, or of the server `upstream` in its place.
    ///
    /// # Errors
    ///
    /// Returns an error if the certificates of the system cannot be read, if the key cannot be sent, or if `upstream` is not
    /// the URL of a server.
    pub(super) fn new(
        key: &str,
        upstream: Option<String>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        use rustls_platform_verifier::BuilderVerifierExt as _;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // A repeated request could cost money twice, and a redirect is the client's to follow.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            // WebSockets need it.
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT);
        let http = if upstream.is_some() { http.no_proxy() } else { http }.build()?;
        let mut authorization = HeaderValue::from_str(&format!("Key {key}"))?;
        authorization.set_sensitive(true);
        let upstream = upstream.map(|url| check_upstream(&url)).transpose()?;
        Ok(Self { http, upstream, authorization })
    }

    /// Sends a request once. The key of the user takes the place of `caller_key`, and of no other.
    pub(super) async fn send(
        &self,
        method: Method,
        target: &Target,
        headers: &HeaderMap,
        body: reqwest::Body,
        caller_key: &str,
    ) -> reqwest::Result<reqwest::Response> {
        self.request(method, target, headers, caller_key).body(body).send().await
    }

    /// Opens a WebSocket with the same headers.
    pub(super) async fn open_web_socket(
        &self,
        target: &Target,
        headers: &HeaderMap,
        caller_key: &str,
    ) -> reqwest::Result<Opened> {
        let response = self
            .request(Method::GET, target, headers, caller_key)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, generate_key())
            .send()
            .await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Opened::Refused(response));
        }
        Ok(Opened::Socket(response.headers().clone(), response.upgrade().await?))
    }

    /// Creates a request. The key of the user takes the place of `caller_key`, and of no other.
    fn request(
        &self,
        method: Method,
        target: &Target,
        headers: &HeaderMap,
        caller_key: &str,
    ) -> reqwest::RequestBuilder {
        let base = self.upstream.clone().unwrap_or_else(|| format!("https://{}", target.host));
        let mark = if target.query.is_empty() { "" } else { "?" };
        let url = format!("{base}{}{mark}{}", target.path, target.query);
        let mut sent: HeaderMap = headers
            .iter()
            .filter(|(name, _)| !DROPPED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if headers.get(header::AUTHORIZATION).is_some_and(|sent| has_key(sent, caller_key)) {
            sent.insert(header::AUTHORIZATION, self.authorization.clone());
        }
        if self.upstream.is_some()
            && let Ok(host) = HeaderValue::from_str(&target.host)
        {
            sent.insert(header::HOST, host);
        }
        self.http.request(method, url).headers(sent)
    }
}

/// Returns the URL of a server without the slash at its end.
fn check_upstream(url: &str) -> Result<String, String> {
    let server = url.trim_end_matches('/');
    let is_server = reqwest::Url::parse(server).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
    });
    is_server
        .then(|| server.to_owned())
        .ok_or_else(|| format!("{url:?} is not a URL such as http://127.0.0.1:8787"))
}

/// Returns true for the key of the caller, and for a key with its secret, whose id names a scope.
fn has_key(sent: &HeaderValue, caller_key: &str) -> bool {
    let Some((scheme, sent)) = sent.to_str().ok().and_then(|sent| sent.split_once(' ')) else {
        return false;
    };
    let secret =
        |key: &str| key.split_once(':').map_or_else(|| key.to_owned(), |(_, secret)| secret.to_owned());
    scheme.eq_ignore_ascii_case("key") && secret(sent.trim()) == secret(caller_key)
}

/// Returns true for a header of a reply that is stored and passed on.
pub(super) fn is_kept(name: &HeaderName) -> bool {
    const OTHERS: [&str; 4] = ["content-length", "set-cookie", "alt-svc", "date"];
    !DROPPED.contains(&name.as_str()) && !OTHERS.contains(&name.as_str())
}
