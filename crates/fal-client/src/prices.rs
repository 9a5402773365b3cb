//! Prices of endpoints, from the platform API.
//!
//! ```no_run
//! use fal_client::{Client, prices::PriceList};
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let prices = PriceList::new(client);
//! if let Some(price) = prices.get("fal-ai/flux/dev").await? {
//!     println!("{:?} for 2 images, by {}", price.max_cost(r#"{"num_images": 2}"#), price.unit());
//! }
//! # Ok(())
//! # }
//! ```

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Number, json};
use tokio::sync::OnceCell;

use crate::{
    Client, Error, ErrorKind, Result, Usd,
    hosts::{Service, join},
    money::Decimal,
    retry::RetryClass,
    sync::lock,
    transport::{Content, Request},
};

/// The price of a unit of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    unit_price: Decimal,
    /// The name of the unit, such as `images`.
    pub(crate) unit: String,
}

/// The prices of the endpoints that were asked for. Each is fetched once.
pub struct PriceList {
    client: Client,
    cells: Mutex<HashMap<String, PriceCell>>,
}

/// A price that is fetched once; `None` for an endpoint without one.
type PriceCell = Arc<OnceCell<Option<Arc<Price>>>>;

// The types of the feature `platform` have floats, and no retries and hooks of the client.
#[derive(Deserialize)]
struct Page {
    prices: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    endpoint_id: String,
    unit_price: Number,
    unit: String,
    #[serde(default)]
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Average {
    total_cost: Number,
    #[serde(default)]
    currency: Option<String>,
}

impl std::fmt::Debug for PriceList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PriceList").field("prices", &lock(&self.cells).len()).finish_non_exhaustive()
    }
}

impl PriceList {
    /// Creates a list that fetches prices with `client`. Sends nothing yet.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, cells: Mutex::default() }
    }

    /// Returns the price of an endpoint, or `None` if it has none. Fetches it once.
    ///
    /// # Errors
    ///
    /// Failures of the request, and `Config` for a price that is not in US dollars.
    pub async fn get(&self, endpoint: &str) -> Result<Option<Arc<Price>>> {
        let cell = lock(&self.cells).entry(endpoint.to_owned()).or_default().clone();
        let fetched = cell
            .get_or_try_init(|| async { Ok::<_, Error>(fetch(&self.client, endpoint).await?.map(Arc::new)) });
        fetched.await.cloned().map_err(|error| error.with_context("the price cannot be read"))
    }

    /// Returns the price of an endpoint if it was fetched before.
    #[must_use]
    pub fn known(&self, endpoint: &str) -> Option<Arc<Price>> {
        lock(&self.cells).get(endpoint)?.get()?.clone()
    }

    /// Returns the average cost of past calls of an endpoint, or `None` if fal knows none.
    pub(crate) async fn fetch_average(&self, endpoint: &str) -> Result<Option<Usd>> {
        let mut request = platform_request(&self.client, Method::POST, &["models", "pricing", "estimate"])?;
        let endpoints = json!({ endpoint: { "call_quantity": 1 } });
        let body = json!({ "estimate_type": "historical_api_price", "endpoints": endpoints });
        request.content = Content::Json(Bytes::from(body.to_string()));
        let average = match self.client.0.transport.send(&request).await {
            Ok(response) => response.json::<Average>()?,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.with_endpoint(endpoint)),
        };
        check_currency(endpoint, average.currency.as_deref())?;
        Ok(Decimal::parse(&average.total_cost.to_string()).and_then(Decimal::to_usd))
    }
}

impl Price {
    /// Returns the name of the unit, such as `images`.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Returns the largest cost of a call with this input, as JSON, or `None` if it does not follow from the input: the
    /// seconds of a video, the megapixels of an image.
    #[must_use]
    pub fn max_cost(&self, json: impl AsRef<[u8]>) -> Option<Usd> {
        self.cost(self.units_of(json.as_ref())?)
    }

    /// Returns the cost of a number of units in decimal text, such as the header `X-Fal-Billable-Units` of a
    /// [`Reply`](crate::Reply). `None` if the text is not a number.
    #[must_use]
    pub fn cost_of(&self, units: &str) -> Option<Usd> {
        self.cost(Decimal::parse(units.trim())?)
    }

    /// Returns the cost of a number of units.
    pub(crate) fn cost(&self, units: Decimal) -> Option<Usd> {
        self.unit_price.checked_mul(units)?.to_usd()
    }

    /// Returns the largest number of units that a call with this JSON can cost, or `None` if it does not follow from the
    /// input: the seconds of a video, the megapixels of an image.
    pub(crate) fn units_of(&self, json: &[u8]) -> Option<Decimal> {
        match self.unit.to_ascii_lowercase().as_str() {
            "image" | "images" => num_images(json),
            "request" | "requests" | "call" | "calls" => Some(Decimal::ONE),
            _ => None,
        }
    }
}

/// Returns the number of images that an input asks for. It is 1 without the parameter, which is the default of every model
/// that has it.
fn num_images(json: &[u8]) -> Option<Decimal> {
    #[derive(Deserialize)]
    struct Parameters {
        num_images: Option<Number>,
    }
    match serde_json::from_slice::<Parameters>(json).ok()?.num_images {
        Some(number) => Decimal::parse(&number.to_string()),
        None => Some(Decimal::ONE),
    }
}

async fn fetch(client: &Client, endpoint: &str) -> Result<Option<Price>> {
    let mut request = platform_request(client, Method::GET, &["models", "pricing"])?;
    request.url.query_pairs_mut().append_pair("endpoint_id", endpoint);
    let page: Page = match client.0.transport.send(&request).await {
        Ok(response) => response.json()?,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.with_endpoint(endpoint)),
    };
    let Some(entry) = page.prices.into_iter().find(|entry| entry.endpoint_id == endpoint) else {
        return Ok(None);
    };
    check_currency(endpoint, entry.currency.as_deref())?;
    let unit_price = Decimal::parse(&entry.unit_price.to_string()).ok_or_else(|| {
        let message = format!("{} is not a price that can be calculated with", entry.unit_price);
        Error::new(ErrorKind::Decode { path: "prices[0].unit_price".to_owned() }, message)
            .with_endpoint(endpoint)
    })?;
    Ok(Some(Price { unit_price, unit: entry.unit }))
}

fn check_currency(endpoint: &str, currency: Option<&str>) -> Result<()> {
    match currency {
        None => Ok(()),
        Some(currency) if currency.eq_ignore_ascii_case("usd") => Ok(()),
        Some(other) => {
            let message = format!("the price is in {other}, and only US dollars can be added up");
            Err(Error::new(ErrorKind::Config, message).with_endpoint(endpoint))
        }
    }
}

fn platform_request(client: &Client, method: Method, path: &[&str]) -> Result<Request> {
    if client.0.transport.proxy.is_some() {
        let message = "prices cannot be read through `proxy_url`; use a client without one";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let base = client.hosts().base(Service::Platform);
    let url = join(base, ["v1"].into_iter().chain(path.iter().copied()));
    let mut request = Request::to_fal(method, url, RetryClass::Idempotent);
    request.retry = client.0.retry.clone();
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(unit: &str) -> Price {
        Price { unit_price: Decimal::parse("0.025").unwrap(), unit: unit.to_owned() }
    }

    #[test]
    fn units_follow_from_the_input_or_are_not_known() {
        let units = |unit, json: &str| price(unit).units_of(json.as_bytes()).map(|units| units.to_string());
        assert_eq!(units("images", r#"{"num_images":4}"#).as_deref(), Some("4"));
        assert_eq!(units("images", r#"{"num_images":null}"#).as_deref(), Some("1"));
        assert_eq!(units("image", "{}").as_deref(), Some("1"));
        assert_eq!(units("requests", "{}").as_deref(), Some("1"));
        for (unit, json) in
            [("seconds", "{}"), ("megapixels", "{}"), ("images", r#"{"num_images":"many"}"#), ("images", "[")]
        {
            assert_eq!(units(unit, json), None, "{unit} {json}");
        }
        assert_eq!(price("images").cost(Decimal::parse("4").unwrap()), Some(Usd::cents(10)));
    }
}
