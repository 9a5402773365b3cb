//! The addresses of the services: fal's own host names, or path prefixes of one address.

use axum::http::{HeaderMap, Request, Uri, header, uri::Authority};

/// fal's host names, and the path prefix under which the emulator serves each.
const HOSTS: [(&str, &str); 14] = [
    ("fal.run", "/run"),
    ("falrun.com", "/run"),
    ("queue.fal.run", "/queue"),
    ("queue.falrun.com", "/queue"),
    ("ws.fal.run", "/ws"),
    ("rest.fal.ai", "/rest"),
    ("rest.alpha.fal.ai", "/rest"),
    ("v3.fal.media", "/cdn"),
    ("v3b.fal.media", "/cdn"),
    ("fal.media", "/cdn"),
    ("api.fal.ai", "/platform"),
    // The site, of which only the OpenAPI documents are served.
    ("fal.ai", ""),
    ("www.fal.ai", ""),
    ("auth.fal.ai", "/auth"),
];

/// Adds the path prefix of the service to a request for one of fal's host names.
///
/// An absolute URI, as requests to a proxy have, becomes a path.
pub(crate) fn add_service_prefix<B>(request: &mut Request<B>) {
    let host = request.uri().host().map(str::to_owned).or_else(|| {
        let authority = authority(request.headers())?;
        Some(authority.host().to_owned())
    });
    let prefix = host.as_deref().and_then(service_prefix).unwrap_or_default();
    if prefix.is_empty() && request.uri().host().is_none() {
        return;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // A path that is valid after a host is valid after a prefix, so this does not fail.
    if let Ok(uri) = Uri::try_from(format!("{prefix}{path}")) {
        *request.uri_mut() = uri;
    }
}

/// The base URLs of the services in replies to a caller. They are the ones by which the caller reached the server, so
/// that they also work through a forwarded port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrls {
    queue: String,
    cdn: String,
}

impl BaseUrls {
    /// Determines the URLs from the headers of a request. `fallback` is the server's own address.
    pub(crate) fn from_headers(headers: &HeaderMap, is_tls: bool, fallback: &str) -> Self {
        let scheme = if is_tls { "https" } else { "http" };
        let authority = authority(headers);
        if let Some(authority) = &authority
            && service_prefix(authority.host()).is_some()
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

/// Returns true if the host name is one of fal's that the emulator serves.
pub(crate) fn is_fal_host(host: &str) -> bool {
    service_prefix(host).is_some()
}

fn service_prefix(host: &str) -> Option<&'static str> {
    HOSTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, prefix)| *prefix)
}

/// Parses the `Host` header. Returns `None` if it has characters that do not belong in a host name.
fn authority(headers: &HeaderMap) -> Option<Authority> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_plain =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    host.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, uri: &str) -> String {
        let mut request = Request::builder().uri(uri).header("host", host).body(()).unwrap();
        add_service_prefix(&mut request);
        request.uri().to_string()
    }

    #[test]
    fn fal_hosts_become_path_prefixes() {
        assert_eq!(request("queue.fal.run", "/a/b?x=1"), "/queue/a/b?x=1");
        assert_eq!(request("FAL.run:443", "/a/b"), "/run/a/b");
        assert_eq!(request("v3.fal.media", "/files/b/1/a.png"), "/cdn/files/b/1/a.png");
        assert_eq!(request("api.fal.ai", "/v1/models"), "/platform/v1/models");
        assert_eq!(request("fal.ai", "/api/openapi/queue/openapi.json"), "/api/openapi/queue/openapi.json");
        assert_eq!(request("localhost:8080", "/queue/a/b"), "/queue/a/b");
        assert_eq!(request("notfal.run", "/a/b"), "/a/b");
        assert_eq!(request("localhost", "http://queue.fal.run/a/b"), "/queue/a/b");
        assert_eq!(request("localhost", "http://localhost/run/a/b"), "/run/a/b");
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
