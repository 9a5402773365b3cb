//! A minimal server of direct calls and of a queue.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use futures_util::stream;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) state: Arc<Jobs>,
}

#[derive(Default)]
pub(crate) struct Jobs {
    last: AtomicU64,
    /// The moment at which each job is completed.
    ends: Mutex<HashMap<u64, Instant>>,
    pub(crate) submitted: AtomicUsize,
    /// The number of connections that were made.
    pub(crate) connections: AtomicUsize,
}

/// Returns the time in nanoseconds, on a clock that all threads share.
pub(crate) fn now() -> u64 {
    at(Instant::now())
}

fn at(instant: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(|| Instant::now() - Duration::from_secs(1));
    u64::try_from(instant.saturating_duration_since(start).as_nanos()).unwrap()
}

impl Server {
    /// Starts the server in a thread that lives as long as the process.
    pub(crate) fn start() -> Self {
        now();
        let state: Arc<Jobs> = Arc::default();
        let (send, receive) = std::sync::mpsc::channel();
        let jobs = state.clone();
        std::thread::spawn(move || {
            crate::block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                let app = Router::new()
                    .route("/run/acme/app/edit", post(run))
                    .route("/queue/acme/app/edit", post(submit))
                    .route("/queue/acme/app/requests/{id}", get(result))
                    .route("/queue/acme/app/requests/{id}/status", get(status))
                    .route("/queue/acme/app/requests/{id}/status/stream", get(status_stream))
                    .with_state(jobs.clone());
                axum::serve(Counted { listener, jobs }, app).await
            })
        });
        Self { url: receive.recv().unwrap(), state }
    }
}

struct Counted {
    listener: TcpListener,
    jobs: Arc<Jobs>,
}

impl axum::serve::Listener for Counted {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        stream.set_nodelay(true).unwrap();
        self.jobs.connections.fetch_add(1, Ordering::Relaxed);
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn answer(body: impl Into<Body>) -> Response {
    Response::builder()
        .header("content-type", "application/json")
        .header("x-fal-request-id", "764cabcf-b745-4b3e-ae38-1200304cf45b")
        .header("x-fal-billable-units", "1")
        .body(body.into())
        .unwrap()
}

fn output(bytes: usize, completed_at: u64) -> Bytes {
    static LARGE: OnceLock<String> = OnceLock::new();
    let large;
    let url = if bytes == 0 {
        "https://v3.fal.media/files/cat/reading-a-map.png"
    } else {
        large = LARGE.get_or_init(|| format!("data:image/png;base64,{}", "iVBORw0K".repeat(bytes / 8)));
        large
    };
    let output = json!({
        "images": [{ "url": url, "width": 1024, "height": 768 }],
        "seed": 42, "prompt": "a cat reading a map", "completed_at": completed_at,
    });
    output.to_string().into()
}

async fn run(body: Bytes) -> Response {
    static SMALL: OnceLock<Bytes> = OnceLock::new();
    static LARGE: OnceLock<Bytes> = OnceLock::new();
    let input: Value = serde_json::from_slice(&body).unwrap();
    let bytes = input["bytes"].as_u64().unwrap();
    let output = if bytes == 0 {
        SMALL.get_or_init(|| output(0, 0))
    } else {
        LARGE.get_or_init(|| output(bytes.try_into().unwrap(), 0))
    };
    answer(output.clone())
}

async fn submit(State(jobs): State<Arc<Jobs>>, headers: HeaderMap, body: Bytes) -> Response {
    let input: Value = serde_json::from_slice(&body).unwrap();
    let takes = Duration::from_millis(input["takes"].as_u64().unwrap());
    let id = jobs.last.fetch_add(1, Ordering::Relaxed);
    jobs.ends.lock().unwrap().insert(id, Instant::now() + takes);
    jobs.submitted.fetch_add(1, Ordering::Relaxed);
    let request = format!("http://{}/queue/acme/app/requests/{id}", headers["host"].to_str().unwrap());
    let accepted = json!({
        "request_id": id.to_string(), "status": "IN_QUEUE", "queue_position": 0, "response_url": request,
        "status_url": format!("{request}/status"), "cancel_url": format!("{request}/cancel"),
    });
    answer(accepted.to_string())
}

impl Jobs {
    fn end(&self, id: u64) -> Instant {
        self.ends.lock().unwrap()[&id]
    }

    /// Has every job that there is end at once.
    pub(crate) fn end_all(&self) {
        let now = Instant::now();
        for end in self.ends.lock().unwrap().values_mut() {
            *end = now;
        }
    }
}

async fn status(State(jobs): State<Arc<Jobs>>, Path(id): Path<u64>) -> Response {
    let word = if jobs.end(id) <= Instant::now() { "COMPLETED" } else { "IN_PROGRESS" };
    answer(format!(r#"{{"request_id":"{id}","status":"{word}","logs":null}}"#))
}

async fn result(State(jobs): State<Arc<Jobs>>, Path(id): Path<u64>) -> Response {
    answer(output(0, at(jobs.end(id))))
}

async fn status_stream(State(jobs): State<Arc<Jobs>>, Path(id): Path<u64>) -> Response {
    let events = stream::unfold(0, move |nth| {
        let jobs = jobs.clone();
        async move {
            let event = |word: &str| {
                let event =
                    format!("data: {{\"request_id\":\"{id}\",\"status\":\"{word}\",\"logs\":[]}}\n\n");
                Some((Ok::<_, io::Error>(Bytes::from(event)), nth + 1))
            };
            match nth {
                0 if jobs.end(id) > Instant::now() => event("IN_PROGRESS"),
                0 | 1 => {
                    loop {
                        let (end, now) = (jobs.end(id), Instant::now());
                        if end <= now {
                            break;
                        }
                        // Jobs may be ended before their time.
                        tokio::time::sleep((end - now).min(Duration::from_millis(500))).await;
                    }
                    // Timers are coarse: what counts is when the service says so.
                    jobs.ends.lock().unwrap().insert(id, Instant::now());
                    event("COMPLETED").map(|(event, _)| (event, 2))
                }
                _ => None,
            }
        }
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(events)).unwrap()
}
