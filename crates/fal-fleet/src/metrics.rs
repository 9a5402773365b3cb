//! The metrics of a fleet, through the facade of the crate [`metrics`](https://docs.rs/metrics). With the feature `metrics`.
//!
//! Workers record times and units under the names of [`fal_client::metrics`], beside those of the HTTP requests of their client.
//! Counts and money come from the database, so one process records them for all: the one that reads
//! [`Fleet::watch`](crate::Fleet::watch).
//!
//! ```no_run
//! use std::{pin::pin, time::Duration};
//! use futures_util::StreamExt;
//!
//! # async fn example(fleet: fal_fleet::Fleet) {
//! // After the exporter is installed, such as `PrometheusBuilder::new().install_recorder()`:
//! fal_client::metrics::describe();
//! fal_fleet::metrics::describe();
//! let mut states = pin!(fleet.watch(Duration::from_secs(30)));
//! while states.next().await.is_some() {}
//! # }
//! ```
//!
//! | Metric | Kind | Unit | Labels |
//! |---|---|---|---|
//! | [`REQUESTS`] | gauge | requests | batch, state |
//! | [`SPEND`] | gauge | US dollars | batch |
//! | [`CLAIM_DURATION`] | histogram | seconds | |
//! | [`QUEUE_DURATION`], [`RUN_DURATION`] | histogram | seconds | `gen_ai.request.model` |
//! | [`BILLABLE_UNITS`] | histogram | units of the price | `gen_ai.request.model` |

use metrics::{Unit, describe_gauge, describe_histogram};

pub use fal_client::metrics::{BILLABLE_UNITS, QUEUE_DURATION, RUN_DURATION, SPEND};

/// The number of requests of a batch, by state: `waiting`, `under_way`, `done`, `acknowledged`, `failed`, `in_doubt`. Those that
/// are acknowledged count as `done`, too.
pub const REQUESTS: &str = "fal.fleet.requests";

/// The time of the transaction in which a worker takes requests to send.
pub const CLAIM_DURATION: &str = "fal.fleet.claim.duration";

/// Gives the exporter a description and the unit of the metrics that only a fleet has. Call it once, after the exporter is
/// installed, beside [`fal_client::metrics::describe`].
pub fn describe() {
    describe_gauge!(REQUESTS, Unit::Count, "Requests of a batch.");
    describe_histogram!(CLAIM_DURATION, Unit::Seconds, "Time of a transaction that takes requests.");
}
