//! The HTTP client that is used when the caller gives none.

use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// How long a connection may take to be made. Beyond that the second domain, or another attempt, is the
/// better idea.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(45);

/// A client that follows no redirect, since a key must not, and knows the proxies of the environment.
pub(crate) fn default_http(local: bool) -> Result<reqwest::Client> {
    with_tls(settings(local), local, &[b"h2", b"http/1.1"])?.build().map_err(config)
}

/// The same for connections that leave HTTP, which HTTP/1.1 alone can.
#[cfg(feature = "realtime")]
pub(super) fn http1(local: bool) -> Result<reqwest::Client> {
    with_tls(settings(local).http1_only(), local, &[b"http/1.1"])?.build().map_err(config)
}

fn settings(local: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        // Less than servers usually do, so that they are not the ones that close it.
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    // A proxy cannot reach an emulator on this machine.
    if local { builder.no_proxy() } else { builder }
}

#[cfg(feature = "rustls")]
fn with_tls(
    builder: reqwest::ClientBuilder,
    local: bool,
    protocols: &[&[u8]],
) -> Result<reqwest::ClientBuilder> {
    let mut tls = verifying(local)?;
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(builder.tls_backend_preconfigured(tls))
}

/// Trusts whom the system trusts.
#[cfg(feature = "rustls")]
fn verifying(local: bool) -> Result<rustls::ClientConfig> {
    use std::sync::OnceLock;

    use rustls::ClientConfig;
    use rustls_platform_verifier::BuilderVerifierExt;

    // Reading the system's certificates takes longer than most requests, so it is done once a process.
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
        // An emulator is spoken to in plain HTTP, also in a container without certificates.
        Err(_) if local => {
            Ok(tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        }
        Err(error) => Err(config(error)),
    }
}

/// The one that the process has agreed on, or else one that is built in, so that none has to be installed.
#[cfg(feature = "rustls")]
fn provider() -> Option<std::sync::Arc<rustls::crypto::CryptoProvider>> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    #[cfg(feature = "rustls-ring")]
    let built_in = || Some(rustls::crypto::ring::default_provider().into());
    #[cfg(all(feature = "rustls-aws-lc-rs", not(feature = "rustls-ring")))]
    let built_in = || Some(rustls::crypto::aws_lc_rs::default_provider().into());
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs")))]
    let built_in = || None;
    installed.or_else(built_in)
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool, _: &[&[u8]]) -> Result<reqwest::ClientBuilder> {
    Ok(builder.tls_backend_native())
}

/// Plain HTTP only, for an emulator.
#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool, _: &[&[u8]]) -> Result<reqwest::ClientBuilder> {
    Ok(builder)
}

fn config(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Config, format!("the HTTP client cannot be made: {error}")).with_source(error)
}

#[cfg(all(test, feature = "rustls", feature = "realtime"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    /// The first bytes that a client sends, in which it lists the protocols it speaks.
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
    async fn connections_that_leave_http_do_not_offer_its_second_version() {
        let offers =
            |hello: &[u8], protocol: &[u8]| hello.windows(protocol.len()).any(|part| part == protocol);
        let usual = hello(default_http(true).unwrap()).await;
        assert!(offers(&usual, b"\x02h2\x08http/1.1"));
        let leaving = hello(http1(true).unwrap()).await;
        assert!(offers(&leaving, b"\x08http/1.1") && !offers(&leaving, b"\x02h2"));
    }
}
