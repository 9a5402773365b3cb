//! The loop of a worker that works on several things at once.

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::shared::Shared;
use crate::Result;

/// The width of a loop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    /// The largest number of things under way.
    pub(super) at_once: usize,
    /// The smallest number of things to take at once.
    pub(super) at_least: usize,
}

impl Shared {
    /// Takes things from the ledger while there is room for them, until the worker stops, and waits for those under way.
    pub(super) async fn work_off<T, W: Future<Output = ()>>(
        &self,
        lane: Lane,
        take: impl AsyncFn(i64) -> Result<Vec<T>>,
        work: impl Fn(T) -> W,
    ) {
        let mut under_way = FuturesUnordered::new();
        while !self.is_stopping() {
            let room = lane.at_once.saturating_sub(under_way.len());
            let mut is_idle = false;
            if room >= lane.at_least {
                let taken = take(i64::try_from(room).unwrap_or(i64::MAX)).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the ledger cannot be read");
                    Vec::new()
                });
                is_idle = taken.len() < room;
                under_way.extend(taken.into_iter().map(&work));
            }
            tokio::select! {
                Some(()) = under_way.next() => {}
                () = tokio::time::sleep(self.options.poll), if is_idle => {}
                () = self.stopped() => {}
            }
        }
        while under_way.next().await.is_some() {}
    }
}
