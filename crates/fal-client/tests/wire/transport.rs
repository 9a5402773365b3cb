//! Retries, limits and broken connections.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fal_client::{Client, ErrorKind, Retry};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::{
    model::{Model, cat},
    server::{Received, Server, bytes, closing, json as answer, quick, unused_url},
};

/// Starts a server that responds to everything with `status` and `headers`.
async fn refusing(status: u16, headers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |_, _| bytes(status, headers, "")).await
}

#[tokio::test]
async fn billable_requests_are_repeated_only_if_not_accepted() {
    type Headers = &'static [(&'static str, &'static str)];
    const FROM_FAL: Headers = &[("x-fal-request-id", "r1")];
    // status, headers, attempts at run and submit, attempts at status
    let table: [(u16, Headers, usize, usize); 12] = [
        (503, &[], 4, 4),
        (503, FROM_FAL, 1, 4),
        (502, &[], 1, 4),
        (504, &[], 1, 4),
        (429, FROM_FAL, 4, 4),
        (408, FROM_FAL, 1, 4),
        (500, &[], 1, 4),
        (500, &[("x-fal-needs-retry", "1")], 4, 4),
        (404, &[], 1, 1),
        (504, &[("x-fal-request-timeout-type", "user")], 1, 1),
        (429, &[("x-fal-needs-retry", "0")], 1, 1),
        (429, &[("retry-after", "3600")], 1, 1),
    ];
    for (status, headers, work, look) in table {
        let server = refusing(status, headers).await;
        let client = server.client();
        let error = client.run(cat()).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(server.received().len(), work, "run: {status} {headers:?}");
        client.submit(cat()).await.unwrap_err();
        assert_eq!(server.received().len(), 2 * work, "submit: {status} {headers:?}");
        client.endpoint::<Model>().job("r1").status().await.unwrap_err();
        assert_eq!(server.received().len(), 2 * work + look, "status: {status} {headers:?}");
    }
}

#[tokio::test]
async fn later_attempt_succeeds_with_the_policy_of_the_call() {
    let server = Server::start(|request: &Received, _: &str| match request.nth {
        0 | 1 => bytes(429, &[("retry-after", "0")], ""),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    assert!(server.client().run(cat()).retry(Retry::none()).await.unwrap_err().is_rate_limited());
    assert_eq!(server.received().len(), 1);
    assert_eq!(server.client().run(cat()).retry(quick().max_attempts(2)).await.unwrap().seed, 1);
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn submit_is_not_repeated_after_a_broken_connection() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"seed\""] {
        let (url, requests) = closing(answer).await;
        let client = Client::builder().emulator(url).retry(quick()).build().unwrap();
        let error = client.run(cat()).await.unwrap_err();
        assert!(error.is_transport() && error.endpoint() == Some("acme/app/edit"), "{error:?}");
        assert!(error.to_string().ends_with("the request was sent, so the work may be running"), "{error}");
        assert_eq!(requests.load(Ordering::SeqCst), 1);
        let error = client.endpoint::<Model>().job("r1").status().await.unwrap_err();
        assert!(error.is_transport() && error.request_id() == Some("r1"), "{error:?}");
        assert_eq!(requests.load(Ordering::SeqCst), 5);
    }
}

#[tokio::test]
async fn refused_connection_is_a_transport_error() {
    let (url, _socket) = unused_url();
    let client = Client::builder().emulator(url).retry(quick()).build().unwrap();
    let error = client.run(cat()).await.unwrap_err();
    assert!(error.is_transport());
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn oversized_response_is_an_error() {
    for announced in [true, false] {
        let server = Server::start(move |_, _| {
            if announced {
                return bytes(200, &[], vec![b' '; 5000]);
            }
            let chunks = (0..50).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100]));
            bytes(200, &[], axum::body::Body::from_stream(futures_util::stream::iter(chunks)))
        })
        .await;
        let error = server.builder().max_reply_bytes(4999).build().unwrap().run(cat()).await.unwrap_err();
        let ErrorKind::TooLarge { limit, .. } = error.kind() else { panic!("{error:?}") };
        assert_eq!(*limit, 4999);
        // With one byte more the whole body is accepted, which then is not JSON.
        let error = server.builder().max_reply_bytes(5000).build().unwrap().run(cat()).await.unwrap_err();
        assert_eq!(error.body().unwrap().len(), 5000, "{error:?}");
    }
}

#[tokio::test]
async fn html_pages_of_proxies_become_errors() {
    let page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
    let server = Server::start(move |_, _| bytes(502, &[("content-type", "text/html")], page)).await;
    let error = server.client().run(cat()).retry(Retry::none()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme/app/edit: 502 an HTML page titled `502 Bad Gateway`; the request was sent, so the work may be running"
    );
    assert_eq!(error.body().unwrap().as_ref(), page.as_bytes());
}

#[tokio::test]
async fn own_http_client_is_used() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20));
    let mut headers = http::HeaderMap::new();
    headers.insert("x-mine", "yes".parse().unwrap());
    #[cfg(feature = "rustls")]
    let http = {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        http.tls_backend_preconfigured(tls)
    };
    let client = server.builder().http(http.default_headers(headers).build().unwrap()).build().unwrap();
    client.run(cat()).await.unwrap();
    assert_eq!(server.received()[0].header("x-mine"), Some("yes"));
}

#[tokio::test]
async fn hook_observes_every_attempt() {
    let server = Server::start(|request: &Received, _: &str| match request.nth {
        0 => bytes(429, &[("x-fal-request-id", "r0")], ""),
        _ => bytes(200, &[("x-fal-request-id", "r1")], r#"{"seed":1}"#),
    })
    .await;
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let notes = seen.clone();
    let client = server.builder().on_attempt(move |attempt| {
        notes.lock().unwrap().push(format!(
            "{} {} {} {:?} {:?} {:?} {}",
            attempt.number(),
            attempt.method(),
            attempt.path(),
            attempt.status().map(|status| status.as_u16()),
            attempt.request_id(),
            attempt.failure(),
            attempt.retry_delay().is_some(),
        ));
    });
    client.build().unwrap().run(cat()).await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            r#"1 POST /run/acme/app/edit Some(429) Some("r0") Some("status 429") true"#,
            r#"2 POST /run/acme/app/edit Some(200) Some("r1") None false"#,
        ]
    );
}

#[tokio::test]
async fn retry_delay_beyond_the_timeout_is_an_error_at_once() {
    let server = refusing(429, &[("retry-after", "20")]).await;
    let error = server.builder().retry(Retry::default()).build().unwrap().run(cat());
    // The error is the service's, not a timeout.
    let error = error.timeout(Duration::from_secs(10)).await.unwrap_err();
    assert!(error.is_rate_limited(), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
}

#[tokio::test]
async fn large_input_that_nobody_reads_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 1024]).await;
        std::future::pending::<()>().await;
    });
    // Larger than the buffers of a connection, so that sending has to wait for the server.
    let large = json!({"image_url": "x".repeat(24 << 20)});
    let client = Client::builder().emulator(url).key("a:b").idle_timeout(Duration::from_secs(2));
    let call = client.build().unwrap().run(fal_client::untyped::input("acme/app", large));
    let error = tokio::time::timeout(Duration::from_secs(60), call.into_future()).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("may be running"), "{error:?}");
}
