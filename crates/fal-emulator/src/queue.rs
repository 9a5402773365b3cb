//! Submitted requests and what can be asked about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::clock::{self, Clock};
use crate::course::{Course, View};
use crate::engine::Call;
use crate::reply::{Reply, TIMEOUT_TYPE};
use crate::timeline::{End, Phase};

#[derive(Default)]
pub(crate) struct Queue {
    jobs: Mutex<HashMap<String, Arc<Job>>>,
}

impl Queue {
    pub(crate) fn add(&self, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        self.lock().insert(job.id.clone(), Arc::clone(&job));
        job
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Where to announce completion.
    pub(crate) webhook: Option<String>,
    clock: Arc<Clock>,
    submitted: Duration,
    course: Mutex<Course>,
    /// The reply of the run, made when it is first fetched.
    pub(crate) answer: OnceCell<Reply>,
}

/// A request to be queued.
pub(crate) struct Submission {
    pub(crate) endpoint: String,
    pub(crate) app_id: String,
    pub(crate) work: Result<Call, Reply>,
    pub(crate) webhook: Option<String>,
    pub(crate) course: Course,
}

impl Job {
    pub(crate) fn new(submission: Submission, clock: Arc<Clock>) -> Self {
        let Submission { endpoint, app_id, work, webhook, course } = submission;
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            endpoint,
            app_id,
            work,
            webhook,
            submitted: clock.now(),
            clock,
            course: Mutex::new(course),
            answer: OnceCell::new(),
        }
    }

    /// Waits until the request has ended. It looks again and again, since what ends a request may be a script, a
    /// cancel, or time.
    pub(crate) async fn ended(&self) {
        const LOOK: Duration = Duration::from_millis(10);
        while !matches!(self.phase(), Phase::Done(_)) {
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.course().phase(self.elapsed())
    }

    /// The reply to a submission.
    pub(crate) fn receipt(&self, base: &str) -> Value {
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
    pub(crate) fn status(&self, base: &str, with_logs: bool) -> Reply {
        let View { phase, lines, run_time } = self.course().look(self.elapsed());
        let logs = if with_logs { self.logs(lines) } else { Value::Null };
        match phase {
            Phase::Queued { ahead } => {
                let mut body = self.named(base, "IN_QUEUE");
                body["queue_position"] = json!(ahead);
                Reply::new(StatusCode::ACCEPTED, body)
            }
            Phase::Running => {
                let mut body = self.named(base, "IN_PROGRESS");
                body["logs"] = logs;
                Reply::new(StatusCode::ACCEPTED, body)
            }
            Phase::Done(end) => {
                let mut body = self.named(base, "COMPLETED");
                body["logs"] = logs;
                body["metrics"] = json!({"inference_time": run_time.as_secs_f64()});
                if let Some((error, kind)) = self.failure(end) {
                    body["error"] = json!(error);
                    body["error_type"] = json!(kind);
                }
                Reply::ok(body)
            }
        }
        .request(&self.id)
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

    /// Ends the request unless it has ended; false when it had.
    pub(crate) fn cancel(&self) -> bool {
        self.course().cancel(self.elapsed())
    }

    fn failure(&self, end: End) -> Option<(String, &'static str)> {
        match end {
            End::Cancelled => Some(("Request was cancelled".to_owned(), "client_cancelled")),
            End::StartTimeout => Some(("Request timed out".to_owned(), "request_timeout")),
            End::Answered => {
                let status = match &self.work {
                    Ok(call) => call.failure()?.status,
                    Err(refusal) => refusal.status,
                };
                let kind = if status.is_server_error() { "runner_server_error" } else { "bad_request" };
                Some((format!("Unexpected status code: {}", status.as_u16()), kind))
            }
        }
    }

    fn logs(&self, lines: Vec<(String, Duration)>) -> Value {
        lines
            .into_iter()
            .map(|(message, at)| {
                json!({
                    "message": message,
                    "timestamp": clock::iso8601(self.clock.date(self.submitted.saturating_add(at))),
                    "level": "INFO",
                    "source": "USER",
                    "labels": {"level": "INFO", "source": "USER"},
                })
            })
            .collect()
    }

    fn named(&self, base: &str, status: &str) -> Value {
        let url = format!("{base}/queue/{}/requests/{}", self.app_id, self.id);
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
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
