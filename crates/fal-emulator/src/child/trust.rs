//! The files that a command needs: the certificates that it trusts, and the preload of Node.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The script that Node loads first.
const PRELOAD: &str = include_str!("node_preload.cjs");
/// The variables that name a file of trusted certificates: for OpenSSL and rustls, Node, curl, Python's requests, and
/// Deno. Those of this process may name further ones, such as those of a company.
pub(super) const TRUST_VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "DENO_CERT"];

/// The files of a command, which are removed on drop.
pub(crate) struct ChildFiles {
    certificates: NamedTempFile,
    preload: NamedTempFile,
}

impl ChildFiles {
    /// Writes the files into the temporary folder.
    pub(crate) fn create(ca: &str) -> io::Result<Self> {
        let new = |suffix: &str| tempfile::Builder::new().prefix("fal-emulator-").suffix(suffix).tempfile();
        let files = Self { certificates: new(".pem")?, preload: new(".cjs")? };
        files.certificates.as_file().write_all(&bundle(ca))?;
        files.preload.as_file().write_all(PRELOAD.as_bytes())?;
        Ok(files)
    }

    pub(crate) fn certificates(&self) -> &Path {
        self.certificates.path()
    }

    pub(crate) fn preload(&self) -> &Path {
        self.preload.path()
    }

    pub(super) fn paths(&self) -> [&Path; 2] {
        [self.certificates(), self.preload()]
    }
}

/// Writes the files into a folder, for commands that are started later. Returns the paths of the certificates and of
/// the preload.
pub(crate) fn write_files(folder: &Path, name: &str, ca: &str) -> io::Result<(PathBuf, PathBuf)> {
    fs::create_dir_all(folder)?;
    let write = |name: String, content: &[u8]| {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        let path = folder.join(name);
        file.persist(&path)?;
        io::Result::Ok(path)
    };
    let certificates = write(format!("{name}.pem"), &bundle(ca))?;
    Ok((certificates, write(format!("{name}.cjs"), PRELOAD.as_bytes())?))
}

/// Writes the certificates that the machine trusts and that of the emulator to a file.
pub(crate) fn write_bundle(path: &Path, ca: &str) -> io::Result<()> {
    fs::write(path, bundle(ca))
}

/// Returns the certificates that the machine trusts and that of the emulator, because the command may also call other
/// hosts.
fn bundle(own: &str) -> Vec<u8> {
    let named = TRUST_VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut files: BTreeSet<PathBuf> = named.collect();
    // Without the variable, which may name a file of the emulator.
    files.extend(openssl_probe::probe().cert_file);
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for content in files.iter().filter_map(|file| fs::read_to_string(file).ok()) {
        for certificate in content.split_inclusive("-----END CERTIFICATE-----") {
            let start = certificate.find("-----BEGIN CERTIFICATE-----");
            if let Some(certificate) = start.and_then(|start| certificate.get(start..))
                && certificate.ends_with("-----END CERTIFICATE-----")
                && seen.insert(certificate.to_owned())
            {
                all.extend_from_slice(certificate.as_bytes());
                all.push(b'\n');
            }
        }
    }
    all.extend_from_slice(own.as_bytes());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_holds_the_roots_of_the_system_and_the_emulator_last() {
        let own = "-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n";
        let text = String::from_utf8(bundle(own)).unwrap();
        assert!(text.ends_with(own));
        if openssl_probe::probe().cert_file.is_some() {
            assert!(text.matches("-----BEGIN CERTIFICATE-----").count() > 1);
        }
        let folder = tempfile::tempdir().unwrap();
        let (certificates, preload) = write_files(&folder.path().join("new"), "1", own).unwrap();
        assert!(fs::read_to_string(certificates).unwrap().ends_with(own));
        assert_eq!(fs::read_to_string(preload).unwrap(), PRELOAD);
    }
}
