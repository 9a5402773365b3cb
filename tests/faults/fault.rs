//! The faults that are injected.

use std::time::{Duration, SystemTime};

use fal_client::{Error, ErrorKind};
use fal_emulator::{FaultPoint, ResponseTemplate, Rule};
use serde_json::{Value, json};

/// A fault of the answer to one request.
pub(crate) struct Fault {
    /// The name, by which `expected.md` lists it.
    pub(crate) name: &'static str,
    /// Adds the fault to a rule of the emulator.
    pub(crate) inject: fn(Rule) -> Rule,
    /// The fault concerns events, so that it can only be injected into a stream.
    pub(crate) is_of_stream: bool,
    /// Nothing more is sent, so that only a timeout ends the call.
    pub(crate) stalls: bool,
    /// The answer has the header with fal's request id.
    pub(crate) has_request_id: bool,
}

/// The kinds of errors, as `expected.md` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Transport,
    Timeout,
    RateLimited,
    Api,
    Auth,
    Locked,
    NotFound,
    Validation,
    Decode,
    TooLarge,
    Other,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Transport,
        Self::Timeout,
        Self::RateLimited,
        Self::Api,
        Self::Auth,
        Self::Locked,
        Self::NotFound,
        Self::Validation,
        Self::Decode,
        Self::TooLarge,
    ];

    /// Parses the name of a kind.
    pub(crate) fn parse(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|kind| format!("{kind:?}") == name);
        found.unwrap_or_else(|| panic!("`{name}` is not a kind of error"))
    }

    /// Returns the kind of an error.
    pub(crate) fn from_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Transport => Self::Transport,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::RateLimited => Self::RateLimited,
            ErrorKind::Api => Self::Api,
            ErrorKind::Auth => Self::Auth,
            ErrorKind::Locked { .. } => Self::Locked,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Validation(fields) if !fields.is_empty() => Self::Validation,
            ErrorKind::Decode { .. } => Self::Decode,
            ErrorKind::TooLarge { .. } => Self::TooLarge,
            _ => Self::Other,
        }
    }

    /// Returns true if the error comes from a whole answer, which has a status and a body to keep.
    pub(crate) fn has_answer(self) -> bool {
        !matches!(self, Self::Transport | Self::Timeout | Self::TooLarge)
    }
}

const fn fault(name: &'static str, inject: fn(Rule) -> Rule) -> Fault {
    Fault { name, inject, is_of_stream: false, stalls: false, has_request_id: false }
}

const fn stalled(name: &'static str, inject: fn(Rule) -> Rule) -> Fault {
    Fault { stalls: true, ..fault(name, inject) }
}

const fn of_stream(name: &'static str, inject: fn(Rule) -> Rule) -> Fault {
    Fault { is_of_stream: true, ..fault(name, inject) }
}

/// Creates a fault that fal itself responds with, as opposed to something in front of it.
const fn from_fal(name: &'static str, inject: fn(Rule) -> Rule) -> Fault {
    Fault { has_request_id: true, ..fault(name, inject) }
}

pub(crate) const FAULTS: &[Fault] = &[
    fault("reset when the request is read", |rule| rule.reset(FaultPoint::Arrival)),
    fault("closed when the request is read", |rule| rule.cut(FaultPoint::Arrival)),
    fault("reset when the work is done", |rule| rule.reset(FaultPoint::Reply)),
    fault("closed when the work is done", |rule| rule.cut(FaultPoint::Reply)),
    fault("half a head, reset", |rule| rule.reset(FaultPoint::Head(20))),
    fault("half a head, closed", |rule| rule.cut(FaultPoint::Head(20))),
    fault("half a body, reset", |rule| rule.reset(FaultPoint::Body(5))),
    fault("half a body, closed", |rule| rule.cut(FaultPoint::Body(5))),
    fault("bytes that are not HTTP", Rule::garbage),
    stalled("silence when the request is read", |rule| rule.stall(FaultPoint::Arrival)),
    stalled("silence when the work is done", |rule| rule.stall(FaultPoint::Reply)),
    stalled("silence after half a head", |rule| rule.stall(FaultPoint::Head(20))),
    stalled("silence after half a body", |rule| rule.stall(FaultPoint::Body(5))),
    // Only streams can send a reply twice: elsewhere HTTP/1.1 would take the copy for the answer to the next request.
    of_stream("every event comes twice", Rule::twice),
    of_stream("an event is cut, closed", |rule| rule.cut(FaultPoint::Event(0))),
    of_stream("an event is cut, reset", |rule| rule.reset(FaultPoint::Event(0))),
    of_stream("a stream of one event", snapshot),
    of_stream("an event is cut, silence", |rule| rule.stall(FaultPoint::Event(0))),
    from_fal("429, Retry-After 0", limited),
    from_fal("429, Retry-After a past date", limited_until_a_past_date),
    from_fal("429, Retry-After an hour", |rule| limited(rule).header("retry-after", "3600")),
    from_fal("429, needs no retry", |rule| limited(rule).header("x-fal-needs-retry", "0")),
    fault("502 of the ingress", |rule| rule.respond(ResponseTemplate::ingress_error(502))),
    fault("503 of the ingress", |rule| rule.respond(ResponseTemplate::ingress_error(503))),
    fault("504 of the ingress", |rule| rule.respond(ResponseTemplate::ingress_error(504))),
    fault("520 of a proxy", |rule| rule.respond(ResponseTemplate::ingress_error(520))),
    fault("503 of the ingress, Retry-After an hour", |rule| {
        rule.respond(ResponseTemplate::ingress_error(503)).header("retry-after", "3600")
    }),
    from_fal("500 of fal", |rule| rule.fail(500, detail())),
    from_fal("502 of fal", |rule| rule.fail(502, detail())),
    from_fal("503 of fal", |rule| rule.fail(503, detail())),
    from_fal("504 of fal", |rule| rule.fail(504, detail())),
    from_fal("500, needs a retry", |rule| rule.fail(500, detail()).header("x-fal-needs-retry", "1")),
    from_fal("504, not started in time", |rule| {
        rule.fail(504, detail()).header("x-fal-request-timeout-type", "user")
    }),
    from_fal("400", |rule| rule.fail(400, detail())),
    from_fal("401", |rule| rule.fail(401, detail())),
    from_fal("403", |rule| rule.fail(403, detail())),
    fault("403, the XML of a store", |rule| {
        let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        rule.respond(ResponseTemplate::bytes(403, body))
    }),
    from_fal("403, the account is locked", |rule| {
        rule.fail(403, json!({"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}))
    }),
    from_fal("402, nothing left to spend", |rule| rule.fail(402, detail())),
    from_fal("404", |rule| rule.fail(404, detail())),
    from_fal("409 of fal", |rule| rule.fail(409, detail())),
    from_fal("409, already completed", |rule| rule.fail(409, json!({"status": "ALREADY_COMPLETED"}))),
    from_fal("410", |rule| rule.fail(410, detail())),
    from_fal("422, a list", |rule| rule.fail(422, list_of_errors())),
    from_fal("422, a text", |rule| rule.fail(422, detail())),
    from_fal("422, a list that repeats an input above the size limit", |rule| {
        let error = r#"{"loc":["body","image_url"],"msg":"no","type":"content_policy_violation","input":"data:;base64,"#;
        let body = format!(r#"{{"detail":[{error}{}"}}]}}"#, "A".repeat(200_000));
        rule.respond(ResponseTemplate::bytes(422, body)).header("x-fal-request-id", "echo")
    }),
    from_fal("400, a list of errors", |rule| {
        rule.fail(400, json!({"detail": "d", "errors": [{"field": "a", "message": "m"}]}))
    }),
    fault("a redirect", |rule| {
        rule.respond(ResponseTemplate::bytes(307, "").header("location", "http://127.0.0.1:9/stolen"))
    }),
    fault("another content type", |rule| rule.content_type("text/html")),
    fault("no content type", |rule| rule.without_header("content-type")),
    fault("no request id", |rule| rule.without_header("x-fal-request-id")),
    fault("a wrong clock", |rule| rule.date(SystemTime::UNIX_EPOCH)),
    fault("a reply in small pieces", |rule| rule.slow(9, Duration::from_millis(1))),
    fault("bytes that are not UTF-8", |rule| {
        rule.respond(ResponseTemplate::bytes(200, &b"{\"seed\": \"\xff\"}"[..]))
    }),
    fault("truncated JSON", |rule| rule.respond(ResponseTemplate::bytes(200, "{\"seed\": "))),
    fault("an empty body", |rule| rule.respond(ResponseTemplate::bytes(200, ""))),
    fault("an HTML page", |rule| rule.respond(ResponseTemplate::bytes(200, "<html>Welcome</html>"))),
    fault("an unknown status", |rule| {
        rule.respond(ResponseTemplate::json(200, json!({"status": "EXPLODED"})))
    }),
    fault("odd logs, metrics and position", |rule| {
        let odd =
            json!({"logs": [null, 7, {"message": null, "level": 20}], "metrics": [], "queue_position": -1.5});
        let status = json!({"status": "COMPLETED", "error_type": null});
        rule.respond(ResponseTemplate::json(200, merged(status, odd)))
    }),
    fault("a success that says what is wrong", |rule| {
        rule.respond(ResponseTemplate::json(200, json!({"detail": "rejected"})))
    }),
    fault("a compressed body, unasked", |rule| {
        rule.respond(ResponseTemplate::bytes(200, &b"\x8b\x02\x80{}\x03"[..]))
            .header("content-encoding", "br")
    }),
    fault("deep nesting", |rule| rule.respond(ResponseTemplate::bytes(200, "[".repeat(50_000)))),
    fault("a body above the size limit", |rule| {
        rule.respond(ResponseTemplate::bytes(200, vec![b' '; 200_000]))
    }),
];

fn detail() -> Value {
    json!({"detail": "it broke", "error_type": "internal_error"})
}

fn list_of_errors() -> Value {
    json!({"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation"}]})
}

/// Answers as a gateway that closes each stream after it has sent the current state.
fn snapshot(rule: Rule) -> Rule {
    let event = "data: {\"status\": \"IN_PROGRESS\", \"logs\": null}\n\n";
    rule.respond(ResponseTemplate::bytes(200, event)).content_type("text/event-stream")
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn limited(rule: Rule) -> Rule {
    rule.fail(429, detail()).header("retry-after", "0")
}

/// Sends a date of years ago, so that by the service's clock the wait is over immediately.
fn limited_until_a_past_date(rule: Rule) -> Rule {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    rule.fail(429, detail()).header("date", date).header("retry-after", date)
}
