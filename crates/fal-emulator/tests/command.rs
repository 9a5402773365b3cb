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
fn the_first_line_tells_the_urls_and_a_signal_stops_it_cleanly() {
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
fn a_bad_start_is_explained_on_stderr() {
    let output = command().arg("--schemas").arg("/no/such/folder").output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot read /no/such/folder"), "{text}");
}
