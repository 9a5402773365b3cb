//! A server that is scripted by the test, and records its requests.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use fal_client::{Client, Retry};
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    sync::Notify,
};

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The number of earlier requests with this method and path.
    pub(crate) nth: usize,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the method, path and query, such as `GET /queue/acme/app?logs=1`.
    pub(crate) fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }
}

/// The server's reaction to a request.
pub(crate) enum Reaction {
    Answer(Response<Body>),
    /// No response, forever.
    Hang,
}

impl From<Response<Body>> for Reaction {
    fn from(response: Response<Body>) -> Self {
        Self::Answer(response)
    }
}

pub(crate) fn json(status: u16, body: &Value) -> Reaction {
    bytes(status, &[("content-type", "application/json")], body.to_string())
}

pub(crate) fn bytes(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Reaction {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap().into()
}

pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Notify>,
}

impl Server {
    /// Starts a server. The script gets each request and the server's own URL.
    pub(crate) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(&Received, &str) -> R + Send + Sync + 'static,
        R: Into<Reaction>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url: url.clone(), received: Arc::default(), arrived: Arc::default() };
        let (received, arrived, script) = (server.received.clone(), server.arrived.clone(), Arc::new(script));
        let counts: Arc<Mutex<HashMap<(Method, String), usize>>> = Arc::default();
        let app = Router::new().fallback(move |request: Request| {
            let (received, arrived) = (received.clone(), arrived.clone());
            let (script, counts, url) = (script.clone(), counts.clone(), url.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
                let (method, path) = (parts.method, parts.uri.path().to_owned());
                let nth = {
                    let mut counts = counts.lock().unwrap();
                    let count = counts.entry((method.clone(), path.clone())).or_default();
                    *count += 1;
                    *count - 1
                };
                let query = parts.uri.query().unwrap_or_default().to_owned();
                let request = Received { method, path, query, headers: parts.headers, body, nth };
                let reaction = script(&request, &url).into();
                received.lock().unwrap().push(request);
                arrived.notify_waiters();
                match reaction {
                    Reaction::Answer(response) => response,
                    Reaction::Hang => std::future::pending().await,
                }
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    /// Returns a client of this server, with a key and quick retries.
    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> fal_client::ClientBuilder {
        Client::builder().emulator(&self.url).key("test:key").retry(quick())
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.received().iter().map(Received::line).collect()
    }

    /// Waits for a request that `wanted` accepts.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Received) -> bool) -> Received {
        let found = async {
            loop {
                let arrival = self.arrived.notified();
                if let Some(request) = self.received().into_iter().find(&wanted) {
                    return request;
                }
                arrival.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found).await.expect("the request never came")
    }
}

/// Returns the default number of attempts with short delays, also at 429.
pub(crate) fn quick() -> Retry {
    Retry::default()
        .rate_limit_budget(Duration::ZERO)
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(2))
}

/// Returns a URL that refuses connections, and the socket that keeps its port from other tests until it is dropped.
pub(crate) fn unused_url() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

/// Starts a server that reads a request, sends `answer` and closes the connection. Counts the requests.
pub(crate) async fn closing(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<AtomicUsize> = Arc::default();
    let count = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            if socket.read(&mut head).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
                socket.write_all(answer).await.unwrap();
            }
        }
    });
    (url, requests)
}
