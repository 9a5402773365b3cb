//! One request of a batch.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fal_core::{File, Parameters};
use serde::Serialize;
use tracing::Instrument;

use super::journal::{Journal, JournalEntry, PastOne, Stage};
use crate::{
    BoxFuture, Error, ErrorKind, Result, prepare,
    queue::{self, FollowOptions, RequestHandle, Submission, Ticket},
    reply::CallResponse,
};

/// One request of a batch, before it is sent.
pub(super) struct One {
    pub(super) index: usize,
    pub(super) submission: Submission,
    pub(super) kept: Option<Kept>,
}

/// What there is of it where there is a journal.
pub(super) struct Kept {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) past: PastOne,
    /// Tells the input apart.
    pub(super) fingerprint: Result<String>,
    pub(super) resubmit: bool,
}

impl One {
    pub(super) fn send(self) -> BoxFuture<'static, Result<CallResponse>> {
        let span = tracing::info_span!("fal.batch", endpoint = %self.submission.endpoint, index = self.index);
        Box::pin(self.answer().instrument(span))
    }

    async fn answer(self) -> Result<CallResponse> {
        let limit = self.submission.limit;
        let (is_kept, start) = (self.kept.is_some(), Instant::now());
        let queued = self.queued().await?;
        let left = |limit: Duration| limit.saturating_sub(start.elapsed());
        let follow = FollowOptions::default();
        match limit {
            Some(limit) if !is_kept => {
                let waiting = queue::wait(queued.clone(), None, follow);
                match tokio::time::timeout(left(limit), waiting).await {
                    Ok(result) => result,
                    Err(_) => Err(queue::give_up(&queued, limit).await),
                }
            }
            // Left to the next process.
            limit => queue::wait(queued, limit.map(left), follow).await,
        }
    }

    async fn queued(self) -> Result<RequestHandle> {
        let Self { index, submission, kept } = self;
        let Some(Kept { journal, past, fingerprint, resubmit }) = kept else {
            return submission.submit().await;
        };
        let endpoint = submission.endpoint.clone();
        let fingerprint = fingerprint.map_err(|error| error.with_endpoint(&*endpoint))?;
        if past.input.as_ref().is_some_and(|input| *input != fingerprint) {
            return Err(of_another(index).with_endpoint(&*endpoint));
        }
        match past.stage {
            Stage::Submitted(ticket) if ticket.endpoint() == endpoint => {
                return Ok(ticket.into_handle(submission.client));
            }
            Stage::Submitted(_) => return Err(of_another(index)),
            Stage::InDoubt if !resubmit => {
                let message = "an earlier process was sending this request when it ended, so it may be running; \
                               it was not sent again";
                return Err(Error::new(ErrorKind::InDoubt, message).with_endpoint(&*endpoint));
            }
            Stage::InDoubt | Stage::Unsent => {}
        }
        let unwritable = |cause: std::io::Error| {
            Error::new(ErrorKind::File, format!("the journal cannot be written: {cause}")).with_source(cause)
        };
        let begun = JournalEntry::Begun { index, input: fingerprint };
        journal.write(begun).await.map_err(|cause| unwritable(cause).with_endpoint(&*endpoint))?;
        match submission.submit().await {
            Ok(queued) => {
                let ticket = Ticket::from(&queued);
                match journal.write(JournalEntry::Submitted { index, ticket }).await {
                    Ok(()) => Ok(queued),
                    Err(cause) => Err(queued.named(unwritable(cause))),
                }
            }
            Err(error) => {
                // What cannot have been accepted is sent again by the next process.
                if !error.may_be_accepted() {
                    journal.write(JournalEntry::Refused { index }).await.map_err(unwritable)?;
                }
                Err(error)
            }
        }
    }
}

fn of_another(index: usize) -> Error {
    let message = format!("input {index} is not the one that the journal knows: it belongs to another batch");
    Error::new(ErrorKind::Config, message)
}

/// Tells inputs apart, local files by where they are.
pub(super) fn fingerprint<P: Parameters + Serialize>(endpoint: &str, input: &mut P) -> Result<String> {
    let (mut local, mut nth) = (Vec::new(), 0_usize);
    input.visit_files(&mut |file| {
        if file.as_url().is_none() {
            let mark = File::url(format!("{file:?}"));
            local.push((nth, std::mem::replace(file, mark)));
        }
        nth += 1;
    });
    let json = prepare::json(input);
    let (mut local, mut nth) = (local.into_iter().peekable(), 0_usize);
    input.visit_files(&mut |file| {
        if let Some((_, own)) = local.next_if(|(place, _)| *place == nth) {
            *file = own;
        }
        nth += 1;
    });
    Ok(format!("{:016x}", fnv(endpoint.bytes().chain([0]).chain(json?))))
}

/// FNV-1a: short, and the same in every version of this crate, which is all that a mix-up needs.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
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
    fn an_input_with_local_files_has_a_fingerprint_and_stays_as_it_was() {
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
    fn fingerprints_never_change() {
        assert_eq!(fnv(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }
}
