//! The last state of every request in a journal.

use std::{
    collections::HashMap,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::StreamExt;

use super::{
    item_key::ItemKey,
    journal::{Journal, JournalEntry, JournalFailure, KeyKind, cannot_be_written},
};
use crate::{
    Error, ErrorKind, Result, Usd,
    money::Decimal,
    queue::Ticket,
    reconcile::{Digest, KnownRequests, PastSubmit},
    untyped::Any,
};

/// The last state of every request in a journal.
///
/// Keeps hashes of keys, and of a request that is done nothing else, so that a million of them take about 100 MB.
#[derive(Debug, Default)]
pub(super) struct JournalState {
    items: HashMap<ItemKey, ItemState>,
    /// The requests that were accepted, if they are asked for.
    accepted: Option<KnownRequests>,
    /// Costs without an amount in the journal, by endpoint.
    unpriced: HashMap<String, Unpriced>,
    money: Money,
}

/// The costs of requests that an earlier process sent without a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unpriced {
    /// The units that fal charged.
    pub(super) units: Decimal,
    /// The number of requests that these are the units of. Those of zero units cost nothing, and are not counted.
    pub(super) counted: u64,
    /// The number of requests whose units are not known.
    pub(super) unknown: u64,
}

/// The money of all earlier processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Money {
    /// The cost of the requests that are finished.
    pub(super) charged: Usd,
    /// The reservations of the others.
    pub(super) reserved: Usd,
}

/// The last state of a request in a journal.
#[derive(Debug, Clone, Default)]
pub(super) struct ItemState {
    /// The fingerprint of the input, if it was about to be sent.
    pub(super) fingerprint: Option<ItemKey>,
    pub(super) progress: ItemProgress,
    /// The reservation of a request that is not finished.
    pub(super) reserved: Option<Usd>,
}

#[derive(Debug, Clone, Default)]
pub(super) enum ItemProgress {
    #[default]
    Unsent,
    /// The request was about to be sent, and may have been accepted.
    InDoubt(Option<Box<PastSubmit>>),
    Submitted(Box<Ticket<Any>>),
    Collected {
        ticket: Box<Ticket<Any>>,
        has_output: bool,
    },
    Failed(Box<(JournalFailure, Option<Ticket<Any>>)>),
    /// The caller has acknowledged the reply. The state before, if the reply may be asked for again.
    Done(Option<Box<ItemProgress>>),
}

/// The parts of a journal that are kept in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The requests that were accepted.
    pub(super) accepted: bool,
    /// The replies of requests that are done.
    pub(super) done_replies: bool,
}

impl JournalState {
    /// Reads a journal whose keys are of this kind, and writes the first entry of a new one.
    ///
    /// # Errors
    ///
    /// `File` if the journal cannot be read, `Config` if its keys are of another kind.
    pub(super) async fn read(journal: &dyn Journal, keys: KeyKind, wanted: Wanted) -> Result<Self> {
        let mut state = Self { accepted: wanted.accepted.then(KnownRequests::default), ..Self::default() };
        let (mut entries, mut known_keys) = (journal.read(), None);
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|cause| {
                Error::new(ErrorKind::File, format!("the journal cannot be read: {cause}")).with_source(cause)
            })?;
            if let JournalEntry::Started { keys } = entry {
                known_keys.get_or_insert(keys);
            } else {
                known_keys.get_or_insert(KeyKind::Index);
                state.apply(entry, wanted);
            }
        }
        drop(entries);
        match known_keys {
            Some(known) if known == keys => Ok(state),
            Some(known) => Err(other_keys(known, keys)),
            None => {
                let written = journal.write(JournalEntry::Started { keys }).await;
                written.map_err(cannot_be_written)?;
                Ok(state)
            }
        }
    }

    /// Takes over one entry.
    fn apply(&mut self, entry: JournalEntry, wanted: Wanted) {
        let Some(key) = entry.key().map(ItemKey::new) else { return };
        let item = self.items.entry(key).or_default();
        match entry {
            JournalEntry::Started { .. } => {}
            JournalEntry::Begun { input, time, json, may_differ, reserved, .. } => {
                match (item.reserved.take(), &item.progress) {
                    // One that may run, and be billed beside the new one.
                    (Some(reserved), _) => self.money.charged += reserved,
                    (None, ItemProgress::InDoubt(_) | ItemProgress::Submitted(_)) => {
                        let endpoint = item.ticket().map(|ticket| ticket.endpoint().to_owned());
                        Unpriced::add(&mut self.unpriced, endpoint.unwrap_or_default(), None);
                    }
                    (None, _) => {}
                }
                let time = time.and_then(|time| UNIX_EPOCH.checked_add(Duration::from_millis(time)));
                let sent = time.zip(json.as_deref().and_then(Digest::parse));
                let sent = sent.map(|(begun, digest)| PastSubmit { begun, digest, may_differ });
                item.fingerprint = Some(ItemKey::new(&input));
                item.progress = ItemProgress::InDoubt(sent.map(Box::new));
                item.reserved = reserved;
            }
            JournalEntry::Refused { .. } => {
                item.reserved = None;
                item.progress = ItemProgress::Unsent;
            }
            JournalEntry::Submitted { ticket, .. } => {
                if let Some(accepted) = &mut self.accepted {
                    let digest = match &item.progress {
                        ItemProgress::InDoubt(Some(sent)) if !sent.may_differ => Some(sent.digest),
                        _ => None,
                    };
                    accepted.insert(ticket.request_id().to_owned(), digest);
                }
                item.progress = ItemProgress::Submitted(Box::new(ticket));
            }
            JournalEntry::Collected { units, cost, output, .. } => {
                let ticket = item.ticket();
                self.money.charged += settle(item, &ticket, units.as_deref(), cost, &mut self.unpriced);
                let has_output = output.is_some();
                if let Some(ticket) = ticket {
                    item.progress = ItemProgress::Collected { ticket: Box::new(ticket), has_output };
                }
            }
            JournalEntry::Failed { units, cost, failure, .. } => {
                let ticket = item.ticket();
                self.money.charged += settle(item, &ticket, units.as_deref(), cost, &mut self.unpriced);
                item.progress = ItemProgress::Failed(Box::new((failure, ticket)));
            }
            JournalEntry::Done { .. } => {
                let before = std::mem::take(&mut item.progress);
                item.progress = ItemProgress::Done(wanted.done_replies.then(|| Box::new(before)));
            }
        }
    }

    /// Returns true if the journal is empty, or there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the requests that were accepted.
    pub(super) fn accepted(&self) -> Option<KnownRequests> {
        self.accepted.clone()
    }

    /// Returns the state of the request of the input with this key.
    pub(super) fn item(&self, key: ItemKey) -> ItemState {
        self.items.get(&key).cloned().unwrap_or_default()
    }

    /// Returns the money of earlier processes, as far as the journal has amounts.
    pub(super) fn money(&self) -> Money {
        let reserved = self.items.values().filter_map(|item| item.reserved).sum();
        Money { reserved, ..self.money }
    }

    /// Returns the costs without an amount, by endpoint: those of finished requests, and the number of all others that were
    /// sent.
    pub(super) fn unpriced(&self) -> (&HashMap<String, Unpriced>, u64) {
        let may_cost = |item: &&ItemState| {
            item.reserved.is_none()
                && matches!(item.progress, ItemProgress::InDoubt(_) | ItemProgress::Submitted(_))
        };
        let open = self.items.values().filter(may_cost).count();
        (&self.unpriced, u64::try_from(open).unwrap_or(u64::MAX))
    }
}

impl ItemState {
    fn ticket(&self) -> Option<Ticket<Any>> {
        match &self.progress {
            ItemProgress::Submitted(ticket) | ItemProgress::Collected { ticket, .. } => {
                Some((**ticket).clone())
            }
            _ => None,
        }
    }
}

/// Ends the reservation of a request. Returns its cost.
fn settle(
    item: &mut ItemState,
    ticket: &Option<Ticket<Any>>,
    units: Option<&str>,
    cost: Option<Usd>,
    unpriced: &mut HashMap<String, Unpriced>,
) -> Usd {
    let reserved = item.reserved.take();
    if matches!(item.progress, ItemProgress::Collected { .. } | ItemProgress::Failed(_)) {
        // Fetched again, and paid once.
        return Usd::ZERO;
    }
    let units = units.and_then(Decimal::parse);
    if let Some(cost) = cost.or(reserved.filter(|_| units.is_none())) {
        return cost;
    }
    let endpoint = ticket.as_ref().map_or("", |ticket| ticket.endpoint()).to_owned();
    Unpriced::add(unpriced, endpoint, units);
    Usd::ZERO
}

impl Unpriced {
    /// Adds a request that costs `units`, or an unknown number of them.
    pub(super) fn add(all: &mut HashMap<String, Self>, endpoint: String, units: Option<Decimal>) {
        let unpriced = all.entry(endpoint).or_insert(Self { units: Decimal::ZERO, counted: 0, unknown: 0 });
        if units == Some(Decimal::ZERO) {
            return;
        }
        match units.and_then(|units| unpriced.units.checked_add(units)) {
            Some(units) => {
                unpriced.units = units;
                unpriced.counted = unpriced.counted.saturating_add(1);
            }
            None => unpriced.unknown = unpriced.unknown.saturating_add(1),
        }
    }
}

fn other_keys(known: KeyKind, wanted: KeyKind) -> Error {
    let continued = match known {
        KeyKind::Index => "`client.batch(inputs)`",
        KeyKind::Key => "`client.batch_by_key(inputs)`",
        KeyKind::Content => "`client.batch(inputs).by_content()`",
    };
    let message = format!(
        "the journal knows its inputs by {known}, and this batch by {wanted}: continue it with {continued}, or start a new \
         journal"
    );
    Error::new(ErrorKind::Config, message)
}
