//! A request of a batch, and its entries in the journal.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use fal_core::{File, Parameters};
use serde::Serialize;
use tracing::Instrument;

use super::{
    account_gate::AccountGate,
    journal::{ItemProgress, ItemState, Journal, JournalEntry},
};
use crate::{
    BoxFuture, Error, ErrorKind, Result,
    call::Call,
    input,
    queue::{self, FollowOptions, RequestHandle, Ticket},
    reconcile::{Decision, Digest, DoubtReason, Fnv, KnownRequests, SentRequest},
    reply::CallResponse,
    sync::lock,
    timeout::{now, within},
    timestamp::system_now,
    untyped::Any,
};

/// A request of a batch, before it is sent.
pub(super) struct BatchItem {
    pub(super) index: usize,
    pub(super) call: Call,
    pub(super) gate: Arc<AccountGate>,
    pub(super) journaled: Option<Journaled>,
    /// The requests that were accepted, if doubts are decided at the end of the batch.
    pub(super) accepted: Option<Accepted>,
}

/// The requests of the batch that were accepted, in this process or an earlier one.
pub(super) type Accepted = Arc<Mutex<KnownRequests>>;

/// The journal of the batch, and the request's state in it.
pub(super) struct Journaled {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) state: ItemState,
    pub(super) fingerprint: Result<String>,
    pub(super) resubmit: bool,
}

/// The outcome of a request of a batch.
pub(super) enum Outcome {
    Done(Result<CallResponse>),
    /// The request may have been accepted, which is to be decided before it goes on.
    InDoubt(Box<DoubtfulItem>),
}

/// A request that may have been accepted.
pub(super) struct DoubtfulItem {
    pub(super) item: BatchItem,
    pub(super) sent: Arc<SentRequest>,
    journal: Option<ItemJournal>,
    /// The failure of its submit, if it was sent by this process.
    failure: Option<Error>,
}

/// The entries of one request in the journal, if there is one.
struct ItemJournal {
    journal: Arc<dyn Journal>,
    index: usize,
    fingerprint: String,
}

/// The state of a request before this process sends it.
enum Known {
    Unsent,
    Submitted(RequestHandle),
    InDoubt(Arc<SentRequest>),
}

impl BatchItem {
    /// Submits the request, unless the journal has its ticket, and waits for its answer.
    pub(super) fn send(self) -> BoxFuture<'static, Outcome> {
        let span = tracing::info_span!("fal.batch", endpoint = %self.call.endpoint, index = self.index);
        Box::pin(self.check_and_send().instrument(span))
    }

    async fn check_and_send(mut self) -> Outcome {
        match self.check_journal() {
            Err(error) => Outcome::Done(Err(error)),
            Ok((journal, Known::Unsent)) => self.submit_and_wait(journal).await,
            Ok((journal, Known::Submitted(handle))) => self.wait(journal, handle, now()).await,
            Ok((journal, Known::InDoubt(sent))) => {
                Outcome::InDoubt(Box::new(DoubtfulItem { item: self, sent, journal, failure: None }))
            }
        }
    }

    /// Returns the entries of the request, and its state.
    fn check_journal(&mut self) -> Result<(Option<ItemJournal>, Known)> {
        let Some(Journaled { journal, state, fingerprint, resubmit }) = self.journaled.take() else {
            return Ok((None, Known::Unsent));
        };
        let (index, fingerprint) = (self.index, fingerprint?);
        if state.fingerprint.as_ref().is_some_and(|known| *known != fingerprint) {
            return Err(other_batch(index));
        }
        let known = match state.progress {
            ItemProgress::Submitted(ticket) if ticket.endpoint() == self.call.endpoint => {
                Known::Submitted(ticket.into_handle(self.call.client.clone()))
            }
            ItemProgress::Submitted(_) => return Err(other_batch(index)),
            ItemProgress::InDoubt { sent: Some((begun, digest)) } if self.accepted.is_some() => {
                Known::InDoubt(Arc::new(self.call.sent_request(Bytes::new()).with_past(digest, begun)))
            }
            ItemProgress::InDoubt { .. } if !resubmit => {
                let reason = self.accepted.is_some().then_some(&DoubtReason::NotRecorded);
                return Err(in_doubt(reason, None));
            }
            ItemProgress::InDoubt { .. } | ItemProgress::Unsent => Known::Unsent,
        };
        Ok((Some(ItemJournal { journal, index, fingerprint }), known))
    }

    async fn submit_and_wait(mut self, journal: Option<ItemJournal>) -> Outcome {
        match self.submit(journal.as_ref()).await {
            Ok((start, handle)) => self.wait(journal, handle, start).await,
            Err(failure) if self.accepted.is_some() && failure.sent_request().is_some() => {
                match self.call.sent.get() {
                    Some(sent) => {
                        let failure = Some(failure);
                        Outcome::InDoubt(Box::new(DoubtfulItem { item: self, sent, journal, failure }))
                    }
                    None => Outcome::Done(Err(failure)),
                }
            }
            Err(failure) => Outcome::Done(Err(failure)),
        }
    }

    /// Submits the request once the account is not locked. Returns it with the time at which its last attempt began.
    async fn submit(&mut self, journal: Option<&ItemJournal>) -> Result<(Instant, RequestHandle)> {
        loop {
            let pass = self.gate.pass().await?;
            let start = now();
            let (limit, endpoint, sent) =
                (self.call.limit(), self.call.endpoint.clone(), self.call.sent.clone());
            let span = self.call.submit_span();
            // Boxed, so that a call that waits for its result has given back the memory of the submit.
            let submitted = submit_once(&mut self.call, journal, self.accepted.as_ref());
            let attempt = Box::pin(within(limit, &endpoint, submitted));
            match attempt.instrument(span).await {
                Ok(handle) => {
                    pass.accepted();
                    return Ok((start, handle));
                }
                Err(error) => {
                    let error = sent.attach(error);
                    if !pass.failed(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Waits for a request that was submitted at `start`.
    async fn wait(self, journal: Option<ItemJournal>, handle: RequestHandle, start: Instant) -> Outcome {
        let (limit, has_journal, gate) = (self.call.limit(), journal.is_some(), self.gate.clone());
        // What is left holds no input.
        drop((self, journal));
        Outcome::Done(wait(handle, &gate, start, limit, has_journal).await)
    }
}

impl DoubtfulItem {
    /// Goes on with the request as it was decided: waits for it, sends it, or reports the doubt.
    pub(super) fn resolve(self, decision: Decision) -> BoxFuture<'static, Outcome> {
        let span =
            tracing::info_span!("fal.batch", endpoint = %self.item.call.endpoint, index = self.item.index);
        let resolved = async move {
            let Self { mut item, journal, failure, .. } = self;
            match decision {
                Decision::Found(ticket) => {
                    let handle = ticket.clone().into_handle(item.call.client.clone());
                    if let Some(on_queued) = item.call.on_queued.take() {
                        on_queued(&handle);
                    }
                    match write(journal.as_ref(), |journal| journal.submitted(ticket)).await {
                        Ok(()) => item.wait(journal, handle, now()).await,
                        Err(error) => Outcome::Done(Err(handle.with_ids(error))),
                    }
                }
                Decision::NotAccepted => match write(journal.as_ref(), ItemJournal::refused).await {
                    Ok(()) => item.submit_and_wait(journal).await,
                    Err(error) => Outcome::Done(Err(error)),
                },
                Decision::InDoubt(reason) => Outcome::Done(Err(in_doubt(Some(&reason), failure))),
            }
        };
        Box::pin(resolved.instrument(span))
    }

    /// Reports the doubt of a request that was decided once before.
    pub(super) fn into_error(self) -> Error {
        self.failure.unwrap_or_else(|| in_doubt(None, None))
    }
}

/// Returns the error of a request that may have been accepted. `reason` says why that could not be decided.
fn in_doubt(reason: Option<&DoubtReason>, failure: Option<Error>) -> Error {
    let process = if failure.is_some() {
        "its submit was not answered"
    } else {
        "an earlier process was sending this request when it ended"
    };
    let mut message = format!("{process}, so it may be running; it was not sent again");
    if let Some(reason) = reason {
        message = format!("{message}: {reason}");
    }
    let error = Error::new(ErrorKind::InDoubt, message);
    match failure {
        Some(failure) => match failure.sent_request().cloned() {
            Some(sent) => error.with_sent_request(sent).with_source(failure),
            None => error.with_source(failure),
        },
        None => error,
    }
}

/// Waits for the answer to a request that was submitted at `start`.
async fn wait(
    handle: RequestHandle,
    gate: &AccountGate,
    start: Instant,
    limit: Option<Duration>,
    has_journal: bool,
) -> Result<CallResponse> {
    let left = |limit: Duration| limit.saturating_sub(now().duration_since(start));
    loop {
        let follow = FollowOptions::default();
        let waited = match limit {
            Some(limit) if !has_journal => {
                let waiting = queue::wait(handle.clone(), None, follow);
                match tokio::time::timeout(left(limit), waiting).await {
                    Ok(result) => result,
                    Err(_) => return queue::cancel_timed_out(&handle, limit).await,
                }
            }
            // After a timeout the request goes on, and the next process can wait for it.
            limit => queue::wait(handle.clone(), limit.map(left), follow).await,
        };
        match waited {
            Err(error) if error.is_account_wide() => {
                // If the status can be read, the failure is that of the request itself.
                let is_refused = handle.fetch_status(false).await.is_err_and(|error| error.is_account_wide());
                if !is_refused || !gate.close(&error, false) {
                    return Err(error);
                }
                gate.pause().await;
            }
            waited => return waited,
        }
    }
}

/// Sends a request, and writes down that it may have been accepted before it can have been.
async fn submit_once(
    call: &mut Call,
    journal: Option<&ItemJournal>,
    accepted: Option<&Accepted>,
) -> Result<RequestHandle> {
    let request = call.prepare_submit().await?;
    let is_recorded = journal.is_some() || accepted.is_some();
    let digest = request.json().filter(|_| is_recorded).and_then(Digest::from_json);
    write(journal, |journal| journal.begun(digest)).await?;
    match call.send_submit(&request).await {
        Ok(handle) => {
            if let Some(accepted) = accepted {
                lock(accepted).insert(handle.request_id().to_owned(), digest);
            }
            let written = write(journal, |journal| journal.submitted(Ticket::from(&handle))).await;
            written.map_err(|error| handle.with_ids(error))?;
            Ok(handle)
        }
        Err(error) => {
            // The next process sends the request again, but only if it cannot have been accepted.
            if !error.may_be_accepted() {
                write(journal, ItemJournal::refused).await?;
            }
            Err(error)
        }
    }
}

/// Writes an entry to the journal, if there is one.
async fn write(
    journal: Option<&ItemJournal>,
    entry: impl FnOnce(&ItemJournal) -> JournalEntry,
) -> Result<()> {
    let Some(journal) = journal else { return Ok(()) };
    let written = journal.journal.write(entry(journal)).await;
    written.map_err(|cause| {
        Error::new(ErrorKind::File, format!("the journal cannot be written: {cause}")).with_source(cause)
    })
}

impl ItemJournal {
    fn begun(&self, digest: Option<Digest>) -> JournalEntry {
        let time = system_now().duration_since(UNIX_EPOCH).ok();
        JournalEntry::Begun {
            index: self.index,
            input: self.fingerprint.clone(),
            time: time.and_then(|time| u64::try_from(time.as_millis()).ok()),
            json: digest.map(|digest| digest.to_string()),
        }
    }

    fn refused(&self) -> JournalEntry {
        JournalEntry::Refused { index: self.index }
    }

    fn submitted(&self, ticket: Ticket<Any>) -> JournalEntry {
        JournalEntry::Submitted { index: self.index, ticket }
    }
}

fn other_batch(index: usize) -> Error {
    let message = format!("input {index} is not the one that the journal knows: it belongs to another batch");
    Error::new(ErrorKind::Config, message)
}

/// Returns a fingerprint of an endpoint and an input. Local files count by their path
/// or size, not by their content.
pub(super) fn fingerprint<P: Parameters + Serialize>(endpoint: &str, input: &mut P) -> Result<String> {
    let (mut local, mut nth) = (Vec::new(), 0_usize);
    input.visit_files(&mut |file| {
        if file.as_url().is_none() {
            let placeholder = File::url(format!("{file:?}"));
            local.push((nth, std::mem::replace(file, placeholder)));
        }
        nth += 1;
    });
    let json = input::to_json(input);
    let (mut local, mut nth) = (local.into_iter().peekable(), 0_usize);
    input.visit_files(&mut |file| {
        if let Some((_, original)) = local.next_if(|(place, _)| *place == nth) {
            *file = original;
        }
        nth += 1;
    });
    let mut hash = Fnv::new();
    hash.add(endpoint.as_bytes());
    hash.add(&[0]);
    hash.add(&json?);
    Ok(format!("{:016x}", hash.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize)]
    struct Input(Vec<File>);

    impl Parameters for Input {
        fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
            self.0.visit_files(visit);
        }
    }

    #[test]
    fn a_fingerprint_leaves_local_files_in_the_input() {
        let files = || Input(vec![File::path("a"), File::url("https://x/y"), File::path("b")]);
        let mut input = files();
        let first = fingerprint("acme/app", &mut input).unwrap();
        assert_eq!(input, files());
        assert_eq!(fingerprint("acme/app", &mut input).unwrap(), first);
        assert_ne!(fingerprint("acme/other", &mut input).unwrap(), first);
        input.0.swap(0, 2);
        assert_ne!(fingerprint("acme/app", &mut input).unwrap(), first);
    }
}
