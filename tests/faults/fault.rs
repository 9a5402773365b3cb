//! The faults, and what must become of each.

use std::time::{Duration, SystemTime};

use fal_client::{Error, ErrorKind};
use fal_emulator::{Answer, At, Rule};
use serde_json::json;

/// One thing that goes wrong with the answer to a request.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) what: What,
    /// Nothing more comes, so that the call runs into its timeout.
    pub(crate) stalls: bool,
    /// Of `run` and `submit`, whose work is billed.
    pub(crate) work: Expect,
    /// Of `status` and `cancel`, and of the result of a job that is known to be well.
    pub(crate) look: Expect,
    /// Of the result of a job of which nothing is known.
    pub(crate) result: Expect,
    /// Of the result of a job that is known to have failed: whether the fault is taken for that failure.
    pub(crate) is_answer: bool,
}

pub(crate) enum What {
    /// Nobody listens.
    Nobody,
    /// Connections are reset before a byte of them is read.
    Unread,
    Reply(fn(Rule) -> Rule),
    /// Of a stream of events.
    Stream(fn(Rule) -> Rule),
}

/// What the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing of it.
    Fine,
    /// The request is sent again, and if that does not help, this.
    Again(Kind),
    /// This, and the request is not sent again.
    Told(Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Transport,
    Timeout,
    RateLimited,
    Api,
    Auth,
    NotFound,
    Validation,
    Decode,
    TooLarge,
    Other,
}

impl Kind {
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Transport => Self::Transport,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::RateLimited => Self::RateLimited,
            ErrorKind::Api => Self::Api,
            ErrorKind::Auth => Self::Auth,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Validation(fields) if !fields.is_empty() => Self::Validation,
            ErrorKind::Decode { .. } => Self::Decode,
            ErrorKind::TooLarge { .. } => Self::TooLarge,
            _ => Self::Other,
        }
    }

    /// Whether the service answered, so that there is a status and a body to keep.
    pub(crate) fn is_answer(self) -> bool {
        !matches!(self, Self::Transport | Self::Timeout | Self::TooLarge)
    }
}

use Expect::{Again, Fine, Told};
use Kind::{Api, Auth, Decode, NotFound, RateLimited, Timeout, TooLarge, Transport, Validation};

/// The connection fails, after which nobody knows what the server has done.
const fn broken(name: &'static str, rule: fn(Rule) -> Rule) -> Fault {
    let (work, look) = (Told(Transport), Again(Transport));
    Fault { name, what: What::Reply(rule), stalls: false, work, look, result: look, is_answer: false }
}

const fn stalled(name: &'static str, rule: fn(Rule) -> Rule) -> Fault {
    let told = Told(Timeout);
    Fault {
        name,
        what: What::Reply(rule),
        stalls: true,
        work: told,
        look: told,
        result: told,
        is_answer: false,
    }
}

/// An answer, and what becomes of it at work, looks and results.
const fn answer(name: &'static str, rule: fn(Rule) -> Rule, [work, look, result]: [Expect; 3]) -> Fault {
    Fault { name, what: What::Reply(rule), stalls: false, work, look, result, is_answer: true }
}

/// An answer of something in front of fal.
const fn ingress(name: &'static str, rule: fn(Rule) -> Rule, work: Expect) -> Fault {
    let look = Again(Api);
    Fault { name, what: What::Reply(rule), stalls: false, work, look, result: look, is_answer: false }
}

/// Of the status stream, behind which there are looks.
const fn stream(name: &'static str, rule: fn(Rule) -> Rule) -> Fault {
    let what = What::Stream(rule);
    Fault { name, what, stalls: false, work: Fine, look: Fine, result: Fine, is_answer: false }
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault { what: What::Nobody, ..broken("connection refused", |rule| rule) },
    Fault { what: What::Unread, ..broken("connection reset before anything is read", |rule| rule) },
    broken("reset when the request is read", |rule| rule.reset(At::Arrival)),
    broken("closed when the request is read", |rule| rule.cut(At::Arrival)),
    broken("reset when the work is done", |rule| rule.reset(At::Reply)),
    broken("closed when the work is done", |rule| rule.cut(At::Reply)),
    broken("half a head, reset", |rule| rule.reset(At::Head(20))),
    broken("half a head, closed", |rule| rule.cut(At::Head(20))),
    broken("half a body, reset", |rule| rule.reset(At::Body(5))),
    broken("half a body, closed", |rule| rule.cut(At::Body(5))),
    broken("bytes that are not HTTP", Rule::garbage),
    stalled("silence when the request is read", |rule| rule.stall(At::Arrival)),
    stalled("silence when the work is done", |rule| rule.stall(At::Reply)),
    stalled("silence after half a head", |rule| rule.stall(At::Head(20))),
    stalled("silence after half a body", |rule| rule.stall(At::Body(5))),
    // Of another reply, the second copy would be taken for the answer to the next request: HTTP/1.1 has nothing to
    // tell them apart by.
    stream("every event comes twice", Rule::twice),
    stream("an event is cut, closed", |rule| rule.cut(At::Event(0))),
    stream("an event is cut, reset", |rule| rule.reset(At::Event(0))),
    stream("an event is cut, silence", |rule| rule.stall(At::Event(0))),
    answer("429, Retry-After 0", limited, [Again(RateLimited); 3]),
    answer("429, Retry-After a date, clocks apart", skewed, [Again(RateLimited); 3]),
    answer(
        "429, Retry-After an hour",
        |rule| limited(rule).header("retry-after", "3600"),
        [Told(RateLimited); 3],
    ),
    answer(
        "429, needs no retry",
        |rule| limited(rule).header("x-fal-needs-retry", "0"),
        [Told(RateLimited); 3],
    ),
    ingress("502 of the ingress", |rule| rule.answer(Answer::ingress_error(502)), Told(Api)),
    ingress("503 of the ingress", |rule| rule.answer(Answer::ingress_error(503)), Again(Api)),
    ingress("504 of the ingress", |rule| rule.answer(Answer::ingress_error(504)), Told(Api)),
    answer("500 of fal", |rule| rule.fail(500, detail()), [Told(Api), Again(Api), Told(Api)]),
    answer("502 of fal", |rule| rule.fail(502, detail()), [Told(Api), Again(Api), Again(Api)]),
    answer("503 of fal", |rule| rule.fail(503, detail()), [Told(Api), Again(Api), Again(Api)]),
    answer("504 of fal", |rule| rule.fail(504, detail()), [Told(Api), Again(Api), Again(Api)]),
    answer(
        "500, needs a retry",
        |rule| rule.fail(500, detail()).header("x-fal-needs-retry", "1"),
        [Again(Api); 3],
    ),
    answer(
        "504, not started in time",
        |rule| rule.fail(504, detail()).header("x-fal-request-timeout-type", "user"),
        [Told(Timeout); 3],
    ),
    answer("400", |rule| rule.fail(400, detail()), [Told(Api); 3]),
    answer("401", |rule| rule.fail(401, detail()), [Told(Auth); 3]),
    answer("403", |rule| rule.fail(403, detail()), [Told(Auth); 3]),
    answer("404", |rule| rule.fail(404, detail()), [Told(NotFound); 3]),
    answer("409 of fal", |rule| rule.fail(409, detail()), [Told(Api), Again(Api), Again(Api)]),
    answer("422, a list", |rule| rule.fail(422, refusal()), [Told(Validation); 3]),
    answer("422, a text", |rule| rule.fail(422, detail()), [Told(Validation); 3]),
    answer(
        "400, a list of errors",
        |rule| rule.fail(400, json!({"detail": "d", "errors": [{"field": "a", "message": "m"}]})),
        [Told(Validation); 3],
    ),
    answer(
        "a redirect",
        |rule| rule.answer(Answer::bytes(307, "").header("location", "http://127.0.0.1:9/stolen")),
        [Told(Api); 3],
    ),
    answer("another content type", |rule| rule.content_type("text/html"), [Fine; 3]),
    answer("no content type", |rule| rule.without_header("content-type"), [Fine; 3]),
    answer("no request id", |rule| rule.without_header("x-fal-request-id"), [Fine; 3]),
    answer("a wrong clock", |rule| rule.date(SystemTime::UNIX_EPOCH), [Fine; 3]),
    answer("a reply in small pieces", |rule| rule.slow(9, Duration::from_millis(1)), [Fine; 3]),
    answer(
        "bytes that are not UTF-8",
        |rule| rule.answer(Answer::bytes(200, &b"{\"seed\": \"\xff\"}"[..])),
        [Told(Decode); 3],
    ),
    answer("truncated JSON", |rule| rule.answer(Answer::bytes(200, "{\"seed\": ")), [Told(Decode); 3]),
    answer("nothing", |rule| rule.answer(Answer::bytes(200, "")), [Told(Decode); 3]),
    answer("a page", |rule| rule.answer(Answer::bytes(200, "<html>Welcome</html>")), [Told(Decode); 3]),
    answer(
        "an unknown status",
        |rule| rule.answer(Answer::json(200, json!({"status": "EXPLODED"}))),
        [Told(Decode); 3],
    ),
    answer("deep nesting", |rule| rule.answer(Answer::bytes(200, "[".repeat(50_000))), [Told(Decode); 3]),
    answer(
        "more than is taken",
        |rule| rule.answer(Answer::bytes(200, vec![b' '; 200_000])),
        [Told(TooLarge); 3],
    ),
];

fn detail() -> serde_json::Value {
    json!({"detail": "it broke", "error_type": "internal_error"})
}

fn refusal() -> serde_json::Value {
    json!({"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "content_policy_violation"}]})
}

fn limited(rule: Rule) -> Rule {
    rule.fail(429, detail()).header("retry-after", "0")
}

/// By the service's clock, which is years behind, the wait is over at once.
fn skewed(rule: Rule) -> Rule {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    rule.fail(429, detail()).header("date", date).header("retry-after", date)
}
