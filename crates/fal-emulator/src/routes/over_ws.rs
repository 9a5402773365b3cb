//! HTTP over WebSocket: many small calls on one connection, answered in order.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::http::{HeaderMap, Response, header};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use super::run;
use crate::app::App;

/// Answers each message as the body of a call to `path`.
pub(super) async fn serve(app: Arc<App>, mut socket: WebSocket, path: String, mut headers: HeaderMap) {
    // These headers belong to the connection and not to the calls on it.
    headers.remove(header::UPGRADE);
    headers.remove(header::CONNECTION);
    while let Some(Ok(message)) = socket.recv().await {
        let body = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => break,
        };
        let started = Instant::now();
        let response = run::call(Arc::clone(&app), &path, &headers, body).await;
        if send_response(&mut socket, response, started).await.is_err() {
            return;
        }
    }
    // Reading to the end lets the library answer the close frame.
    while let Some(Ok(_)) = socket.recv().await {}
}

/// Sends a response: its start, the chunks of its body, and its end.
async fn send_response(
    socket: &mut WebSocket,
    response: Response<Body>,
    started: Instant,
) -> Result<(), axum::Error> {
    let id = uuid::Uuid::new_v4().to_string();
    let status = response.status().as_u16();
    let mut headers: Map<String, Value> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), json!(value.to_str().ok()?))))
        .collect();
    headers.insert("x-fal-request-id".to_owned(), json!(id));
    let start = json!({"type": "start", "request_id": id, "status": status, "headers": headers});
    socket.send(Message::Text(start.to_string().into())).await?;
    let mut body = response.into_body().into_data_stream();
    let mut first_byte = None;
    while let Some(Ok(chunk)) = body.next().await {
        first_byte.get_or_insert_with(|| started.elapsed());
        socket.send(body_message(chunk)).await?;
    }
    let time = first_byte.unwrap_or_else(|| started.elapsed()).as_secs_f64();
    let end = json!({
        "type": "end", "request_id": id, "status": status, "time_to_first_byte_seconds": time,
    });
    socket.send(Message::Text(end.to_string().into())).await
}

/// Makes a text message of a chunk, or a binary one if it is not text or could be taken for a start or an end.
fn body_message(chunk: Bytes) -> Message {
    let is_metadata = serde_json::from_slice(&chunk)
        .is_ok_and(|value: Value| value.get("type").is_some() && value.get("request_id").is_some());
    match Utf8Bytes::try_from(chunk.clone()) {
        Ok(text) if !is_metadata => Message::Text(text),
        _ => Message::Binary(chunk),
    }
}
