//! The proxy on a TLS port. Connections to fal's host names end at the emulator itself.
//!
//! With the environment variable `HTTPS_PROXY`, programs with fixed host names reach the emulator, and nothing
//! else on the machine has to change.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::traffic::Traffic;
use super::upstream_proxy::{Route, UpstreamProxies, read_head};
use crate::hosts;

/// The first byte of a TLS connection: the content type of a handshake record.
const HANDSHAKE: u8 = 22;
/// The time limit for receiving the head of a request to the proxy.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before looking again at a connection whose first bytes do not tell yet what it is.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// A connection that ends at the emulator.
pub(super) enum Accepted {
    Tls(TcpStream),
    Plain(TcpStream),
}

/// The part of the first bytes that tells what a connection is.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    Tls,
    /// `CONNECT`: a tunnel.
    Connect,
    /// An absolute `http://` URI: a request to a proxy.
    Absolute,
    /// A request to the emulator itself.
    Plain,
}

/// Tells what a connection is, and handles the requests of a proxy for other hosts. Returns the connection if it ends
/// at the emulator, and `None` if it led elsewhere or was refused and is over.
pub(super) async fn accept(
    mut stream: TcpStream,
    peer: SocketAddr,
    proxies: &UpstreamProxies,
    traffic: &Traffic,
) -> io::Result<Option<Accepted>> {
    match timeout(HEAD_TIMEOUT, look(&stream)).await?? {
        Start::Tls => return Ok(Some(Accepted::Tls(stream))),
        Start::Plain => return Ok(Some(Accepted::Plain(stream))),
        Start::Absolute => return forward(stream, peer, proxies).await,
        Start::Connect => {}
    }
    let head = timeout(HEAD_TIMEOUT, read_head(&mut stream)).await??;
    let Some((host, port)) = parse_target(&head) else {
        refuse(&mut stream, 400, "Bad Request", "expected CONNECT host:port").await?;
        return Ok(None);
    };
    if hosts::is_fal_name(host) {
        if hosts::service_prefix(host).is_none() {
            traffic.refuse_host(host);
            // In the status too, because many clients show nothing else of a refused tunnel.
            refuse(&mut stream, 403, &hosts::unserved(host), &hosts::unserved(host)).await?;
            return Ok(None);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        let is_tls = timeout(HEAD_TIMEOUT, look(&stream)).await?? == Start::Tls;
        return Ok(Some(if is_tls { Accepted::Tls(stream) } else { Accepted::Plain(stream) }));
    }
    if !check_peer(&mut stream, peer).await? {
        return Ok(None);
    }
    match proxies.connect_tunnel(host, port).await {
        Ok(mut server) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut server).await?;
        }
        Err(error) => {
            refuse(&mut stream, 502, "Bad Gateway", &format!("{host}:{port}: {error}")).await?;
        }
    }
    Ok(None)
}

/// Passes on a request over plain HTTP to another host. A connection carries one request only.
async fn forward(
    mut stream: TcpStream,
    peer: SocketAddr,
    proxies: &UpstreamProxies,
) -> io::Result<Option<Accepted>> {
    if !check_peer(&mut stream, peer).await? {
        return Ok(None);
    }
    let head = timeout(HEAD_TIMEOUT, read_head(&mut stream)).await??;
    let target = head.split(' ').nth(1).and_then(|uri| uri.parse::<Uri>().ok());
    let Some((uri, host)) = target.and_then(|uri| Some((uri.clone(), uri.host()?.to_owned()))) else {
        refuse(&mut stream, 400, "Bad Request", "expected an absolute URI").await?;
        return Ok(None);
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(80);
    let (mut server, head) = match proxies.connect_http(host, port).await {
        Ok(Route::Server(server)) => (server, rewrite_head(&head, Some(&uri), None)),
        Ok(Route::Proxy(server, authorization)) => {
            (server, rewrite_head(&head, None, authorization.as_deref()))
        }
        Err(error) => {
            refuse(&mut stream, 502, "Bad Gateway", &format!("{host}:{port}: {error}")).await?;
            return Ok(None);
        }
    };
    server.write_all(head.as_bytes()).await?;
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(None)
}

/// Returns the head of a request for the next server, which closes the connection after its reply. With `uri`, the
/// target becomes a path.
fn rewrite_head(head: &str, uri: Option<&Uri>, authorization: Option<&str>) -> String {
    let mut lines = head.trim_end().split("\r\n");
    let mut first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    if let (Some(uri), Some(target)) = (uri, first.get_mut(1)) {
        *target = uri.path_and_query().map_or("/", |path| path.as_str());
    }
    let mut new = first.join(" ");
    let is_upgrade = head.to_ascii_lowercase().contains("\r\nupgrade:");
    for line in lines {
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        if name.starts_with("proxy-") || (name == "connection" && !is_upgrade) {
            continue;
        }
        new = new + "\r\n" + line;
    }
    if !is_upgrade {
        new += "\r\nconnection: close";
    }
    if let Some(value) = authorization {
        new = new + "\r\nproxy-authorization: " + value;
    }
    new + "\r\n\r\n"
}

/// Refuses other machines, which must not reach through the emulator what only this machine can reach.
async fn check_peer(stream: &mut TcpStream, peer: SocketAddr) -> io::Result<bool> {
    let is_near = peer.ip().to_canonical().is_loopback();
    if !is_near {
        refuse(stream, 403, "Forbidden", "this proxy forwards to other hosts for loopback clients only")
            .await?;
    }
    Ok(is_near)
}

/// Looks at the first bytes of a connection without taking them.
async fn look(stream: &TcpStream) -> io::Result<Start> {
    let mut bytes = [0; 600];
    loop {
        let read = stream.peek(&mut bytes).await?;
        match recognize(bytes.get(..read).unwrap_or_default()) {
            Some(start) => return Ok(start),
            None => sleep(LOOK_PAUSE).await,
        }
    }
}

/// Returns `None` if more bytes are needed.
fn recognize(bytes: &[u8]) -> Option<Start> {
    match bytes.first() {
        // The end of the connection.
        None => return Some(Start::Plain),
        Some(&HANDSHAKE) => return Some(Start::Tls),
        Some(_) => {}
    }
    let mut words = bytes.splitn(3, |byte| *byte == b' ');
    let (method, target) = (words.next()?, words.next());
    if method.len() > 20 || bytes.len() >= 600 {
        return Some(Start::Plain);
    }
    let target = target?;
    if method == b"CONNECT" {
        return Some(Start::Connect);
    }
    const SCHEME: &[u8] = b"http://";
    if !SCHEME.starts_with(target.get(..SCHEME.len()).unwrap_or(target)) {
        return Some(Start::Plain);
    }
    words.next()?;
    // Names that the emulator answers for, or refuses, are its own matter.
    let uri = std::str::from_utf8(target).ok().and_then(|uri| uri.parse::<Uri>().ok());
    match uri.as_ref().and_then(Uri::host) {
        Some(host) if !hosts::is_fal_name(host) => Some(Start::Absolute),
        _ => Some(Start::Plain),
    }
}

/// Parses the host and port of `CONNECT host:port HTTP/1.1`.
fn parse_target(head: &str) -> Option<(&str, u16)> {
    let (authority, _) = head.strip_prefix("CONNECT ")?.split_once(' ')?;
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_plain = host.bytes().all(|byte| byte.is_ascii_graphic());
    Some((host, port.parse().ok()?)).filter(|_| !host.is_empty() && is_plain)
}

async fn refuse(stream: &mut TcpStream, status: u16, reason: &str, why: &str) -> io::Result<()> {
    let length = why.len();
    let reply = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{why}"
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_parsed_from_a_connect_request() {
        assert_eq!(parse_target("CONNECT fal.run:443 HTTP/1.1\r\n\r\n"), Some(("fal.run", 443)));
        assert_eq!(parse_target("CONNECT [::1]:8443 HTTP/1.1\r\n\r\n"), Some(("::1", 8443)));
        for head in
            ["GET / HTTP/1.1\r\n\r\n", "CONNECT fal.run HTTP/1.1", "CONNECT :1 HTTP/1.1", "CONNECT", ""]
        {
            assert_eq!(parse_target(head), None, "{head}");
        }
    }

    #[test]
    fn the_first_bytes_tell_what_a_connection_is() {
        for (bytes, start) in [
            (&b"\x16\x03"[..], Some(Start::Tls)),
            (b"CONNECT fal.run:443 HTTP/1.1", Some(Start::Connect)),
            (b"GET / HTTP/1.1", Some(Start::Plain)),
            (b"GET http://example.com/ HTTP/1.1", Some(Start::Absolute)),
            (b"GET http://fal.run/x HTTP/1.1", Some(Start::Plain)),
            (b"CONN", None),
            (b"GET http://exam", None),
            (b"GET ht", None),
            (b"nonsense-without-end-or-space", Some(Start::Plain)),
            (b"", Some(Start::Plain)),
        ] {
            assert_eq!(recognize(bytes), start, "{}", String::from_utf8_lossy(bytes));
        }
        let long = [b"GET http://".as_slice(), &[b'a'; 700]].concat();
        assert_eq!(recognize(long.get(..600).unwrap()), Some(Start::Plain));
    }

    #[test]
    fn a_forwarded_head_is_for_the_server() {
        let head = "GET http://example.com:81/a?b HTTP/1.1\r\nHost: example.com:81\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\r\n";
        let uri: Uri = "http://example.com:81/a?b".parse().unwrap();
        assert_eq!(
            rewrite_head(head, Some(&uri), None),
            "GET /a?b HTTP/1.1\r\nHost: example.com:81\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            rewrite_head(head, None, Some("Basic x")),
            "GET http://example.com:81/a?b HTTP/1.1\r\nHost: example.com:81\r\nconnection: close\r\nproxy-authorization: Basic x\r\n\r\n"
        );
    }
}
