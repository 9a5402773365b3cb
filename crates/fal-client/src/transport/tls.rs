//! The HTTP client that is used when the caller gives none.

use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// A client that follows no redirect, since a key must not, and knows the proxies of the environment.
pub(crate) fn default_http(local: bool) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(30))
        .tcp_nodelay(true);
    // A proxy cannot reach an emulator on this machine.
    let builder = if local { builder.no_proxy() } else { builder };
    with_tls(builder, local)?.build().map_err(config)
}

/// rustls is handed its provider, so that none has to be installed for the whole process.
#[cfg(feature = "rustls-ring")]
fn with_tls(builder: reqwest::ClientBuilder, local: bool) -> Result<reqwest::ClientBuilder> {
    use std::sync::Arc;

    use rustls_platform_verifier::BuilderVerifierExt;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(config)?;
    let mut tls = match tls.clone().with_platform_verifier() {
        Ok(tls) => tls.with_no_client_auth(),
        // An emulator is spoken to in plain HTTP, also in a container without certificates.
        Err(_) if local => tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        Err(error) => return Err(config(error)),
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(tls))
}

#[cfg(all(feature = "native-tls", not(feature = "rustls-ring")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool) -> Result<reqwest::ClientBuilder> {
    Ok(builder.tls_backend_native())
}

/// Plain HTTP only, for an emulator.
#[cfg(not(any(feature = "native-tls", feature = "rustls-ring")))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
fn with_tls(builder: reqwest::ClientBuilder, _: bool) -> Result<reqwest::ClientBuilder> {
    Ok(builder)
}

fn config(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Config, format!("the HTTP client cannot be made: {error}")).caused_by(error)
}
