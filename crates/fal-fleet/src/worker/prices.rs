//! Prices for budgets and costs.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use fal_client::{Client, Usd, prices::PriceList};

use crate::{ledger::Estimates, sync::lock};

/// The time after which a price that could not be read is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// The prices that a worker has asked for.
pub(super) struct Prices {
    list: PriceList,
    /// Endpoints whose price was read, or could not be read at this time.
    asked: Mutex<HashMap<String, Option<Instant>>>,
}

impl Prices {
    pub(super) fn new(client: Client) -> Self {
        Self { list: PriceList::new(client), asked: Mutex::default() }
    }

    /// Asks for the price of an endpoint, unless it is known. Returns false if it cannot be read at the moment.
    pub(super) async fn fetch(&self, endpoint: &str) -> bool {
        match lock(&self.asked).get(endpoint) {
            Some(None) => return true,
            Some(Some(failed)) if failed.elapsed() < ASK_AGAIN => return false,
            _ => {}
        }
        let fetched = self.list.get(endpoint).await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, endpoint, "costs are not known");
        }
        let asked = fetched.is_err().then(Instant::now);
        lock(&self.asked).insert(endpoint.to_owned(), asked);
        fetched.is_ok()
    }

    /// Returns the cost of a number of units, if the price is known.
    pub(super) async fn cost(&self, endpoint: &str, units: &str) -> Option<Usd> {
        if !self.fetch(endpoint).await {
            return None;
        }
        self.list.known(endpoint)?.cost_of(units)
    }
}

impl Estimates for Prices {
    fn estimate(&self, endpoint: &str, input: &str) -> Option<Option<Usd>> {
        if !matches!(lock(&self.asked).get(endpoint), Some(None)) {
            return None;
        }
        Some(self.list.known(endpoint).and_then(|price| price.max_cost(input)))
    }
}
