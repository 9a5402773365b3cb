//! The costs that calls would have at fal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::latest_items::LatestItems;
use crate::models::Registry;
use crate::reply::Reply;
use crate::sync::lock;

mod prices;

pub(crate) use prices::{Price, Prices};

/// The largest number of charges that are kept. The total counts all of them.
const CAPACITY: usize = 20_000;
/// The largest number of endpoints whose totals are kept apart.
const MAX_ENDPOINTS: usize = 10_000;
/// The size of a charge, in bytes: an estimate.
const CHARGE_SIZE: usize = 300;

/// The prices of endpoints, and the charges for the calls so far.
pub(crate) struct Billing {
    prices: Arc<Prices>,
    models: Arc<Registry>,
    state: Mutex<BillingState>,
    /// The billing of all scopes, if this is that of one.
    whole: Option<Arc<Billing>>,
}

struct BillingState {
    charges: LatestItems<Charge>,
    totals: BTreeMap<String, Total>,
}

impl BillingState {
    fn new() -> Self {
        Self { charges: LatestItems::new(CAPACITY, CAPACITY * CHARGE_SIZE), totals: BTreeMap::new() }
    }
}

/// The cost that calls would have at fal; returned by [`Emulator::cost`](crate::Emulator::cost).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CostSummary {
    /// The number of calls that are charged.
    pub calls: u64,
    /// The number of endpoints that were called.
    pub endpoints: usize,
    /// The cost in US dollars.
    pub usd: f64,
    /// The number of these calls whose price is invented, because nobody gave one.
    pub invented_calls: u64,
    /// The part of the cost at invented prices, in US dollars.
    pub invented_usd: f64,
}

impl CostSummary {
    /// Returns the part of the cost that is at invented prices in words, such as `$0.27 of it at invented prices`; empty if
    /// all prices were given.
    pub(crate) fn invented_part(&self) -> String {
        match self.invented_calls {
            0 => String::new(),
            calls if calls == self.calls => "at invented prices".to_owned(),
            _ => format!("${} of it at invented prices", format_usd(self.invented_usd)),
        }
    }
}

/// Formats dollars with cents, and with more digits if they are less than ten cents.
pub(crate) fn format_usd(usd: f64) -> String {
    if usd < 0.1 { format!("{usd:.4}") } else { format!("{usd:.2}") }
}

/// The caller whom a charge is for, and the request.
pub(crate) struct ChargedRequest<'a> {
    pub(crate) id: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) key_id: Option<&'a str>,
    /// The end of the run.
    pub(crate) ended: SystemTime,
}

/// The charge for one request.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) request_id: String,
    pub(crate) endpoint: String,
    /// The part of the key before the colon.
    pub(crate) key_id: Option<String>,
    pub(crate) ended: SystemTime,
    pub(crate) units: f64,
    pub(crate) price: Price,
}

/// The sum of the charges for one endpoint.
#[derive(Default)]
struct Total {
    calls: u64,
    /// In US dollars.
    cost: f64,
    invented_calls: u64,
    invented_cost: f64,
}

impl Charge {
    /// Returns the cost in US dollars.
    pub(crate) fn cost(&self) -> f64 {
        self.units * self.price.unit_price
    }
}

impl Billing {
    pub(crate) fn new(prices: Prices, models: Arc<Registry>) -> Self {
        let state = BillingState::new();
        Self { prices: Arc::new(prices), models, state: Mutex::new(state), whole: None }
    }

    /// Creates the billing of a scope. What it charges is charged in `whole` too.
    pub(crate) fn in_scope(whole: &Arc<Self>) -> Self {
        let (prices, models) = (Arc::clone(&whole.prices), Arc::clone(&whole.models));
        Self { prices, models, state: Mutex::new(BillingState::new()), whole: Some(Arc::clone(whole)) }
    }

    /// Returns the price of a unit of an endpoint, and the name of the unit.
    pub(crate) fn price(&self, endpoint: &str) -> Price {
        self.prices.get(endpoint, || self.models.category(endpoint))
    }

    /// Charges a request for the units that its reply names. A refusal and a failure are free.
    pub(crate) fn charge(&self, request: &ChargedRequest<'_>, reply: &Reply) {
        let units = reply.billable_units().unwrap_or_default();
        if !reply.status.is_success() || units <= 0.0 {
            return;
        }
        let charge = Charge {
            request_id: request.id.to_owned(),
            endpoint: request.endpoint.to_owned(),
            key_id: request.key_id.map(str::to_owned),
            ended: request.ended,
            units,
            price: self.price(request.endpoint),
        };
        let mut state = lock(&self.state);
        let is_full = state.totals.len() >= MAX_ENDPOINTS && !state.totals.contains_key(&charge.endpoint);
        let name = if is_full { String::new() } else { charge.endpoint.clone() };
        let total = state.totals.entry(name).or_default();
        total.calls += 1;
        total.cost += charge.cost();
        if charge.price.is_invented {
            total.invented_calls += 1;
            total.invented_cost += charge.cost();
        }
        state.charges.push(charge, CHARGE_SIZE);
        drop(state);
        if let Some(whole) = &self.whole {
            whole.charge(request, reply);
        }
    }

    /// Returns the latest charges, the oldest first.
    pub(crate) fn charges(&self) -> Vec<Charge> {
        lock(&self.state).charges.iter().cloned().collect()
    }

    /// Returns the charge for a request, if it is still kept. Those for the outputs of a realtime connection are added up.
    pub(crate) fn find(&self, request_id: &str) -> Option<Charge> {
        let state = lock(&self.state);
        let charges = state.charges.iter().filter(|charge| charge.request_id == request_id);
        charges.cloned().reduce(|sum, charge| Charge { units: sum.units + charge.units, ..charge })
    }

    /// Returns the sum of all charges.
    pub(crate) fn total(&self) -> CostSummary {
        let state = lock(&self.state);
        let totals = || state.totals.values();
        CostSummary {
            calls: totals().map(|total| total.calls).sum(),
            endpoints: state.totals.len(),
            usd: totals().map(|total| total.cost).sum(),
            invented_calls: totals().map(|total| total.invented_calls).sum(),
            invented_usd: totals().map(|total| total.invented_cost).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_successes_with_units_are_charged() {
        let prices = Prices::parse(r#"{"a/b": {"unit_price": 0.5, "unit": "images"}}"#, true).unwrap();
        let billing = Billing::new(prices, Arc::default());
        let request =
            ChargedRequest { id: "1", endpoint: "a/b", key_id: Some("key"), ended: SystemTime::now() };
        billing.charge(&request, &Reply::ok(json!({})).with_billable_units(3.0));
        billing.charge(&request, &Reply::ok(json!({})).with_billable_units(0.0));
        billing.charge(&request, &Reply::ok(json!({})));
        billing.charge(&request, &Reply::invalid(Vec::new()).with_billable_units(3.0));
        let expected = CostSummary { calls: 1, endpoints: 1, usd: 1.5, invented_calls: 0, invented_usd: 0.0 };
        assert_eq!(billing.total(), expected);
        assert_eq!(billing.total().invented_part(), "");
        assert_eq!(billing.find("1").map(|charge| charge.cost()), Some(1.5));
        let other = ChargedRequest { endpoint: "c/d", ..request };
        billing.charge(&other, &Reply::ok(json!({})).with_billable_units(20.0));
        assert_eq!(billing.total().invented_part(), "$0.20 of it at invented prices");
        let invented = Billing::new(Prices::default(), Arc::default());
        invented.charge(&other, &Reply::ok(json!({})).with_billable_units(1.0));
        assert_eq!(invented.total().invented_part(), "at invented prices");
    }
}
