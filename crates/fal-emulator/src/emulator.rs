//! A running emulator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::builder::Builder;
use crate::error::Error;
use crate::routes;

/// How long [`Emulator::shutdown`] waits for replies under way.
const GRACE: Duration = Duration::from_secs(3);

/// A running emulator; dropping it stops it.
///
/// Uploaded and synthesised files are kept in memory until then.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    endpoints: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
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

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of each service.
    #[must_use]
    pub fn urls(&self) -> Urls {
        let service = |name: &str| format!("http://{}/{name}", self.address);
        Urls {
            run: service("run"),
            queue: service("queue"),
            rest: service("rest"),
            cdn: service("cdn"),
            ws: format!("ws://{}/ws", self.address),
            platform: service("platform"),
        }
    }

    /// The ids of the endpoints that are served, in alphabetical order.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// Stops listening and waits until replies under way are sent, for three seconds at most.
    pub async fn shutdown(mut self) {
        self.signal();
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(GRACE, &mut task).await.is_err()
        {
            task.abort();
        }
    }

    pub(crate) fn serve(listener: TcpListener, address: SocketAddr, app: Arc<App>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let endpoints = app.models.ids().map(str::to_owned).collect();
        let router = routes::router(app);
        let task = tokio::spawn(async move {
            let signal = async {
                // A dropped sender means a dropped emulator: stop as well.
                stopped.await.ok();
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(signal).await {
                tracing::error!(%error, "the emulator stopped serving");
            }
        });
        Self { address, endpoints, stop: Some(stop), task: Some(task) }
    }

    fn signal(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.signal();
    }
}
