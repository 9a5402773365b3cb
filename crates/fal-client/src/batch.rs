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
    fmt, future, iter,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use fal_core::{Endpoint, IntoInput};
use futures_util::{FutureExt, Stream, StreamExt, stream};

use self::{
    account_gate::AccountGate,
    batch_item::{BatchItem, Journaled, fingerprint},
    journal::JournalState,
};
pub use self::{
    file_journal::FileJournal,
    journal::{Journal, JournalEntry},
    lock_wait::LockWait,
};
use crate::{Client, Error, ErrorKind, Pending, Reply, Result, call::Call, options::CallOptions};

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
/// A request that was about to be sent and has no ticket may be running, and fal cannot be asked about it. Its reply is
/// an `InDoubt` error, unless [`resubmit_in_doubt`](Self::resubmit_in_doubt) is set. This can happen to the requests that
/// were being submitted when the process ended.
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
}

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

    /// Waits for the end of a lock, in place of stopping at it. Off by default.
    ///
    /// A lock is [`ErrorKind::Locked`]. While it lasts, a single waiting request is sent after each pause; once one is
    /// accepted, the batch goes on. A refused request costs nothing. A key that is refused stops the batch all the same.
    pub fn wait_while_locked(mut self, wait: LockWait) -> Self {
        self.lock_wait = Some(wait);
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
        let Self { client, mut inputs, options, concurrency, journal, resubmit, lock_wait } = self;
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
        let replies = stream::iter(taken.enumerate()).map(move |(index, (endpoint, mut input))| {
            let gate = item_gate.clone();
            let reply = match gate.unsent() {
                Some(unsent) => Pending::new(future::ready(Err(unsent.with_endpoint(endpoint)))),
                None => {
                    let journaled = journal.clone().map(|journal| Journaled {
                        journal,
                        state: state.item(index),
                        fingerprint: fingerprint(&endpoint, &mut input),
                        resubmit,
                    });
                    let call = Call::new(client.clone(), endpoint.clone(), input, options.clone());
                    Pending::reply(endpoint, BatchItem { index, call, gate, journaled }.send())
                }
            };
            reply.map(move |reply| (index, reply))
        });
        Ok(Completions { replies: Box::pin(replies.buffer_unordered(concurrency)), gate })
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
