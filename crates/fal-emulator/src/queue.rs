//! The queue: submitted requests, and the schedule by which they proceed.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, watch};

use crate::billing::{Billing, ChargedRequest};
use crate::clock::Clock;
use crate::endpoint_id::EndpointId;
use crate::hosts::BaseUrls;
use crate::model_call::ModelCall;
use crate::models::Registry;
use crate::pace::Pace;
use crate::reply::Reply;
use crate::store::Store;
use crate::sync::lock;
use crate::webhook::WebhookSender;

mod job;
mod job_archive;
mod runner_queue;
mod schedule;
mod scheduler;
mod status_watcher;
mod timeline;

pub(crate) use job::{Job, start_timeout_reply};
pub(crate) use job_archive::JobArchive;
pub(crate) use runner_queue::Priority;
pub(crate) use schedule::CancelOutcome;
pub(crate) use scheduler::Scheduler;
pub(crate) use status_watcher::StatusWatcher;
pub(crate) use timeline::{Completion, Phase};

use job_archive::SavedJob;
use schedule::Schedule;
use scheduler::ScheduleInput;
use timeline::Timeline;

/// The largest total size of the inputs and outputs of the requests that are kept, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// The number of requests that have not ended and that a submission passes over in search of one to drop.
const MAX_SKIPPED: usize = 16;

/// The requests in memory.
#[derive(Default)]
struct Jobs {
    by_id: HashMap<String, Arc<Job>>,
    /// The ids, the oldest request first.
    order: VecDeque<String>,
    /// The total size of the inputs and outputs.
    bytes: usize,
}

impl Jobs {
    /// Adds a request. One of the same id, which another reader restored at the same time, is replaced.
    fn insert(&mut self, job: &Arc<Job>) {
        self.bytes += job.size();
        match self.by_id.insert(job.id.clone(), Arc::clone(job)) {
            Some(replaced) => self.bytes = self.bytes.saturating_sub(replaced.size()),
            None => self.order.push_back(job.id.clone()),
        }
    }

    /// Adds the memory of an answer. That of a request that was dropped before its answer was made does not count.
    fn note_answer_size(&mut self, job: &Job, bytes: usize) {
        job.note_answer_size(bytes);
        if self.by_id.get(&job.id).is_some_and(|kept| std::ptr::eq(Arc::as_ptr(kept), job)) {
            self.bytes += bytes;
        }
    }

    /// Drops the oldest requests that have ended, as long as more than `most` are kept or they are too large together.
    fn drop_oldest(&mut self, most: usize) {
        let mut skipped = 0;
        while self.order.len() > most || self.bytes > MAX_BYTES {
            let Some(id) = self.order.pop_front() else { return };
            if self.by_id.get(&id).is_some_and(|job| !job.has_ended()) {
                self.order.push_back(id);
                skipped += 1;
                // The next submission goes on from here, so that none looks at all requests.
                if skipped >= MAX_SKIPPED.min(self.order.len()) {
                    return;
                }
            } else if let Some(dropped) = self.by_id.remove(&id) {
                self.bytes = self.bytes.saturating_sub(dropped.size());
            }
        }
    }
}

/// The submitted requests.
pub(crate) struct Queue {
    jobs: Mutex<Jobs>,
    /// The number of requests that are kept in memory.
    kept: usize,
    /// Announces changes that time does not cause: submissions and cancellations.
    changed: watch::Sender<()>,
    clock: Arc<Clock>,
    scheduler: Arc<Scheduler>,
    models: Arc<Registry>,
    store: Arc<Store>,
    webhooks: Arc<WebhookSender>,
    billing: Arc<Billing>,
    /// The files of requests that survive a restart.
    archive: Option<JobArchive>,
}

/// The parts of the emulator that a queue needs.
pub(crate) struct QueueParts {
    pub(crate) clock: Arc<Clock>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) models: Arc<Registry>,
    pub(crate) store: Arc<Store>,
    pub(crate) webhooks: Arc<WebhookSender>,
    pub(crate) billing: Arc<Billing>,
}

/// The options that a caller may set for a submission.
pub(crate) struct SubmitOptions {
    /// The limit on the time until a runner starts.
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) priority: Priority,
    /// `false` if the result is kept only for the shortest time.
    pub(crate) stores_payloads: bool,
    pub(crate) runner_hint: Option<HeaderValue>,
    /// The URL to which the completion is announced.
    pub(crate) webhook_url: Option<String>,
    /// The id of the caller's key.
    pub(crate) key_id: Option<String>,
}

impl Queue {
    pub(crate) fn new(parts: QueueParts, archive: Option<JobArchive>, kept: usize) -> Self {
        let QueueParts { clock, scheduler, models, store, webhooks, billing } = parts;
        let (jobs, changed) = (Mutex::default(), watch::Sender::new(()));
        Self { jobs, kept, changed, clock, scheduler, models, store, webhooks, billing, archive }
    }

    /// Adds a request and, if a webhook is given, announces its completion there.
    ///
    /// `work` is the call to run, or the reply of a runner that refuses the input. `submitted` is the time of
    /// submission on the emulator's clock. The files of the announced result have URLs below `urls`.
    pub(crate) fn submit(
        self: &Arc<Self>,
        endpoint: EndpointId,
        work: Result<ModelCall, Reply>,
        options: SubmitOptions,
        submitted: Duration,
        urls: BaseUrls,
    ) -> Arc<Job> {
        let SubmitOptions { start_timeout, priority, stores_payloads, runner_hint, webhook_url, key_id } =
            options;
        let schedule = self.scheduler.schedule(&ScheduleInput {
            endpoint: &endpoint.full,
            submitted,
            start_timeout,
            priority,
            refused: work.is_err(),
        });
        let size = work.as_ref().map_or(0, |call| json_size(call.input()));
        let job = self.insert(Job {
            id: uuid::Uuid::new_v4().to_string(),
            endpoint,
            work,
            runner_hint,
            key_id,
            billing: Arc::clone(&self.billing),
            stores_payloads,
            clock: Arc::clone(&self.clock),
            submitted,
            schedule: Mutex::new(schedule),
            changed: self.changed.clone(),
            size: AtomicUsize::new(size),
            answer: OnceCell::new(),
        });
        self.save(&job);
        if let Some(url) = webhook_url {
            self.announce(&job, url, urls);
        }
        job
    }

    /// Returns a request, which may be one of an earlier run of the emulator.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Job>> {
        if let Some(job) = lock(&self.jobs).by_id.get(id) {
            return Some(Arc::clone(job));
        }
        let saved = self.archive.as_ref()?.load(id)?;
        Some(self.restore(id.to_owned(), saved))
    }

    /// Returns true if a request is in memory.
    pub(crate) fn holds(&self, id: &str) -> bool {
        lock(&self.jobs).by_id.contains_key(id)
    }

    /// Returns the number of requests that a new request to the endpoint would wait behind.
    pub(crate) fn waiting(&self, endpoint: &str) -> usize {
        self.scheduler.waiting(endpoint, self.clock.now())
    }

    /// Cancels a request.
    pub(crate) fn cancel(&self, job: &Job) -> CancelOutcome {
        let outcome = job.cancel(self.scheduler.ignores_cancel(&job.endpoint.full));
        if outcome != CancelOutcome::AlreadyCompleted {
            self.save(job);
        }
        outcome
    }

    /// Returns the current result of a request: the app's answer, or the reason for which there is none.
    ///
    /// The first call after the completion makes the answer; its files have URLs below `urls`.
    pub(crate) async fn result(&self, job: &Job, urls: BaseUrls) -> Reply {
        if let Some(reply) = job.result_without_app() {
            return reply.with_request_id(&job.id);
        }
        let call = match &job.work {
            Ok(call) => call.clone(),
            Err(refusal) => return job.with_runner_headers(refusal.clone()),
        };
        let is_new = job.answer.get().is_none();
        // Boxed, because otherwise the future of every request would have space for several copies of this one, 3 KiB. See
        // the bench `2000 subscribes at once, memory`.
        let make_answer = || {
            Box::pin(async {
                let answer = call.answer(Arc::clone(&self.store), urls).await;
                lock(&self.jobs).note_answer_size(job, json_size(&answer.body));
                let ended = job.times().2.unwrap_or_else(|| self.clock.now());
                job.billing.charge(
                    &ChargedRequest {
                        id: &job.id,
                        endpoint: &job.endpoint.full,
                        key_id: job.key_id.as_deref(),
                        ended: job.clock.to_system_time(ended),
                    },
                    &answer,
                );
                answer
            })
        };
        let answer = job.answer.get_or_init(make_answer).await;
        if is_new {
            self.save(job);
        }
        if job.is_expired(answer) {
            let body = json!({"detail": "The result of this request is no longer kept"});
            return Reply::new(StatusCode::NOT_FOUND, body).with_request_id(&job.id);
        }
        job.with_runner_headers(answer.clone())
    }

    /// Puts a request of an earlier run back. If it had not ended, it runs again and completes at once.
    fn restore(&self, id: String, saved: SavedJob) -> Arc<Job> {
        let SavedJob { endpoint, work, is_cancelled, stores_payloads, answer } = saved;
        let pace = if is_cancelled { Pace::instant().run(Duration::MAX) } else { Pace::instant() };
        let cancelled = is_cancelled.then_some(Duration::ZERO);
        let timeline = Timeline { pace, start_timeout: None, refused: work.is_err(), cancelled };
        let model = self.models.find(&endpoint.full);
        let unit = self.billing.price(&endpoint.full).unit;
        self.insert(Job {
            id,
            endpoint,
            work: work.map(|input| ModelCall::restore(model, input).with_billing_unit(unit)),
            runner_hint: None,
            key_id: None,
            billing: Arc::clone(&self.billing),
            stores_payloads,
            clock: Arc::clone(&self.clock),
            submitted: self.clock.now(),
            schedule: Mutex::new(Schedule::Clock(timeline)),
            changed: self.changed.clone(),
            size: AtomicUsize::new(0),
            answer: OnceCell::new_with(answer),
        })
    }

    fn insert(&self, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        let mut jobs = lock(&self.jobs);
        jobs.insert(&job);
        jobs.drop_oldest(self.kept);
        drop(jobs);
        if matches!(*job.schedule(), Schedule::Runner(_)) {
            self.changed.send_replace(());
        }
        job
    }

    /// Writes a request to disk if requests survive a restart.
    fn save(&self, job: &Job) {
        if let Some(archive) = &self.archive {
            archive.save(&job.id, &job.to_saved());
        }
    }

    /// Announces a request to a webhook after it has ended, in a task of its own.
    fn announce(self: &Arc<Self>, job: &Arc<Job>, url: String, urls: BaseUrls) {
        let (queue, job) = (Arc::clone(self), Arc::clone(job));
        tokio::spawn(async move {
            job.wait_until_ended().await;
            let result = queue.result(&job, urls).await;
            queue.webhooks.deliver(&queue.clock, &job.id, &url, &result).await;
        });
    }
}

/// Estimates the memory of a JSON value, in bytes.
fn json_size(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(json_size).sum::<usize>(),
        Value::Object(object) => {
            own + object.iter().map(|(name, value)| 2 * own + name.len() + json_size(value)).sum::<usize>()
        }
        _ => own,
    }
}
