//! TLS with a certificate authority of the emulator's own, which signs for fal's host names.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::wire::Reset;

/// The names that the certificate is for.
const NAMES: [&str; 12] = [
    "fal.run",
    "*.fal.run",
    "falrun.com",
    "*.falrun.com",
    "fal.ai",
    "*.fal.ai",
    "*.alpha.fal.ai",
    "fal.media",
    "*.fal.media",
    "localhost",
    "127.0.0.1",
    "::1",
];

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// A certificate authority, and what it signed.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate that clients have to trust, as PEM.
    pub(crate) ca: String,
}

impl Tls {
    /// Makes new certificates. With `folder`, the authority of an earlier start is used again.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self, Problem> {
        let key = match folder {
            Some(folder) => kept_key(&folder.join("ca-key.pem"))?,
            None => KeyPair::generate()?,
        };
        let ca = CertifiedIssuer::self_signed(authority()?, key)?;
        let server_key = KeyPair::generate()?;
        let server = server()?.signed_by(&server_key, &ca)?;
        let chain = vec![server.der().clone(), ca.der().clone()];
        let key = PrivateKeyDer::try_from(server_key.serialize_der())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca: ca.pem() })
    }
}

/// A certificate made again from the same key and the same name is the same authority to who trusts an earlier one.
fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "fal-emulator CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(1u64.into());
    Ok(params)
}

fn server() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "fal-emulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The key in a file, which is made if it is not there.
fn kept_key(path: &Path) -> Result<KeyPair, Problem> {
    match std::fs::read_to_string(path) {
        Ok(pem) => Ok(KeyPair::from_pem(&pem)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            write_private(path, &key.serialize_pem())?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

impl Reset for TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}
