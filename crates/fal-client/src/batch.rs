//! Many requests of one endpoint, several at a time, with a journal to continue from.

mod account_gate;
mod batch_item;
mod budget;
mod completions;
mod concurrency;
mod driver;
mod estimate;
mod file_journal;
mod fingerprint;
mod item_key;
mod journal;
mod journal_reader;
mod journal_state;
mod keys;
mod lock_wait;
mod progress;
mod request;
mod stored_reply;
#[cfg(test)]
mod tests;
mod timing;

pub use self::{
    budget::{Budget, Spent},
    completions::{Acknowledger, Completions},
    concurrency::Concurrency,
    estimate::{BatchEstimate, EndpointEstimate},
    file_journal::FileJournal,
    journal::{Journal, JournalEntries, JournalEntry, JournalFailure, JournalOutput, KeyKind},
    journal_reader::JournalReader,
    lock_wait::LockWait,
    progress::{Progress, ProgressUpdates},
    request::{BatchKey, BatchRequest},
};
