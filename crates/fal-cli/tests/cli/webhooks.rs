//! `fal-cli listen` and `fal-cli trigger`, with a local program that verifies what it receives.

use std::process::Stdio;

use fal_client::webhook::Verifier;
use fal_emulator::Emulator;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{Outcome, Terminal};

const CALL: [&str; 3] = ["fal-ai/flux/dev", "prompt=a cat", "image_size=64x64"];

/// A local program that accepts everything.
pub(crate) struct Program {
    pub(crate) url: String,
    received: mpsc::UnboundedReceiver<(axum::http::HeaderMap, axum::body::Bytes)>,
}

impl Program {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let handler = async move |headers, body| drop(sender.send((headers, body)));
        let router = axum::Router::new().route("/hook", axum::routing::post(handler));
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, received }
    }

    /// Returns the body of the next delivery, whose signature must be that of a key of `keys`.
    async fn next(&mut self, keys: &Value) -> Value {
        let (headers, body) = self.received.recv().await.unwrap();
        let verifier = Verifier::from_jwks(keys.to_string()).unwrap();
        verifier.verify(&headers, body.clone()).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

async fn fetch(url: &str) -> Value {
    let client = fal_client::Client::builder().key("a:b").build().unwrap();
    let bytes = client.download(url).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn deliveries_of_an_emulator_are_passed_on_and_sent_again() {
    let terminal = Terminal::with_emulator().await;
    let mut program = Program::start().await;
    let arguments = ["listen", "--forward-to", &program.url, "--at", "127.0.0.1:0", "--json"];
    let mut listen = terminal.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(listen.stdout.take().unwrap()).lines();
    let mut next_line =
        async || -> Value { serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap() };
    let start = next_line().await;
    let keys = fetch(start["keys"].as_str().unwrap()).await;

    let hook = format!("{}/any/path", start["url"].as_str().unwrap());
    let id = terminal.stdout(&[&["submit", "--webhook", &hook][..], &CALL].concat()).await.trim().to_owned();
    let delivered = program.next(&keys).await;
    assert_eq!((&delivered["request_id"], &delivered["status"]), (&json!(id), &json!("OK")));
    let line = next_line().await;
    assert_eq!((&line["number"], &line["answer"], &line["resent"]), (&json!(1), &json!(200), &json!(false)));

    // A key press, and another terminal.
    listen.stdin.as_mut().unwrap().write_all(b"\n").await.unwrap();
    assert_eq!(program.next(&keys).await, delivered);
    assert_eq!(next_line().await["resent"], true);
    let resent = terminal.stdout(&["listen", "resend", "1"]).await;
    assert_eq!(program.next(&keys).await, delivered);
    assert_eq!(resent.trim(), format!("1  OK  {id}  answered 200, sent again"));
    assert_eq!(terminal.run(&["listen", "resend", "7"]).await.code, 2);

    // What the service has not signed is not passed on.
    let forged = fal_emulator::WebhookSender::with_seed(&[7; 32]);
    let answer = forged.send(&id, &hook, delivered.to_string()).await;
    assert!(!answer.is_accepted(), "{answer:?}");
    assert!(program.received.try_recv().is_err());
}

#[tokio::test]
async fn results_of_the_queue_are_delivered() {
    let terminal = Terminal::with_emulator().await;
    let emulator = terminal.emulator.as_ref().unwrap();
    let mut program = Program::start().await;
    let ok = terminal.stdout(&[&["submit"][..], &CALL].concat()).await.trim().to_owned();
    emulator.on_endpoint("fal-ai/flux/schnell").fail(500, json!({"detail": "no cats"}));
    let call = ["submit", "fal-ai/flux/schnell", "prompt=a cat", "image_size=64x64"];
    let failed = terminal.stdout(&call).await.trim().to_owned();
    let arguments = [
        "listen",
        "--forward-to",
        &program.url,
        "--at",
        "127.0.0.1:0",
        "--request",
        &ok,
        "--request",
        &failed,
    ];
    let printed = terminal.stdout(&arguments).await;
    assert_eq!(printed.lines().count(), 2, "{printed}");
    let mut deliveries = Vec::new();
    while let Ok((_, body)) = program.received.try_recv() {
        deliveries.push(serde_json::from_slice::<Value>(&body).unwrap());
    }
    let of = |id: &str| deliveries.iter().find(|delivery| delivery["request_id"] == id).unwrap();
    assert_eq!(of(&ok)["status"], "OK");
    assert!(of(&ok)["payload"]["images"][0]["url"].is_string());
    assert_eq!(
        (&of(&failed)["status"], &of(&failed)["payload"]["detail"]),
        (&json!("ERROR"), &json!("no cats"))
    );
    // Both results have been fetched.
    assert_eq!(terminal.stdout(&["resume", "--list"]).await, "");
}

/// The emulator takes the place of fal: it answers for its host names, and knows one key.
#[tokio::test]
async fn requests_at_fal_are_followed_and_delivered_as_fal_delivers() {
    let fal = Emulator::builder().tls().require_key("id:secret").start().await.unwrap();
    fal.on_endpoint("fal-ai/flux/schnell").fail(500, json!({"detail": "no cats"}));
    let terminal = Terminal::offline();
    terminal.write("ca.pem", fal.ca_certificate().unwrap());
    let proxy = fal.url().replacen("https", "http", 1);
    let command = |arguments: &[&str]| {
        let mut command = terminal.command(arguments);
        command.env("FAL_KEY", "id:secret").env("HTTPS_PROXY", &proxy);
        command.env("SSL_CERT_FILE", terminal.path("ca.pem"));
        command
    };
    let submit = async |arguments: &[&str]| {
        let call = [&["submit"], arguments, &["prompt=a cat", "image_size=64x64"]].concat();
        let outcome = Outcome::wait(command(&call).spawn().unwrap()).await;
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stdout.trim().to_owned()
    };
    let earlier = submit(&["fal-ai/flux/dev"]).await;

    let mut program = Program::start().await;
    let arguments = ["listen", "--forward-to", &program.url, "--at", "127.0.0.1:0", "--json"];
    let mut listen = command(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(listen.stdout.take().unwrap()).lines();
    let start: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let keys = fetch(start["keys"].as_str().unwrap()).await;

    let mut submitted = Vec::new();
    for (model, status) in [("fal-ai/flux/dev", "OK"), ("fal-ai/flux/schnell", "ERROR")] {
        // fal delivers to the same program, so that each result comes twice.
        submitted.push((submit(&[model, "--webhook", &program.url]).await, status));
    }
    let mut delivered = Vec::new();
    for _ in 0..4 {
        delivered.push(program.next(&keys).await);
    }
    for (id, status) in &submitted {
        let own: Vec<&Value> = delivered.iter().filter(|body| body["request_id"] == **id).collect();
        assert_eq!(own.len(), 2, "{delivered:?}");
        assert_eq!((own[0], &own[0]["status"]), (own[1], &json!(status)));
    }
    assert!(delivered.iter().all(|body| body["request_id"] != *earlier), "{delivered:?}");
    listen.kill().await.unwrap();
}

#[tokio::test]
async fn an_example_is_a_signed_delivery() {
    let terminal = Terminal::with_emulator().await;
    let mut program = Program::start().await;
    let trigger = ["trigger", "fal-ai/flux/dev", "--forward-to", &program.url, "--at", "127.0.0.1:0"];
    let printed = terminal.stdout(&trigger).await;
    assert!(printed.starts_with("1  OK  ") && printed.contains("answered 200"), "{printed}");
    let (_, body) = program.received.recv().await.unwrap();
    let example: Value = serde_json::from_slice(&body).unwrap();
    assert!(example["payload"]["images"][0]["url"].is_string(), "{example}");

    terminal.stdout(&[&trigger[..], &["--error"]].concat()).await;
    let (_, body) = program.received.recv().await.unwrap();
    let example: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&example["status"], &example["error"]),
        (&json!("ERROR"), &json!("Invalid status code: 422"))
    );
}

#[tokio::test]
async fn every_model_has_an_example() {
    let terminal = Terminal::with_emulator().await;
    let mut program = Program::start().await;
    for model in
        ["fal-ai/kling-video/v2.1/master/image-to-video", "fal-ai/whisper", "fal-ai/nano-banana/edit"]
    {
        let trigger = ["trigger", model, "--forward-to", &program.url, "--at", "127.0.0.1:0"];
        assert!(terminal.stdout(&trigger).await.contains("OK"), "{model}");
        assert!(program.received.recv().await.is_some());
    }
}

#[tokio::test]
async fn programs_that_do_not_accept_are_reported() {
    let terminal = Terminal::with_emulator().await;
    for (arguments, code, expected) in [
        (
            &["trigger", "fal-ai/flux/dev", "--forward-to", "http://127.0.0.1:9/hook", "--at", "127.0.0.1:0"]
                [..],
            5,
            "has not answered",
        ),
        (&["trigger", "fal-ai/flux/dev", "--forward-to", "hook"], 2, "expected a URL"),
        (&["trigger", "fal-ai/flux/dev"], 2, "--forward-to"),
        (&["listen"], 2, "--forward-to"),
        (&["listen", "--forward-to", "http://127.0.0.1:9", "--at", "0.0.0.0:0"], 2, "only this machine"),
        (&["listen", "--forward-to", "http://127.0.0.1:9", "--request", "none"], 2, "--model ID"),
        (&["listen", "resend"], 5, "has not answered"),
    ] {
        let outcome = terminal.run(arguments).await;
        assert_eq!(outcome.code, code, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{arguments:?}: {}", outcome.stderr);
    }
}
