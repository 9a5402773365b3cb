//! A proxy in front of the emulator that records requests and replies.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request and the reply to it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// `false` if the test made the request itself, to provoke a reply.
    pub(crate) is_of_client: bool,
    pub(crate) method: String,
    /// The path, still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) request: Message,
    pub(crate) status: u16,
    pub(crate) reply: Message,
}

/// The headers, with names in lower case, and the body of a request or reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The header of requests that the test makes itself.
const BY_TEST: &str = "x-by-test";

/// A running proxy. Each connection carries one request.
pub(crate) struct RecordingProxy {
    address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl RecordingProxy {
    /// Starts a proxy in front of the server at `target`, a URL without a path.
    pub(crate) async fn start(target: &str) -> Self {
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let exchanges = Arc::<Mutex<Vec<Exchange>>>::default();
        let recorded = Arc::clone(&exchanges);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, recorded) = (target.clone(), Arc::clone(&recorded));
                tokio::spawn(async move {
                    // A client that gives up breaks its connection, and has no exchange.
                    forward(client, &target, &recorded).await.ok();
                });
            }
        });
        Self { address, exchanges }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request that the client never sends, such as one with an invalid header. Returns the body of the reply.
    pub(crate) async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("{BY_TEST}: 1\r\ncontent-length: {}\r\n\r\n", body.len()));
        let mut server = TcpStream::connect(self.address).await.unwrap();
        server.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
        let mut reply = Vec::new();
        server.read_to_end(&mut reply).await.unwrap();
        let end = end_of_head(&reply).unwrap();
        reply.split_off(end)
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}

async fn forward(mut client: TcpStream, target: &str, recorded: &Mutex<Vec<Exchange>>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = end_of_head(&bytes) {
            break end;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end);
    let (line, headers) = parse_head(&bytes);
    let mut request = Message { headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while body.len() < length && client.read_buf(&mut body).await? > 0 {}
    request.body = body;

    let mut head = format!("{line}\r\n");
    for (name, value) in request.headers.iter().filter(|(name, _)| name != "connection") {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    let mut server = TcpStream::connect(target).await?;
    server.write_all(&[head.as_bytes(), &request.body].concat()).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    let end = end_of_head(&answer).ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut body = answer.split_off(end);
    let (status_line, headers) = parse_head(&answer);
    let mut reply = Message { headers, body: Vec::new() };
    if reply.header("transfer-encoding") == Some("chunked") {
        body = decode_chunks(&body).ok_or(io::ErrorKind::InvalidData)?;
    }
    reply.body = body;

    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut head = format!("{status_line}\r\n");
    for (name, value) in reply
        .headers
        .iter()
        .filter(|(name, _)| !["transfer-encoding", "connection", "content-length"].contains(&name.as_str()))
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", reply.body.len()));
    let response = [head.as_bytes(), &reply.body].concat();
    let is_of_client = request.header(BY_TEST).is_none();
    recorded.lock().unwrap().push(Exchange { is_of_client, method, path, query, request, status, reply });
    client.write_all(&response).await?;
    client.shutdown().await
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// Returns the first line, and the headers with names in lower case.
fn parse_head(head: &[u8]) -> (String, Vec<(String, String)>) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    (first, headers.collect())
}

fn decode_chunks(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(bytes.get(..end)?).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = end + 2;
        body.extend_from_slice(bytes.get(start..start + size)?);
        bytes = bytes.get(start + size + 2..)?;
    }
}
