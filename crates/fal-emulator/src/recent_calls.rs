//! The latest calls of models and their results, which the web page and the list of past requests show.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::billing::{Billing, ChargedRequest};
use crate::call_explanation::explain_failure;
use crate::call_view::{cut, pictures, shorten};
use crate::clock::{Clock, format_iso8601};
use crate::queue::{Completion, Job, Phase};
use crate::reply::Reply;
use crate::script::RequestKind;
use crate::sync::lock;

mod call_state;

use call_state::CallState;
pub(crate) use call_state::{CallFilter, StateFilter};

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
    /// The numbers of the calls, by the ids of their requests.
    numbers: HashMap<String, u64>,
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
    /// The answer of a queued call, as far as the summary shows it.
    answer: OnceLock<CallAnswer>,
    /// `true` if no model has seen the call: it was refused before, or a rule answered it.
    is_refused: bool,
    /// The damage that a rule did to the reply, in words.
    fault: OnceLock<String>,
}

/// The parts of an answer that the summary of a call shows.
#[derive(Clone)]
struct CallAnswer {
    status: u16,
    pictures: Vec<String>,
    /// The reason for a failure, in words.
    why: Option<String>,
}

/// The latest calls that a filter accepts.
pub(crate) struct CallSummaries {
    /// The latest first.
    pub(crate) calls: Vec<Value>,
    /// The number of calls that the filter accepts.
    pub(crate) matching: u64,
    /// The number of all calls so far.
    pub(crate) total: u64,
    /// The number of latest calls that have not ended.
    pub(crate) open: usize,
}

/// The answer to a call that no model has seen.
pub(crate) struct Refusal {
    /// The status and the body. `None` if the connection ended without a reply.
    pub(crate) reply: Option<(u16, Value)>,
    /// The id that the reply carries.
    pub(crate) request_id: Option<String>,
    /// The reason in words, in place of that of the reply.
    pub(crate) why: Option<String>,
}

#[derive(Clone)]
struct CallResult {
    /// `None` if the connection ended without a reply.
    answer: Option<CallAnswer>,
    /// The output as JSON. `None` if it was dropped to save memory.
    output: Option<Bytes>,
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
        self.add(kind, endpoint, headers, body, None, None)
    }

    /// Adds a request in the queue, whose state is read when the calls are shown.
    pub(crate) fn add_queued(&self, job: &Arc<Job>, headers: &HeaderMap, body: &Bytes) {
        self.add(CallKind::Queue, &job.endpoint.full, headers, body, Some(Arc::clone(job)), None);
    }

    /// Adds a call that no model has seen.
    pub(crate) fn add_refused(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &Bytes,
        refusal: Refusal,
    ) {
        self.add(kind, endpoint, headers, body, None, Some(refusal));
    }

    /// Returns the call whose request has this id, if it is still kept.
    pub(crate) fn find(&self, request_id: &str) -> Option<Arc<CallRecord>> {
        let list = lock(&self.calls);
        list.get(*list.numbers.get(request_id)?)
    }

    /// Returns the call with this number, if it is still kept.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<CallRecord>> {
        lock(&self.calls).get(number)
    }

    fn add(
        &self,
        kind: CallKind,
        endpoint: &str,
        headers: &HeaderMap,
        body: &Bytes,
        job: Option<Arc<Job>>,
        refusal: Option<Refusal>,
    ) -> Arc<CallRecord> {
        let user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let new_id = || uuid::Uuid::new_v4().to_string();
        let is_refused = refusal.is_some();
        let given_id = refusal.as_ref().and_then(|refusal| refusal.request_id.clone());
        // Without a reply, the fault of a rule is all there is to say.
        let unanswered = refusal.as_ref().filter(|refusal| refusal.reply.is_none());
        let fault =
            unanswered.and_then(|refusal| refusal.why.clone()).map_or_else(OnceLock::new, OnceLock::from);
        let result = refusal.map(|refusal| CallResult::of_refusal(refusal, self.clock.now()));
        // Parsed before the list is locked, because a body may have megabytes.
        let prompt = find_prompt(body);
        let mut list = lock(&self.calls);
        let call = Arc::new(CallRecord {
            request_id: job.as_ref().map(|job| job.id.clone()).or(given_id).unwrap_or_else(new_id),
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
            result: Mutex::new(result),
            answer: OnceLock::new(),
            is_refused,
            fault,
        });
        list.push(Arc::clone(&call));
        call
    }

    /// Returns summaries of the latest calls that `filter` accepts, as many as fit into `space` bytes of JSON.
    pub(crate) fn summaries(&self, filter: &CallFilter, space: usize) -> CallSummaries {
        // The states of calls are read without the lock of the list.
        let (latest, total, kept) = {
            let list = lock(&self.calls);
            let total = list.last_number();
            let listed = if filter.is_selective() { list.calls.len() } else { SHOWN };
            let latest: Vec<_> = list.calls.iter().rev().take(listed).cloned().collect();
            (latest, total, list.calls.len() as u64)
        };
        let open = latest.iter().take(SHOWN).filter(|call| call.is_open()).count();
        let newer = latest.iter().take_while(|call| call.number > filter.after);
        let (calls, matching): (Vec<_>, u64) = if filter.is_selective() {
            let matching: Vec<_> =
                newer.filter(|call| filter.accepts(|word| call.has_word(word), || call.state())).collect();
            let count = matching.len() as u64;
            (matching.into_iter().take(SHOWN).collect(), count)
        } else {
            (newer.collect(), total.saturating_sub(filter.after.max(total - kept)))
        };
        let calls = take_within(space, calls.into_iter().map(|call| call.summary()));
        CallSummaries { calls, matching, total, open }
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

impl CallKind {
    /// Returns the kind of call that a request makes, if it makes one.
    pub(crate) fn from_request(kind: RequestKind) -> Option<Self> {
        match kind {
            RequestKind::Run | RequestKind::WebSocket => Some(Self::Run),
            RequestKind::Stream => Some(Self::Stream),
            RequestKind::Submit => Some(Self::Queue),
            RequestKind::Realtime => Some(Self::Realtime),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stream => "stream",
            Self::Queue => "queue",
            Self::Realtime => "realtime",
        }
    }
}

impl CallAnswer {
    fn new(status: u16, body: &Value) -> Self {
        Self { status, pictures: pictures(body), why: explain_failure(status, body) }
    }
}

impl CallResult {
    fn of_refusal(refusal: Refusal, now: Duration) -> Self {
        let (status, body) = refusal.reply.clone().unzip();
        let body = body.unwrap_or_default();
        let answer = status.map(|status| CallAnswer::new(status, &body));
        let answer = answer.map(|answer| CallAnswer { why: refusal.why.clone().or(answer.why), ..answer });
        let output = Some(Bytes::from(body.to_string())).filter(|_| refusal.reply.is_some());
        Self { answer, output, seconds: 0.0, ended: now }
    }
}

impl CallList {
    fn last_number(&self) -> u64 {
        self.calls.back().map_or(0, |last| last.number)
    }

    fn get(&self, number: u64) -> Option<Arc<CallRecord>> {
        // Numbers have no gaps.
        let index = number.checked_sub(self.calls.front()?.number)?;
        self.calls.get(usize::try_from(index).ok()?).cloned()
    }

    fn push(&mut self, call: Arc<CallRecord>) {
        self.input_size += call.input.len();
        self.numbers.insert(call.request_id.clone(), call.number);
        self.calls.push_back(call);
        if let Some(hidden) = self.calls.len().checked_sub(SHOWN + 1).and_then(|index| self.calls.get(index))
            && let Some(result) = &mut *lock(&hidden.result)
        {
            result.output = None;
        }
        while self.calls.len() > CAPACITY || (self.input_size > INPUT_SPACE && self.calls.len() > 1) {
            let Some(oldest) = self.calls.pop_front() else { break };
            self.input_size -= oldest.input.len();
            self.numbers.remove(&oldest.request_id);
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
            answer: Some(CallAnswer::new(reply.status.as_u16(), &reply.body)),
            output: Some(Bytes::from(reply.body.to_string())).filter(|output| output.len() <= MAX_OUTPUT),
            seconds,
            ended,
        });
        drop(result);
        self.charge_at(reply, ended);
    }

    /// Charges the call for one of several replies.
    pub(crate) fn charge(&self, reply: &Reply) {
        self.charge_at(reply, self.clock.now());
    }

    fn charge_at(&self, reply: &Reply, ended: Duration) {
        let ended = self.clock.to_system_time(ended);
        let (id, key_id) = (self.request_id.as_str(), self.key_id.as_deref());
        self.billing.charge(&ChargedRequest { id, endpoint: &self.endpoint, key_id, ended }, reply);
    }

    /// Notes in words that a rule damaged the reply.
    pub(crate) fn note_fault(&self, fault: String) {
        self.fault.set(fault).ok();
    }

    /// Returns the time of the call, by the clock of the machine.
    pub(crate) fn called_at(&self) -> SystemTime {
        self.called_at
    }

    /// Returns the input as it was sent.
    pub(crate) fn input(&self) -> Bytes {
        self.input.clone()
    }

    fn is_open(&self) -> bool {
        self.state().group() == StateFilter::Open
    }

    fn has_word(&self, word: &str) -> bool {
        let texts = [&self.endpoint, &self.request_id, &self.user_agent];
        let texts = texts.into_iter().chain(&self.prompt).map(String::as_str);
        let mut texts = texts.chain(self.scope.as_deref()).chain([self.kind.as_str()]);
        texts.any(|text: &str| text.to_lowercase().contains(word))
    }

    fn state(&self) -> CallState {
        let of_answer = |answer: &CallAnswer| match answer.status {
            0..400 => CallState::Done,
            _ if self.is_refused => CallState::Refused,
            _ => CallState::Failed,
        };
        let Some(job) = &self.job else {
            return match &*lock(&self.result) {
                None => CallState::Running,
                Some(result) => result.answer.as_ref().map_or(CallState::Failed, of_answer),
            };
        };
        let Some(job) = job.upgrade() else {
            // Only requests that have ended are dropped.
            return self.answer.get().map_or(CallState::Done, of_answer);
        };
        match job.state().0 {
            Phase::Queued { ahead } => CallState::Queued { ahead },
            Phase::Running => CallState::Running,
            Phase::Done(Completion::Cancelled) => CallState::Cancelled,
            Phase::Done(_) => self.job_answer(&job).map_or(CallState::Done, |answer| of_answer(&answer)),
        }
    }

    /// Returns the answer of a queued request that has ended, as soon as it is known.
    fn job_answer(&self, job: &Job) -> Option<CallAnswer> {
        if self.answer.get().is_none()
            && let Some(reply) = job.known_reply()
        {
            self.answer.set(CallAnswer::new(reply.status.as_u16(), &reply.body)).ok();
        }
        self.answer.get().cloned()
    }

    /// Returns the call as a list shows it. This does not count as a poll of a queued request.
    fn summary(&self) -> Value {
        let state = self.state();
        let mut call = json!({
            "number": self.number, "id": self.request_id, "way": self.kind.as_str(),
            "endpoint": cut(&self.endpoint, MAX_SUMMARY_ENDPOINT),
            "by": cut(&self.user_agent, MAX_SUMMARY_TEXT), "at": format_iso8601(self.called_at),
            "prompt": self.prompt, "state": state.as_str(), "scope": self.scope.as_deref(),
        });
        let job = self.job.as_ref().and_then(Weak::upgrade);
        let mut answer = self.answer.get().cloned();
        if let Some(result) = &*lock(&self.result) {
            answer.clone_from(&result.answer);
            call["seconds"] = json!(result.seconds);
        }
        if let Some(job) = &job {
            call["request_id"] = json!(job.id);
            if state.group() != StateFilter::Open {
                call["seconds"] = json!(job.state().1.as_secs_f64());
                answer = self.job_answer(job);
            }
        }
        match state {
            CallState::Queued { ahead } => call["position"] = json!(ahead),
            CallState::Running => {}
            _ => {
                if let Some(answer) = answer {
                    call["status"] = json!(answer.status);
                    call["pictures"] = json!(answer.pictures);
                    call["why"] = json!(answer.why);
                }
            }
        }
        if let Some(fault) = self.fault.get() {
            call["why"] = json!(fault);
        }
        if state.group() == StateFilter::Open {
            // In whole seconds, so that the summary does not change at every reading.
            call["open_seconds"] = json!(self.clock.now().saturating_sub(self.called).as_secs());
        }
        call
    }

    /// Returns everything about the call, with long parts cut.
    pub(crate) fn details(&self) -> Value {
        let parse = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let mut call = self.summary();
        call["endpoint"] = json!(self.endpoint);
        call["request_id"] = json!(self.request_id);
        call["by"] = json!(self.user_agent);
        call["is_refused"] = json!(self.is_refused);
        call["input"] = shorten(&parse(&self.input));
        if let Some(result) = &*lock(&self.result) {
            let dropped = || json!("… (the output is too large, or too old, to be kept)");
            if result.answer.is_some() {
                call["output"] =
                    result.output.as_ref().map_or_else(dropped, |output| shorten(&parse(output)));
            }
            call["started"] = json!(0.0);
            call["ended"] = json!(result.seconds);
        }
        if let Some(job) = self.job.as_ref().and_then(Weak::upgrade) {
            let lines = job.progress().log_lines;
            let hidden = lines.len().saturating_sub(SHOWN_LOG_LINES);
            call["logs"] =
                lines.iter().skip(hidden).map(|(line, _)| json!(cut(line, MAX_LOG_LINE))).collect();
            let (sent, started, ended) = job.times();
            let since = |time: Duration| json!(time.saturating_sub(sent).as_secs_f64());
            if let Some(started) = started {
                call["started"] = since(started);
            }
            if let Some(ended) = ended {
                call["ended"] = since(ended);
            }
            if let Some(reply) = job.known_reply() {
                call["output"] = shorten(&reply.body);
            }
        }
        call
    }
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
        if call.kind == CallKind::Realtime || call.is_refused {
            return None;
        }
        let Some(job) = &call.job else {
            let result = lock(&call.result).as_ref().map(|result| (result.ended, result.answer.clone()));
            let (ended, answer) = result.unzip();
            let status = answer.flatten().map(|answer| answer.status);
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

    fn recent_calls() -> RecentCalls {
        let billing = Billing::new(Prices::default(), Arc::default());
        RecentCalls::new(Arc::new(Clock::stopped()), Arc::new(billing))
    }

    fn shown(calls: &RecentCalls, space: usize) -> CallSummaries {
        calls.summaries(&CallFilter::default(), space)
    }

    #[test]
    fn calls_are_found_by_words_and_states_among_all_that_are_kept() {
        let calls = recent_calls();
        let headers = HeaderMap::new();
        let needle = Bytes::from_static(br#"{"prompt": "A Lighthouse"}"#);
        calls.begin(CallKind::Run, "acme/painter", &headers, &needle).finish(&Reply::ok(json!({})));
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/painter", &headers, &Bytes::new());
        }
        let refusal = Refusal {
            reply: Some((404, json!({"detail": "no such app"}))),
            request_id: Some("id-1".to_owned()),
            why: None,
        };
        calls.add_refused(CallKind::Queue, "acme/none", &headers, &Bytes::new(), refusal);
        let find = |words: &[&str], states, after| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            let found = calls.summaries(&CallFilter { words, states, after }, SPACE);
            (found.calls.len(), found.matching, found.total)
        };
        assert_eq!(find(&["lighthouse", "painter"], None, 0), (1, 1, 202));
        assert_eq!(find(&["lighthouse", "none"], None, 0), (0, 0, 202));
        assert_eq!(find(&["acme"], None, 0), (SHOWN, 202, 202));
        assert_eq!(find(&[], Some(StateFilter::Open), 0), (SHOWN, 200, 202));
        assert_eq!(find(&[], Some(StateFilter::Done), 0), (1, 1, 202));
        assert_eq!(find(&["id-1"], Some(StateFilter::Failed), 0), (1, 1, 202));
        assert_eq!(find(&[], None, 200), (2, 2, 202));
        assert_eq!(find(&["acme"], None, 201), (1, 1, 202));
        let refused = calls.find("id-1").unwrap().details();
        assert_eq!((&refused["state"], &refused["why"]), (&json!("refused"), &json!("no such app")));
        assert!(calls.past_requests().iter().all(|request| request.id() != "id-1"));
    }

    #[test]
    fn the_latest_calls_come_first_and_the_oldest_are_dropped() {
        let calls = recent_calls();
        let headers = HeaderMap::new();
        for _ in 0..SHOWN {
            calls.begin(CallKind::Run, "acme/a", &headers, &Bytes::from_static(b"{}"));
        }
        let body = Bytes::from_static(br#"{"prompt": "hi"}"#);
        let call = calls.begin(CallKind::Stream, "acme/b", &headers, &body);
        assert_eq!(shown(&calls, SPACE).calls[0]["state"], "running");
        call.finish(&Reply::ok(json!({"n": 1})));
        call.finish(&Reply::ok(json!({"n": 2})));
        let CallSummaries { calls: shown, total, .. } = shown(&calls, SPACE);
        assert_eq!((shown.len(), &shown[0]["state"], total), (SHOWN, &json!("done"), 201));
        assert_eq!((&shown[0]["number"], &shown[0]["prompt"]), (&json!(201), &json!("hi")));
        let details = calls.get(201).unwrap().details();
        assert_eq!((&details["output"], &details["input"]), (&json!({"n": 1}), &json!({"prompt": "hi"})));
        assert!(calls.get(202).is_none());
    }

    #[test]
    fn summaries_are_bounded_whatever_was_called() {
        let calls = recent_calls();
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
        let shown = shown(&calls, 120_000).calls;
        assert!(!shown.is_empty() && json!(shown).to_string().len() <= 120_000);
        let toxic = shown.iter().find(|call| call["number"] == 199).unwrap();
        assert_eq!(toxic["prompt"], r#"{"toString":"x"}"#);
        for number in 190..=200 {
            assert!(calls.get(number).unwrap().details().to_string().len() < 1_000_000);
        }
    }

    #[test]
    fn memory_for_calls_is_bounded() {
        let calls = recent_calls();
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
