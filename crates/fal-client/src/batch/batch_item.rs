//! A request of a batch, and its entries in the journal.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    reply::CallResponse,
    timeout::{now, within},
    untyped::Any,
};

/// A request of a batch, before it is sent.
pub(super) struct BatchItem {
    pub(super) index: usize,
    pub(super) call: Call,
    pub(super) gate: Arc<AccountGate>,
    pub(super) journaled: Option<Journaled>,
}

/// The journal of the batch, and the request's state in it.
pub(super) struct Journaled {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) state: ItemState,
    pub(super) fingerprint: Result<String>,
    pub(super) resubmit: bool,
}

/// The entries of one request in the journal, if there is one.
struct ItemJournal {
    journal: Arc<dyn Journal>,
    index: usize,
    fingerprint: String,
}

impl BatchItem {
    /// Submits the request, unless the journal has its ticket, and waits for its answer.
    pub(super) fn send(self) -> BoxFuture<'static, Result<CallResponse>> {
        let span = tracing::info_span!("fal.batch", endpoint = %self.call.endpoint, index = self.index);
        Box::pin(self.submit_and_wait().instrument(span))
    }

    async fn submit_and_wait(mut self) -> Result<CallResponse> {
        let endpoint = self.call.endpoint.clone();
        let (journal, known) = self.check_journal().map_err(|error| error.with_endpoint(&*endpoint))?;
        let (start, handle) = match known {
            Some(handle) => (now(), handle),
            None => self.submit(journal.as_ref()).await.map_err(|error| error.with_endpoint(&*endpoint))?,
        };
        let (limit, has_journal, gate) = (self.call.limit(), journal.is_some(), self.gate.clone());
        // What is left holds no input.
        drop((self, journal));
        wait(handle, &gate, start, limit, has_journal).await
    }

    /// Returns the entries of the request, and the request itself if it was submitted before.
    fn check_journal(&mut self) -> Result<(Option<ItemJournal>, Option<RequestHandle>)> {
        let Some(Journaled { journal, state, fingerprint, resubmit }) = self.journaled.take() else {
            return Ok((None, None));
        };
        let (index, fingerprint) = (self.index, fingerprint?);
        if state.fingerprint.as_ref().is_some_and(|known| *known != fingerprint) {
            return Err(other_batch(index));
        }
        let known = match state.progress {
            ItemProgress::Submitted(ticket) if ticket.endpoint() == self.call.endpoint => {
                Some(ticket.into_handle(self.call.client.clone()))
            }
            ItemProgress::Submitted(_) => return Err(other_batch(index)),
            ItemProgress::InDoubt if !resubmit => {
                let message = "an earlier process was sending this request when it ended, so it may be running; \
                               it was not sent again";
                return Err(Error::new(ErrorKind::InDoubt, message));
            }
            ItemProgress::InDoubt | ItemProgress::Unsent => None,
        };
        Ok((Some(ItemJournal { journal, index, fingerprint }), known))
    }

    /// Submits the request once the account is not locked. Returns it with the time at which its last attempt began.
    async fn submit(&mut self, journal: Option<&ItemJournal>) -> Result<(Instant, RequestHandle)> {
        loop {
            let pass = self.gate.pass().await?;
            let start = now();
            let (limit, endpoint) = (self.call.limit(), self.call.endpoint.clone());
            // Boxed, so that a call that waits for its result has given back the memory of the submit.
            let span = self.call.submit_span();
            let attempt = Box::pin(within(limit, &endpoint, submit_once(&mut self.call, journal)));
            match attempt.instrument(span).await {
                Ok(handle) => {
                    pass.accepted();
                    return Ok((start, handle));
                }
                Err(error) => {
                    if !pass.failed(&error) {
                        return Err(error);
                    }
                }
            }
        }
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
async fn submit_once(call: &mut Call, journal: Option<&ItemJournal>) -> Result<RequestHandle> {
    let request = call.prepare_submit().await?;
    let Some(journal) = journal else { return call.send_submit(&request).await };
    journal.write_begun().await?;
    match call.send_submit(&request).await {
        Ok(handle) => match journal.write_submitted(Ticket::from(&handle)).await {
            Ok(()) => Ok(handle),
            Err(error) => Err(handle.with_ids(error)),
        },
        Err(error) => {
            // The next process sends the request again, but only if it cannot have been accepted.
            if !error.may_be_accepted() {
                journal.write_refused().await?;
            }
            Err(error)
        }
    }
}

impl ItemJournal {
    async fn write_begun(&self) -> Result<()> {
        self.write(JournalEntry::Begun { index: self.index, input: self.fingerprint.clone() }).await
    }

    async fn write_refused(&self) -> Result<()> {
        self.write(JournalEntry::Refused { index: self.index }).await
    }

    async fn write_submitted(&self, ticket: Ticket<Any>) -> Result<()> {
        self.write(JournalEntry::Submitted { index: self.index, ticket }).await
    }

    async fn write(&self, entry: JournalEntry) -> Result<()> {
        self.journal.write(entry).await.map_err(|cause| {
            Error::new(ErrorKind::File, format!("the journal cannot be written: {cause}")).with_source(cause)
        })
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
    Ok(format!("{:016x}", fnv1a(endpoint.bytes().chain([0]).chain(json?))))
}

/// Computes the FNV-1a hash. It is short and the same in every version of this crate, and inputs are mixed up by mistake
/// only, so that a cryptographic hash is not needed.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
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

    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }
}
