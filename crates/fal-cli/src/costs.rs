//! The cost of calls: estimated before they are sent, and what they were billed after.

use fal_client::platform::Basis;
use fal_client::platform::types::Price;
use fal_client::{Client, Usd, untyped};
use serde_json::{Value, json};

use crate::failure::{Failure, FailureKind, Result};

/// An estimated cost.
pub(crate) struct Estimate {
    cost: Usd,
    /// The origin of the estimate, in words.
    basis: String,
}

impl Estimate {
    /// Asks the platform API. Returns `None` if it has no price in dollars.
    pub(crate) async fn fetch(client: &Client, id: &str, input: &Value) -> Result<Option<Self>> {
        let estimate = match client.estimate(untyped::input(id, input)).await {
            Ok(estimate) => estimate,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let cost = estimate.total_cost.to_string().parse().ok();
        let Some(cost) = cost.filter(|_| estimate.currency.eq_ignore_ascii_case("usd")) else {
            return Ok(None);
        };
        let basis = match estimate.basis {
            Basis::Units { quantity, unit, .. } => format!("{quantity} {unit}"),
            _ => "average of past calls".to_owned(),
        };
        Ok(Some(Self { cost, basis }))
    }

    pub(crate) fn cost(&self) -> Usd {
        self.cost
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"amount": decimal(self.cost), "currency": "USD", "basis": self.basis})
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.cost, self.basis)
    }
}

/// Fails if a call is estimated to cost more than `limit`, or if that is not known.
pub(crate) fn check(estimate: Option<&Estimate>, limit: Usd) -> Result<()> {
    let message = match estimate {
        Some(estimate) if estimate.cost <= limit => return Ok(()),
        Some(estimate) => format!("it would cost about {estimate}, and at most {limit} are allowed"),
        None => format!("its cost is not known, and at most {limit} are allowed"),
    };
    Err(Failure::new(FailureKind::Cost, format!("{message}; nothing was sent. --yes-cost USD allows more")))
}

/// Fails if calls are estimated to cost more than `limit` together, or if the cost of one is not known.
pub(crate) fn check_sum(estimates: &[Option<Estimate>], limit: Usd) -> Result<()> {
    if estimates.iter().any(Option::is_none) {
        return check(None, limit);
    }
    let cost = estimates.iter().flatten().map(|estimate| estimate.cost).sum();
    check(Some(&Estimate { cost, basis: format!("{} calls", estimates.len()) }), limit)
}

/// Returns the cost of a call as JSON: its billable units times the list price. Null if fal tells no units, and without an
/// amount if there is no price.
pub(crate) fn billed(price: Option<&Price>, units: Option<f64>) -> Value {
    let Some(units) = units else { return Value::Null };
    match price {
        Some(price) => {
            // The sum of floats such as 0.1 and 0.2 is shown with the digits of a price.
            let amount = (price.unit_price * units * 1e9).round() / 1e9;
            json!({"amount": amount.to_string(), "currency": price.currency, "units": units, "unit": price.unit})
        }
        None => json!({"amount": null, "currency": null, "units": units, "unit": null}),
    }
}

/// Returns a cost from [`billed`] in words, or an empty text.
pub(crate) fn billed_text(cost: &Value) -> String {
    match (cost["amount"].as_str(), cost["currency"].as_str()) {
        (Some(amount), Some("USD")) => format!("${amount}"),
        (Some(amount), Some(currency)) => format!("{amount} {currency}"),
        _ => String::new(),
    }
}

/// Returns an amount as decimal text without a sign.
pub(crate) fn decimal(cost: Usd) -> String {
    cost.to_string().trim_start_matches('$').replace(',', "")
}
