//! Measurements for the facade of the crate `metrics`.

use std::time::{Duration, Instant};

use ::metrics::{Label, SharedString, counter, gauge, histogram};
use http::{Method, StatusCode};

use crate::{
    Result, Usd,
    metrics::{
        BILLABLE_UNITS, OPERATION_DURATION, QUEUE_DURATION, REQUEST_DURATION, REQUEST_SIZE, RESPONSE_SIZE,
        RETRIES, RUN_DURATION, SPEND,
    },
    spans::error_type,
    timeout::now,
};

/// Measures one attempt at a request.
pub(crate) struct RequestMeter {
    start: Instant,
    labels: Vec<Label>,
    sent: u64,
}

impl RequestMeter {
    /// Starts with the number of bytes of the body.
    pub(crate) fn start(method: &Method, host: Option<&str>, sent: u64) -> Self {
        let labels = vec![Label::new("http.request.method", method_name(method)), server(host)];
        Self { start: now(), labels, sent }
    }

    /// Records the outcome. `received` is the size of the response, if it is known.
    pub(crate) fn finish(self, status: Option<StatusCode>, error: Option<&str>, received: Option<u64>) {
        let Self { start, mut labels, sent } = self;
        if sent > 0 {
            histogram!(REQUEST_SIZE, labels.clone()).record(to_float(sent));
        }
        if let Some(received) = received {
            histogram!(RESPONSE_SIZE, labels.clone()).record(to_float(received));
        }
        let status = status.map(|status| Label::new("http.response.status_code", status.as_str().to_owned()));
        labels.extend(status.into_iter().chain(error.map(failure)));
        histogram!(REQUEST_DURATION, labels).record(now().duration_since(start));
    }
}

/// Records that a request is sent again after a failure.
pub(crate) fn record_retry(host: Option<&str>, error: &str) {
    counter!(RETRIES, vec![server(host), failure(error)]).increment(1);
}

/// Measures a call. Small, because it lives as long as the call.
pub(crate) struct CallMeter {
    start: Instant,
    operation: &'static str,
}

impl CallMeter {
    pub(crate) fn start(operation: &'static str) -> Self {
        Self { start: now(), operation }
    }

    pub(crate) fn finish<T>(self, endpoint: &str, outcome: &Result<T>) {
        let mut labels = vec![
            Label::from_static_parts("gen_ai.provider.name", "fal"),
            Label::from_static_parts("gen_ai.operation.name", self.operation),
            model(endpoint),
        ];
        labels.extend(outcome.as_ref().err().map(|error| failure(&error_type(error))));
        histogram!(OPERATION_DURATION, labels).record(now().duration_since(self.start));
    }
}

/// Records the units that fal charges for a call, if it says so.
pub(crate) fn record_units(endpoint: &str, units: Option<f64>) {
    if let Some(units) = units {
        histogram!(BILLABLE_UNITS, vec![model(endpoint)]).record(units);
    }
}

/// Measures the time that a request waits and runs, by its updates.
pub(crate) struct QueueMeter {
    start: Instant,
    running_at: Option<Instant>,
    completed: Option<(Instant, Option<Duration>)>,
}

impl Default for QueueMeter {
    fn default() -> Self {
        Self { start: now(), running_at: None, completed: None }
    }
}

impl QueueMeter {
    pub(crate) fn running(&mut self) {
        self.running_at.get_or_insert_with(now);
    }

    /// Notes the end, and the run time in seconds if fal measured it.
    pub(crate) fn completed(&mut self, run_time: Option<f64>) {
        self.completed = Some((now(), run_time.and_then(|time| Duration::try_from_secs_f64(time).ok())));
    }

    pub(crate) fn finish(self, endpoint: &str) {
        let Some((completed_at, measured)) = self.completed else { return };
        let total = completed_at.duration_since(self.start);
        let ran = measured.or_else(|| Some(completed_at.duration_since(self.running_at?)));
        let waited = match (self.running_at, ran) {
            (Some(running_at), _) => Some(running_at.duration_since(self.start)),
            (None, Some(ran)) => Some(total.saturating_sub(ran)),
            (None, None) => None,
        };
        for (name, time) in [(QUEUE_DURATION, waited), (RUN_DURATION, ran)] {
            if let Some(time) = time {
                histogram!(name, vec![model(endpoint)]).record(time);
            }
        }
    }
}

/// Records money that a batch has spent.
pub(crate) fn record_spend(endpoint: &str, cost: Usd) {
    gauge!(SPEND, vec![model(endpoint)]).increment(cost.to_f64());
}

fn model(endpoint: &str) -> Label {
    Label::new("gen_ai.request.model", endpoint.to_owned())
}

fn server(host: Option<&str>) -> Label {
    Label::new("server.address", host.unwrap_or_default().to_owned())
}

fn failure(error: &str) -> Label {
    Label::new("error.type", error.to_owned())
}

fn method_name(method: &Method) -> SharedString {
    match *method {
        Method::GET => "GET".into(),
        Method::POST => "POST".into(),
        Method::PUT => "PUT".into(),
        _ => method.as_str().to_owned().into(),
    }
}

fn to_float(number: u64) -> f64 {
    // Exact up to 2^53 bytes.
    number as f64
}
