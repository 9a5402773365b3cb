//! The options with which an emulator is started.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::{App, RequestLog, Settings};
use crate::billing::Prices;
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::error::Error;
use crate::history::HistorySettings;
use crate::hosts::{self, HostPolicy};
use crate::models::Registry;
use crate::net::Tls;
use crate::pace::Pace;
use crate::queue::JobArchive;
use crate::realtime::RealtimeSettings;
use crate::recording::{RecordSettings, RecordingSession, UnrecordedReply};
use crate::scenario::Scenario;
use crate::script::RequestFile;
use crate::store::{self, FileArchive};
use crate::unknown_models::WarningLog;
use crate::webhook::WebhookSender;
use crate::{file_format, private_files};

/// The default number of requests that are kept in memory.
const DEFAULT_KEPT: usize = 10_000;
/// The default time for a JSON body.
const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest time for the first head on a connection. It is short, because a head is small and a connection without one
/// costs a file descriptor; but a busy machine takes 13 s to open 2,000 connections before it uses them.
const MAX_HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A builder of an [`Emulator`]; returned by [`Emulator::builder`].
///
/// ```no_run
/// # async fn example() -> Result<(), fal_emulator::Error> {
/// use fal_emulator::{Emulator, Pace};
///
/// let emulator = Emulator::builder().port(8787).pace(Pace::instant()).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct EmulatorBuilder {
    host: Option<IpAddr>,
    port: u16,
    tls: bool,
    data_dir: Option<PathBuf>,
    schemas_dir: Option<PathBuf>,
    schemas: Vec<PathBuf>,
    accepts_unknown_models: bool,
    apps: Vec<(String, PathBuf)>,
    scenario: Option<PathBuf>,
    requests_file: Option<PathBuf>,
    key: Option<String>,
    pace: Pace,
    realtime: RealtimeSettings,
    upload_space: Option<u64>,
    runners: Option<usize>,
    manual_clock: bool,
    read_timeout: Option<Duration>,
    webhook_retries: Option<Vec<Duration>>,
    history: HistorySettings,
    prices: Option<PathBuf>,
    allowed_hosts: Vec<String>,
    request_log: Option<RequestLog>,
    warning_log: Option<WarningLog>,
    kept: Option<usize>,
    random_seeds: bool,
    record: Option<(PathBuf, String)>,
    upstream: Option<String>,
    replay: Option<PathBuf>,
    unrecorded: UnrecordedReply,
}

impl EmulatorBuilder {
    /// Sets the address to listen on. The default is 127.0.0.1, which other machines cannot reach.
    ///
    /// On another address, anyone who can reach it may call, upload and script.
    #[must_use]
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = Some(host);
        self
    }

    /// Sets the port. The default is 0, which picks a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Serves https, with a certificate for fal's own host names and for localhost. The default is http.
    ///
    /// A certificate authority of the emulator's own signs it: [`Emulator::ca_certificate`]. Unmodified clients of fal
    /// call the emulator if they trust that authority and fal's host names are mapped to this address.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Keeps requests, results and files in this folder, so that they survive a restart. By default nothing survives.
    ///
    /// With the same port, the URLs stay valid too. Requests that had not ended run again and complete at once. The
    /// key of the certificate authority is kept as well.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Serves the models of the `.json` files below this folder in place of the built-in models. To serve both, see
    /// [`add_schemas`](Self::add_schemas).
    ///
    /// A file is a record `{endpoint_id, metadata, openapi}`, a list of records or a page `{"models": […]}` of them, or an
    /// OpenAPI document that names its endpoint in `info.x-fal-metadata.endpointId`. Records of documents that fal could not produce (`openapi: {"error": …}`) are
    /// skipped. The document that an app itself publishes has all its routes and no id, so its path must name the app:
    /// `<owner>/<alias>.json`, or `<owner>/<alias>/openapi.json`.
    #[must_use]
    pub fn schemas_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.schemas_dir = Some(path.into());
        self
    }

    /// Serves the models of this file, or of the `.json` files below this folder, beside the other models. A model that
    /// exists already is replaced. May be called repeatedly.
    ///
    /// The files are those of [`schemas_dir`](Self::schemas_dir). fal publishes the document of a model at
    /// `https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=<id>`. A document that names no endpoint is that of an
    /// app; as a single file, it is passed to [`app`](Self::app).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), fal_emulator::Error> {
    /// use fal_emulator::Emulator;
    ///
    /// let emulator = Emulator::builder().add_schemas("new-model.json").start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn add_schemas(mut self, path: impl Into<PathBuf>) -> Self {
        self.schemas.push(path.into());
        self
    }

    /// Answers calls of models that no document describes, with an output in the shape that their id suggests: images,
    /// a video, audio, a text, a mesh or weights. They take any input. By default such calls are answered 404, as fal
    /// answers calls of models that do not exist.
    #[must_use]
    pub fn accept_unknown_models(mut self) -> Self {
        self.accepts_unknown_models = true;
        self
    }

    /// Serves the routes of an app in addition to the other models, from the OpenAPI document that the app publishes, or
    /// that fal publishes for one of its endpoints.
    ///
    /// The id is `[namespace/]owner/alias`. A route `/edit` of the app is the endpoint `owner/alias/edit`. Routes that take
    /// JSON or no body by `POST` and reply with JSON or a stream of it are served. The others, with the reasons, are lines of
    /// [`warning_log`](Self::warning_log). The document itself is at `GET <run URL>/owner/alias/openapi.json`.
    #[must_use]
    pub fn app(mut self, id: impl Into<String>, document: impl Into<PathBuf>) -> Self {
        self.apps.push((id.into(), document.into()));
        self
    }

    /// Starts with the scripts of a [`Scenario`](crate::Scenario) file: JSON if its name ends in `.json`, otherwise
    /// TOML.
    #[must_use]
    pub fn scenario(mut self, path: impl Into<PathBuf>) -> Self {
        self.scenario = Some(path.into());
        self
    }

    /// Writes each received request to this file, as a line of JSON without the key. The default is no file.
    ///
    /// The file is emptied first. Of a body of more than 1 MiB, only the length is written.
    #[must_use]
    pub fn requests_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.requests_file = Some(path.into());
        self
    }

    /// Answers 401 to calls that do not send this key as `Authorization: Key <key>`. By default a call may have any
    /// key, or none.
    #[must_use]
    pub fn require_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the time that simulated requests take. The default is 300 ms in total; see [`Pace`].
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Sets the behaviour of realtime connections and the lifetime of tokens.
    #[must_use]
    pub fn realtime(mut self, realtime: RealtimeSettings) -> Self {
        self.realtime = realtime;
        self
    }

    /// Sets the largest total size of uploads, in bytes. The default is 8 GiB. An upload that does not fit is refused.
    ///
    /// Uploads of more than 4 MiB are kept in temporary files, which are deleted with the emulator.
    #[must_use]
    pub fn upload_space(mut self, bytes: u64) -> Self {
        self.upload_space = Some(bytes);
        self
    }

    /// Limits the number of requests of an endpoint that run at the same time, to at least 1. By default there is no
    /// limit, and the queue is the simulated one of [`Pace`].
    ///
    /// Other requests wait in the order of their priority and arrival, and report their true positions. A direct call
    /// is answered with 429 if no runner is free.
    #[must_use]
    pub fn runners(mut self, runners: usize) -> Self {
        self.runners = Some(runners.max(1));
        self
    }

    /// Stops the emulator's clock: time passes only by [`Emulator::advance`]. By default the clock runs.
    #[must_use]
    pub fn manual_clock(mut self) -> Self {
        self.manual_clock = true;
        self
    }

    /// Sets the time that a client has to send a JSON body. The default is 60 s. The head of a request has the same
    /// time, but at most 30 s. Both are measured by the time of the machine, not by the emulator's clock.
    #[must_use]
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = Some(time);
        self
    }

    /// Sets the pause before each further attempt to deliver a webhook, and so the number of attempts. The default is
    /// ten further attempts within two hours.
    #[must_use]
    pub fn webhook_retries(mut self, pauses: impl Into<Vec<Duration>>) -> Self {
        self.webhook_retries = Some(pauses.into());
        self
    }

    /// Reads the prices of endpoints from this file, JSON or TOML. By default prices are invented, and marked as such.
    ///
    /// The file is a page of the platform API, `{"prices": [{"endpoint_id": …, "unit_price": 0.025, "unit": "images"}]}`, a
    /// list of such pages, or an object `{"<endpoint id>": {"unit_price": 0.025, "unit": "images"}}`. Prices are in US
    /// dollars. The platform API reports them with the costs of the calls that came, and [`Emulator::cost`] the sum.
    #[must_use]
    pub fn prices(mut self, path: impl Into<PathBuf>) -> Self {
        self.prices = Some(path.into());
        self
    }

    /// Sets the lag and the outages of the data of past requests, which the platform API serves: requests, usage, billing
    /// events and statistics.
    #[must_use]
    pub fn history(mut self, history: HistorySettings) -> Self {
        self.history = history;
        self
    }

    /// Sets the number of requests that are kept in memory after they have ended, at least 1. The default is 10,000, and
    /// fewer if their inputs and outputs take more than 256 MiB.
    ///
    /// The oldest ones are dropped, unless [`data_dir`](Self::data_dir) keeps them. Of generated files, four times as
    /// many are kept; they are drawn when they are fetched.
    #[must_use]
    pub fn keep(mut self, requests: usize) -> Self {
        self.kept = Some(requests.max(1));
        self
    }

    /// Gives each call without a seed a random one, as fal does. By default the same input has the same output, byte for
    /// byte, which suits snapshots but hides that a program makes a call twice.
    #[must_use]
    pub fn random_seeds(mut self) -> Self {
        self.random_seeds = true;
        self
    }

    /// Passes every request on to fal, and records it with its reply in this folder. **The calls cost money**, on the
    /// account of `key`.
    ///
    /// The key takes the place of [`Emulator::caller_key`], and of no other key; other callers are refused by fal. No request
    /// is sent twice. What the folder holds already is answered from it and not asked for again. Neither keys nor tokens nor
    /// signatures of URLs are stored. WebSockets are refused.
    #[must_use]
    pub fn record(mut self, folder: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        self.record = Some((folder.into(), key.into()));
        self
    }

    /// Records the server with this URL in place of fal's hosts, such as another emulator: `http://127.0.0.1:8787`. It gets
    /// fal's names in the `Host` header.
    #[must_use]
    pub fn upstream(mut self, url: impl Into<String>) -> Self {
        self.upstream = Some(url.into());
        self
    }

    /// Answers every request from this folder, byte for byte as it was recorded. Nothing leaves the machine.
    ///
    /// A request that was recorded several times gets its replies in their order, and then the last one again. Requests are
    /// compared by method, URL and content, but without tokens, signatures of URLs and the address of a webhook; the order of
    /// members in JSON does not matter.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), fal_emulator::Error> {
    /// use fal_emulator::Emulator;
    ///
    /// let emulator = Emulator::builder().replay("tests/recording").start().await?;
    /// // … let the code under test call fal …
    /// assert!(emulator.unrecorded_requests().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replay(mut self, folder: impl Into<PathBuf>) -> Self {
        self.replay = Some(folder.into());
        self
    }

    /// Sets the reply to requests that a replayed folder does not hold. The default is a failure.
    #[must_use]
    pub fn unrecorded(mut self, reply: UnrecordedReply) -> Self {
        self.unrecorded = reply;
        self
    }

    /// Calls a function with a line for each request to a service: `POST /run/fal-ai/flux/dev 200 214 ms`. The line has
    /// no query, which may hold a token. By default nothing is logged.
    #[must_use]
    pub fn request_log(mut self, log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.request_log = Some(Arc::new(log));
        self
    }

    /// Calls a function with each warning for the user of the emulator, such as the first call of an unknown model with the
    /// ids that resemble it, and with the routes of an [`app`](Self::app) that are served and left out. By default warnings are shown on the web page only.
    #[must_use]
    pub fn warning_log(mut self, log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warning_log = Some(Arc::new(log));
        self
    }

    /// Also answers requests whose `Host` is this name, such as the name of a container. May be called repeatedly.
    ///
    /// By default only loopback names, IP addresses and fal's own names are answered for: a page of a foreign site could
    /// otherwise reach the emulator under a name of its own. `*.example.com` allows all names below `example.com`. With
    /// TLS, the certificate holds the name too.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(hosts::without_port(&name.into()).to_owned());
        self
    }

    /// Starts the emulator in a task of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if a schema or scenario file cannot be read or is not valid, if a folder or file cannot be
    /// written, if a recording is damaged, if the key cannot be sent in a header, or if the port is taken.
    pub async fn start(self) -> Result<Emulator, Error> {
        let is_sendable = |key: &String| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.key.iter().all(is_sendable) {
            return Err(Error::Key);
        }
        let recording = self.open_recording()?;
        let mut models = match &self.schemas_dir {
            Some(path) => Registry::read(path)?,
            None => Registry::embedded()?,
        };
        for path in &self.schemas {
            models.add_schemas(path)?;
        }
        for (id, document) in &self.apps {
            models.add_app(id, document)?;
        }
        if let Some(log) = &self.warning_log {
            models.own_apps().flat_map(|(id, app)| app.report(id)).for_each(|line| log(&line));
        }
        if self.accepts_unknown_models {
            models.accept_unknown();
        }
        let scenario = self.scenario.as_deref().map(Scenario::read).transpose()?;
        let data = self.data_dir.as_deref().map(open_data_dir).transpose()?;
        let request_file = self.requests_file.as_deref().map(create_request_file).transpose()?;
        let host = self.host.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let tls = || Tls::new(self.data_dir.as_deref(), &self.allowed_hosts, host);
        let tls = self.tls.then(tls).transpose().map_err(|source| Error::Tls { source })?;
        let listen_error = |source| Error::Listen { host, port: self.port, source };
        let listener = TcpListener::bind((host, self.port)).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let settings = Settings {
            key: self.key,
            pace: self.pace,
            runners: self.runners,
            realtime: self.realtime,
            upload_space: self.upload_space.unwrap_or(store::DEFAULT_SPACE),
            clock: if self.manual_clock { Clock::stopped() } else { Clock::running() },
            webhook_retries: self.webhook_retries.unwrap_or_else(WebhookSender::default_retry_delays),
            data,
            is_tls: tls.is_some(),
            read_timeout: self.read_timeout.unwrap_or(DEFAULT_READ_TIMEOUT),
            head_timeout: self.read_timeout.unwrap_or(MAX_HEAD_TIMEOUT).min(MAX_HEAD_TIMEOUT),
            hosts: HostPolicy::new(&self.allowed_hosts),
            request_log: self.request_log,
            warning_log: self.warning_log,
            recording,
            kept: self.kept.unwrap_or(DEFAULT_KEPT),
            random_seeds: self.random_seeds,
            request_file,
            history: self.history,
            prices: self.prices.as_deref().map(read_prices).transpose()?.unwrap_or_default(),
        };
        let app = Arc::new(App::new(models, address, settings));
        if let Some(scenario) = scenario {
            app.apply(&scenario);
        }
        Ok(Emulator::serve(listener, address, app, tls))
    }
}

impl EmulatorBuilder {
    fn open_recording(&self) -> Result<Option<RecordingSession>, Error> {
        let Some((folder, key)) = &self.record else {
            let replay = |folder: &PathBuf| {
                RecordingSession::replay(folder, self.unrecorded, self.warning_log.clone())
            };
            return self.replay.as_ref().map(replay).transpose();
        };
        let settings =
            RecordSettings { folder: folder.clone(), key: key.clone(), upstream: self.upstream.clone() };
        let new_key = || format!("recording:{}", uuid::Uuid::new_v4().simple());
        let caller_key = self.key.clone().unwrap_or_else(new_key);
        RecordingSession::record(settings, caller_key, self.warning_log.clone()).map(Some)
    }
}

/// Opens the folders of requests and of files.
fn open_data_dir(folder: &Path) -> Result<(JobArchive, FileArchive), Error> {
    let write_error = |source| Error::Write { path: folder.to_owned(), source };
    private_files::create_folder(folder).map_err(write_error)?;
    let archive = JobArchive::new(folder.join("requests")).map_err(write_error)?;
    Ok((archive, FileArchive::new(folder.join("files")).map_err(write_error)?))
}

fn read_prices(path: &Path) -> Result<Prices, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(read_error)?;
    Prices::parse(&text, file_format::is_json(path, &text))
        .map_err(|problem| Error::Prices { path: path.to_owned(), problem })
}

fn create_request_file(path: &Path) -> Result<RequestFile, Error> {
    RequestFile::create(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Leaves out the key, which must not appear in logs.
impl std::fmt::Debug for EmulatorBuilder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("EmulatorBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("data_dir", &self.data_dir)
            .field("tls", &self.tls)
            .field("schemas_dir", &self.schemas_dir)
            .field("schemas", &self.schemas)
            .field("accepts_unknown_models", &self.accepts_unknown_models)
            .field("apps", &self.apps)
            .field("scenario", &self.scenario)
            .field("requests_file", &self.requests_file)
            .field("requires_key", &self.key.is_some())
            .field("pace", &self.pace)
            .field("realtime", &self.realtime)
            .field("upload_space", &self.upload_space)
            .field("runners", &self.runners)
            .field("manual_clock", &self.manual_clock)
            .field("read_timeout", &self.read_timeout)
            .field("webhook_retries", &self.webhook_retries)
            .field("history", &self.history)
            .field("prices", &self.prices)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("kept", &self.kept)
            .field("random_seeds", &self.random_seeds)
            .field("record", &self.record.as_ref().map(|(folder, _)| folder))
            .field("upstream", &self.upstream)
            .field("replay", &self.replay)
            .field("unrecorded", &self.unrecorded)
            .field("logs_requests", &self.request_log.is_some())
            .field("logs_warnings", &self.warning_log.is_some())
            .finish()
    }
}
