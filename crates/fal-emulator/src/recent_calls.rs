//! The latest calls of models and their results, which the web page shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Instant, SystemTime};

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::clock::format_iso8601;
use crate::queue::{Completion, Job, Phase};
use crate::reply::Reply;
use crate::sync::lock;

/// The number of calls that are kept.
const CAPACITY: usize = 200;
/// The longest text that is shown whole, in bytes.
const MAX_TEXT: usize = 4_000;
/// The longest data URL that is shown whole, in bytes. A picture is useless if it is cut.
const MAX_DATA_URL: usize = 400_000;

/// The latest calls of models.
#[derive(Default)]
pub(crate) struct RecentCalls(Mutex<VecDeque<Arc<CallRecord>>>);

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
    number: u64,
    kind: CallKind,
    endpoint: String,
    user_agent: String,
    input: Value,
    called_at: SystemTime,
    started: Instant,
    /// The request in the queue, for a queued call.
    job: Option<Arc<Job>>,
    result: OnceLock<CallResult>,
}

struct CallResult {
    status: u16,
    output: Value,
    seconds: f64,
}

impl RecentCalls {
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
        let user_agent =
            headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let mut calls = lock(&self.0);
        let call = Arc::new(CallRecord {
            number: calls.back().map_or(1, |last| last.number + 1),
            kind,
            endpoint: endpoint.to_owned(),
            user_agent: user_agent.to_owned(),
            input: serde_json::from_slice(body).unwrap_or(Value::Null),
            called_at: SystemTime::now(),
            started: Instant::now(),
            job,
            result: OnceLock::new(),
        });
        calls.push_back(Arc::clone(&call));
        if calls.len() > CAPACITY {
            calls.pop_front();
        }
        call
    }

    /// Returns the calls as JSON, the latest first.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        let calls = lock(&self.0).clone();
        calls.iter().rev().map(|call| call.to_json()).collect()
    }
}

impl CallRecord {
    /// Stores the reply of the call. Later replies are ignored.
    pub(crate) fn finish(&self, reply: &Reply) {
        let seconds = self.started.elapsed().as_secs_f64();
        let result = CallResult { status: reply.status.as_u16(), output: reply.body.clone(), seconds };
        self.result.set(result).ok();
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
        if let Some(result) = self.result.get() {
            let is_success = (200..300).contains(&result.status);
            call["state"] = json!(if is_success { "done" } else { "failed" });
            call["status"] = json!(result.status);
            call["seconds"] = json!(result.seconds);
            call["output"] = shorten(&result.output);
        }
        if let Some(job) = &self.job {
            add_job_state(&mut call, job);
        }
        call
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
        Phase::Done(Completion::Answered) => match &job.work {
            Ok(model_call) => job.answer.get().or_else(|| model_call.scripted_failure()).cloned(),
            Err(refusal) => Some(refusal.clone()),
        },
        Phase::Done(Completion::Cancelled) => {
            call["state"] = json!("cancelled");
            return;
        }
        Phase::Done(Completion::StartTimeout) => job.result_without_app(),
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
        let calls = RecentCalls::default();
        let headers = HeaderMap::new();
        for _ in 0..CAPACITY {
            calls.begin(CallKind::Run, "acme/a", &headers, b"{}");
        }
        let call = calls.begin(CallKind::Stream, "acme/b", &headers, br#"{"prompt": "hi"}"#);
        assert_eq!(calls.to_json()[0]["state"], "running");
        call.finish(&Reply::ok(json!({"n": 1})));
        call.finish(&Reply::ok(json!({"n": 2})));
        let shown = calls.to_json();
        assert_eq!(
            (shown.len(), &shown[0]["output"], &shown[0]["state"]),
            (CAPACITY, &json!({"n": 1}), &json!("done"))
        );
        assert_eq!((&shown[0]["number"], &shown[0]["input"]["prompt"]), (&json!(201), &json!("hi")));
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
