//! The budget of a batch: money is reserved before a request is sent, and settled by its billable units.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::{
    account_gate::AccountGate,
    journal_state::{JournalState, Money, Unpriced},
};
use crate::{
    Client, Error, ErrorKind, Result, Usd,
    meter::record_spend,
    money::Decimal,
    prices::{Price, PriceList},
    sync::lock,
};

/// The money that a batch may spend, for [`BatchRequest::budget`](super::BatchRequest::budget).
///
/// ```
/// use fal_client::{Usd, batch::Budget};
///
/// let videos = Budget::new(Usd::dollars(50)).max_per_request(Usd::cents(70));
/// assert_eq!(videos.to_string(), "$50.00, at most $0.70 a request");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    limit: Usd,
    max_per_request: Option<Usd>,
}

impl Budget {
    /// Creates a budget.
    #[must_use]
    pub fn new(limit: Usd) -> Self {
        Self { limit, max_per_request: None }
    }

    /// Sets the largest cost of a request, which is reserved for each one.
    ///
    /// Needed for endpoints whose cost does not follow from the input: those that are priced by the second, the megapixel or
    /// the token, and those without a price. An endpoint that is priced by the image or the request needs none.
    #[must_use]
    pub fn max_per_request(mut self, cost: Usd) -> Self {
        self.max_per_request = Some(cost);
        self
    }

    /// Returns the money that may be spent.
    #[must_use]
    pub fn limit(&self) -> Usd {
        self.limit
    }

    /// Returns the [largest cost of a request](Self::max_per_request), if it is set.
    #[must_use]
    pub fn request_limit(&self) -> Option<Usd> {
        self.max_per_request
    }
}

impl From<Usd> for Budget {
    fn from(limit: Usd) -> Self {
        Self::new(limit)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.limit)?;
        self.max_per_request.map_or(Ok(()), |cost| write!(f, ", at most {cost} a request"))
    }
}

/// The accounts of a batch: its budget, the money that is reserved and charged, and the units of requests without a price.
pub(super) struct Accounts {
    budget: Option<Budget>,
    prices: PriceList,
    gate: Arc<AccountGate>,
    state: Mutex<State>,
    /// Notified when money may have become free.
    freed: Notify,
}

#[derive(Default)]
struct State {
    money: Money,
    /// The number of reservations that may still be settled for less.
    active: usize,
    /// The largest cost of a request of each endpoint, if one has cost more than was reserved for it.
    excess: HashMap<String, Usd>,
    /// Without a budget: the units of finished requests by endpoint.
    units: HashMap<String, Unpriced>,
}

/// The money that is reserved for one request. Dropping it leaves the money reserved.
pub(super) struct Reservation {
    accounts: Arc<Accounts>,
    endpoint: String,
    pub(super) amount: Usd,
    is_active: bool,
}

/// The money that a batch has spent, from [`Completions::spent`](super::Completions::spent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Spent {
    /// The cost of the requests that are finished, in this process and earlier ones. With a budget, a request whose cost is
    /// not known costs what was reserved for it, also in later runs without a budget.
    pub cost: Usd,
    /// The money that is reserved for requests that are not finished, by this run or by an earlier one of the same journal.
    /// Zero if none of them had a budget.
    pub reserved: Usd,
    /// The number of requests whose cost is not known and not part of `cost`: fal named no billable units, or has no price, or
    /// the request was sent again before its outcome was known. Zero with a budget.
    ///
    /// Requests that are running or in doubt are not counted until they are finished or sent again.
    pub unpriced: u64,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} spent", self.cost)?;
        if self.reserved > Usd::ZERO {
            write!(f, ", {} reserved", self.reserved)?;
        }
        match self.unpriced {
            0 => Ok(()),
            1 => f.write_str(", and 1 request whose cost is not known"),
            count => write!(f, ", and {count} requests whose cost is not known"),
        }
    }
}

impl Accounts {
    /// Opens the accounts with what earlier processes have spent.
    ///
    /// # Errors
    ///
    /// `Config` if the batch has a budget, and the journal has requests whose cost is not known.
    pub(super) async fn open(
        client: Client,
        budget: Option<Budget>,
        gate: Arc<AccountGate>,
        journal: &JournalState,
    ) -> Result<Arc<Self>> {
        let prices = PriceList::new(client);
        let mut state = State { money: journal.money(), ..State::default() };
        let (unpriced, open) = journal.unpriced();
        match budget {
            None => state.units.clone_from(unpriced),
            Some(budget) => {
                let mut unknown = 0_u64;
                for (endpoint, unpriced) in unpriced {
                    unknown = unknown.saturating_add(unpriced.unknown);
                    if unpriced.counted == 0 {
                        continue;
                    }
                    let price = prices.get(endpoint).await?;
                    match price.and_then(|price| price.cost(unpriced.units)) {
                        Some(cost) => state.money.charged += cost,
                        None => unknown = unknown.saturating_add(unpriced.counted),
                    }
                }
                let max = budget.max_per_request.unwrap_or_default();
                if unknown.saturating_add(open) > 0 && max == Usd::ZERO {
                    return Err(unknown_costs(unknown.saturating_add(open)));
                }
                state.money.charged += max.times(unknown);
                state.money.reserved += max.times(open);
            }
        }
        Ok(Arc::new(Self { budget, prices, gate, state: Mutex::new(state), freed: Notify::new() }))
    }

    pub(super) fn has_budget(&self) -> bool {
        self.budget.is_some()
    }

    /// Returns the money of all processes.
    pub(super) fn money(&self) -> Option<Money> {
        self.budget.map(|_| lock(&self.state).money)
    }

    /// Reserves the cost of a request, once the budget has room for it. `json` is its input. Returns `None` without a budget.
    ///
    /// # Errors
    ///
    /// `Config` if the cost cannot be bounded, `Unsent` if the budget is spent, and failures of the price list.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        endpoint: &str,
        json: Option<&[u8]>,
    ) -> Result<Option<Reservation>> {
        let Some(budget) = self.budget else { return Ok(None) };
        let price = self.prices.get(endpoint).await?;
        let bound = price.as_deref().and_then(|price| price.cost(price.units_of(json?)?));
        let Some(estimate) = budget.max_per_request.or(bound) else {
            return Err(unbounded(endpoint, price.as_deref()));
        };
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Registered before the look, so that no notification is missed.
            freed.as_mut().enable();
            {
                let mut state = lock(&self.state);
                let amount = state.excess.get(endpoint).copied().unwrap_or_default().max(estimate);
                let Money { charged, reserved } = state.money;
                if charged + reserved + amount <= budget.limit {
                    state.money.reserved += amount;
                    state.active += 1;
                    let endpoint = endpoint.to_owned();
                    return Ok(Some(Reservation {
                        accounts: self.clone(),
                        endpoint,
                        amount,
                        is_active: true,
                    }));
                }
                if state.active == 0 {
                    let reason = format!(
                        "the budget of {} has no room for {amount}: {charged} spent, {reserved} reserved",
                        budget.limit
                    );
                    drop(state);
                    self.gate.stop_at_budget(reason);
                    self.freed.notify_waiters();
                }
            }
            if let Some(unsent) = self.gate.unsent() {
                return Err(unsent);
            }
            freed.await;
        }
    }

    /// Returns the reservation that an earlier process has made. Without an amount in the journal, it is that of the budget, and
    /// there is none without a budget.
    pub(super) fn adopt(self: &Arc<Self>, endpoint: &str, amount: Option<Usd>) -> Option<Reservation> {
        let of_budget = || self.budget.map(|budget| budget.max_per_request.unwrap_or_default());
        let amount = amount.or_else(of_budget)?;
        lock(&self.state).active += 1;
        let endpoint = endpoint.to_owned();
        Some(Reservation { accounts: self.clone(), endpoint, amount, is_active: true })
    }

    /// Counts the units of a request that has no reservation, or whose price is not fetched because there is no budget.
    pub(super) fn count(&self, endpoint: &str, units: Option<Decimal>) {
        Unpriced::add(&mut lock(&self.state).units, endpoint.to_owned(), units);
    }

    /// Returns the money spent. Fetches the price of an endpoint once, for a batch without a budget.
    pub(super) async fn spent(&self) -> Result<Spent> {
        let (mut spent, units) = {
            let state = lock(&self.state);
            let spent = Spent { cost: state.money.charged, reserved: state.money.reserved, unpriced: 0 };
            (spent, state.units.clone())
        };
        for (endpoint, Unpriced { units, counted, unknown }) in units {
            spent.unpriced = spent.unpriced.saturating_add(unknown);
            if counted == 0 {
                continue;
            }
            match self.prices.get(&endpoint).await?.and_then(|price| price.cost(units)) {
                Some(cost) => spent.cost += cost,
                None => spent.unpriced = spent.unpriced.saturating_add(counted),
            }
        }
        Ok(spent)
    }
}

impl Reservation {
    /// Gives the money back: the request was not accepted.
    pub(super) fn release(self) {
        let mut state = lock(&self.accounts.state);
        state.money.reserved = state.money.reserved.saturating_sub(self.amount);
    }

    /// Charges a request that is finished. Returns its cost: that of the units, or else the whole reservation.
    ///
    /// Without a budget, the reservation is that of an earlier run, and the price is only fetched when the cost is asked for.
    /// Then the units are counted, and the result is `None`.
    pub(super) fn settle(self, units: Option<Decimal>) -> Option<Usd> {
        if !self.accounts.has_budget() && units.is_some() {
            self.accounts.count(&self.endpoint, units);
            self.release();
            return None;
        }
        let price = self.accounts.prices.known(&self.endpoint);
        let cost = units.and_then(|units| price?.cost(units)).unwrap_or(self.amount);
        let mut state = lock(&self.accounts.state);
        state.money.reserved = state.money.reserved.saturating_sub(self.amount);
        state.money.charged += cost;
        if cost > self.amount {
            tracing::warn!(endpoint = self.endpoint, %cost, reserved = %self.amount, "a request cost more than was reserved");
            let most = state.excess.entry(self.endpoint.clone()).or_default();
            *most = cost.max(*most);
        }
        drop(state);
        record_spend(&self.endpoint, cost);
        Some(cost)
    }

    /// Notes that the money stays reserved for now, so that no other request waits for it.
    pub(super) fn set_aside(&mut self) {
        if std::mem::take(&mut self.is_active) {
            let mut state = lock(&self.accounts.state);
            state.active = state.active.saturating_sub(1);
        }
        self.accounts.freed.notify_waiters();
    }

    /// Notes that the request goes on.
    pub(super) fn take_up(&mut self) {
        if !std::mem::replace(&mut self.is_active, true) {
            lock(&self.accounts.state).active += 1;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.set_aside();
    }
}

fn unbounded(endpoint: &str, price: Option<&Price>) -> Error {
    let why = match price {
        Some(price) => {
            format!("it is priced by `{}`, whose number does not follow from the input", price.unit)
        }
        None => "fal has no price of it".to_owned(),
    };
    let message = format!(
        "the largest cost of a request is not known, and is needed for the budget: {why}; set \
         `Budget::new(..).max_per_request(..)`"
    );
    Error::new(ErrorKind::Config, message).with_endpoint(endpoint)
}

fn unknown_costs(requests: u64) -> Error {
    let message = format!(
        "the journal has {requests} requests whose cost is not known, because they were sent without a budget: set \
         `Budget::new(..).max_per_request(..)`, which counts each of them as that, or finish the batch without a budget"
    );
    Error::new(ErrorKind::Config, message)
}
