//! Following requests in fal's queue, and collecting their outputs.

use std::time::Duration;

use fal_client::{
    Error as FalError, Reply,
    batch::JournalFailure,
    queue::{Job, Ticket, Update},
    untyped::Any,
};
use http::HeaderMap;
use serde_json::{Value, value::RawValue};
use tracing::Instrument;

use super::{lane::Lane, shared::Shared};
use crate::{
    ledger::{Finished, Followed, Move},
    meter,
    trace::continued,
};

/// The number of requests that one worker looks at at the same time, beside those with a stream.
pub(super) const LOOKS: usize = 16;

/// The bounds of the pause between two looks at a request: without a webhook, and as the backstop of one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
const BACKSTOP_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// The pause after a look that failed because of the account.
const ACCOUNT_PAUSE: Duration = Duration::from_secs(30);

/// The age from which on a request that fal does not know is given up.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The header with the units that fal charges.
const BILLABLE_UNITS: &str = "x-fal-billable-units";

/// Returns the time from the submit to the first look.
pub(super) fn first_look(has_webhook: bool) -> Duration {
    next_look(Duration::ZERO, has_webhook)
}

/// Returns the pause before the next look at a request of this age: a quarter of it, so that a request is noticed late by a
/// quarter of its time at most.
fn next_look(age: Duration, has_webhook: bool) -> Duration {
    let (min, max) = if has_webhook { BACKSTOP_PAUSES } else { PAUSES };
    (age / 4).clamp(min, max)
}

impl Shared {
    /// Looks at requests in the queue until the worker stops.
    pub(super) async fn follow_requests(&self) {
        // Several at once, because each claim is a transaction.
        let lane = Lane { at_once: LOOKS.saturating_add(self.options.streams), at_least: LOOKS / 2 + 1 };
        let take = async |most| self.ledger.follow(&self.options.account, most, self.options.lease).await;
        self.work_off(lane, take, |followed| self.look(followed)).await;
    }

    pub(super) async fn look(&self, followed: Followed) {
        let span = tracing::info_span!(
            "fal.fleet.follow",
            endpoint = %followed.endpoint,
            gen_ai.request.model = %followed.endpoint
        );
        let span = continued(span, followed.traceparent.as_deref());
        self.look_at(&followed).instrument(span).await;
    }

    /// Looks at a request, and writes down what it has become.
    async fn look_at(&self, followed: &Followed) {
        let held = followed.held;
        let ticket: Ticket<Any> = match serde_json::from_str(&followed.ticket) {
            Ok(ticket) => ticket,
            Err(error) => {
                tracing::error!(%error, "a ticket of the ledger cannot be read");
                return;
            }
        };
        let job = self.client.resume(ticket);
        let mut run_time = None;
        let (fetched, has_failed) = match self.status(&job, followed).await {
            Ok(Update::Completed { error, metrics, .. }) => {
                run_time = metrics.inference_time;
                (job.result().await, error.is_some())
            }
            Ok(_) => {
                let pause = next_look(followed.age, followed.has_webhook);
                self.write(held, Move::look_again(pause, None)).await;
                return;
            }
            Err(error) => (Err(error), false),
        };
        let finished = match fetched {
            Ok(reply) => self.collected(followed, &reply).await,
            Err(error) if is_final(&error, has_failed, followed.age) => self.failed(followed, &error).await,
            Err(error) => {
                let pause = match error.is_account_wide() {
                    true => ACCOUNT_PAUSE,
                    false => error.retry_after().unwrap_or_default().max(next_look(followed.age, true)),
                };
                tracing::warn!(%error, "a request cannot be looked at");
                let failure = JournalFailure::from(&error);
                self.write(held, Move::look_again(pause, Some(&failure))).await;
                return;
            }
        };
        let is_written = self.persist(async || self.ledger.finish(held, finished.clone()).await).await;
        if is_written == Some(true) {
            meter::record_end(followed, run_time, finished.units.as_deref());
        }
        if is_written == Some(true) && followed.is_adaptive {
            self.persist(async || self.ledger.grow(&self.options.account).await).await;
        }
    }

    /// Returns the status of a request. If no webhook is expected and a stream is free, waits for the end of the request, for half
    /// of the lease at most.
    async fn status(&self, job: &Job<Any>, followed: &Followed) -> fal_client::Result<Update> {
        let permit = self.streams.try_acquire().ok().filter(|_| !followed.has_webhook);
        if permit.is_some() {
            let mut updates = job.updates();
            let follows = async {
                while let Some(update) = updates.next().await {
                    if !matches!(update, Ok(ref update) if !update.is_completed()) {
                        return Some(update);
                    }
                }
                None
            };
            let followed = tokio::select! {
                followed = tokio::time::timeout(self.options.lease / 2, follows) => followed.ok().flatten(),
                () = self.stopped() => None,
            };
            if let Some(followed) = followed {
                return followed;
            }
        }
        job.status().await
    }

    async fn collected(&self, followed: &Followed, reply: &Reply<Value>) -> Finished {
        // An output that is not JSON is kept in the form in which it is shown as JSON.
        let output = match serde_json::from_slice::<&RawValue>(reply.raw()) {
            Ok(raw) => raw.get().to_owned(),
            Err(_) => Value::to_string(reply),
        };
        let (units, cost) = self.cost(followed, reply.headers()).await;
        Finished { result: Ok(output), units, cost, is_retryable: false }
    }

    async fn failed(&self, followed: &Followed, error: &FalError) -> Finished {
        let (units, cost) = self.cost(followed, error.headers()).await;
        let is_retryable =
            error.is_retryable() || error.status().is_some_and(|status| status.is_server_error());
        Finished { result: Err(Box::new(JournalFailure::from(error))), units, cost, is_retryable }
    }

    /// Returns the units that fal charges, and their cost.
    async fn cost(
        &self,
        followed: &Followed,
        headers: &HeaderMap,
    ) -> (Option<String>, Option<fal_client::Usd>) {
        let units = headers
            .get(BILLABLE_UNITS)
            .and_then(|units| units.to_str().ok())
            .map(|units| units.trim().to_owned());
        let cost = match &units {
            Some(units) => self.prices.cost(&followed.endpoint, units).await,
            None => None,
        };
        (units.map(|units| units.chars().take(64).collect()), cost)
    }
}

/// Returns true if the result of a request is this failure at any later time.
fn is_final(error: &FalError, has_failed: bool, age: Duration) -> bool {
    if error.is_not_found() {
        return age > FORGOTTEN;
    }
    let Some(status) = error.status() else { return false };
    let is_refusal =
        status.is_client_error() && !matches!(status.as_u16(), 401..=404 | 407..=410 | 423 | 425 | 429);
    error.request_id().is_some() && (is_refusal || (has_failed && !error.is_account_wide()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_with_age() {
        let seconds = |age, has_webhook| next_look(Duration::from_secs(age), has_webhook).as_secs_f64();
        assert_eq!([seconds(0, false), seconds(4, false), seconds(600, false)], [0.25, 1.0, 10.0]);
        assert_eq!([seconds(0, true), seconds(40, true), seconds(600, true)], [5.0, 10.0, 60.0]);
    }
}
