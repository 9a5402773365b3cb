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
const MAX_DELIVERIES: usize = 10_000;
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
        let own = latest
            .iter_after(self.since.load(Ordering::Relaxed))
            .filter(|delivery| self.scope.is_none() || self.scope == delivery.scope);
        own.filter(|delivery| matches(delivery)).cloned().collect()
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
            let found = self.filtered(&matches);
            if found.len() >= count || timeout_at(deadline.into(), changed).await.is_err() {
                return found;
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
