//! Connections with TLS, to a server with a certificate of its own authority.

use std::{error::Error, fs, path::Path};

use fal_fleet::Fleet;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::cluster::{Cluster, QUICK};

/// Writes the certificate of an authority, and one for `localhost` that it has signed.
fn write_certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    for (name, pem) in [
        ("ca.pem", certificate.pem()),
        ("server.pem", server.pem()),
        ("server.key", server_key.serialize_pem()),
    ] {
        fs::write(folder.join(name), pem).unwrap();
    }
}

/// Starts a server on a free port of this machine, and returns it with its port.
fn start(folder: &Path, tls: &str) -> Option<(Cluster, u16)> {
    let files = [folder.join("server.pem"), folder.join("server.key")];
    Cluster::start_on_port(&format!("{QUICK} {tls}"), &[&files[0], &files[1]])
}

/// Returns the failure of a connection with all its causes.
async fn failure(url: &str) -> String {
    let error = Fleet::connect(url).await.expect_err(url);
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn url_that_asks_for_tls_is_encrypted_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let Some((cluster, port)) = start(folder.path(), "-c ssl=on -c ssl_cert_file={0} -c ssl_key_file={1}")
    else {
        return;
    };
    let ca = folder.path().join("ca.pem").display().to_string();
    let encrypted = format!("{} port={port}", cluster.url("postgres"));
    let count = "select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid)
                 where s.ssl and a.client_addr is not null";
    for mode in ["require", "verify-ca", "verify-full"] {
        let fleet = Fleet::connect(&format!(
            "postgres://fal@localhost:{port}/postgres?sslmode={mode}&sslrootcert={ca}"
        ))
        .await
        .unwrap();
        let database = crate::cluster::connect(&encrypted).await;
        assert_eq!(database.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 1, "{mode}");
        drop(fleet);
        while database.query_one(count, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    // The certificate is for another name, or of an authority that nobody trusts.
    let other_name =
        failure(&format!("postgres://fal@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={ca}"))
            .await;
    assert!(other_name.contains("not valid for name"), "{other_name}");
    for mode in ["require", "verify-full"] {
        let unknown = failure(&format!("postgres://fal@localhost:{port}/postgres?sslmode={mode}")).await;
        assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    }
    let keywords =
        failure(&format!("host=localhost port={port} user=fal dbname=postgres sslmode=require")).await;
    assert!(keywords.contains("UnknownIssuer"), "{keywords}");
}

#[tokio::test]
async fn url_that_asks_for_tls_is_not_answered_in_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let Some((_cluster, port)) = start(folder.path(), "") else { return };
    let refused = failure(&format!("postgres://fal@localhost:{port}/postgres?sslmode=require")).await;
    assert!(refused.contains("does not support TLS"), "{refused}");
    for plain in ["", "?sslmode=disable"] {
        Fleet::connect(&format!("postgres://fal@localhost:{port}/postgres{plain}")).await.unwrap();
    }
}
