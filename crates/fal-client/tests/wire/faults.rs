//! Faults while a stream or a connection is target, and servers that restart: the outcome, and the number of requests.
//! `cargo test -p fal-client --features realtime --test wire faults -- --nocapture` prints the table. Later faults, in the
//! middle of an event or of a frame, are in `stream` and `realtime`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_client::{Client, Error, ErrorKind, Result};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    clock::StoppedClock,
    model::cat,
    realtime::{ask, frame, packed, soon},
    server::{quick, unused_url},
};

/// The call that is made, and the request of it that has the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Stream,
    Realtime,
    /// The token that a connection is target with.
    Token,
    OverWebSocket,
}

const ALL: [Target; 4] = [Target::Stream, Target::Realtime, Target::Token, Target::OverWebSocket];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Transport,
    Timeout,
    RateLimited,
    Api,
    Auth,
    NotFound,
    Validation,
    Decode,
}

/// The expected outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The request is retried, and then fails with this error.
    Retried(Kind),
    /// The request fails with this error and is not retried.
    Failed(Kind),
}

use Expect::{Failed, Retried};
use Kind::{Api, Auth, Decode, NotFound, RateLimited, Timeout, Transport, Validation};

/// The end of a connection after the bytes of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
    Silence,
}

/// The name of a fault, the bytes that are sent, the end, the outcome for a stream, whose work is billed, and for the others.
type Fault = (&'static str, &'static str, End, Expect, Expect);

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-ty";
const HALF_500: &str =
    "HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"detail\": ";

macro_rules! answer {
    ($status:literal, $kind:literal, $body:literal) => {
        concat!("HTTP/1.1 ", $status, " -\r\nconnection: close\r\ncontent-type: ", $kind, "\r\n\r\n", $body)
    };
}

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    ("reset when the request is read", "", End::Reset, Failed(Transport), Retried(Transport)),
    ("closed when the request is read", "", End::Close, Failed(Transport), Retried(Transport)),
    ("half a head, reset", HALF, End::Reset, Failed(Transport), Retried(Transport)),
    ("half a head, closed", HALF, End::Close, Failed(Transport), Retried(Transport)),
    ("half the body of an error, closed", HALF_500, End::Close, Failed(Api), Retried(Api)),
    ("bytes that are not HTTP", "\u{1}\u{2}nonsense\r\n\r\n", End::Close, Failed(Transport), Retried(Transport)),
    ("silence when the request is read", "", End::Silence, Failed(Timeout), Failed(Timeout)),
    ("silence after half a head", HALF, End::Silence, Failed(Timeout), Failed(Timeout)),
    ("silence in the body of an error", HALF_500, End::Silence, Failed(Timeout), Failed(Timeout)),
    ("429", answer!(429, "application/json", "{\"detail\":\"slowly\"}"), End::Close, Retried(RateLimited), Retried(RateLimited)),
    ("502 of the ingress", answer!(502, "text/html", "<html>nginx</html>"), End::Close, Failed(Api), Retried(Api)),
    ("503 of the ingress", answer!(503, "text/html", "<html>nginx</html>"), End::Close, Retried(Api), Retried(Api)),
    ("504 of the ingress", answer!(504, "text/html", "<html>nginx</html>"), End::Close, Failed(Api), Retried(Api)),
    ("500 of fal", answer!(500, "application/json", "{\"detail\":\"oh\"}"), End::Close, Failed(Api), Retried(Api)),
    ("401", answer!(401, "application/json", "{\"detail\":\"who?\"}"), End::Close, Failed(Auth), Failed(Auth)),
    ("404", answer!(404, "application/json", "{\"detail\":\"where?\"}"), End::Close, Failed(NotFound), Failed(NotFound)),
    ("422", answer!(422, "application/json", "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\",\"type\":\"t\"}]}"), End::Close, Failed(Validation), Failed(Validation)),
    ("200 with a page", answer!(200, "text/html", "<html>"), End::Close, Failed(Decode), Failed(Decode)),
    ("200 with other JSON", answer!(200, "application/json", "{}"), End::Close, Failed(Decode), Failed(Decode)),
];

fn kind(error: &Error) -> Option<Kind> {
    Some(match error.kind() {
        ErrorKind::Transport => Transport,
        ErrorKind::Timeout => Timeout,
        ErrorKind::RateLimited => RateLimited,
        ErrorKind::Api => Api,
        ErrorKind::Auth => Auth,
        ErrorKind::NotFound => NotFound,
        ErrorKind::Validation(_) => Validation,
        ErrorKind::Decode { .. } => Decode,
        _ => return None,
    })
}

impl Target {
    async fn open(self, client: &Client) -> Result<()> {
        match self {
            Self::Stream => client.stream(cat()).await?.done().await.map(drop),
            Self::Realtime => {
                client.endpoint_id("acme/app/edit").messages::<Value, Value>().realtime().await.map(drop)
            }
            Self::Token => client
                .endpoint_id("acme/app/edit")
                .messages::<Value, Value>()
                .realtime()
                .with_token()
                .await
                .map(drop),
            Self::OverWebSocket => client.endpoint_id("acme/app/edit").over_websocket().await.map(drop),
        }
    }

    /// Returns true if this request has the fault.
    fn is_faulty(self, head: &str) -> bool {
        (self == Self::Token) == head.contains("/tokens")
    }
}

/// Reads a request with its body.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        if !matches!(socket.read_buf(&mut read).await, Ok(1..)) {
            return None;
        }
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(head.to_owned());
        }
    }
}

/// Returns a successful response.
fn good(head: &str) -> String {
    if head.contains("/tokens") {
        return answer!(200, "application/json", "\"token\"").to_owned();
    }
    match head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")) {
        Some(key) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        ),
        None => answer!(200, "text/event-stream", "data: {\"seed\":7}\n\n").to_owned(),
    }
}

/// Starts a server at which the fault happens `times` times. Counts the requests that could have it.
async fn server(target: Target, fault: &'static Fault, times: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<AtomicUsize> = Arc::default();
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let Some(head) = request(&mut socket).await else { return };
                let is_bad = target.is_faulty(&head) && count.fetch_add(1, Ordering::SeqCst) < times;
                let (_, bad, end, ..) = fault;
                if !is_bad {
                    let _ = socket.write_all(good(&head).as_bytes()).await;
                    if head.contains("upgrade: websocket") {
                        while matches!(socket.read(&mut [0; 64]).await, Ok(1..)) {}
                    }
                    return;
                }
                let _ = socket.write_all(bad.as_bytes()).await;
                match end {
                    End::Close => {}
                    End::Reset => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        let _ = socket.set_zero_linger();
                    }
                    End::Silence => while matches!(socket.read(&mut [0; 64]).await, Ok(1..)) {},
                }
            });
        }
    });
    (url, seen)
}

/// The time limit of calls that meet silence.
const LIMIT: Duration = Duration::from_secs(10);

/// Makes the call. `Err` describes an unexpected outcome.
async fn run(target: Target, fault: &'static Fault, times: usize) -> Result<(), String> {
    let &(_, _, end, of_stream, of_others) = fault;
    let expect = if target == Target::Stream { of_stream } else { of_others };
    let (url, seen) = server(target, fault, times).await;
    let builder = Client::builder().emulator(url).key("test:key").retry(quick());
    let outcome = if end == End::Silence {
        let clock = StoppedClock::new();
        let client = builder.timeout(LIMIT).build().unwrap();
        let mut opening = Box::pin(target.open(&client));
        let time_passes = async {
            while seen.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            clock.advance(LIMIT).await;
        };
        tokio::select! {
            outcome = &mut opening => outcome,
            () = time_passes => soon(opening).await,
        }
    } else {
        soon(target.open(&builder.build().unwrap())).await
    };
    let seen = seen.load(Ordering::SeqCst);
    let (wanted, attempts) = match expect {
        Retried(_) if times == 1 => (None, 2),
        Retried(kind) => (Some(kind), 4),
        Failed(kind) => (Some(kind), 1),
    };
    let is_right = match (&outcome, wanted) {
        (Ok(()), None) => true,
        (Err(error), Some(wanted)) => {
            let is_answer = !matches!(wanted, Transport | Timeout);
            // A malformed token response is not kept, because it may hold the secret under another name.
            let keeps_body = error.body().is_some() || (target == Target::Token && wanted == Decode);
            kind(error) == Some(wanted)
                && error.endpoint() == Some("acme/app/edit")
                && (!is_answer || keeps_body)
        }
        _ => false,
    };
    if is_right && seen == attempts {
        return Ok(());
    }
    Err(format!(
        "{target:?}, {}, {times} times: {expect:?} was expected, {seen} requests, {outcome:?}",
        fault.0
    ))
}

#[tokio::test]
async fn every_fault_while_opening_is_retried_or_an_error() {
    let mut table = format!("{:<36}", "fault at the opening");
    for target in ALL {
        table += &format!(" {:>14}", format!("{target:?}"));
    }
    let mut wrong = Vec::new();
    for fault in FAULTS {
        table += &format!("\n{:<36}", fault.0);
        for target in ALL {
            let mut cell = String::new();
            for times in [1, usize::MAX] {
                match run(target, fault, times).await {
                    Ok(()) => cell += if times == 1 { "once" } else { ", ever" },
                    Err(why) => wrong.push(why),
                }
            }
            table += &format!(" {cell:>14}");
        }
    }
    println!("{table}\n{} cases, {} passed", FAULTS.len() * 8, FAULTS.len() * 8 - wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_unreachable_server_is_retried_and_an_error() {
    for target in ALL {
        let (url, _socket) = unused_url();
        let attempts: Arc<AtomicUsize> = Arc::default();
        let count = attempts.clone();
        let builder = Client::builder().emulator(url).key("test:key").retry(quick()).on_attempt(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let error = soon(target.open(&builder.build().unwrap())).await.unwrap_err();
        assert!(error.is_transport(), "{target:?}: {error:?}");
        assert_eq!(attempts.load(Ordering::SeqCst), 4, "{target:?}");
    }
}

/// Starts a server of events and messages, which can be stopped with all its connections.
async fn live(address: &str) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            connections.spawn(async move {
                let Some(head) = request(&mut socket).await else { return };
                if !head.contains("upgrade: websocket") {
                    let head = "HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                    let event = "10\r\ndata: {\"n\": 1}\n\n\r\n";
                    let _ = socket.write_all(format!("{head}{event}").as_bytes()).await;
                    return std::future::pending().await;
                }
                let _ = socket.write_all(good(&head).as_bytes()).await;
                let mut buffer = [0; 4096];
                while matches!(socket.read(&mut buffer).await, Ok(1..)) {
                    let _ = socket.write_all(&frame(0x82, &packed(7))).await;
                }
            });
        }
    });
    (address, tasks)
}

#[tokio::test]
async fn losses_are_reported_when_a_server_restarts() {
    let (address, mut server) = live("127.0.0.1:0").await;
    let client = Client::builder().emulator(format!("http://{address}")).retry(quick()).build().unwrap();
    let mut events = soon(client.stream(cat())).await.unwrap();
    let call = client.endpoint_id("acme/live").messages::<Value, Value>().realtime().reconnect();
    let mut connection = soon(call).await.unwrap();
    assert_eq!(soon(events.next()).await.unwrap().unwrap()["n"], 1);
    assert_eq!(soon(connection.request_message(&ask(1))).await.unwrap()["n"], 7);

    server.shutdown().await;
    // Keeps the port from other tests, and refuses connections until the server is back, which Linux lets listen beside it.
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(address.parse().unwrap()).unwrap();
    let error = soon(events.next()).await.unwrap().unwrap_err();
    assert!(error.is_transport() && error.to_string().contains("after 1 event"), "{error}");
    // The message finds no connection, or gets no answer. Both are errors.
    let error = soon(connection.request_message(&ask(2))).await.unwrap_err();
    assert!(error.is_transport(), "{error}");
    let is_reported = error.message().contains("had no answer");
    let error = soon(connection.send_message(&ask(3))).await.unwrap_err();
    assert!(error.is_transport(), "{error}");

    let (_, _server) = live(&address).await;
    // A loss that was not reported yet is not an error of this request.
    assert_eq!(soon(connection.request_message(&ask(4))).await.unwrap()["n"], 7);
    if !is_reported {
        let error = soon(connection.recv()).await.unwrap_err();
        assert!(error.is_transport(), "{error}");
    }
    assert_eq!(soon(connection.request_message(&ask(5))).await.unwrap()["n"], 7);
    let mut events = soon(client.stream(cat())).await.unwrap();
    assert_eq!(soon(events.next()).await.unwrap().unwrap()["n"], 1);
    drop(held);
}
