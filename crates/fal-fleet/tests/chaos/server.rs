//! The fal of a run: the emulator, or a server that does nothing but accept requests.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fal_client::webhook::Verifier;
use fal_emulator::{Emulator, FaultPoint, Pace, RequestKind, Rule};
use fal_fleet::Webhooks;
use http::{HeaderMap, Method, StatusCode, Uri};
use ring::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{net::TcpListener, sync::OnceCell};

use crate::receive;

pub(crate) enum Server {
    Emulator { emulator: Box<Emulator>, lost: Vec<Rule> },
    Light(Light),
}

impl Server {
    pub(crate) async fn emulator(requests: usize) -> Self {
        let emulator = Emulator::builder()
            .pace(Pace::instant().run(Duration::from_millis(20)))
            .keep(requests * 2)
            .webhook_retries(vec![Duration::from_secs(1); 5])
            .start()
            .await
            .unwrap();
        Self::Emulator { emulator: Box::new(emulator), lost: Vec::new() }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Emulator { emulator, .. } => emulator.url().to_owned(),
            Self::Light(light) => light.url.clone(),
        }
    }

    /// Loses the answer to one of the next submits.
    pub(crate) fn lose_an_answer(&mut self) {
        match self {
            Self::Emulator { emulator, lost } => {
                lost.push(emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1));
            }
            Self::Light(light) => drop(light.fal.to_lose.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Returns the number of answers that were lost.
    pub(crate) fn lost(&self) -> u64 {
        match self {
            Self::Emulator { lost, .. } => lost.iter().map(Rule::hits).sum::<usize>() as u64,
            Self::Light(light) => light.fal.lost.load(Ordering::Relaxed),
        }
    }

    /// Returns the number of requests that were accepted, and fails if one was accepted twice.
    pub(crate) async fn accepted(&self) -> u64 {
        match self {
            Self::Emulator { emulator, .. } => emulator.cost().await.calls,
            Self::Light(light) => {
                assert!(light.fal.seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
                light.fal.log.lock().unwrap().len() as u64
            }
        }
    }
}

/// A server with submits, webhooks, statuses, outputs and the list of requests, which keeps 12 bytes of each.
pub(crate) struct Light {
    url: String,
    fal: Arc<Fal>,
}

struct Fal {
    key: Ed25519KeyPair,
    webhooks: OnceCell<Webhooks>,
    /// The number of times that each seed was accepted.
    seen: Vec<AtomicU8>,
    /// The second and the seed of each request. Its place is its id.
    log: Mutex<Vec<(i64, u32)>>,
    to_lose: AtomicU64,
    lost: AtomicU64,
}

impl Light {
    pub(crate) async fn start(requests: usize) -> Self {
        let fal = Arc::new(Fal {
            key: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            webhooks: OnceCell::new(),
            seen: (0..requests).map(|_| AtomicU8::new(0)).collect(),
            log: Mutex::default(),
            to_lose: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(fal.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, fal }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let x = URL_SAFE_NO_PAD.encode(self.fal.key.public_key());
        Verifier::from_jwks(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] }).to_string())
            .unwrap()
    }

    /// Delivers webhooks to this receiver, without a network.
    pub(crate) fn deliver_to(&self, webhooks: Webhooks) {
        assert!(self.fal.webhooks.set(webhooks).is_ok());
    }
}

async fn answer(State(fal): State<Arc<Fal>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches('/');
    match path.split_once("/requests/") {
        None if method == Method::POST => fal.submit(&uri, &body),
        Some((_, id)) if path.starts_with("queue/") => match id.split_once('/') {
            None => Json(output(id)).into_response(),
            Some((id, _)) => Json(json!({ "status": "COMPLETED", "request_id": id })).into_response(),
        },
        _ if path.ends_with("requests/by-endpoint") => fal.list(&uri).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn output(id: &str) -> Value {
    json!({ "images": [{ "url": format!("https://v3.fal.media/files/light/{id}.png") }] })
}

impl Fal {
    fn submit(self: &Arc<Self>, uri: &Uri, body: &[u8]) -> Response {
        let input: Value = serde_json::from_slice(body).unwrap();
        let seed = u32::try_from(input["seed"].as_u64().unwrap()).unwrap();
        self.seen[seed as usize].fetch_add(1, Ordering::Relaxed);
        let id = {
            let mut log = self.log.lock().unwrap();
            log.push((OffsetDateTime::now_utc().unix_timestamp(), seed));
            format!("light-{}", log.len() - 1)
        };
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let hook = query.into_owned().find(|(name, _)| name == "fal_webhook").unwrap().1;
        tokio::spawn(deliver(self.clone(), hook.parse().unwrap(), id.clone()));
        let lose = |left: u64| left.checked_sub(1);
        if self.to_lose.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lose).is_ok() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            let broken =
                [Ok(Bytes::from_static(b"{\"req")), Err(std::io::Error::other("the answer is lost"))];
            return Body::from_stream(futures_util::stream::iter(broken)).into_response();
        }
        Json(json!({ "request_id": id })).into_response()
    }

    /// Returns a page of the requests since a time.
    fn list(&self, uri: &Uri) -> Json<Value> {
        const PAGE: usize = 100;
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let get = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let log = self.log.lock().unwrap();
        let start = get("start").unwrap_or_default();
        let first = match get("cursor") {
            Some(cursor) => cursor.parse().unwrap(),
            None => log.partition_point(|(second, _)| &*timestamp(*second) < start),
        };
        let page = log.iter().enumerate().skip(first).take(PAGE);
        let items: Vec<Value> = page
            .map(|(nth, (second, seed))| {
                let (id, sent_at) = (format!("light-{nth}"), timestamp(*second));
                json!({ "request_id": id, "sent_at": sent_at, "json_input": { "prompt": "a cat", "seed": seed } })
            })
            .collect();
        let next = (first + PAGE < log.len()).then(|| (first + PAGE).to_string());
        Json(json!({ "items": items, "next_cursor": next, "has_more": next.is_some() }))
    }

    fn sign(&self, id: &str, body: &[u8]) -> HeaderMap {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let now = OffsetDateTime::now_utc().unix_timestamp().to_string();
        let message = [id, "light", &now, &hex(digest(&SHA256, body).as_ref())].join("\n");
        let signature = hex(self.key.sign(message.as_bytes()).as_ref());
        let headers =
            [("request-id", id), ("user-id", "light"), ("timestamp", &now), ("signature", &signature)];
        let header = |(name, value): (&str, &str)| {
            (format!("x-fal-webhook-{name}").parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
        };
        headers.map(header).into_iter().collect()
    }
}

/// Delivers the end of a request, and again if it was not taken.
async fn deliver(fal: Arc<Fal>, hook: Uri, id: String) {
    let body = json!({ "request_id": id, "gateway_request_id": id, "status": "OK", "payload": output(&id) });
    let body = Bytes::from(body.to_string());
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..5 {
        let webhooks = fal.webhooks.get().unwrap().clone();
        if receive(webhooks, hook.clone(), fal.sign(&id, &body), body.clone()).await == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn timestamp(second: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(second).unwrap();
    let (hour, minute, second) = time.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", time.date())
}
