//! Requests that are followed by other processes.

use std::time::Duration;

use fal_emulator::{Emulator, Pace};

use crate::support::{Outcome, Terminal};

const CALL: [&str; 3] = ["fal-ai/flux/dev", "prompt=a cat", "image_size=64x64"];

async fn slow_terminal() -> Terminal {
    let pace = Pace::default().run(Duration::from_secs(3600));
    let emulator = Emulator::builder().pace(pace).start().await.unwrap();
    Terminal { emulator: Some(emulator), ..Terminal::offline() }
}

#[tokio::test]
async fn a_submitted_request_is_followed_by_id_or_as_last() {
    let terminal = Terminal::with_emulator().await;
    let id = terminal.stdout(&[&["submit"][..], &CALL].concat()).await.trim().to_owned();
    let waited = terminal.json(&["wait", "last"]).await;
    assert_eq!(waited["request_id"], id.as_str());
    assert_eq!(terminal.json(&["status", &id]).await["status"], "completed");
    assert_eq!(terminal.stdout(&["status", "last"]).await.split(',').next().unwrap().trim(), "completed");
    assert_eq!(terminal.json(&["result", &id]).await["output"], waited["output"]);
    let saved = terminal.stdout(&["save", "last", "-o", "out/{request}.{ext}"]).await;
    assert_eq!(saved.trim(), format!("out/{id}.jpg"));
    assert!(terminal.path(saved.trim()).is_file());
    assert_eq!(terminal.json(&["cancel", &id]).await["outcome"], "already_completed");
    assert_eq!(terminal.run(&["log", "last", "--follow"]).await.code, 0);
    let history = terminal.json(&["history"]).await;
    assert_eq!(history["requests"][0]["request_id"], id.as_str(), "{history}");
    let usage = terminal.json(&["usage"]).await;
    assert_eq!(usage["usage"][0]["endpoint_id"], "fal-ai/flux/dev", "{usage}");
}

#[tokio::test]
async fn a_request_of_another_program_needs_its_model() {
    let terminal = Terminal::with_emulator().await;
    let id = terminal.stdout(&[&["submit"][..], &CALL].concat()).await.trim().to_owned();
    let stranger = Terminal { emulator: None, ..Terminal::offline() };
    let url = format!("--emulator={}", terminal.emulator.as_ref().unwrap().url());
    let refused = stranger.run(&["wait", &id, &url]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--model ID"), "{}", refused.stderr);
    assert_eq!(stranger.run(&["wait", &id, &url, "--model", "fal-ai/flux/dev"]).await.code, 0);
    assert_eq!(
        stranger
            .run(&["status", "11111111-1111-4111-8111-111111111111", &url, "--model", "fal-ai/flux/dev"])
            .await
            .code,
        4
    );
}

#[tokio::test]
async fn what_was_left_is_resumed() {
    let terminal = Terminal::with_emulator().await;
    for _ in 0..2 {
        terminal.stdout(&[&["submit"][..], &CALL].concat()).await;
    }
    assert_eq!(terminal.stdout(&["resume", "--list"]).await.lines().count(), 2);
    assert_eq!(terminal.stdout(&["resume", "-o", "out/"]).await.lines().count(), 2);
    assert_eq!(std::fs::read_dir(terminal.path("out")).unwrap().count(), 2);
    assert_eq!(terminal.stdout(&["resume", "--list"]).await, "");
}

#[tokio::test]
async fn a_waiting_request_is_cancelled_and_a_late_one_times_out() {
    let terminal = slow_terminal().await;
    let id = terminal.stdout(&[&["submit"][..], &CALL].concat()).await.trim().to_owned();
    let late = terminal.run(&["wait", &id, "--timeout", "0.3"]).await;
    assert_eq!(late.code, 5, "{}", late.stderr);
    assert_eq!(terminal.run(&["result", &id]).await.code, 1);
    let cancelled = terminal.json(&["cancel", &id]).await;
    assert!(["removed", "requested"].contains(&cancelled["outcome"].as_str().unwrap()), "{cancelled}");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_leaves_the_request_and_prints_the_line_that_resumes_it() {
    let terminal = slow_terminal().await;
    let child = terminal.command(&[&["run"][..], &CALL].concat()).spawn().unwrap();
    let emulator = terminal.emulator.as_ref().unwrap();
    // The status is asked for after the ticket is stored.
    emulator.wait_for(|request| request.path.contains("/status")).await;
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let outcome = Outcome::wait(child).await;
    assert_eq!(outcome.code, 130, "{}", outcome.stderr);
    let id = outcome.stderr.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(outcome.stderr.contains(&format!("Resume it with: fal-cli wait {id}")), "{}", outcome.stderr);
    assert!(terminal.stdout(&["resume", "--list"]).await.starts_with(&id));
}

#[tokio::test]
async fn the_output_is_delivered_to_a_webhook_with_a_signature() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let terminal = Terminal::with_emulator().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let id = terminal.stdout(&[&["submit", "--webhook", &url][..], &CALL].concat()).await.trim().to_owned();
    let (mut delivery, _) = listener.accept().await.unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(&format!("\"request_id\":\"{id}\"")) {
        let count = delivery.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(text.to_lowercase().contains("x-fal-webhook-signature:"), "{text}");
    delivery.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(
        terminal.run(&["submit", "--webhook", "nowhere", "fal-ai/flux/dev", "prompt=x"]).await.code,
        2
    );
}

#[tokio::test]
async fn files_are_uploaded_and_downloaded() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("cat.png", crate::support::PIXEL);
    let url = terminal.stdout(&["upload", "cat.png"]).await.trim().to_owned();
    let saved = terminal.json(&["download", &url, "-o", "back.{ext}"]).await;
    assert_eq!(saved["files"][0]["path"], "back.png");
    assert_eq!(std::fs::read(terminal.path("back.png")).unwrap(), crate::support::PIXEL);
    assert_eq!(terminal.run(&["upload", "cat.png", "none.png", "gone.png"]).await.stderr.lines().count(), 2);
}
