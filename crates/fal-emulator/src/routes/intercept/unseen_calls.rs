//! The calls that no model sees: those that were refused before, and those that a rule answered.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::call_explanation::describe_fault;
use crate::recent_calls::{CallKind, Refusal};
use crate::reply::REQUEST_ID;
use crate::script::{Effect, Request};

/// The largest body of a refusal that is listed, in bytes.
const MAX_BODY: u64 = 64 << 10;

/// Adds a call that no model saw to the list of calls, and notes the damage that a rule does to the reply of any call.
/// Returns the response.
pub(super) async fn note_call(app: &App, request: &Request, effect: &Effect, response: Response) -> Response {
    let Some(kind) = CallKind::from_request(request.kind) else {
        return response;
    };
    let fault = describe_fault(effect);
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if let Some(call) = request_id.as_deref().and_then(|id| app.recent_calls.find(id)) {
        if let Some(fault) = fault {
            call.note_fault(fault);
        }
        return response;
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Each message of such a connection is a call.
        return response;
    }
    let endpoint = request.endpoint.as_deref().unwrap_or(&request.path);
    let add = |reply: Option<(u16, serde_json::Value)>, why: Option<String>| {
        let refusal = Refusal { reply, request_id: request_id.clone(), why };
        app.recent_calls.add_refused(kind, endpoint, &request.headers, &request.body, refusal);
    };
    if effect.ends_on_arrival() {
        add(None, fault);
        return response;
    }
    let status = response.status().as_u16();
    let is_small = response.body().size_hint().exact().is_some_and(|size| size <= MAX_BODY);
    let (parts, body) = response.into_parts();
    let bytes = if is_small {
        to_bytes(body, usize::MAX).await.unwrap_or_default()
    } else {
        add(Some((status, serde_json::Value::Null)), fault);
        return Response::from_parts(parts, body);
    };
    let text = || serde_json::Value::String(String::from_utf8_lossy(&bytes).into_owned());
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
    let by_rule = effect.response.is_some();
    let why = crate::call_explanation::explain_failure(status, &body);
    let why = fault.or_else(|| {
        let rule = || format!("A rule answered {status}");
        by_rule.then(|| why.map_or_else(rule, |why| format!("A rule answered {status}: {why}")))
    });
    add(Some((status, body)), why);
    Response::from_parts(parts, Body::from(bytes))
}
