//! A port that speaks https is an https proxy as well: its tunnels to fal's host names end at the emulator.
//!
//! Apps that insist on these names are led here by the environment variable `HTTPS_PROXY`, and nothing else on the
//! machine has to know.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hosts;

/// The first byte of a TLS connection.
const HANDSHAKE: u8 = 22;
/// The longest head of a request to the proxy, in bytes.
const LONGEST_HEAD: usize = 8192;
/// How long a caller may take to say where to.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The connection on which TLS follows, or `None` where it was for somebody else and is over.
pub(super) async fn enter(mut stream: TcpStream, peer: SocketAddr) -> io::Result<Option<TcpStream>> {
    if timeout(HEAD_TIME, first_byte(&stream)).await?? == Some(HANDSHAKE) {
        return Ok(Some(stream));
    }
    let head = timeout(HEAD_TIME, head(&mut stream)).await??;
    let Some((host, port)) = target(&head) else {
        refuse(&mut stream, "400 Bad Request", "this port speaks https, and is a proxy for it: use https://")
            .await?;
        return Ok(None);
    };
    if hosts::is_fals(host) {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        return Ok(Some(stream));
    }
    // Whoever else can reach the emulator shall not reach through it what this machine can reach.
    if !peer.ip().is_loopback() {
        refuse(&mut stream, "403 Forbidden", "this proxy leads others to fal's host names only").await?;
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

/// All up to the empty line; no more, for what follows is not ours.
async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Host and port of `CONNECT host:port HTTP/1.1`.
fn target(head: &str) -> Option<(&str, u16)> {
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
    fn a_tunnel_says_where_it_leads() {
        assert_eq!(target("CONNECT fal.run:443 HTTP/1.1\r\n\r\n"), Some(("fal.run", 443)));
        assert_eq!(target("CONNECT [::1]:8443 HTTP/1.1\r\n\r\n"), Some(("::1", 8443)));
        for head in
            ["GET / HTTP/1.1\r\n\r\n", "CONNECT fal.run HTTP/1.1", "CONNECT :1 HTTP/1.1", "CONNECT", ""]
        {
            assert_eq!(target(head), None, "{head}");
        }
    }
}
