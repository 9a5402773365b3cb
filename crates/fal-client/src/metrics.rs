//! The metrics that calls record, through the facade of the crate [`metrics`](https://docs.rs/metrics). With the feature
//! `metrics`.
//!
//! Nothing is set up here: the app installs an exporter, and the client records to it. Without an exporter, recording does
//! nothing. This is the whole recipe for Prometheus:
//!
//! ```
//! use axum::{Router, routing::get};
//! use fal_client::metrics;
//! use metrics_exporter_prometheus::PrometheusBuilder;
//!
//! # fn example() -> Result<Router, Box<dyn std::error::Error>> {
//! let exporter = PrometheusBuilder::new().install_recorder()?;
//! metrics::describe();
//! let routes = Router::new().route("/metrics", get(move || std::future::ready(exporter.render())));
//! # Ok(routes)
//! # }
//! # example().unwrap();
//! ```
//!
//! Prometheus has `_` where the names here have a dot: `gen_ai_client_operation_duration`.
//!
//! | Metric | Kind | Unit | Labels |
//! |---|---|---|---|
//! | [`OPERATION_DURATION`] | histogram | seconds | model, operation, error |
//! | [`QUEUE_DURATION`], [`RUN_DURATION`] | histogram | seconds | model |
//! | [`BILLABLE_UNITS`] | histogram | units of the price | model |
//! | [`SPEND`] | gauge | US dollars | model |
//! | [`REQUEST_DURATION`] | histogram | seconds | method, host, status, error |
//! | [`REQUEST_SIZE`], [`RESPONSE_SIZE`] | histogram | bytes | method, host |
//! | [`RETRIES`] | counter | requests | host, error |
//!
//! Labels have OpenTelemetry's names: `gen_ai.request.model`, `http.request.method`, `server.address`,
//! `http.response.status_code`, `error.type`. None has the key, a path or a request id, so their number stays small.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The time of a call, by `gen_ai.operation.name`: `run`, `subscribe`, `submit`. A call that failed has `error.type`.
pub const OPERATION_DURATION: &str = "gen_ai.client.operation.duration";

/// The time that a request waited in fal's queue, as seen by the call that waited for it.
pub const QUEUE_DURATION: &str = "fal.client.queue.duration";

/// The run time of a request, as fal measured it, or else as seen by the call that waited for it.
pub const RUN_DURATION: &str = "fal.client.run.duration";

/// The units that fal charges for a call. Times the price of the unit, their sum is the cost.
pub const BILLABLE_UNITS: &str = "fal.client.billable_units";

/// The money that batches with a [budget](crate::batch::BatchRequest::budget) have spent. The client knows no prices of other
/// calls.
pub const SPEND: &str = "fal.client.spend";

/// The time from the start of an HTTP request, each attempt for itself, to the head of its response.
pub const REQUEST_DURATION: &str = "http.client.request.duration";

/// The size of the body of a request.
pub const REQUEST_SIZE: &str = "http.client.request.body.size";

/// The size of the body of a response, if its head says it.
pub const RESPONSE_SIZE: &str = "http.client.response.body.size";

/// The number of requests that were sent again.
pub const RETRIES: &str = "fal.client.retries";

/// Gives the exporter a description and the unit of every metric. Call it once, after the exporter is installed.
pub fn describe() {
    describe_histogram!(OPERATION_DURATION, Unit::Seconds, "Time of a call of a model.");
    describe_histogram!(QUEUE_DURATION, Unit::Seconds, "Time of a request in the queue of fal.");
    describe_histogram!(RUN_DURATION, Unit::Seconds, "Run time of a request.");
    describe_histogram!(BILLABLE_UNITS, Unit::Count, "Units that fal charges for a call.");
    describe_gauge!(SPEND, "US dollars that batches with a budget have spent.");
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Time of an HTTP request.");
    describe_histogram!(REQUEST_SIZE, Unit::Bytes, "Size of the body of a request.");
    describe_histogram!(RESPONSE_SIZE, Unit::Bytes, "Size of the body of a response.");
    describe_counter!(RETRIES, Unit::Count, "Requests that were sent again.");
}
