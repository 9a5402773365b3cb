//! The handle of a running emulator.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fal_core::Endpoint;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::billing::CostSummary;
use crate::builder::EmulatorBuilder;
use crate::error::Error;
use crate::history::HistorySettings;
use crate::hosts::BaseUrls;
use crate::net::{HttpServer, RequestHandler, Tls, UpstreamProxies};
use crate::scenario::Scenario;
use crate::script::{self, Request, RequestKind, RequestPattern, Rule, Script};
use crate::webhook::Webhooks;
use crate::{private_files, routes};

/// A running emulator. It stops when it is dropped.
///
/// Requests and files are lost then, unless [`EmulatorBuilder::data_dir`] keeps them.
///
/// ```no_run
/// # async fn example() -> Result<(), fal_emulator::Error> {
/// use fal_emulator::{Emulator, FaultPoint, RequestKind};
///
/// let emulator = Emulator::start().await?;
/// // The first poll of a status loses its connection.
/// emulator.on_request(RequestKind::Status).reset(FaultPoint::Reply).times(1);
/// println!("queue: {}", emulator.urls().queue);
/// emulator.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    address: SocketAddr,
    ca_certificate: Option<String>,
    endpoints: Vec<String>,
    app: Arc<App>,
    /// The sender whose drop stops the server task.
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

/// The base URL of each service, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Urls {
    /// Direct calls; `https://fal.run` in the cloud.
    pub run: String,
    /// The queue; `https://queue.fal.run` in the cloud.
    pub queue: String,
    /// Tokens and the initiation of uploads; `https://rest.fal.ai` in the cloud.
    pub rest: String,
    /// Files; `https://v3.fal.media` in the cloud.
    pub cdn: String,
    /// WebSockets; `wss://fal.run` in the cloud.
    pub ws: String,
    /// The platform API, without `/v1`; `https://api.fal.ai` in the cloud.
    pub platform: String,
}

impl Emulator {
    /// Starts an emulator of the built-in models on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Returns a builder to start an emulator with other options.
    #[must_use]
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    /// Returns the URL of the emulator: `http://127.0.0.1:<port>`, or https if it serves TLS.
    ///
    /// It shows a web page, and all services are path prefixes of it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_certificate.is_some() { "https" } else { "http" };
        // A server that listens on all addresses is reached by the loopback address.
        let host = match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            host => host,
        };
        format!("{scheme}://{}", SocketAddr::new(host, self.address.port()))
    }

    /// Returns the CA certificate that clients have to trust, as PEM. `None` if the emulator does not serve https.
    #[must_use]
    pub fn ca_certificate(&self) -> Option<&str> {
        self.ca_certificate.as_deref()
    }

    /// Returns the base URL of each service.
    #[must_use]
    pub fn urls(&self) -> Urls {
        let url = self.url();
        let service = |name: &str| format!("{url}/{name}");
        Urls {
            run: service("run"),
            queue: service("queue"),
            rest: service("rest"),
            cdn: service("cdn"),
            ws: service("ws").replacen("http", "ws", 1),
            platform: service("platform"),
        }
    }

    /// Returns the ids of the endpoints that are served, in alphabetical order.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// Scripts the model behind an endpoint, with its own input type.
    pub fn on<M: Endpoint<Input: DeserializeOwned>>(&self) -> Script<M::Input> {
        self.app.scripts.endpoint(M::ID)
    }

    /// Scripts the model behind an endpoint, with JSON as its input.
    ///
    /// An endpoint that no document describes exists from then on, and accepts any input.
    pub fn on_endpoint(&self, id: &str) -> Script<Value> {
        self.app.scripts.endpoint(id)
    }

    /// Adds a rule about one kind of request to any endpoint.
    ///
    /// ```no_run
    /// # use fal_emulator::{Emulator, RequestKind};
    /// # use serde_json::json;
    /// # async fn example(emulator: Emulator) {
    /// let rule = emulator.on_request(RequestKind::Submit).fail(503, json!({"detail": "no runner"})).times(2);
    /// // … submit …
    /// assert_eq!(rule.hits(), 2);
    /// # }
    /// ```
    pub fn on_request(&self, kind: RequestKind) -> Rule {
        self.app.scripts.rules.add(RequestPattern { endpoint: None, kind: Some(kind) })
    }

    /// Adds a rule about every request but CORS preflights, which are always answered.
    pub fn on_any_request(&self) -> Rule {
        self.app.scripts.rules.add(RequestPattern::default())
    }

    /// Locks the account: calls, connections and uploads are refused with 403 and the message of fal, `User is locked. Reason: …`.
    /// Requests in the queue go on, and their status and results can be fetched. Uploads that have begun go on too.
    ///
    /// On an open connection for HTTP over WebSocket, each message is a call and is refused as one. An open realtime connection
    /// goes on, as it does when its token expires: a caller is checked when it connects.
    ///
    /// A rule that responds to a request comes first.
    ///
    /// ```no_run
    /// # use fal_emulator::Emulator;
    /// # async fn example(emulator: Emulator) {
    /// emulator.lock_account("Exhausted balance. Top up your balance at fal.ai/dashboard/billing.");
    /// // … the code under test stops, and says so …
    /// emulator.unlock_account();
    /// # }
    /// ```
    pub fn lock_account(&self, reason: &str) {
        self.app.scripts.account.lock(reason);
    }

    /// Ends a [lock](Self::lock_account) of the account.
    pub fn unlock_account(&self) {
        self.app.scripts.account.unlock();
    }

    /// Refuses the next calls with 429 and the type `concurrent_requests_limit`, as fal refuses direct calls of an account that
    /// runs as many requests as it may. Submits are refused too, although fal lets most of them wait in the queue. Each message of
    /// a connection for HTTP over WebSocket is a call; realtime connections and their messages are not limited.
    ///
    /// To refuse one kind of request only, use [`on_request`](Self::on_request).
    pub fn rate_limit(&self, calls: usize) {
        self.app.scripts.account.set_rate_limited(calls);
    }

    /// Adds a scenario to the scripts and rules.
    pub fn apply(&self, scenario: &Scenario) {
        self.app.apply(scenario);
    }

    /// Resets the next connections before a byte of them is read.
    ///
    /// `usize::MAX` resets all connections from now on, 0 none.
    pub fn refuse_connections(&self, connections: usize) {
        self.app.scripts.gate.refuse(connections);
    }

    /// Changes the lag and the outages of the data of past requests, which the platform API serves.
    pub fn set_history(&self, history: HistorySettings) {
        self.app.scripts.history.set(history);
    }

    /// Returns the inputs with which an endpoint was called, directly, as a stream or by the queue, in the order of
    /// their arrival.
    ///
    /// A body that `M::Input` cannot be read from is left out; see [`requests`](Self::requests).
    ///
    /// ```no_run
    /// # use fal_emulator::Emulator;
    /// # async fn example(emulator: Emulator) {
    /// use fal_flux::dev;
    ///
    /// // … call the model …
    /// assert_eq!(emulator.received_inputs::<dev::Model>()[0].prompt, "a cat");
    /// # }
    /// ```
    #[must_use]
    pub fn received_inputs<M: Endpoint<Input: DeserializeOwned>>(&self) -> Vec<M::Input> {
        let calls = [RequestKind::Run, RequestKind::Stream, RequestKind::Submit];
        self.requests()
            .iter()
            .filter(|request| calls.contains(&request.kind) && request.endpoint.as_deref() == Some(M::ID))
            .filter_map(|request| serde_json::from_slice(&request.body).ok())
            .collect()
    }

    /// Returns the received requests, in the order of their arrival.
    ///
    /// The latest 20,000 are kept, and fewer if their bodies take more than 64 MiB.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.app.scripts.recorder.requests()
    }

    /// Writes the received requests and their responses to a file, without keys, as an HTTP Archive (HAR 1.2). The file is
    /// replaced, and only its owner can read it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn write_har(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let (path, har) = (path.as_ref(), script::to_har(&self.requests()));
        private_files::write(path, har.to_string().as_bytes())
            .map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Returns the number of requests that came for services, including those that are no longer kept.
    ///
    /// Neither a reset nor the web page and the admin API change it.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.app.traffic.requests()
    }

    /// Returns fal's names that were asked for and are not served, in alphabetical order, at most 100.
    ///
    /// Such requests are refused; they never leave the machine.
    #[must_use]
    pub fn refused_hosts(&self) -> Vec<String> {
        self.app.traffic.refused_hosts()
    }

    /// Returns the cost that the calls so far would have at fal, by the prices of [`EmulatorBuilder::prices`] or invented
    /// ones.
    ///
    /// Requests in the queue that have succeeded count whether anyone fetched their result or not. Realtime connections
    /// are not charged.
    ///
    /// ```no_run
    /// # async fn example(emulator: fal_emulator::Emulator) {
    /// let cost = emulator.cost().await;
    /// assert!(cost.usd < 0.50, "{} calls would cost ${}", cost.calls, cost.usd);
    /// # }
    /// ```
    pub async fn cost(&self) -> CostSummary {
        self.app.settle(&BaseUrls::from_root(&self.url())).await;
        self.app.billing.total()
    }

    /// Returns the ids of models that were called and that no document describes, in alphabetical order, at most 100.
    #[must_use]
    pub fn unknown_endpoints(&self) -> Vec<String> {
        self.app.unknown_models.list().into_iter().map(|model| model.id).collect()
    }

    /// Returns the key that callers must have while the real service is recorded: the required one, or a random one. `None`
    /// if nothing is recorded.
    #[must_use]
    pub fn caller_key(&self) -> Option<&str> {
        self.app.recording.as_ref()?.caller_key()
    }

    /// Returns the number of exchanges that the recording held at the start, and the number of those added since.
    #[must_use]
    pub fn recorded_exchanges(&self) -> (usize, u64) {
        self.app.recording.as_ref().map_or((0, 0), |recording| (recording.known(), recording.stored()))
    }

    /// Waits for replies that are still being recorded although their client has left, for up to five seconds.
    pub async fn finish_recording(&self) {
        if let Some(recording) = &self.app.recording {
            recording.settle().await;
        }
    }

    /// Returns the requests that a replayed recording did not hold, such as `POST https://fal.run/fal-ai/flux/dev`, in
    /// alphabetical order, at most 100.
    #[must_use]
    pub fn unrecorded_requests(&self) -> Vec<String> {
        self.app.recording.as_ref().map(|recording| recording.unrecorded()).unwrap_or_default()
    }

    /// Waits for a request that `matches` accepts, and returns the first one. Requests from before the call count.
    ///
    /// There is no timeout: the future is pending until such a request arrives.
    ///
    /// ```no_run
    /// # use fal_emulator::{Emulator, RequestKind};
    /// # async fn example(emulator: Emulator) {
    /// let submitted = emulator.wait_for(|request| request.kind == RequestKind::Submit).await;
    /// assert_eq!(submitted.json()["prompt"], "a cat");
    /// # }
    /// ```
    pub async fn wait_for(&self, matches: impl Fn(&Request) -> bool) -> Request {
        self.app.scripts.recorder.wait_for(matches).await
    }

    /// Removes all scripts, rules, failures of the account, recorded requests and deliveries of webhooks, and restores the settings
    /// of the list of past requests.
    pub fn reset(&self) {
        self.app.reset();
    }

    /// Advances the emulator's clock: queues proceed, runs end and delays are over.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use fal_emulator::Emulator;
    /// # async fn example() -> Result<(), fal_emulator::Error> {
    /// let emulator = Emulator::builder().manual_clock().start().await?;
    /// // … submit …
    /// emulator.advance(Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advance(&self, time: Duration) {
        self.app.clock.advance(time);
    }

    /// Returns the webhooks that were delivered, and the keys that sign them.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks {
        Webhooks::new(Arc::clone(&self.app.webhooks))
    }

    /// Stops listening, and waits for the responses under way for up to three seconds.
    pub async fn shutdown(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        task.await.ok();
    }

    pub(crate) fn serve(listener: TcpListener, address: SocketAddr, app: Arc<App>, tls: Option<Tls>) -> Self {
        let (tls, ca_certificate) = tls.map(|tls| (tls.acceptor, tls.ca)).unzip();
        let (stop, stopped) = watch::channel(());
        let handler = RequestHandler {
            router: routes::router(Arc::clone(&app), ca_certificate.clone()),
            hosts: Arc::clone(&app.hosts),
            traffic: Arc::clone(&app.traffic),
            head_timeout: app.head_timeout,
        };
        let server = HttpServer {
            handler,
            gate: Arc::clone(&app.scripts.gate),
            clock: Arc::clone(&app.clock),
            tls,
            proxies: Arc::new(UpstreamProxies::from_environment(address)),
        };
        let endpoints = app.models.ids().map(str::to_owned).collect();
        let task = tokio::spawn(server.run(listener, stopped));
        Self { address, ca_certificate, endpoints, app, stop, task }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}
