//! The proxy of the environment, by which connections to other hosts leave the machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::percent;

/// The time limit for connecting to a server or to the proxy.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head of a request or a reply of a proxy, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and the exceptions in `NO_PROXY`.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamProxies {
    https: Option<ProxyAddress>,
    http: Option<ProxyAddress>,
    exceptions: Vec<String>,
}

/// A proxy, or the reason for which it cannot be used.
#[derive(Clone)]
struct ProxyAddress(Result<Proxy, String>);

#[derive(Clone)]
struct Proxy {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

/// A connection to the server, or to a proxy that takes requests for it.
pub(super) enum Route {
    Server(TcpStream),
    /// With the value of `Proxy-Authorization`.
    Proxy(TcpStream, Option<String>),
}

impl UpstreamProxies {
    /// Reads the proxies of the environment. `own` is the address of the emulator, which is no proxy of its own.
    pub(crate) fn from_environment(own: SocketAddr) -> Self {
        let read = |name: &str| {
            let of = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
            of(&name.to_ascii_lowercase()).or_else(|| of(name))
        };
        Self::new(read("HTTPS_PROXY"), read("HTTP_PROXY"), read("ALL_PROXY"), read("NO_PROXY"), own)
    }

    fn new(
        https: Option<String>,
        http: Option<String>,
        all: Option<String>,
        exceptions: Option<String>,
        own: SocketAddr,
    ) -> Self {
        let parse = |url: Option<String>| {
            let address = ProxyAddress(parse_proxy(&url.or_else(|| all.clone())?));
            let is_own = address.0.as_ref().is_ok_and(|proxy| {
                proxy.port == own.port()
                    && (proxy.host == "localhost"
                        || proxy.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == own.ip()))
            });
            (!is_own).then_some(address)
        };
        let exceptions = exceptions.unwrap_or_default();
        Self {
            https: parse(https),
            http: parse(http),
            exceptions: exceptions.split(',').map(|name| name.trim().to_ascii_lowercase()).collect(),
        }
    }

    /// Connects to a server for a tunnel.
    pub(super) async fn connect_tunnel(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let Some(proxy) = self.https.as_ref().filter(|_| !self.is_exception(host, port)) else {
            return connect(host, port).await;
        };
        let proxy = proxy.usable()?;
        let mut stream = connect(&proxy.host, proxy.port).await?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authorization = proxy
            .authorization
            .as_ref()
            .map_or_else(String::new, |value| format!("proxy-authorization: {value}\r\n"));
        let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes()).await?;
        let head = timeout(CONNECT_TIMEOUT, read_head(&mut stream)).await??;
        let status = head.lines().next().unwrap_or_default();
        let code = status.split(' ').nth(1).unwrap_or_default();
        if !(code.len() == 3 && code.starts_with('2')) {
            let text = format!("the proxy {}:{} answered {status}", proxy.host, proxy.port);
            return Err(io::Error::other(text));
        }
        Ok(stream)
    }

    /// Connects for a request over plain HTTP.
    pub(super) async fn connect_http(&self, host: &str, port: u16) -> io::Result<Route> {
        let Some(proxy) = self.http.as_ref().filter(|_| !self.is_exception(host, port)) else {
            return connect(host, port).await.map(Route::Server);
        };
        let proxy = proxy.usable()?;
        let stream = connect(&proxy.host, proxy.port).await?;
        Ok(Route::Proxy(stream, proxy.authorization.clone()))
    }

    /// Returns true if the server is called without a proxy.
    fn is_exception(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || host.ends_with(".localhost") || address.is_some_and(|ip| ip.is_loopback()) {
            return true;
        }
        self.exceptions.iter().any(|exception| {
            let name = exception.strip_suffix(&format!(":{port}")).unwrap_or(exception);
            let domain = name.trim_start_matches('*').trim_start_matches('.');
            if name == "*" {
                return true;
            }
            if let (Some(address), Ok(range)) = (address, name.parse::<IpNet>()) {
                return range.contains(&address);
            }
            !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
        })
    }
}

impl ProxyAddress {
    fn usable(&self) -> io::Result<&Proxy> {
        self.0.as_ref().map_err(|problem| io::Error::other(problem.clone()))
    }
}

/// Leaves out the password.
impl std::fmt::Debug for ProxyAddress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Ok(proxy) => write!(out, "{}:{}", proxy.host, proxy.port),
            Err(problem) => out.write_str(problem),
        }
    }
}

/// Parses `[http://][user:password@]host[:port]`.
fn parse_proxy(url: &str) -> Result<Proxy, String> {
    let url = url.trim();
    let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let (scheme, rest) = with_scheme.split_once("://").unwrap_or_default();
    if scheme != "http" {
        return Err(format!(
            "fal-emulator cannot pass connections on to a {scheme} proxy, only to an http one"
        ));
    }
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let bad = || "the proxy of the environment is not a URL such as http://host:3128".to_owned();
    let uri: Uri = format!("http://{rest}").parse().map_err(|_| bad())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let authorization = user.map(|user| format!("Basic {}", STANDARD.encode(percent::decode(user))));
    Ok(Proxy { host, port: uri.port_u16().unwrap_or(80), authorization })
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await?
}

/// Reads up to the empty line, byte by byte, because the bytes after it belong to the tunnel or to the body.
pub(super) async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(io::Error::other("the head is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> SocketAddr {
        "127.0.0.1:8787".parse().unwrap()
    }

    #[test]
    fn proxies_are_parsed_and_their_passwords_are_not_printed() {
        let proxy = parse_proxy("http://me:p%40ss@proxy.corp:3128/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.corp", 3128));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(parse_proxy("proxy.corp:8080").unwrap().port, 8080);
        assert_eq!(parse_proxy("http://[::1]:1").unwrap().host, "::1");
        assert!(parse_proxy("socks5://x:1").is_err_and(|problem| problem.contains("socks5")));
        assert!(parse_proxy("http://").is_err());
        let proxies = UpstreamProxies::new(Some("http://me:secret@p:1".to_owned()), None, None, None, own());
        assert!(!format!("{proxies:?}").contains("secret"), "{proxies:?}");
    }

    #[test]
    fn the_emulator_is_not_a_proxy_of_its_own() {
        for url in ["http://127.0.0.1:8787", "localhost:8787"] {
            let proxies = UpstreamProxies::new(Some(url.to_owned()), None, Some(url.to_owned()), None, own());
            assert!(proxies.https.is_none() && proxies.http.is_none(), "{url}");
        }
    }

    #[test]
    fn exceptions_are_names_domains_and_ranges() {
        let list = "internal, .corp,*.lan,10.0.0.0/8,192.168.1.2,example.com:8443";
        let proxies = UpstreamProxies::new(None, None, None, Some(list.to_owned()), own());
        for host in [
            "localhost",
            "127.0.0.9",
            "::1",
            "internal",
            "a.corp",
            "corp",
            "b.lan",
            "10.1.2.3",
            "192.168.1.2",
        ] {
            assert!(proxies.is_exception(host, 443), "{host}");
        }
        for host in ["internal.example", "notcorp", "11.1.2.3", "example.com"] {
            assert!(!proxies.is_exception(host, 443), "{host}");
        }
        assert!(proxies.is_exception("example.com", 8443));
        let all = UpstreamProxies::new(None, None, None, Some("*".to_owned()), own());
        assert!(all.is_exception("example.com", 1));
    }
}
