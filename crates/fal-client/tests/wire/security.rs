//! The key is sent to the configured hosts only.

#[cfg(feature = "rustls")]
use std::sync::Arc;

use fal_client::{Client, queue::Ticket, untyped};
use fal_emulator::Emulator;
use serde_json::json;

use crate::{
    model::{Model, cat},
    server::{Received, Server, bytes, json as answer, quick},
};

/// Starts a server that must not receive a request.
async fn stranger() -> Server {
    Server::start(|_, _| answer(200, &json!({"seed": 666, "status": "COMPLETED"}))).await
}

#[tokio::test]
async fn foreign_urls_in_a_submit_response_are_ignored() {
    let stranger = stranger().await;
    let evil = stranger.url.clone();
    let server = Server::start(move |request: &Received, _: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => answer(
            200,
            &json!({
                "request_id": "r1", "response_url": format!("{evil}/queue/acme/app/requests/r1"),
                "status_url": format!("{evil}/queue/acme/app/requests/r1/status"),
                "cancel_url": format!("{evil}/queue/acme/app/requests/r1/cancel"),
            }),
        ),
        path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let client = server.client();
    assert_eq!(client.subscribe(cat()).await.unwrap().seed, 1);
    client.submit(cat()).await.unwrap().cancel().await.unwrap();

    // The same for a forged ticket.
    let stored = json!({
        "endpoint": "acme/app/edit", "request_id": "r1",
        "response_url": format!("{}/queue/acme/app/requests/r1", stranger.url),
    });
    let ticket: Ticket<Model> = serde_json::from_value(stored).unwrap();
    assert_eq!(client.resume(ticket).result().await.unwrap().seed, 1);
    assert!(stranger.received().is_empty());
}

#[tokio::test]
async fn redirects_are_errors_and_not_followed() {
    for status in [301, 302, 307, 308] {
        let stranger = stranger().await;
        let target = format!("{}/elsewhere", stranger.url);
        let location = target.clone();
        let server = Server::start(move |_, _| bytes(status, &[("location", &location)], "")).await;
        let error = server.client().run(cat()).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.to_string().contains(&target), "{error}");
        assert!(server.client().endpoint::<Model>().job("r1").status().await.is_err());
        assert!(stranger.received().is_empty());
        assert_eq!(server.received().len(), 2);
    }
}

#[tokio::test]
async fn no_authorization_is_sent_without_a_key() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let client = Client::builder().emulator(&server.url).retry(quick()).build().unwrap();
    client.run(cat()).await.unwrap();
    assert_eq!(server.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn services_can_have_different_hosts() {
    let run = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let queue = Server::start(|_, _| answer(200, &json!({"request_id": "r1"}))).await;
    let client = Client::builder()
        .key("test:key")
        .run_host(&run.url)
        .queue_host(format!("{}/below/", queue.url))
        .build()
        .unwrap();
    client.run(cat()).await.unwrap();
    client.submit(cat()).await.unwrap().cancel().await.unwrap();
    assert_eq!(run.lines(), ["POST /acme/app/edit"]);
    assert_eq!(queue.lines(), ["POST /below/acme/app/edit", "PUT /below/acme/app/requests/r1/cancel"]);
}

#[tokio::test]
async fn names_below_localhost_are_this_machine_whatever_the_resolver_says() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let url = server.url.replace("127.0.0.1", "surely-not-in-any-resolver.localhost");
    let client = Client::builder().emulator(&url).key("test:key").retry(quick()).build().unwrap();
    assert_eq!(client.run(cat()).await.unwrap().seed, 1);
    assert_eq!(server.received().len(), 1);
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn nothing_is_sent_under_a_certificate_for_other_names() {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};

    let emulator = Emulator::builder().tls().start().await.unwrap();
    let address = emulator.url().trim_start_matches("https://").parse().unwrap();
    let ca = CertificateDer::from_pem_slice(emulator.ca_certificate().unwrap().as_bytes()).unwrap();
    let call = async |host: &str| {
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(ca.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let http =
            reqwest::Client::builder().no_proxy().resolve(host, address).tls_backend_preconfigured(tls);
        let url = format!("https://{host}:{}", address.port());
        let client =
            Client::builder().http(http.build().unwrap()).key("test:key").run_host(url).retry(quick());
        client.build().unwrap().run(untyped::input("fal-ai/flux/dev", json!({"prompt": "a cat"}))).await
    };
    let hosts = ["api.example", "fal.run.example", "notfal.run", "a.b.fal.run", "localhost.example"];
    println!("attacks: {}", hosts.len());
    for host in hosts {
        let error = call(host).await.unwrap_err();
        assert!(error.is_transport(), "{host}: {error}");
        assert!(emulator.requests().is_empty(), "{host}");
    }
    call("fal.run").await.unwrap();
}
