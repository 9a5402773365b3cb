//! The attempts to deliver webhooks, of all scopes and of one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::delivery::Delivery;
use crate::latest_items::LatestItems;
use crate::sync::lock;

/// The largest number of attempts that are kept.
pub(crate) const MAX_DELIVERIES: usize = 10_000;
/// The largest total size of their bodies, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// The latest attempts of all scopes.
struct AllDeliveries {
    latest: Mutex<LatestItems<Delivery>>,
    /// Announces attempts.
    changed: Notify,
}

/// The attempts of one scope since its last reset. Without a scope, those of all scopes.
pub(super) struct DeliveryLog {
    deliveries: Arc<AllDeliveries>,
    scope: Option<String>,
    /// The number of the last attempt before the reset.
    since: AtomicU64,
}

impl DeliveryLog {
    pub(super) fn new() -> Self {
        let latest = Mutex::new(LatestItems::new(MAX_DELIVERIES, MAX_BYTES));
        let deliveries = Arc::new(AllDeliveries { latest, changed: Notify::new() });
        Self { deliveries, scope: None, since: AtomicU64::new(0) }
    }

    /// Returns a log of the attempts that belong to a scope from now on.
    pub(super) fn in_scope(&self, name: &str) -> Self {
        let scoped = Self {
            deliveries: Arc::clone(&self.deliveries),
            scope: Some(name.to_owned()),
            since: AtomicU64::new(0),
        };
        scoped.clear();
        scoped
    }

    pub(super) fn add(&self, delivery: Delivery) {
        let size = delivery.body.len();
        let delivery = Delivery { scope: self.scope.clone(), ..delivery };
        lock(&self.deliveries.latest).push(delivery, size);
        self.deliveries.changed.notify_waiters();
    }

    /// Returns the attempts that `matches` accepts, the oldest first.
    pub(super) fn filtered(&self, matches: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        let latest = lock(&self.deliveries.latest);
        self.own(&latest).filter(|delivery| matches(delivery)).cloned().collect()
    }

    /// Returns the number of attempts that `matches` accepts.
    fn count(&self, matches: impl Fn(&Delivery) -> bool) -> usize {
        let latest = lock(&self.deliveries.latest);
        self.own(&latest).filter(|delivery| matches(delivery)).count()
    }

    fn own<'a>(&'a self, latest: &'a LatestItems<Delivery>) -> impl Iterator<Item = &'a Delivery> {
        let since_reset = latest.iter_after(self.since.load(Ordering::Relaxed));
        since_reset.filter(|delivery| self.scope.is_none() || self.scope == delivery.scope)
    }

    /// Waits until `matches` accepts `count` attempts, at most until `deadline`. Returns those that it accepts, which are fewer
    /// than `count` if the time is over.
    pub(super) async fn wait_for_count(
        &self,
        count: usize,
        deadline: Instant,
        matches: impl Fn(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        loop {
            let mut changed = std::pin::pin!(self.deliveries.changed.notified());
            // From here on an attempt is noticed, also one that is added before the await below.
            changed.as_mut().enable();
            // Only counted, because copies of thousands of bodies would hold up whoever adds the next attempt.
            if self.count(&matches) >= count || timeout_at(deadline.into(), changed).await.is_err() {
                return self.filtered(&matches);
            }
        }
    }

    /// Calls a function with the number and each of the latest `most` attempts of all scopes, the latest first. Returns the
    /// results and the number of attempts so far.
    pub(super) fn map_latest<T>(&self, most: usize, make: impl Fn(u64, &Delivery) -> T) -> (Vec<T>, u64) {
        let since = self.since.load(Ordering::Relaxed);
        let (latest, count) = lock(&self.deliveries.latest)
            .map_latest(most, |number, delivery| (number > since).then(|| make(number, delivery)));
        (latest.into_iter().flatten().collect(), count)
    }

    /// Returns the attempt with this number, if it is still kept.
    pub(super) fn get(&self, number: u64) -> Option<Delivery> {
        lock(&self.deliveries.latest).get(number).cloned()
    }

    /// Forgets the attempts so far.
    pub(super) fn clear(&self) {
        self.since.store(lock(&self.deliveries.latest).count(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn delivery(request_id: &str, size: usize) -> Delivery {
        Delivery {
            request_id: request_id.to_owned(),
            url: String::new(),
            attempt: 1,
            headers: Vec::new(),
            body: vec![0; size],
            outcome: Ok(200),
            scope: None,
        }
    }

    #[tokio::test]
    async fn waiting_does_not_copy_the_attempts_before_there_are_enough() {
        let log = DeliveryLog::new();
        for _ in 0..1_000 {
            log.add(delivery("large", 60 << 10));
        }
        let started = Instant::now();
        let waiting = log.wait_for_count(1_600, started + Duration::from_secs(60), |_| true);
        let adding = async {
            for _ in 0..600 {
                log.add(delivery("small", 1));
                tokio::task::yield_now().await;
            }
        };
        let (found, ()) = tokio::join!(waiting, adding);
        assert_eq!(found.len(), 1_600);
        // Copies after each of them would be 35 GB.
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn waiting_ends_at_the_deadline_with_the_attempts_that_match() {
        let log = DeliveryLog::new();
        log.add(delivery("a", 1));
        log.add(delivery("b", 1));
        let soon = Instant::now() + Duration::from_millis(20);
        let found = log.wait_for_count(2, soon, |delivery| delivery.request_id == "b").await;
        assert_eq!(found.len(), 1);
    }
}
