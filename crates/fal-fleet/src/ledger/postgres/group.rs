//! Writing the moves of many requests in one transaction.

use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result, sync::lock};

/// The largest number of moves of one transaction.
const MOST: usize = 256;

/// Moves that are written together: those that arrive while others are written make up the next transaction.
///
/// Each transaction waits for the disk, and those that settle money of one batch wait for one another.
#[derive(Debug)]
pub(super) struct Group<T> {
    queue: Mutex<Vec<(T, oneshot::Sender<bool>)>>,
    /// Held by the caller that writes for all.
    leader: tokio::sync::Mutex<()>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self { queue: Mutex::default(), leader: tokio::sync::Mutex::default() }
    }
}

impl<T> Group<T> {
    /// Writes a move with others, and returns true if the request was still held. `write` returns this for each of its moves.
    ///
    /// # Errors
    ///
    /// If the transaction failed. A move that the database refuses for itself fails alone.
    pub(super) async fn write(
        &self,
        item: T,
        write: impl AsyncFn(&[T]) -> Result<Vec<bool>>,
    ) -> Result<bool> {
        let (sender, mut outcome) = oneshot::channel();
        lock(&self.queue).push((item, sender));
        let _leader = self.leader.lock().await;
        loop {
            match outcome.try_recv() {
                Ok(is_held) => return Ok(is_held),
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(Error::new(
                        ErrorKind::Database,
                        "a transaction with several requests failed",
                    ));
                }
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let (items, senders): (Vec<T>, Vec<_>) = {
                let mut queue = lock(&self.queue);
                let count = queue.len().min(MOST);
                queue.drain(..count).unzip()
            };
            match write(&items).await {
                Ok(outcomes) => {
                    for (sender, is_held) in senders.into_iter().zip(outcomes) {
                        // Nobody may wait for it any more, because its worker stops.
                        let _ = sender.send(is_held);
                    }
                }
                Err(error) if error.is_permanent() && items.len() > 1 => {
                    for (item, sender) in items.iter().zip(senders) {
                        if let Ok(outcomes) = write(std::slice::from_ref(item)).await {
                            let _ = sender.send(outcomes.first().copied().unwrap_or(false));
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn moves_that_arrive_together_are_written_together_and_answered_apart() {
        let (group, writes) = (Group::default(), AtomicUsize::new(0));
        let write = async |items: &[u32]| {
            writes.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(items.iter().map(|item| item % 2 == 0).collect())
        };
        let outcomes = join_all((0..1000).map(|item| group.write(item, &write))).await;
        let outcomes: Vec<bool> = outcomes.into_iter().collect::<Result<_>>().unwrap();
        assert!(outcomes.iter().enumerate().all(|(item, is_held)| *is_held == (item % 2 == 0)));
        assert!(writes.load(Ordering::Relaxed) <= 6, "{writes:?}");
    }

    #[tokio::test]
    async fn a_move_that_is_refused_fails_alone() {
        let group = Group::default();
        let write = async |items: &[u32]| match items.contains(&7) {
            true => Err(Error::config("refused")),
            false => Ok(vec![true; items.len()]),
        };
        let outcomes = join_all((0..20).map(|item| group.write(item, &write))).await;
        let failed: Vec<usize> = (0..20).filter(|item| outcomes[*item].is_err()).collect();
        assert_eq!(failed, [7]);
    }
}
