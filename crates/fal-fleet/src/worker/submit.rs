//! Sending requests.

use std::time::Duration;

use fal_client::{Error as FalError, Retry, batch::JournalFailure, queue::Job, untyped, untyped::Any};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument;

use super::{follow::first_look, shared::Shared};
use crate::{
    Error, Result,
    ledger::{Accepted, ClaimOptions, Claimed, Held, Move},
    meter,
    trace::continued,
    webhooks::webhook_of,
};

/// The pauses before a request is sent again that was not accepted.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The longest time for which free places are gathered before they are filled by one claim. Claims of an account come one after
/// another, and one for each place would limit all workers together.
const GATHER: Duration = Duration::from_millis(50);

impl Shared {
    /// Claims and sends requests until the worker stops, and waits for those under way.
    pub(super) async fn submit_requests(&self) {
        let mut under_way = FuturesUnordered::new();
        // No claim before this time, while fal refuses requests.
        let mut resume_at = Instant::now();
        let mut claim_at = Instant::now();
        while !self.is_stopping() {
            let room = self.options.submits.saturating_sub(under_way.len());
            let mut pause = resume_at.saturating_duration_since(Instant::now());
            if room < self.options.submits.div_ceil(2) {
                pause = pause.max(claim_at.saturating_duration_since(Instant::now()));
            }
            if pause.is_zero() && room > 0 {
                match self.claim(room).await {
                    Ok(claimed) if claimed.is_empty() => pause = self.options.poll,
                    Ok(claimed) => {
                        let begun = Instant::now();
                        claim_at = begun + GATHER;
                        under_way.extend(claimed.into_iter().map(|claimed| self.submit(claimed, begun)));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no request can be claimed");
                        pause = self.options.poll;
                    }
                }
            }
            if under_way.is_empty() && pause.is_zero() {
                continue;
            }
            let has_room = under_way.len() < self.options.submits;
            tokio::select! {
                Some(rest) = under_way.next() => resume_at = resume_at.max(Instant::now() + rest),
                () = tokio::time::sleep(pause), if has_room => {}
                () = self.stopped() => {}
            }
        }
        while under_way.next().await.is_some() {}
    }

    /// Claims requests, and fetches the prices that are needed for it.
    pub(super) async fn claim(&self, most: usize) -> Result<Vec<Claimed>> {
        let options = ClaimOptions {
            owner: self.id,
            account: &self.options.account,
            most: i64::try_from(most).unwrap_or(i64::MAX),
            lease: self.options.lease,
        };
        let begun = Instant::now();
        let claims = self.ledger.claim(options, self.prices.clone()).await;
        meter::record_claim(begun.elapsed());
        if claims.is_err() {
            // The transaction may have been committed. This worker knows that it has not sent those requests.
            self.persist(async || self.ledger.release_unsent(self.id, &self.sending()).await).await;
        }
        let claims = claims?;
        for endpoint in &claims.unpriced {
            self.prices.fetch(endpoint).await;
        }
        Ok(claims.requests)
    }

    /// Sends a request, and writes down what became of it. Returns the time for which this worker should send nothing more.
    pub(super) async fn submit(&self, claimed: Claimed, begun: Instant) -> Duration {
        let held = Held { id: claimed.id, epoch: claimed.epoch };
        self.begin_sending(claimed.id);
        let span = tracing::info_span!(
            "fal.fleet.submit",
            batch = %claimed.batch,
            key = %claimed.key,
            endpoint = %claimed.endpoint,
            gen_ai.request.model = %claimed.endpoint
        );
        let span = continued(span, claimed.traceparent.as_deref());
        let sent = self.send(held, &claimed, begun).instrument(span).await;
        // Otherwise the ledger does not know, and the request must not be taken for one that was not sent.
        if sent.is_some() {
            self.end_sending(claimed.id);
        }
        sent.unwrap_or_default()
    }

    async fn send(&self, held: Held, claimed: &Claimed, begun: Instant) -> Option<Duration> {
        let limit = self.options.lease / 2;
        let (input, webhook) = match (serde_json::from_str::<Value>(&claimed.input), webhook_of(claimed)) {
            (Ok(input), Ok(webhook)) => (input, webhook),
            (Err(error), _) => {
                return self
                    .give_up(held, Error::config(format!("an input of the ledger is not JSON: {error}")))
                    .await;
            }
            (_, Err(error)) => return self.give_up(held, error).await,
        };
        let left = limit.saturating_sub(begun.elapsed());
        // A worker that was stopped in between must not send what may be in doubt by now.
        if left.is_zero() || self.is_stopping() {
            self.write(held, Move::release(Duration::ZERO, None)).await?;
            return Some(Duration::ZERO);
        }
        // One attempt, so that every attempt is in the ledger.
        let mut request =
            self.client.submit(untyped::input(&*claimed.endpoint, input)).retry(Retry::none()).timeout(left);
        if let Some(url) = webhook {
            request = request.webhook(url);
        }
        match request.await {
            Ok(job) => self.accepted(claimed, &job).await,
            Err(error) => self.not_answered(held, claimed, &error).await,
        }
    }

    async fn accepted(&self, claimed: &Claimed, job: &Job<Any>) -> Option<Duration> {
        let plain = serde_json::json!({ "endpoint": claimed.endpoint, "request_id": job.request_id() });
        let ticket = serde_json::to_value(job.ticket()).ok().filter(|ticket| *ticket != plain);
        let ticket = ticket.map(|ticket| ticket.to_string());
        let accepted = Accepted {
            id: claimed.id,
            attempt: claimed.attempt,
            token: claimed.token.clone(),
            request_id: job.request_id().to_owned(),
            ticket,
            look_in: first_look(claimed.webhook.is_some()),
        };
        let is_written = self.persist(async || self.ledger.submitted(accepted.clone()).await).await?;
        if !is_written {
            tracing::debug!(
                request_id = job.request_id(),
                "a webhook was faster than the answer to the submit"
            );
        }
        if claimed.is_probe {
            tracing::info!("the account is no longer locked");
            self.persist(async || self.ledger.unlock_account(&self.options.account).await).await?;
        }
        Some(Duration::ZERO)
    }

    async fn not_answered(&self, held: Held, claimed: &Claimed, error: &FalError) -> Option<Duration> {
        let failure = JournalFailure::from(error);
        let account = &self.options.account;
        if error.may_be_accepted() {
            tracing::warn!(%error, "a request may have been accepted");
            self.write(held, Move::lost(&failure)).await?;
        } else if error.is_locked() {
            tracing::warn!(%error, "the account sends nothing until its lock has ended");
            let (reason, pauses) = (error.message(), self.options.probe_pauses);
            self.persist(async || self.ledger.lock_account(account, reason, claimed.is_probe, pauses).await)
                .await?;
            self.write(held, Move::release(Duration::ZERO, None)).await?;
        } else if error.is_config() || error.is_account_wide() {
            // The key or the settings of this worker: others may have better ones.
            self.write(held, Move::release(Duration::ZERO, None)).await?;
            self.fail(Error::from_fal(error));
        } else if error.is_rate_limited() {
            let pause = error.retry_after().unwrap_or(FIRST_PAUSE).clamp(FIRST_PAUSE, MAX_PAUSE);
            self.persist(async || self.ledger.shrink(account).await).await?;
            self.write(held, Move::release(pause, None)).await?;
            return Some(pause);
        } else if error.is_retryable() {
            let failures = claimed.attempt.unsigned_abs().saturating_sub(1);
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(MAX_PAUSE);
            let pause = error.retry_after().map_or(pause, |asked| asked.min(Duration::from_secs(600)));
            tracing::warn!(%error, "a request was not accepted, and is sent again");
            self.write(held, Move::release(pause, Some(&failure))).await?;
            return Some(FIRST_PAUSE);
        } else {
            tracing::warn!(%error, "a request was refused");
            self.write(held, Move::refused(&failure)).await?;
        }
        Some(Duration::ZERO)
    }

    /// Gives a request back, and stops the worker: it cannot send it.
    async fn give_up(&self, held: Held, error: Error) -> Option<Duration> {
        self.write(held, Move::release(Duration::ZERO, None)).await?;
        self.fail(error);
        Some(Duration::ZERO)
    }
}
