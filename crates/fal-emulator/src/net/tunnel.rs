//! The HTTPS proxy on a TLS port. Tunnels to fal's host names end at the emulator itself.
//!
//! With the environment variable `HTTPS_PROXY`, programs with fixed host names reach the emulator, and nothing
//! else on the machine has to change.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hosts;

/// The first byte of a TLS connection: the content type of a handshake record.
const HANDSHAKE: u8 = 22;
/// The longest head of a request to the proxy, in bytes.
const MAX_HEAD: usize = 8192;
/// The time limit for receiving the head of a request to the proxy.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Handles a `CONNECT` request, if there is one. Returns the connection if TLS with the emulator follows, and
/// `None` if the tunnel led elsewhere or was refused and is over.
pub(super) async fn accept(mut stream: TcpStream, peer: SocketAddr) -> io::Result<Option<TcpStream>> {
    if timeout(HEAD_TIMEOUT, first_byte(&stream)).await?? == Some(HANDSHAKE) {
        return Ok(Some(stream));
    }
    let head = timeout(HEAD_TIMEOUT, read_head(&mut stream)).await??;
    let Some((host, port)) = parse_target(&head) else {
        refuse(&mut stream, "400 Bad Request", "this port serves HTTPS only: use https://").await?;
        return Ok(None);
    };
    if hosts::is_fal_host(host) {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        return Ok(Some(stream));
    }
    // Other machines must not reach through the emulator what only this machine can reach.
    if !peer.ip().is_loopback() {
        refuse(&mut stream, "403 Forbidden", "this proxy forwards to other hosts for loopback clients only")
            .await?;
        return Ok(None);
    }
    match TcpStream::connect((host, port)).await {
        Ok(mut server) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut server).await?;
        }
        Err(error) => refuse(&mut stream, "502 Bad Gateway", &format!("{host}:{port}: {error}")).await?,
    }
    Ok(None)
}

async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let read = stream.peek(&mut byte).await?;
    Ok(byte.first().copied().filter(|_| read > 0))
}

/// Reads up to the empty line, byte by byte, because the bytes after it belong to the tunnel.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Parses the host and port of `CONNECT host:port HTTP/1.1`.
fn parse_target(head: &str) -> Option<(&str, u16)> {
    let (authority, _) = head.strip_prefix("CONNECT ")?.split_once(' ')?;
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host, port.parse().ok()?)).filter(|_| !host.is_empty())
}

async fn refuse(stream: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{why}"
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
}
