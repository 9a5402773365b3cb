//! The parts that all steps of a worker share.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use fal_client::Client;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use uuid::Uuid;

use super::{options::Options, prices::Prices};
use crate::{
    Error, Result,
    ledger::{Held, Ledger, Move},
    sync::lock,
};

/// The first and the longest pause after a failure of the database.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The time between two sweeps.
const SWEEP: Duration = Duration::from_secs(1);

pub(super) struct Shared {
    pub(super) id: Uuid,
    pub(super) ledger: Ledger,
    pub(super) client: Client,
    pub(super) options: Options,
    /// The endpoint whose outputs are handled, or an empty text for all.
    pub(super) endpoint: &'static str,
    pub(super) prices: Arc<Prices>,
    /// One permit for each status stream that may be open.
    pub(super) streams: Semaphore,
    stop: watch::Sender<bool>,
    /// Outputs and doubts whose leases are extended.
    held: Mutex<HashSet<Held>>,
    /// Requests that may have been sent, although the ledger has them as begun.
    sending: Mutex<HashSet<i64>>,
    failure: Mutex<Option<Error>>,
}

impl Shared {
    pub(super) fn new(ledger: Ledger, client: Client, options: Options, endpoint: &'static str) -> Self {
        Self {
            id: Uuid::new_v4(),
            prices: Arc::new(Prices::new(client.clone())),
            streams: Semaphore::new(options.streams.min(Semaphore::MAX_PERMITS)),
            ledger,
            client,
            options,
            endpoint,
            stop: watch::Sender::new(false),
            held: Mutex::default(),
            sending: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Lets the worker take nothing more.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the worker is to stop.
    pub(super) async fn stopped(&self) {
        let _ = self.stop.subscribe().wait_for(|is_stopping| *is_stopping).await;
    }

    /// Stops the worker with an error that no retry helps against.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.failure).get_or_insert(error);
        self.stop();
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    /// Waits for a while, or until the worker is to stop.
    pub(super) async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stopped() => {}
        }
    }

    /// Extends the lease of a request until [`let_go`](Self::let_go).
    pub(super) fn hold(&self, held: Held) {
        lock(&self.held).insert(held);
    }

    pub(super) fn let_go(&self, held: Held) {
        lock(&self.held).remove(&held);
    }

    /// Notes that a request may have been sent from now on.
    pub(super) fn begin_sending(&self, id: i64) {
        lock(&self.sending).insert(id);
    }

    /// Notes that the ledger knows what became of a request.
    pub(super) fn end_sending(&self, id: i64) {
        lock(&self.sending).remove(&id);
    }

    /// Returns the requests that may have been sent, although the ledger has them as begun.
    pub(super) fn sending(&self) -> Vec<i64> {
        lock(&self.sending).iter().copied().collect()
    }

    /// Writes the change of a request that is held. Returns `Some(false)` if it is no longer.
    pub(super) async fn write(&self, held: Held, change: Move) -> Option<bool> {
        self.persist(async || self.ledger.write(held, &change).await).await
    }

    /// Writes to the ledger, again and again while the database cannot be used. Returns `None` if it refuses the change.
    ///
    /// A statement that was committed and not answered changes nothing when it is repeated, because the request has moved.
    pub(super) async fn persist<T>(&self, mut write: impl AsyncFnMut() -> Result<T>) -> Option<T> {
        let mut pause = FIRST_PAUSE;
        loop {
            match write().await {
                Ok(outcome) => return Some(outcome),
                Err(error) if error.is_permanent() => {
                    tracing::error!(%error, "the ledger refuses a change");
                    return None;
                }
                Err(error) => tracing::warn!(%error, "the ledger cannot be written, and is tried again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Sweeps, shows that the worker lives, and extends leases, until the worker stops. Ends the worker when all is finished, if
    /// it is to end then.
    pub(super) async fn keep_up(&self) {
        let report_every = (self.options.lease / 4).min(Duration::from_secs(10));
        let mut reported: Option<Instant> = None;
        while !self.is_stopping() {
            if let Err(error) = self.keep_up_once(&mut reported, report_every).await {
                tracing::warn!(%error, "the ledger cannot be read");
            }
            self.rest(SWEEP.min(report_every)).await;
        }
        // Handlers that are under way keep their leases.
        while !lock(&self.held).is_empty() {
            tokio::time::sleep(report_every.min(Duration::from_millis(50))).await;
            if reported.is_none_or(|reported| reported.elapsed() >= report_every) {
                let held: Vec<Held> = lock(&self.held).iter().copied().collect();
                let _ = self.ledger.extend(&held, self.options.lease).await;
                reported = Some(Instant::now());
            }
        }
    }

    async fn keep_up_once(&self, reported: &mut Option<Instant>, report_every: Duration) -> Result<()> {
        if reported.is_none_or(|reported| reported.elapsed() >= report_every) {
            let held: Vec<Held> = lock(&self.held).iter().copied().collect();
            self.ledger.extend(&held, self.options.lease).await?;
            self.ledger.note_worker(self.id, &self.options.name, &self.options.account).await?;
            *reported = Some(Instant::now());
        }
        let doubts = self.ledger.sweep().await?;
        if doubts > 0 {
            tracing::warn!(doubts, "a worker has not answered for its submits, which may have been accepted");
        }
        if self.options.until_finished
            && self.ledger.is_finished(&self.options.account, self.endpoint).await?
        {
            self.stop();
        }
        Ok(())
    }
}
