//! Submitted requests and what can be asked about them.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, watch};

use crate::archive::Entry;
use crate::clock::{self, Clock};
use crate::course::{Course, View};
use crate::engine::Call;
use crate::hosts::Base;
use crate::lines::lock;
use crate::reply::{Reply, TIMEOUT_TYPE};
use crate::timeline::{End, Phase};

/// All submitted requests.
pub(crate) struct Queue {
    jobs: Mutex<HashMap<String, Arc<Job>>>,
    /// Tells of what may change states other than time: submissions and cancels.
    changed: watch::Sender<()>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { jobs: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Queue {
    pub(crate) fn add(&self, submission: Submission) -> Arc<Job> {
        self.put(uuid::Uuid::new_v4().to_string(), submission, None)
    }

    /// Puts a request of an earlier run back, with its answer if it had one.
    pub(crate) fn put(&self, id: String, submission: Submission, answer: Option<Reply>) -> Arc<Job> {
        let Submission { endpoint, app_id, work, hint, webhook, clock, submitted, course } = submission;
        let job = Arc::new(Job {
            id,
            endpoint,
            app_id,
            work,
            hint,
            webhook,
            clock,
            submitted,
            course: Mutex::new(course),
            changed: self.changed.clone(),
            answer: OnceCell::new_with(answer),
        });
        lock(&self.jobs).insert(job.id.clone(), Arc::clone(&job));
        if matches!(*job.course(), Course::Lined(_)) {
            self.changed.send_replace(());
        }
        job
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Job>> {
        lock(&self.jobs).get(id).cloned()
    }
}

/// A submitted request.
pub(crate) struct Job {
    pub(crate) id: String,
    /// The endpoint it was sent to.
    pub(crate) endpoint: String,
    /// The part of the endpoint id that follow-up URLs carry: `[namespace/]owner/alias`.
    app_id: String,
    /// What will be run, or the reply of a runner that refuses to.
    pub(crate) work: Result<Call, Reply>,
    /// Which runner the caller would like.
    hint: Option<HeaderValue>,
    /// Where to announce completion.
    pub(crate) webhook: Option<String>,
    clock: Arc<Clock>,
    submitted: Duration,
    course: Mutex<Course>,
    changed: watch::Sender<()>,
    /// The reply of the run, made when it is first fetched.
    pub(crate) answer: OnceCell<Reply>,
}

/// A request to be queued.
pub(crate) struct Submission {
    pub(crate) endpoint: String,
    pub(crate) app_id: String,
    pub(crate) work: Result<Call, Reply>,
    pub(crate) hint: Option<HeaderValue>,
    pub(crate) webhook: Option<String>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) submitted: Duration,
    pub(crate) course: Course,
}

impl Job {
    /// What outlives the process.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            endpoint: self.endpoint.clone(),
            app_id: self.app_id.clone(),
            work: self.work.as_ref().map(|call| call.input().clone()).map_err(Clone::clone),
            is_cancelled: self.phase() == Phase::Done(End::Cancelled),
            answer: self.answer.get().cloned(),
        }
    }

    /// Waits until the request has ended. Steps that are made by asking are all made: whoever waits for the
    /// end does not ask.
    pub(crate) async fn ended(&self) {
        let mut changed = self.changed.subscribe();
        self.course().finish_steps();
        while !matches!(self.phase(), Phase::Done(_)) {
            self.change(&mut changed).await;
        }
    }

    /// Waits until the state may have changed since `changed` was last looked at.
    async fn change(&self, changed: &mut watch::Receiver<()>) {
        let next = self.course().next_change(self.elapsed());
        let time = async {
            match next {
                Some(next) => self.clock.sleep_until(self.submitted.saturating_add(next)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // The sender is held by `self`, so that it cannot close.
            _ = changed.changed() => {}
            () = time => {}
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.course().phase(self.elapsed())
    }

    /// The state, which asking does not change.
    pub(crate) fn peek(&self) -> View {
        self.course().peek(self.elapsed())
    }

    /// The reply to a submission.
    pub(crate) fn receipt(&self, base: &Base) -> Value {
        let mut receipt = self.named(base, "IN_QUEUE");
        receipt["gateway_request_id"] = json!(self.id);
        receipt["logs"] = Value::Null;
        receipt["metrics"] = json!({});
        // An instant pace has no queue, yet a receipt always says IN_QUEUE.
        receipt["queue_position"] = match self.phase() {
            Phase::Queued { ahead } => json!(ahead),
            _ => json!(0),
        };
        receipt
    }

    /// The state now: 202 until it is completed, then 200.
    pub(crate) fn status(&self, base: &Base, with_logs: bool) -> Reply {
        let view = self.course().look(self.elapsed());
        let status = match view.phase {
            Phase::Done(_) => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        let logs = with_logs.then_some(view.lines.as_slice());
        Reply::new(status, self.told(base, &view, logs)).request(&self.id)
    }

    /// A state in words, with these lines of the logs.
    fn told(&self, base: &Base, view: &View, lines: Option<&[(String, Duration)]>) -> Value {
        let logs = || lines.map_or(Value::Null, |lines| self.logs(lines));
        match view.phase {
            Phase::Queued { ahead } => {
                let mut body = self.named(base, "IN_QUEUE");
                body["queue_position"] = json!(ahead);
                body
            }
            Phase::Running => {
                let mut body = self.named(base, "IN_PROGRESS");
                body["logs"] = logs();
                body
            }
            Phase::Done(end) => {
                let mut body = self.named(base, "COMPLETED");
                body["logs"] = logs();
                body["metrics"] = json!({"inference_time": view.run_time.as_secs_f64()});
                if let Some((error, kind)) = self.failure(end) {
                    body["error"] = json!(error);
                    body["error_type"] = json!(kind);
                }
                body
            }
        }
    }

    /// A reply of the runner, with the names of request and runner.
    pub(crate) fn served(&self, reply: Reply) -> Reply {
        reply.request(&self.id).served(&self.endpoint, self.hint.as_ref())
    }

    /// The reply for ends that are none of the app's doing, and for results that are not there yet.
    pub(crate) fn early_result(&self) -> Option<Reply> {
        match self.phase() {
            Phase::Done(End::Answered) => None,
            Phase::Done(End::Cancelled) => Some(Reply::failure(
                StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
                "client_cancelled",
                "Request was cancelled by the client",
            )),
            Phase::Done(End::StartTimeout) => Some(
                Reply::failure(
                    StatusCode::GATEWAY_TIMEOUT,
                    "request_timeout",
                    "No runner started within the request's start timeout",
                )
                .header(TIMEOUT_TYPE, HeaderValue::from_static("user")),
            ),
            _ => Some(Reply::detail(StatusCode::BAD_REQUEST, "Request is still in progress")),
        }
    }

    /// Ends the request unless it has ended; false when it had. A runner that `ignores` it goes on.
    pub(crate) fn cancel(&self, ignores: bool) -> bool {
        let was_open = self.course().cancel(self.elapsed(), ignores);
        self.changed.send_replace(());
        was_open
    }

    fn failure(&self, end: End) -> Option<(String, &str)> {
        match end {
            End::Cancelled => Some(("Request was cancelled".to_owned(), "client_cancelled")),
            End::StartTimeout => Some(("Request timed out".to_owned(), "request_timeout")),
            End::Answered => {
                let reply = match &self.work {
                    Ok(call) => call.failure()?,
                    Err(refusal) => refusal,
                };
                let kind = if reply.status.is_server_error() { "runner_server_error" } else { "bad_request" };
                let text = format!("Unexpected status code: {}", reply.status.as_u16());
                Some((text, reply.error_type().unwrap_or(kind)))
            }
        }
    }

    fn logs(&self, lines: &[(String, Duration)]) -> Value {
        lines
            .iter()
            .map(|(message, at)| {
                json!({
                    "message": message,
                    "timestamp": clock::iso8601(self.clock.date(self.submitted.saturating_add(*at))),
                    "level": "INFO",
                    "source": "USER",
                    "labels": {"level": "INFO", "source": "USER"},
                })
            })
            .collect()
    }

    fn named(&self, base: &Base, status: &str) -> Value {
        let url = format!("{}/{}/requests/{}", base.queue(), self.app_id, self.id);
        json!({
            "status": status,
            "request_id": self.id,
            "response_url": url,
            "status_url": format!("{url}/status"),
            "cancel_url": format!("{url}/cancel"),
        })
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.submitted)
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        lock(&self.course)
    }
}

/// One caller who watches a request.
pub(crate) struct Watch {
    job: Arc<Job>,
    base: Base,
    with_logs: bool,
    changed: watch::Receiver<()>,
    /// The state that was told last, and how many lines.
    told: Option<Phase>,
    lines: usize,
}

impl Watch {
    pub(crate) fn new(job: Arc<Job>, base: Base, with_logs: bool) -> Self {
        let changed = job.changed.subscribe();
        Self { job, base, with_logs, changed, told: None, lines: 0 }
    }

    /// The state when it is another one, first the one now, with the lines since the last; none after the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        if matches!(self.told, Some(Phase::Done(_))) {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let (view, is_step) = {
                let mut course = self.job.course();
                (course.look(self.job.elapsed()), course.is_stepped())
            };
            let has_lines = self.with_logs && view.lines.len() > self.lines;
            if is_step || has_lines || self.told != Some(view.phase) {
                let logs = self.with_logs.then(|| view.lines.get(self.lines..).unwrap_or_default());
                let told = self.job.told(&self.base, &view, logs);
                self.told = Some(view.phase);
                self.lines = view.lines.len();
                return Some(told);
            }
            self.job.change(&mut self.changed).await;
        }
    }
}
