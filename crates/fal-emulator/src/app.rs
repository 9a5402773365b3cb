//! The state that the routes share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::account_keys::AccountKeys;
use crate::billing::{Billing, Prices};
use crate::clock::Clock;
use crate::history::HistorySettings;
use crate::hosts::{self, BaseUrls, HostPolicy};
use crate::models::Registry;
use crate::net::Traffic;
use crate::pace::Pace;
use crate::queue::{JobArchive, Queue, QueueParts, Scheduler};
use crate::realtime::RealtimeSettings;
use crate::recent_calls::RecentCalls;
use crate::recording::RecordingSession;
use crate::scenario::Scenario;
use crate::script::{RequestFile, Scripts};
use crate::store::{FileArchive, Store};
use crate::tokens::Tokens;
use crate::unknown_models::{UnknownModels, WarningLog};
use crate::webhook::WebhookSender;

/// The number of generated files that are kept for each request that is.
const FILES_PER_REQUEST: usize = 4;

/// A function that gets a line for each request.
pub(crate) type RequestLog = Arc<dyn Fn(&str) + Send + Sync>;

/// The state of an emulator. Only the routes and the emulator's handle know all of it; each part gets what it needs.
pub(crate) struct App {
    pub(crate) models: Arc<Registry>,
    pub(crate) store: Arc<Store>,
    pub(crate) scripts: Scripts,
    pub(crate) clock: Arc<Clock>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) webhooks: Arc<WebhookSender>,
    pub(crate) realtime: RealtimeSettings,
    pub(crate) recent_calls: RecentCalls,
    pub(crate) billing: Arc<Billing>,
    pub(crate) keys: Arc<AccountKeys>,
    /// The key that calls must carry, if one is required.
    pub(crate) key: Option<String>,
    pub(crate) tokens: Arc<Tokens>,
    /// The token that the CDN accepts for uploads.
    pub(crate) cdn_token: String,
    /// The time that a client has to send a JSON body.
    pub(crate) read_timeout: Duration,
    /// The time that a client has to send the head of a request.
    pub(crate) head_timeout: Duration,
    pub(crate) request_log: Option<RequestLog>,
    /// `true` if calls without a seed get a random one.
    pub(crate) random_seeds: bool,
    /// The recording from which requests are answered, or to which they are added.
    pub(crate) recording: Option<Arc<RecordingSession>>,
    pub(crate) hosts: Arc<HostPolicy>,
    pub(crate) traffic: Arc<Traffic>,
    /// The name of the scope, if this is the state of one.
    pub(crate) scope: Option<Arc<str>>,
    queue_settings: QueueSettings,
    pub(crate) unknown_models: Arc<UnknownModels>,
    address: SocketAddr,
    is_tls: bool,
}

/// The settings from which the queue of each scope is made.
#[derive(Clone)]
struct QueueSettings {
    pace: Pace,
    runners: Option<usize>,
    kept: usize,
    archive: Option<JobArchive>,
}

/// The settings of an emulator.
pub(crate) struct Settings {
    pub(crate) key: Option<String>,
    pub(crate) pace: Pace,
    /// The number of requests of an endpoint that run at the same time. `None` means no limit.
    pub(crate) runners: Option<usize>,
    pub(crate) realtime: RealtimeSettings,
    /// The largest total size of uploads, in bytes.
    pub(crate) upload_space: u64,
    pub(crate) clock: Clock,
    /// The pause before each further attempt to deliver a webhook.
    pub(crate) webhook_retries: Vec<Duration>,
    /// The folders of requests and files that survive a restart.
    pub(crate) data: Option<(JobArchive, FileArchive)>,
    /// `true` if callers use https.
    pub(crate) is_tls: bool,
    pub(crate) read_timeout: Duration,
    /// The file to which each request is written.
    pub(crate) request_file: Option<RequestFile>,
    pub(crate) history: HistorySettings,
    pub(crate) prices: Prices,
    pub(crate) hosts: HostPolicy,
    /// The number of requests that are kept in memory.
    pub(crate) kept: usize,
    /// `true` if calls without a seed get a random one.
    pub(crate) random_seeds: bool,
    pub(crate) request_log: Option<RequestLog>,
    pub(crate) warning_log: Option<WarningLog>,
    pub(crate) head_timeout: Duration,
    pub(crate) recording: Option<RecordingSession>,
}

impl App {
    pub(crate) fn new(models: Registry, address: SocketAddr, settings: Settings) -> Self {
        let (job_archive, file_archive) = settings.data.unzip();
        let models = Arc::new(models);
        let store = Arc::new(Store::new(
            settings.upload_space,
            settings.kept.saturating_mul(FILES_PER_REQUEST),
            file_archive,
        ));
        let scripts = Scripts::new(settings.request_file, settings.history);
        let clock = Arc::new(settings.clock);
        let billing = Arc::new(Billing::new(settings.prices, Arc::clone(&models)));
        let recent_calls = RecentCalls::new(Arc::clone(&clock), Arc::clone(&billing));
        let webhooks = Arc::new(WebhookSender::new(settings.webhook_retries, settings.warning_log.clone()));
        let behaviours = Arc::clone(&scripts.behaviours);
        let scheduler = Arc::new(Scheduler::new(settings.pace, settings.runners, behaviours));
        let queue_settings = QueueSettings {
            pace: settings.pace,
            runners: settings.runners,
            kept: settings.kept,
            archive: job_archive.clone(),
        };
        let parts = QueueParts {
            clock: Arc::clone(&clock),
            scheduler: Arc::clone(&scheduler),
            models: Arc::clone(&models),
            store: Arc::clone(&store),
            webhooks: Arc::clone(&webhooks),
            billing: Arc::clone(&billing),
        };
        let queue = Arc::new(Queue::new(parts, job_archive, settings.kept));
        Self {
            models,
            store,
            scripts,
            clock,
            scheduler,
            queue,
            webhooks,
            realtime: settings.realtime,
            recent_calls,
            billing,
            keys: Arc::default(),
            key: settings.key,
            tokens: Arc::new(Tokens::new(settings.realtime.token_lifetime)),
            cdn_token: uuid::Uuid::new_v4().simple().to_string(),
            read_timeout: settings.read_timeout,
            head_timeout: settings.head_timeout,
            request_log: settings.request_log,
            random_seeds: settings.random_seeds,
            recording: settings.recording.map(Arc::new),
            hosts: Arc::new(settings.hosts),
            traffic: Arc::default(),
            scope: None,
            queue_settings,
            unknown_models: Arc::new(UnknownModels::new(settings.warning_log)),
            address,
            is_tls: settings.is_tls,
        }
    }

    /// Creates the state of a scope, which has its own scripts, records, clock and queue. Models and files are those of all
    /// scopes.
    pub(crate) fn in_scope(&self, name: &str) -> Self {
        let scope: Arc<str> = name.into();
        let scripts = self.scripts.in_scope(name);
        let clock = Arc::new(Clock::ahead_of(&self.clock));
        let settings = self.queue_settings.clone();
        let billing = Arc::new(Billing::in_scope(&self.billing));
        let webhooks = Arc::new(self.webhooks.in_scope(name));
        let behaviours = Arc::clone(&scripts.behaviours);
        let scheduler = Arc::new(Scheduler::new(settings.pace, settings.runners, behaviours));
        let parts = QueueParts {
            clock: Arc::clone(&clock),
            scheduler: Arc::clone(&scheduler),
            models: Arc::clone(&self.models),
            store: Arc::clone(&self.store),
            webhooks: Arc::clone(&webhooks),
            billing: Arc::clone(&billing),
        };
        let queue = Arc::new(Queue::new(parts, settings.archive.clone(), settings.kept));
        Self {
            models: Arc::clone(&self.models),
            store: Arc::clone(&self.store),
            scripts,
            scheduler,
            queue,
            webhooks,
            realtime: self.realtime,
            recent_calls: self.recent_calls.in_scope(&scope, Arc::clone(&clock), Arc::clone(&billing)),
            billing,
            keys: Arc::clone(&self.keys),
            clock,
            key: self.key.clone(),
            tokens: Arc::clone(&self.tokens),
            cdn_token: format!("{}-{name}", self.cdn_token),
            read_timeout: self.read_timeout,
            head_timeout: self.head_timeout,
            request_log: self.request_log.clone(),
            random_seeds: self.random_seeds,
            recording: self.recording.clone(),
            hosts: Arc::clone(&self.hosts),
            traffic: Arc::clone(&self.traffic),
            unknown_models: Arc::clone(&self.unknown_models),
            scope: Some(scope),
            queue_settings: settings,
            address: self.address,
            is_tls: self.is_tls,
        }
    }

    /// Removes all scripts, rules, recorded requests and deliveries of webhooks.
    pub(crate) fn reset(&self) {
        self.scripts.reset();
        self.webhooks.clear();
    }

    /// Adds a scenario to the scripts. Returns warnings about ids in it that are probably slips.
    pub(crate) fn apply(&self, scenario: &Scenario) -> Vec<String> {
        scenario.apply(&self.scripts);
        scenario.endpoint_ids().filter_map(|id| self.unknown_models.note_scripted(id, &self.models)).collect()
    }

    /// Returns the scheme by which a request with these headers came.
    pub(crate) fn scheme(&self, headers: &HeaderMap) -> &'static str {
        if hosts::is_tls(headers, self.is_tls) { "https" } else { "http" }
    }

    /// Makes the replies of all queued requests that have succeeded, so that they are charged. At fal, they are whether
    /// anyone fetches the result or not.
    pub(crate) async fn settle(&self, urls: &BaseUrls) {
        for job in self.recent_calls.unanswered_jobs() {
            self.queue.result(&job, urls.clone()).await;
        }
    }

    /// Returns the base URLs for the reply to a request with these headers.
    pub(crate) fn base_urls(&self, headers: &HeaderMap) -> BaseUrls {
        BaseUrls::from_headers(headers, self.is_tls, &self.address.to_string())
    }
}
