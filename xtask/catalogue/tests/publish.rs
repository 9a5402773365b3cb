//! `cargo xtask publish` with a registry of this test, which a program in cargo's place uploads to.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

/// The program in cargo's place. It refuses the third upload of a run, once by a limit and once for good, and has the
/// sixth version already.
const CARGO: &str = r#"#!/bin/sh
cd "$REGISTRY"
if [ "$1" = metadata ]; then cat metadata.json; exit; fi
while [ "$1" != --package ]; do shift; done
name=$2
echo "$name" >> calls
if [ "$name" = fal-c ] && [ ! -e limited ]; then
    touch limited
    echo "error: status 429 Too Many Requests: try again after Tue, 20 Feb 2024 12:00:00 GMT and see" >&2; exit 101
fi
if [ "$name" = fal-d ] && [ ! -e broken ]; then
    touch broken
    echo "error: no token found" >&2; exit 101
fi
if [ "$name" = fal-f ]; then echo "error: crate fal-f@0.1.0 already exists on crates.io index" >&2; exit 101; fi
mkdir -p index/fa/l-
echo '{"name":"'$name'","vers":"0.1.0"}' >> index/fa/l-/$name
"#;

/// Serves the files of a folder on a free port, and returns the URL.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            connection.write_all(head.as_bytes()).unwrap();
            connection.write_all(&body).unwrap();
        }
    });
    url
}

fn publish(registry: &Path, url: &str, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask-catalogue"))
        .args(["publish", "--index", url])
        .args(options)
        .env("CARGO", registry.join("cargo"))
        .env("REGISTRY", registry)
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .output()
        .unwrap()
}

#[test]
fn publishing_goes_on_where_it_stopped_and_uploads_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path();
    let cargo = registry.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let packages = ["a", "b", "c", "d", "e", "f"].map(|letter| {
        let needs = if letter == "a" { "" } else { r#"{"name":"fal-a","req":"^0.1.0","kind":null}"# };
        format!(r#"{{"name":"fal-{letter}","version":"0.1.0","publish":null,"dependencies":[{needs}]}}"#)
    });
    let metadata = format!("{{\"packages\":[{}]}}", packages.join(","));
    fs::write(registry.join("metadata.json"), metadata).unwrap();
    fs::create_dir(registry.join("index")).unwrap();
    let url = serve(registry.join("index"));

    let plan = publish(registry, &url, &["--dry-run"]);
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.status.success(), "{}", String::from_utf8_lossy(&plan.stderr));
    assert!(text.contains("0 crates are there already, 6 are left to upload, which the limits"), "{text}");
    assert!(!registry.join("calls").exists());

    let first = publish(registry, &url, &[]);
    let error = String::from_utf8(first.stderr).unwrap();
    assert!(!first.status.success());
    assert!(error.contains("fal-d was not uploaded: error: no token found"), "{error}");
    let second = publish(registry, &url, &[]);
    let text = String::from_utf8(second.stdout).unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    assert!(text.contains("3 crates are there already, 3 are left"), "{text}");
    assert!(text.contains("fal-f 0.1.0: is there already"), "{text}");
    let calls = fs::read_to_string(registry.join("calls")).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    assert_eq!(calls, ["fal-a", "fal-b", "fal-c", "fal-c", "fal-d", "fal-d", "fal-e", "fal-f"]);
}
