//! Reads the request body, the parameters and the reply of an operation.

use openapiv3::{ReferenceOr, Schema};
use serde_json::{Value, json};

use crate::{
    error::{Error, pointer},
    normalize::{NULL, Normalized, item_schemas::ITEM_SCHEMA, parse_schema, references::SCHEMAS},
    schema::media_types::{essence, is_event_stream, is_lines},
};

/// The maximum number of references that lead from one to the next. Documents have at most two.
const MAX_REFERENCES: usize = 32;

/// An operation of a path.
#[derive(Debug, Clone)]
pub(super) struct Operation<'a> {
    document: &'a Normalized,
    /// The path item, whose parameters the operation takes too.
    item: Option<&'a Value>,
    operation: &'a Value,
    /// The JSON pointer of the operation.
    pub(super) at: String,
}

/// The schema of a successful reply.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// The schema. `None` if the document has none.
    pub(super) schema: Option<ReferenceOr<Schema>>,
    /// The JSON pointer of the schema, or of the operation.
    pub(super) at: String,
}

impl<'a> Operation<'a> {
    pub(super) fn new(
        document: &'a Normalized,
        item: Option<&'a Value>,
        operation: &'a Value,
        at: String,
    ) -> Self {
        Self { document, item, operation, at }
    }

    /// Returns a text of the operation, such as its `summary`.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.operation.get(key)?.as_str()
    }

    /// Returns true if the document says that the operation should not be used any more.
    pub(super) fn is_deprecated(&self) -> bool {
        self.operation.get("deprecated").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Returns the value that a reference leads to, or `value` itself, with its JSON pointer.
    pub(super) fn follow(
        document: &'a Normalized,
        mut value: &'a Value,
        mut at: String,
    ) -> Result<(&'a Value, String), Error> {
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok((value, at)) };
            let target = reference.strip_prefix('#').map(decode_percent);
            let found = target.as_deref().and_then(|target| document.document.pointer(target));
            let (Some(found), Some(target)) = (found, target) else {
                let help = if reference.starts_with('#') {
                    "add what it refers to, or correct the reference"
                } else {
                    "copy what it refers to into the document; other files and URLs are never read"
                };
                return Err(Error::new(&document.file, format!("`{reference}` leads nowhere"))
                    .with_pointer(at)
                    .with_help(help));
            };
            value = found;
            at = format!("{}{target}", document.base);
        }
        Err(Error::new(&document.file, "the reference leads back to itself")
            .with_pointer(at)
            .with_help("write out what it refers to"))
    }

    /// Reads the schema of the request body. Returns `None` if there is no body.
    ///
    /// Parameters that a call cannot send are added to `unsent` if they are optional, and to `errors` if they are
    /// required, as is a body that is not JSON.
    pub(super) fn read_body(
        &self,
        unsent: &mut Vec<String>,
        errors: &mut Vec<Error>,
    ) -> Option<(ReferenceOr<Schema>, String)> {
        self.read_parameters(unsent, errors);
        let at = pointer(&self.at, "requestBody");
        let (body, at) = match Self::follow(self.document, self.operation.get("requestBody")?, at) {
            Ok(found) => found,
            Err(error) => {
                errors.push(error);
                return None;
            }
        };
        let content = body.get("content");
        let Some(media_type) = find_json(content) else {
            let listed = list_media_types(content);
            if !listed.is_empty() {
                let error = self
                    .error(&pointer(&at, "content"), format!("the body is {listed}, and calls send JSON"));
                errors.push(error.with_help(
                    "take a model instead of forms and uploads, with the URL of each file as a field, \
                     such as `image_url: str`; calls upload files and send their URLs",
                ));
            }
            return None;
        };
        let at = pointer(&pointer(&at, "content"), media_type);
        let schema = content?.get(media_type)?.get("schema")?;
        self.parse(schema, &pointer(&at, "schema"), errors).map(|schema| (schema, pointer(&at, "schema")))
    }

    fn read_parameters(&self, unsent: &mut Vec<String>, errors: &mut Vec<Error>) {
        let shared = self.item.and_then(|item| item.get("parameters")).and_then(Value::as_array);
        let own = self.operation.get("parameters").and_then(Value::as_array);
        let outer = self.at.rsplit_once('/').map_or("", |(outer, _)| outer);
        let shared = shared.into_iter().flatten().enumerate().map(|found| (outer, found, true));
        let own = own.into_iter().flatten().enumerate().map(|found| (self.at.as_str(), found, false));
        let mut listed: Vec<(String, String, &Value, String, bool)> = Vec::new();
        for (parent, (index, parameter), is_shared) in shared.chain(own) {
            let at = pointer(&pointer(parent, "parameters"), index);
            let (parameter, at) = match Self::follow(self.document, parameter, at) {
                Ok(found) => found,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (name, place) = (text("name"), text("in"));
            // A parameter of the operation replaces that of the path with the same name and place.
            if !is_shared {
                listed.retain(|other| !(other.4 && other.0 == name && other.1 == place));
            }
            listed.push((name, place, parameter, at, is_shared));
        }
        for (name, place, parameter, at, _) in listed {
            // OpenAPI says that these are ignored: the client sets them.
            let is_set =
                ["accept", "content-type", "authorization"].contains(&name.to_ascii_lowercase().as_str());
            if place == "header" && is_set {
                continue;
            }
            if parameter.get("required") == Some(&Value::Bool(true)) {
                let error = self.error(
                    &at,
                    format!("`{name}` is a required {place} parameter, and calls send a JSON body"),
                );
                // A header is no name of Python.
                let field: String = name
                    .chars()
                    .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
                    .collect();
                errors.push(error.with_help(format!(
                    "take a model instead of single arguments, such as `class Input(BaseModel): {field}: …` and \
                     `def run(self, input: Input)`"
                )));
            } else {
                unsent.push(format!(
                    "{at}: the {place} parameter `{name}` is not in `Input`; calls send a JSON body"
                ));
            }
        }
    }

    /// Reads the schema of the reply of a successful call.
    ///
    /// A reply without a schema is added to `unread`, and one that is not JSON to `errors`. One that never has a body, by
    /// its code, is null.
    pub(super) fn read_reply(&self, unread: &mut Vec<String>, errors: &mut Vec<Error>) -> Reply {
        let none = Reply { schema: None, at: self.at.clone() };
        let at = pointer(&self.at, "responses");
        let mut replies: Vec<(&'a Value, String)> = Vec::new();
        for (code, reply) in self.replies() {
            match Self::follow(self.document, reply, pointer(&at, code)) {
                Ok(found) => replies.push(found),
                Err(error) => {
                    errors.push(error);
                    return none;
                }
            }
        }
        for (reply, at) in &replies {
            let content = reply.get("content");
            let found = find_json(content).and_then(|key| find_schema(content, key, at));
            // fal's package describes events as any JSON, beside which an author may state their type.
            let is_open = |schema: &Value| schema.as_object().is_none_or(serde_json::Map::is_empty);
            let found = match found {
                Some((schema, _)) if !is_open(schema) => found,
                other => find_events(content).and_then(|key| find_schema(content, key, at)).or(other),
            };
            if let Some((schema, at)) = found {
                return Reply { schema: self.parse(schema, &at, errors), at };
            }
        }
        let other = replies.iter().map(|(reply, at)| (list_media_types(reply.get("content")), at));
        let other = other.into_iter().find(|(listed, _)| !listed.is_empty());
        match other {
            // The schema of events is not in OpenAPI 3.0, nor is that of a JSON reply without one.
            Some((_, at)) if self.streams() || self.has_json_reply(&replies) => {
                unread.push(format!("{at}: the reply has no schema; it is raw JSON"));
            }
            Some((listed, at)) => {
                let at = pointer(at, "content");
                let content = replies.iter().find_map(|(reply, _)| reply.get("content"));
                if let Some(media) = content.and_then(read_media) {
                    unread.push(format!("{at}: the reply is {listed}; the client reads {}", media.outcome()));
                    let lines = find_lines(content).filter(|_| media == Media::Lines);
                    let typed =
                        lines.and_then(|key| find_schema(content, key, at.trim_end_matches("/content")));
                    if let Some((schema, at)) = typed {
                        return Reply { schema: self.parse(schema, &at, errors), at };
                    }
                    return Reply { schema: self.parse(&media.schema(), &at, errors), at };
                }
                let error = self.error(&at, format!("the reply is {listed}, and calls read JSON"));
                errors.push(error.with_help(
                    "return a model with a file as a field, such as `image: Image` of `fal.toolkit`, \
                     whose URL the caller downloads",
                ));
            }
            None if self.replies().iter().any(|(code, _)| ["204", "205"].contains(code)) => {
                let null = json!({ "nullable": true, NULL: true });
                return Reply { schema: self.parse(&null, &at, errors), at };
            }
            None => {
                let at = replies.first().map_or(&at, |(_, at)| at);
                unread.push(format!("{at}: the reply has no schema; it is raw JSON"));
            }
        }
        none
    }

    /// Returns true if the reply is a stream of events, and not JSON.
    pub(super) fn streams(&self) -> bool {
        let replies = || {
            self.replies().into_iter().filter_map(|(code, reply)| {
                Self::follow(self.document, reply, pointer(&self.at, code)).ok().map(|(reply, _)| reply)
            })
        };
        let is_stream = |reply: &Value| {
            let content = reply.get("content").and_then(Value::as_object);
            content.is_some_and(|content| content.keys().any(|key| is_event_stream(key)))
        };
        replies().any(is_stream) && !replies().any(|reply| find_json(reply.get("content")).is_some())
    }

    /// Returns true if the reply is lines of JSON, which the client reads when all have arrived.
    pub(super) fn replies_with_lines(&self) -> bool {
        let mut replies = self.replies().into_iter().filter_map(|(code, reply)| {
            Self::follow(self.document, reply, pointer(&self.at, code)).ok().map(|(reply, _)| reply)
        });
        replies.any(|reply| reply.get("content").and_then(read_media) == Some(Media::Lines))
    }

    fn has_json_reply(&self, replies: &[(&Value, String)]) -> bool {
        replies.iter().any(|(reply, _)| find_json(reply.get("content")).is_some())
    }

    /// Returns the replies of a successful call, the most specific first: 200, other codes, `2XX` and `default`.
    fn replies(&self) -> Vec<(&'a str, &'a Value)> {
        let responses = self.operation.get("responses").and_then(Value::as_object);
        let rank = |code: &str| match code {
            "200" => Some(0),
            "default" => Some(3),
            _ if code.eq_ignore_ascii_case("2xx") => Some(2),
            _ if code.len() == 3 && code.starts_with('2') => Some(1),
            _ => None,
        };
        let replies =
            responses.into_iter().flatten().filter_map(|(code, reply)| Some((rank(code)?, code, reply)));
        let mut replies: Vec<_> = replies.collect();
        replies.sort_by_key(|(rank, ..)| *rank);
        // `default` also describes errors, so it is the reply only if there is no other.
        if replies.len() > 1 {
            replies.retain(|(rank, ..)| *rank < 3);
        }
        replies.into_iter().map(|(_, code, reply)| (code.as_str(), reply)).collect()
    }

    /// Returns a remark if the messages of a realtime route are a union without a name of its own.
    ///
    /// fal's Python package makes a component of each union, and calls all of them `Union`, so that only the last one is
    /// in the document.
    pub(super) fn find_unnamed_union(&self) -> Option<String> {
        let places = ["requestBody", "responses/200"];
        let found = places.into_iter().find(|place| {
            let schema = format!("/{place}/content/application~1json/schema/$ref");
            let target = self.operation.pointer(&schema).and_then(Value::as_str);
            target.and_then(|target| target.strip_prefix(SCHEMAS)) == Some("Union")
        })?;
        Some(format!(
            "{}/{found}: fal gives every union of realtime messages the name `Union`, and the document has the last one \
             only; give each a name, such as `class Message(RootModel[Start | Stop])`",
            self.at
        ))
    }

    fn parse(&self, schema: &Value, at: &str, errors: &mut Vec<Error>) -> Option<ReferenceOr<Schema>> {
        parse_schema(schema, &self.document.file, at).map_err(|error| errors.push(error)).ok()
    }

    fn error(&self, at: &str, message: String) -> Error {
        Error::new(&self.document.file, message).with_pointer(at)
    }
}

/// Returns the key of the JSON variant of a request or reply.
fn find_json(content: Option<&Value>) -> Option<&str> {
    let content = content?.as_object()?;
    let rank = |key: &str| match essence(key).as_str() {
        "application/json" => Some(0),
        essence if essence.ends_with("+json") => Some(1),
        "text/json" | "application/*" | "*/*" => Some(2),
        _ => None,
    };
    content
        .keys()
        .filter_map(|key| Some((rank(key)?, key.as_str())))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, key)| key)
}

/// Returns the key of the events of a reply.
fn find_events(content: Option<&Value>) -> Option<&str> {
    content?.as_object()?.keys().map(String::as_str).find(|key| is_event_stream(key))
}

/// Returns the key of the lines of JSON of a reply.
fn find_lines(content: Option<&Value>) -> Option<&str> {
    content?.as_object()?.keys().map(String::as_str).find(|key| is_lines(key))
}

/// Returns the schema of a media type of the reply at `at`, and its JSON pointer.
fn find_schema<'v>(content: Option<&'v Value>, media_type: &str, at: &str) -> Option<(&'v Value, String)> {
    let media = content?.get(media_type)?;
    let keyword = if media.get(ITEM_SCHEMA).is_some() { ITEM_SCHEMA } else { "schema" };
    Some((media.get("schema")?, pointer(&pointer(&pointer(at, "content"), media_type), keyword)))
}

/// The content of a reply that is not JSON, which the client turns into JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    /// A text.
    Text,
    /// Lines of JSON, which become a list.
    Lines,
    /// Anything else, such as a picture, which becomes a file with a data URI.
    File,
}

impl Media {
    /// Says what the client makes of a reply.
    fn outcome(self) -> &'static str {
        match self {
            Self::Text => "it as a text, or as JSON if it is JSON",
            Self::Lines => "its lines as a list, when all have arrived",
            Self::File => "it as a file with a data URI",
        }
    }

    /// Returns the schema of the JSON.
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Lines => json!({ "type": "array", "items": {} }),
            Self::File => json!({
                "type": "object",
                "title": "File",
                "properties": { "url": { "type": "string" }, "content_type": { "type": "string" } },
                "required": ["url", "content_type"],
            }),
        }
    }
}

/// Returns the kind of a reply whose media types are all of one kind. Pages and events are not outputs.
fn read_media(content: &Value) -> Option<Media> {
    let mut kinds = content.as_object()?.keys().map(|key| match essence(key).as_str() {
        "" | "text/html" | "application/xhtml+xml" | "text/event-stream" => None,
        lines if is_lines(lines) => Some(Media::Lines),
        text if text.starts_with("text/") => Some(Media::Text),
        other => (!other.contains(['*', '+']) || other.starts_with("image/")).then_some(Media::File),
    });
    let first = kinds.next()??;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

fn list_media_types(content: Option<&Value>) -> String {
    let keys = content.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
    let keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
    keys.join(" or ")
}

/// Decodes the `%XX` escapes of a URI fragment. Other text stays.
fn decode_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_variant_of_a_body_is_found() {
        for key in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "*/*",
            "application/*",
        ] {
            let content = json!({ "multipart/form-data": {}, key: {} });
            assert_eq!(find_json(Some(&content)), Some(key));
        }
        assert_eq!(
            find_json(Some(&json!({ "image/png": {}, "text/plain": {}, "application/jsonl": {} }))),
            None
        );
        let both = json!({ "*/*": {}, "application/json": {} });
        assert_eq!(find_json(Some(&both)), Some("application/json"));
    }

    #[test]
    fn escapes_of_fragments_are_decoded() {
        assert_eq!(decode_percent("/a%20b/%7Bx%7D"), "/a b/{x}");
        assert_eq!(decode_percent("/100%/%zz%4"), "/100%/%zz%4");
    }
}
