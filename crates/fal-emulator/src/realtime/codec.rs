//! Messages: MessagePack in binary frames, JSON in text frames.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmpv::Value as Packed;
use serde_json::{Map, Number, Value};

use crate::schema::Components;

/// How deep a message may nest.
const MAX_DEPTH: usize = 100;

/// Reads a MessagePack message. Bytes become a data URI, which is how JSON says them.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn unpack(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let packed = rmpv::decode::read_value_with_max_depth(&mut rest, MAX_DEPTH)
        .map_err(|error| format!("Invalid msgpack payload: {error}"))?;
    if !rest.is_empty() {
        return Err("Invalid msgpack payload: extra data".to_owned());
    }
    match json(packed)? {
        Value::Object(object) => Ok(Value::Object(object)),
        _ => Err("Invalid msgpack payload: expected a map".to_owned()),
    }
}

/// Reads a JSON message.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) => Err("Invalid JSON payload: expected an object".to_owned()),
        Err(error) => Err(format!("Invalid JSON payload: {error}")),
    }
}

/// Writes a value of a schema as MessagePack; what the schema calls binary becomes bytes.
pub(super) fn pack(value: &Value, schema: &Value, components: &Components) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    rmpv::encode::write_value(&mut bytes, &packed(value, Some(schema), components)).ok();
    bytes
}

fn packed(value: &Value, schema: Option<&Value>, components: &Components) -> Packed {
    let schema = schema.map(|schema| components.resolve(schema).0);
    let part = |keyword: &str| schema.and_then(|schema| schema.get(keyword));
    match value {
        Value::Null => Packed::Nil,
        Value::Bool(value) => Packed::from(*value),
        Value::Number(number) => number
            .as_u64()
            .map(Packed::from)
            .or_else(|| number.as_i64().map(Packed::from))
            .unwrap_or_else(|| Packed::from(number.as_f64().unwrap_or_default())),
        Value::String(text) => match schema.filter(|schema| is_binary(schema, components)) {
            Some(_) => STANDARD.decode(text).map_or_else(|_| Packed::from(text.as_str()), Packed::from),
            None => Packed::from(text.as_str()),
        },
        Value::Array(items) => {
            Packed::Array(items.iter().map(|item| packed(item, part("items"), components)).collect())
        }
        Value::Object(object) => {
            let properties = part("properties");
            let entry = |(name, value): (&String, &Value)| {
                let schema = properties.and_then(|properties| properties.get(name));
                (Packed::from(name.as_str()), packed(value, schema, components))
            };
            Packed::Map(object.iter().map(entry).collect())
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

fn json(packed: Packed) -> Result<Value, String> {
    Ok(match packed {
        Packed::Nil => Value::Null,
        Packed::Boolean(value) => Value::Bool(value),
        Packed::Integer(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::from(number),
            (None, number) => Value::from(number),
        },
        Packed::F32(number) => Number::from_f64(f64::from(number)).map_or(Value::Null, Value::Number),
        Packed::F64(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Packed::String(text) => {
            Value::String(text.into_str().ok_or("Invalid msgpack payload: a string is not UTF-8")?)
        }
        Packed::Binary(bytes) => {
            Value::String(format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes)))
        }
        Packed::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Packed::Map(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Packed::String(key) = key else {
                    return Err("Invalid msgpack payload: a key of a map is not a string".to_owned());
                };
                let key = key.into_str().ok_or("Invalid msgpack payload: a key is not UTF-8")?;
                object.insert(key, json(value)?);
            }
            Value::Object(object)
        }
        Packed::Ext(..) => return Err("Invalid msgpack payload: extension types have no JSON".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_official_clients_send_is_read() {
        // {prompt: "hi", n: 1, f: 0.5, b: bytes, nil: null}, as the JavaScript client packs it.
        let bytes =
            b"\x85\xa6prompt\xa2hi\xa1n\x01\xa1f\xcb\x3f\xe0\0\0\0\0\0\0\xa1b\xc4\x02\0\x01\xa3nil\xc0";
        let expected = json!({
            "prompt": "hi", "n": 1, "f": 0.5, "b": "data:application/octet-stream;base64,AAE=", "nil": null,
        });
        assert_eq!(unpack(bytes), Ok(expected));
    }

    #[test]
    fn outputs_are_packed_as_the_framework_packs_them() {
        let components = Components::new(&json!({"components": {"schemas": {
            "Picture": {"type": "string", "format": "binary"},
        }}}));
        let schema = json!({"properties": {"image": {"$ref": "#/components/schemas/Picture"}}});
        let output = json!({"n": 1, "prompt": "hi", "image": "AP8="});
        let packed = pack(&output, &schema, &components);
        let read = rmpv::decode::read_value(&mut packed.as_slice()).unwrap();
        assert_eq!(read["image"], Packed::from(vec![0, 0xFF]));
        assert_eq!((read["n"].as_u64(), read["prompt"].as_str()), (Some(1), Some("hi")));
    }

    #[test]
    fn what_is_no_message_is_refused_with_a_reason() {
        let reason = |bytes: &[u8]| unpack(bytes).unwrap_err();
        for bytes in [b"".as_slice(), b"\x81", b"\x81\xa1", b"\xc1", b"\xdf\xff\xff\xff\xff"] {
            assert!(reason(bytes).starts_with("Invalid msgpack payload"), "{bytes:?}");
        }
        assert!(reason(b"\x01").ends_with("expected a map"));
        assert!(reason(b"\x80\x80").ends_with("extra data"));
        assert!(reason(b"\x81\x01\x01").contains("key"));
        assert!(reason(b"\x81\xa1a\xd4\x01\x01").contains("extension"));
        assert!(reason(b"\x81\xa1a\xa1\xff").contains("UTF-8"));
        let deep = [b"\x81\xa1a".as_slice(), &[0x91; 100_000]].concat();
        assert!(unpack(&deep).is_err());
        assert!(parse("[]").is_err() && parse("{").is_err());
        assert_eq!(parse("{}"), Ok(json!({})));
    }
}
