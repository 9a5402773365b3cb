//! The client and its verbs.

use std::{fmt, sync::Arc, time::Duration};

use fal_core::{Endpoint, File, IntoInput, Streams};

use crate::{
    ClientBuilder, Hosts, Result, Retry, RunRequest,
    batch::BatchRequest,
    queue::{Job, Permits, SubmitRequest, SubscribeRequest, Ticket},
    storage::{CdnTokens, DownloadRequest, Storage, UploadOptions, UploadRequest},
    stream::StreamRequest,
    transport::Transport,
};

/// A connection to fal. Cloning is cheap and shares the connections.
///
/// A verb returns a call: a value that can be given options, kept, moved to a task, and is sent by
/// awaiting it.
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
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
    pub(crate) queue: Permits,
    #[cfg(feature = "realtime")]
    pub(crate) sockets: crate::socket::SocketPool,
    pub(crate) uploads: UploadOptions,
    pub(crate) tokens: CdnTokens,
}

impl Client {
    /// A client with what the environment says: `FAL_KEY`, or `FAL_KEY_ID` and `FAL_KEY_SECRET`, or an
    /// emulator at `FAL_EMULATOR_URL`. See [`ClientBuilder::env`] for all variables.
    ///
    /// # Errors
    ///
    /// `Auth` when there is no key, saying what was looked at; `Config` when a variable makes no sense.
    pub fn from_env() -> Result<Self> {
        Self::builder().env().build()
    }

    /// Starts a client that is not, or not only, configured by the environment.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Calls a model directly and waits for its answer. `POST fal.run/{endpoint}`.
    ///
    /// There is no queue: when all runners are busy the call fails with `RateLimited`, and when the
    /// connection breaks the answer is lost. [`subscribe`](Self::subscribe) survives both.
    pub fn run<I: IntoInput>(&self, input: I) -> RunRequest<I::Endpoint> {
        RunRequest::new(self.clone(), input)
    }

    /// Calls a model directly and gives its answer event by event, as it comes: previews of an image, the words
    /// of a text. `POST fal.run/{endpoint}/stream`.
    ///
    /// There is no queue, as with [`run`](Self::run).
    ///
    /// ```no_run
    /// # use fal_client::{Client, IntoInput, Streams};
    /// # async fn example<I: IntoInput<Endpoint: Streams>>(client: Client, input: I) -> fal_client::Result<()> {
    /// let mut events = client.stream(input).await?;
    /// while let Some(event) = events.next().await {
    ///     let preview = event?;
    /// }
    /// let reply = events.done().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<I: IntoInput<Endpoint: Streams>>(&self, input: I) -> StreamRequest<I::Endpoint> {
        StreamRequest::new(self.clone(), input)
    }

    /// Puts a request into the queue. `POST queue.fal.run/{endpoint}`.
    pub fn submit<I: IntoInput>(&self, input: I) -> SubmitRequest<I::Endpoint> {
        SubmitRequest::new(self.clone(), input)
    }

    /// Puts a request into the queue and waits for its answer, with progress on the way.
    pub fn subscribe<I: IntoInput>(&self, input: I) -> SubscribeRequest<I::Endpoint> {
        SubscribeRequest::new(self.clone(), input)
    }

    /// Puts many requests of one endpoint into the queue, some at a time, and waits for all answers.
    ///
    /// With a [`Journal`](crate::batch::Journal), a process that dies and starts again goes on where it was.
    pub fn batch<I>(&self, inputs: I) -> BatchRequest<<I::Item as IntoInput>::Endpoint>
    where
        I: IntoIterator<Item: IntoInput, IntoIter: Send + 'static>,
    {
        BatchRequest::new(self.clone(), inputs)
    }

    /// A request that is in the queue already, by the [`Ticket`] it was given. Nothing is sent.
    #[must_use]
    pub fn resume<E: Endpoint>(&self, ticket: Ticket<E>) -> Job<E> {
        Job::from_ticket(self.clone(), ticket)
    }

    /// Uploads a file now, to use it in several calls. A file that has a URL is returned as it is.
    ///
    /// Calls upload the local files of their input by themselves.
    ///
    /// ```no_run
    /// # use fal_client::{Client, File};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let cat = client.upload(File::path("cat.png")).await?;
    /// println!("{}", cat.as_url().unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload(&self, file: File) -> UploadRequest {
        UploadRequest::new(self.clone(), file)
    }

    /// Fetches a file by its URL, without sending the key. `data:` URLs are decoded.
    ///
    /// ```no_run
    /// # use fal_client::Client;
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// client.download("https://v3.fal.media/files/cat.png").await?.save("cat.png").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, url: impl AsRef<str>) -> DownloadRequest {
        DownloadRequest::new(self.clone(), url.as_ref())
    }

    /// The account's files: settings, who may read one, signed URLs.
    #[must_use]
    pub fn storage(&self) -> Storage {
        Storage::new(self.clone())
    }

    /// Where this client finds fal's services.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        self.0.transport.hosts()
    }

    /// Whether requests carry a key.
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
