//! Records measurements. Without the feature `metrics`, it does nothing.

use std::time::Duration;

#[cfg(feature = "metrics")]
use crate::ledger::usd_text;
use crate::{Status, ledger::Followed};

/// Records the counts and the money of batches.
pub(crate) fn record_status(status: &Status) {
    #[cfg(feature = "metrics")]
    for batch in &status.batches {
        use crate::metrics::{REQUESTS, SPEND};

        for (state, count) in [
            ("waiting", batch.waiting),
            ("under_way", batch.under_way),
            ("done", batch.done),
            ("acknowledged", batch.acknowledged),
            ("failed", batch.failed),
            ("in_doubt", batch.in_doubt),
        ] {
            metrics::gauge!(REQUESTS, "batch" => batch.name.clone(), "state" => state).set(float(&count));
        }
        metrics::gauge!(SPEND, "batch" => batch.name.clone()).set(float(&usd_text(batch.spent)));
    }
    #[cfg(not(feature = "metrics"))]
    let _ = status;
}

/// Records the time of a claim.
pub(crate) fn record_claim(time: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(crate::metrics::CLAIM_DURATION).record(time);
    #[cfg(not(feature = "metrics"))]
    let _ = time;
}

/// Records the end of a request: the seconds for which it ran, the rest of its time, and the units that fal charges.
pub(crate) fn record_end(followed: &Followed, run_time: Option<f64>, units: Option<&str>) {
    #[cfg(feature = "metrics")]
    {
        use crate::metrics::{BILLABLE_UNITS, QUEUE_DURATION, RUN_DURATION};

        let model = || [("gen_ai.request.model", followed.endpoint.clone())];
        if let Some(run_time) = run_time {
            metrics::histogram!(RUN_DURATION, &model()).record(run_time);
            let queued = followed.age.as_secs_f64() - run_time;
            metrics::histogram!(QUEUE_DURATION, &model()).record(queued.max(0.0));
        }
        if let Some(units) = units.and_then(|units| units.parse::<f64>().ok()) {
            metrics::histogram!(BILLABLE_UNITS, &model()).record(units);
        }
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (followed, run_time, units);
}

/// Returns a number as the exporter takes it.
#[cfg(feature = "metrics")]
fn float(number: &impl ToString) -> f64 {
    number.to_string().parse().unwrap_or_default()
}
