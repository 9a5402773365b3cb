//! Durations in scenarios.

use std::time::Duration;

use serde::Deserialize;

/// A duration that is written as a number of seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Seconds(pub(super) Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| format!("{seconds} is not a number of seconds"))
    }
}
