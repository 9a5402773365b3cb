//! The `fal-emulator` command.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::Value;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fal-emulator"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_first_line_holds_the_urls_and_a_signal_ends_the_process_with_success() {
    for signal in ["TERM", "INT"] {
        let mut child = command().arg("--port").arg("0").spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let urls: Value = serde_json::from_str(&line).unwrap();
        let service = |name: &str| urls[name].as_str().unwrap().to_owned();
        assert_eq!(urls.as_object().unwrap().len(), 6);
        for name in ["run", "queue", "rest", "cdn", "platform"] {
            assert!(service(name).starts_with("http://127.0.0.1:"), "{line}");
            assert!(service(name).ends_with(&format!("/{name}")), "{line}");
        }
        assert!(service("ws").starts_with("ws://127.0.0.1:"), "{line}");

        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(child.id().to_string());
        assert!(kill.status().unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing else goes to stdout");
        assert!(child.wait().unwrap().success(), "SIG{signal}");
    }
}

#[test]
fn options_configure_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, data) = (folder.path().join("ca.pem"), folder.path().join("data"));
    let requests = folder.path().join("requests.jsonl");
    let scenario = folder.path().join("scenario.toml");
    std::fs::write(&scenario, "[[endpoint]]\nid = \"acme/app\"").unwrap();
    let mut command = command();
    command.arg("--tls").arg("--ca-out").arg(&ca).arg("--data").arg(&data);
    command.arg("--requests-out").arg(&requests);
    let mut child = command.arg("--scenario").arg(&scenario).arg("--host").arg("0.0.0.0").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let urls: Value = serde_json::from_str(&line).unwrap();
    assert!(urls["run"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{line}");
    assert!(std::fs::read_to_string(&ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(std::fs::read_to_string(&requests).unwrap(), "");
    assert!(data.join("requests").is_dir() && data.join("files").is_dir());
}

#[test]
fn a_failed_start_is_explained_on_stderr() {
    let output = command().arg("--schemas").arg("/no/such/folder").output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot read /no/such/folder"), "{text}");
}

#[test]
fn a_child_command_gets_the_proxy_and_its_exit_code_is_returned() {
    let script = r#"
        test "$FAL_KEY" = emulator:key && test "$HTTPS_PROXY" = "$https_proxy" && test -z "$FAL_KEY_ID" || exit 4
        grep -q 'BEGIN CERTIFICATE' "$SSL_CERT_FILE" || exit 5
        echo "$HTTPS_PROXY"
        exit 3
    "#;
    let mut command = command();
    command.env_remove("FAL_KEY").env_remove("FAL_KEY_ID").args(["--", "sh", "-c", script]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("http://127.0.0.1:"), "only the command writes on stdout: {text}");
    assert_eq!(text.lines().count(), 1);

    let output = self::command().args(["--", "/no/such/program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot run /no/such/program"), "{text}");
}
