use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};

use super::*;
use crate::Client;

#[tokio::test]
async fn key_is_not_sent_to_other_hosts() {
    let client = Client::builder().key("test:key").build().unwrap();
    let url = Url::parse("http://127.0.0.1:9/queue/acme/app").unwrap();
    let request = Request::to_fal(Method::GET, url, RetryClass::Idempotent);
    let error = client.0.transport.send(&request).await.unwrap_err();
    assert!(error.is_config(), "{error:?}");
}

/// Starts a server that sends `response` to everything. Returns its URL and the requests it has received.
async fn server(response: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received: Arc<Mutex<Vec<String>>> = Arc::default();
    let requests = received.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap();
            requests.lock().unwrap().push(String::from_utf8_lossy(&head[..read]).into_owned());
            socket.write_all(response.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

/// Returns a URL that refuses connections, and the socket that keeps its port from other tests until it is dropped.
fn unused_url() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

/// Returns a transport whose queue is at `primary`, with a backup.
fn with_backup(primary: &str, backup: &str, attempts: &Arc<AtomicUsize>) -> Transport {
    let counted = attempts.clone();
    let client = Client::builder()
        .key("test:key")
        .emulator(primary)
        .on_attempt(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let shared = Arc::into_inner(client.0).unwrap();
    Transport { backups: Backups::new([(primary, backup)]), ..shared.transport }
}

async fn send(transport: &Transport, method: Method) -> Result<Response> {
    let mut url = transport.hosts.queue.clone();
    url.set_path("/queue/acme/app");
    let mut request = Request::to_fal(method, url, RetryClass::Billable);
    request.retry = Retry::none();
    transport.send(&request).await
}

#[tokio::test]
async fn backup_is_tried_if_the_first_domain_cannot_be_reached() {
    let (backup, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let ((primary, _socket), attempts) = (unused_url(), Arc::default());
    let transport = with_backup(&primary, &backup, &attempts);
    assert_eq!(send(&transport, Method::POST).await.unwrap().body.as_ref(), b"{}");
    let asked = asked.lock().unwrap();
    assert_eq!((asked.len(), attempts.load(Ordering::SeqCst)), (1, 1));
    assert!(asked[0].starts_with("POST /queue/acme/app HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Key test:key"), "{}", asked[0]);
    assert!(asked[0].contains(&format!("host: {}", backup.trim_start_matches("http://"))), "{}", asked[0]);
}

#[tokio::test]
async fn backup_is_not_tried_after_an_error_response() {
    let (backup, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let (primary, _) = server("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
    let transport = with_backup(&primary, &backup, &Arc::default());
    assert_eq!(send(&transport, Method::POST).await.unwrap_err().status().unwrap(), 503);
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn error_names_the_first_domain_if_neither_can_be_reached() {
    let ((primary, _first), (backup, _second)) = (unused_url(), unused_url());
    let transport = with_backup(&primary, &backup, &Arc::default());
    let error = send(&transport, Method::GET).await.unwrap_err();
    let start = format!("no connection to {}: ", primary.trim_end_matches('/'));
    assert!(error.is_transport() && error.message().starts_with(&start), "{error}");
}

/// Starts a server that reads a request and closes the connection without an answer.
async fn closing_server() -> String {
    server("").await.0
}

#[tokio::test]
async fn backup_is_not_tried_after_the_connection_broke() {
    for method in [Method::POST, Method::GET] {
        let (backup, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let transport = with_backup(&closing_server().await, &backup, &Arc::default());
        let error = send(&transport, method).await.unwrap_err();
        assert!(error.is_transport() && error.may_be_accepted(), "{error:?}");
        assert!(asked.lock().unwrap().is_empty(), "the work would be started twice");
    }
}

#[tokio::test]
async fn backup_is_not_tried_behind_a_proxy() {
    let (backup, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let ((primary, _first), (proxy, _second)) = (unused_url(), unused_url());
    let transport = with_backup(&primary, &backup, &Arc::default());
    let transport = Transport { proxy: Some(Url::parse(&proxy).unwrap()), ..transport };
    assert!(send(&transport, Method::GET).await.unwrap_err().is_transport());
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn backup_is_not_tried_for_a_websocket() {
    let (backup, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let (primary, _socket) = unused_url();
    let transport = with_backup(&primary, &backup, &Arc::default());
    let mut url = transport.hosts.queue.clone();
    url.set_path("/queue/acme/app");
    let mut request = Request::to_fal(Method::GET, url, RetryClass::Idempotent);
    (request.retry, request.upgrade) = (Retry::none(), true);
    assert!(transport.send(&request).await.unwrap_err().is_transport());
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unreachable_proxy_is_tried_once_per_attempt() {
    let ((primary, _first), (backup, _second)) = (unused_url(), unused_url());
    let transport = with_backup(&primary, &backup, &Arc::default());
    let (transport, sent) = unreachable(transport, primary.clone(), backup);
    let transport = Transport { proxy: Some(Url::parse(&primary).unwrap()), ..transport };
    assert!(send(&transport, Method::GET).await.unwrap_err().is_transport());
    assert_eq!(sent.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn cause_is_that_of_the_first_domain_if_neither_can_be_reached() {
    let ((primary, _first), (backup, _second)) = (unused_url(), unused_url());
    let transport = with_backup(&primary, &backup, &Arc::default());
    // The backup fails in another way than the first domain.
    let (transport, sent) = unreachable(transport, primary, "http://nowhere.invalid:9".to_owned());
    let error = send(&transport, Method::POST).await.unwrap_err();
    assert!(error.message().contains("refused"), "{error}");
    assert_eq!(sent.load(Ordering::SeqCst), 2);
}

/// Returns a transport of which the first request fails to connect to `first`, and the others to `later`.
fn unreachable(transport: Transport, first: String, later: String) -> (Transport, Arc<AtomicUsize>) {
    let (http, sent) =
        (transport.http.choose(&transport.hosts.run, false).clone(), Arc::new(AtomicUsize::new(0)));
    let counted = sent.clone();
    transport.http.simulate(Box::new(move |_| {
        let url = if counted.fetch_add(1, Ordering::SeqCst) == 0 { &first } else { &later };
        Box::pin(http.get(url).send())
    }));
    (transport, sent)
}

#[tokio::test]
async fn error_of_a_backup_that_answered_is_reported() {
    let (primary, _socket) = unused_url();
    let transport = with_backup(&primary, &closing_server().await, &Arc::default());
    let error = send(&transport, Method::POST).await.unwrap_err();
    // The second domain may have accepted the request, so the first one's failure to connect must not be reported.
    assert!(error.may_be_accepted(), "{error:?}");
    assert!(!error.message().starts_with("no connection"), "{error}");
}
