//! The gate through which a batch sends: it closes while the account is locked.

use std::{
    sync::{Mutex, OnceLock},
    time::Duration,
};

use tokio::{
    sync::MutexGuard,
    time::{Instant, sleep_until},
};

use super::LockWait;
use crate::{Error, ErrorKind, Result, sync::lock};

/// The longest pause, whatever the service asks for.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The gate of one batch. Every submit passes through it and reports its outcome.
///
/// After a failure that concerns the whole account the gate stops the batch. With a [`LockWait`] and a lock it closes
/// instead, and lets a single request through after a pause. If that one is accepted, the gate opens for all.
#[derive(Debug)]
pub(super) struct AccountGate {
    patience: Option<LockWait>,
    /// Set while the account is locked.
    closed: Mutex<Option<Closed>>,
    /// Held by the request that may probe next.
    probe_turn: tokio::sync::Mutex<()>,
    /// The failure of the account after which the batch has stopped.
    stopped: OnceLock<String>,
    /// The reason for which the budget allows no further request.
    exhausted: OnceLock<String>,
}

/// A lock that has not ended.
#[derive(Debug, Clone, Copy)]
struct Closed {
    /// The end of the batch's patience.
    limit: Option<Instant>,
    pause: Duration,
    next_probe: Instant,
}

/// The permission to send one request, from [`AccountGate::pass`].
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a AccountGate,
    probe: Option<MutexGuard<'a, ()>>,
}

impl AccountGate {
    pub(super) fn new(patience: Option<LockWait>) -> Self {
        Self {
            patience,
            closed: Mutex::default(),
            probe_turn: tokio::sync::Mutex::default(),
            stopped: OnceLock::new(),
            exhausted: OnceLock::new(),
        }
    }

    /// Returns the reason for which the batch has stopped.
    pub(super) fn stop_reason(&self) -> Option<&str> {
        self.stopped.get().or(self.exhausted.get()).map(String::as_str)
    }

    /// Returns true if a failure of the account has stopped the batch, after which nothing is sent.
    pub(super) fn is_account_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// Stops requests that have no money reserved. Those that have some go on.
    pub(super) fn stop_at_budget(&self, reason: String) {
        if self.exhausted.get().is_none() {
            tracing::warn!(reason, "the batch takes no more inputs");
            let _ = self.exhausted.set(reason);
        }
    }

    /// Returns the error of an input that is not sent because the batch has stopped.
    pub(super) fn unsent(&self) -> Option<Error> {
        let reason = self.stop_reason()?;
        Some(Error::new(ErrorKind::Unsent, format!("not sent, because the batch has stopped: {reason}")))
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    ///
    /// `Unsent` if the batch has stopped.
    pub(super) async fn pass(&self) -> Result<Pass<'_>> {
        let mut probe = None;
        loop {
            if let Some(unsent) = self.unsent().filter(|_| self.is_account_stopped()) {
                return Err(unsent);
            }
            let Some(closed) = *lock(&self.closed) else { return Ok(Pass { gate: self, probe: None }) };
            if probe.is_none() {
                // Those that wait get their turn in the order in which they came.
                probe = Some(self.probe_turn.lock().await);
            } else if closed.next_probe > Instant::now() {
                sleep_until(closed.next_probe).await;
            } else {
                return Ok(Pass { gate: self, probe });
            }
        }
    }

    /// Stops the batch, or closes the gate if the batch waits for the end of a lock. Returns true if it waits.
    pub(super) fn close(&self, error: &Error, is_probe: bool) -> bool {
        let Some(patience) = self.patience.filter(|_| error.is_locked()) else {
            self.stop(error);
            return false;
        };
        let now = Instant::now();
        let is_over = {
            let mut closed = lock(&self.closed);
            let (limit, pause) = match *closed {
                // A request that was under way when the gate closed.
                Some(closed) if !is_probe => (closed.limit, None),
                Some(closed) => (closed.limit, Some(patience.next_pause(closed.pause))),
                None => (now.checked_add(patience.limit), Some(patience.first_pause)),
            };
            if let Some(pause) = pause {
                let next_probe = now + pause.max(error.retry_after().unwrap_or_default()).min(MAX_PAUSE);
                tracing::warn!(%error, "the account is locked: the batch waits");
                *closed = Some(Closed { limit, pause, next_probe });
            }
            closed.is_some_and(|closed| closed.limit.is_some_and(|limit| closed.next_probe.max(now) > limit))
        };
        if is_over {
            self.stop(error);
        }
        !is_over
    }

    /// Sleeps for the pause between two probes, for a request that was submitted and cannot be followed.
    pub(super) async fn pause(&self) {
        let pause =
            lock(&self.closed).map(|closed| closed.pause).or(self.patience.map(|wait| wait.first_pause));
        tokio::time::sleep(pause.unwrap_or_default()).await;
    }

    fn stop(&self, error: &Error) {
        if self.stopped.set(error.to_string()).is_ok() {
            tracing::warn!(%error, "the batch takes no more inputs");
        }
    }

    /// Puts the next probe off, after one whose outcome is not known.
    fn delay_probe(&self) {
        if let Some(closed) = lock(&self.closed).as_mut() {
            closed.next_probe = Instant::now() + closed.pause.min(MAX_PAUSE);
        }
    }
}

impl Pass<'_> {
    /// Notes that the request was accepted, which ends a lock.
    pub(super) fn accepted(self) {
        if self.probe.is_some() {
            tracing::info!("the account is no longer locked: the batch goes on");
            *lock(&self.gate.closed) = None;
        }
    }

    /// Notes that the request failed. Returns true if it may be sent again, after another [`pass`](AccountGate::pass).
    pub(super) fn failed(self, error: &Error) -> bool {
        if error.is_account_wide() {
            return self.gate.close(error, self.probe.is_some());
        }
        // A refusal for another reason says nothing about the lock, and the next request probes at once.
        if self.probe.is_some() && (error.is_retryable() || error.may_be_accepted()) {
            self.gate.delay_probe();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn locked() -> Error {
        let body = Bytes::from_static(br#"{"detail":"User is locked. Reason: Exhausted balance."}"#);
        Error::from_response(StatusCode::FORBIDDEN, &HeaderMap::new(), body)
    }

    fn seconds(start: Instant) -> u64 {
        start.elapsed().as_secs()
    }

    #[tokio::test]
    async fn a_lock_stops_a_batch_that_does_not_wait() {
        let gate = AccountGate::new(None);
        let (first, second) = (gate.pass().await.unwrap(), gate.pass().await.unwrap());
        assert!(!first.failed(&locked()) && gate.stop_reason().is_some_and(|why| why.contains("balance")));
        second.accepted();
        assert!(gate.pass().await.unwrap_err().is_unsent());
    }

    #[tokio::test]
    async fn a_wrong_key_stops_a_batch_that_waits_for_locks() {
        let gate = AccountGate::new(Some(LockWait::default()));
        let refused = Error::from_response(StatusCode::UNAUTHORIZED, &HeaderMap::new(), Bytes::new());
        assert!(!gate.pass().await.unwrap().failed(&refused));
        assert!(gate.pass().await.unwrap_err().is_unsent());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_between_probes_double_up_to_the_maximum_and_end_at_the_limit() {
        let gate = AccountGate::new(Some(LockWait::default()));
        let start = Instant::now();
        let mut probes = Vec::new();
        while let Ok(pass) = gate.pass().await {
            probes.push(seconds(start));
            pass.failed(&locked());
        }
        assert_eq!(probes[..7], [0, 30, 90, 210, 450, 930, 1530]);
        assert!((23 * 3600..=24 * 3600).contains(probes.last().unwrap()), "{probes:?}");
        assert!(gate.stop_reason().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_probes_while_the_others_wait() {
        let gate = AccountGate::new(Some(LockWait::default()));
        let start = Instant::now();
        let under_way = [gate.pass().await.unwrap(), gate.pass().await.unwrap()];
        for pass in under_way {
            assert!(pass.failed(&locked()));
        }
        let probe = gate.pass().await.unwrap();
        assert_eq!(seconds(start), 30);
        let other = tokio::time::timeout(Duration::from_secs(3600), gate.pass()).await;
        assert!(other.is_err(), "a second request went through while one probed");
        probe.accepted();
        let (first, second) = (gate.pass().await.unwrap(), gate.pass().await.unwrap());
        assert_eq!(seconds(start), 3630);
        // These were sent before the account was locked again.
        assert!(first.failed(&locked()) && second.failed(&locked()));
        drop(gate.pass().await.unwrap());
        assert_eq!(seconds(start), 3660);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_accepted_probe_opens_the_gate() {
        let gate = AccountGate::new(Some(LockWait::default()));
        let start = Instant::now();
        let early = gate.pass().await.unwrap();
        gate.pass().await.unwrap().failed(&locked());
        early.accepted();
        let broken = Error::new(ErrorKind::Transport, "broken").with_unknown_outcome();
        assert!(!gate.pass().await.unwrap().failed(&broken));
        assert_eq!(seconds(start), 30);
        let invalid = Error::from_response(StatusCode::UNPROCESSABLE_ENTITY, &HeaderMap::new(), Bytes::new());
        assert!(!gate.pass().await.unwrap().failed(&invalid));
        assert_eq!(seconds(start), 60);
        let probe = gate.pass().await.unwrap();
        assert_eq!(seconds(start), 60);
        assert!(tokio::time::timeout(Duration::from_secs(3600), gate.pass()).await.is_err());
        drop(probe);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_puts_the_first_probe_off() {
        let gate = AccountGate::new(Some(LockWait::default()));
        let start = Instant::now();
        let headers = [(http::header::RETRY_AFTER, "120".parse().unwrap())].into_iter().collect();
        let error = Error::from_response(StatusCode::PAYMENT_REQUIRED, &headers, Bytes::new());
        assert!(gate.pass().await.unwrap().failed(&error));
        drop(gate.pass().await.unwrap());
        assert_eq!(seconds(start), 120);
    }
}
