//! One request in the queue.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, watch};

use super::job_archive::SavedJob;
use super::schedule::{CancelOutcome, Progress, Schedule};
use super::timeline::{Completion, Phase};
use crate::billing::Billing;
use crate::clock::{Clock, format_iso8601};
use crate::endpoint_id::EndpointId;
use crate::hosts::BaseUrls;
use crate::model_call::ModelCall;
use crate::reply::{Reply, TIMEOUT_TYPE};
use crate::sync::lock;

/// The time that fal stores inputs and outputs if the caller does not object.
const STORAGE_PERIOD: Duration = Duration::from_secs(30 * 24 * 3600);
/// The size of a result from which fal keeps it for a shorter time if it is not stored, in bytes.
const LARGE_RESULT: usize = 10_000;

/// Returns the time that fal keeps a result that is not stored.
fn shortest_retention(answer: &Reply) -> Duration {
    let is_large = answer.body.to_string().len() >= LARGE_RESULT;
    Duration::from_secs(if is_large { 6 * 60 } else { 3600 })
}

/// Creates the reply to a request for which no runner started in time.
pub(crate) fn start_timeout_reply() -> Reply {
    let text = "No runner started within the request's start timeout";
    Reply::failure(StatusCode::GATEWAY_TIMEOUT, "request_timeout", text)
        .with_header(TIMEOUT_TYPE, HeaderValue::from_static("user"))
        .with_billable_units(0)
}

/// A request in the queue.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) endpoint: EndpointId,
    /// The call to run, or the reply of a runner that refuses the input.
    pub(crate) work: Result<ModelCall, Reply>,
    /// The `X-Fal-Runner-Hint` of the caller.
    pub(super) runner_hint: Option<HeaderValue>,
    /// The id of the caller's key.
    pub(super) key_id: Option<String>,
    pub(super) billing: Arc<Billing>,
    /// `false` if the caller asked to store neither the input nor the output.
    pub(super) stores_payloads: bool,
    pub(super) clock: Arc<Clock>,
    /// The time of submission, on the emulator's clock.
    pub(super) submitted: Duration,
    pub(super) schedule: Mutex<Schedule>,
    /// Announces changes that time does not cause: submissions and cancellations.
    pub(super) changed: watch::Sender<()>,
    /// The memory of the input and of the answer, in bytes.
    pub(super) size: AtomicUsize,
    /// The reply of the run, which is made when it is first needed.
    pub(crate) answer: OnceCell<Reply>,
}

impl Job {
    /// Returns the parts that survive a restart.
    pub(super) fn to_saved(&self) -> SavedJob {
        SavedJob {
            endpoint: self.endpoint.clone(),
            work: self.work.as_ref().map(|call| call.input().clone()).map_err(Clone::clone),
            is_cancelled: self.phase() == Phase::Done(Completion::Cancelled),
            stores_payloads: self.stores_payloads,
            answer: self.answer.get().cloned(),
        }
    }

    /// Waits until the request has ended.
    ///
    /// A request that proceeds by polls ends at once, because a caller that waits for the end does not poll.
    pub(super) async fn wait_until_ended(&self) {
        let mut changed = self.changed.subscribe();
        self.schedule().finish_steps(self.elapsed());
        loop {
            let elapsed = self.elapsed();
            let phase = self.schedule().phase(elapsed);
            if matches!(phase, Phase::Done(_)) {
                return;
            }
            self.wait_for_change(elapsed, phase, &mut changed).await;
        }
    }

    /// Waits until the state may have changed since the time `seen_at`, by time or by a message in `changed`.
    pub(super) async fn wait_for_change(
        &self,
        seen_at: Duration,
        seen: Phase,
        changed: &mut watch::Receiver<()>,
    ) {
        // By now, the last change may have happened: from now on, there would be none to wait for.
        let next = self.schedule().next_change(seen_at);
        // A question about another request may have ended this one in the queue of their runners.
        if self.phase() != seen {
            return;
        }
        let timer = async {
            match next {
                Some(next) => self.clock.sleep_until(self.submitted.saturating_add(next)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // `self` holds the sender, so the channel cannot close.
            _ = changed.changed() => {}
            () = timer => {}
        }
    }

    /// Returns the memory of the input and of the answer, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Adds the memory of the answer.
    pub(super) fn note_answer_size(&self, bytes: usize) {
        self.size.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns true if the request has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase(), Phase::Done(_))
    }

    /// Returns true if the run has succeeded and nobody has needed its reply yet.
    pub(crate) fn awaits_answer(&self) -> bool {
        let succeeds = self.work.as_ref().is_ok_and(|call| call.scripted_failure().is_none());
        succeeds && self.answer.get().is_none() && self.phase() == Phase::Done(Completion::Answered)
    }

    fn phase(&self) -> Phase {
        self.schedule().phase(self.elapsed())
    }

    /// Returns the phase and the time of the run, without counting as a poll.
    pub(crate) fn state(&self) -> (Phase, Duration) {
        let (schedule, elapsed) = (self.schedule(), self.elapsed());
        (schedule.phase(elapsed), schedule.run_time(elapsed))
    }

    /// Returns the progress without counting as a poll.
    pub(crate) fn progress(&self) -> Progress {
        self.schedule().progress(self.elapsed())
    }

    /// Returns the time of submission, and the start and the end of the run as far as they have been reached, on the
    /// emulator's clock.
    pub(crate) fn times(&self) -> (Duration, Option<Duration>, Option<Duration>) {
        let (start, end) = self.schedule().run_times(self.elapsed());
        let on_clock = |time: Duration| self.submitted.saturating_add(time);
        (self.submitted, start.map(on_clock), end.map(on_clock))
    }

    /// Returns the reply of the run, if it has ended and the reply is known. A success that nobody fetched is made when
    /// it is first needed, so it is unknown until then.
    pub(crate) fn known_reply(&self) -> Option<Reply> {
        match self.phase() {
            Phase::Done(Completion::Answered) => match &self.work {
                Ok(call) => self.answer.get().or_else(|| call.scripted_failure()).cloned(),
                Err(refusal) => Some(refusal.clone()),
            },
            Phase::Done(_) => self.result_without_app(),
            _ => None,
        }
    }

    /// Returns the JSON that answers the submission.
    pub(crate) fn submission_json(&self, urls: &BaseUrls) -> Value {
        let mut body = self.base_json(urls, "IN_QUEUE");
        body["gateway_request_id"] = json!(self.id);
        // A submission is always answered with IN_QUEUE, also at an instant pace, which has no queue.
        body["queue_position"] = match self.phase() {
            Phase::Queued { ahead } => json!(ahead),
            _ => json!(0),
        };
        body
    }

    /// Answers a poll of the status: 202 until the request is completed, then 200.
    pub(crate) fn poll_status(&self, urls: &BaseUrls, with_logs: bool) -> Reply {
        let progress = self.schedule().poll_progress(self.elapsed());
        let status = match progress.phase {
            Phase::Done(_) => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        let log_lines = with_logs.then_some(progress.log_lines.as_slice());
        Reply::new(status, self.status_json(urls, &progress, log_lines)).with_request_id(&self.id)
    }

    /// Returns the JSON of a status with the given log lines.
    pub(super) fn status_json(
        &self,
        urls: &BaseUrls,
        progress: &Progress,
        log_lines: Option<&[(String, Duration)]>,
    ) -> Value {
        let status = match progress.phase {
            Phase::Queued { .. } => "IN_QUEUE",
            Phase::Running => "IN_PROGRESS",
            Phase::Done(_) => "COMPLETED",
        };
        let mut body = self.base_json(urls, status);
        if let Some(lines) = log_lines {
            body["logs"] = self.logs_json(lines);
        }
        match progress.phase {
            Phase::Queued { ahead } => body["queue_position"] = json!(ahead),
            Phase::Running => {}
            Phase::Done(completion) => {
                body["metrics"] = json!({"inference_time": progress.run_time.as_secs_f64()});
                if let Some((error, kind)) = self.error(completion) {
                    body["error"] = json!(error);
                    body["error_type"] = json!(kind);
                }
            }
        }
        body
    }

    /// Adds the headers that name the request and the runner to a reply of the app.
    pub(super) fn with_runner_headers(&self, reply: Reply) -> Reply {
        reply.with_request_id(&self.id).with_runner(&self.endpoint.full, self.runner_hint.as_ref())
    }

    /// Returns the result of a request that ended without the app, or has not ended yet.
    /// `None` means that the result is the app's answer.
    pub(crate) fn result_without_app(&self) -> Option<Reply> {
        match self.phase() {
            Phase::Done(Completion::Answered) => None,
            Phase::Done(Completion::Cancelled) => {
                let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
                let text = "Request was cancelled by the client";
                let reply = Reply::failure(status, "client_cancelled", text);
                let has_run = self.times().1.is_some();
                Some(if has_run { reply } else { reply.with_billable_units(0) })
            }
            Phase::Done(Completion::StartTimeout) => Some(start_timeout_reply()),
            _ => Some(Reply::detail(StatusCode::BAD_REQUEST, "Request is still in progress")),
        }
    }

    /// Cancels the request. See [`Schedule::cancel`].
    pub(super) fn cancel(&self, ignores_cancel: bool) -> CancelOutcome {
        let outcome = self.schedule().cancel(self.elapsed(), ignores_cancel);
        self.changed.send_replace(());
        outcome
    }

    /// Returns true if fal would no longer keep this answer of the run.
    pub(super) fn is_expired(&self, answer: &Reply) -> bool {
        let (_, _, ended) = self.times();
        let age = ended.map_or(Duration::ZERO, |ended| self.clock.now().saturating_sub(ended));
        let kept = if self.stores_payloads { STORAGE_PERIOD } else { shortest_retention(answer) };
        age > kept
    }

    /// Returns the message and the type of the error that the status of a completed request names.
    fn error(&self, completion: Completion) -> Option<(String, &str)> {
        match completion {
            Completion::Cancelled => Some(("Request was cancelled".to_owned(), "client_cancelled")),
            Completion::StartTimeout => Some(("Request timed out".to_owned(), "request_timeout")),
            Completion::Answered => {
                let reply = match &self.work {
                    Ok(call) => call.scripted_failure()?,
                    Err(refusal) => refusal,
                };
                let kind = if reply.status.is_server_error() { "runner_server_error" } else { "bad_request" };
                let text = format!("Unexpected status code: {}", reply.status.as_u16());
                Some((text, reply.error_type().unwrap_or(kind)))
            }
        }
    }

    fn logs_json(&self, lines: &[(String, Duration)]) -> Value {
        lines
            .iter()
            .map(|(message, time)| {
                let time = self.clock.to_system_time(self.submitted.saturating_add(*time));
                json!({
                    "message": message,
                    "timestamp": format_iso8601(time),
                    "level": "INFO",
                    "source": "USER",
                    "labels": {"level": "INFO", "source": "USER"},
                })
            })
            .collect()
    }

    /// Returns the members that every status has. `logs` is null unless the caller asks for logs, and `metrics` is empty
    /// until the request is completed.
    fn base_json(&self, urls: &BaseUrls, status: &str) -> Value {
        let url = format!("{}/{}/requests/{}", urls.queue(), self.endpoint.app, self.id);
        json!({
            "status": status,
            "request_id": self.id,
            "response_url": url,
            "status_url": format!("{url}/status"),
            "cancel_url": format!("{url}/cancel"),
            "logs": null,
            "metrics": {},
        })
    }

    /// Returns the time since the submission.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.submitted)
    }

    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        lock(&self.schedule)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::runner_queue::{Priority, RunnerQueues};
    use super::super::schedule::RunnerSchedule;
    use super::super::timeline::Timeline;
    use super::*;
    use crate::billing::Prices;
    use crate::pace::Pace;

    const RUN: Duration = Duration::from_secs(100);

    fn job(schedule: Schedule) -> Job {
        Job {
            id: "1".to_owned(),
            endpoint: EndpointId::parse("acme/app").unwrap(),
            work: Err(Reply::ok(Value::Null)),
            runner_hint: None,
            key_id: None,
            billing: Arc::new(Billing::new(Prices::default(), Arc::default())),
            stores_payloads: true,
            clock: Arc::new(Clock::stopped()),
            submitted: Duration::ZERO,
            schedule: Mutex::new(schedule),
            changed: watch::Sender::new(()),
            size: AtomicUsize::new(0),
            answer: OnceCell::new(),
        }
    }

    /// Looks at a request, lets time pass, and then waits for the change.
    async fn is_noticed(job: &Job, pass: impl FnOnce()) -> bool {
        let (seen_at, seen) = (job.elapsed(), job.phase());
        job.clock.advance(RUN * 2);
        pass();
        job.wait_for_change(seen_at, seen, &mut job.changed.subscribe()).now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_change_between_a_look_and_the_wait_is_noticed() {
        let timed =
            Timeline { pace: Pace::default().run(RUN), start_timeout: None, refused: false, cancelled: None };
        assert!(is_noticed(&job(Schedule::Clock(timed)), || {}).await);

        let queues = RunnerQueues::new(1);
        let queue = queues.queue("acme/app");
        let pace = Pace::default().run(RUN);
        let enqueue = |run, limit| lock(&queue).enqueue(Duration::ZERO, Priority::Normal, run, limit);
        enqueue(RUN * 9, None);
        let number = enqueue(RUN, Some(RUN));
        let schedule = RunnerSchedule {
            queue: Arc::clone(&queue),
            number,
            submitted: Duration::ZERO,
            pace,
            refused: false,
        };
        let waiting = job(Schedule::Runner(schedule));
        // Another request asks first, which applies the start timeout of this one.
        let ask = || {
            queues.waiting("acme/app", RUN * 2);
        };
        assert!(is_noticed(&waiting, ask).await);
    }
}
