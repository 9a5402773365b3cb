//! The hosts that the emulator answers for: fal's own names, or path prefixes of one address.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header, uri::Authority};

use crate::reply::Reply;

/// fal's domains. Every name below them belongs to fal, and no request for one leaves the emulator.
pub(crate) const DOMAINS: [&str; 4] = ["fal.run", "falrun.com", "fal.ai", "fal.media"];

/// The host names that are served, and the path prefix of each.
const HOSTS: [(&str, &str); 12] = [
    ("fal.run", "/run"),
    ("falrun.com", "/run"),
    ("queue.fal.run", "/queue"),
    ("queue.falrun.com", "/queue"),
    ("ws.fal.run", "/ws"),
    ("rest.fal.ai", "/rest"),
    ("rest.alpha.fal.ai", "/rest"),
    ("api.fal.ai", "/platform"),
    // The site, of which only the OpenAPI documents are served.
    ("fal.ai", ""),
    ("www.fal.ai", ""),
    ("auth.fal.ai", "/auth"),
    ("fal.media", "/cdn"),
];

/// The header in which the server tells the routes by which scheme a request came.
const SCHEME: HeaderName = HeaderName::from_static("x-fal-emulator-scheme");

/// The hosts for which requests are answered.
///
/// A page of a foreign site can send requests to a loopback address under its own name, by DNS rebinding, and read the
/// replies. So requests for names that a foreign site could own are refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostPolicy {
    /// Names in lower case, or `*.` and a domain.
    allowed: Vec<String>,
}

impl HostPolicy {
    /// Creates a policy that also allows these names. `*.example.com` allows all names below `example.com`.
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|name| normalize(name)).collect() }
    }

    /// Returns true for loopback names, IP addresses, fal's names and the allowed ones.
    pub(crate) fn permits(&self, host: &str) -> bool {
        let host = normalize(host);
        is_loopback_name(&host) || host.parse::<IpAddr>().is_ok() || is_fal_name(&host) || self.allows(&host)
    }

    /// Returns true if pages of this origin may act like programs of this machine.
    ///
    /// `host` is the host by which the emulator was reached.
    pub(crate) fn trusts_origin(&self, origin: &str, host: Option<&str>) -> bool {
        let Some(authority) =
            origin.split_once("://").and_then(|(_, authority)| authority.parse::<Authority>().ok())
        else {
            return false;
        };
        let name = normalize(authority.host());
        Some(authority.as_str()) == host
            || is_loopback_name(&name)
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || is_fal_name(&name)
            || self.allows(&name)
    }

    fn allows(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| match allowed.strip_prefix("*.") {
            Some(domain) => is_below(host, domain),
            None => allowed == host,
        })
    }

    /// Checks the host of a request, and adds the path prefix of its service if it is one of fal's names.
    ///
    /// An absolute URI, as requests to a proxy have, becomes a path. `is_tls` tells if the request came over TLS.
    ///
    /// # Errors
    ///
    /// Returns the refusal of a request for a foreign host, or for a name of fal that is not served.
    pub(crate) fn route<B>(&self, request: &mut Request<B>, is_tls: bool) -> Result<(), HostRefusal> {
        for value in request.headers().get_all(header::HOST) {
            let host = parse_authority(value).map(|authority| authority.host().to_owned());
            if !host.as_ref().is_some_and(|host| self.permits(host)) {
                let host = String::from_utf8_lossy(value.as_bytes()).into_owned();
                return Err(refuse_foreign(&host));
            }
        }
        let of_uri = request.uri().host().map(str::to_owned);
        if let Some(host) = of_uri.as_deref().filter(|host| !self.permits(host)) {
            return Err(refuse_foreign(host));
        }
        let scheme = if is_tls { "https" } else { "http" };
        request.headers_mut().insert(SCHEME, HeaderValue::from_static(scheme));
        let is_absolute = of_uri.is_some();
        let host = of_uri.or_else(|| Some(authority(request.headers())?.host().to_owned()));
        let host = normalize(host.as_deref().unwrap_or_default());
        let prefix = match service_prefix(&host) {
            Some(prefix) => prefix,
            None if is_fal_name(&host) => return Err(refuse_unserved(&host)),
            None => "",
        };
        if prefix.is_empty() && !is_absolute {
            return Ok(());
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // A path that is valid after a host is valid after a prefix, so this does not fail.
        if let Ok(uri) = Uri::try_from(format!("{prefix}{path}")) {
            *request.uri_mut() = uri;
        }
        Ok(())
    }
}

/// The refusal of a request because of its host.
pub(crate) struct HostRefusal {
    status: StatusCode,
    text: String,
    /// The name, if it is one of fal's.
    pub(crate) unserved: Option<String>,
}

impl HostRefusal {
    /// Creates the reply that refuses the request.
    pub(crate) fn into_reply(self) -> Reply {
        Reply::detail(self.status, self.text)
    }
}

fn refuse_foreign(host: &str) -> HostRefusal {
    let host = without_port(host);
    let text = format!(
        "fal-emulator does not answer for the host {host}, which a foreign site could own; \
         start it with --allow-host {host} to allow it"
    );
    HostRefusal { status: StatusCode::FORBIDDEN, text, unserved: None }
}

fn refuse_unserved(host: &str) -> HostRefusal {
    HostRefusal { status: StatusCode::NOT_FOUND, text: unserved(host), unserved: Some(host.to_owned()) }
}

/// Returns the message about a name of fal that is not served.
pub(crate) fn unserved(host: &str) -> String {
    format!("fal-emulator does not serve {host}; the request did not leave this machine")
}

/// Returns true if a request came over TLS. `otherwise` is the answer for requests without the server's own header.
pub(crate) fn is_tls(headers: &HeaderMap, otherwise: bool) -> bool {
    headers.get(SCHEME).map_or(otherwise, |scheme| scheme == "https")
}

/// Removes the header that the server adds for the routes.
pub(crate) fn remove_scheme(headers: &mut HeaderMap) {
    headers.remove(SCHEME);
}

/// Returns a host name without the port after it. An IPv6 address is returned as it is.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns a host name in lower case, without a final dot and without brackets.
fn normalize(host: &str) -> String {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || is_below(host, "localhost")
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

/// Returns true if the host name belongs to fal.
pub(crate) fn is_fal_name(host: &str) -> bool {
    let host = normalize(host);
    DOMAINS.iter().any(|domain| host == *domain || is_below(&host, domain))
}

/// The base URLs of the services in replies to a caller. They are the ones by which the caller reached the server, so
/// that they also work through a forwarded port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrls {
    queue: String,
    cdn: String,
}

impl BaseUrls {
    /// Determines the URLs from the headers of a request. `is_tls` is the scheme of requests that came without the
    /// server's own header, and `fallback` the server's own address.
    pub(crate) fn from_headers(headers: &HeaderMap, is_tls: bool, fallback: &str) -> Self {
        let is_tls = self::is_tls(headers, is_tls);
        let scheme = if is_tls { "https" } else { "http" };
        let authority = authority(headers);
        if let Some(authority) = &authority
            && is_fal_name(authority.host())
        {
            let port = authority.port().map_or_else(String::new, |port| format!(":{port}"));
            return Self {
                queue: format!("{scheme}://queue.fal.run{port}"),
                cdn: format!("{scheme}://v3.fal.media{port}"),
            };
        }
        let host = authority.as_ref().map_or(fallback, Authority::as_str);
        Self::from_root(&format!("{scheme}://{host}"))
    }

    /// Returns the URLs of services that are path prefixes of one URL.
    pub(crate) fn from_root(url: &str) -> Self {
        Self { queue: format!("{url}/queue"), cdn: format!("{url}/cdn") }
    }

    /// Returns the URL of the queue, without a trailing slash.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// Returns the URL of the CDN, without a trailing slash.
    pub(crate) fn cdn(&self) -> &str {
        &self.cdn
    }
}

/// Returns the path prefix of the service behind a host name. Every name below `fal.media` is a CDN.
pub(crate) fn service_prefix(host: &str) -> Option<&'static str> {
    let host = normalize(host);
    let known = HOSTS.iter().find(|(name, _)| *name == host).map(|(_, prefix)| *prefix);
    known.or_else(|| is_below(&host, "fal.media").then_some("/cdn"))
}

/// Returns the name and the path prefix of the service behind a path of the emulator.
pub(crate) fn default_host(path: &str) -> Option<(&'static str, &'static str)> {
    if path.starts_with("/api/openapi/") {
        return Some(("fal.ai", ""));
    }
    const CDN: (&str, &str) = ("v3.fal.media", "/cdn");
    let names = HOSTS.into_iter().filter(|(_, prefix)| !prefix.is_empty() && *prefix != CDN.1).chain([CDN]);
    names.into_iter().find(|(_, prefix)| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')))
}

/// Parses the `Host` header. Returns `None` if it has characters that do not belong in a host name.
fn authority(headers: &HeaderMap) -> Option<Authority> {
    parse_authority(headers.get(header::HOST)?)
}

fn parse_authority(host: &HeaderValue) -> Option<Authority> {
    let host = host.to_str().ok()?;
    let is_plain = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:[]".contains(&byte));
    host.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(host: &str, uri: &str) -> Result<String, u16> {
        let mut request = Request::builder().uri(uri).header("host", host).body(()).unwrap();
        let policy = HostPolicy::new(&["Emulator".to_owned(), "*.test.example".to_owned()]);
        policy.route(&mut request, false).map_err(|refusal| refusal.status.as_u16())?;
        Ok(request.uri().to_string())
    }

    #[test]
    fn fal_hosts_become_path_prefixes() {
        let path = |host, uri| route(host, uri).unwrap();
        assert_eq!(path("queue.fal.run", "/a/b?x=1"), "/queue/a/b?x=1");
        assert_eq!(path("FAL.run:443", "/a/b"), "/run/a/b");
        assert_eq!(path("fal.run.", "/a/b"), "/run/a/b");
        for cdn in ["v3.fal.media", "v2.fal.media", "cdn.fal.media", "fal.media"] {
            assert_eq!(path(cdn, "/files/b/1/a.png"), "/cdn/files/b/1/a.png");
        }
        assert_eq!(path("api.fal.ai", "/v1/models"), "/platform/v1/models");
        assert_eq!(path("fal.ai", "/api/openapi/queue/openapi.json"), "/api/openapi/queue/openapi.json");
        assert_eq!(path("localhost:8080", "/queue/a/b"), "/queue/a/b");
        assert_eq!(path("localhost", "http://queue.fal.run/a/b"), "/queue/a/b");
        assert_eq!(path("localhost", "http://localhost/run/a/b"), "/run/a/b");
    }

    #[test]
    fn the_containers_of_the_example_have_every_name() {
        let compose = include_str!("../compose.yaml");
        let names = HOSTS.iter().map(|(name, _)| *name).chain(["v3.fal.media"]);
        for name in names {
            assert!(compose.contains(&format!("          - {name}\n")), "{name}");
        }
    }

    #[test]
    fn only_loopback_addresses_fal_and_allowed_names_are_answered_for() {
        for host in [
            "localhost",
            "a.localhost:1",
            "127.0.0.1:80",
            "192.168.1.2",
            "[::1]:8",
            "emulator:8787",
            "a.test.example",
        ] {
            assert_eq!(route(host, "/run/a/b").as_deref(), Ok("/run/a/b"), "{host}");
        }
        for host in [
            "attacker.example:8787",
            "notfal.run",
            "fal.run.evil",
            "localhost.evil",
            "127.0.0.1.evil",
            "emulator.evil",
            "test.example",
            "2130706433",
            "a/b",
            "fal.run@evil",
            "",
        ] {
            assert_eq!(route(host, "/"), Err(403), "{host}");
        }
        assert_eq!(route("localhost", "http://attacker.example/_emulator/requests"), Err(403));
        for (given, name) in
            [("a.example:80", "a.example"), ("*.a.example", "*.a.example"), ("a:b", "a:b"), ("::1", "::1")]
        {
            assert_eq!(without_port(given), name);
        }
        let advice = refuse_foreign("attacker.example:8787").text;
        assert!(advice.ends_with("--allow-host attacker.example to allow it"), "{advice}");
        for host in ["wma.fal.run", "a.b.fal.ai", "new.falrun.com"] {
            assert_eq!(route(host, "/"), Err(404), "{host}");
        }
        let mut bare = Request::builder().uri("/run/a/b").body(()).unwrap();
        assert!(HostPolicy::default().route(&mut bare, false).is_ok());
    }

    #[test]
    fn origins_of_this_machine_are_trusted() {
        let policy = HostPolicy::new(&["app.test".to_owned()]);
        let own = Some("192.168.1.2:8787");
        for origin in [
            "http://localhost:3000",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "https://app.test",
            "http://192.168.1.2:8787",
        ] {
            assert!(policy.trusts_origin(origin, own), "{origin}");
        }
        for origin in ["https://evil.example", "null", "", "http://192.168.1.3:8787", "http://app.test.evil"]
        {
            assert!(!policy.trusts_origin(origin, own), "{origin}");
        }
    }

    #[test]
    fn base_urls_have_the_host_of_the_request() {
        let base = |host: &'static str, is_tls| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, header::HeaderValue::from_static(host));
            let base = BaseUrls::from_headers(&headers, is_tls, "127.0.0.1:1");
            (base.queue().to_owned(), base.cdn().to_owned())
        };
        let pair = |queue: &str, cdn: &str| (queue.to_owned(), cdn.to_owned());
        assert_eq!(base("localhost:8", false), pair("http://localhost:8/queue", "http://localhost:8/cdn"));
        assert_eq!(base("fal.run", true), pair("https://queue.fal.run", "https://v3.fal.media"));
        assert_eq!(
            base("rest.fal.ai:8443", true),
            pair("https://queue.fal.run:8443", "https://v3.fal.media:8443")
        );
        assert_eq!(base("a/b?c", false), pair("http://127.0.0.1:1/queue", "http://127.0.0.1:1/cdn"));
        assert_eq!(
            BaseUrls::from_headers(&HeaderMap::new(), true, "127.0.0.1:1"),
            BaseUrls::from_root("https://127.0.0.1:1")
        );
    }
}
