//! The journal of a batch, from which another process can continue.

use std::{
    collections::HashMap,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    BoxFuture, Error, ErrorKind, Result,
    queue::Ticket,
    reconcile::{Digest, KnownRequests},
    untyped::Any,
};

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
        /// The time, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
        /// A fingerprint of the JSON as it is sent, by which fal can be asked for the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        json: Option<String>,
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
    /// The time at which it was sent last, and the digest of its JSON.
    sent: Option<(SystemTime, Digest)>,
    pub(super) progress: ItemProgress,
}

#[derive(Debug, Clone, Default)]
pub(super) enum ItemProgress {
    #[default]
    Unsent,
    /// The request was about to be sent, and may have been accepted.
    InDoubt {
        /// The time at which it was sent, and the digest of its JSON.
        sent: Option<(SystemTime, Digest)>,
    },
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
                JournalEntry::Begun { index, input, time, json } => {
                    let time = time.and_then(|time| UNIX_EPOCH.checked_add(Duration::from_millis(time)));
                    let sent = time.zip(json.as_deref().and_then(Digest::parse));
                    let progress = ItemProgress::InDoubt { sent };
                    state.0.insert(index, ItemState { fingerprint: Some(input), sent, progress });
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

    /// Returns the requests that were accepted.
    pub(super) fn accepted(&self) -> KnownRequests {
        let mut known = KnownRequests::default();
        for item in self.0.values() {
            if let ItemProgress::Submitted(ticket) = &item.progress {
                known.insert(ticket.request_id().to_owned(), item.sent.map(|(_, digest)| digest));
            }
        }
        known
    }

    /// Returns the state of the request of the input with this index.
    pub(super) fn item(&self, index: usize) -> ItemState {
        self.0.get(&index).cloned().unwrap_or_default()
    }
}
