//! The files that a command needs: the certificates that it trusts, and the preloads of Node and Bun.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::java_trust_store::java_trust_store;

/// The script that Node loads first, and that of Bun.
const NODE_PRELOAD: &str = include_str!("node_preload.cjs");
const BUN_PRELOAD: &str = include_str!("bun_preload.cjs");
/// The variables that name a file of trusted certificates: for OpenSSL and rustls, Node, curl, Python's requests, and
/// Deno. Those of this process may name further ones, such as those of a company.
pub(super) const TRUST_VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "DENO_CERT"];

/// The paths of the files, all in one folder.
#[derive(Clone, Debug)]
pub(crate) struct FilePaths {
    folder: PathBuf,
}

impl FilePaths {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn certificates(&self) -> PathBuf {
        self.folder.join("certificates.pem")
    }

    pub(super) fn java_trust_store(&self) -> PathBuf {
        self.folder.join("certificates.jks")
    }

    pub(super) fn node_preload(&self) -> PathBuf {
        self.folder.join("node.cjs")
    }

    pub(super) fn bun_preload(&self) -> PathBuf {
        self.folder.join("bun.cjs")
    }

    /// Returns the folder of PHP's settings.
    pub(super) fn php_settings(&self) -> PathBuf {
        self.folder.join("php")
    }
}

/// The files of a command, which are removed on drop.
pub(crate) struct ChildFiles {
    folder: TempDir,
    paths: FilePaths,
}

impl ChildFiles {
    /// Writes the files into a folder of their own.
    pub(crate) fn create(ca: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fal-emulator-").tempdir()?;
        let paths = write_files(folder.path(), ca)?;
        Ok(Self { folder, paths })
    }

    pub(crate) fn paths(&self) -> &FilePaths {
        &self.paths
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Writes the files into a folder, which is created.
pub(crate) fn write_files(folder: &Path, ca: &str) -> io::Result<FilePaths> {
    let paths = FilePaths::new(folder);
    fs::create_dir_all(paths.php_settings())?;
    // Renamed when they are whole, because commands may read them meanwhile.
    let write = |path: PathBuf, content: &[u8]| {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.persist(path)?;
        io::Result::Ok(())
    };
    let certificates = bundle(ca);
    write(paths.java_trust_store(), &java_trust_store(&String::from_utf8_lossy(&certificates)))?;
    write(paths.certificates(), &certificates)?;
    write(paths.node_preload(), NODE_PRELOAD.as_bytes())?;
    write(paths.bun_preload(), BUN_PRELOAD.as_bytes())?;
    let settings = php_settings(&paths.certificates());
    write(paths.php_settings().join("fal-emulator.ini"), settings.as_bytes())?;
    Ok(paths)
}

/// Returns the settings by which PHP trusts the certificates.
fn php_settings(certificates: &Path) -> String {
    let path = certificates.to_string_lossy().replace('"', "");
    format!("curl.cainfo = \"{path}\"\nopenssl.cafile = \"{path}\"\n")
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
        let paths = write_files(&folder.path().join("new"), own).unwrap();
        assert!(fs::read_to_string(paths.certificates()).unwrap().ends_with(own));
        assert_eq!(fs::read_to_string(paths.node_preload()).unwrap(), NODE_PRELOAD);
        let settings = fs::read_to_string(paths.php_settings().join("fal-emulator.ini")).unwrap();
        assert!(settings.contains(&format!("curl.cainfo = \"{}\"", paths.certificates().display())));
        assert!(fs::read(paths.java_trust_store()).unwrap().starts_with(&[0xFE, 0xED, 0xFE, 0xED]));
    }
}
