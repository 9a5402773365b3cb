//! TLS with the emulator's own certificate authority, which signs for fal's host names.

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

use super::faulty_stream::ResetOnClose;

/// The host names and addresses in the server's certificate.
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

type TlsError = Box<dyn std::error::Error + Send + Sync>;

/// A certificate authority and a TLS acceptor with a certificate that it signed.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate, which clients have to trust, as PEM.
    pub(crate) ca: String,
}

impl Tls {
    /// Creates certificates. With `folder`, the authority's key is kept there and used again after a restart.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self, TlsError> {
        let key = match folder {
            Some(folder) => load_or_create_key(&folder.join("ca-key.pem"))?,
            None => KeyPair::generate()?,
        };
        let ca = CertifiedIssuer::self_signed(ca_params()?, key)?;
        let server_key = KeyPair::generate()?;
        let server = server_params()?.signed_by(&server_key, &ca)?;
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

/// Returns the parameters of the authority. Its name and serial number never change, so that clients that
/// trust an earlier certificate trust any later one of the same key.
fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "fal-emulator CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(1u64.into());
    Ok(params)
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "fal-emulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Reads a key from a file, which is created if it does not exist.
fn load_or_create_key(path: &Path) -> Result<KeyPair, TlsError> {
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

impl ResetOnClose for TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}
