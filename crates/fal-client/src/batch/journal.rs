//! What a batch writes down of its requests.

use std::{collections::HashMap, io};

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Error, ErrorKind, Result, queue::Ticket, untyped::Any};

/// Where a batch writes down what it sends. [`FileJournal`](crate::batch::FileJournal) is one; a table of a database
/// is another.
///
/// A journal belongs to one batch at a time.
pub trait Journal: Send + Sync + 'static {
    /// All entries, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// What keeps it from being read. The batch then sends nothing.
    fn read(&self) -> BoxFuture<'_, io::Result<Vec<JournalEntry>>>;

    /// Writes one more entry, and ends only when it would survive a power failure. Of an entry that is written
    /// in part when the process dies, `read` must give all or nothing.
    ///
    /// # Errors
    ///
    /// What keeps it from being written. The request that the entry is about is then not sent, or, if it
    /// has been, its reply is an error that names it.
    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, io::Result<()>>;
}

/// One line of a [`Journal`]: what has become of the input at place `index`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JournalEntry {
    /// It is about to be sent.
    Begun {
        /// The place of the input, beginning with 0.
        index: usize,
        /// A fingerprint of the input and the endpoint, to notice when the inputs are others.
        input: String,
    },
    /// It was not accepted.
    Refused {
        /// The place of the input.
        index: usize,
    },
    /// It is in the queue, or was.
    Submitted {
        /// The place of the input.
        index: usize,
        /// What its result is fetched with.
        ticket: Ticket<Any>,
    },
}

/// What a journal says of the inputs.
#[derive(Debug, Default)]
pub(super) struct Past(HashMap<usize, PastOne>);

/// What a journal says of one input.
#[derive(Debug, Clone, Default)]
pub(super) struct PastOne {
    pub(super) input: Option<String>,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, Default)]
pub(super) enum Stage {
    #[default]
    Unsent,
    InDoubt,
    Submitted(Ticket<Any>),
}

impl Past {
    pub(super) async fn read(journal: &dyn Journal) -> Result<Self> {
        let entries = journal.read().await.map_err(|cause| {
            Error::new(ErrorKind::File, format!("the journal cannot be read: {cause}")).with_source(cause)
        })?;
        let mut past = Self::default();
        for entry in entries {
            match entry {
                JournalEntry::Begun { index, input } => {
                    past.0.insert(index, PastOne { input: Some(input), stage: Stage::InDoubt });
                }
                JournalEntry::Refused { index } => past.0.entry(index).or_default().stage = Stage::Unsent,
                JournalEntry::Submitted { index, ticket } => {
                    past.0.entry(index).or_default().stage = Stage::Submitted(ticket);
                }
            }
        }
        Ok(past)
    }

    pub(super) fn of(&self, index: usize) -> PastOne {
        self.0.get(&index).cloned().unwrap_or_default()
    }
}
