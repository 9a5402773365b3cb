//! The latest calls of models and their results, which the web page and the list of past requests show.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::billing::{Billing, ChargedRequest};
use crate::call_view::{cut, pictures, shorten};
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
/// The size of the largest output of a direct call that is kept, in bytes of JSON.
const MAX_OUTPUT: usize = 512 << 10;
/// The longest name of a calling program that is kept, in characters.
const MAX_PROGRAM: usize = 500;
/// The longest prompt and name of a program in a summary, in characters.
const MAX_SUMMARY_TEXT: usize = 120;
/// The longest endpoint id in a summary, in characters.
const MAX_SUMMARY_ENDPOINT: usize = 200;
/// The number of log lines that are shown, and the longest line, in characters.
const SHOWN_LOG_LINES: usize = 200;
const MAX_LOG_LINE: usize = 2_000;

/// The latest calls of models: of one scope, or of all.
pub(crate) struct RecentCalls {
    calls: Arc<Mutex<CallList>>,
    clock: Arc<Clock>,
    billing: Arc<Billing>,
    scope: Option<Arc<str>>,
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
    /// The id of the caller's key.
    key_id: Option<String>,
    billing: Arc<Billing>,
    /// The input as it was sent. Parsed, it could be fifty times as large.
    input: Bytes,
    /// The prompt, for the summary.
    prompt: Option<String>,
    /// `false` if the caller asked to keep neither the input nor the output.
    stores_payloads: bool,
    called_at: SystemTime,
    started: Instant,
    clock: Arc<Clock>,
    /// The scope of the call.
    scope: Option<Arc<str>>,
    /// The time of the call, on the emulator's clock.
    called: Duration,
    /// The request in the queue, for a queued call. The queue decides how long it is kept.
    job: Option<Weak<Job>>,
    result: Mutex<Option<CallResult>>,
    /// The status and the pictures of a queued call that has been answered.
    answer: OnceLock<(u16, Vec<String>)>,
}

#[derive(Clone)]
struct CallResult {
    status: u16,
    /// The output as JSON. `None` if it was dropped to save memory.
    output: Option<Bytes>,
    pictures: Vec<String>,
    seconds: f64,
    /// The time of the result, on the emulator's clock.
    ended: Duration,
}

impl RecentCalls {
    pub(crate) fn new(clock: Arc<Clock>, billing: Arc<Billing>) -> Self {
        Self { calls: Arc::default(), clock, billing, scope: None }
    }

    /// Returns the calls of a scope with a clock of its own.
    pub(crate) fn in_scope(&self, name: &Arc<str>, clock: Arc<Clock>, billing: Arc<Billing>) -> Self {
        Self { calls: Arc::clone(&self.calls), clock, billing, scope: Some(Arc::clone(name)) }
    }

    /// Adds a call. `body` is the body of the request.
    pub(crate) fn begin(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Arc<CallRecord> {
        self.add(kind, endpoint, headers, body, None)
    }

    /// Adds a request in the queue, whose state is read when the calls are shown.
    pub(crate) fn add_queued(&self, job: &Arc<Job>, headers: &HeaderMap, body: &Bytes) {
        self.add(CallKind::Queue, &job.endpoint.full, headers, body, Some(Arc::clone(job)));
    }

    fn add(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &Bytes,
        job: Option<Arc<Job>>,
    ) -> Arc<CallRecord> {
        let user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let new_id = || uuid::Uuid::new_v4().to_string();
        // Parsed before the list is locked, because a body may have megabytes.
        let prompt = find_prompt(body);
        let mut list = lock(&self.calls);
        let call = Arc::new(CallRecord {
            request_id: job.as_ref().map_or_else(new_id, |job| job.id.clone()),
            number: list.calls.back().map_or(1, |last| last.number + 1),
            kind,
            endpoint: endpoint.to_owned(),
            user_agent: cut(user_agent.unwrap_or_default(), MAX_PROGRAM),
            key_id: key_id(headers),
            billing: Arc::clone(&self.billing),
            input: body.clone(),
            prompt,
            stores_payloads: headers
                .get("x-fal-store-io")
                .is_none_or(|value| value.as_bytes().trim_ascii() != b"0"),
            called_at: SystemTime::now(),
            started: Instant::now(),
            clock: Arc::clone(&self.clock),
            scope: self.scope.clone(),
            called: self.clock.now(),
            job: job.as_ref().map(Arc::downgrade),
            result: Mutex::default(),
            answer: OnceLock::new(),
        });
        list.push(Arc::clone(&call));
        call
    }

    /// Returns summaries of the latest calls, the latest first, as many as fit into `space` bytes of JSON, and the number
    /// of all calls so far.
    pub(crate) fn summaries(&self, space: usize) -> (Vec<Value>, u64) {
        let calls: Vec<_> = lock(&self.calls).calls.iter().rev().take(SHOWN).cloned().collect();
        let total = calls.first().map_or(0, |call| call.number);
        (take_within(space, calls.iter().map(|call| call.summary())), total)
    }

    /// Returns everything about a call, with long parts cut. `None` if it is no longer kept.
    pub(crate) fn details(&self, number: u64) -> Option<Value> {
        let call = lock(&self.calls).calls.iter().find(|call| call.number == number).cloned()?;
        Some(call.details())
    }

    /// Returns the queued requests that have succeeded and whose reply nobody has needed yet.
    pub(crate) fn unanswered_jobs(&self) -> Vec<Arc<Job>> {
        let calls = lock(&self.calls).calls.clone();
        let is_visible = |call: &&Arc<CallRecord>| self.scope.is_none() || call.scope == self.scope;
        let jobs: Vec<Arc<Job>> =
            calls.iter().filter(is_visible).filter_map(|call| call.job.as_ref()?.upgrade()).collect();
        jobs.into_iter().filter(|job| job.awaits_answer()).collect()
    }

    /// Returns the requests that have begun to run. Realtime connections are none.
    pub(crate) fn past_requests(&self) -> Vec<PastRequest> {
        let calls = lock(&self.calls).calls.clone();
        let own = calls.into_iter().filter(|call| self.scope.is_none() || self.scope == call.scope);
        own.filter_map(PastRequest::from_call).collect()
    }
}

impl CallList {
    fn push(&mut self, call: Arc<CallRecord>) {
        self.input_size += call.input.len();
        self.calls.push_back(call);
        if let Some(hidden) = self.calls.len().checked_sub(SHOWN + 1).and_then(|index| self.calls.get(index))
            && let Some(result) = &mut *lock(&hidden.result)
        {
            result.output = None;
        }
        while self.calls.len() > CAPACITY || (self.input_size > INPUT_SPACE && self.calls.len() > 1) {
            let oldest = self.calls.pop_front();
            self.input_size -= oldest.map_or(0, |call| call.input.len());
        }
    }
}

impl CallRecord {
    /// Stores the reply of the call. Later replies are ignored.
    pub(crate) fn finish(&self, reply: &Reply) {
        let seconds = self.started.elapsed().as_secs_f64();
        let ended = self.clock.now();
        let mut result = lock(&self.result);
        if result.is_some() {
            return;
        }
        *result = Some(CallResult {
            status: reply.status.as_u16(),
            output: Some(Bytes::from(reply.body.to_string())).filter(|output| output.len() <= MAX_OUTPUT),
            pictures: pictures(&reply.body),
            seconds,
            ended,
        });
        drop(result);
        let ended = self.clock.to_system_time(ended);
        let (id, key_id) = (self.request_id.as_str(), self.key_id.as_deref());
        self.billing.charge(&ChargedRequest { id, endpoint: &self.endpoint, key_id, ended }, reply);
    }

    fn summary(&self) -> Value {
        let kind = match self.kind {
            CallKind::Run => "run",
            CallKind::Stream => "stream",
            CallKind::Queue => "queue",
            CallKind::Realtime => "realtime",
        };
        let mut call = json!({
            "number": self.number, "way": kind, "endpoint": cut(&self.endpoint, MAX_SUMMARY_ENDPOINT),
            "by": cut(&self.user_agent, MAX_SUMMARY_TEXT), "at": format_iso8601(self.called_at),
            "prompt": self.prompt, "state": "running",
        });
        if let Some(result) = &*lock(&self.result) {
            add_answer(&mut call, result.status, &result.pictures);
            call["seconds"] = json!(result.seconds);
        }
        if let Some(job) = &self.job {
            match job.upgrade() {
                Some(job) => self.add_job_state(&mut call, &job),
                // Only requests that have ended are dropped.
                None => {
                    call["state"] = json!("done");
                    if let Some((status, pictures)) = self.answer.get() {
                        add_answer(&mut call, *status, pictures);
                    }
                }
            }
        }
        call
    }

    /// Adds the state of a queued request, which does not count as a poll.
    fn add_job_state(&self, call: &mut Value, job: &Job) {
        let (phase, run_time) = job.state();
        call["request_id"] = json!(job.id);
        match phase {
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
            Phase::Done(_) => {}
        }
        call["seconds"] = json!(run_time.as_secs_f64());
        call["state"] = json!("done");
        if self.answer.get().is_none()
            && let Some(reply) = job.known_reply()
        {
            self.answer.set((reply.status.as_u16(), pictures(&reply.body))).ok();
        }
        if let Some((status, pictures)) = self.answer.get() {
            add_answer(call, *status, pictures);
        }
    }

    fn details(&self) -> Value {
        let parse = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let mut call = self.summary();
        call["endpoint"] = json!(self.endpoint);
        call["request_id"] = json!(self.request_id);
        call["by"] = json!(self.user_agent);
        call["input"] = shorten(&parse(&self.input));
        if let Some(result) = &*lock(&self.result) {
            let dropped = || json!("… (the output is too large, or too old, to be kept)");
            call["output"] = result.output.as_ref().map_or_else(dropped, |output| shorten(&parse(output)));
        }
        if let Some(job) = self.job.as_ref().and_then(Weak::upgrade) {
            let lines = job.progress().log_lines;
            let hidden = lines.len().saturating_sub(SHOWN_LOG_LINES);
            call["logs"] =
                lines.iter().skip(hidden).map(|(line, _)| json!(cut(line, MAX_LOG_LINE))).collect();
            if let Some(reply) = job.known_reply() {
                call["output"] = shorten(&reply.body);
            }
        }
        call
    }
}

fn add_answer(call: &mut Value, status: u16, pictures: &[String]) {
    let is_success = (200..300).contains(&status);
    call["state"] = json!(if is_success { "done" } else { "failed" });
    call["status"] = json!(status);
    call["pictures"] = json!(pictures);
}

/// Returns the id of the key that a request carries: the part before the colon.
pub(crate) fn key_id(headers: &HeaderMap) -> Option<String> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let (id, _) = key.trim().split_once(':')?;
    (scheme.eq_ignore_ascii_case("key") && !id.is_empty()).then(|| cut(id, MAX_PROGRAM))
}

/// Returns the start of the prompt of an input, or of its text.
fn find_prompt(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Input {
        prompt: Option<Value>,
        text: Option<Value>,
    }
    let input: Input = serde_json::from_slice(body).ok()?;
    let prompt = [input.prompt, input.text].into_iter().flatten().find(|value| !value.is_null())?;
    let text = prompt.as_str().map_or_else(|| prompt.to_string(), str::to_owned);
    Some(cut(&text, MAX_SUMMARY_TEXT))
}

/// Returns the first values that fit into `space` bytes of JSON.
pub(crate) fn take_within(space: usize, values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut left = space;
    let fits = |value: &Value| match left.checked_sub(value.to_string().len() + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    values.take_while(fits).collect()
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
        let job = job.upgrade()?;
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
        let parse = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let output = match &self.call.job {
            Some(job) => job.upgrade().and_then(|job| job.known_reply()).map(|reply| reply.body),
            None => lock(&self.call.result).as_ref().and_then(|result| result.output.as_ref().map(parse)),
        };
        self.call.stores_payloads.then(|| (parse(&self.call.input), output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::Prices;

    const SPACE: usize = 200_000;

    #[test]
    fn the_latest_calls_come_first_and_the_oldest_are_dropped() {
        let calls = RecentCalls::new(
            Arc::new(Clock::stopped()),
            Arc::new(Billing::new(Prices::default(), Arc::default())),
        );
        let headers = HeaderMap::new();
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/a", &headers, &Bytes::from_static(b"{}"));
        }
        let body = Bytes::from_static(br#"{"prompt": "hi"}"#);
        let call = calls.begin(CallKind::Stream, "acme/b", &headers, &body);
        assert_eq!(calls.summaries(SPACE).0[0]["state"], "running");
        call.finish(&Reply::ok(json!({"n": 1})));
        call.finish(&Reply::ok(json!({"n": 2})));
        let (shown, total) = calls.summaries(SPACE);
        assert_eq!((shown.len(), &shown[0]["state"], total), (SHOWN, &json!("done"), 201));
        assert_eq!((&shown[0]["number"], &shown[0]["prompt"]), (&json!(201), &json!("hi")));
        let details = calls.details(201).unwrap();
        assert_eq!((&details["output"], &details["input"]), (&json!({"n": 1}), &json!({"prompt": "hi"})));
        assert!(calls.details(202).is_none());
    }

    #[test]
    fn summaries_are_bounded_whatever_was_called() {
        let calls = RecentCalls::new(
            Arc::new(Clock::stopped()),
            Arc::new(Billing::new(Prices::default(), Arc::default())),
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, "\"".repeat(60_000).parse().unwrap());
        let inputs = [
            format!(r#"{{"prompt": "{}"}}"#, "\\u0001".repeat(100_000)),
            format!(r#"{{"prompt": [{}1]}}"#, "1,".repeat(150_000)),
            r#"{"prompt": {"toString": "x"}}"#.to_owned(),
            "not json".to_owned(),
        ];
        for number in 0..SHOWN {
            let input = Bytes::from(inputs[number % inputs.len()].clone());
            let call = calls.begin(CallKind::Run, &"x".repeat(5_000), &headers, &input);
            let url = format!("https://host/{}.png", "\"".repeat(280));
            call.finish(&Reply::ok(json!({"images": [url, url, url], "text": "y".repeat(100_000)})));
        }
        let (shown, _) = calls.summaries(120_000);
        assert!(!shown.is_empty() && json!(shown).to_string().len() <= 120_000);
        let toxic = shown.iter().find(|call| call["number"] == 199).unwrap();
        assert_eq!(toxic["prompt"], r#"{"toString":"x"}"#);
        for number in 190..=200 {
            assert!(calls.details(number).unwrap().to_string().len() < 1_000_000);
        }
    }

    #[test]
    fn memory_for_calls_is_bounded() {
        let calls = RecentCalls::new(
            Arc::new(Clock::stopped()),
            Arc::new(Billing::new(Prices::default(), Arc::default())),
        );
        let headers = HeaderMap::new();
        let first = calls.begin(CallKind::Run, "acme/a", &headers, &Bytes::from_static(b"1"));
        first.finish(&Reply::ok(json!("output")));
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/a", &headers, &Bytes::from_static(b"2"));
        }
        let past = calls.past_requests();
        assert_eq!((past.len(), past[0].payloads()), (SHOWN + 1, Some((json!(1), None))));
        let large = Bytes::from(format!("\"{}\"", "x".repeat(INPUT_SPACE / 2)));
        for _ in 0..3 {
            calls.begin(CallKind::Run, "acme/a", &headers, &large);
        }
        assert_eq!(calls.past_requests().len(), 1);
        let call = calls.begin(CallKind::Run, "acme/a", &headers, &large);
        call.finish(&Reply::ok(json!("x".repeat(MAX_OUTPUT))));
        assert!(lock(&call.result).as_ref().unwrap().output.is_none());
    }
}
