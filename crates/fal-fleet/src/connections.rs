//! The connections to the database, with or without TLS.

use std::{path::Path, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

use crate::{Error, Result};

/// The number of connections of a fleet.
const CONNECTIONS: usize = 16;

/// The time after which a connection that cannot be made is an error.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns connections for a connection string. None is made before it is needed.
pub(crate) fn pool(text: &str) -> Result<Pool> {
    let (plain, tls) = TlsOptions::take(text)?;
    let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| invalid(&error))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = if tls.is_required || config.get_ssl_mode() == SslMode::Require {
        // Otherwise a server that does not offer TLS is talked to in plain text.
        config.ssl_mode(SslMode::Require);
        Manager::from_config(config, MakeRustlsConnect::new(tls.client()?), manager)
    } else {
        Manager::from_config(config, NoTls, manager)
    };
    let pool = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1).build();
    pool.map_err(|error| Error::config(format!("the connections cannot be set up: {error}")))
}

/// Returns the error of a connection string. It has no part of it, because that could be one of the password.
fn invalid(error: &tokio_postgres::Error) -> Error {
    let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let reason = match reason.starts_with("unknown option") {
        true => "it has an option that does not exist; characters such as `?`, `/` and `@` of a password are written as `%3F`, `%2F` and `%40`".to_owned(),
        false => reason,
    };
    Error::config(format!("the URL of the database is invalid: {reason}"))
}

/// The options of a connection string that concern TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct TlsOptions {
    is_required: bool,
    /// The file with the certificates of authorities, or `None` for those of the system.
    root: Option<String>,
}

impl TlsOptions {
    /// Takes the options out of a URL, because tokio-postgres does not know all their values.
    fn take(text: &str) -> Result<(String, Self)> {
        let mut tls = Self::default();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Ok((text.to_owned(), tls));
        }
        // A password may have a `?`.
        let start = text.find('@').unwrap_or(0);
        let Some(query) = text.get(start..).and_then(|rest| rest.find('?')).map(|place| start + place) else {
            return Ok((text.to_owned(), tls));
        };
        let (head, query) = text.split_at(query);
        let mut kept = Vec::new();
        for pair in query.trim_start_matches('?').split('&') {
            // Connection strings have no `+` for a space.
            let escaped = pair.replace('+', "%2B");
            let (name, value) = form_urlencoded::parse(escaped.as_bytes()).next().unwrap_or_default();
            match &*name {
                "sslmode" => tls.is_required = is_required(&value)?,
                "sslrootcert" => tls.root = Some(value.into_owned()).filter(|root| root != "system"),
                _ => kept.push(pair),
            }
        }
        if tls.root.is_some() && !tls.is_required {
            return Err(Error::config(
                "the URL of the database has `sslrootcert` and no `sslmode=verify-full`, so that the certificate would not be used",
            ));
        }
        let question = if kept.is_empty() { "" } else { "?" };
        Ok((format!("{head}{question}{}", kept.join("&")), tls))
    }

    /// Returns a configuration that checks the certificate of the server and its name.
    fn client(&self) -> Result<ClientConfig> {
        let failed = |error: &dyn std::fmt::Display| Error::config(format!("TLS cannot be set up: {error}"));
        let provider = CryptoProvider::get_default().cloned().or_else(built_in_provider).ok_or_else(|| {
            Error::config(
                "TLS has no crypto provider: turn on `rustls-ring` or `rustls-aws-lc-rs` of fal-fleet, or install one \
                 for the process",
            )
        })?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let builder = match &self.root {
            None => builder.with_platform_verifier().map_err(|error| failed(&error))?,
            Some(root) => builder.with_root_certificates(authorities(Path::new(root))?),
        };
        Ok(builder.with_no_client_auth())
    }
}

/// Returns the crypto provider of the features.
fn built_in_provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "rustls-ring")]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "rustls-aws-lc-rs", not(feature = "rustls-ring")))]
    return Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs")))]
    None
}

/// Returns true if a mode needs TLS.
fn is_required(mode: &str) -> Result<bool> {
    match mode {
        "require" | "verify-ca" | "verify-full" => Ok(true),
        "disable" => Ok(false),
        // Both leave it to the network whether a connection is encrypted.
        "prefer" | "allow" => Err(Error::config(format!(
            "`sslmode={mode}` of the URL of the database does not say if connections are encrypted; write `verify-full` or `disable`"
        ))),
        _ => Err(Error::config(
            "`sslmode` of the URL of the database is unknown; write `verify-full` or `disable`",
        )),
    }
}

/// Reads the certificates of authorities, in PEM.
fn authorities(file: &Path) -> Result<RootCertStore> {
    let failed =
        |error: &dyn std::fmt::Display| Error::config(format!("`sslrootcert` {}: {error}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() { Err(failed(&"the file has no certificate")) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(url: &str) -> (String, TlsOptions) {
        TlsOptions::take(url).unwrap()
    }

    #[test]
    fn options_of_tls_are_taken_out_of_the_url() {
        let tls = |is_required, root: Option<&str>| TlsOptions { is_required, root: root.map(str::to_owned) };
        for (url, rest, expected) in [
            ("postgres://host/app", "postgres://host/app", tls(false, None)),
            ("postgres://host/app?sslmode=disable", "postgres://host/app", tls(false, None)),
            ("postgresql://host/app?sslmode=require", "postgresql://host/app", tls(true, None)),
            (
                "postgres://u:p?sslmode=disable@host/app?a=b&sslmode=verify-full&sslrootcert=%2Fa+b%20c&c=d",
                "postgres://u:p?sslmode=disable@host/app?a=b&c=d",
                tls(true, Some("/a+b c")),
            ),
            ("postgres://host?sslmode=verify-ca&sslrootcert=system", "postgres://host", tls(true, None)),
            ("host=a sslmode=require", "host=a sslmode=require", tls(false, None)),
        ] {
            assert_eq!(take(url), (rest.to_owned(), expected), "{url}");
        }
        for bad in ["prefer", "allow", "", "Require", "disable&sslrootcert=ca.pem"] {
            assert!(TlsOptions::take(&format!("postgres://host?sslmode={bad}")).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn no_error_has_a_part_of_the_password() {
        for url in [
            "postgres://me:hunter2@host:port/app",
            "postgres://me:hun/ter2@host/app",
            "postgres://me:hun#ter2@host/app",
            "postgres://me:hu?hunter2=x@host/app?sslmode=maybe",
            "postgres://me:hun@ter2?hunter2=x/app",
            "postgres://me:hunter2@host/app?hunter2=1",
            "postgres://me:hunter2@127.0.0.1:1/app",
            "postgres://me:hunter2@127.0.0.1:1/app?sslmode=require&sslrootcert=/none",
            "host=127.0.0.1 port=1 user=me password=hunter2",
            "host=127.0.0.1 password=hun hunter2=x",
            "host=127.0.0.1 password='hunter2",
        ] {
            let error = crate::Fleet::connect(url).await.unwrap_err();
            let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
            assert!(!shown.contains("hunter") && !shown.contains("ter2"), "{shown}");
        }
    }
}
