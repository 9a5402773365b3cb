//! The HTTP client that is used if the caller sets none.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::{Error, ErrorKind, Result};

/// The time to connect. After that the backup domain, or another attempt, is more likely to succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Builds a client that follows no redirect, because the key would go along, and uses the proxies of the
/// environment.
///
/// It decompresses answers only with `gzip`, also if another crate turns features for that on in reqwest.
pub(crate) fn default_http(local: bool, local_names: &[String], gzip: bool) -> Result<reqwest::Client> {
    let settings = settings(local, local_names);
    #[cfg(feature = "gzip")]
    let settings = settings.gzip(gzip);
    #[cfg(not(feature = "gzip"))]
    let settings = if gzip { settings } else { settings.no_gzip() };
    with_tls(settings, local, &[b"h2", b"http/1.1"])?.build().map_err(config)
}

/// Returns a builder with the settings of the default client.
pub(crate) fn http_builder() -> Result<reqwest::ClientBuilder> {
    with_tls(settings(false, &[]), false, &[b"h2", b"http/1.1"])
}

/// Builds the same client with HTTP/1.1 only, for requests that switch to a WebSocket.
#[cfg(feature = "realtime")]
pub(super) fn http1(local: bool, local_names: &[String]) -> Result<reqwest::Client> {
    with_tls(settings(local, local_names).http1_only(), local, &[b"http/1.1"])?.build().map_err(config)
}

/// The addresses of this machine, with the port of the URL.
const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

fn settings(local: bool, local_names: &[String]) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        // Shorter than that of most servers, so that no request meets a connection that is being closed.
        .pool_idle_timeout(IDLE_TIMEOUT)
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .tcp_nodelay(true);
    // A resolver may know other addresses of these names, and the key would go there in plain text.
    for name in local_names {
        builder = builder.resolve_to_addrs(name, &LOOPBACK);
    }
    // A proxy cannot reach an emulator on this machine.
    if local { builder.no_proxy() } else { builder }
}

#[cfg(feature = "rustls")]
fn with_tls(
    builder: reqwest::ClientBuilder,
    local: bool,
    protocols: &[&[u8]],
) -> Result<reqwest::ClientBuilder> {
    let mut tls = platform_tls(local)?;
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(builder.tls_backend_preconfigured(tls))
}

/// Returns a configuration that trusts the system's certificates.
#[cfg(feature = "rustls")]
fn platform_tls(local: bool) -> Result<rustls::ClientConfig> {
    use std::sync::OnceLock;

    use rustls::ClientConfig;
    use rustls_platform_verifier::BuilderVerifierExt;

    // Cached, because reading the system's certificates takes longer than most requests.
    static WITH_CERTIFICATES: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(tls) = WITH_CERTIFICATES.get() {
        return Ok(tls.clone());
    }
    let provider = provider().ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "rustls has no crypto provider: turn on `rustls-ring` or `rustls-aws-lc-rs` of fal-client, or \
             install one for the process",
        )
    })?;
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(config)?;
    match tls.clone().with_platform_verifier() {
        Ok(tls) => Ok(WITH_CERTIFICATES.get_or_init(|| tls.with_no_client_auth()).clone()),
        // An emulator needs no certificates, so a container without any will do.
        Err(_) if local => {
            Ok(tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        }
        Err(error) => Err(config(error)),
    }
}

/// Returns the crypto provider that the process has installed, or else a built-in one.
///
/// ring is installed for the process, because reqwest has no provider of its own then, and panics in
/// `reqwest::Client::new()` unless the process has one.
#[cfg(feature = "rustls")]
fn provider() -> Option<std::sync::Arc<rustls::crypto::CryptoProvider>> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    #[cfg(feature = "rustls-ring")]
    let built_in = || Some(rustls::crypto::ring::default_provider().into());
    #[cfg(all(feature = "rustls-aws-lc-rs", not(feature = "rustls-ring")))]
    let built_in = || Some(rustls::crypto::aws_lc_rs::default_provider().into());
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs")))]
    let built_in = || None;
    installed.or_else(|| {
        let provider: std::sync::Arc<rustls::crypto::CryptoProvider> = built_in()?;
        if cfg!(not(feature = "rustls-aws-lc-rs")) {
            // Fails only if another thread was faster, and either provider will do.
            let _ = rustls::crypto::CryptoProvider::clone(&provider).install_default();
        }
        Some(provider)
    })
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool, _: &[&[u8]]) -> Result<reqwest::ClientBuilder> {
    Ok(builder.tls_backend_native())
}

/// Supports plain HTTP only, for an emulator.
#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool, _: &[&[u8]]) -> Result<reqwest::ClientBuilder> {
    Ok(builder)
}

fn config(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Config, format!("the HTTP client cannot be built: {error}")).with_source(error)
}

#[cfg(all(test, feature = "rustls", feature = "realtime"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    /// Returns the first bytes that a client sends, which list its protocols.
    async fn hello(http: reqwest::Client) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let call = tokio::spawn(http.get(url).send());
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 4096];
        let read = socket.read(&mut hello).await.unwrap();
        hello.truncate(read);
        call.abort();
        hello
    }

    #[tokio::test]
    async fn websocket_connections_do_not_offer_http2() {
        let offers =
            |hello: &[u8], protocol: &[u8]| hello.windows(protocol.len()).any(|part| part == protocol);
        let usual = hello(default_http(true, &[], false).unwrap()).await;
        assert!(offers(&usual, b"\x02h2\x08http/1.1"));
        let websocket = hello(http1(true, &[]).unwrap()).await;
        // The whole list with its length: random bytes elsewhere may look like the name of HTTP/2.
        assert!(offers(&websocket, b"\x00\x09\x08http/1.1"));
    }
}
