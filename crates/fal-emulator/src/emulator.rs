//! A running emulator.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fal_core::Endpoint;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::builder::Builder;
use crate::error::Error;
use crate::net::{HttpServer, Tls};
use crate::routes;
use crate::scenario::Scenario;
use crate::script::{Pattern, Request, Rule, Script, Verb};
use crate::webhook::Webhooks;

/// A running emulator; dropping it stops it.
///
/// Requests and files go with it, unless [`Builder::data_dir`] keeps them.
pub struct Emulator {
    address: SocketAddr,
    ca: Option<String>,
    endpoints: Vec<String>,
    app: Arc<App>,
    /// Dropped, it ends the task.
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
    /// Tokens and upload initiation; `https://rest.fal.ai` in the cloud.
    pub rest: String,
    /// Files; `https://v3.fal.media` in the cloud.
    pub cdn: String,
    /// WebSockets; `wss://fal.run` in the cloud.
    pub ws: String,
    /// The platform API, `/v1` not included; `https://api.fal.ai` in the cloud.
    pub platform: String,
}

impl Emulator {
    /// Starts an emulator of the built-in models on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// The options an emulator can be started with.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:<port>`, or https.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        // Who listens on all addresses is reached at each of them.
        let host = match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            host => host,
        };
        format!("{scheme}://{}", SocketAddr::new(host, self.address.port()))
    }

    /// The certificate that clients have to trust when the emulator serves https, as PEM.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// The base URL of each service.
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

    /// The ids of the endpoints that are served, in alphabetical order.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// Says how the model behind an endpoint behaves from now on.
    pub fn on<M: Endpoint<Input: DeserializeOwned>>(&self) -> Script<M::Input> {
        self.app.script(M::ID)
    }

    /// Says how the model behind an endpoint behaves from now on. An endpoint that no document
    /// describes exists from then on, and takes any input.
    pub fn on_endpoint(&self, id: &str) -> Script<Value> {
        self.app.script(id)
    }

    /// Says all that a scenario says, in addition to what was said before.
    pub fn apply(&self, scenario: &Scenario) {
        scenario.apply(&self.app);
    }

    /// A rule about one kind of request, whatever endpoint it is about.
    pub fn at(&self, verb: Verb) -> Rule {
        self.app.rules.add(Pattern { endpoint: None, verb: Some(verb) })
    }

    /// A rule about every request.
    pub fn at_any(&self) -> Rule {
        self.app.rules.add(Pattern::default())
    }

    /// Resets so many connections that come from now on before a byte of them is read;
    /// `usize::MAX` resets all, 0 ends it.
    pub fn refuse_connections(&self, connections: usize) {
        self.app.gate.refuse(connections);
    }

    /// The inputs with which an endpoint was called, directly, streamed or queued, in the order
    /// they came. What cannot be read as an input is in [`requests`](Self::requests) only.
    #[must_use]
    pub fn received<M: Endpoint<Input: DeserializeOwned>>(&self) -> Vec<M::Input> {
        let calls = [Verb::Run, Verb::Stream, Verb::Submit];
        self.requests()
            .iter()
            .filter(|request| calls.contains(&request.verb) && request.endpoint.as_deref() == Some(M::ID))
            .filter_map(|request| serde_json::from_slice(&request.body).ok())
            .collect()
    }

    /// The requests that came, in order. The latest 20,000 are remembered, and fewer when their
    /// bodies take more than 64 MiB.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.app.record.all()
    }

    /// The first request that `wanted` accepts, once it has come. Without end if it never comes.
    pub async fn wait_for(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        self.app.record.wait_for(wanted).await
    }

    /// Forgets all that was said about endpoints, all rules, and the requests that came.
    pub fn reset(&self) {
        self.app.reset();
    }

    /// Moves the emulator's clock on: queues move, runs end, delays are over.
    pub fn advance(&self, time: Duration) {
        self.app.clock.advance(time);
    }

    /// What was announced to webhooks, and the keys that sign it.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks {
        Webhooks::new(Arc::clone(&self.app))
    }

    /// Stops listening and waits until replies under way are sent, for three seconds at most.
    pub async fn shutdown(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        task.await.ok();
    }

    pub(crate) fn serve(listener: TcpListener, address: SocketAddr, app: Arc<App>, tls: Option<Tls>) -> Self {
        let (tls, ca) = tls.map(|tls| (tls.acceptor, tls.ca)).unzip();
        let (stop, stopped) = watch::channel(());
        let server = HttpServer {
            router: routes::router(Arc::clone(&app)),
            gate: Arc::clone(&app.gate),
            clock: Arc::clone(&app.clock),
            tls,
            read_time: app.read_time,
        };
        let endpoints = app.models.ids().map(str::to_owned).collect();
        let task = tokio::spawn(server.run(listener, stopped));
        Self { address, ca, endpoints, app, stop, task }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}
