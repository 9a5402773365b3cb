//! Usage and billing events of the platform API, as the calls that came make them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::history::check_outage;
use super::parameters::Parameters;
use super::period::Period;
use super::platform::{check_key, endpoint_ids, invalid, list, page};
use super::time_series;
use crate::app::App;
use crate::billing::{Charge, Price};
use crate::clock::format_iso8601;
use crate::reply::Reply;

/// The user of the emulator's account.
pub(super) const USER: &str = "fal-emulator";
/// The largest number of billing events on a page.
const MAX_EVENTS: usize = 10_000;

/// The charges that one record of the usage adds up.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct UsageGroup {
    endpoint: String,
    unit: String,
    /// The bits of the price, which can be ordered.
    unit_price: u64,
    key_id: Option<String>,
}

/// Handles `GET /platform/v1/models/usage`.
pub(super) async fn usage(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    check_outage(&app)?;
    let now = app.clock.to_system_time(app.clock.now());
    let period = Period::parse(&parameters, now)?;
    let expansions = expansions(
        &parameters,
        &["time_series", "summary", "auth_method", "auth_method_structured"],
        &["time_series"],
    )?;
    let has = |name: &str| expansions.iter().any(|expansion| expansion == name);
    let charges = visible_charges(&app, &headers, &parameters, &period).await?;
    let records = |charges: &[&Charge]| -> Vec<Value> {
        let with_key = has("auth_method") || has("auth_method_structured");
        let mut groups: BTreeMap<UsageGroup, (f64, &Price)> = BTreeMap::new();
        for &charge in charges {
            let group = UsageGroup {
                endpoint: charge.endpoint.clone(),
                unit: charge.price.unit.clone(),
                unit_price: charge.price.unit_price.to_bits(),
                key_id: charge.key_id.clone().filter(|_| with_key),
            };
            groups.entry(group).or_insert((0.0, &charge.price)).0 += charge.units;
        }
        let entry = |(group, (units, price)): (UsageGroup, (f64, &Price))| {
            let cost = units * price.unit_price;
            let mut record = json!({
                "endpoint_id": group.endpoint, "unit": group.unit, "quantity": units, "unit_price": price.unit_price,
                "percent_discount": null, "cost_subtotal": cost, "cost_discount": 0.0, "cost_total": cost,
                "cost": cost, "currency": "USD",
            });
            mark(&mut record, price);
            add_auth(&app, &mut record, group.key_id.as_deref(), &expansions);
            record
        };
        groups.into_iter().map(entry).collect()
    };
    time_series::reply(&parameters, &period, &expansions, &charges, records)
}

/// Handles `GET /platform/v1/models/billing-events`: lists the charges, the latest first.
pub(super) async fn billing_events(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    check_outage(&app)?;
    let period = Period::parse(&parameters, app.clock.to_system_time(app.clock.now()))?;
    let expansions = expansions(&parameters, &["auth_method", "auth_method_structured"], &[])?;
    let requests = list(&parameters, "request_id");
    let mut charges = visible_charges(&app, &headers, &parameters, &period).await?;
    charges.retain(|(_, charge)| requests.is_empty() || requests.contains(&charge.request_id));
    charges.reverse();
    let page = page(&parameters, &charges, MAX_EVENTS)?;
    let entry = |(time, charge): &(SystemTime, Charge)| {
        let cost = charge.cost();
        let mut event = json!({
            "request_id": charge.request_id, "endpoint_id": charge.endpoint, "timestamp": format_iso8601(*time),
            "output_units": charge.units, "unit_price": charge.price.unit_price, "percent_discount": null,
            "cost_subtotal": cost, "cost_discount": 0.0, "cost_total": cost,
            "cost_estimate_nano_usd": (cost * 1e9).round(),
        });
        mark(&mut event, &charge.price);
        add_auth(&app, &mut event, charge.key_id.as_deref(), &expansions);
        event
    };
    Ok(page.reply("billing_events", page.entries.iter().map(entry).collect()))
}

/// Handles `GET /platform/v1/account/billing`. The credits are invented: 1,000 dollars without the costs so far.
pub(super) async fn account(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    let mut body = json!({"username": USER});
    if !expansions(&parameters, &["credits"], &[])?.is_empty() {
        app.settle(&app.base_urls(&headers)).await;
        let balance = 1_000.0 - app.billing.total().usd;
        body["credits"] = json!({"current_balance": balance, "currency": "USD"});
    }
    Ok(Reply::ok(body))
}

/// Returns the charges that the caller asks for and that the lag lets it see, with their times, the oldest first.
async fn visible_charges(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
    period: &Period,
) -> Result<Vec<(SystemTime, Charge)>, Reply> {
    let endpoints = endpoint_ids(parameters)?;
    let (keys, users) = (list(parameters, "api_key_id"), list(parameters, "login_username"));
    app.settle(&app.base_urls(headers)).await;
    let settings = app.scripts.history.get();
    let now = app.clock.to_system_time(app.clock.now());
    let mut charges: Vec<(SystemTime, Charge)> = app
        .billing
        .charges()
        .into_iter()
        .filter(|charge| settings.outage.is_none() && charge.ended + settings.lag <= now)
        .filter(|charge| endpoints.is_empty() || endpoints.contains(&charge.endpoint))
        .filter(|charge| keys.is_empty() || charge.key_id.as_ref().is_some_and(|key| keys.contains(key)))
        .filter(|_| users.is_empty() || users.iter().any(|user| user == USER))
        .map(|charge| (charge.ended, charge))
        .filter(|(time, _)| period.contains(*time))
        .collect();
    charges.sort_by_key(|(time, _)| *time);
    Ok(charges)
}

/// Returns the values of `expand`, or the default ones.
///
/// # Errors
///
/// Returns a 400 for an unknown one.
pub(super) fn expansions(
    parameters: &Parameters,
    known: &[&str],
    default: &[&str],
) -> Result<Vec<String>, Reply> {
    let asked = list(parameters, "expand");
    if let Some(unknown) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(&format!("expand: {unknown:?} is not one of {}", known.join(", "))));
    }
    let default = || default.iter().map(|name| (*name).to_owned()).collect();
    Ok(if asked.is_empty() { default() } else { asked })
}

/// Marks a record whose price is invented.
pub(super) fn mark(record: &mut Value, price: &Price) {
    if price.is_invented {
        record["is_invented"] = json!(true);
    }
}

fn add_auth(app: &App, record: &mut Value, key: Option<&str>, expansions: &[String]) {
    let detail = key.map(|key| app.keys.alias(key).unwrap_or_else(|| format!("key {key}")));
    let detail = detail.unwrap_or_else(|| "no key".to_owned());
    for expansion in expansions {
        match expansion.as_str() {
            "auth_method" => record["auth_method"] = json!(detail),
            "auth_method_structured" => {
                record["auth_method_structured"] = match key {
                    Some(key) => json!({"detail": detail, "api_key_id": key}),
                    None => json!({"detail": detail}),
                };
            }
            _ => {}
        }
    }
}
