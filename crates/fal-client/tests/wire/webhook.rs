//! Webhook deliveries over real sockets, and their keys.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use fal_client::{
    untyped::Any,
    webhook::{IpRanges, Rejection, Verifier, response_status},
};
use futures_util::future::join_all;
use http::HeaderMap;
use ring::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::json;

use crate::server::{Reaction, Received, Server, bytes, json as answer};

const NOW: u64 = 1_790_000_000;
const DAY: u64 = 24 * 60 * 60;
const BODY: &str = r#"{"request_id":"r1","status":"OK","payload":{"seed":7}}"#;

/// A clock that tests set.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A service with keys, and a verifier that fetches them.
struct Fal {
    server: Server,
    clock: Clock,
    /// The seeds of the keys in the set; `None` if the service is down.
    keys: Arc<Mutex<Option<Vec<u8>>>>,
    verifier: Verifier,
}

impl Fal {
    async fn start(keys: &[u8]) -> Self {
        let keys = Arc::new(Mutex::new(Some(keys.to_vec())));
        let set = keys.clone();
        let server = Server::start(move |request: &Received, _: &str| -> Reaction {
            assert_eq!(request.line(), "GET /rest/.well-known/jwks.json");
            assert_eq!(request.header("authorization"), None);
            match &*set.lock().unwrap() {
                None => bytes(503, &[], "down"),
                Some(seeds) => {
                    let x = |seed: &u8| json!({"x": URL_SAFE.encode(key(*seed).public_key())});
                    answer(200, &json!({"keys": seeds.iter().map(x).collect::<Vec<_>>()}))
                }
            }
        })
        .await;
        let clock = Clock(Arc::new(AtomicU64::new(NOW)));
        let at = clock.clone();
        let verifier =
            Verifier::new(&server.client()).clock(move || UNIX_EPOCH + Duration::from_secs(at.now()));
        Self { server, clock, keys, verifier }
    }

    async fn deliver(&self, seed: u8) -> Result<(), fal_client::Error> {
        let delivery = self.verifier.verify(&signed(seed, self.clock.now(), BODY), BODY).await?;
        assert_eq!(delivery.parse::<Any>().unwrap()["seed"], 7);
        Ok(())
    }

    async fn rejection(&self, seed: u8) -> Option<Rejection> {
        self.deliver(seed).await.unwrap_err().rejection()
    }

    fn fetches(&self) -> usize {
        self.server.received().len()
    }
}

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn signed(seed: u8, timestamp: u64, body: &str) -> HeaderMap {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let message = format!("r1\nu1\n{timestamp}\n{}", hex(digest(&SHA256, body.as_bytes()).as_ref()));
    let signature = hex(key(seed).sign(message.as_bytes()).as_ref());
    [
        ("x-fal-webhook-request-id", "r1"),
        ("x-fal-webhook-user-id", "u1"),
        ("x-fal-webhook-timestamp", &timestamp.to_string()),
        ("x-fal-webhook-signature", &signature),
    ]
    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
    .into_iter()
    .collect()
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept_for_a_day() {
    let fal = Fal::start(&[1]).await;
    assert_eq!(fal.fetches(), 0, "nothing is sent before a delivery comes");
    let all = join_all((0..20).map(|_| fal.deliver(1))).await;
    assert!(all.iter().all(Result::is_ok) && fal.fetches() == 1, "{all:?}");
    fal.clock.advance(DAY - 1);
    fal.deliver(1).await.unwrap();
    assert_eq!(fal.fetches(), 1);
    fal.clock.advance(1);
    fal.deliver(1).await.unwrap();
    assert_eq!(fal.fetches(), 2);
}

#[tokio::test]
async fn keys_are_kept_for_the_time_of_the_verifier_and_for_a_day_at_most() {
    for (wanted, kept) in [(60, 60), (DAY - 1, DAY - 1), (30 * DAY, DAY)] {
        let mut fal = Fal::start(&[1]).await;
        fal.verifier = fal.verifier.keep_keys_for(Duration::from_secs(wanted));
        fal.deliver(1).await.unwrap();
        fal.clock.advance(kept - 1);
        fal.deliver(1).await.unwrap();
        assert_eq!(fal.fetches(), 1, "{wanted}");
        fal.clock.advance(1);
        fal.deliver(1).await.unwrap();
        assert_eq!(fal.fetches(), 2, "{wanted}");
    }
}

#[tokio::test]
async fn forged_deliveries_do_not_cause_more_fetches() {
    let fal = Fal::start(&[1]).await;
    let all = join_all((0..200).map(|_| fal.rejection(9))).await;
    assert!(all.iter().all(|rejection| *rejection == Some(Rejection::BadSignature)));
    assert_eq!(fal.fetches(), 1, "what was fetched a moment ago is not fetched again");
    for _ in 0..10 {
        fal.clock.advance(30);
        join_all((0..20).map(|_| fal.rejection(9))).await;
    }
    assert_eq!(fal.fetches(), 6, "once a minute");
    fal.deliver(1).await.unwrap();
    assert_eq!(fal.fetches(), 6);
}

#[tokio::test]
async fn a_new_key_is_fetched_and_an_old_one_expires() {
    let fal = Fal::start(&[1]).await;
    fal.deliver(1).await.unwrap();
    fal.clock.advance(3600);
    *fal.keys.lock().unwrap() = Some(vec![2, 1]);
    let both = join_all([1, 2, 2, 1, 2].map(|seed| fal.deliver(seed))).await;
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    assert_eq!(fal.fetches(), 2, "all who wait share one fetch");
    *fal.keys.lock().unwrap() = Some(vec![2]);
    fal.clock.advance(DAY);
    fal.deliver(2).await.unwrap();
    fal.clock.advance(60);
    assert_eq!(fal.rejection(1).await, Some(Rejection::BadSignature));
}

#[tokio::test]
async fn deliveries_fail_with_503_without_keys() {
    let fal = Fal::start(&[1]).await;
    *fal.keys.lock().unwrap() = None;
    let all = join_all((0..20).map(|_| fal.deliver(1))).await;
    for error in all.into_iter().map(Result::unwrap_err) {
        assert!(error.is_transport() && error.to_string().contains("down"), "{error}");
        assert_eq!((error.rejection(), response_status(&error).as_u16()), (None, 503));
    }
    assert_eq!(fal.fetches(), 1);
    *fal.keys.lock().unwrap() = Some(vec![1]);
    fal.clock.advance(5);
    fal.deliver(1).await.unwrap();

    // Expired keys are not used, even if there are no others.
    *fal.keys.lock().unwrap() = None;
    fal.clock.advance(DAY);
    assert!(fal.deliver(1).await.unwrap_err().is_transport());
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_keys_forever() {
    let fal = Fal::start(&[1]).await;
    fal.deliver(1).await.unwrap();
    fal.clock.0.fetch_sub(30 * DAY, Ordering::SeqCst);
    fal.deliver(1).await.unwrap();
    assert_eq!(fal.fetches(), 2);
}

#[tokio::test]
async fn ip_ranges_are_fetched_from_the_platform() {
    let server = Server::start(|request: &Received, _: &str| match request.line().as_str() {
        "GET /platform/v1/meta" => {
            answer(200, &json!({"webhook_ip_ranges": ["203.0.113.7/32", "2001:db8::/32"]}))
        }
        other => panic!("{other}"),
    })
    .await;
    let ranges = IpRanges::fetch(&server.client()).await.unwrap();
    assert!(ranges.contains("203.0.113.7".parse().unwrap()));
    assert!(!ranges.contains("203.0.113.8".parse().unwrap()));
    let broken = Server::start(|_, _| answer(200, &json!({"webhook_ip_ranges": "all"}))).await;
    assert!(IpRanges::fetch(&broken.client()).await.unwrap_err().is_decode());
}

#[cfg(feature = "axum")]
mod server {
    use axum::{Router, http::Uri, routing::post};
    use fal_client::{
        Client, Endpoint, input,
        webhook::{self, Delivery},
    };
    use fal_emulator::{Emulator, Pace};
    use fal_flux::{dev, schnell, types::CustomImageSize};
    use tokio::sync::mpsc;

    use super::*;

    /// Starts an app that sends outputs to the test, and fails the first `failures` deliveries.
    async fn app(verifier: Verifier, failures: u64) -> (String, mpsc::UnboundedReceiver<String>) {
        let (send, received) = mpsc::unbounded_channel();
        let left = Arc::new(AtomicU64::new(failures));
        let say = move |name: &'static str, text: String, delivery: Delivery| {
            let fails =
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            send.send(format!("{name} {text}")).unwrap();
            if !fails {
                delivery.acknowledge();
            }
            std::future::ready(if fails { 500_u16 } else { 200 })
        };
        let dev = say.clone();
        let router = webhook::Router::new()
            .on::<dev::Model, _>(move |output, delivery| {
                let text = output.map_or_else(
                    |error| error.to_string(),
                    |output| format!("{} images", output.images.len()),
                );
                dev("dev", text, delivery)
            })
            .on::<schnell::Model, _>(move |output, delivery| {
                let text = output.map_or_else(
                    |error| error.to_string(),
                    |output| format!("{} images", output.images.len()),
                );
                say("schnell", text, delivery)
            });
        let handler = move |uri: Uri, delivery: Delivery| async move {
            let endpoint = webhook::endpoint_from_url(&uri).unwrap_or_default();
            let status = router.route(&endpoint, delivery).await.unwrap_or(404);
            http::StatusCode::from_u16(status).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new().route("/hook", post(handler)).with_state(verifier);
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, received)
    }

    async fn emulator() -> (Emulator, Client) {
        let builder = Emulator::builder().pace(Pace::instant()).webhook_retries([Duration::ZERO; 5]);
        let emulator = builder.start().await.unwrap();
        let client = Client::builder().emulator(emulator.url()).build().unwrap();
        (emulator, client)
    }

    fn cat() -> dev::Input {
        let size = CustomImageSize::builder().width(64.try_into().ok()).height(48.try_into().ok()).build();
        input!(dev { prompt: "a cat", image_size: dev::ImageSize::Custom(size) })
    }

    /// Waits for `count` attempts to deliver and returns their statuses.
    async fn attempts(emulator: &Emulator, count: usize) -> Vec<u16> {
        let outcomes = || {
            emulator.webhooks().deliveries().into_iter().map(|one| one.outcome.unwrap()).collect::<Vec<_>>()
        };
        let all = async {
            while outcomes().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        outcomes()
    }

    #[tokio::test]
    async fn a_server_receives_the_outputs_of_two_models() {
        let (_emulator, client) = emulator().await;
        let (url, mut received) = app(Verifier::new(&client).remember(100), 0).await;
        let hook = webhook::url_with_endpoint(&url, dev::Model::ID).unwrap();
        client.submit(cat()).webhook(hook).await.unwrap();
        assert_eq!(received.recv().await.unwrap(), "dev 1 images");
        let hook = webhook::url_with_endpoint(&url, schnell::Model::ID).unwrap();
        client.submit(input!(schnell { prompt: "two dogs", num_images: 2 })).webhook(hook).await.unwrap();
        assert_eq!(received.recv().await.unwrap(), "schnell 2 images");
    }

    #[tokio::test]
    async fn a_delivery_is_repeated_until_it_is_acknowledged() {
        let (emulator, client) = emulator().await;
        let (url, mut received) = app(Verifier::new(&client).remember(100), 2).await;
        emulator.webhooks().duplicate_next();
        let hook = webhook::url_with_endpoint(&url, dev::Model::ID).unwrap();
        client.submit(cat()).webhook(hook).await.unwrap();
        assert_eq!(attempts(&emulator, 4).await, [500, 500, 200, 200], "the last one is the duplicate");
        for _ in 0..3 {
            assert_eq!(received.recv().await.unwrap(), "dev 1 images");
        }
        assert!(received.try_recv().is_err(), "the duplicate does not reach the handler");
    }

    #[tokio::test]
    async fn deliveries_are_accepted_after_the_key_changes() {
        let (emulator, client) = emulator().await;
        let (url, mut received) = app(Verifier::new(&client).refetch_after(Duration::ZERO), 0).await;
        let hook = webhook::url_with_endpoint(&url, dev::Model::ID).unwrap();
        for turn in 0..3 {
            client.submit(cat()).webhook(&hook).await.unwrap();
            assert_eq!(received.recv().await.unwrap(), "dev 1 images");
            emulator.webhooks().rotate_key();
            if turn == 1 {
                emulator.webhooks().forget_old_keys();
            }
        }
        assert_eq!(attempts(&emulator, 3).await, [200; 3]);
    }

    #[tokio::test]
    async fn forgeries_do_not_reach_the_handler() {
        let (emulator, client) = emulator().await;
        let (url, mut received) = app(Verifier::new(&client).max_body(1000), 0).await;
        let http = http_client();
        let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let huge = " ".repeat(1001);
        for (headers, body, status) in [
            (HeaderMap::new(), BODY, 400),
            (signed(1, now - 301, BODY), BODY, 401),
            (signed(1, now, BODY), BODY, 401),
            (signed(1, now, BODY), &huge, 413),
        ] {
            let answer = http.post(&url).headers(headers).body(body.to_owned()).send().await.unwrap();
            assert_eq!(answer.status(), status, "{}", answer.text().await.unwrap());
        }
        // Signed by the emulator, for an endpoint without a handler.
        let signature = emulator.webhooks().sign("r1", "u1", now, BODY.as_bytes());
        let mut headers = signed(1, now, BODY);
        headers.insert("x-fal-webhook-signature", signature.parse().unwrap());
        let answer = http.post(&url).headers(headers).body(BODY).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(received.try_recv().is_err());
    }

    /// Builds an HTTP client that uses no proxy.
    fn http_client() -> reqwest::Client {
        fal_client::ClientBuilder::http_builder().unwrap().no_proxy().build().unwrap()
    }
}
