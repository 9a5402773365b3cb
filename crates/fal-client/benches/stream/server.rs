//! A server that takes little time: it writes events from prepared blocks, and sends messages back.

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::process;

/// The number of events in a block. Requests are for a multiple of it.
pub(crate) const BLOCK: usize = 960;

pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    process::announce(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let blocks = [1, 64].map(|together| (together, block(together)));
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let blocks = blocks.clone();
        tokio::spawn(async move {
            let mut method = [0; 3];
            let peeked = socket.peek(&mut method).await;
            match peeked.is_ok() && &method == b"GET" {
                true => echo(socket).await,
                false => events(socket, &blocks).await,
            }
        });
    }
}

/// Returns a block of events of about 200 bytes, with `together` of them in one HTTP chunk.
fn block(together: usize) -> Bytes {
    let events: Vec<String> = (0..BLOCK)
        .map(|n| {
            let preview = "0123456789abcdef".repeat(8);
            let event = json!({"n": n, "state": "running", "progress": 0.5, "preview": preview});
            format!("data: {event}\n\n")
        })
        .collect();
    let chunks = events.chunks(together).map(|events| {
        let text = events.concat();
        format!("{:x}\r\n{text}\r\n", text.len())
    });
    chunks.collect::<String>().into()
}

/// Responds to `/run/acme/live/<events>/<events in a chunk>` until the client closes the connection.
async fn events(mut socket: TcpStream, blocks: &[(usize, Bytes)]) {
    let mut received = Vec::new();
    loop {
        // The input is an empty object.
        while !received.ends_with(b"\r\n\r\n{}") {
            match socket.read_buf(&mut received).await {
                Ok(1..) => {}
                _ => return,
            }
        }
        let head = String::from_utf8(std::mem::take(&mut received)).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let mut numbers = path.rsplit('/').map(|number| number.parse::<usize>().unwrap());
        let (together, count) = (numbers.next().unwrap(), numbers.next().unwrap());
        let (_, block) = blocks.iter().find(|(each, _)| *each == together).unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut written = socket.write_all(head.as_bytes()).await;
        for _ in 0..count / BLOCK {
            if written.is_ok() {
                written = socket.write_all(block).await;
            }
        }
        if written.is_err() || socket.write_all(b"0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

async fn echo(socket: TcpStream) {
    let socket = tokio_tungstenite::accept_async(socket).await.unwrap();
    let (sink, messages) = socket.split();
    let _ = messages.forward(sink).await;
}
