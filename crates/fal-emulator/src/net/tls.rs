//! TLS with the emulator's own certificate authority, which signs for fal's host names.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::faulty_stream::ResetOnClose;
use crate::hex::sha256;
use crate::{hosts, private_files};

/// The names below fal's domains in the server's certificate, beside one level of all of them.
const DEEP_NAMES: [&str; 1] = ["*.alpha.fal.ai"];
/// The lifetime of certificates. A machine that trusts the authority should not have to for ever.
const LIFETIME: Duration = Duration::days(90);
/// A kept certificate is replaced if less than this is left of its lifetime.
const RENEWAL: Duration = Duration::days(30);
/// The time before its creation from which a certificate is valid, for clocks that are late.
const CLOCK_SKEW: Duration = Duration::hours(1);

type TlsError = Box<dyn std::error::Error + Send + Sync>;

/// A certificate authority and a TLS acceptor with a certificate that it signed.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, which clients have to trust, as PEM.
    pub(crate) ca: String,
}

impl Tls {
    /// Creates certificates for fal's names, for loopback, for `host` and for the names `allowed`. With `folder`, the
    /// authority's key and certificate are kept there and used again after a restart.
    pub(crate) fn new(folder: Option<&Path>, allowed: &[String], host: IpAddr) -> Result<Self, TlsError> {
        let key = match folder {
            Some(folder) => load_or_create_key(&folder.join("ca-key.pem"))?,
            None => KeyPair::generate()?,
        };
        let now = OffsetDateTime::now_utc();
        let params = ca_params(allowed, host, now)?;
        let ca = match folder {
            Some(folder) => load_or_create_ca(&folder.join("ca.pem"), &params, &key, now)?,
            None => params.self_signed(&key)?.pem(),
        };
        let ca_der = CertificateDer::from_pem_slice(ca.as_bytes())?.into_owned();
        let server_key = KeyPair::generate()?;
        let issuer = Issuer::new(params, key);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let signer = PrivateKeyDer::try_from(server_key.serialize_der())?;
        let signer = provider.key_provider.load_private_key(signer)?;
        let certify = |names: Vec<String>| -> Result<Arc<CertifiedKey>, TlsError> {
            let server = server_params(names, now)?.signed_by(&server_key, &issuer)?;
            let chain = vec![server.der().clone(), ca_der.clone()];
            Ok(Arc::new(CertifiedKey::new(chain, Arc::clone(&signer))))
        };
        let names = server_names(allowed);
        let addresses = ["127.0.0.1".to_owned(), "::1".to_owned(), host.to_string()];
        let by_address = certify(names.iter().cloned().chain(addresses).collect())?;
        let certificates = Certificates { by_name: certify(names)?, by_address };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca })
    }
}

/// Returns the parameters of the authority, which can sign for the names of the emulator only. Its own name never
/// changes, so that clients that trust an earlier certificate trust any later one of the same key.
fn ca_params(allowed: &[String], host: IpAddr, now: OffsetDateTime) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "fal-emulator CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + LIFETIME;
    let names = hosts::DOMAINS.iter().copied().chain(["localhost"]);
    let allowed = allowed.iter().map(|name| name.trim_start_matches("*."));
    let names = names.chain(allowed).map(|name| GeneralSubtree::DnsName(name.to_owned()));
    let addresses = [
        CidrSubnet::from_addr_prefix(IpAddr::from([127, 0, 0, 0]), 8),
        CidrSubnet::from_addr_prefix(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16]), 128),
        CidrSubnet::from_addr_prefix(host, if host.is_ipv4() { 32 } else { 128 }),
    ];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.chain(addresses.map(GeneralSubtree::IpAddress)).collect(),
        excluded_subtrees: Vec::new(),
    });
    Ok(params)
}

/// The certificates of the server.
#[derive(Debug)]
struct Certificates {
    /// For clients that call a name. BoringSSL, which Bun uses, takes no certificate with addresses from an authority that
    /// may sign for some addresses only.
    by_name: Arc<CertifiedKey>,
    /// For clients that call an address, and so send no name.
    by_address: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = if hello.server_name().is_some() { &self.by_name } else { &self.by_address };
        Some(Arc::clone(chosen))
    }
}

/// Returns the names that the server answers for.
fn server_names(allowed: &[String]) -> Vec<String> {
    let domains = hosts::DOMAINS.iter().flat_map(|domain| [(*domain).to_owned(), format!("*.{domain}")]);
    let fixed = DEEP_NAMES.into_iter().chain(["localhost"]).map(str::to_owned);
    domains.chain(fixed).chain(allowed.iter().cloned()).collect()
}

fn server_params(names: Vec<String>, now: OffsetDateTime) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "fal-emulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + LIFETIME;
    Ok(params)
}

/// Reads the authority's certificate from a file, and writes a new one if there is none, if it is for other names or
/// for another key, or if it expires soon.
fn load_or_create_ca(
    path: &Path,
    params: &CertificateParams,
    key: &KeyPair,
    now: OffsetDateTime,
) -> Result<String, TlsError> {
    // The names and the key, as a line before the certificate, which readers of PEM skip.
    let scope = format!("{:?} {:?}", params.name_constraints, key.public_key_raw());
    let scope = sha256(scope.as_bytes());
    let known = private_files::read_text(path).ok().filter(|text| {
        let (first, certificate) = text.split_once('\n').unwrap_or_default();
        let expires = first.strip_prefix(&format!("fal-emulator CA {scope} until "));
        let expires = expires.and_then(|seconds| seconds.parse::<i64>().ok());
        expires.is_some_and(|seconds| seconds > (now + RENEWAL).unix_timestamp())
            && CertificateDer::from_pem_slice(certificate.as_bytes()).is_ok()
    });
    if let Some((_, certificate)) = known.as_deref().and_then(|text| text.split_once('\n')) {
        return Ok(certificate.to_owned());
    }
    let certificate = params.self_signed(key)?.pem();
    let until = params.not_after.unix_timestamp();
    let new = path.with_extension("new");
    let text = format!("fal-emulator CA {scope} until {until}\n{certificate}");
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(certificate)
}

/// Reads a key from a file, which is created if it does not exist.
fn load_or_create_key(path: &Path) -> Result<KeyPair, TlsError> {
    match private_files::read_text(path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| {
            let message = format!("{}: {error}; without this file a new key is made", path.display());
            std::io::Error::new(std::io::ErrorKind::InvalidData, message).into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            private_files::write_new(path, key.serialize_pem().as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

impl ResetOnClose for TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}

#[cfg(test)]
mod tests {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Returns true if a client that trusts `ca` accepts a certificate for `name` that the key of `folder` signed, after
    /// `days`.
    fn is_accepted(folder: &Path, ca: &str, name: &str, days: u64) -> bool {
        let key = KeyPair::from_pem(&std::fs::read_to_string(folder.join("ca-key.pem")).unwrap()).unwrap();
        let issuer = Issuer::new(ca_params(&[], HOST, OffsetDateTime::now_utc()).unwrap(), key);
        let mut leaf = server_params(Vec::new(), OffsetDateTime::now_utc()).unwrap();
        leaf.subject_alt_names = CertificateParams::new(vec![name.to_owned()]).unwrap().subject_alt_names;
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let now = std::time::Duration::from_secs(UnixTime::now().as_secs() + days * 86_400);
        let now = UnixTime::since_unix_epoch(now);
        let name = ServerName::try_from(name.replace('*', "a")).unwrap();
        verifier.verify_server_cert(leaf.der(), &[], &name, &[], now).is_ok()
    }

    #[test]
    fn whoever_has_the_key_can_sign_for_fal_and_this_machine_only_and_not_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let ca = Tls::new(Some(folder.path()), &[], HOST).unwrap().ca;
        for name in ["fal.run", "*.fal.ai", "v3.fal.media", "localhost", "127.0.0.1"] {
            assert!(is_accepted(folder.path(), &ca, name, 0), "{name}");
            assert!(!is_accepted(folder.path(), &ca, name, 100), "{name}");
        }
        for name in ["example.com", "notfal.run", "fal.run.example", "10.0.0.1", "github.com"] {
            assert!(!is_accepted(folder.path(), &ca, name, 0), "{name}");
        }
    }

    #[test]
    fn the_certificate_is_kept_unless_the_names_change() {
        let folder = tempfile::tempdir().unwrap();
        let make = |allowed: &[String]| Tls::new(Some(folder.path()), allowed, HOST).unwrap().ca;
        let first = make(&[]);
        assert_eq!(make(&[]), first);
        assert_ne!(make(&["emulator".to_owned()]), first);
        std::fs::write(folder.path().join("ca.pem"), "damaged").unwrap();
        assert!(make(&[]).starts_with("-----BEGIN CERTIFICATE-----"));
    }

    /// Reading one would wait for a writer for ever.
    #[cfg(unix)]
    #[test]
    fn pipes_and_damaged_files_are_no_certificate_and_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let make_pipe = |name: &str| {
            let path = folder.path().join(name);
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        };
        make_pipe("ca.pem");
        assert!(Tls::new(Some(folder.path()), &[], HOST).is_ok());
        std::fs::remove_file(folder.path().join("ca-key.pem")).unwrap();
        make_pipe("ca-key.pem");
        let error = Tls::new(Some(folder.path()), &[], HOST).err().unwrap().to_string();
        assert!(error.ends_with("ca-key.pem: not a regular file"), "{error}");
        std::fs::remove_file(folder.path().join("ca-key.pem")).unwrap();
        std::fs::write(folder.path().join("ca-key.pem"), "damaged").unwrap();
        let error = Tls::new(Some(folder.path()), &[], HOST).err().unwrap().to_string();
        assert!(error.contains("ca-key.pem: ") && error.ends_with("a new key is made"), "{error}");
    }
}
