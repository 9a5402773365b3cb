//! A batch before it is started.

use std::{borrow::Cow, fmt, sync::Arc};

use fal_core::{Endpoint, IntoInput};

use super::{
    Budget, Completions, Concurrency, Journal, LockWait, Progress,
    batch_item::ResubmitFailed,
    completions::Start,
    estimate::{BatchEstimate, Estimator},
    fingerprint::json_of,
    journal::KeyKind,
    journal_state::{ItemProgress, JournalState, Wanted},
    keys::KeySource,
    progress::OnProgress,
};
use crate::{
    Client, Error, Pending, Reply, Result, options::CallOptions, queue::Ticket, reconcile::Reconcile,
};

/// Many requests over the queue, from [`Client::batch`]. Await it to send them and to get the replies in the order of the
/// inputs, or call [`as_completed`](Self::as_completed).
///
/// ```no_run
/// use fal_client::{Client, batch::FileJournal, untyped};
/// use serde_json::json;
///
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", json!({ "prompt": "a cat", "seed": seed })));
/// let replies = client.batch(inputs).concurrency(32).journal(FileJournal::open("cats.jsonl")?).await?;
/// for reply in replies {
///     match reply {
///         Ok(reply) => println!("{}", reply["images"][0]["url"]),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Continuing after a crash
///
/// The [`journal`](Self::journal) records that a request is about to be sent, and then its ticket. A process that starts
/// again with the same inputs and the same journal waits for the requests that have a ticket, and does not send and pay
/// for them again.
///
/// A request that was about to be sent and has no ticket may be running. This can happen to the requests that were being
/// submitted when the process ended. With [`reconcile`](Self::reconcile), fal is asked about them at the end of the batch.
/// Otherwise their replies are `InDoubt` errors, unless [`resubmit_in_doubt`](Self::resubmit_in_doubt) is set.
///
/// Outputs that were received, and failures of requests, are noted too. A batch that is run again reports the failures
/// without asking fal, unless [`resubmit_failed`](Self::resubmit_failed) sends those requests again, and fetches the outputs
/// once more, which fal keeps for a limited time. [`keep_outputs`](Self::keep_outputs) keeps them in the journal, so that a
/// finished batch makes no request.
///
/// # Inputs that change between runs
///
/// The journal knows an input by its index, so inputs may only be added at the end. Rows of a table that people edit have
/// keys, with [`Client::batch_by_key`]; [`by_content`](Self::by_content) knows inputs by what they contain.
///
/// # Work that follows
///
/// A reply is done when the caller says so, after its own work: see [`Completions::acknowledge`].
///
/// ```no_run
/// # use fal_client::{Client, batch::FileJournal, storage::MediaExt, untyped};
/// # async fn example(client: Client, rows: Vec<(String, untyped::Input)>) -> fal_client::Result<()> {
/// let mut done = client.batch_by_key(rows).journal(FileJournal::open("cats.jsonl")?).as_completed().await?;
/// while let Some((key, reply)) = done.next().await {
///     match reply {
///         Ok(reply) => {
///             reply.save_media(&client, "cats").await?;
///             done.acknowledge(&key).await?; // The next run skips this row.
///         }
///         Err(error) => eprintln!("{key}: {error}"),
///     }
///     eprintln!("{}", done.progress());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Money
///
/// [`estimate`](Self::estimate) says what the batch will cost, and [`budget`](Self::budget) limits what it spends, all runs
/// with one journal together:
///
/// ```no_run
/// # use fal_client::{Client, Usd, batch::FileJournal, untyped};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
/// let mut batch = client.batch(inputs).journal(FileJournal::open("cats.jsonl")?).budget(Usd::dollars(20));
/// println!("{}", batch.estimate().await?); // $25.00 for 1,000 requests
/// let mut done = batch.as_completed().await?;
/// while let Some((index, reply)) = done.next().await {
///     println!("{index}: {}", reply.is_ok());
/// }
/// println!("{}", done.spent().await?); // $20.00 spent
/// # Ok(())
/// # }
/// ```
///
/// # When the account is locked
///
/// A batch stops taking inputs at the first failure that [concerns the whole account](Error::is_account_wide): a locked
/// account, an exhausted balance, a spending limit, a key that is refused. Requests that are in the queue are still waited
/// for. The replies of all other inputs are `Unsent` errors; a stream of [`Completions`] ends before inputs that were not
/// taken, and [`Completions::stop_reason`] says why. The next run with the same journal sends them.
///
/// With [`wait_while_locked`](Self::wait_while_locked) the batch goes on by itself when the lock ends:
///
/// ```no_run
/// # use fal_client::{Client, batch::{FileJournal, LockWait}, untyped};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
/// let batch = client.batch(inputs).journal(FileJournal::open("cats.jsonl")?).wait_while_locked(LockWait::default());
/// let mut replies = batch.as_completed().await?;
/// while let Some((index, reply)) = replies.next().await {
///     println!("{index}: {reply:?}");
/// }
/// if let Some(reason) = replies.stop_reason() {
///     eprintln!("the other inputs were not sent: {reason}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Files
///
/// A file on disk that several inputs have is uploaded once an hour, as long as nobody writes to it. Content in memory is
/// uploaded for each input; [`Client::upload`] gives it a URL before.
///
/// # Options
///
/// Options apply to each request. A request that exceeds its timeout is cancelled if there is no journal, as
/// [`subscribe`](Client::subscribe) does it; with a journal it goes on, and the next process waits for it.
#[must_use = "nothing is sent until this is awaited"]
pub struct BatchRequest<E: Endpoint, K = usize> {
    pub(super) client: Client,
    pub(super) inputs: Box<dyn Iterator<Item = Entry<E, K>> + Send>,
    pub(super) options: CallOptions,
    pub(super) keys: KeyKind,
    pub(super) concurrency: Concurrency,
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) keep_outputs: bool,
    pub(super) resubmit_in_doubt: bool,
    pub(super) resubmit_failed: Option<ResubmitFailed>,
    pub(super) budget: Option<Budget>,
    pub(super) lock_wait: Option<LockWait>,
    pub(super) reconcile: Option<Reconcile>,
    pub(super) webhook_for: Option<WebhookFor<K>>,
    pub(super) on_queued: Option<OnItemQueued<E, K>>,
    pub(super) on_progress: Option<OnProgress>,
}

/// Returns the URL of the webhook of each input.
type WebhookFor<K> = Box<dyn Fn(K) -> String + Send + Sync>;

/// Is called with the key of an input and the ticket of its request.
type OnItemQueued<E, K> = Arc<dyn Fn(K, Ticket<E>) + Send + Sync>;

/// An input with its key.
pub(super) struct Entry<E: Endpoint, K> {
    pub(super) key: K,
    pub(super) endpoint: Cow<'static, str>,
    pub(super) input: E::Input,
}

/// A key of an input, for [`Client::batch_by_key`]: everything that prints as a text which no other input has.
pub trait BatchKey: fmt::Display + Clone + Send + 'static {}

impl<K: fmt::Display + Clone + Send + 'static> BatchKey for K {}

input_options!([E: Endpoint, K] BatchRequest<E, K>);
queue_options!([E: Endpoint, K] BatchRequest<E, K>);

impl<E: Endpoint> BatchRequest<E> {
    pub(crate) fn new<I>(client: Client, inputs: I) -> Self
    where
        I: IntoIterator<Item: IntoInput<Endpoint = E>, IntoIter: Send + 'static>,
    {
        let mut batch = Self::with_keys(client, inputs.into_iter().enumerate());
        batch.keys = KeyKind::Index;
        batch
    }

    /// Recognizes inputs by what they contain, in place of their index: rows may be inserted, removed and sorted between two
    /// runs with one journal, and a row that was changed is a new one.
    ///
    /// Inputs that are equal are distinguished by their order. Local files count by their path.
    pub fn by_content(mut self) -> Self {
        self.keys = KeyKind::Content;
        self
    }
}

impl<E: Endpoint, K: BatchKey> BatchRequest<E, K> {
    pub(crate) fn with_keys<I, T>(client: Client, inputs: I) -> Self
    where
        I: IntoIterator<Item = (K, T), IntoIter: Send + 'static>,
        T: IntoInput<Endpoint = E>,
    {
        let inputs = inputs.into_iter().map(|(key, input)| {
            let endpoint = input.endpoint_id();
            Entry { key, endpoint, input: input.into_input() }
        });
        Self {
            client,
            inputs: Box::new(inputs),
            options: CallOptions::default(),
            keys: KeyKind::Key,
            concurrency: 16.into(),
            journal: None,
            keep_outputs: false,
            resubmit_in_doubt: false,
            resubmit_failed: None,
            budget: None,
            lock_wait: None,
            reconcile: None,
            webhook_for: None,
            on_queued: None,
            on_progress: None,
        }
    }

    /// Sets the number of requests that are sent or in the queue at the same time, at least 1. 16 by default.
    /// [`Concurrency::adaptive`] finds the number that the account runs at once.
    ///
    /// An input is taken from the iterator when its request can be sent.
    #[doc(alias("max_concurrency", "limit"))]
    pub fn concurrency(mut self, requests: impl Into<Concurrency>) -> Self {
        self.concurrency = requests.into();
        self
    }

    /// Records the requests in a journal, from which another process can continue; see [above](Self).
    ///
    /// There is no journal by default.
    #[doc(alias("idempotency", "checkpoint"))]
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Keeps each output in the journal, so that a batch that is run again makes no request for it, also when fal no longer
    /// has it. Off by default, because outputs may be large or private.
    ///
    /// Outputs hold URLs of the files that a model has made, and not their content.
    pub fn keep_outputs(mut self) -> Self {
        self.keep_outputs = true;
        self
    }

    /// Limits the money that the batch spends, in all runs with one journal together. There is no limit by default.
    ///
    /// The largest cost of a request is reserved before it is sent, by the price of its endpoint, and what fal charges
    /// ([billable units](Reply::billable_units)) is settled when it is done. A request whose cost fal does not name is charged
    /// in full, and one that may be running stays reserved. When the rest is too small for the next request, the batch
    /// waits for those that run, and then stops: inputs that were not sent are `Unsent` errors, and
    /// [`Completions::stop_reason`] says why.
    ///
    /// The limit holds as long as no request costs more than was reserved for it. Should one do so, later requests to its
    /// endpoint reserve as much. [`Budget::max_per_request`] sets the reservation, and is needed where the cost does not
    /// follow from the input: without it, such a request is a `Config` error, and not sent.
    ///
    /// With a budget, [`Retry::even_if_accepted`](crate::Retry::even_if_accepted) does not apply to submits.
    #[doc(alias = "spending limit")]
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.budget = Some(budget.into());
        self
    }

    /// Sets whether requests are sent again that an earlier process may have submitted. Such a request may run, and be
    /// billed, twice: [`Completions::spent`] counts the first one as well. Off by default.
    pub fn resubmit_in_doubt(mut self, resubmit: bool) -> Self {
        self.resubmit_in_doubt = resubmit;
        self
    }

    /// Sends requests again that have failed in an earlier run, if `resubmit` returns true for their failure. They are billed
    /// once more. Off by default.
    ///
    /// Also asked about outputs that fal no longer has (`NotFound`).
    ///
    /// ```no_run
    /// # use fal_client::{Client, batch::FileJournal, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
    /// let batch = client.batch(inputs).journal(FileJournal::open("cats.jsonl")?);
    /// let replies = batch.resubmit_failed(|error| !error.is_validation()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resubmit_failed(mut self, resubmit: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.resubmit_failed = Some(Box::new(resubmit));
        self
    }

    /// Asks fal about the requests that may have been accepted, when all others are done: those that an earlier process
    /// was submitting when it ended, and those whose submit was not answered. Off by default.
    ///
    /// A request that is found is waited for, one that was not accepted is sent, and one that cannot be decided is an
    /// `InDoubt` error that says why. [`reconcile`](crate::reconcile) explains how it is decided, and what it takes: by
    /// default up to 15 minutes at the end of a batch in which a request was lost.
    ///
    /// ```no_run
    /// # use fal_client::{Client, batch::FileJournal, reconcile::Reconcile, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
    /// let replies = client.batch(inputs).journal(FileJournal::open("cats.jsonl")?).reconcile(Reconcile::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconcile(mut self, settings: Reconcile) -> Self {
        self.reconcile = Some(settings);
        self
    }

    /// Gives each request a webhook of its own, by the key of its input.
    ///
    /// A [delivery](crate::reconcile::Deliveries) to such a URL decides whether its request was accepted.
    ///
    /// ```no_run
    /// # use fal_client::{Client, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
    /// let batch = client.batch(inputs).webhook_for(|index| format!("https://me.example/fal?key=cats/{index}"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn webhook_for(mut self, url: impl Fn(K) -> String + Send + Sync + 'static) -> Self {
        self.webhook_for = Some(Box::new(url));
        self
    }

    /// Waits for the end of a lock, in place of stopping at it. Off by default.
    ///
    /// A lock is [`ErrorKind::Locked`]. While it lasts, a single waiting request is sent after each pause; once one is
    /// accepted, the batch goes on. A refused request costs nothing. A key that is refused stops the batch all the same.
    ///
    /// [`ErrorKind::Locked`]: crate::ErrorKind::Locked
    pub fn wait_while_locked(mut self, wait: LockWait) -> Self {
        self.lock_wait = Some(wait);
        self
    }

    /// Calls `on_queued` with the key of each input and the ticket of its request, as soon as fal has accepted it.
    ///
    /// Not called for requests whose ticket the [`journal`](Self::journal) has. One whose answer was lost is reported when
    /// [`reconcile`](Self::reconcile) has found it.
    pub fn on_queued(mut self, on_queued: impl Fn(K, Ticket<E>) + Send + Sync + 'static) -> Self {
        self.on_queued = Some(Arc::new(on_queued));
        self
    }

    /// Calls `on_progress` with each change of the [`Progress`].
    ///
    /// ```no_run
    /// # use fal_client::{Client, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// # let inputs = (0..1000).map(|seed| untyped::input("fal-ai/flux/dev", serde_json::json!({ "seed": seed })));
    /// let replies = client.batch(inputs).on_progress(|progress| eprint!("\r{progress}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_progress(mut self, on_progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    /// Estimates the cost of the inputs that are still to be sent. Nothing is run.
    ///
    /// Makes one request for each endpoint, and one more for an endpoint whose cost does not follow from the inputs: its
    /// estimate is the average of past calls. Takes all inputs from their iterator, and holds them in memory.
    ///
    /// # Errors
    ///
    /// `File` if the journal cannot be read, `Config` with a `proxy_url`, and failures of the price list.
    pub async fn estimate(&mut self) -> Result<BatchEstimate> {
        let wanted = Wanted { accepted: false, done_replies: false };
        let state = match &self.journal {
            Some(journal) => JournalState::read(journal.as_ref(), self.keys, wanted).await?,
            None => JournalState::default(),
        };
        let inputs = std::mem::replace(&mut self.inputs, Box::new(std::iter::empty()));
        let mut entries: Vec<Entry<E, K>> = inputs.collect();
        let mut keys = KeySource::new(self.keys);
        let mut estimator = Estimator::new(self.client.clone());
        let mut result = Ok(());
        for entry in &mut entries {
            let json = match json_of(&mut entry.input) {
                Ok(json) => json,
                // Reported when the input is sent.
                Err(_) => continue,
            };
            let Ok(key) = keys.key(&entry.key, &entry.endpoint, &json) else { continue };
            match state.item(key.item).progress {
                ItemProgress::Unsent => result = estimator.add(&entry.endpoint, &json).await,
                _ => estimator.add_sent(),
            }
            if result.is_err() {
                break;
            }
        }
        self.inputs = Box::new(entries.into_iter());
        result?;
        estimator.finish().await
    }

    /// Returns the replies as a stream in the order in which they arrive, each with the key of its input.
    ///
    /// Inputs whose reply was [acknowledged](Completions::acknowledge) in an earlier run have none.
    ///
    /// # Errors
    ///
    /// `File` if the journal cannot be read; `Config` if its keys are of another kind, or the budget does not fit what it
    /// knows.
    pub async fn as_completed(self) -> Result<Completions<E, K>> {
        Start { reports_unsent: false }.start(self).await
    }

    async fn in_order(self) -> Result<Vec<Result<Reply<E::Output>>>> {
        Start { reports_unsent: true }.start(self).await?.into_replies().await
    }
}

impl<E: Endpoint, K: BatchKey> IntoFuture for BatchRequest<E, K> {
    type Output = Result<Vec<Result<Reply<E::Output>>>>;
    type IntoFuture = Pending<Vec<Result<Reply<E::Output>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.in_order())
    }
}

impl<E: Endpoint, K> fmt::Debug for BatchRequest<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRequest")
            .field("concurrency", &self.concurrency)
            .field("journal", &self.journal.is_some())
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
