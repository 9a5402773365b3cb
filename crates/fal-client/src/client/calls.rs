//! The calls of a client.

use fal_core::{Endpoint, HasUrl, IntoFile, IntoInput, Streams};

use super::Client;
use crate::{
    RunRequest,
    batch::{BatchKey, BatchRequest},
    queue::{Job, SubmitRequest, SubscribeRequest, Ticket},
    storage::{DownloadRequest, Storage, UploadRequest},
    stream::StreamRequest,
};

impl Client {
    /// Calls a model directly and waits for its output. `POST fal.run/{endpoint}`.
    ///
    /// There is no queue: the call fails with `RateLimited` if all runners are busy, and the output is lost if the
    /// connection breaks. [`subscribe`](Self::subscribe) survives both.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use fal_client::{Client, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let input = untyped::input("fal-ai/flux/schnell", json!({ "prompt": "a cat reading a map" }));
    /// let reply = client.run(input).await?;
    /// println!("{}", reply["images"][0]["url"]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("run_async", "fal.run"))]
    pub fn run<I: IntoInput>(&self, input: I) -> RunRequest<I::Endpoint> {
        RunRequest::new(self.clone(), input)
    }

    /// Calls a model directly and streams its events as they arrive: previews of an image, the words of a text.
    /// `POST fal.run/{endpoint}/stream`.
    ///
    /// There is no queue, as with [`run`](Self::run).
    ///
    /// # Examples
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
    #[doc(alias("stream_async", "fal.stream", "FalStream"))]
    pub fn stream<I: IntoInput<Endpoint: Streams>>(
        &self,
        input: I,
    ) -> StreamRequest<I::Endpoint, <I::Endpoint as Streams>::Event> {
        StreamRequest::new(self.clone(), input)
    }

    /// Submits a request to the queue. `POST queue.fal.run/{endpoint}`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use fal_client::{Client, IntoInput};
    /// # async fn example<I: IntoInput>(client: Client, input: I) -> fal_client::Result<()> {
    /// let job = client.submit(input).await?;
    /// println!("submitted {}", job.request_id());
    /// let reply = job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("submit_async", "queue.submit", "queue.fal.run"))]
    pub fn submit<I: IntoInput>(&self, input: I) -> SubmitRequest<I::Endpoint> {
        SubmitRequest::new(self.clone(), input)
    }

    /// Submits a request to the queue and waits for its output, with progress on the way.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use fal_client::{Client, IntoInput};
    /// # async fn example<I: IntoInput>(client: Client, input: I) -> fal_client::Result<()> {
    /// let call = client.subscribe(input).logs().on_update(|update| println!("{update:?}"));
    /// let reply = call.timeout(Duration::from_secs(300)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("subscribe_async", "fal.subscribe"))]
    pub fn subscribe<I: IntoInput>(&self, input: I) -> SubscribeRequest<I::Endpoint> {
        SubscribeRequest::new(self.clone(), input)
    }

    /// Submits many requests of one endpoint to the queue, a limited number at a time, and waits for all outputs.
    ///
    /// With a [`Journal`](crate::batch::Journal), a process that crashed and starts again continues where it was.
    #[doc(alias = "bulk")]
    pub fn batch<I>(&self, inputs: I) -> BatchRequest<<I::Item as IntoInput>::Endpoint>
    where
        I: IntoIterator<Item: IntoInput, IntoIter: Send + 'static>,
    {
        BatchRequest::new(self.clone(), inputs)
    }

    /// Submits many requests as [`batch`](Self::batch) does, with a key for each input, such as the id of a row.
    ///
    /// The key is given back with the reply, and a journal knows the input by it: rows can be inserted, removed and sorted
    /// between two runs. Two inputs with one key, or another input for a key of the journal, are `Config` errors of that
    /// input.
    ///
    /// ```no_run
    /// # use fal_client::{Client, batch::FileJournal, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let cats = [("tabby", 1), ("tuxedo", 2)];
    /// let rows = cats.map(|(name, seed)| (name, untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed }))));
    /// let mut done = client.batch_by_key(rows).journal(FileJournal::open("cats.jsonl")?).as_completed().await?;
    /// while let Some((name, reply)) = done.next().await {
    ///     println!("{name}: {}", reply?["images"][0]["url"]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch_by_key<I, K, T>(&self, inputs: I) -> BatchRequest<T::Endpoint, K>
    where
        I: IntoIterator<Item = (K, T), IntoIter: Send + 'static>,
        K: BatchKey,
        T: IntoInput,
    {
        BatchRequest::with_keys(self.clone(), inputs)
    }

    /// Returns the request of a [`Ticket`], which is in the queue already. Sends nothing.
    ///
    /// [`EndpointHandle::job`](crate::EndpointHandle::job) takes a request id in place of a ticket.
    #[doc(alias = "from_request_id")]
    #[must_use]
    pub fn resume<E: Endpoint>(&self, ticket: Ticket<E>) -> Job<E> {
        Job::from_ticket(self.clone(), ticket)
    }

    /// Uploads a file, to use it in several calls. A file that has a URL is returned as it is.
    ///
    /// Takes everything that is a file: a [`File`](crate::File), a `Path` or `PathBuf`, content as `Vec<u8>` or `Bytes`, and
    /// files that a model returned. Calls upload the local files of their input by themselves.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::path::PathBuf;
    /// # use fal_client::{Client, File};
    /// # async fn example(client: Client, path: PathBuf, content: Vec<u8>) -> fal_client::Result<()> {
    /// let cat = client.upload(File::path("cat.png")).await?;
    /// println!("{}", cat.as_url().unwrap_or_default());
    /// let dog = client.upload(path).await?;
    /// let noise = client.upload(content).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("upload_file", "upload_image", "storage.upload", "upload_file_async"))]
    pub fn upload(&self, file: impl IntoFile) -> UploadRequest {
        UploadRequest::new(self.clone(), file.into_file())
    }

    /// Downloads a file by its URL, without sending the key. `data:` URLs are decoded.
    ///
    /// Takes everything that [has a URL](HasUrl): text, a `Url`, a [`File`](crate::File), and the files in outputs.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use fal_client::{Client, media::Image};
    /// # async fn example(client: Client, image: Image) -> fal_client::Result<()> {
    /// client.download("https://v3.fal.media/files/cat.png").await?.save("cat.png").await?;
    /// client.download(&image).await?.save("dog.png").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download(&self, file: impl HasUrl) -> DownloadRequest {
        DownloadRequest::new(self.clone(), file.as_url())
    }

    /// Returns the account's file storage: default lifecycle, access rules and signed URLs.
    #[must_use]
    pub fn storage(&self) -> Storage {
        Storage::new(self.clone())
    }
}
