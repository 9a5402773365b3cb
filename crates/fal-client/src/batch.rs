//! Many requests of one endpoint, several at a time, with a journal to continue from.

mod batch_item;
mod file_journal;
mod journal;

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use fal_core::{Endpoint, IntoInput};
use futures_util::{FutureExt, Stream, StreamExt, stream};

use self::{
    batch_item::{BatchItem, Journaled, fingerprint},
    journal::JournalState,
};
pub use self::{
    file_journal::FileJournal,
    journal::{Journal, JournalEntry},
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

    /// Returns the replies as a stream in the order in which they arrive, each with the index of its input.
    ///
    /// # Errors
    ///
    /// `File` if the journal cannot be read.
    pub async fn as_completed(self) -> Result<Completions<E>> {
        let Self { client, inputs, options, concurrency, journal, resubmit } = self;
        let state = match &journal {
            Some(journal) => JournalState::read(journal.as_ref()).await?,
            None => JournalState::default(),
        };
        let replies = stream::iter(inputs.enumerate()).map(move |(index, (endpoint, mut input))| {
            let journaled = journal.clone().map(|journal| Journaled {
                journal,
                state: state.item(index),
                fingerprint: fingerprint(&endpoint, &mut input),
                resubmit,
            });
            let call = Call::new(client.clone(), endpoint.clone(), input, options.clone());
            let reply = Pending::reply(endpoint, BatchItem { index, call, journaled }.send());
            reply.map(move |reply| (index, reply))
        });
        Ok(Completions(Box::pin(replies.buffer_unordered(concurrency))))
    }

    async fn in_order(self) -> Result<Vec<Result<Reply<E::Output>>>> {
        let mut completions = self.as_completed().await?;
        let mut replies: Vec<Option<Result<_>>> = Vec::new();
        while let Some((index, reply)) = completions.next().await {
            if replies.len() <= index {
                replies.resize_with(index + 1, || None);
            }
            if let Some(place) = replies.get_mut(index) {
                *place = Some(reply);
            }
        }
        let missing = || Err(Error::new(ErrorKind::Config, "the input was not sent"));
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
pub struct Completions<E: Endpoint>(Pin<Box<dyn Stream<Item = Completion<E>> + Send>>);

/// The index of an input, and its reply.
type Completion<E> = (usize, Result<Reply<<E as Endpoint>::Output>>);

impl<E: Endpoint> Completions<E> {
    /// Waits for the next reply. Returns it with the index of its input, or `None` after the last one.
    ///
    /// This can be dropped while it waits without losing a reply.
    pub async fn next(&mut self) -> Option<(usize, Result<Reply<E::Output>>)> {
        self.0.next().await
    }
}

impl<E: Endpoint> Stream for Completions<E> {
    type Item = (usize, Result<Reply<E::Output>>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
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
