//! Encoding and decoding of messages.

use bytes::Bytes;
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use tokio_tungstenite::tungstenite;

use super::{
    message::{Format, Message},
    message_value::MessageValue,
};
use crate::{Error, ErrorKind, Result, decode::error_path};

/// Encodes a message as a frame.
pub(super) fn encode(value: &impl Serialize, format: Format) -> Result<tungstenite::Message> {
    let invalid = |what: &str, cause: Box<dyn std::error::Error + Send + Sync>| {
        let message = format!("the message cannot be written as {what}: {cause}");
        Error::new(ErrorKind::Encode, message).with_source(cause)
    };
    match format {
        Format::MessagePack => match rmp_serde::to_vec_named(value) {
            Ok(bytes) => Ok(tungstenite::Message::Binary(bytes.into())),
            Err(cause) => Err(invalid("MessagePack", cause.into())),
        },
        Format::Json => match serde_json::to_string(value) {
            Ok(text) => Ok(tungstenite::Message::Text(text.into())),
            Err(cause) => Err(invalid("JSON", cause.into())),
        },
    }
}

/// Decodes a message whose bytes are base64 where the type expects text.
fn with_base64<T: DeserializeOwned>(raw: &[u8]) -> Option<T> {
    let value: MessageValue = rmp_serde::from_slice(raw).ok()?;
    rmp_serde::from_slice(&rmp_serde::to_vec_named(&value).ok()?).ok()
}

/// Decodes a message. An error says where the message is not what the endpoint promises, and keeps the bytes.
pub(super) fn decode<T: DeserializeOwned>(raw: Bytes, format: Format) -> Result<Message<T>> {
    let (path, cause) = match format {
        Format::MessagePack => match rmp_serde::from_slice(&raw) {
            Ok(value) => return Ok(Message::new(value, raw, format)),
            Err(_) => {
                // A model may send bytes where its document has base64.
                if let Some(value) = with_base64(&raw) {
                    return Ok(Message::new(value, raw, format));
                }
                // Only a message that cannot be decoded is decoded again to find the place, which is slower.
                let mut reader = rmp_serde::Deserializer::from_read_ref(&raw);
                match serde_path_to_error::deserialize::<_, T>(&mut reader) {
                    Ok(value) => return Ok(Message::new(value, raw, format)),
                    Err(error) => (error.path().to_string(), error.into_inner().to_string()),
                }
            }
        },
        Format::Json => match serde_json::from_slice(&raw) {
            Ok(value) => return Ok(Message::new(value, raw, format)),
            Err(cause) => (error_path(&raw, &cause), cause.to_string()),
        },
    };
    let place = if path == "." { String::new() } else { format!("{path}: ") };
    let hint = match cause.contains("byte array") {
        true => "; bytes are read by a type of your own with a field of bytes",
        false => "",
    };
    let message = format!("the message is not what the endpoint promises: {place}{cause}{hint}");
    Err(Error::new(ErrorKind::Decode { path }, message).with_response(StatusCode::SWITCHING_PROTOCOLS, raw))
}
