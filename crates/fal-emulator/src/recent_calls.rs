//! The latest calls of models and their results, which the web page and the list of past requests show.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::clock::{Clock, format_iso8601};
use crate::queue::{Completion, Job, Phase};
use crate::reply::Reply;
use crate::sync::lock;

/// The largest number of calls that are kept.
const CAPACITY: usize = 20_000;
/// The largest total size of the inputs that are kept, in bytes.
const INPUT_SPACE: usize = 64 << 20;
/// The number of calls that the web page shows, and whose outputs are kept.
const SHOWN: usize = 200;
/// The longest text that is shown whole, in bytes.
const MAX_TEXT: usize = 4_000;
/// The longest data URL that is shown whole, in bytes. A picture is useless if it is cut.
const MAX_DATA_URL: usize = 400_000;

/// The latest calls of models.
pub(crate) struct RecentCalls {
    calls: Mutex<CallList>,
    clock: Arc<Clock>,
}

#[derive(Default)]
struct CallList {
    calls: VecDeque<Arc<CallRecord>>,
    /// The total size of the inputs, in bytes.
    input_size: usize,
}

/// The kind of route by which a model is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Run,
    Stream,
    Queue,
    Realtime,
}

/// One call of a model.
pub(crate) struct CallRecord {
    /// The id of the request, which the reply carries too.
    pub(crate) request_id: String,
    number: u64,
    kind: CallKind,
    endpoint: String,
    user_agent: String,
    input: Value,
    /// The size of the input as it was sent, in bytes.
    input_size: usize,
    /// `false` if the caller asked to keep neither the input nor the output.
    stores_payloads: bool,
    called_at: SystemTime,
    started: Instant,
    clock: Arc<Clock>,
    /// The time of the call, on the emulator's clock.
    called: Duration,
    /// The request in the queue, for a queued call.
    job: Option<Arc<Job>>,
    result: Mutex<Option<CallResult>>,
}

#[derive(Clone)]
struct CallResult {
    status: u16,
    /// `None` if it was dropped to save memory.
    output: Option<Value>,
    seconds: f64,
    /// The time of the result, on the emulator's clock.
    ended: Duration,
}

impl RecentCalls {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self { calls: Mutex::default(), clock }
    }

    /// Adds a call. `body` is the body of the request.
    pub(crate) fn begin(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Arc<CallRecord> {
        self.add(kind, endpoint, headers, body, None)
    }

    /// Adds a request in the queue, whose state is read when the calls are shown.
    pub(crate) fn add_queued(&self, job: &Arc<Job>, headers: &HeaderMap, body: &[u8]) {
        self.add(CallKind::Queue, &job.endpoint.full, headers, body, Some(Arc::clone(job)));
    }

    fn add(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &[u8],
        job: Option<Arc<Job>>,
    ) -> Arc<CallRecord> {
        let user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let new_id = || uuid::Uuid::new_v4().to_string();
        let mut list = lock(&self.calls);
        let call = Arc::new(CallRecord {
            request_id: job.as_ref().map_or_else(new_id, |job| job.id.clone()),
            number: list.calls.back().map_or(1, |last| last.number + 1),
            kind,
            endpoint: endpoint.to_owned(),
            user_agent: user_agent.unwrap_or_default().to_owned(),
            input: serde_json::from_slice(body).unwrap_or(Value::Null),
            input_size: body.len(),
            stores_payloads: headers
                .get("x-fal-store-io")
                .is_none_or(|value| value.as_bytes().trim_ascii() != b"0"),
            called_at: SystemTime::now(),
            started: Instant::now(),
            clock: Arc::clone(&self.clock),
            called: self.clock.now(),
            job,
            result: Mutex::default(),
        });
        list.push(Arc::clone(&call));
        call
    }

    /// Returns the calls that the web page shows as JSON, the latest first.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        let calls: Vec<_> = lock(&self.calls).calls.iter().rev().take(SHOWN).cloned().collect();
        calls.iter().map(|call| call.to_json()).collect()
    }

    /// Returns the requests that have begun to run. Realtime connections are none.
    pub(crate) fn past_requests(&self) -> Vec<PastRequest> {
        let calls = lock(&self.calls).calls.clone();
        calls.into_iter().filter_map(PastRequest::from_call).collect()
    }
}

impl CallList {
    fn push(&mut self, call: Arc<CallRecord>) {
        self.input_size += call.input_size;
        self.calls.push_back(call);
        if let Some(hidden) = self.calls.len().checked_sub(SHOWN + 1).and_then(|index| self.calls.get(index))
            && let Some(result) = &mut *lock(&hidden.result)
        {
            result.output = None;
        }
        while self.calls.len() > CAPACITY || (self.input_size > INPUT_SPACE && self.calls.len() > 1) {
            let oldest = self.calls.pop_front();
            self.input_size -= oldest.map_or(0, |call| call.input_size);
        }
    }
}

impl CallRecord {
    /// Stores the reply of the call. Later replies are ignored.
    pub(crate) fn finish(&self, reply: &Reply) {
        let seconds = self.started.elapsed().as_secs_f64();
        lock(&self.result).get_or_insert_with(|| CallResult {
            status: reply.status.as_u16(),
            output: Some(reply.body.clone()),
            seconds,
            ended: self.clock.now(),
        });
    }

    fn to_json(&self) -> Value {
        let kind = match self.kind {
            CallKind::Run => "run",
            CallKind::Stream => "stream",
            CallKind::Queue => "queue",
            CallKind::Realtime => "realtime",
        };
        let mut call = json!({
            "number": self.number, "way": kind, "endpoint": self.endpoint, "by": self.user_agent,
            "at": format_iso8601(self.called_at), "input": shorten(&self.input), "state": "running",
        });
        if let Some(result) = &*lock(&self.result) {
            let is_success = (200..300).contains(&result.status);
            call["state"] = json!(if is_success { "done" } else { "failed" });
            call["status"] = json!(result.status);
            call["seconds"] = json!(result.seconds);
            call["output"] = result.output.as_ref().map_or(Value::Null, shorten);
        }
        if let Some(job) = &self.job {
            add_job_state(&mut call, job);
        }
        call
    }
}

/// A request that has begun to run. Its times are those of the emulator's clock.
pub(crate) struct PastRequest {
    call: Arc<CallRecord>,
    pub(crate) sent: Duration,
    pub(crate) started: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) status: Option<u16>,
}

impl PastRequest {
    fn from_call(call: Arc<CallRecord>) -> Option<Self> {
        if call.kind == CallKind::Realtime {
            return None;
        }
        let Some(job) = &call.job else {
            let result = lock(&call.result).as_ref().map(|result| (result.ended, result.status));
            let (ended, status) = result.unzip();
            let called = call.called;
            return Some(Self { call, sent: called, started: called, ended, status });
        };
        let (sent, started, ended) = job.times();
        // A success that nobody has fetched yet has no reply.
        let status = ended.map(|_| job.known_reply().map_or(200, |reply| reply.status.as_u16()));
        Some(Self { sent, started: started?, ended, status, call })
    }

    pub(crate) fn id(&self) -> &str {
        &self.call.request_id
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.call.endpoint
    }

    /// Returns the time from the submission to the end.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.saturating_sub(self.sent))
    }

    /// Returns the input, and the output if there is one. `None` if the caller asked to keep neither.
    pub(crate) fn payloads(&self) -> Option<(Value, Option<Value>)> {
        let output = match &self.call.job {
            Some(job) => job.known_reply().map(|reply| reply.body),
            None => lock(&self.call.result).as_ref().and_then(|result| result.output.clone()),
        };
        self.call.stores_payloads.then(|| (self.call.input.clone(), output))
    }
}

/// Adds the state of a queued request, which does not count as a poll.
fn add_job_state(call: &mut Value, job: &Job) {
    let progress = job.progress();
    call["request_id"] = json!(job.id);
    call["logs"] = progress.log_lines.iter().map(|(line, _)| json!(line)).collect();
    let answer = match progress.phase {
        Phase::Queued { ahead } => {
            call["state"] = json!("queued");
            call["position"] = json!(ahead);
            return;
        }
        Phase::Running => return,
        Phase::Done(Completion::Cancelled) => {
            call["state"] = json!("cancelled");
            return;
        }
        Phase::Done(_) => job.known_reply(),
    };
    call["seconds"] = json!(progress.run_time.as_secs_f64());
    call["state"] = json!("done");
    if let Some(answer) = answer {
        let is_success = answer.status.is_success();
        call["state"] = json!(if is_success { "done" } else { "failed" });
        call["status"] = json!(answer.status.as_u16());
        call["output"] = shorten(&answer.body);
    }
}

/// Cuts the long texts in a value.
pub(crate) fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let longest = if text.starts_with("data:") { MAX_DATA_URL } else { MAX_TEXT };
            if text.len() <= longest {
                return value.clone();
            }
            let start: String = text.chars().take(100).collect();
            json!(format!("{start}… ({} bytes)", text.len()))
        }
        Value::Array(items) => items.iter().map(shorten).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), shorten(value))).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_calls_come_first_and_the_oldest_are_dropped() {
        let calls = RecentCalls::new(Arc::new(Clock::stopped()));
        let headers = HeaderMap::new();
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/a", &headers, b"{}");
        }
        let call = calls.begin(CallKind::Stream, "acme/b", &headers, br#"{"prompt": "hi"}"#);
        assert_eq!(calls.to_json()[0]["state"], "running");
        call.finish(&Reply::ok(json!({"n": 1})));
        call.finish(&Reply::ok(json!({"n": 2})));
        let shown = calls.to_json();
        assert_eq!(
            (shown.len(), &shown[0]["output"], &shown[0]["state"]),
            (SHOWN, &json!({"n": 1}), &json!("done"))
        );
        assert_eq!((&shown[0]["number"], &shown[0]["input"]["prompt"]), (&json!(201), &json!("hi")));
    }

    #[test]
    fn memory_for_calls_is_bounded() {
        let calls = RecentCalls::new(Arc::new(Clock::stopped()));
        let headers = HeaderMap::new();
        let first = calls.begin(CallKind::Run, "acme/a", &headers, b"1");
        first.finish(&Reply::ok(json!("output")));
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/a", &headers, b"2");
        }
        let past = calls.past_requests();
        assert_eq!((past.len(), past[0].payloads()), (SHOWN + 1, Some((json!(1), None))));
        let large = format!("\"{}\"", "x".repeat(INPUT_SPACE / 2));
        for _ in 0..3 {
            calls.begin(CallKind::Run, "acme/a", &headers, large.as_bytes());
        }
        assert_eq!(calls.past_requests().len(), 1);
    }

    #[test]
    fn long_texts_are_cut_and_pictures_are_not() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(10_000));
        let short = shorten(&json!({"a": ["x".repeat(5_000)], "b": picture, "c": 1}));
        assert_eq!(short["a"][0].as_str().unwrap().chars().take(100).collect::<String>(), "x".repeat(100));
        assert!(short["a"][0].as_str().unwrap().ends_with("… (5000 bytes)"));
        assert_eq!((&short["b"], &short["c"]), (&json!(picture), &json!(1)));
    }
}
