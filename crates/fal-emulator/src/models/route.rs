//! The parts of a `POST` route that decide how it is called: its body, its parameters and the form of its reply.

use serde_json::{Map, Value, json};

/// The content types that hold one JSON value on each line.
const JSON_LINES: [&str; 4] =
    ["application/jsonl", "application/x-ndjson", "application/ndjson", "application/x-jsonlines"];

/// The body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Required,
    /// The input is null without a body.
    Optional,
    /// A body is ignored.
    None,
}

/// The form of a streamed reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// Server-sent events whose data is JSON.
    JsonEvents,
    /// Server-sent events whose data is plain text.
    TextEvents,
    /// One JSON value on each line.
    JsonLines,
}

/// A parameter in the path or in the query of a route.
#[derive(Clone, Debug)]
pub(crate) struct RouteParameter {
    pub(crate) name: String,
    pub(crate) place: ParameterPlace,
    pub(crate) is_required: bool,
    pub(crate) schema: Value,
}

/// The part of a URL that holds a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterPlace {
    Path,
    Query,
}

impl ParameterPlace {
    /// Returns the name by which FastAPI reports the place.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
        }
    }
}

/// Returns the body that an operation takes, with its schema.
///
/// # Errors
///
/// Returns a message if the operation takes a body that is not JSON.
pub(super) fn read_body(operation: &Value) -> Result<(BodyKind, Value), String> {
    let Some(body) = operation.get("requestBody") else {
        return Ok((BodyKind::None, json!({})));
    };
    let content = body.get("content").and_then(Value::as_object);
    let Some(media) = content.and_then(|content| find_media(content, is_json)) else {
        return Err(format!("it takes {}, not JSON", list_types(content)));
    };
    let schema = media.get("schema").cloned().unwrap_or_else(|| json!({}));
    let allows_null = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|name| schema.get(*name)?.as_array())
        .flatten()
        .any(|branch| branch.get("type").is_some_and(|kind| kind == "null"));
    let is_optional = allows_null && body.get("required") != Some(&Value::Bool(true));
    Ok((if is_optional { BodyKind::Optional } else { BodyKind::Required }, schema))
}

/// Returns the schema of the output of an operation, or of an event if it replies with a stream.
///
/// # Errors
///
/// Returns a message if the operation replies neither with JSON nor with a stream.
pub(super) fn read_reply(operation: &Value) -> Result<(Option<StreamFormat>, Value), String> {
    let responses = operation.get("responses").and_then(Value::as_object);
    let success = responses
        .into_iter()
        .flatten()
        .find(|(status, _)| status.starts_with('2'))
        .map(|(_, response)| response)
        .ok_or("its document describes no reply of success")?;
    let content = success.get("content").and_then(Value::as_object).filter(|content| !content.is_empty());
    let types = content.ok_or("its document does not say what it replies with")?;
    if let Some(media) = find_media(types, is_json) {
        return Ok((None, media.get("schema").cloned().unwrap_or_else(|| json!({}))));
    }
    if let Some(media) = find_media(types, |kind| kind == "text/event-stream") {
        let item = media.get("itemSchema").or_else(|| media.get("schema"));
        let (is_text, schema) = event_data(item.unwrap_or(&Value::Null));
        let format = if is_text { StreamFormat::TextEvents } else { StreamFormat::JsonEvents };
        return Ok((Some(format), schema));
    }
    match find_media(types, |kind| JSON_LINES.contains(&kind)) {
        Some(media) => {
            let item = media.get("itemSchema").or_else(|| media.get("schema"));
            Ok((Some(StreamFormat::JsonLines), item.cloned().unwrap_or_else(|| json!({}))))
        }
        None => Err(format!("it replies with {}, neither JSON nor a stream of it", list_types(content))),
    }
}

/// Returns the parameters of a route in its path and its query. Headers and cookies are not checked.
pub(super) fn read_parameters(item: &Value, operation: &Value) -> Vec<RouteParameter> {
    [item, operation]
        .iter()
        .filter_map(|owner| owner.get("parameters")?.as_array())
        .flatten()
        .filter_map(|parameter| {
            let place = match parameter.get("in")?.as_str()? {
                "path" => ParameterPlace::Path,
                "query" => ParameterPlace::Query,
                _ => return None,
            };
            Some(RouteParameter {
                name: parameter.get("name")?.as_str()?.to_owned(),
                place,
                is_required: parameter.get("required") == Some(&Value::Bool(true)),
                schema: parameter.get("schema").cloned().unwrap_or_else(|| json!({})),
            })
        })
        .collect()
}

/// Returns the schema of the data of a server-sent event, and true if the data is plain text. FastAPI describes an event
/// with its fields `data`, `event`, `id` and `retry`; other documents describe the data alone.
fn event_data(item: &Value) -> (bool, Value) {
    if let Some(branches) = ["anyOf", "oneOf"].iter().find_map(|name| item.get(*name)?.as_array()) {
        let (are_texts, schemas): (Vec<bool>, Vec<Value>) = branches.iter().map(event_data).unzip();
        let is_text = !are_texts.is_empty() && are_texts.iter().all(|is_text| *is_text);
        return (is_text, json!({"anyOf": schemas}));
    }
    let fields = item.get("properties").and_then(Value::as_object);
    let is_event = |fields: &&Map<String, Value>| {
        fields.keys().all(|name| ["data", "event", "id", "retry", "comment"].contains(&name.as_str()))
    };
    let Some(data) = fields.filter(is_event).and_then(|fields| fields.get("data")) else {
        return (false, if item.is_object() { item.clone() } else { json!({}) });
    };
    match data.get("contentSchema") {
        Some(schema) => (false, schema.clone()),
        None => (data.get("type").is_some_and(|kind| kind == "string"), data.clone()),
    }
}

fn find_media(content: &Map<String, Value>, is_wanted: impl Fn(&str) -> bool) -> Option<&Value> {
    content
        .iter()
        .find(|(kind, _)| is_wanted(kind.split(';').next().unwrap_or_default().trim()))
        .map(|(_, media)| media)
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

fn list_types(content: Option<&Map<String, Value>>) -> String {
    let types: Vec<&str> = content.into_iter().flatten().map(|(kind, _)| kind.as_str()).collect();
    if types.is_empty() { "a body without a type".to_owned() } else { types.join(" or ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(content: Value) -> Result<(Option<StreamFormat>, Value), String> {
        read_reply(&json!({"responses": {"422": {}, "200": {"content": content}}}))
    }

    #[test]
    fn streams_are_known_by_their_content_type() {
        let event = json!({"$ref": "#/components/schemas/Event"});
        let lines = reply(json!({"application/jsonl": {"itemSchema": event}}));
        assert_eq!(lines, Ok((Some(StreamFormat::JsonLines), event.clone())));
        let fields = |data: Value| json!({"type": "object", "properties": {"data": data, "event": {"type": "string"}}});
        let json_data =
            json!({"type": "string", "contentMediaType": "application/json", "contentSchema": event});
        for item in [fields(json_data), event.clone()] {
            let events = reply(json!({"text/event-stream": {"itemSchema": item}}));
            assert_eq!(events, Ok((Some(StreamFormat::JsonEvents), event.clone())));
        }
        let text = reply(json!({"text/event-stream": {"itemSchema": fields(json!({"type": "string"}))}}));
        assert_eq!(text, Ok((Some(StreamFormat::TextEvents), json!({"type": "string"}))));
        let bare = reply(json!({"text/event-stream": {}}));
        assert_eq!(bare, Ok((Some(StreamFormat::JsonEvents), json!({}))));
        // A payload with a field of that name is no description of an event.
        let payload = json!({"properties": {"data": {"type": "string"}, "step": {"type": "integer"}}});
        let own = reply(json!({"text/event-stream": {"schema": payload}}));
        assert_eq!(own, Ok((Some(StreamFormat::JsonEvents), payload)));
    }

    #[test]
    fn other_replies_and_bodies_are_named() {
        let picture = reply(json!({"image/png": {}})).unwrap_err();
        assert!(picture.contains("image/png"), "{picture}");
        assert!(reply(json!({})).is_err());
        assert!(read_reply(&json!({})).is_err());
        let form = read_body(&json!({"requestBody": {"content": {"multipart/form-data": {}}}})).unwrap_err();
        assert!(form.contains("multipart/form-data"), "{form}");
    }

    #[test]
    fn a_body_is_required_optional_or_none() {
        let body = |required: bool, schema: Value| {
            let body = json!({"required": required, "content": {"application/json": {"schema": schema}}});
            read_body(&json!({"requestBody": body})).unwrap().0
        };
        let nullable = json!({"anyOf": [{"type": "object"}, {"type": "null"}]});
        assert_eq!(body(true, nullable.clone()), BodyKind::Required);
        assert_eq!(body(false, json!({"type": "object"})), BodyKind::Required);
        assert_eq!(body(false, nullable), BodyKind::Optional);
        assert_eq!(read_body(&json!({})).unwrap().0, BodyKind::None);
    }
}
