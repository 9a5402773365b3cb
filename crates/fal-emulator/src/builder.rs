//! The options of an emulator.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::{App, Settings};
use crate::archive::Archive;
use crate::clock::Clock;
use crate::emulator::Emulator;
use crate::error::Error;
use crate::models::Registry;
use crate::net::Tls;
use crate::pace::Pace;
use crate::realtime::RealtimeSettings;
use crate::scenario::Scenario;
use crate::script::Capture;
use crate::store::{self, FileArchive};
use crate::webhook::Hooks;

const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The options of an emulator; made by [`Emulator::builder`].
#[derive(Clone, Default)]
pub struct Builder {
    host: Option<IpAddr>,
    port: u16,
    tls: bool,
    data_dir: Option<PathBuf>,
    schemas_dir: Option<PathBuf>,
    apps: Vec<(String, PathBuf)>,
    scenario: Option<PathBuf>,
    requests_file: Option<PathBuf>,
    key: Option<String>,
    pace: Pace,
    realtime: RealtimeSettings,
    space: Option<u64>,
    runners: Option<usize>,
    manual_clock: bool,
    read_timeout: Option<Duration>,
    webhook_retries: Option<Vec<Duration>>,
}

impl Builder {
    /// The address to listen on. Default 127.0.0.1: nobody else can call. On another one, anyone who reaches it
    /// can call, upload and script.
    #[must_use]
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = Some(host);
        self
    }

    /// Serves https, with a certificate for fal's own host names and for localhost, signed by an authority of the
    /// emulator's own: [`Emulator::ca`](crate::Emulator::ca). Unmodified clients of fal, for which these names
    /// are mapped to this address, then call the emulator.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// The port. Default 0: any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Keeps requests, results and files in this folder, so that they survive a restart; with the same port, their
    /// URLs do too. Requests that had not ended are run again, at once. Also keeps the key of the TLS authority.
    /// Default: nothing outlives the emulator.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Serves the models of the `.json` files below this folder instead of the built-in ones.
    ///
    /// A file is a record `{endpoint_id, metadata, openapi}`, or an OpenAPI document that names
    /// its endpoint in `info.x-fal-metadata.endpointId`. Records of documents that fal could not
    /// produce (`openapi: {"error": …}`) are skipped. A document that an app publishes itself, with
    /// all its routes and no id, says by its place whose it is: `<owner>/<alias>.json`, or
    /// `<owner>/<alias>/openapi.json`.
    #[must_use]
    pub fn schemas_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.schemas_dir = Some(path.into());
        self
    }

    /// Serves all routes of an app besides the other models, by the OpenAPI document that the app publishes itself.
    /// The app is `[namespace/]owner/alias`; a route `/edit` of it is the endpoint `owner/alias/edit`.
    #[must_use]
    pub fn app(mut self, id: impl Into<String>, document: impl Into<PathBuf>) -> Self {
        self.apps.push((id.into(), document.into()));
        self
    }

    /// Starts with what a [scenario](crate::Scenario) file says: JSON if its name ends in `.json`, else TOML.
    #[must_use]
    pub fn scenario(mut self, path: impl Into<PathBuf>) -> Self {
        self.scenario = Some(path.into());
        self
    }

    /// Writes each request that comes to this file, as a line of JSON without the key; of a body of more than 1 MiB,
    /// only the length. The file is begun anew. Default: none.
    #[must_use]
    pub fn requests_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.requests_file = Some(path.into());
        self
    }

    /// Answers 401 to calls that do not bring this key as `Authorization: Key <key>`.
    /// Default: any key is accepted, and none.
    #[must_use]
    pub fn require_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How long simulated requests take. Default 300 ms in total.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// How realtime connections behave, and how long tokens live.
    #[must_use]
    pub fn realtime(mut self, realtime: RealtimeSettings) -> Self {
        self.realtime = realtime;
        self
    }

    /// How many bytes of uploads are kept at most; what does not fit is refused. Default 8 GiB. Uploads over
    /// 4 MiB are kept in temporary files, which go with the emulator.
    #[must_use]
    pub fn upload_space(mut self, bytes: u64) -> Self {
        self.space = Some(bytes);
        self
    }

    /// How many requests of an endpoint run at the same time; the others wait for them, in the order of
    /// their priority, and positions are true. A direct call for which no runner is free is answered with 429.
    /// At least 1. Default: without limit, and the queue is the simulated one of [`Pace`].
    #[must_use]
    pub fn runners(mut self, runners: usize) -> Self {
        self.runners = Some(runners.max(1));
        self
    }

    /// Stops the emulator's clock: time passes only by
    /// [`Emulator::advance`](crate::Emulator::advance). Default: it runs.
    #[must_use]
    pub fn manual_clock(mut self) -> Self {
        self.manual_clock = true;
        self
    }

    /// How long a client may take to send the head of a request, and as long again for a JSON body; by the time of
    /// the machine. Default 60 s.
    #[must_use]
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = Some(time);
        self
    }

    /// How long to wait before each further attempt to deliver a webhook; as many attempts follow the first one.
    /// Default: ten within two hours.
    #[must_use]
    pub fn webhook_retries(mut self, pauses: impl Into<Vec<Duration>>) -> Self {
        self.webhook_retries = Some(pauses.into());
        self
    }

    /// Starts serving in a task of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When a schema or scenario file cannot be read or is not one, when the key cannot be sent
    /// in a header, or when the port is taken.
    pub async fn start(self) -> Result<Emulator, Error> {
        let sendable = |key: &String| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.key.iter().all(sendable) {
            return Err(Error::Key);
        }
        let mut models = match &self.schemas_dir {
            Some(path) => Registry::read(path)?,
            None => Registry::embedded()?,
        };
        for (id, document) in &self.apps {
            models.add_app(id, document)?;
        }
        let scenario = self.scenario.as_deref().map(Scenario::read).transpose()?;
        let data = self.data_dir.as_deref().map(data).transpose()?;
        let capture = self.requests_file.as_deref().map(capture).transpose()?;
        let tls = || Tls::new(self.data_dir.as_deref());
        let tls = self.tls.then(tls).transpose().map_err(|source| Error::Tls { source })?;
        let host = self.host.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let listen = |source| Error::Listen { host, port: self.port, source };
        let listener = TcpListener::bind((host, self.port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let settings = Settings {
            key: self.key,
            pace: self.pace,
            runners: self.runners,
            realtime: self.realtime,
            space: self.space.unwrap_or(store::DEFAULT_SPACE),
            clock: Arc::new(if self.manual_clock { Clock::stopped() } else { Clock::running() }),
            data,
            is_tls: tls.is_some(),
            read_time: self.read_timeout.unwrap_or(READ_TIMEOUT),
            capture,
            hooks: Hooks::new(self.webhook_retries.unwrap_or_else(Hooks::default_retries)),
        };
        let app = Arc::new(App::new(models, address, settings));
        if let Some(scenario) = scenario {
            scenario.apply(&app);
        }
        Ok(Emulator::serve(listener, address, app, tls))
    }
}

/// The folders of requests and of files.
fn data(folder: &Path) -> Result<(Archive, FileArchive), Error> {
    let failed = |source| Error::Write { path: folder.to_owned(), source };
    let archive = Archive::new(folder.join("requests")).map_err(failed)?;
    Ok((archive, FileArchive::new(folder.join("files")).map_err(failed)?))
}

fn capture(path: &Path) -> Result<Capture, Error> {
    Capture::create(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Written by hand so that the key is never printed.
impl std::fmt::Debug for Builder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Builder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("data_dir", &self.data_dir)
            .field("tls", &self.tls)
            .field("schemas_dir", &self.schemas_dir)
            .field("apps", &self.apps)
            .field("scenario", &self.scenario)
            .field("requests_file", &self.requests_file)
            .field("requires_key", &self.key.is_some())
            .field("pace", &self.pace)
            .field("realtime", &self.realtime)
            .field("upload_space", &self.space)
            .field("runners", &self.runners)
            .field("manual_clock", &self.manual_clock)
            .field("read_timeout", &self.read_timeout)
            .field("webhook_retries", &self.webhook_retries)
            .finish()
    }
}
