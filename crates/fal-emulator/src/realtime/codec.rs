//! Encodes and decodes messages: MessagePack in binary frames, JSON in text frames.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmpv::Value as MsgPack;
use serde_json::{Map, Number, Value};

use crate::components::Components;

/// The deepest nesting of a message.
const MAX_DEPTH: usize = 100;

/// Decodes a MessagePack message. Bytes become a data URI, their form in JSON.
///
/// # Errors
///
/// Returns a description of the problem.
pub(crate) fn decode_msgpack(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let packed = rmpv::decode::read_value_with_max_depth(&mut rest, MAX_DEPTH)
        .map_err(|error| format!("Invalid msgpack payload: {error}"))?;
    if !rest.is_empty() {
        return Err("Invalid msgpack payload: extra data".to_owned());
    }
    match from_msgpack(packed)? {
        Value::Object(object) => Ok(Value::Object(object)),
        _ => Err("Invalid msgpack payload: expected a map".to_owned()),
    }
}

/// Parses a JSON message.
///
/// # Errors
///
/// Returns a description of the problem.
pub(super) fn parse_json(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) => Err("Invalid JSON payload: expected an object".to_owned()),
        Err(error) => Err(format!("Invalid JSON payload: {error}")),
    }
}

/// Encodes a value as MessagePack; base64 strings that the schema calls binary become bytes.
pub(super) fn encode_msgpack(value: &Value, schema: &Value, components: &Components) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    rmpv::encode::write_value(&mut bytes, &to_msgpack(value, Some(schema), components)).ok();
    bytes
}

fn to_msgpack(value: &Value, schema: Option<&Value>, components: &Components) -> MsgPack {
    let schema = schema.map(|schema| components.resolve(schema).0);
    let part = |keyword: &str| schema.and_then(|schema| schema.get(keyword));
    match value {
        Value::Null => MsgPack::Nil,
        Value::Bool(value) => MsgPack::from(*value),
        Value::Number(number) => number
            .as_u64()
            .map(MsgPack::from)
            .or_else(|| number.as_i64().map(MsgPack::from))
            .unwrap_or_else(|| MsgPack::from(number.as_f64().unwrap_or_default())),
        Value::String(text) => match schema.filter(|schema| is_binary(schema, components)) {
            Some(_) => STANDARD.decode(text).map_or_else(|_| MsgPack::from(text.as_str()), MsgPack::from),
            None => MsgPack::from(text.as_str()),
        },
        Value::Array(items) => {
            MsgPack::Array(items.iter().map(|item| to_msgpack(item, part("items"), components)).collect())
        }
        Value::Object(object) => {
            let properties = part("properties");
            let entry = |(name, value): (&String, &Value)| {
                let schema = properties.and_then(|properties| properties.get(name));
                (MsgPack::from(name.as_str()), to_msgpack(value, schema, components))
            };
            MsgPack::Map(object.iter().map(entry).collect())
        }
    }
}

fn is_binary(schema: &Value, components: &Components) -> bool {
    let itself = schema.get("format").is_some_and(|format| format == "binary");
    let branches = schema.get("anyOf").and_then(Value::as_array);
    itself
        || branches.is_some_and(|branches| {
            branches.iter().any(|branch| is_binary(components.resolve(branch).0, components))
        })
}

fn from_msgpack(packed: MsgPack) -> Result<Value, String> {
    Ok(match packed {
        MsgPack::Nil => Value::Null,
        MsgPack::Boolean(value) => Value::Bool(value),
        MsgPack::Integer(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::from(number),
            (None, number) => Value::from(number),
        },
        MsgPack::F32(number) => Number::from_f64(f64::from(number)).map_or(Value::Null, Value::Number),
        MsgPack::F64(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        MsgPack::String(text) => {
            Value::String(text.into_str().ok_or("Invalid msgpack payload: a string is not UTF-8")?)
        }
        MsgPack::Binary(bytes) => {
            Value::String(format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes)))
        }
        MsgPack::Array(items) => Value::Array(items.into_iter().map(from_msgpack).collect::<Result<_, _>>()?),
        MsgPack::Map(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let MsgPack::String(key) = key else {
                    return Err("Invalid msgpack payload: a key of a map is not a string".to_owned());
                };
                let key = key.into_str().ok_or("Invalid msgpack payload: a key is not UTF-8")?;
                object.insert(key, from_msgpack(value)?);
            }
            Value::Object(object)
        }
        MsgPack::Ext(..) => return Err("Invalid msgpack payload: extension types have no JSON".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_of_the_official_clients_are_decoded() {
        // {prompt: "hi", n: 1, f: 0.5, b: bytes, nil: null}, as the JavaScript client packs it.
        let bytes =
            b"\x85\xa6prompt\xa2hi\xa1n\x01\xa1f\xcb\x3f\xe0\0\0\0\0\0\0\xa1b\xc4\x02\0\x01\xa3nil\xc0";
        let expected = json!({
            "prompt": "hi", "n": 1, "f": 0.5, "b": "data:application/octet-stream;base64,AAE=", "nil": null,
        });
        assert_eq!(decode_msgpack(bytes), Ok(expected));
    }

    #[test]
    fn binary_strings_are_encoded_as_bytes() {
        let components = Components::new(
            &json!({"components": {"schemas": {
                "Picture": {"type": "string", "format": "binary"},
            }}}),
            [],
        );
        let schema = json!({"properties": {"image": {"$ref": "#/components/schemas/Picture"}}});
        let output = json!({"n": 1, "prompt": "hi", "image": "AP8="});
        let packed = encode_msgpack(&output, &schema, &components);
        let read = rmpv::decode::read_value(&mut packed.as_slice()).unwrap();
        assert_eq!(read["image"], MsgPack::from(vec![0, 0xFF]));
        assert_eq!((read["n"].as_u64(), read["prompt"].as_str()), (Some(1), Some("hi")));
    }

    #[test]
    fn malformed_messages_are_refused_with_a_reason() {
        let reason = |bytes: &[u8]| decode_msgpack(bytes).unwrap_err();
        for bytes in [b"".as_slice(), b"\x81", b"\x81\xa1", b"\xc1", b"\xdf\xff\xff\xff\xff"] {
            assert!(reason(bytes).starts_with("Invalid msgpack payload"), "{bytes:?}");
        }
        assert!(reason(b"\x01").ends_with("expected a map"));
        assert!(reason(b"\x80\x80").ends_with("extra data"));
        assert!(reason(b"\x81\x01\x01").contains("key"));
        assert!(reason(b"\x81\xa1a\xd4\x01\x01").contains("extension"));
        assert!(reason(b"\x81\xa1a\xa1\xff").contains("UTF-8"));
        let deep = [b"\x81\xa1a".as_slice(), &[0x91; 100_000]].concat();
        assert!(decode_msgpack(&deep).is_err());
        assert!(parse_json("[]").is_err() && parse_json("{").is_err());
        assert_eq!(parse_json("{}"), Ok(json!({})));
    }
}
