//! Running the requests of a batch, a number at a time that may change.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt, stream::FuturesUnordered};

use super::batch_item::Shared;
use crate::BoxFuture;

/// Runs the futures of an iterator, as many at a time as the limiter of the batch allows.
///
/// In place of `buffer_unordered`, whose number is fixed.
pub(super) struct Driver<I, T> {
    futures: Option<I>,
    running: FuturesUnordered<BoxFuture<'static, T>>,
    shared: Arc<Shared>,
}

// Nothing in it is pinned in place.
impl<I, T> Unpin for Driver<I, T> {}

impl<I, T> Driver<I, T> {
    pub(super) fn new(futures: I, shared: Arc<Shared>) -> Self {
        Self { futures: Some(futures), running: FuturesUnordered::new(), shared }
    }
}

impl<I: Iterator<Item = BoxFuture<'static, T>>, T> Driver<I, T> {
    /// Takes futures until as many run as may. Returns true if it took any.
    fn fill(&mut self) -> bool {
        let before = self.running.len();
        while self.running.len() < self.shared.limiter.limit()
            && let Some(futures) = &mut self.futures
        {
            match futures.next() {
                Some(future) => self.running.push(future),
                None => self.futures = None,
            }
        }
        self.running.len() > before
    }
}

impl<I: Iterator<Item = BoxFuture<'static, T>>, T> Stream for Driver<I, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.fill();
        loop {
            match self.running.poll_next_unpin(context) {
                Poll::Ready(Some(output)) => return Poll::Ready(Some(output)),
                Poll::Ready(None) if self.futures.is_none() => return Poll::Ready(None),
                // One of those that run may have raised the limit.
                Poll::Ready(None) | Poll::Pending => {
                    if !self.fill() {
                        return if self.running.is_empty() && self.futures.is_none() {
                            Poll::Ready(None)
                        } else {
                            Poll::Pending
                        };
                    }
                }
            }
        }
    }
}
