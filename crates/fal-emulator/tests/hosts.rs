//! fal's own host names, and TLS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;

use common::TestEmulator;
use fal_emulator::{Emulator, FaultPoint, Pace, RequestKind};
use reqwest::{Certificate, Client, Method, Proxy};
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";

fn input() -> Value {
    json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}})
}

/// Returns a client that resolves fal's host names to the emulator.
fn mapped(emulator: &Emulator, trusts: bool) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address: SocketAddr = emulator.url().trim_start_matches("https://").parse().unwrap();
    let names = ["fal.run", "queue.fal.run", "rest.fal.ai", "v3.fal.media", "api.fal.ai"];
    let ca = Certificate::from_pem(emulator.ca_certificate().unwrap().as_bytes()).unwrap();
    let mut client = Client::builder().tls_certs_only(if trusts { vec![ca] } else { vec![] });
    for name in names {
        client = client.resolve(name, address);
    }
    client.build().unwrap()
}

#[tokio::test]
async fn clients_with_fals_host_names_reach_every_service() {
    let emulator = Emulator::builder().tls().pace(Pace::instant()).start().await.unwrap();
    let port = emulator.url().rsplit_once(':').unwrap().1.to_owned();
    let client = mapped(&emulator, true);
    let at = |host: &str, path: &str| format!("https://{host}:{port}{path}");
    let post = async |url: String, body: Value| -> Value {
        let reply = client.post(url).json(&body).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.json().await.unwrap()
    };
    let get = async |url: &str| client.get(url).send().await.unwrap();

    let receipt = post(at("queue.fal.run", "/fal-ai/flux/dev"), input()).await;
    let status_url = receipt["status_url"].as_str().unwrap();
    assert!(status_url.starts_with(&at("queue.fal.run", "/fal-ai/flux/requests/")), "{status_url}");
    assert_eq!(get(status_url).await.json::<Value>().await.unwrap()["status"], "COMPLETED");
    let output: Value = get(receipt["response_url"].as_str().unwrap()).await.json().await.unwrap();
    let image = output["images"][0]["url"].as_str().unwrap();
    assert!(image.starts_with(&at("v3.fal.media", "/files/b/")), "{image}");
    assert!(get(image).await.bytes().await.unwrap().starts_with(&[0xff, 0xd8]));

    let place = post(at("rest.fal.ai", "/storage/upload/initiate"), json!({"file_name": "a.txt"})).await;
    let put = client.put(place["upload_url"].as_str().unwrap()).body("text").send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(get(place["file_url"].as_str().unwrap()).await.text().await.unwrap(), "text");
    assert_eq!(post(at("fal.run", "/fal-ai/flux/dev"), input()).await["prompt"], "a cat");
    assert_eq!(get(&at("api.fal.ai", "/v1/models")).await.status(), 200);
    assert_eq!(emulator.requests()[0].path, "/queue/fal-ai/flux/dev");

    emulator.on_request(RequestKind::Status).cut(FaultPoint::Head(12)).times(1);
    assert!(client.get(status_url).send().await.is_err());
    assert_eq!(get(status_url).await.status(), 200);
}

#[tokio::test]
async fn clients_that_do_not_trust_the_authority_fail_to_connect() {
    let emulator = Emulator::builder().tls().start().await.unwrap();
    let url = format!("{}/run/{ID}", emulator.url());
    assert!(mapped(&emulator, false).post(url).send().await.is_err());
    assert!(mapped(&emulator, true).get(emulator.urls().platform + "/v1/models").send().await.is_ok());
    assert!(emulator.urls().queue.starts_with("https://127.0.0.1:"));
    assert!(emulator.urls().ws.starts_with("wss://127.0.0.1:"));
}

#[tokio::test]
async fn host_headers_select_the_service_without_tls() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/{ID}", fal.emulator.url());
    let receipt =
        fal.send(Method::POST, &url, &[("host", "queue.fal.run")], input().to_string()).await.json();
    let status_url = receipt["status_url"].as_str().unwrap();
    assert!(status_url.starts_with("http://queue.fal.run/fal-ai/flux/requests/"), "{status_url}");
    let other = fal.send(Method::POST, &url, &[("host", "queue.fal.run.evil")], input().to_string()).await;
    assert_eq!(other.status, 403);
}

#[tokio::test]
async fn proxy_tunnels_to_fals_names_end_at_the_emulator_and_others_at_their_target() {
    let emulator = Emulator::builder().tls().pace(Pace::instant()).start().await.unwrap();
    let other = Emulator::builder().tls().start().await.unwrap();
    let proxy = |emulator: &Emulator| Proxy::all(emulator.url().replacen("https", "http", 1)).unwrap();
    let authorities = [&emulator, &other]
        .map(|one| Certificate::from_pem(one.ca_certificate().unwrap().as_bytes()).unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().tls_certs_only(authorities).proxy(proxy(&emulator)).build().unwrap();

    let reply = client.post("https://fal.run/fal-ai/flux/dev").json(&input()).send().await.unwrap();
    let output: Value = reply.json().await.unwrap();
    let image = output["images"][0]["url"].as_str().unwrap();
    assert!(image.starts_with("https://v3.fal.media/files/b/"), "{image}");
    assert!(client.get(image).send().await.unwrap().status().is_success());
    assert_eq!(emulator.requests().len(), 2);

    let port = other.url().rsplit_once(':').unwrap().1.to_owned();
    let reply = client.get(format!("https://localhost:{port}/platform/v1/models")).send().await.unwrap();
    assert!(reply.status().is_success());
    assert_eq!((emulator.requests().len(), other.requests().len()), (2, 1));

    drop(other);
    let gone = client.get(format!("https://localhost:{port}/")).send().await.unwrap_err();
    assert!(gone.is_connect(), "{gone:?}");
}

#[tokio::test]
async fn a_tls_port_serves_plain_http_too() {
    let emulator = Emulator::builder().tls().pace(Pace::instant()).start().await.unwrap();
    let url = emulator.url().replacen("https", "http", 1);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new();
    assert!(client.get(&url).send().await.unwrap().text().await.unwrap().contains("<title>fal-emulator"));
    let reply = client.post(format!("{url}/run/{ID}")).json(&input()).send().await.unwrap();
    let output: Value = reply.json().await.unwrap();
    let image = output["images"][0]["url"].as_str().unwrap();
    assert!(image.starts_with(&url), "{image}");
    assert!(client.get(image).send().await.unwrap().status().is_success());
    let health: Value = client.get(format!("{url}/health")).send().await.unwrap().json().await.unwrap();
    assert_eq!(health["status"], "ok");
    let ca = client.get(format!("{url}/_emulator/ca.pem")).send().await.unwrap().text().await.unwrap();
    assert_eq!(Some(ca.as_str()), emulator.ca_certificate());
    assert_eq!(emulator.request_count(), 2, "only requests to services count");
}

#[tokio::test]
async fn every_name_of_fal_ends_at_the_emulator_or_in_a_refusal() {
    let emulator = Emulator::builder().tls().start().await.unwrap();
    let proxy = Proxy::all(emulator.url().replacen("https", "http", 1)).unwrap();
    let ca = Certificate::from_pem(emulator.ca_certificate().unwrap().as_bytes()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().tls_certs_only([ca]).proxy(proxy).build().unwrap();
    for url in ["https://v2.fal.media/files/x", "https://cdn.fal.media/files/x", "http://fal.run/no/thing"] {
        let reply = client.get(url).send().await.unwrap();
        assert!(matches!(reply.status().as_u16(), 404 | 405), "{url}: {}", reply.status());
    }
    assert_eq!(emulator.request_count(), 3);
    for url in ["http://wma.fal.run/x", "http://a.b.fal.ai/"] {
        let reply = client.get(url).send().await.unwrap();
        assert_eq!(reply.status(), 404, "{url}");
        let text = reply.text().await.unwrap();
        assert!(text.contains("does not serve") && text.contains("did not leave this machine"), "{text}");
    }
    for url in ["https://wma.fal.run/x", "https://a.b.c.fal.media.fal.ai/x", "https://queue.fal.run.fal.run/"]
    {
        assert!(client.get(url).send().await.unwrap_err().is_connect(), "{url}");
    }
    assert_eq!(emulator.request_count(), 3);
    let refused = emulator.refused_hosts();
    assert!(refused.contains(&"wma.fal.run".to_owned()) && refused.len() == 4, "{refused:?}");
}

#[tokio::test]
async fn requests_under_the_name_of_a_foreign_site_are_refused() {
    let fal = TestEmulator::start(Emulator::builder().allow_host("emulator").pace(Pace::instant())).await;
    let url = fal.emulator.url();
    let port = url.rsplit_once(':').unwrap().1;
    for path in [
        "/",
        "/_emulator/page/feed",
        "/_emulator/requests",
        "/run/fal-ai/flux/dev",
        "/cdn/files/x",
        "/health",
    ] {
        for (host, is_refused) in [
            ("attacker.example", true),
            ("127.0.0.1.attacker.example", true),
            ("emulator", false),
            ("localhost", false),
        ] {
            let host = format!("{host}:{port}");
            let reply = fal.send(Method::GET, &format!("{url}{path}"), &[("host", &host)], "").await;
            assert_eq!(reply.status == 403, is_refused, "{host}{path}");
        }
    }
    let host = format!("attacker.example:{port}");
    let origin = format!("http://{host}");
    let headers = [("host", host.as_str()), ("origin", origin.as_str())];
    let scenario = r#"{"endpoint": [{"id": "acme/app"}]}"#;
    for path in ["/_emulator/scenario", "/_emulator/reset", "/_emulator/advance"] {
        assert_eq!(
            fal.send(Method::POST, &format!("{url}{path}"), &headers, scenario).await.status,
            403,
            "{path}"
        );
    }
    assert_eq!(fal.run("acme/app", &json!({})).await.status, 404, "the scenario has no effect");
}

#[tokio::test]
async fn a_connection_to_the_proxy_takes_one_request_over_plain_http() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let emulator = Emulator::builder().tls().start().await.unwrap();
    for target in ["http://fal.run/no/thing", "http://wma.fal.run/"] {
        let address = emulator.url().replace("https://", "");
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("POST {target} HTTP/1.1\r\nhost: fal.run\r\ncontent-length: 2\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        // Ends only if the connection is closed.
        tokio::time::timeout(std::time::Duration::from_secs(60), stream.read_to_string(&mut reply))
            .await
            .unwrap()
            .unwrap();
        assert!(reply.starts_with("HTTP/1.1 404") && reply.contains("connection: close"), "{reply}");
    }
}
