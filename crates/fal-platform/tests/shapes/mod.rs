//! A server that answers every operation with a reply of the documented shape, and rejects requests that do not
//! match the document.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};
use fal_platform::{Auth, Platform};
use serde_json::{Map, Value, json};

/// The fields that a reply has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fill {
    /// All fields. Lists have two elements.
    Everything,
    /// Required fields only. They are null if that is allowed, and lists are empty.
    Least,
}

pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn load() -> Self {
        Self(serde_json::from_str(include_str!("../../../../schemas/platform/openapi.json")).unwrap())
    }

    /// Returns the ids of all operations.
    pub(crate) fn operations(&self) -> BTreeSet<String> {
        let items = self.0["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        operations.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns an instance of the schema `name`.
    pub(crate) fn instance(&self, name: &str, fill: Fill) -> Value {
        self.fill(&json!({"$ref": format!("#/components/schemas/{name}")}), fill, 0)
    }

    fn fill(&self, schema: &Value, fill: Fill, depth: usize) -> Value {
        if fill == Fill::Least && schema["nullable"] == true {
            return Value::Null;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            return self.fill(self.0.pointer(&reference[1..]).unwrap(), fill, depth);
        }
        for key in ["allOf", "oneOf"] {
            if let Some(one) = schema[key].get(0) {
                return self.fill(one, fill, depth);
            }
        }
        if let Some(value) = schema["enum"].get(0) {
            return value.clone();
        }
        match schema["type"].as_str() {
            Some("string") => json!("text"),
            Some("integer") => json!(3),
            Some("number") => json!(0.5),
            Some("boolean") => json!(true),
            Some("array") if fill == Fill::Everything && depth < 8 => {
                let element = self.fill(&schema["items"], fill, depth + 1);
                json!([element, element])
            }
            Some("array") => json!([]),
            Some("object") => self.object(schema, fill, depth),
            _ => json!({"any": ["thing", 1, null]}),
        }
    }

    fn object(&self, schema: &Value, fill: Fill, depth: usize) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if fill == Fill::Everything || required.contains(&json!(name)) {
                object.insert(name.clone(), self.fill(property, fill, depth + 1));
            }
        }
        if fill == Fill::Everything && schema["additionalProperties"].is_object() {
            object.insert("key".to_owned(), self.fill(&schema["additionalProperties"], fill, depth + 1));
        }
        Value::Object(object)
    }

    /// Returns the operation of a request.
    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let segments: Vec<&str> = path.split('/').collect();
        let matches = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let same = |(part, segment): (&&str, &&str)| part.starts_with('{') || part == segment;
            parts.len() == segments.len() && parts.iter().zip(&segments).all(same)
        };
        let templates = self.0["paths"].as_object()?;
        let fitting = templates.iter().filter(|(template, _)| matches(template));
        // Prefer `/assets/tags` to `/assets/{asset_id}`.
        let (_, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        item.get(method.as_str().to_ascii_lowercase())
    }
}

pub(crate) struct Server {
    pub(crate) platform: Platform,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

struct Shared {
    document: Document,
    fill: Fill,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Server {
    pub(crate) async fn start(fill: Fill) -> Self {
        // In a build of the whole workspace, reqwest has no TLS provider of its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seen = Arc::default();
        let shared = Arc::new(Shared { document: Document::load(), fill, seen: Arc::clone(&seen) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let auth = Auth::from_header("Key id:secret".parse().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { platform: Platform::with_base_url(&base, http, auth), seen }
    }

    /// Returns the ids of the operations that have been called.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let refuse = |message: String| {
        let error = json!({"error": {"type": "validation_error", "message": message}});
        reply(400, "application/json", error.to_string())
    };
    let path = uri.path().strip_prefix("/v1").unwrap_or_default();
    let Some(operation) = shared.document.operation(&method, path) else {
        return refuse(format!("no operation for {method} {path}"));
    };
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != "Key id:secret") {
        return refuse("no key".to_owned());
    }
    let query = uri.query().unwrap_or_default();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let given = query.split('&').any(|pair| pair.split('=').next() == Some(name));
        if parameter["in"] == "query" && parameter["required"] == true && !given {
            return refuse(format!("query parameter `{name}` is missing"));
        }
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let kind = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap()).unwrap_or_default();
        if !content.keys().any(|wanted| kind.starts_with(wanted)) || body.is_empty() {
            return refuse(format!("a body of another type: {kind}"));
        }
    }
    shared.seen.lock().unwrap().insert(operation["operationId"].as_str().unwrap().to_owned());
    let responses = operation["responses"].as_object().unwrap();
    let (status, response) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
    let status = status.parse().unwrap();
    match response["content"].as_object().and_then(|content| content.iter().next()) {
        None => reply(status, "", String::new()),
        Some((kind, content)) if kind == "application/json" => {
            let body = shared.document.fill(&content["schema"], shared.fill, 0);
            reply(status, kind, body.to_string())
        }
        Some((kind, _)) => reply(status, kind, "some bytes".to_owned()),
    }
}

fn reply(status: u16, kind: &str, body: String) -> Response<Body> {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    match kind {
        "" => response.body(Body::empty()).unwrap(),
        kind => response.header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap(),
    }
}
