//! Handing outputs to the handler.

use std::time::Duration;

use fal_client::Endpoint;
use tracing::Instrument;

use super::{HandlerError, lane::Lane, shared::Shared};
use crate::{
    Done,
    ledger::{Move, Offered},
    trace::continued,
};

/// The pauses before an output is offered again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(600);

/// Returns the pause after the `nth` offer, from 1.
fn pause_after(nth: i32) -> Duration {
    let doublings = nth.unsigned_abs().saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_PAUSE)
}

impl Shared {
    /// Offers outputs until the worker stops, and waits for the handlers under way.
    pub(super) async fn offer_outputs<M, F>(&self, handler: &F)
    where
        M: Endpoint,
        F: AsyncFn(Done<M>) -> Result<(), HandlerError>,
    {
        let lane = Lane { at_once: self.options.handlers, at_least: 1 };
        let (account, is_saved, lease) =
            (&*self.options.account, self.options.saves_media(), self.options.lease);
        let take = async |most| self.ledger.offer(account, self.endpoint, is_saved, most, lease).await;
        self.work_off(lane, take, |offered| self.handle(offered, handler)).await;
    }

    async fn handle<M, F>(&self, offered: Offered, handler: &F)
    where
        M: Endpoint,
        F: AsyncFn(Done<M>) -> Result<(), HandlerError>,
    {
        let collected = &offered.collected;
        let (held, nth) = (collected.held, offered.offer);
        let span = tracing::info_span!(
            "fal.fleet.handle",
            batch = %collected.batch,
            key = %collected.key,
            request_id = %collected.request_id,
            gen_ai.response.id = %collected.request_id
        );
        let span = continued(span, collected.traceparent.as_deref());
        self.hold(held);
        let outcome = handler(Done::new(offered, self.client.clone())).instrument(span).await;
        self.let_go(held);
        let is_written = match outcome {
            Ok(()) => self.persist(async || self.ledger.acknowledge(held).await).await,
            Err(error) => {
                tracing::warn!(%error, "a handler has failed, and its output is offered again");
                self.write(held, Move::offer_again(&error.to_string(), pause_after(nth))).await
            }
        };
        if is_written == Some(false) {
            tracing::warn!("an output was taken over by another worker before its handler had ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        assert_eq!([1, 2, 5, 100].map(|nth| pause_after(nth).as_secs()), [1, 2, 16, 600]);
    }
}
