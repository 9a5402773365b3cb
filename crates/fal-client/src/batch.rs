//! `batch`: many inputs, some at a time, and none of them paid for twice.

mod file;
mod journal;
mod one;

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use fal_core::{Endpoint, IntoInput};
use futures_util::{FutureExt, Stream, StreamExt, stream};

pub use self::{
    file::FileJournal,
    journal::{Journal, JournalEntry},
};
use self::{
    journal::Past,
    one::{Kept, One},
};
use crate::{
    Client, Error, ErrorKind, Pending, Reply, Result, call::CallOptions, prepare, queue::Submission,
};

/// Many requests over the queue, from [`Client::batch`]. Sent by awaiting it, which gives the replies in the
/// order of the inputs, or by [`as_completed`](Self::as_completed).
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
/// # What happens when the process dies
///
/// The journal says of each request that it is about to be sent, and then its ticket. A process that starts
/// again with the same inputs and the same journal waits for the requests that have a ticket, instead of
/// sending, and paying for, them again. A request of which the journal only says that it was about to be sent
/// may be running, and fal cannot be asked: its reply is an error of the kind `InDoubt`, unless
/// [`resubmit_in_doubt`](Self::resubmit_in_doubt) is set. That can happen to as many as were being submitted
/// at that moment.
///
/// fal keeps results for a limited time; the journal keeps none.
///
/// Options are those of each request. When the time of one is up, it is cancelled if there is no journal, and
/// left to the next process if there is one.
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

    /// How many requests are in the queue, or being sent, at a time; 16 by default, and at least 1. Inputs are
    /// taken from their iterator when it is their turn.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// Writes down what is sent, so that another process can go on. See [above](Self).
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Sends requests again of which the journal does not say whether they were accepted. They may then be
    /// done, and billed, twice.
    pub fn resubmit_in_doubt(mut self, again: bool) -> Self {
        self.resubmit = again;
        self
    }

    /// The replies as they come, each with the place of its input.
    ///
    /// # Errors
    ///
    /// `File` when the journal cannot be read.
    pub async fn as_completed(self) -> Result<Completions<E>> {
        let Self { client, inputs, options, concurrency, journal, resubmit } = self;
        let past = match &journal {
            Some(journal) => Past::read(journal.as_ref()).await?,
            None => Past::default(),
        };
        let done = stream::iter(inputs.enumerate()).map(move |(index, (endpoint, mut input))| {
            let kept = journal.clone().map(|journal| Kept {
                journal,
                past: past.of(index),
                fingerprint: one::fingerprint(&endpoint, &mut input),
                resubmit,
            });
            let input = prepare::write(input, options.skip_validation);
            let submission = Submission::new(client.clone(), endpoint.clone(), input, options.clone());
            let reply = Pending::reply(endpoint, One { index, submission, kept }.send());
            reply.map(move |reply| (index, reply))
        });
        Ok(Completions(Box::pin(done.buffer_unordered(concurrency))))
    }

    async fn in_order(self) -> Result<Vec<Result<Reply<E::Output>>>> {
        let mut done = self.as_completed().await?;
        let mut replies: Vec<Option<Result<_>>> = Vec::new();
        while let Some((index, reply)) = done.next().await {
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

/// The replies of a batch as they come, from [`BatchRequest::as_completed`].
///
/// Requests are sent and followed while this is polled. Dropping it leaves those that were sent to the queue.
#[must_use = "a stream does nothing unless polled"]
pub struct Completions<E: Endpoint>(Pin<Box<dyn Stream<Item = Completion<E>> + Send>>);

/// The place of an input, and its reply.
type Completion<E> = (usize, Result<Reply<<E as Endpoint>::Output>>);

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
