//! The latest calls, with what became of them: what the page for people shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::clock;
use crate::queue::Job;
use crate::reply::Reply;
use crate::timeline::{End, Phase};

/// How many calls are remembered.
const REMEMBERED: usize = 200;
/// How much of a text is shown, in bytes; pictures inside outputs may be longer.
const LONGEST: (usize, usize) = (4_000, 400_000);

#[derive(Default)]
pub(crate) struct Journal(Mutex<VecDeque<Arc<Entry>>>);

/// How a model was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Run,
    Stream,
    Queue,
    Realtime,
}

/// One call.
pub(crate) struct Entry {
    number: u64,
    way: Way,
    endpoint: String,
    /// The program that called, as it names itself.
    by: String,
    input: Value,
    at: SystemTime,
    began: Instant,
    job: Option<Arc<Job>>,
    result: OnceLock<Ended>,
}

struct Ended {
    status: u16,
    output: Value,
    seconds: f64,
}

impl Journal {
    /// Notes that a model is called. `input`: the body as it came.
    pub(crate) fn begin(&self, way: Way, endpoint: &str, headers: &HeaderMap, input: &[u8]) -> Arc<Entry> {
        self.add(way, endpoint, headers, input, None)
    }

    /// Notes a request that waits in the queue.
    pub(crate) fn submitted(&self, job: &Arc<Job>, headers: &HeaderMap, input: &[u8]) {
        self.add(Way::Queue, &job.endpoint, headers, input, Some(Arc::clone(job)));
    }

    fn add(
        &self,
        way: Way,
        endpoint: &str,
        headers: &HeaderMap,
        input: &[u8],
        job: Option<Arc<Job>>,
    ) -> Arc<Entry> {
        let by = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(Entry {
            number: entries.back().map_or(1, |last| last.number + 1),
            way,
            endpoint: endpoint.to_owned(),
            by: by.to_owned(),
            input: serde_json::from_slice(input).unwrap_or(Value::Null),
            at: SystemTime::now(),
            began: Instant::now(),
            job,
            result: OnceLock::new(),
        });
        entries.push_back(Arc::clone(&entry));
        if entries.len() > REMEMBERED {
            entries.pop_front();
        }
        entry
    }

    /// The calls, the latest first.
    pub(crate) fn told(&self) -> Vec<Value> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        entries.iter().rev().map(|entry| entry.told()).collect()
    }
}

impl Entry {
    /// Notes what a call was answered with; the first time counts.
    pub(crate) fn end(&self, reply: &Reply) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.result.set(Ended { status: reply.status.as_u16(), output: reply.body.clone(), seconds }).ok();
    }

    fn told(&self) -> Value {
        let way = match self.way {
            Way::Run => "run",
            Way::Stream => "stream",
            Way::Queue => "queue",
            Way::Realtime => "realtime",
        };
        let mut told = json!({
            "number": self.number, "way": way, "endpoint": self.endpoint, "by": self.by,
            "at": clock::iso8601(self.at), "input": shortened(&self.input), "state": "running",
        });
        if let Some(ended) = self.result.get() {
            let good = (200..300).contains(&ended.status);
            told["state"] = json!(if good { "done" } else { "failed" });
            told["status"] = json!(ended.status);
            told["seconds"] = json!(ended.seconds);
            told["output"] = shortened(&ended.output);
        }
        if let Some(job) = &self.job {
            tell_job(job, &mut told);
        }
        told
    }
}

/// Adds the state of a queued request, without making a step of its script.
fn tell_job(job: &Job, told: &mut Value) {
    let view = job.peek();
    told["request_id"] = json!(job.id);
    told["logs"] = view.lines.iter().map(|(line, _)| json!(line)).collect();
    let answer = match view.phase {
        Phase::Queued { ahead } => {
            told["state"] = json!("queued");
            told["position"] = json!(ahead);
            return;
        }
        Phase::Running => return,
        Phase::Done(End::Answered) => match &job.work {
            Ok(call) => job.answer.get().or_else(|| call.failure()).cloned(),
            Err(refusal) => Some(refusal.clone()),
        },
        Phase::Done(End::Cancelled) => {
            told["state"] = json!("cancelled");
            return;
        }
        Phase::Done(_) => job.early_result(),
    };
    told["seconds"] = json!(view.run_time.as_secs_f64());
    told["state"] = json!("done");
    if let Some(answer) = answer {
        let good = answer.status.is_success();
        told["state"] = json!(if good { "done" } else { "failed" });
        told["status"] = json!(answer.status.as_u16());
        told["output"] = shortened(&answer.body);
    }
}

/// A value whose long texts are cut.
pub(crate) fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let longest = if text.starts_with("data:") { LONGEST.1 } else { LONGEST.0 };
            if text.len() <= longest {
                return value.clone();
            }
            let start: String = text.chars().take(100).collect();
            json!(format!("{start}… ({} bytes)", text.len()))
        }
        Value::Array(items) => items.iter().map(shortened).collect(),
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), shortened(value))).collect()
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_calls_are_told_first_and_the_oldest_forgotten() {
        let journal = Journal::default();
        let headers = HeaderMap::new();
        for _ in 0..REMEMBERED {
            journal.begin(Way::Run, "acme/a", &headers, b"{}");
        }
        let entry = journal.begin(Way::Stream, "acme/b", &headers, br#"{"prompt": "hi"}"#);
        assert_eq!(journal.told()[0]["state"], "running");
        entry.end(&Reply::ok(json!({"n": 1})));
        entry.end(&Reply::ok(json!({"n": 2})));
        let told = journal.told();
        assert_eq!(
            (told.len(), &told[0]["output"], &told[0]["state"]),
            (REMEMBERED, &json!({"n": 1}), &json!("done"))
        );
        assert_eq!((&told[0]["number"], &told[0]["input"]["prompt"]), (&json!(201), &json!("hi")));
    }

    #[test]
    fn long_texts_are_cut_and_pictures_are_not() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(10_000));
        let told = shortened(&json!({"a": ["x".repeat(5_000)], "b": picture, "c": 1}));
        assert_eq!(told["a"][0].as_str().unwrap().chars().take(100).collect::<String>(), "x".repeat(100));
        assert!(told["a"][0].as_str().unwrap().ends_with("… (5000 bytes)"));
        assert_eq!((&told["b"], &told["c"]), (&json!(picture), &json!(1)));
    }
}
