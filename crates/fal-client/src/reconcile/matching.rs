//! The match of requests in doubt with the list of past requests.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use super::{DoubtReason, KnownRequests, Reconcile, SentRequest, request_list::ListedRequest};

/// The longest time before a request at which another one shows that the list is in order.
const MAX_BEHIND_WITNESS: Duration = Duration::from_secs(120);

/// The form in which the list shows inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputDisplay {
    AsSent,
    Changed,
    Unknown,
}

impl InputDisplay {
    /// Compares the inputs of known requests with what the list shows of them.
    fn new(known: &KnownRequests, listed: &[ListedRequest]) -> Self {
        let shown = listed.iter().filter_map(|entry| Some(known.digest(&entry.request_id)? == entry.input?));
        shown.fold(Self::Unknown, |display, is_same| match (display, is_same) {
            (Self::Changed, _) | (_, false) => Self::Changed,
            _ => Self::AsSent,
        })
    }
}

/// The conclusion from one look at the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is the listed one with this id.
    Found(String),
    /// The request is not listed, and nothing listed can be it. It would be listed this long after the witness at the
    /// latest.
    Absent {
        behind_witness: Duration,
    },
    InDoubt(DoubtReason),
}

/// Returns the conclusion about each of `doubts`, which were sent to one endpoint.
///
/// Two of them are never matched with one entry of the list.
pub(super) fn judge(
    doubts: &[&SentRequest],
    known: &KnownRequests,
    listed: &[ListedRequest],
    settings: &Reconcile,
) -> Vec<Verdict> {
    let mut seen = HashSet::new();
    let unique: Vec<&ListedRequest> = listed
        .iter()
        // An entry can move to the next page while pages are fetched.
        .filter(|entry| !known.contains(&entry.request_id) && seen.insert(&*entry.request_id))
        .collect();
    let display = InputDisplay::new(known, listed);
    let mut verdicts = vec![None; doubts.len()];
    for index in 0..doubts.len() {
        if verdicts.get(index).is_some_and(Option::is_none) {
            judge_input(index, doubts, &unique, settings, &mut verdicts);
        }
    }
    let concluded = verdicts.into_iter().zip(doubts).map(|(verdict, doubt)| match verdict {
        Some(verdict) => verdict,
        None => judge_absence(doubt, display, &unique, listed, settings),
    });
    concluded.collect()
}

/// Judges all doubts with the input of the one at `index`. Leaves those that are not listed.
fn judge_input(
    index: usize,
    doubts: &[&SentRequest],
    listed: &[&ListedRequest],
    settings: &Reconcile,
    verdicts: &mut [Option<Verdict>],
) {
    let Some(digest) = doubts.get(index).and_then(|doubt| doubt.digest()) else {
        if let Some(verdict) = verdicts.get_mut(index) {
            *verdict = Some(Verdict::InDoubt(DoubtReason::NotRecorded));
        }
        return;
    };
    let mut open: Vec<usize> =
        (0..doubts.len()).filter(|nth| doubts[*nth].digest() == Some(digest)).collect();
    open.sort_by_key(|nth| doubts[*nth].ended());
    let mut candidates: Vec<_> = listed.iter().filter(|entry| entry.input == Some(digest)).collect();
    candidates.sort_by_key(|entry| entry.sent_at);
    let mut surplus = Vec::new();
    let all = open.clone();
    for entry in candidates {
        let is_possible = |nth: &usize| doubts[*nth].may_be_sent_at(entry.sent_at, settings);
        match open.iter().position(is_possible) {
            // The one whose window ends first, so that as many as possible are matched.
            Some(place) => verdicts[open.remove(place)] = Some(Verdict::Found(entry.request_id.clone())),
            None if all.iter().any(is_possible) => surplus.push(*entry),
            None => {}
        }
    }
    // An entry may be that of a request whose answer is on its way.
    if all.iter().any(|nth| doubts[*nth].is_under_way()) {
        surplus.extend(listed.iter().filter(|entry| entry.input == Some(digest)));
    }
    for nth in all {
        if surplus.iter().any(|entry| doubts[nth].may_be_sent_at(entry.sent_at, settings)) {
            let possible = listed.iter().filter(|entry| {
                entry.input == Some(digest) && doubts[nth].may_be_sent_at(entry.sent_at, settings)
            });
            let request_ids = possible.map(|entry| entry.request_id.clone()).collect();
            verdicts[nth] = Some(Verdict::InDoubt(DoubtReason::Ambiguous { request_ids }));
        }
    }
}

/// Judges a doubt whose input is not listed.
fn judge_absence(
    doubt: &SentRequest,
    display: InputDisplay,
    unknown: &[&ListedRequest],
    listed: &[ListedRequest],
    settings: &Reconcile,
) -> Verdict {
    // A request that could be this one, if the list showed its input in another form or not at all.
    // One with the same input after its time is the same if the clock was behind fal's when it was sent.
    let later = unknown.iter().filter(|entry| {
        entry.input == doubt.digest() && entry.sent_at.is_some_and(|time| time > doubt.ended())
    });
    let request_ids: Vec<String> = later.map(|entry| entry.request_id.clone()).collect();
    if !request_ids.is_empty() {
        return Verdict::InDoubt(DoubtReason::Ambiguous { request_ids });
    }
    let mut possible = unknown.iter().filter(|entry| doubt.may_be_sent_at(entry.sent_at, settings));
    let is_hidden = match display {
        InputDisplay::AsSent => possible.any(|entry| entry.input.is_none()),
        InputDisplay::Unknown => possible.next().is_some(),
        InputDisplay::Changed => true,
    };
    if is_hidden {
        return Verdict::InDoubt(DoubtReason::Unrecognizable);
    }
    // A list that has a later request has had the time for this one, too.
    let last = listed.iter().filter_map(|entry| entry.sent_at).max();
    let behind = last.map(|last| doubt.ended().duration_since(last).unwrap_or_default());
    match behind.filter(|behind| *behind <= MAX_BEHIND_WITNESS) {
        Some(behind_witness) => Verdict::Absent { behind_witness },
        None if settings.needs_witness => Verdict::InDoubt(DoubtReason::Unwitnessed),
        None => Verdict::Absent { behind_witness: Duration::ZERO },
    }
}

impl SentRequest {
    /// Returns true if a request that fal received at `time` can be this one.
    fn may_be_sent_at(&self, time: Option<SystemTime>, settings: &Reconcile) -> bool {
        // fal may mean the time at which a runner received the request.
        let slack = settings.clock_skew.saturating_add(settings.lag);
        time.is_none_or(|time| {
            self.begun.checked_sub(settings.clock_skew).is_none_or(|first| first <= time)
                && self.ended().checked_add(slack).is_none_or(|last| time <= last)
        })
    }
}
