//! The money that agents may spend: a limit for each call, and one for all calls of the server together.

use std::sync::{Mutex, PoisonError};

use fal_client::{Client, Usd};
use serde_json::{Value, json};

use crate::costs::{self, Estimate};
use crate::failure::{Failure, FailureKind, Result};

/// The limits, and the money that is spent or reserved.
pub(super) struct Budget {
    limit: Option<Usd>,
    per_call: Option<Usd>,
    spent: Mutex<Usd>,
}

/// The money that is reserved for a call. Unless it is settled or released, it counts as spent.
pub(super) struct Reservation<'a> {
    budget: &'a Budget,
    amount: Usd,
}

impl Budget {
    pub(super) fn new(limit: Option<Usd>, per_call: Option<Usd>) -> Self {
        Self { limit, per_call, spent: Mutex::default() }
    }

    /// Reserves the estimated cost of a call before it is sent. `max_cost` is the limit that the agent sets for it.
    ///
    /// # Errors
    ///
    /// Returns a failure if a limit would be exceeded, or if there is one and the cost is not known.
    pub(super) async fn reserve(
        &self,
        client: &Client,
        id: &str,
        input: &Value,
        max_cost: Option<Usd>,
    ) -> Result<Reservation<'_>> {
        let per_call = [self.per_call, max_cost].into_iter().flatten().min();
        if self.limit.or(per_call).is_none() {
            return Ok(Reservation { budget: self, amount: Usd::ZERO });
        }
        let estimate = Estimate::fetch(client, id, input).await?;
        if let Some(per_call) = per_call {
            costs::check(estimate.as_ref(), per_call)?;
        }
        let amount = match (&estimate, self.limit) {
            (Some(estimate), _) => estimate.cost(),
            (None, None) => Usd::ZERO,
            (None, Some(_)) => {
                let message = "its cost is not known, and this server has a budget; nothing was sent";
                return Err(Failure::new(FailureKind::Cost, message));
            }
        };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = self.limit.filter(|limit| *spent + amount > *limit) {
            let message = format!(
                "it would cost about {amount}, and {} of the {limit} of this server are left; nothing was sent",
                limit.saturating_sub(*spent)
            );
            return Err(Failure::new(FailureKind::Cost, message));
        }
        *spent += amount;
        Ok(Reservation { budget: self, amount })
    }

    /// Returns what was spent or reserved, and the limits.
    pub(super) fn to_json(&self) -> Value {
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |amount: Option<Usd>| amount.map(costs::decimal);
        json!({
            "spent": costs::decimal(spent), "limit": text(self.limit), "limit_per_call": text(self.per_call),
            "currency": "USD",
        })
    }
}

impl Reservation<'_> {
    /// Replaces the estimate by what the call has cost, if that is known.
    pub(super) fn settle(self, cost: Option<Usd>) {
        if let Some(cost) = cost {
            self.replace(cost);
        }
    }

    /// Gives the money back, because nothing was sent.
    pub(super) fn release(self) {
        self.replace(Usd::ZERO);
    }

    fn replace(self, cost: Usd) {
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.saturating_sub(self.amount) + cost;
    }
}
