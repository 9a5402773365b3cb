//! The client and its verbs.

use std::{fmt, sync::Arc, time::Duration};

use fal_core::{Endpoint, File, IntoInput, Streams};

use crate::{
    Batch, ClientBuilder, Fetch, Hosts, Job, Result, Retry, Run, Storage, Stream, Submit, Subscribe, Ticket,
    Upload, UploadOptions, queue::Permits, storage::Tokens, transport::Transport, untyped,
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
    pub(crate) sockets: crate::socket::Pool,
    pub(crate) uploads: UploadOptions,
    pub(crate) tokens: Tokens,
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
    pub fn run<I: IntoInput>(&self, input: I) -> Run<I::Endpoint> {
        Run::new(self.clone(), input)
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
    pub fn stream<I: IntoInput<Endpoint: Streams>>(&self, input: I) -> Stream<I::Endpoint> {
        Stream::new(self.clone(), input)
    }

    /// Opens a connection to a model, to exchange messages with it without asking anew for each.
    /// `fal.run/{endpoint}/realtime`. With the feature `realtime`.
    ///
    /// The key goes along in the handshake; see [`Connect::with_token`](crate::Connect::with_token) for
    /// connections that must not have it.
    #[cfg(feature = "realtime")]
    pub fn realtime<E: fal_core::Realtime>(&self) -> crate::Connect<E> {
        crate::Connect::new(self.clone(), E::ID.into())
    }

    /// Opens a connection to an endpoint that has no crate. Messages are of any types that serde knows: JSON
    /// values, or structs, in which fields of bytes stay bytes. With the feature `realtime`.
    ///
    /// ```no_run
    /// # use fal_client::Client;
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// use serde_json::{Value, json};
    ///
    /// let mut connection = client.untyped_realtime::<Value, Value>("my-user/my-app").await?;
    /// let answer = connection.request_message(&json!({ "prompt": "Hello, world!" })).await?;
    /// println!("{}", *answer);
    /// connection.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "realtime")]
    pub fn untyped_realtime<S, R>(
        &self,
        endpoint_id: impl Into<String>,
    ) -> crate::Connect<untyped::Messages<S, R>>
    where
        untyped::Messages<S, R>: fal_core::Realtime,
    {
        crate::Connect::new(self.clone(), endpoint_id.into().into())
    }

    /// Opens a connection for many small direct calls of one endpoint, without the cost of a request for each.
    /// `ws.fal.run/{endpoint}`. With the feature `realtime`.
    #[cfg(feature = "realtime")]
    pub fn over_websocket<E: Endpoint>(&self) -> crate::OverWebSocket<E> {
        crate::OverWebSocket::new(self.clone(), E::ID.into())
    }

    /// As [`over_websocket`](Self::over_websocket), for an endpoint that has no crate. With the feature
    /// `realtime`.
    #[cfg(feature = "realtime")]
    pub fn untyped_over_websocket(
        &self,
        endpoint_id: impl Into<String>,
    ) -> crate::OverWebSocket<untyped::Any> {
        crate::OverWebSocket::new(self.clone(), endpoint_id.into().into())
    }

    /// Fetches a short-lived token that opens realtime connections to an app, for whoever must not have the
    /// key. With the feature `realtime`.
    ///
    /// ```no_run
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// let token = client.realtime_token("fal-ai/flux-2/klein/realtime").await?;
    /// println!("{{\"token\": {:?}}}", token.secret()); // to the browser
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "realtime")]
    pub fn realtime_token(&self, endpoint_id: impl Into<String>) -> crate::TokenRequest {
        crate::TokenRequest::new(self.clone(), endpoint_id.into().into())
    }

    /// Puts a request into the queue. `POST queue.fal.run/{endpoint}`.
    pub fn submit<I: IntoInput>(&self, input: I) -> Submit<I::Endpoint> {
        Submit::new(self.clone(), input)
    }

    /// Puts a request into the queue and waits for its answer, with progress on the way.
    pub fn subscribe<I: IntoInput>(&self, input: I) -> Subscribe<I::Endpoint> {
        Subscribe::new(self.clone(), input)
    }

    /// Puts many requests of one endpoint into the queue, some at a time, and waits for all answers.
    ///
    /// With a [`Journal`](crate::Journal), a process that dies and starts again goes on where it was.
    pub fn batch<I>(&self, inputs: I) -> Batch<<I::Item as IntoInput>::Endpoint>
    where
        I: IntoIterator<Item: IntoInput, IntoIter: Send + 'static>,
    {
        Batch::new(self.clone(), inputs)
    }

    /// A request that is in the queue already, by its id. Nothing is sent.
    ///
    /// Whether it is a request of `E` shows when its status or result is fetched.
    ///
    /// ```no_run
    /// # async fn example<E: fal_client::Endpoint>(client: fal_client::Client) -> fal_client::Result<()> {
    /// let job = client.job::<E>("764cabcf-b745-4b3e-ae38-1200304cf45b");
    /// let reply = job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn job<E: Endpoint>(&self, request_id: impl Into<String>) -> Job<E> {
        self.resume(Ticket::new(request_id))
    }

    /// A request of an endpoint that has no crate, by its id. As [`job`](Self::job).
    #[must_use]
    pub fn untyped_job(
        &self,
        endpoint_id: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Job<untyped::Any> {
        self.resume(Ticket::of(endpoint_id, request_id))
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
    pub fn upload(&self, file: File) -> Upload {
        Upload::new(self.clone(), file)
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
    pub fn download(&self, url: impl AsRef<str>) -> Fetch {
        Fetch::new(self.clone(), url.as_ref())
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
