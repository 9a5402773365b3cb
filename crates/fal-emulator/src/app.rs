//! What all routes share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::archive::{Archive, Entry};
use crate::clock::Clock;
use crate::course::{Course, Lined, Stepped};
use crate::engine::Call;
use crate::hosts::Base;
use crate::journal::Journal;
use crate::line::Priority;
use crate::lines::{Lines, lock};
use crate::models::Registry;
use crate::net::Gate;
use crate::pace::Pace;
use crate::queue::{Job, Queue, Submission};
use crate::realtime::RealtimeSettings;
use crate::script::{Behaviours, Capture, Record, Rules, Script};
use crate::store::{FileArchive, Store};
use crate::timeline::Timeline;
use crate::tokens::Tokens;
use crate::webhook::Hooks;

pub(crate) struct App {
    pub(crate) models: Registry,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) key: Option<String>,
    pace: Pace,
    /// Where requests wait when runners are limited.
    pub(crate) lines: Option<Lines>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) behaviours: Arc<Behaviours>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) record: Record,
    pub(crate) journal: Journal,
    pub(crate) gate: Arc<Gate>,
    /// Handed out by the token route and accepted for CDN uploads.
    pub(crate) cdn_token: String,
    pub(crate) tokens: Tokens,
    pub(crate) realtime: RealtimeSettings,
    pub(crate) hooks: Hooks,
    /// Where requests outlive the process.
    archive: Option<Archive>,
    /// How long a client may take to send the head of a request, and as long for a JSON body.
    pub(crate) read_time: Duration,
    address: SocketAddr,
    is_tls: bool,
}

/// What a builder says about an emulator.
pub(crate) struct Settings {
    pub(crate) key: Option<String>,
    pub(crate) pace: Pace,
    /// How many requests of an endpoint run at the same time.
    pub(crate) runners: Option<usize>,
    pub(crate) realtime: RealtimeSettings,
    /// Room for uploads, in bytes.
    pub(crate) space: u64,
    pub(crate) clock: Arc<Clock>,
    pub(crate) hooks: Hooks,
    /// Where requests and files outlive the process.
    pub(crate) data: Option<(Archive, FileArchive)>,
    /// Whether callers use https.
    pub(crate) is_tls: bool,
    pub(crate) read_time: Duration,
    /// The file that gets each request.
    pub(crate) capture: Option<Capture>,
}

/// What is known of a request when it joins the queue.
pub(crate) struct Wish<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) now: Duration,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) priority: Priority,
    /// Its runner will not take the input.
    pub(crate) refused: bool,
}

impl App {
    pub(crate) fn new(models: Registry, address: SocketAddr, settings: Settings) -> Self {
        let Settings { key, pace, runners, realtime, space, clock, hooks, data, is_tls, read_time, capture } =
            settings;
        let (archive, kept) = data.unzip();
        Self {
            models,
            queue: Queue::default(),
            store: Store::new(space, kept),
            key,
            pace,
            lines: runners.map(Lines::new),
            clock,
            behaviours: Arc::default(),
            rules: Arc::default(),
            record: Record::new(capture),
            journal: Journal::default(),
            gate: Arc::default(),
            cdn_token: uuid::Uuid::new_v4().simple().to_string(),
            tokens: Tokens::new(realtime.token_lifetime),
            realtime,
            hooks,
            archive,
            read_time,
            address,
            is_tls,
        }
    }

    pub(crate) fn script<I: DeserializeOwned + 'static>(&self, endpoint: &str) -> Script<I> {
        let endpoint = endpoint.trim_matches('/').to_owned();
        Script::new(endpoint, Arc::clone(&self.behaviours), Arc::clone(&self.rules))
    }

    /// Forgets all that was said about endpoints, all rules, and the requests that came.
    pub(crate) fn reset(&self) {
        self.behaviours.clear();
        self.rules.clear();
        self.record.clear();
        self.gate.refuse(0);
    }

    /// A request, also one of an earlier run.
    pub(crate) fn job(&self, id: &str) -> Option<Arc<Job>> {
        if let Some(job) = self.queue.get(id) {
            return Some(job);
        }
        let Entry { endpoint, app_id, work, is_cancelled, answer } = self.archive.as_ref()?.load(id)?;
        // What had not ended is run again, at once.
        let pace = if is_cancelled { Pace::instant().run(Duration::MAX) } else { Pace::instant() };
        let cancelled = is_cancelled.then_some(Duration::ZERO);
        let timeline = Timeline { pace, start_timeout: None, refused: work.is_err(), cancelled };
        let model = self.models.get(&endpoint).cloned();
        let submission = Submission {
            endpoint,
            app_id,
            work: work.map(|input| Call::restored(model, input)),
            hint: None,
            webhook: None,
            clock: Arc::clone(&self.clock),
            submitted: self.clock.now(),
            course: Course::Timed(timeline),
        };
        Some(self.queue.put(id.to_owned(), submission, answer))
    }

    /// Writes a request to disk, where requests outlive the process.
    pub(crate) fn keep(&self, job: &Job) {
        if let Some(archive) = &self.archive {
            archive.save(&job.id, &job.entry());
        }
    }

    /// How a request to the queue goes.
    pub(crate) fn course(&self, wish: &Wish<'_>) -> Course {
        let (steps, _) = self.behaviours.course(wish.endpoint);
        let pace = self.pace_of(wish.endpoint);
        let Wish { endpoint, now: joined, start_timeout, priority, refused } = *wish;
        match (steps, &self.lines) {
            (Some(steps), _) => Course::Stepped(Stepped::new(steps, refused)),
            (None, None) => Course::Timed(Timeline { pace, start_timeout, refused, cancelled: None }),
            (None, Some(lines)) => {
                let line = lines.of(endpoint);
                let run = if refused { Duration::ZERO } else { pace.run_time() };
                let number = lock(&line).join(joined, priority, run, start_timeout);
                Course::Lined(Lined { line, number, joined, pace, refused })
            }
        }
    }

    /// How many requests a new one would wait behind.
    pub(crate) fn waiting(&self, endpoint: &str) -> usize {
        match (self.behaviours.course(endpoint).0, &self.lines) {
            (Some(steps), _) => steps.positions.first().copied().unwrap_or(0) as usize,
            (None, Some(lines)) => lines.waiting(endpoint, self.clock.now()),
            (None, None) => self.pace_of(endpoint).places() as usize,
        }
    }

    /// How long a direct call takes; it has no queue to wait in.
    pub(crate) fn direct(&self, endpoint: &str) -> Duration {
        match self.behaviours.course(endpoint) {
            (Some(_), _) => Duration::ZERO,
            (None, pace) => pace.unwrap_or(self.pace).run_time(),
        }
    }

    /// How long runs of an endpoint take.
    pub(crate) fn pace_of(&self, endpoint: &str) -> Pace {
        self.behaviours.course(endpoint).1.unwrap_or(self.pace)
    }

    /// The URLs the caller reached this server by, so that replies work through a forwarded port.
    pub(crate) fn base(&self, headers: &HeaderMap) -> Base {
        Base::of(headers, self.is_tls, &self.address.to_string())
    }
}
