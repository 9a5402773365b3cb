//! The latest items of a sequence, within limits of their number and size.

use std::collections::VecDeque;

/// The latest items, each numbered from 1 in the order in which they were added. The oldest are dropped if there are too
/// many, or if they are too large together; the latest one is always kept.
#[derive(Debug)]
pub(crate) struct LatestItems<T> {
    items: VecDeque<(T, usize)>,
    /// The total size of the items, in bytes.
    bytes: usize,
    /// The number of items so far.
    count: u64,
    max_items: usize,
    max_bytes: usize,
}

impl<T> LatestItems<T> {
    pub(crate) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self { items: VecDeque::new(), bytes: 0, count: 0, max_items, max_bytes }
    }

    /// Adds an item of `size` bytes.
    pub(crate) fn push(&mut self, item: T, size: usize) {
        self.bytes += size;
        self.count += 1;
        self.items.push_back((item, size));
        self.drop_oldest();
    }

    fn drop_oldest(&mut self) {
        while self.items.len() > self.max_items || (self.bytes > self.max_bytes && self.items.len() > 1) {
            let Some((_, size)) = self.items.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(size);
        }
    }

    /// Returns the items, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    /// Returns the items that were added after the one with this number, the oldest first.
    pub(crate) fn iter_after(&self, number: u64) -> impl Iterator<Item = &T> {
        let later = usize::try_from(self.count.saturating_sub(number)).unwrap_or(usize::MAX);
        self.iter().skip(self.items.len().saturating_sub(later))
    }

    /// Returns the number of items so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Changes the item with this number, which grows by `growth` bytes, if it is still kept.
    pub(crate) fn update(&mut self, number: u64, growth: usize, change: impl FnOnce(&mut T)) {
        let later = self.count.checked_sub(number).and_then(|later| usize::try_from(later).ok());
        if let Some((item, size)) = later.and_then(|later| self.items.iter_mut().rev().nth(later)) {
            change(item);
            *size += growth;
            self.bytes += growth;
            self.drop_oldest();
        }
    }

    /// Calls a function with the number and each of the latest `most` items, the latest first. Returns the results and
    /// the number of items so far.
    pub(crate) fn map_latest<U>(&self, most: usize, make: impl Fn(u64, &T) -> U) -> (Vec<U>, u64) {
        let numbers = (1..=self.count).rev();
        let latest = self.items.iter().rev().take(most).zip(numbers);
        (latest.map(|((item, _), number)| make(number, item)).collect(), self.count)
    }

    /// Returns the item with this number, if it is still kept.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let later = usize::try_from(self.count.checked_sub(number)?).ok()?;
        self.items.iter().rev().nth(later).map(|(item, _)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(items: &LatestItems<char>) -> String {
        items.iter().collect()
    }

    #[test]
    fn oldest_items_are_dropped_beyond_each_limit() {
        let mut items = LatestItems::new(3, 10);
        "abcd".chars().for_each(|item| items.push(item, 1));
        assert_eq!(kept(&items), "bcd");
        items.push('e', 9);
        assert_eq!(kept(&items), "de");
        items.push('f', 50);
        assert_eq!(kept(&items), "f");
        items.push('g', 1);
        assert_eq!(kept(&items), "g");
    }

    #[test]
    fn items_keep_their_numbers() {
        let mut items = LatestItems::new(2, 10);
        "abc".chars().for_each(|item| items.push(item, 1));
        assert_eq!(items.map_latest(9, |number, item| (number, *item)), (vec![(3, 'c'), (2, 'b')], 3));
        assert_eq!(items.map_latest(1, |number, _| number), (vec![3], 3));
        assert_eq!(
            [0, 1, 2, 3, 4].map(|number| items.get(number).copied()),
            [None, None, Some('b'), Some('c'), None]
        );
        let after = |number| items.iter_after(number).collect::<String>();
        assert_eq!([0, 1, 2, 3, 4].map(after), ["bc", "bc", "c", "", ""]);
    }

    #[test]
    fn items_that_grow_count_with_their_new_size() {
        let mut items = LatestItems::new(3, 10);
        "ab".chars().for_each(|item| items.push(item, 1));
        items.update(2, 8, |item| *item = 'B');
        assert_eq!(kept(&items), "aB");
        items.update(2, 1, |_| {});
        assert_eq!(kept(&items), "B");
        items.update(1, 100, |_| {});
        items.update(3, 100, |_| {});
        assert_eq!(kept(&items), "B");
    }
}
