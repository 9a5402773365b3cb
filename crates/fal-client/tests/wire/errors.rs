//! Errors over real sockets: nothing of a response is lost, and nothing that is secret or long is printed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fal_client::{Client, Credentials, Error, ErrorKind, File, queue::Cancelled, untyped};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    job::accepted,
    model::{Model, cat},
    server::{Received, Server, bytes, json as answer, quick},
};

const KEY: &str = "leak-id:LEAK-SECRET-HALF";

/// Returns the refusal of an image in the form that fal has, with `size` bytes of the image.
fn refusal(size: usize) -> String {
    let content = "iVBOR".repeat(size / 5);
    format!(
        r#"{{"detail":[{{"loc":["body","image_urls",0],"msg":"The images are refused","type":"content_policy_violation","input":"data:image/png;base64,{content}"}}]}}"#
    )
}

fn assert_is_refusal(error: &Error) {
    assert_eq!(error.error_type(), Some("content_policy_violation"));
    let ErrorKind::Validation(fields) = error.kind() else { panic!("{error:?}") };
    assert_eq!(fields[0].path, "body.image_urls.0");
    assert!(error.to_string().len() < 500 && format!("{error:?}").len() <= 2000, "{error}");
}

#[tokio::test]
async fn refusal_of_any_size_within_the_limit_is_kept_whole() {
    for size in [1_000, 1_100_000, 3_000_000] {
        let server =
            Server::start(move |_, _| bytes(422, &[("x-fal-request-id", "r1")], refusal(size))).await;
        let error = server.client().run(cat()).await.unwrap_err();
        assert_eq!(error.body().unwrap().as_ref(), refusal(size).as_bytes());
        assert_eq!(error.request_id(), Some("r1"));
        assert_is_refusal(&error);
    }
}

#[tokio::test]
async fn refusal_beyond_the_limit_keeps_its_type_and_field() {
    let server = Server::start(|_, _| bytes(422, &[], refusal(300_000))).await;
    let client = server.builder().max_reply_bytes(10_000).build().unwrap();
    let error = client.run(cat()).await.unwrap_err();
    assert_eq!(error.body().unwrap().len(), 10_000);
    assert_is_refusal(&error);
}

/// Returns everything that an app may print of `error`.
fn printed(error: &Error) -> String {
    let mut text =
        format!("{error} {error:?} {error:#?} {:?} {:?} {}", error.kind(), error.headers(), error.message());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!("{cause} {cause:?}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn key_that_the_service_repeats_is_not_printed() {
    let server = Server::start(|request: &Received, _: &str| {
        let key = request.header("authorization").unwrap();
        let secret = key.rsplit(':').next().unwrap();
        let headers = [("x-echo", key), ("x-fal-error-type", secret)];
        match request.path.as_str() {
            path if path.contains("wrong-type") => bytes(200, &headers, json!({"seed": secret}).to_string()),
            path if path.contains("success") => {
                bytes(200, &headers, json!({"detail": format!("no: {key}")}).to_string())
            }
            path if path.ends_with("/stream") => bytes(
                200,
                &[("content-type", "text/event-stream"), ("x-echo", key)],
                format!(
                    "data: {{\"seed\":\"{secret}\"}}\n\nevent: error\ndata: {{\"detail\":\"{secret}\"}}\n\n"
                ),
            ),
            path if path.contains("html") => bytes(502, &headers, format!("<html><title>{secret}</title>")),
            path if path.contains("text") => bytes(400, &headers, secret.to_owned()),
            _ => bytes(401, &headers, json!({"detail": format!("bad key {key}")}).to_string()),
        }
    })
    .await;
    let provided = Credentials::provider(|| async { Ok::<_, std::io::Error>(Credentials::key(KEY)) });
    for credentials in [Credentials::key(KEY), provided] {
        let client = server.builder().credentials(credentials).build().unwrap();
        for path in ["/denied", "/html", "/text", "/wrong-type", "/success"] {
            let error = client.run(cat()).path(path).await.unwrap_err();
            assert!(!printed(&error).contains("LEAK"), "{path}: {}", printed(&error));
            assert!(
                std::str::from_utf8(error.body().unwrap()).unwrap().contains("LEAK-SECRET-HALF"),
                "{path}"
            );
        }
        let mut stream = client.stream(untyped::input("acme/app", json!({}))).await.unwrap();
        let event = stream.next().await.unwrap().unwrap();
        assert!(!format!("{event:?}").contains("LEAK"), "{event:?}");
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(!printed(&error).contains("LEAK"), "{}", printed(&error));
        let reply = client.run(untyped::input("acme/wrong-type", json!({}))).await.unwrap();
        assert!(!format!("{reply:?} {:?}", reply.headers()).contains("LEAK"), "{reply:?}");
    }
}

#[tokio::test]
async fn key_that_a_gateway_repeats_beside_a_failed_job_is_not_printed() {
    let server = Server::start(|request: &Received, url: &str| {
        // Without the scheme, so that only a client that knows its key can tell that this is one.
        let key = request.header("authorization").unwrap().trim_start_matches("Key ");
        match request.path.as_str() {
            "/queue/acme/app/edit" => accepted(url),
            path if path.ends_with("/status/stream") => answer(404, &json!({})),
            path if path.ends_with("/status") => answer(
                200,
                &json!({"status": "COMPLETED", "error": format!("it broke: {key}"), "error_type": key}),
            ),
            _ => bytes(200, &[("x-debug", key), ("x-fal-billable-units", "2")], r#"{"seed":7}"#),
        }
    })
    .await;
    let client = server.builder().key(KEY).build().unwrap();
    let error = client.subscribe(cat()).await.unwrap_err();
    assert!(error.message().starts_with("it broke: "), "{error}");
    assert!(!printed(&error).contains("LEAK"), "{}", printed(&error));
    assert_eq!(error.headers()["x-fal-billable-units"], "2");
    assert!(
        error.headers()["x-debug"].is_sensitive() && !error.headers()["x-fal-billable-units"].is_sensitive()
    );
}

#[tokio::test]
async fn value_of_megabytes_that_does_not_fit_is_not_printed() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": "word ".repeat(1_000_000)}))).await;
    let error = server.client().run(cat()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Decode { path, .. } if path == "seed"));
    let source = std::error::Error::source(&error).unwrap();
    for text in [error.to_string(), format!("{error:?}"), format!("{source} {source:?}")] {
        assert!(text.len() <= 2000, "{} bytes", text.len());
    }
}

#[tokio::test]
async fn debug_output_of_a_reply_counts_its_data_uris() {
    let server = Server::start(|_, _| {
        let image = format!("data:image/png;base64,{}", "iVBOR".repeat(200_000));
        let sizes: Vec<_> = (0..10_000).collect();
        answer(200, &json!({"images": [{"url": image}, {"url": image}], "seed": 7, "sizes": sizes}))
    })
    .await;
    let input = untyped::input("acme/app", json!({"image": "A".repeat(1_000_000)}));
    assert!(format!("{input:?} {input:#?}").len() <= 4000);
    let reply = server.client().run(input).await.unwrap();
    for text in [format!("{reply:?}"), format!("{reply:#?}")] {
        assert!(text.len() <= 2000 && text.contains("1000000 characters") && text.contains('7'), "{text}");
    }
}

#[tokio::test]
async fn success_that_says_what_is_wrong_is_an_error_in_its_words() {
    for (body, words) in [
        (json!({"detail": "Content rejected by moderation"}), "Content rejected by moderation"),
        (json!({"error": {"message": "no balance", "type": "t"}}), "no balance"),
        (
            json!({"detail": [{"loc": ["body", "prompt"], "msg": "too rude", "type": "t"}]}),
            "body.prompt: too rude",
        ),
    ] {
        let server = Server::start(move |_, _| answer(200, &body)).await;
        let error = server.client().run(cat()).await.unwrap_err();
        assert!(error.is_decode() && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn result_that_is_gone_is_not_found() {
    let server = Server::start(|_, _| answer(410, &json!({"detail": "The result has expired"}))).await;
    let error = server.client().endpoint::<Model>().job("r1").result().await.unwrap_err();
    assert!(error.is_not_found() && error.message() == "The result has expired", "{error:?}");
}

#[tokio::test]
async fn submit_that_a_gateway_fails_may_be_running() {
    for status in [502, 504, 520, 524] {
        let server = Server::start(move |_, _| bytes(status, &[], "<html>")).await;
        let error = server.client().submit(cat()).await.unwrap_err();
        assert!(error.may_be_accepted() && error.to_string().contains("the work may be running"), "{error}");
        assert_eq!(server.received().len(), 1);
        // Nothing is started by asking.
        let error = server.client().endpoint::<Model>().job("r1").status().await.unwrap_err();
        assert!(!error.to_string().contains("may be running"), "{error}");
    }
    let server = Server::start(|_, _| bytes(504, &[("x-fal-request-timeout-type", "user")], "")).await;
    let error = server.client().run(cat()).await.unwrap_err();
    assert!(error.is_timeout() && !error.to_string().contains("may be running"), "{error}");
}

#[tokio::test]
async fn cancel_that_comes_too_late_is_an_outcome_and_is_sent_once() {
    let too_late: [(u16, Value); 7] = [
        (400, json!({"status": "ALREADY_COMPLETED"})),
        (409, json!({"status": "ALREADY_COMPLETED"})),
        (400, json!({"detail": "Request already completed"})),
        (400, json!("already completed")),
        (409, json!({"detail": "The request r1 has already been completed."})),
        (
            409,
            json!({"detail": {"message": "The request has already been sent", "status": "ALREADY_COMPLETED"}}),
        ),
        (200, json!({"status": "ALREADY_COMPLETED"})),
    ];
    for (status, body) in too_late {
        let shown = body.to_string();
        let server = Server::start(move |_, _| answer(status, &body)).await;
        let outcome = server.client().endpoint::<Model>().job("r1").cancel().await.unwrap();
        assert_eq!(outcome, Cancelled::AlreadyCompleted, "{status} {shown}");
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn input_whose_connection_ends_before_it_was_sent_was_not_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            // Closed with unread data, so that it is reset.
            let _ = socket.read(&mut [0; 4096]).await;
        }
    });
    let client = Client::builder().emulator(&url).key("test:key").retry(quick()).build().unwrap();
    let large = || untyped::input("acme/app", json!({"image": "A".repeat(60_000_000)}));
    let error = client.submit(large()).await.unwrap_err();
    assert!(error.is_transport() && !error.may_be_accepted(), "{error:?}");
    assert!(
        error.to_string().contains("it may be too large") && !error.to_string().contains("running"),
        "{error}"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 4);

    // A small one may have been read.
    let error = client.submit(untyped::input("acme/app", json!({}))).await.unwrap_err();
    assert!(error.may_be_accepted() && error.to_string().contains("the work may be running"), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn expired_link_is_refused_in_the_store_s_words_and_is_no_matter_of_the_key() {
    let server = Server::start(|_, _| {
        bytes(
            403,
            &[("content-type", "application/xml")],
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired, check billing</Message></Error>",
        )
    })
    .await;
    let error = server.client().download(format!("{}/x?X-Amz-Signature=LEAK", server.url)).await.unwrap_err();
    assert!(!error.is_auth() && !error.is_account_wide(), "{error:?}");
    assert!(error.to_string().contains("Request has expired"), "{error}");
    assert_eq!(error.error_type(), Some("AccessDenied"));
    assert!(!printed(&error).contains("LEAK"));
}

#[tokio::test]
async fn compressed_answers_are_named() {
    for status in [200, 422] {
        let server =
            Server::start(move |_, _| bytes(status, &[("content-encoding", "br")], vec![0x8b, 0xff, 0x80]))
                .await;
        let error = server.client().run(cat()).await.unwrap_err();
        assert!(error.to_string().contains("compressed with `br`"), "{error}");
        assert_eq!(error.body().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn debug_output_of_a_file_hides_its_secrets() {
    let file = File::url("https://user:LEAK@host.example/x.png?X-Amz-Signature=LEAK");
    assert!(!format!("{file:?}").contains("LEAK"), "{file:?}");
    let file = File::data_uri(format!("DATA:image/png;base64,{}", "A".repeat(1_000_000)));
    assert!(format!("{file:?}").len() < 200);
}

#[tokio::test]
async fn refusal_that_breaks_off_keeps_its_type_and_field() {
    let head = "HTTP/1.1 422 X\r\ncontent-length: 5000\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(format!("{head}{}", &refusal(4000)[..3000]).as_bytes()).await;
        }
    });
    let client = Client::builder().emulator(&url).key("test:key").retry(quick()).build().unwrap();
    let error = client.run(cat()).await.unwrap_err();
    assert_is_refusal(&error);
}
