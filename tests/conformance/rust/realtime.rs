//! Realtime connections.

use fal_client::{Result, realtime::ConnectRequest, untyped::Messages};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::report::{Check, Operations, ensure};

/// An output. The picture is bytes, which only MessagePack can hold.
#[derive(Debug, Deserialize)]
struct Frame {
    prompt: String,
    n: u64,
    image: Vec<u8>,
}

fn live() -> Result<ConnectRequest<Messages<Value, Frame>>> {
    Ok(crate::client()?.endpoint_id("acme/live").messages().realtime())
}

fn sketch(n: u64) -> Value {
    json!({"prompt": "hi", "n": n})
}

fn is_frame(frame: &Frame, n: u64) -> Check {
    let is = frame.prompt == "hi" && frame.n == n && frame.image.starts_with(b"\x89PNG");
    ensure(is, || format!("{} {}", frame.prompt, frame.n))
}

pub(crate) fn add(operations: &mut Operations) {
    operations.add("realtime", async || {
        let mut connection = live()?.with_token().await?;
        for n in 0..5 {
            is_frame(&*connection.request_message(&sketch(n)).await?, n)?;
        }
        Ok(connection.close().await?)
    });
    operations.add("realtime: key, buffering", async || {
        let mut connection = live()?.max_buffering(5).await?;
        is_frame(&*connection.request_message(&sketch(1)).await?, 1)
    });
    operations.add("realtime: refused input", async || {
        let mut connection = live()?.with_token().await?;
        let error = connection.request_message(&json!({"prompt": 3})).await.err();
        let is = error.as_ref().is_some_and(|error| error.error_type() == Some("INTERNAL_ERROR"));
        ensure(is, || format!("{error:?}"))
    });
    operations.add("realtime: close", async || {
        let connection = live()?.with_token().await?;
        let (sender, mut receiver) = connection.split();
        sender.send_message(&sketch(1)).await?;
        ensure(receiver.recv().await?.is_some(), || "no answer".to_owned())?;
        sender.close().await?;
        ensure(receiver.recv().await?.is_none(), || "close() was not the end".to_owned())
    });
}
