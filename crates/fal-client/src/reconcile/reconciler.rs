//! Looking at the list of requests until all doubts are decided.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep};

use super::{
    DoubtReason, KnownRequests, Reconcile, SentRequest,
    matching::{Verdict, judge},
    request_list::{self, ListedRequest, Listing},
};
use crate::{Client, endpoint_id::EndpointId, queue::Ticket, untyped::Any};

/// The number of looks, after the lag of the list, that must all miss a request.
const LOOKS: u32 = 3;
/// The longest pause between two looks.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Looks for requests in doubt.
pub(crate) struct Reconciler {
    client: Client,
    settings: Reconcile,
}

/// The decision about a request in doubt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    Found(Ticket<Any>),
    NotAccepted,
    InDoubt(DoubtReason),
}

/// A request in doubt, and the progress of its decision.
struct Doubt {
    sent: Arc<SentRequest>,
    /// The looks that missed it.
    misses: u32,
    first_miss: Option<SystemTime>,
    decision: Option<Decision>,
    /// The reason of the last look.
    reason: DoubtReason,
}

impl Reconciler {
    pub(crate) fn new(client: Client, settings: Reconcile) -> Self {
        Self { client, settings }
    }

    /// Looks until all requests are decided, or the time is up. `known` are requests that none of them can be.
    pub(crate) async fn decide(&self, sent: Vec<Arc<SentRequest>>, known: &KnownRequests) -> Vec<Decision> {
        let mut doubts: Vec<_> = sent.into_iter().map(|sent| Doubt::new(&self.client, sent)).collect();
        let mut end = Instant::now().checked_add(self.settings.time_limit());
        let mut pause = self.settings.first_pause;
        loop {
            self.look_at_deliveries(&mut doubts, known);
            let begun = Instant::now();
            self.look_at_list(&mut doubts, known).await;
            // A long list takes minutes, and needs several looks all the same.
            if self.settings.timeout.is_none() {
                end = end.and_then(|end| end.checked_add(begun.elapsed()));
            }
            let is_over = end.is_some_and(|end| Instant::now() + pause > end);
            if is_over || doubts.iter().all(Doubt::is_final) {
                break;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(MAX_PAUSE.max(self.settings.first_pause));
        }
        doubts.into_iter().map(|doubt| doubt.decision.unwrap_or(Decision::InDoubt(doubt.reason))).collect()
    }

    /// Decides the requests whose webhook was delivered.
    fn look_at_deliveries(&self, doubts: &mut [Doubt], known: &KnownRequests) {
        let urls: Vec<_> = doubts.iter().map(|doubt| doubt.sent.webhook.clone()).collect();
        for doubt in doubts.iter_mut().filter(|doubt| doubt.decision.is_none()) {
            let Some(url) = doubt.sent.webhook.as_ref() else { continue };
            // A URL that several requests share identifies none of them.
            let is_own = urls.iter().flatten().filter(|other| *other == url).count() == 1;
            let delivered =
                self.settings.deliveries.request_id(url).filter(|id| is_own && !known.contains(id));
            if let Some(id) = delivered.filter(|id| self.client.0.recent.claim(id, doubt.sent.digest())) {
                doubt.find(id);
            }
        }
    }

    /// Looks at the list of each endpoint once.
    async fn look_at_list(&self, doubts: &mut [Doubt], known: &KnownRequests) {
        let mut by_endpoint: BTreeMap<String, Vec<&mut Doubt>> = BTreeMap::new();
        for doubt in doubts.iter_mut().filter(|doubt| !doubt.is_final()) {
            by_endpoint.entry(listed_endpoint(&doubt.sent)).or_default().push(doubt);
        }
        for (endpoint, mut doubts) in by_endpoint {
            let first =
                doubts.iter().map(|doubt| doubt.sent.begun).min().unwrap_or_else(|| self.settings.now());
            let start = first.checked_sub(self.settings.clock_skew).unwrap_or(first);
            let looked_at = self.settings.now();
            let listing = request_list::fetch(&self.client, &endpoint, start).await;
            let listed = match listing.and_then(|listing| self.requests_by_right_clock(listing, &doubts)) {
                Ok(listed) => listed,
                Err(reason) => {
                    for doubt in doubts {
                        doubt.reason = reason.clone();
                    }
                    continue;
                }
            };
            let mut known = known.clone();
            self.client.0.recent.add_to(&mut known);
            // Requests of other callers, so that nothing is taken for two of them.
            let mut sent: Vec<Arc<SentRequest>> = doubts.iter().map(|doubt| doubt.sent.clone()).collect();
            for other in self.client.0.recent.unanswered() {
                if listed_endpoint(&other) == endpoint && !sent.iter().any(|sent| Arc::ptr_eq(sent, &other)) {
                    sent.push(other);
                }
            }
            let all: Vec<&SentRequest> = sent.iter().map(Arc::as_ref).collect();
            let verdicts = judge(&all, &known, &listed, &self.settings);
            for (doubt, verdict) in doubts.iter_mut().zip(verdicts) {
                match verdict {
                    Verdict::Found(id) if self.client.0.recent.claim(&id, doubt.sent.digest()) => {
                        doubt.find(id)
                    }
                    // Another caller has claimed it since, and the next look knows.
                    Verdict::Found(_) => {}
                    // It may be one of those in the list, with an input that was changed on the way.
                    Verdict::Absent { .. } if doubt.sent.may_differ() => {
                        doubt.reason = DoubtReason::Unrecognizable;
                    }
                    Verdict::Absent { behind_witness } => {
                        doubt.miss(looked_at, behind_witness, &self.settings)
                    }
                    Verdict::InDoubt(reason) => {
                        doubt.misses = 0;
                        doubt.first_miss = None;
                        doubt.reason = reason;
                    }
                }
            }
        }
    }

    /// Returns the requests of a listing, unless the clock is too wrong to tell when fal received those in doubt.
    fn requests_by_right_clock(
        &self,
        listing: Listing,
        doubts: &[&mut Doubt],
    ) -> Result<Vec<ListedRequest>, DoubtReason> {
        let now = self.settings.now();
        let from_fal = listing.time.map(|time| difference(now, time));
        // The clock was set back since: these submits seem to lie in the future.
        let set_back = doubts.iter().filter_map(|doubt| doubt.sent.ended().duration_since(now).ok()).max();
        let by = from_fal.max(set_back).unwrap_or_default();
        // A `Date` has no fractions of seconds.
        if by > self.settings.clock_skew.saturating_add(Duration::from_secs(1)) {
            return Err(DoubtReason::ClockDiffers { by });
        }
        Ok(listing.requests)
    }
}

fn difference(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|negative| negative.duration())
}

/// Returns the id of the endpoint of a request with the path of its call, as fal lists it.
fn listed_endpoint(sent: &SentRequest) -> String {
    let endpoint =
        EndpointId::parse(&sent.endpoint).map_or_else(|_| sent.endpoint.to_string(), |id| id.to_string());
    match sent.path.as_deref().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()) {
        Some(path) => format!("{endpoint}/{path}"),
        None => endpoint,
    }
}

impl Doubt {
    fn new(client: &Client, sent: Arc<SentRequest>) -> Self {
        client.0.recent.add_unanswered(&sent);
        let mut doubt =
            Self { sent, misses: 0, first_miss: None, decision: None, reason: DoubtReason::NotRecorded };
        if doubt.sent.digest().is_none() && doubt.sent.webhook.is_none() {
            doubt.decision = Some(Decision::InDoubt(DoubtReason::NotRecorded));
        }
        doubt
    }

    /// Returns true if another look cannot change the decision.
    fn is_final(&self) -> bool {
        self.decision.is_some() || matches!(self.reason, DoubtReason::NoAccess(_))
    }

    fn find(&mut self, request_id: String) {
        self.sent.resolve();
        self.decision = Some(Decision::Found(Ticket::with_endpoint(&*self.sent.endpoint, request_id)));
    }

    /// Notes that a look at `time` has missed the request, which would be listed `behind_witness` after another one.
    fn miss(&mut self, time: SystemTime, behind_witness: Duration, settings: &Reconcile) {
        let first_miss = *self.first_miss.get_or_insert(time);
        let end = self.sent.ended().checked_add(settings.lag);
        let until = end.max(first_miss.checked_add(behind_witness)).unwrap_or(time);
        self.reason = DoubtReason::WindowNotOver { until };
        if time < until {
            return;
        }
        self.misses += 1;
        if self.misses >= LOOKS {
            self.sent.resolve();
            self.decision = Some(Decision::NotAccepted);
        }
    }
}
