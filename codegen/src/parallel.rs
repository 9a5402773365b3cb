//! The same work on many items at once, with the results in the order of the items.

use std::{
    num::NonZeroUsize,
    panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// The stack of a thread, in bytes: as large as that of a main thread, because documents nest.
const STACK: usize = 8 << 20;

/// Calls `work` for each item, on every processor. The results, and a panic, are those of a loop.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    // A free thread takes the next item, because families differ in size by a factor of a hundred.
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
        }
    };
    let mut results = thread::scope(|scope| {
        let spawned: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take).ok())
            .collect();
        // This thread works too, alone where no other could be started.
        let mut results = take();
        for handle in spawned {
            match handle.join() {
                Ok(done) => results.extend(done),
                Err(panicked) => panic::resume_unwind(panicked),
            }
        }
        results
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&items, |item| item * 2), (0..1000).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(map(&[] as &[usize], |item| *item), Vec::<usize>::new());
    }
}
