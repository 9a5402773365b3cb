//! Many requests of one endpoint, several at a time, with a journal to continue from.

mod account_gate;
mod batch_item;
mod file_journal;
mod journal;
mod lock_wait;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt, future, iter, mem,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use fal_core::{Endpoint, IntoInput};
use futures_util::{FutureExt, Stream, StreamExt, stream};

use self::{
    account_gate::AccountGate,
    batch_item::{Accepted, BatchItem, DoubtfulItem, Journaled, Outcome, fingerprint},
    journal::JournalState,
};
pub use self::{
    file_journal::FileJournal,
    journal::{Journal, JournalEntry},
    lock_wait::LockWait,
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Pending, Reply, Result,
    call::Call,
    options::CallOptions,
    queue::Ticket,
    reconcile::{Decision, KnownRequests, Reconcile, Reconciler},
    reply::CallResponse,
    sync::lock,
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
/// fal keeps results for a limited time. The journal keeps none.
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
/// # Options
///
/// Options apply to each request. A request that exceeds its timeout is cancelled if there is no journal; with a journal
/// it goes on, and the next process waits for it.
#[must_use = "nothing is sent until this is awaited"]
pub struct BatchRequest<E: Endpoint> {
    client: Client,
    inputs: Box<dyn Iterator<Item = Named<E>> + Send>,
    options: CallOptions,
    concurrency: usize,
    journal: Option<Arc<dyn Journal>>,
    resubmit: bool,
    lock_wait: Option<LockWait>,
    reconcile: Option<Reconcile>,
    webhook_for: Option<WebhookFor>,
    on_queued: Option<OnItemQueued<E>>,
}

/// Returns the URL of the webhook of each input.
type WebhookFor = Box<dyn Fn(usize) -> String + Send + Sync>;

/// Is called with the index of an input and the ticket of its request.
type OnItemQueued<E> = Arc<dyn Fn(usize, Ticket<E>) + Send + Sync>;

/// An input, and the id of its endpoint.
type Named<E> = (Cow<'static, str>, <E as Endpoint>::Input);

input_options!(BatchRequest);
queue_options!(BatchRequest);

impl<E: Endpoint> BatchRequest<E> {
    pub(crate) fn new<I>(client: Client, inputs: I) -> Self
    where
        I: IntoIterator<Item: IntoInput<Endpoint = E>, IntoIter: Send + 'static>,
    {
        let inputs = inputs.into_iter().map(|input| (input.endpoint_id(), input.into_input()));
        Self {
            client,
            inputs: Box::new(inputs),
            options: CallOptions::default(),
            concurrency: 16,
            journal: None,
            resubmit: false,
            lock_wait: None,
            reconcile: None,
            webhook_for: None,
            on_queued: None,
        }
    }

    /// Sets the number of requests that are sent or in the queue at the same time, at least 1. 16 by default.
    ///
    /// An input is taken from the iterator when its request can be sent.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// Records the requests in a journal, from which another process can continue; see [above](Self).
    ///
    /// There is no journal by default.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Sets whether requests are sent again that an earlier process may have submitted. Such a request may run, and be
    /// billed, twice. Off by default.
    pub fn resubmit_in_doubt(mut self, resubmit: bool) -> Self {
        self.resubmit = resubmit;
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

    /// Gives each request a webhook of its own, by the index of its input.
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
    pub fn webhook_for(mut self, url: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        self.webhook_for = Some(Box::new(url));
        self
    }

    /// Waits for the end of a lock, in place of stopping at it. Off by default.
    ///
    /// A lock is [`ErrorKind::Locked`]. While it lasts, a single waiting request is sent after each pause; once one is
    /// accepted, the batch goes on. A refused request costs nothing. A key that is refused stops the batch all the same.
    pub fn wait_while_locked(mut self, wait: LockWait) -> Self {
        self.lock_wait = Some(wait);
        self
    }

    /// Calls `on_queued` with the index of each input and the ticket of its request, as soon as fal has accepted it.
    ///
    /// Not called for requests whose ticket the [`journal`](Self::journal) has. One whose answer was lost is reported when
    /// [`reconcile`](Self::reconcile) has found it.
    pub fn on_queued(mut self, on_queued: impl Fn(usize, Ticket<E>) + Send + Sync + 'static) -> Self {
        self.on_queued = Some(Arc::new(on_queued));
        self
    }

    /// Returns the replies as a stream in the order in which they arrive, each with the index of its input.
    ///
    /// # Errors
    ///
    /// `File` if the journal cannot be read.
    pub async fn as_completed(self) -> Result<Completions<E>> {
        self.start(false).await
    }

    /// Starts the batch. If it stops, inputs that were not taken are skipped, or reported as unsent.
    async fn start(self, reports_unsent: bool) -> Result<Completions<E>> {
        let Self {
            client,
            mut inputs,
            options,
            concurrency,
            journal,
            resubmit,
            lock_wait,
            reconcile,
            webhook_for,
            on_queued,
        } = self;
        let state = match &journal {
            Some(journal) => JournalState::read(journal.as_ref()).await?,
            None => JournalState::default(),
        };
        let gate = Arc::new(AccountGate::new(lock_wait));
        let is_open = {
            let gate = gate.clone();
            move || reports_unsent || gate.stop_reason().is_none()
        };
        let taken = iter::from_fn(move || if is_open() { inputs.next() } else { None });
        let item_gate = gate.clone();
        let accepted: Option<Accepted> = reconcile.is_some().then(|| Arc::new(Mutex::new(state.accepted())));
        let doubtful: Arc<Mutex<Vec<Doubtful>>> = Arc::default();
        let (aside, known, item_client) = (doubtful.clone(), accepted.clone(), client.clone());
        let sent = stream::iter(taken.enumerate()).map(move |(index, (endpoint, mut input))| {
            let gate = item_gate.clone();
            let outcome = match gate.unsent() {
                Some(unsent) => Box::pin(future::ready(Outcome::Done(Err(unsent)))) as BoxFuture<'static, _>,
                None => {
                    let journaled = journal.clone().map(|journal| Journaled {
                        journal,
                        state: state.item(index),
                        fingerprint: fingerprint(&endpoint, &mut input),
                        resubmit,
                    });
                    let mut options = options.clone();
                    if let Some(url) = &webhook_for {
                        options.set_webhook(url(index));
                    }
                    let mut call = Call::new(item_client.clone(), endpoint.clone(), input, options);
                    if let Some(on_queued) = on_queued.clone() {
                        call.on_queued = Some(Box::new(move |handle| on_queued(index, Ticket::from(handle))));
                    }
                    BatchItem { index, call, gate, journaled, accepted: accepted.clone() }.send()
                }
            };
            outcome.map(move |outcome| (index, endpoint, outcome))
        });
        let replies = sent.buffer_unordered(concurrency).filter_map(move |(index, endpoint, outcome)| {
            future::ready(match outcome {
                Outcome::Done(response) => Some((index, decode::<E>(endpoint, response))),
                Outcome::InDoubt(item) => {
                    lock(&aside).push((index, endpoint, item));
                    None
                }
            })
        });
        // Doubts are decided at the end, when fal's list has had time, and has later requests to be compared with.
        let decided = stream::once(async move {
            let doubtful = mem::take(&mut *lock(&doubtful));
            let known = known.map(|known| lock(&known).clone()).unwrap_or_default();
            stream::iter(decide(client, reconcile, known, doubtful).await)
        });
        let resolved = decided.flatten().map(|((index, endpoint, item), decision)| {
            item.resolve(decision).map(move |outcome| {
                let response = match outcome {
                    Outcome::Done(response) => response,
                    Outcome::InDoubt(item) => Err(item.into_error()),
                };
                (index, decode::<E>(endpoint, response))
            })
        });
        let replies = replies.chain(resolved.buffer_unordered(concurrency));
        Ok(Completions { replies: Box::pin(replies), gate })
    }

    async fn in_order(self) -> Result<Vec<Result<Reply<E::Output>>>> {
        let mut completions = self.start(true).await?;
        let mut replies: Vec<Option<Result<_>>> = Vec::new();
        while let Some((index, reply)) = completions.next().await {
            if replies.len() <= index {
                replies.resize_with(index + 1, || None);
            }
            if let Some(place) = replies.get_mut(index) {
                *place = Some(reply);
            }
        }
        let missing = || Err(Error::new(ErrorKind::Unsent, "the input was not sent"));
        Ok(replies.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect())
    }
}

/// The index and endpoint of a request that may have been accepted, and the request.
type Doubtful = (usize, Cow<'static, str>, Box<DoubtfulItem>);

/// Decides which of the requests were accepted. `known` are requests that none of them can be.
async fn decide(
    client: Client,
    settings: Option<Reconcile>,
    known: KnownRequests,
    doubtful: Vec<Doubtful>,
) -> Vec<(Doubtful, Decision)> {
    if doubtful.is_empty() {
        return Vec::new();
    }
    let sent = doubtful.iter().map(|(_, _, item)| item.sent.clone()).collect();
    let decisions = Reconciler::new(client, settings.unwrap_or_default()).decide(sent, &known).await;
    doubtful.into_iter().zip(decisions).collect()
}

fn decode<E: Endpoint>(
    endpoint: Cow<'static, str>,
    response: Result<CallResponse>,
) -> Result<Reply<E::Output>> {
    response.and_then(Reply::decode).map_err(|error| error.with_endpoint(endpoint))
}

impl<E: Endpoint> IntoFuture for BatchRequest<E> {
    type Output = Result<Vec<Result<Reply<E::Output>>>>;
    type IntoFuture = Pending<Vec<Result<Reply<E::Output>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.in_order())
    }
}

/// The replies of a batch in the order in which they arrive, from [`BatchRequest::as_completed`].
///
/// Requests are sent and followed while this is polled. If it is dropped, submitted requests remain in the queue.
#[must_use = "a stream does nothing unless polled"]
pub struct Completions<E: Endpoint> {
    replies: Pin<Box<dyn Stream<Item = Completion<E>> + Send>>,
    gate: Arc<AccountGate>,
}

/// The index of an input, and its reply.
type Completion<E> = (usize, Result<Reply<<E as Endpoint>::Output>>);

impl<E: Endpoint> Completions<E> {
    /// Waits for the next reply. Returns it with the index of its input, or `None` after the last one.
    ///
    /// This can be dropped while it waits without losing a reply.
    pub async fn next(&mut self) -> Option<(usize, Result<Reply<E::Output>>)> {
        self.replies.next().await
    }

    /// Returns the reason for which the batch stopped taking inputs, or `None` if it did not stop.
    ///
    /// Inputs that it did not take are not sent, and have no reply.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&str> {
        self.gate.stop_reason()
    }
}

impl<E: Endpoint> Stream for Completions<E> {
    type Item = (usize, Result<Reply<E::Output>>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.replies.as_mut().poll_next(context)
    }
}

impl<E: Endpoint> fmt::Debug for Completions<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions").finish_non_exhaustive()
    }
}

impl<E: Endpoint> fmt::Debug for BatchRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRequest")
            .field("concurrency", &self.concurrency)
            .field("journal", &self.journal.is_some())
            .finish_non_exhaustive()
    }
}
