//! Claiming requests to submit.

use std::time::Duration;

use fal_client::Usd;
use uuid::Uuid;

/// A request that this worker may submit, once.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) epoch: i32,
    pub(crate) batch: String,
    pub(crate) key: String,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    /// The number of this submit, from 1.
    pub(crate) attempt: i32,
    pub(crate) token: String,
    pub(crate) webhook: Option<String>,
    /// The request finds out if the lock of the account has ended.
    pub(crate) is_probe: bool,
    pub(crate) traceparent: Option<String>,
}

/// The requests of one claim.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) requests: Vec<Claimed>,
    /// Endpoints whose price is needed before their requests can be claimed.
    pub(crate) unpriced: Vec<String>,
}

/// The largest cost of a request by its endpoint and input.
pub(crate) trait Estimates: Send + Sync {
    /// Returns `None` if the price of the endpoint was not asked for yet, and `Some(None)` if the cost has no bound.
    fn estimate(&self, endpoint: &str, input: &str) -> Option<Option<Usd>>;
}

/// A claim of one worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimOptions<'a> {
    pub(crate) owner: Uuid,
    pub(crate) account: &'a str,
    pub(crate) most: i64,
    pub(crate) lease: Duration,
}

/// A request that may be claimed.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) id: i64,
    pub(super) key: String,
    pub(super) endpoint: String,
    pub(super) input: String,
    pub(super) token: String,
    /// The money to reserve for it, if its batch has a budget.
    pub(super) reserve: Option<Usd>,
    /// Its address by content, if it may take the output of another one.
    pub(super) content: Option<String>,
    /// The span in which it was added.
    pub(super) traceparent: Option<String>,
}

impl Candidate {
    /// Returns the claim of the request, once it is written down.
    pub(super) fn claimed(self, epoch: i32, attempt: i32, batch: &str, webhook: Option<&str>) -> Claimed {
        let Self { id, key, endpoint, input, token, traceparent, .. } = self;
        let (batch, webhook) = (batch.to_owned(), webhook.map(str::to_owned));
        Claimed {
            id,
            epoch,
            batch,
            key,
            endpoint,
            input,
            attempt,
            token,
            webhook,
            is_probe: false,
            traceparent,
        }
    }
}

/// The budget of a batch.
#[derive(Debug)]
pub(super) struct Money {
    pub(super) budget: Usd,
    pub(super) max_per_request: Option<Usd>,
    pub(super) reserved: Usd,
    pub(super) spent: Usd,
    /// The largest cost of a request that cost more than was reserved for it.
    pub(super) excess: Option<Usd>,
}

/// The candidates for which a budget has room.
#[derive(Debug, Default)]
pub(super) struct Affordable {
    pub(super) candidates: Vec<Candidate>,
    /// The requests whose cost has no bound: with a budget, they are never sent.
    pub(super) unbounded: Vec<i64>,
    /// Set if there is room for none. The batch stops unless money can become free.
    pub(super) stop_reason: Option<String>,
}

/// The failure of a request whose cost has no bound.
pub(super) const UNBOUNDED: &str = "the largest cost of a request to this endpoint is not known, and is needed for the \
                                    budget: set `Budget::new(..).max_per_request(..)`, and retry the request";

impl Money {
    /// Returns the first of the requests for which there is room.
    pub(super) fn affordable(
        &self,
        candidates: Vec<Candidate>,
        estimates: &dyn Estimates,
        unpriced: &mut Vec<String>,
    ) -> Affordable {
        let mut taken = self.spent + self.reserved;
        let mut affordable = Affordable::default();
        for candidate in candidates {
            let price = match self.max_per_request {
                Some(_) => None,
                None => match estimates.estimate(&candidate.endpoint, &candidate.input) {
                    Some(price) => price,
                    None => {
                        if !unpriced.contains(&candidate.endpoint) {
                            unpriced.push(candidate.endpoint);
                        }
                        continue;
                    }
                },
            };
            let Some(estimate) = self.max_per_request.or(price) else {
                affordable.unbounded.push(candidate.id);
                continue;
            };
            let reserve = estimate.max(self.excess.unwrap_or_default());
            if taken + reserve > self.budget {
                if affordable.candidates.is_empty() && unpriced.is_empty() {
                    let Self { budget, spent, reserved, .. } = self;
                    affordable.stop_reason = Some(format!(
                        "the budget of {budget} has no room for {reserve}: {spent} spent, {reserved} reserved"
                    ));
                }
                break;
            }
            taken += reserve;
            affordable.candidates.push(Candidate { reserve: Some(reserve), ..candidate });
        }
        affordable
    }
}
