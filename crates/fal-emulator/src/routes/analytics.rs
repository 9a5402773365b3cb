//! Statistics of requests of the platform API, as the calls that came make them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::history::{Outcome, check_outage};
use super::parameters::Parameters;
use super::period::Period;
use super::platform::{check_key, endpoint_ids, invalid, list};
use super::time_series;
use crate::app::App;
use crate::recent_calls::PastRequest;
use crate::reply::Reply;

/// The metrics that count requests.
const COUNTS: [&str; 8] = [
    "request_count",
    "success_count",
    "user_error_count",
    "error_count",
    "startup_error_count",
    "connection_error_count",
    "timeout_error_count",
    "runtime_error_count",
];
/// The percentiles of durations.
const PERCENTILES: [u32; 6] = [25, 50, 75, 90, 95, 99];

/// Handles `GET /platform/v1/models/analytics`.
pub(super) async fn analytics(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    check_outage(&app)?;
    let period = Period::parse(&parameters, app.clock.to_system_time(app.clock.now()))?;
    let endpoints = endpoint_ids(&parameters)?;
    if endpoints.is_empty() {
        return Err(invalid("endpoint_id: required"));
    }
    let mut expansions = list(&parameters, "expand");
    if expansions.is_empty() {
        expansions = ["time_series", "request_count"].map(str::to_owned).to_vec();
    }
    let (shapes, metrics): (Vec<String>, Vec<String>) =
        expansions.into_iter().partition(|name| ["time_series", "summary"].contains(&name.as_str()));
    if let Some(unknown) = metrics.iter().find(|metric| !is_metric(metric)) {
        return Err(invalid(&format!("expand: {unknown:?} is neither time_series nor summary nor a metric")));
    }
    if shapes.is_empty() || metrics.is_empty() {
        return Err(invalid("expand: expected time_series or summary, and at least one metric"));
    }
    let settings = app.scripts.history.get();
    let now = app.clock.now();
    let requests: Vec<(SystemTime, PastRequest)> = app
        .recent_calls
        .past_requests()
        .into_iter()
        .filter(|request| settings.outage.is_none() && request.started.saturating_add(settings.lag) <= now)
        .filter(|request| endpoints.iter().any(|id| id == request.endpoint()))
        .map(|request| (app.clock.to_system_time(request.sent), request))
        .filter(|(time, _)| period.contains(*time))
        .collect();
    let records = |requests: &[&PastRequest]| -> Vec<Value> {
        let mut by_endpoint: BTreeMap<&str, Vec<&PastRequest>> = BTreeMap::new();
        requests.iter().for_each(|request| by_endpoint.entry(request.endpoint()).or_default().push(request));
        by_endpoint.iter().map(|(endpoint, requests)| record(endpoint, requests, &metrics)).collect()
    };
    time_series::reply(&parameters, &period, &shapes, &requests, records)
}

/// Splits `p50_prepare_duration` into the percentile and the rest of the name.
fn split_percentile(metric: &str) -> Option<(u32, &str)> {
    let (percentile, duration) = metric.strip_prefix('p')?.split_once('_')?;
    let percentile = percentile.parse().ok().filter(|percentile| PERCENTILES.contains(percentile))?;
    ["prepare_duration", "duration"].contains(&duration).then_some((percentile, duration))
}

fn is_metric(metric: &str) -> bool {
    COUNTS.contains(&metric)
        || split_percentile(metric).is_some()
        || metric == "total_billable_duration"
        // The emulator has no cold starts.
        || metric.starts_with("cold_boot_")
        || metric.contains("_cold_boot_")
}

fn record(endpoint: &str, requests: &[&PastRequest], metrics: &[String]) -> Value {
    let mut record = json!({"endpoint_id": endpoint});
    for metric in metrics {
        record[metric] = value(requests, metric);
    }
    record
}

fn value(requests: &[&PastRequest], metric: &str) -> Value {
    let count = |is_counted: &dyn Fn(u16) -> bool| {
        json!(requests.iter().filter(|request| request.status.is_some_and(is_counted)).count())
    };
    let is = |status: u16, outcome: Outcome| Outcome::from_status(status) == outcome;
    let run = |request: &&PastRequest| Some(request.ended?.saturating_sub(request.started));
    match metric {
        "request_count" => json!(requests.len()),
        "success_count" => count(&|status| is(status, Outcome::Success)),
        "user_error_count" => count(&|status| is(status, Outcome::UserError)),
        "error_count" => count(&|status| is(status, Outcome::Error)),
        "startup_error_count" => count(&|status| status == 503),
        "connection_error_count" => count(&|status| status == 502),
        "timeout_error_count" => count(&|status| status == 504),
        "runtime_error_count" => count(&|status| status >= 500 && !(502..=504).contains(&status)),
        "total_billable_duration" => {
            json!(requests.iter().filter_map(run).sum::<Duration>().as_secs_f64())
        }
        _ => match split_percentile(metric) {
            Some((percentile, "prepare_duration")) => {
                let waits = requests.iter().map(|request| request.started.saturating_sub(request.sent));
                find_percentile(waits.collect(), percentile)
            }
            Some((percentile, _)) => find_percentile(requests.iter().filter_map(run).collect(), percentile),
            None => json!(0),
        },
    }
}

/// Returns the smallest duration that this share of all durations does not exceed, in seconds.
fn find_percentile(mut durations: Vec<Duration>, percentile: u32) -> Value {
    durations.sort_unstable();
    let rank = (durations.len() * percentile as usize).div_ceil(100);
    let found = durations.get(rank.saturating_sub(1)).copied().unwrap_or_default();
    json!(found.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_durations_that_occurred() {
        let durations = |count: u64| (1..=count).map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(find_percentile(durations(100), 95), json!(95.0));
        assert_eq!(find_percentile(durations(4), 50), json!(2.0));
        assert_eq!(find_percentile(durations(1), 99), json!(1.0));
        assert_eq!(find_percentile(Vec::new(), 50), json!(0.0));
        assert_eq!(split_percentile("p50_prepare_duration"), Some((50, "prepare_duration")));
        assert!(is_metric("p99_duration") && !is_metric("p51_duration") && !is_metric("p50_length"));
    }
}
