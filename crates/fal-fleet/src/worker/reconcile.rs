//! Asking fal about requests that may have been accepted.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use fal_client::reconcile::{LostSubmit, Reconcile, Reconciled};
use tokio::time::Instant;

use super::shared::Shared;
use crate::{
    Result,
    ledger::{DoubtWindow, Doubtful, Move},
};

/// The largest number of doubts that are decided together.
pub(super) const MOST: i64 = 200;

/// The pause before fal is asked again about a request that stayed in doubt.
const LOOK_AGAIN: Duration = Duration::from_secs(900);

impl Shared {
    /// Decides doubts until the worker stops.
    pub(super) async fn reconcile_doubts(&self) {
        while !self.is_stopping() {
            let taken = self.ledger.doubts(&self.options.account, MOST, self.options.lease).await;
            let doubts = taken.unwrap_or_else(|error| {
                tracing::warn!(%error, "doubts cannot be read");
                Vec::new()
            });
            if doubts.is_empty() {
                self.rest(self.options.poll.max(Duration::from_secs(1))).await;
                continue;
            }
            tokio::select! {
                () = self.reconcile(&doubts) => {}
                // Nothing is sent by it, so another worker can begin anew.
                () = self.stopped() => {}
            }
            for doubt in &doubts {
                self.let_go(doubt.held);
            }
        }
    }

    pub(super) async fn reconcile(&self, doubts: &[Doubtful]) {
        for doubt in doubts {
            self.hold(doubt.held);
        }
        let mut by_endpoint: BTreeMap<&str, Vec<&Doubtful>> = BTreeMap::new();
        for doubt in doubts {
            by_endpoint.entry(&doubt.endpoint).or_default().push(doubt);
        }
        // The clock of the database, on which all workers agree. That of this machine may be wrong, and its lag would seem to be over.
        let (taken_at, taken) = (doubts.iter().map(|doubt| doubt.taken_at).max(), Instant::now());
        let now = move || taken_at.unwrap_or_else(SystemTime::now) + taken.elapsed();
        let settings = &self.options.reconcile.clone().clock(now);
        let looks = by_endpoint.into_iter().map(|(endpoint, doubts)| async move {
            if let Err(error) = self.reconcile_endpoint(endpoint, &doubts, settings).await {
                tracing::warn!(%error, "doubts cannot be decided at the moment");
            }
        });
        futures_util::future::join_all(looks).await;
    }

    async fn reconcile_endpoint(
        &self,
        endpoint: &str,
        doubts: &[&Doubtful],
        settings: &Reconcile,
    ) -> Result<()> {
        let lost = doubts.iter().map(|doubt| {
            // It is in doubt because its submit was given up, or its lease has ended.
            let ended = doubt.begun_at.checked_add(self.options.lease).unwrap_or(doubt.begun_at);
            LostSubmit::new(endpoint, &doubt.input, doubt.begun_at).ended(ended.min(doubt.taken_at))
        });
        let mut look = self.client.reconcile(lost).settings(settings.clone());
        for (request_id, input) in self.ledger.accepted_around(&DoubtWindow::new(endpoint, doubts)).await? {
            look = look.accepted(request_id, input);
        }
        let conclusions = look.await?;
        for (doubt, conclusion) in doubts.iter().zip(conclusions) {
            let held = doubt.held;
            let is_written = match conclusion {
                Reconciled::Found(ticket) => {
                    self.persist(async || self.ledger.found(held, ticket.request_id()).await).await
                }
                Reconciled::NotAccepted => self.write(held, Move::not_accepted()).await,
                Reconciled::InDoubt(reason) => {
                    self.write(held, Move::still_in_doubt(&reason.to_string(), LOOK_AGAIN)).await
                }
            };
            tracing::info!(endpoint, ?is_written, "a doubt was decided");
        }
        Ok(())
    }
}
