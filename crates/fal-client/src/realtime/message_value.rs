//! Messages without a type.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

/// A value of a message in either format. Serialized with bytes as base64, as messages in JSON have them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum MessageValue {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Bytes),
    List(Vec<MessageValue>),
    /// Keys that are no text are left out.
    Object(Vec<(String, MessageValue)>),
}

impl MessageValue {
    /// Returns the value of a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Serialize for MessageValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Object(entries) => {
                let mut object = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    object.serialize_entry(key, value)?;
                }
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for MessageValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = MessageValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<MessageValue, E> {
        Ok(MessageValue::Null)
    }

    fn visit_none<E>(self) -> Result<MessageValue, E> {
        Ok(MessageValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<MessageValue, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<MessageValue, E> {
        Ok(MessageValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<MessageValue, E> {
        Ok(MessageValue::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<MessageValue, E> {
        Ok(MessageValue::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<MessageValue, E> {
        Ok(MessageValue::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<MessageValue, E> {
        Ok(MessageValue::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<MessageValue, E> {
        Ok(MessageValue::Text(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<MessageValue, E> {
        Ok(MessageValue::Bytes(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<MessageValue, E> {
        Ok(MessageValue::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<MessageValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(MessageValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MessageValue, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<MessageValue, MessageValue>()? {
            if let MessageValue::Text(key) = key {
                entries.push((key, value));
            }
        }
        Ok(MessageValue::Object(entries))
    }
}
