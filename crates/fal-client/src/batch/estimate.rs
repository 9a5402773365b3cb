//! The cost of a whole batch before it is sent.

use std::{collections::BTreeMap, fmt};

use super::progress::Thousands;
use crate::{Client, Result, Usd, money::Decimal, prices::PriceList};

/// The estimated cost of a batch, from [`BatchRequest::estimate`](super::BatchRequest::estimate).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchEstimate {
    /// The cost of all requests that are still to be sent, as far as it is known.
    pub cost: Usd,
    /// The number of requests that are still to be sent.
    pub requests: usize,
    /// The number of inputs that the journal knows as sent, so that they cost nothing.
    pub already_sent: usize,
    /// The parts, by the id of the endpoint.
    pub endpoints: BTreeMap<String, EndpointEstimate>,
}

/// The part of a [`BatchEstimate`] that is for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointEstimate {
    /// The cost, or `None` if fal knows no price and no past calls of the endpoint.
    pub cost: Option<Usd>,
    /// The number of requests.
    pub requests: usize,
    /// The name of the unit by which the endpoint is priced, such as `images`.
    pub unit: Option<String>,
    /// True if the number of units follows from the inputs. Otherwise the cost is the average of past calls.
    pub is_exact: bool,
}

impl fmt::Display for BatchEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_exact = self.endpoints.values().all(|part| part.is_exact);
        let about = if is_exact { "" } else { "about " };
        let (requests, plural) = (Thousands(self.requests), if self.requests == 1 { "" } else { "s" });
        write!(f, "{about}{} for {requests} request{plural}", self.cost)?;
        if self.already_sent > 0 {
            write!(f, ", {} more already sent", Thousands(self.already_sent))?;
        }
        for (id, part) in self.endpoints.iter().filter(|(_, part)| part.cost.is_none()) {
            write!(f, "; {} of {id}, whose price is not known", Thousands(part.requests))?;
        }
        Ok(())
    }
}

/// Adds up the cost of inputs, with one look-up of the price for each endpoint, and one more of the average cost where the
/// price does not say enough.
pub(super) struct Estimator {
    prices: PriceList,
    already_sent: usize,
    endpoints: BTreeMap<String, Counts>,
}

/// The inputs of one endpoint.
struct Counts {
    requests: usize,
    /// `None` if the units do not follow from an input.
    units: Option<Decimal>,
}

impl Estimator {
    pub(super) fn new(client: Client) -> Self {
        Self { prices: PriceList::new(client), already_sent: 0, endpoints: BTreeMap::new() }
    }

    /// Counts an input that the journal knows as sent.
    pub(super) fn add_sent(&mut self) {
        self.already_sent += 1;
    }

    /// Counts an input that is still to be sent.
    pub(super) async fn add(&mut self, endpoint: &str, json: &[u8]) -> Result<()> {
        let price = self.prices.get(endpoint).await?;
        let units = price.and_then(|price| price.units_of(json));
        let counts = self.endpoints.entry(endpoint.to_owned());
        let counts = counts.or_insert(Counts { requests: 0, units: Some(Decimal::ZERO) });
        counts.requests += 1;
        counts.units = counts.units.and_then(|sum| sum.checked_add(units?));
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<BatchEstimate> {
        let mut estimate = BatchEstimate {
            cost: Usd::ZERO,
            requests: 0,
            already_sent: self.already_sent,
            endpoints: BTreeMap::new(),
        };
        for (endpoint, Counts { requests, units }) in self.endpoints {
            let price = self.prices.get(&endpoint).await?;
            let exact = price.as_ref().zip(units).and_then(|(price, units)| price.cost(units));
            let cost = match exact {
                Some(cost) => Some(cost),
                None => {
                    let count = u64::try_from(requests).unwrap_or(u64::MAX);
                    self.prices.fetch_average(&endpoint).await?.map(|average| average.times(count))
                }
            };
            estimate.cost += cost.unwrap_or_default();
            estimate.requests += requests;
            let unit = price.map(|price| price.unit.clone());
            let part = EndpointEstimate { cost, requests, unit, is_exact: exact.is_some() };
            estimate.endpoints.insert(endpoint, part);
        }
        Ok(estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimate_prints_as_one_line() {
        let part = |cost, requests, is_exact| EndpointEstimate { cost, requests, unit: None, is_exact };
        let endpoints = [
            ("acme/a".to_owned(), part(Some(Usd::cents(1250)), 1200, true)),
            ("acme/b".to_owned(), part(None, 3, false)),
        ];
        let mut estimate = BatchEstimate {
            cost: Usd::cents(1250),
            requests: 1203,
            already_sent: 7,
            endpoints: endpoints.into(),
        };
        let line =
            "about $12.50 for 1,203 requests, 7 more already sent; 3 of acme/b, whose price is not known";
        assert_eq!(estimate.to_string(), line);
        estimate.endpoints.remove("acme/b");
        estimate.requests = 1;
        assert_eq!(estimate.to_string(), "$12.50 for 1 request, 7 more already sent");
    }
}
