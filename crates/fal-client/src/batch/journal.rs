//! The journal of a batch, from which another process can continue.

use std::{collections::HashMap, io};

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Error, ErrorKind, Result, queue::Ticket, untyped::Any};

/// A record of the requests of a batch, such as [`FileJournal`](crate::batch::FileJournal) or a table of a database.
///
/// A journal belongs to one batch at a time.
pub trait Journal: Send + Sync + 'static {
    /// Reads all entries, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the entries cannot be read. The batch then sends nothing.
    fn read(&self) -> BoxFuture<'_, io::Result<Vec<JournalEntry>>>;

    /// Writes one more entry, and completes when the entry would survive a power failure.
    ///
    /// If the process dies while an entry is written, `read` must return the whole entry or leave it out.
    ///
    /// # Errors
    ///
    /// If the entry cannot be written. Its request is then not sent or, if it has been, its reply is an error that
    /// contains its id.
    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, io::Result<()>>;
}

/// An entry of a [`Journal`]: a change of the state of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JournalEntry {
    /// The request is about to be sent.
    Begun {
        /// The index of the input, from 0.
        index: usize,
        /// A fingerprint of the input and its endpoint, by which changed inputs are noticed.
        input: String,
    },
    /// The request was not accepted.
    Refused {
        /// The index of the input.
        index: usize,
    },
    /// The request was accepted by the queue.
    Submitted {
        /// The index of the input.
        index: usize,
        /// The ticket by which the result is fetched.
        ticket: Ticket<Any>,
    },
}

/// The last state of every request in a journal.
#[derive(Debug, Default)]
pub(super) struct JournalState(HashMap<usize, ItemState>);

/// The last state of a request in a journal.
#[derive(Debug, Clone, Default)]
pub(super) struct ItemState {
    /// The fingerprint of the input, if it was about to be sent.
    pub(super) fingerprint: Option<String>,
    pub(super) progress: ItemProgress,
}

#[derive(Debug, Clone, Default)]
pub(super) enum ItemProgress {
    #[default]
    Unsent,
    /// The request was about to be sent, and may have been accepted.
    InDoubt,
    Submitted(Ticket<Any>),
}

impl JournalState {
    pub(super) async fn read(journal: &dyn Journal) -> Result<Self> {
        let entries = journal.read().await.map_err(|cause| {
            Error::new(ErrorKind::File, format!("the journal cannot be read: {cause}")).with_source(cause)
        })?;
        let mut state = Self::default();
        for entry in entries {
            match entry {
                JournalEntry::Begun { index, input } => {
                    let item = ItemState { fingerprint: Some(input), progress: ItemProgress::InDoubt };
                    state.0.insert(index, item);
                }
                JournalEntry::Refused { index } => {
                    state.0.entry(index).or_default().progress = ItemProgress::Unsent;
                }
                JournalEntry::Submitted { index, ticket } => {
                    state.0.entry(index).or_default().progress = ItemProgress::Submitted(ticket);
                }
            }
        }
        Ok(state)
    }

    /// Returns the state of the request of the input with this index.
    pub(super) fn item(&self, index: usize) -> ItemState {
        self.0.get(&index).cloned().unwrap_or_default()
    }
}
