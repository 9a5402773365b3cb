//! Proxies: fal's server-side proxy, and those of the environment.

use std::process::Command;

use fal_client::{Client, Retry};
use serde_json::json;

use crate::{
    model::cat,
    server::{Received, Server, json as answer},
};

async fn proxy() -> Server {
    Server::start(|request: &Received, _: &str| {
        match request.header("x-fal-target-url").unwrap_or_default() {
            "https://queue.fal.run/acme/app/edit" => answer(200, &json!({"request_id": "r1"})),
            target if target.ends_with("/status?logs=0") => answer(200, &json!({"status": "COMPLETED"})),
            _ => answer(200, &json!({"seed": 3})),
        }
    })
    .await
}

#[tokio::test]
async fn all_requests_to_fal_go_through_the_proxy_without_a_key() {
    let proxy = proxy().await;
    let url = format!("{}/api/fal/proxy", proxy.url);
    let client = Client::builder().proxy_url(&url).retry(Retry::none()).build().unwrap();
    assert_eq!(client.run(cat()).await.unwrap().seed, 3);
    assert_eq!(client.subscribe(cat()).await.unwrap().seed, 3);
    let received = proxy.received();
    let lines: Vec<_> = received
        .iter()
        .map(|request| (request.line(), request.header("x-fal-target-url").unwrap().to_owned()))
        .collect();
    let line = |line: &str, target: &str| (line.to_owned(), target.to_owned());
    assert_eq!(
        lines,
        [
            line("POST /api/fal/proxy", "https://fal.run/acme/app/edit"),
            line("POST /api/fal/proxy", "https://queue.fal.run/acme/app/edit"),
            line("GET /api/fal/proxy", "https://queue.fal.run/acme/app/requests/r1/status?logs=0"),
            line("GET /api/fal/proxy", "https://queue.fal.run/acme/app/requests/r1"),
        ]
    );
    assert_eq!(received[0].json(), json!({"prompt": "a cat"}));
    assert!(received.iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn key_of_the_builder_is_sent_to_the_proxy() {
    let proxy = proxy().await;
    let client = Client::builder().proxy_url(&proxy.url).key("a:b").build().unwrap();
    client.run(cat()).await.unwrap();
    assert_eq!(proxy.received()[0].header("authorization"), Some("Key a:b"));
}

/// Runs itself again, because a process with threads cannot change its environment.
#[tokio::test]
async fn proxy_of_the_environment_is_used() {
    const INNER: &str = "FAL_TEST_PROXY_OF_THE_ENVIRONMENT";
    if std::env::var_os(INNER).is_some() {
        let builder = Client::builder().key("a:b").run_host("http://fal.invalid").allow_plain_http();
        let reply = builder.retry(Retry::none()).build().unwrap().run(cat()).await.unwrap();
        assert_eq!(reply.seed, 3);
        return;
    }
    let proxy = proxy().await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxy::proxy_of_the_environment_is_used"]).env(INNER, "1");
    child.env("HTTP_PROXY", &proxy.url).env("http_proxy", &proxy.url);
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let child = tokio::task::spawn_blocking(move || child.output().unwrap());
    let output = child.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(proxy.lines().len(), 1);
    assert_eq!(proxy.received()[0].header("host"), Some("fal.invalid"));
}

/// Also if other services are elsewhere: the key would go to the proxy in plain text.
#[tokio::test]
async fn proxy_of_the_environment_gets_no_request_for_this_machine() {
    const INNER: &str = "FAL_TEST_PROXY_OF_THE_ENVIRONMENT_AND_THIS_MACHINE";
    if let Ok(url) = std::env::var(INNER) {
        let port = url.rsplit(':').next().unwrap();
        for host in ["127.0.0.1", "localhost", "mine.localhost"] {
            let builder = Client::builder().key("a:b").run_host(format!("http://{host}:{port}"));
            let reply = builder.retry(Retry::none()).build().unwrap().run(cat()).await.unwrap();
            assert_eq!(reply.seed, 5, "{host}");
        }
        return;
    }
    let (proxy, server) = (proxy().await, Server::start(|_, _| answer(200, &json!({"seed": 5}))).await);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxy::proxy_of_the_environment_gets_no_request_for_this_machine"]);
    child.env(INNER, &server.url).env("HTTP_PROXY", &proxy.url).env("http_proxy", &proxy.url);
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(proxy.received().is_empty());
    assert_eq!(server.lines(), ["POST /acme/app/edit"; 3]);
}
