//! A batch that runs, and its replies.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt, future, iter, mem,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use fal_core::Endpoint;
use futures_util::{FutureExt, Stream, StreamExt, stream};

use super::{
    BatchKey, BatchRequest, Journal, JournalEntry, Progress, ProgressUpdates, Spent,
    account_gate::AccountGate,
    batch_item::{BatchItem, DoubtfulItem, Outcome, Shared, Track},
    budget::Accounts,
    concurrency::Limiter,
    driver::Driver,
    fingerprint::json_of,
    item_key::ItemKey,
    journal::cannot_be_written,
    journal_state::{ItemProgress, JournalState, Wanted},
    keys::KeySource,
    progress::{ItemPhase, ProgressCounter},
    request::Entry,
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Reply, Result,
    call::Call,
    queue::Ticket,
    reconcile::{Decision, KnownRequests, Reconcile, Reconciler},
    reply::CallResponse,
    sync::lock,
};

/// The replies of a batch in the order in which they arrive, from [`BatchRequest::as_completed`].
///
/// Requests are sent and followed while this is polled. If it is dropped, submitted requests remain in the queue.
#[must_use = "a stream does nothing unless polled"]
pub struct Completions<E: Endpoint, K = usize> {
    replies: Pin<Box<dyn Stream<Item = Completion<E, K>> + Send>>,
    gate: Arc<AccountGate>,
    accounts: Arc<Accounts>,
    counter: Arc<ProgressCounter>,
    acknowledger: Acknowledger,
}

/// The index and key of an input, and its reply.
struct Completion<E: Endpoint, K> {
    index: usize,
    key: K,
    reply: Result<Reply<E::Output>>,
}

/// Acknowledges replies of a batch, also from other tasks. From [`Completions::acknowledger`].
#[derive(Clone)]
pub struct Acknowledger {
    journal: Option<Arc<dyn Journal>>,
    answered: Arc<Mutex<HashMap<ItemKey, Arc<str>>>>,
}

impl Acknowledger {
    /// Does the same as [`Completions::acknowledge`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn acknowledge(&self, key: &impl fmt::Display) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let key = key.to_string();
        let known = lock(&self.answered).get(&ItemKey::new(&key)).map(Arc::to_string);
        let Some(known) = known else {
            let message = format!(
                "input {} has no reply to acknowledge: it was not answered yet, or its failure is not final",
                key.escape_debug()
            );
            return Err(Error::new(ErrorKind::Config, message));
        };
        journal.write(JournalEntry::Done { key: known }).await.map_err(cannot_be_written)?;
        lock(&self.answered).remove(&ItemKey::new(&key));
        Ok(())
    }
}

impl<E: Endpoint, K: BatchKey> Completions<E, K> {
    /// Waits for the next reply. Returns it with the key of its input, or `None` after the last one.
    ///
    /// This can be dropped while it waits without losing a reply.
    pub async fn next(&mut self) -> Option<(K, Result<Reply<E::Output>>)> {
        self.replies.next().await.map(|Completion { key, reply, .. }| (key, reply))
    }

    /// Notes in the journal that the caller is done with a reply, so that the next run skips its input. Does nothing without
    /// a journal.
    ///
    /// Call it when the caller's own work has succeeded: the file is saved, the row is written. A process that dies before it
    /// gives the reply again in the next run. Failures of requests can be acknowledged too, and are not reported again.
    ///
    /// # Errors
    ///
    /// `Config` if the input has no final reply: it is running, in doubt or was not sent. `File` if the journal cannot be
    /// written.
    pub async fn acknowledge(&self, key: &K) -> Result<()> {
        self.acknowledger.acknowledge(key).await
    }

    /// Returns what [acknowledges](Self::acknowledge) replies from other tasks.
    #[must_use]
    pub fn acknowledger(&self) -> Acknowledger {
        self.acknowledger.clone()
    }

    async fn next_completion(&mut self) -> Option<Completion<E, K>> {
        self.replies.next().await
    }

    /// Waits for all replies, and returns them in the order of the inputs.
    pub(super) async fn into_replies(mut self) -> Result<Vec<Result<Reply<E::Output>>>> {
        let mut replies: Vec<Option<Result<_>>> = Vec::new();
        while let Some(Completion { index, reply, .. }) = self.next_completion().await {
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

impl<E: Endpoint, K> Completions<E, K> {
    /// Returns the reason for which the batch stopped taking inputs, or `None` if it did not stop.
    ///
    /// Inputs that it did not take are not sent, and have no reply.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&str> {
        self.gate.stop_reason()
    }

    /// Returns the progress of the batch.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.counter.progress()
    }

    /// Returns the progress of the batch as a stream, for a task that draws it.
    ///
    /// ```no_run
    /// # async fn example<E: fal_client::Endpoint>(mut done: fal_client::batch::Completions<E>) {
    /// let mut progress = done.watch();
    /// let drawn = tokio::spawn(async move {
    ///     while let Some(progress) = progress.next().await {
    ///         eprint!("\r{progress}");
    ///     }
    /// });
    /// while let Some((index, reply)) = done.next().await {
    ///     println!("{index}: {}", reply.is_ok());
    /// }
    /// # }
    /// ```
    pub fn watch(&self) -> ProgressUpdates {
        self.counter.watch()
    }

    /// Returns the money that the batch has spent, in this process and, with a journal, in earlier ones.
    ///
    /// A request that an earlier run has sent may be [sent](BatchRequest::resubmit_in_doubt)
    /// [again](BatchRequest::resubmit_failed) before its outcome is known. From then on it counts in every run as one whose
    /// cost is not known, because both requests may be billed. If it was sent with a budget, that is what was reserved for it,
    /// also in runs without one.
    ///
    /// Without a [budget](BatchRequest::budget), the price of each endpoint is fetched once, here.
    ///
    /// # Errors
    ///
    /// Failures of the price list, and `Config` with a `proxy_url`.
    pub async fn spent(&self) -> Result<Spent> {
        self.accounts.spent().await
    }
}

impl<E: Endpoint, K> Stream for Completions<E, K> {
    type Item = (K, Result<Reply<E::Output>>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.replies.as_mut().poll_next(context);
        next.map(|next| next.map(|Completion { key, reply, .. }| (key, reply)))
    }
}

impl<E: Endpoint, K> fmt::Debug for Completions<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Acknowledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledger").field("journal", &self.journal.is_some()).finish_non_exhaustive()
    }
}

/// The manner in which a batch is started.
pub(super) struct Start {
    /// If the batch stops, inputs that were not taken are reported as unsent, in place of skipped.
    pub(super) reports_unsent: bool,
}

/// An input that was taken.
struct Taken<K> {
    index: usize,
    key: K,
    endpoint: Cow<'static, str>,
    outcome: Outcome,
}

/// An input whose request may have been accepted.
struct Doubtful<K> {
    index: usize,
    key: K,
    endpoint: Cow<'static, str>,
    item: Box<DoubtfulItem>,
}

impl Start {
    pub(super) async fn start<E: Endpoint, K: BatchKey>(
        self,
        batch: BatchRequest<E, K>,
    ) -> Result<Completions<E, K>> {
        let gate = Arc::new(AccountGate::new(batch.lock_wait));
        let wanted = Wanted { accepted: batch.reconcile.is_some(), done_replies: self.reports_unsent };
        let state = match &batch.journal {
            Some(journal) => JournalState::read(journal.as_ref(), batch.keys, wanted).await?,
            None => JournalState::default(),
        };
        let accounts = Accounts::open(batch.client.clone(), batch.budget, gate.clone(), &state).await?;
        let total = Some(batch.inputs.size_hint()).filter(|(least, most)| Some(*least) == *most);
        let counter =
            ProgressCounter::new(total.map(|(least, _)| least), accounts.clone(), batch.on_progress);
        let accepted = batch.reconcile.is_some().then(|| Mutex::new(state.accepted().unwrap_or_default()));
        let shared = Arc::new(Shared {
            gate: gate.clone(),
            accounts: accounts.clone(),
            limiter: Limiter::new(batch.concurrency),
            journal: batch.journal.clone(),
            accepted,
            resubmit_in_doubt: batch.resubmit_in_doubt,
            resubmit_failed: batch.resubmit_failed,
            keep_outputs: batch.keep_outputs,
        });
        let acknowledger = Acknowledger { journal: batch.journal, answered: Arc::default() };

        let client = batch.client.clone();
        let mut inputs = batch.inputs.enumerate();
        let mut keys = KeySource::new(batch.keys);
        let (mut options, webhook_for, on_queued) = (batch.options, batch.webhook_for, batch.on_queued);
        options.uploads = Some(options.uploads(&client).share());
        let (item_shared, item_counter) = (shared.clone(), counter.clone());
        let needs_json = shared.journal.is_some() || accounts.has_budget();
        let take = move || -> Option<BoxFuture<'static, Taken<K>>> {
            let gate = &item_shared.gate;
            loop {
                let is_over = gate.is_account_stopped() || (gate.stop_reason().is_some() && state.is_empty());
                if is_over && !self.reports_unsent {
                    return None;
                }
                let (index, Entry { key, endpoint, mut input }) = inputs.next()?;
                let mut counted = item_counter.take();
                let mut fail = |error: Error| {
                    counted.set(if error.is_unsent() { ItemPhase::Unsent } else { ItemPhase::Failed });
                    error
                };
                if gate.is_account_stopped()
                    && let Some(unsent) = gate.unsent()
                {
                    let reply = Err(fail(unsent));
                    let outcome = Outcome::Done { reply, counted, recorded: None };
                    return Some(Box::pin(future::ready(Taken { index, key, endpoint, outcome })));
                }
                let json = needs_json.then(|| json_of(&mut input)).transpose();
                let known = json.and_then(|json| match json {
                    Some(json) => Ok((Some(keys.key(&key, &endpoint, &json)?), Some(json))),
                    None => Ok((None, None)),
                });
                let (input_key, json) = match known {
                    Ok(known) => known,
                    Err(error) => {
                        let reply = Err(fail(error));
                        let outcome = Outcome::Done { reply, counted, recorded: None };
                        return Some(Box::pin(future::ready(Taken { index, key, endpoint, outcome })));
                    }
                };
                let item_state = input_key.as_ref().map(|known| state.item(known.item)).unwrap_or_default();
                // After the budget is spent, only requests that were sent before are of interest.
                if gate.stop_reason().is_some()
                    && !self.reports_unsent
                    && matches!(item_state.progress, ItemProgress::Unsent)
                {
                    counted.set(ItemPhase::Unsent);
                    continue;
                }
                let mut options = options.clone();
                if let Some(url) = &webhook_for {
                    options.set_webhook(url(key.clone()));
                }
                let mut call = Call::new(client.clone(), endpoint.clone(), input, options);
                if let Some(on_queued) = on_queued.clone() {
                    let key = key.clone();
                    call.on_queued = Some(Box::new(move |handle| on_queued(key, Ticket::from(handle))));
                }
                let (text, fingerprint) = match input_key {
                    Some(known) => (known.text, Some(known.fingerprint)),
                    None => (key.to_string().into(), None),
                };
                let track = Track {
                    shared: item_shared.clone(),
                    key: text,
                    state: item_state,
                    fingerprint,
                    counted,
                    reservation: None,
                    replaced: None,
                };
                let sent =
                    BatchItem { call, track, json: json.filter(|_| item_shared.accounts.has_budget()) };
                let taken = sent.send().map(move |outcome| Taken { index, key, endpoint, outcome });
                return Some(Box::pin(taken));
            }
        };
        let driver = Driver::new(iter::from_fn(take), shared.clone());
        let doubtful: Arc<Mutex<Vec<Doubtful<K>>>> = Arc::default();
        let (aside, sieve) = (doubtful.clone(), Sieve { acknowledger: acknowledger.clone() });
        let replies = driver.filter_map(move |taken| future::ready(sieve.reply::<E, K>(taken, Some(&aside))));

        // Doubts are decided at the end, when fal's list has had time, and has later requests to be compared with.
        let (client, settings, sieve) =
            (batch.client, batch.reconcile, Sieve { acknowledger: acknowledger.clone() });
        let decided = stream::once(async move {
            let doubtful = mem::take(&mut *lock(&doubtful));
            let known = shared.accepted.as_ref().map(|known| lock(known).clone()).unwrap_or_default();
            let decided = decide(client, settings, known, doubtful).await;
            let resolved = decided.into_iter().map(|(doubtful, decision)| -> BoxFuture<'static, Taken<K>> {
                let Doubtful { index, key, endpoint, item } = doubtful;
                let resolved = item.resolve(decision);
                Box::pin(resolved.map(move |outcome| Taken { index, key, endpoint, outcome }))
            });
            Driver::new(resolved, shared)
        });
        let resolved = decided.flatten();
        let resolved = resolved.filter_map(move |taken| future::ready(sieve.reply::<E, K>(taken, None)));

        let ended = counter.clone();
        let end = stream::once(async move { ended.finish() }).filter_map(|()| future::ready(None));
        let replies = Box::pin(replies.chain(resolved).chain(end));
        Ok(Completions { replies, gate, accounts, counter, acknowledger })
    }
}

/// Takes the replies out of what requests come to.
struct Sieve {
    acknowledger: Acknowledger,
}

impl Sieve {
    /// Returns the reply of an input, if it has one. Sets it `aside` if it is in doubt; without that, it reports the doubt.
    fn reply<E: Endpoint, K: BatchKey>(
        &self,
        taken: Taken<K>,
        aside: Option<&Mutex<Vec<Doubtful<K>>>>,
    ) -> Option<Completion<E, K>> {
        let Taken { index, key, endpoint, outcome } = taken;
        let outcome = match (outcome, aside) {
            (Outcome::InDoubt(item), Some(aside)) => {
                lock(aside).push(Doubtful { index, key, endpoint, item });
                return None;
            }
            (Outcome::InDoubt(item), None) => item.into_outcome(),
            (outcome, _) => outcome,
        };
        let Outcome::Done { reply, mut counted, recorded } = outcome else { return None };
        let reply = decode::<E>(endpoint, reply);
        if reply.as_ref().is_err_and(Error::is_decode) {
            counted.set(ItemPhase::Failed);
        }
        if let Some(recorded) = recorded {
            lock(&self.acknowledger.answered).insert(ItemKey::new(&key.to_string()), recorded);
        }
        Some(Completion { index, key, reply })
    }
}

/// Decides which of the requests were accepted. `known` are requests that none of them can be.
async fn decide<K>(
    client: Client,
    settings: Option<Reconcile>,
    known: KnownRequests,
    doubtful: Vec<Doubtful<K>>,
) -> Vec<(Doubtful<K>, Decision)> {
    if doubtful.is_empty() {
        return Vec::new();
    }
    let sent = doubtful.iter().map(|doubtful| doubtful.item.sent.clone()).collect();
    let decisions = Reconciler::new(client, settings.unwrap_or_default()).decide(sent, &known).await;
    doubtful.into_iter().zip(decisions).collect()
}

fn decode<E: Endpoint>(
    endpoint: Cow<'static, str>,
    response: Result<CallResponse>,
) -> Result<Reply<E::Output>> {
    response.and_then(Reply::decode).map_err(|error| error.with_endpoint(endpoint))
}
