//! The client.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    ClientBuilder, Hosts, Result, Retry,
    queue::Permits,
    reconcile::RecentRequests,
    storage::{CdnTokens, UploadOptions},
    transport::Transport,
};

mod calls;

/// A client of fal. Cloning is cheap, and clones share connections.
///
/// Methods such as [`run`](Self::run) return a call: a value that takes options, can be moved to a task, and is sent
/// by awaiting it.
///
/// ```no_run
/// # use std::time::Duration;
/// # use fal_client::{Client, untyped};
/// # async fn example() -> fal_client::Result<()> {
/// # let input = untyped::input("a/b", serde_json::json!({}));
/// let client = Client::from_env()?;
/// let reply = client.run(input).timeout(Duration::from_secs(60)).await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias("AsyncClient", "async_client", "fal"))]
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Shared>);

/// The state that clones of a client share.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
    pub(crate) queue: Permits,
    #[cfg(feature = "realtime")]
    pub(crate) sockets: crate::socket::SocketPool,
    pub(crate) uploads: UploadOptions,
    /// `true` to check local files against the limits of endpoints.
    pub(crate) check_files: bool,
    pub(crate) tokens: CdnTokens,
    pub(crate) recent: RecentRequests,
}

impl Client {
    /// Creates a client that is configured by the environment: `FAL_KEY`, or `FAL_KEY_ID` and `FAL_KEY_SECRET`, or
    /// an emulator at `FAL_EMULATOR_URL`. [`ClientBuilder::env`] lists all variables.
    ///
    /// # Errors
    ///
    /// `Auth` without a key, with the variables that were read; `Config` if a variable is invalid.
    #[doc(alias("FAL_KEY", "api key", "api_key"))]
    pub fn from_env() -> Result<Self> {
        Self::builder().env().build()
    }

    /// Returns a builder, for a client that is not, or not only, configured by the environment.
    #[doc(alias("createFalClient", "fal.config"))]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Returns the base URLs of fal's services that this client calls.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        self.0.transport.hosts()
    }

    /// Returns true if requests carry a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.0.transport.has_key()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("hosts", self.hosts())
            .field("has_key", &self.has_key())
            .field("timeout", &self.0.timeout)
            .field("retry", &self.0.retry)
            .finish_non_exhaustive()
    }
}
