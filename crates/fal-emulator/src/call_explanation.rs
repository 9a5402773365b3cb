//! The reason for the end of a call, in words.

use axum::http::StatusCode;
use serde_json::Value;

use crate::call_view::cut;
use crate::net::ConnectionEnd;
use crate::script::{Effect, FaultPoint};

/// The longest explanation, in characters.
const MAX_EXPLANATION: usize = 300;

/// Returns the reason for a failure, as the body of the reply gives it. `None` for a success.
pub(crate) fn explain_failure(status: u16, body: &Value) -> Option<String> {
    if status < 400 {
        return None;
    }
    let text = explain_body(body).or_else(|| {
        StatusCode::from_u16(status).ok()?.canonical_reason().map(|reason| format!("{status} {reason}"))
    });
    Some(cut(&text.unwrap_or_else(|| status.to_string()), MAX_EXPLANATION))
}

fn explain_body(body: &Value) -> Option<String> {
    let members = ["detail", "error", "message"];
    match members.iter().find_map(|name| body.get(name))? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(problems) => {
            let first = explain_problem(problems.first()?)?;
            Some(match problems.len() {
                1 => first,
                2 => format!("{first}; and 1 more problem"),
                count => format!("{first}; and {} more problems", count - 1),
            })
        }
        error @ Value::Object(_) => explain_body(error),
        _ => None,
    }
}

/// Explains a problem of an input: the path of the parameter, and the message.
fn explain_problem(problem: &Value) -> Option<String> {
    let message = problem.get("msg")?.as_str()?;
    let path = problem.get("loc").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<String> = path
        .iter()
        .skip_while(|name| *name == "body")
        .map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned))
        .collect();
    Some(if names.is_empty() { message.to_owned() } else { format!("{}: {message}", names.join(".")) })
}

/// Describes the faults by which a rule damages a reply. `None` if it damages none.
pub(crate) fn describe_fault(effect: &Effect) -> Option<String> {
    if let Some((point, end)) = &effect.end {
        let verb = match end {
            ConnectionEnd::Close => "closed the connection",
            ConnectionEnd::Reset => "reset the connection",
            ConnectionEnd::Stall => "sent nothing more",
        };
        let time = match point {
            FaultPoint::Arrival => "before the request was handled".to_owned(),
            FaultPoint::Reply => "after the request was handled, before the reply".to_owned(),
            FaultPoint::Head(bytes) => format!("after {bytes} bytes of the head of the reply"),
            FaultPoint::Body(bytes) => format!("after {bytes} bytes of the body of the reply"),
            FaultPoint::Event(count) => format!("after {count} events of the stream"),
            FaultPoint::Message(count) => format!("after {count} messages"),
        };
        return Some(format!("A rule {verb} {time}"));
    }
    if effect.raw.is_some() {
        return Some("A rule sent other bytes in place of the reply".to_owned());
    }
    effect.replaced_message.map(|(count, _)| format!("A rule replaced the message after {count} others"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_are_explained_in_the_words_of_the_reply() {
        let problem = |name: &str| json!({"loc": ["body", "loras", 0, name], "msg": "Field required"});
        for (status, body, expected) in [
            (200, json!({"detail": "fine"}), None),
            (404, json!({"detail": "Application \"x\" not found"}), Some("Application \"x\" not found")),
            (422, json!({"detail": [problem("path")]}), Some("loras.0.path: Field required")),
            (
                422,
                json!({"detail": [problem("a"), problem("b")]}),
                Some("loras.0.a: Field required; and 1 more problem"),
            ),
            (400, json!({"error": {"message": "bad model"}}), Some("bad model")),
            (503, json!({"detail": null}), Some("503 Service Unavailable")),
            (503, json!("x"), Some("503 Service Unavailable")),
            (422, json!({"detail": [{"loc": {}, "msg": {"a": 1}}]}), Some("422 Unprocessable Entity")),
            (799, json!(null), Some("799")),
        ] {
            assert_eq!(explain_failure(status, &body).as_deref(), expected, "{status} {body}");
        }
        let long = json!({"detail": "x".repeat(10_000)});
        assert_eq!(explain_failure(500, &long).unwrap().chars().count(), MAX_EXPLANATION + 1);
    }

    #[test]
    fn faults_are_described() {
        let effect = |end| Effect { end: Some(end), ..Effect::default() };
        assert_eq!(
            describe_fault(&effect((FaultPoint::Body(10), ConnectionEnd::Close))).unwrap(),
            "A rule closed the connection after 10 bytes of the body of the reply"
        );
        assert_eq!(describe_fault(&Effect::default()), None);
    }
}
