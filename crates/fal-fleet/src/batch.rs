//! A batch: requests with keys, and the settings that they share.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use fal_client::{
    Client, IntoInput,
    batch::{Budget, Concurrency},
    untyped::EndpointId,
};
use fal_core::{Endpoint, File, Parameters};
use futures_util::{Stream, StreamExt, TryStreamExt, pin_mut, stream};
use tokio_postgres::Transaction;

use crate::{
    BatchLedger, BatchStatus, Enqueued, Error, ErrorKind, FailedRequest, Result, RetryFailed, Reuse,
    ledger::{BatchSettings, CHUNK, Ledger, NewRequest, postgres},
    uploads::Uploads,
    webhooks::check_url,
};

/// The number of requests whose files are uploaded at the same time.
const UPLOADS_AT_ONCE: usize = 4;

/// A batch of a fleet, from [`Fleet::batch`](crate::Fleet::batch).
///
/// Settings are written with the next requests, and hold for all requests of the batch. A setting that is not given keeps its
/// value.
///
/// ```no_run
/// use fal_client::{Usd, untyped};
/// use serde_json::json;
///
/// # async fn example(fleet: fal_fleet::Fleet) -> fal_fleet::Result<()> {
/// let batch = fleet.batch("cats").concurrency(40).budget(Usd::dollars(500)).webhook("https://me.example/fal").reconcile(true);
/// let rows = [("tom", "a grey cat"), ("felix", "a black cat")];
/// let inputs = rows.map(|(key, prompt)| (key, untyped::input("fal-ai/flux/dev", json!({ "prompt": prompt }))));
/// let added = batch.enqueue(inputs).await?;
/// println!("{} added, {} known", added.added, added.known);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "requests are added by `enqueue`"]
pub struct Batch {
    ledger: Ledger,
    settings: BatchSettings,
    uploads: Option<Uploads>,
}

impl Batch {
    pub(crate) fn new(ledger: Ledger, name: String) -> Self {
        Self { ledger, settings: BatchSettings { name, ..BatchSettings::default() }, uploads: None }
    }

    /// Sets the account whose workers send the requests: `default` by default. See
    /// [`Worker::account`](crate::Worker::account).
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.settings.account = Some(name.into());
        self
    }

    /// Sets the number of requests of the whole account that are sent or in fal's queue at the same time, by all workers
    /// together. 16 by default.
    ///
    /// [`Concurrency::adaptive`] starts with 4, allows one more whenever as many requests have ended as may be under way, and
    /// goes back to what fal has accepted after a 429.
    pub fn concurrency(mut self, requests: impl Into<Concurrency>) -> Self {
        self.settings.concurrency = Some(requests.into());
        self
    }

    /// Sets the priority, 0 by default. Requests of a batch with a higher number go first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.settings.priority = Some(priority);
        self
    }

    /// Limits the money that the batch spends. There is no limit by default.
    ///
    /// The largest cost of a request is reserved before it is sent, by all workers in one place, and what fal charges is
    /// settled when it is done. A request whose cost fal does not name is charged in full, and one that may be running stays
    /// reserved. The batch stops when the rest is too small for the next request; a larger budget lets it go on.
    ///
    /// [`Budget::max_per_request`] is needed where the cost does not follow from the input: without it, such a request
    /// fails, and is not sent.
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.settings.budget = Some(budget.into());
        self
    }

    /// Sets the public URL to which fal delivers the end of each request, to be received by
    /// [`Fleet::webhooks`](crate::Fleet::webhooks). None by default: workers then look at the status of each request.
    ///
    /// The key of the request and a secret are added to the URL. With it, a delivery decides a submit whose answer was lost.
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.settings.webhook = Some(url.into());
        self
    }

    /// Sets whether workers ask fal about requests that may have been accepted. Off by default: such requests stay in doubt.
    ///
    /// See [`fal_client::reconcile`] for the way in which it is decided. A request that was not accepted is sent again, by
    /// default after 10 minutes.
    pub fn reconcile(mut self, reconcile: bool) -> Self {
        self.settings.reconcile = Some(reconcile);
        self
    }

    /// Sets the time after which no request is sent. Those that are in the queue go on. None by default.
    pub fn deadline(mut self, deadline: SystemTime) -> Self {
        self.settings.deadline = Some(deadline);
        self
    }

    /// Sends a request again that has failed at fal, up to a number of times, if the failure may not repeat. A [`RetryFailed`] also
    /// names other failures and the pauses. 0 by default. Each time is billed once more, if fal bills the failure.
    ///
    /// ```no_run
    /// # use fal_client::error_type;
    /// # use fal_fleet::RetryFailed;
    /// # fn example(fleet: fal_fleet::Fleet) {
    /// let batch = fleet.batch("cats").retry_failed(2);
    /// let batch = batch.retry_failed(RetryFailed::times(5).only([error_type::GENERATION_TIMEOUT]));
    /// # }
    /// ```
    pub fn retry_failed(mut self, policy: impl Into<RetryFailed>) -> Self {
        self.settings.retry_failed = Some(policy.into());
        self
    }

    /// Lets requests take the output of an earlier one with the same endpoint and input, in place of sending them. Off by
    /// default.
    ///
    /// Holds for requests that are added from now on, and among those of all such batches of the account. A request waits while
    /// another one with the same input is under way. It costs nothing, and [`Done::is_reused`](crate::Done::is_reused) tells
    /// it. The links in an output are those of the earlier request, and end when they do.
    ///
    /// ```no_run
    /// # use fal_fleet::Reuse;
    /// # fn example(fleet: fal_fleet::Fleet) {
    /// let batch = fleet.batch("cats").reuse(Reuse::Seeded);
    /// # }
    /// ```
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.settings.reuse = Some(reuse);
        self
    }

    /// Uploads local files of inputs with `client` before their requests are added. Off by default: a local file is then an
    /// error, because workers may be on other machines.
    ///
    /// fal keeps the files for the time `keep`, in whole seconds. The same content is uploaded once for all processes that add
    /// requests of this account: its URL is kept in the database and used again until half of the time is over. `keep` should
    /// be twice the time that the requests may wait, or more. A stream is uploaded each time.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use fal_client::{Client, File, input};
    /// use fal_flux::dev::image_to_image;
    ///
    /// # async fn example(fleet: fal_fleet::Fleet) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// let inputs = (0..100_i64).map(|seed| {
    ///     (seed, input!(image_to_image { image_url: File::path("cat.png"), prompt: "a tiger", seed: seed }))
    /// });
    /// fleet.batch("tigers").upload_files(Client::from_env()?, week).enqueue(inputs).await?; // One upload.
    /// # Ok(())
    /// # }
    /// ```
    pub fn upload_files(mut self, client: Client, keep: Duration) -> Self {
        self.uploads = Some(Uploads { client, keep });
        self
    }

    /// Adds requests with keys, and leaves those that the batch has: a key with the same input is known, and nothing is sent
    /// twice.
    ///
    /// Adds 1,000 requests in each transaction. After a failure, call it again with the same requests.
    ///
    /// # Errors
    ///
    /// `OtherInput` for a known key with another input; `Config` for an input that breaks rules of its endpoint or has a local
    /// file that is not to be [uploaded](Self::upload_files).
    pub async fn enqueue<K, I>(&self, requests: impl IntoIterator<Item = (K, I)>) -> Result<Enqueued>
    where
        K: fmt::Display,
        I: IntoInput,
    {
        self.enqueue_stream(stream::iter(requests)).await
    }

    /// Adds the requests of a stream, as [`enqueue`](Self::enqueue) does.
    ///
    /// # Errors
    ///
    /// Those of [`enqueue`](Self::enqueue).
    pub async fn enqueue_stream<K, I>(&self, requests: impl Stream<Item = (K, I)>) -> Result<Enqueued>
    where
        K: fmt::Display,
        I: IntoInput,
    {
        self.check()?;
        let batch = self.ledger.save_batch(&self.settings).await?;
        let mut enqueued = Enqueued::default();
        let encoded = requests.map(|(key, input)| self.encode(key, input)).buffered(UPLOADS_AT_ONCE);
        let chunks = encoded.chunks(CHUNK);
        pin_mut!(chunks);
        while let Some(chunk) = chunks.next().await {
            let chunk: Vec<NewRequest> = chunk.into_iter().collect::<Result<_>>()?;
            enqueued += self.ledger.add(batch, &chunk).await?;
        }
        Ok(enqueued)
    }

    /// Adds requests in a transaction of the application, so that they exist if and only if its own changes do.
    ///
    /// ```no_run
    /// # use fal_client::untyped;
    /// # async fn example(fleet: fal_fleet::Fleet, mut database: tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut transaction = database.transaction().await?;
    /// transaction.execute("insert into product (id) values ($1)", &[&7]).await?;
    /// let input = untyped::input("fal-ai/flux/dev", serde_json::json!({ "prompt": "a teapot" }));
    /// fleet.batch("products").enqueue_in(&mut transaction, [(7, input)]).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`enqueue`](Self::enqueue). The transaction is then to be rolled back.
    pub async fn enqueue_in<K, I>(
        &self,
        transaction: &mut Transaction<'_>,
        requests: impl IntoIterator<Item = (K, I)>,
    ) -> Result<Enqueued>
    where
        K: fmt::Display,
        I: IntoInput,
    {
        if !matches!(self.ledger, Ledger::Postgres(_)) {
            return Err(Error::config("an embedded fleet cannot take part in a transaction of PostgreSQL"));
        }
        self.check()?;
        let encoded = requests.into_iter().map(|(key, input)| self.encode(key, input));
        let requests: Vec<NewRequest> = stream::iter(encoded).buffered(UPLOADS_AT_ONCE).try_collect().await?;
        postgres::add_in(transaction, &self.settings, requests.chunks(CHUNK)).await
    }

    /// Returns the ledger of single requests of the batch, for engines such as Temporal and Restate that run the steps themselves
    /// with this client. See [`RequestLedger`](crate::RequestLedger).
    ///
    /// No worker is needed. One of the same account works on the same requests, and may hand outputs to its handler before the
    /// engine has them.
    pub fn ledger(&self, client: Client) -> BatchLedger {
        BatchLedger::new(self.clone(), client)
    }

    /// Returns the ledger of the fleet.
    pub(crate) fn records(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(crate) fn account_name(&self) -> &str {
        self.settings.account.as_deref().unwrap_or("default")
    }

    /// Returns the batch without settings, so that none is written.
    pub(crate) fn plain(&self) -> Self {
        Self::new(self.ledger.clone(), self.settings.name.clone())
    }

    /// Checks an input, uploads its files, and writes it as JSON.
    async fn encode<K: fmt::Display, I: IntoInput>(&self, key: K, input: I) -> Result<NewRequest> {
        let (key, endpoint) = (key.to_string(), input.endpoint_id().into_owned());
        let shown =
            |why: &dyn fmt::Display| Error::config(format!("the input of `{}`: {why}", key.escape_debug()));
        EndpointId::parse(&endpoint).map_err(|error| shown(&error))?;
        let mut input: <I::Endpoint as Endpoint>::Input = input.into_input();
        fal_core::validate(&input).map_err(|violations| shown(&violations))?;
        let local = local_files(&mut input);
        let mut uploaded = Vec::new();
        for file in local {
            let Some(uploads) = &self.uploads else {
                let why = format!(
                    "{file:?} is on this machine, and workers may be on others; use `Batch::upload_files`, or upload it with \
                     `Client::upload` first"
                );
                return Err(shown(&why));
            };
            let account = self.settings.account.as_deref().unwrap_or("default");
            uploaded.push(uploads.upload(&self.ledger, account, file).await?);
        }
        let mut uploaded = uploaded.into_iter();
        input.visit_files(&mut |file: &mut File| {
            if file.as_url().is_none() {
                *file = uploaded.next().unwrap_or_else(|| file.clone());
            }
        });
        let json = serde_json::to_string(&input).map_err(|error| shown(&error))?;
        Ok(NewRequest { key, endpoint, input: json })
    }

    fn check(&self) -> Result<()> {
        self.settings.webhook.as_deref().map_or(Ok(()), |url| check_url(url).map(drop))
    }

    /// Returns the state of the batch.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn status(&self) -> Result<BatchStatus> {
        let status = self.ledger.status(Some(&self.settings.name)).await?;
        status.batches.into_iter().next().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no batch `{}`", self.settings.name.escape_debug()),
            )
        })
    }

    /// Returns the requests that have failed or are in doubt, with the reasons: up to `most` of them, in the order in which they
    /// were added.
    ///
    /// ```no_run
    /// # async fn example(fleet: fal_fleet::Fleet) -> fal_fleet::Result<()> {
    /// for failed in fleet.batch("cats").failures(100).await? {
    ///     println!("{}: {}", failed.key, failed.message);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Database` if the database cannot be used.
    pub async fn failures(&self, most: u32) -> Result<Vec<FailedRequest>> {
        self.ledger.failures(&self.settings.name, most).await
    }

    /// Sends all requests again that have failed, and returns their number. They are billed once more.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn retry(&self) -> Result<u64> {
        self.ledger.retry(&self.settings.name, None).await
    }

    /// Sends a request again that has failed. Returns false if the batch has no failed request with this key.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn retry_key(&self, key: impl fmt::Display) -> Result<bool> {
        Ok(self.ledger.retry(&self.settings.name, Some(&key.to_string())).await? > 0)
    }

    /// Ends all requests that were not sent, and returns their number. They count as failed, and [`retry`](Self::retry) sends
    /// them after all.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn cancel(&self) -> Result<u64> {
        self.ledger.cancel(&self.settings.name, None).await
    }

    /// Ends a request if it was not sent. Returns false if the batch has no waiting request with this key.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn cancel_key(&self, key: impl fmt::Display) -> Result<bool> {
        Ok(self.ledger.cancel(&self.settings.name, Some(&key.to_string())).await? > 0)
    }

    /// Stops sending requests of the batch, for this reason. Those that are in the queue go on.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn pause(&self, reason: &str) -> Result<()> {
        self.ledger.stop_batch(&self.settings.name, Some(reason)).await
    }

    /// Lets a batch go on that was stopped.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn resume(&self) -> Result<()> {
        self.ledger.stop_batch(&self.settings.name, None).await
    }

    /// Deletes requests that were acknowledged longer ago than `age`, with their outputs, and returns their number.
    ///
    /// The batch forgets their keys: adding one of them again sends and pays it again.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch.
    pub async fn prune(&self, age: Duration) -> Result<u64> {
        self.ledger.prune(&self.settings.name, age).await
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("name", &self.settings.name).finish_non_exhaustive()
    }
}

/// Returns the local files of an input.
fn local_files(input: &mut impl Parameters) -> Vec<File> {
    let mut local = Vec::new();
    input.visit_files(&mut |file: &mut File| {
        if file.as_url().is_none() {
            local.push(file.clone());
        }
    });
    local
}
