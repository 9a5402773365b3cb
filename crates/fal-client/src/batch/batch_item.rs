//! A request of a batch, and its entries in the journal.

use std::{sync::Arc, time::Duration};

use fal_core::{File, Parameters};
use serde::Serialize;
use tracing::Instrument;

use super::journal::{ItemProgress, ItemState, Journal, JournalEntry};
use crate::{
    BoxFuture, Error, ErrorKind, Result,
    call::Call,
    input,
    queue::{self, FollowOptions, RequestHandle, Ticket},
    reply::CallResponse,
    timeout::now,
};

/// A request of a batch, before it is sent.
pub(super) struct BatchItem {
    pub(super) index: usize,
    pub(super) call: Call,
    pub(super) journaled: Option<Journaled>,
}

/// The journal of the batch, and the request's state in it.
pub(super) struct Journaled {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) state: ItemState,
    pub(super) fingerprint: Result<String>,
    pub(super) resubmit: bool,
}

impl BatchItem {
    /// Submits the request, unless the journal has its ticket, and waits for its answer.
    pub(super) fn send(self) -> BoxFuture<'static, Result<CallResponse>> {
        let span = tracing::info_span!("fal.batch", endpoint = %self.call.endpoint, index = self.index);
        Box::pin(self.wait().instrument(span))
    }

    async fn wait(self) -> Result<CallResponse> {
        let limit = self.call.limit();
        let (has_journal, start) = (self.journaled.is_some(), now());
        let handle = self.submit().await?;
        let left = |limit: Duration| limit.saturating_sub(now().duration_since(start));
        let follow = FollowOptions::default();
        match limit {
            Some(limit) if !has_journal => {
                let waiting = queue::wait(handle.clone(), None, follow);
                match tokio::time::timeout(left(limit), waiting).await {
                    Ok(result) => result,
                    Err(_) => queue::cancel_timed_out(&handle, limit).await,
                }
            }
            // After a timeout the request goes on, and the next process can wait for it.
            limit => queue::wait(handle, limit.map(left), follow).await,
        }
    }

    async fn submit(self) -> Result<RequestHandle> {
        let Self { index, call, journaled } = self;
        let Some(Journaled { journal, state, fingerprint, resubmit }) = journaled else {
            return call.submit().await;
        };
        let endpoint = call.endpoint.clone();
        let fingerprint = fingerprint.map_err(|error| error.with_endpoint(&*endpoint))?;
        if state.fingerprint.as_ref().is_some_and(|known| *known != fingerprint) {
            return Err(other_batch(index).with_endpoint(&*endpoint));
        }
        match state.progress {
            ItemProgress::Submitted(ticket) if ticket.endpoint() == endpoint => {
                return Ok(ticket.into_handle(call.client));
            }
            ItemProgress::Submitted(_) => return Err(other_batch(index)),
            ItemProgress::InDoubt if !resubmit => {
                let message = "an earlier process was sending this request when it ended, so it may be running; \
                               it was not sent again";
                return Err(Error::new(ErrorKind::InDoubt, message).with_endpoint(&*endpoint));
            }
            ItemProgress::InDoubt | ItemProgress::Unsent => {}
        }
        let unwritable = |cause: std::io::Error| {
            Error::new(ErrorKind::File, format!("the journal cannot be written: {cause}")).with_source(cause)
        };
        let begun = JournalEntry::Begun { index, input: fingerprint };
        journal.write(begun).await.map_err(|cause| unwritable(cause).with_endpoint(&*endpoint))?;
        match call.submit().await {
            Ok(handle) => {
                let ticket = Ticket::from(&handle);
                match journal.write(JournalEntry::Submitted { index, ticket }).await {
                    Ok(()) => Ok(handle),
                    Err(cause) => Err(handle.with_ids(unwritable(cause))),
                }
            }
            Err(error) => {
                // The next process sends the request again, but only if it cannot have been accepted.
                if !error.may_be_accepted() {
                    journal.write(JournalEntry::Refused { index }).await.map_err(unwritable)?;
                }
                Err(error)
            }
        }
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
