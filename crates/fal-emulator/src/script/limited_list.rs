//! A list of alternatives, each of which may be limited to a number of uses.

/// A list of alternatives, each of which may be limited to a number of uses.
///
/// Limited entries are used first, in the order in which they were added. After them, the entry without a limit that
/// was added last is used.
#[derive(Debug)]
pub(crate) struct LimitedList<T>(Vec<Entry<T>>);

#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    /// The number of uses that are left. `None` means no limit.
    pub(crate) remaining: Option<usize>,
    /// The number of matches to skip before the first use.
    pub(crate) skip: usize,
    /// The number of uses so far.
    pub(crate) uses: usize,
}

impl<T> Default for LimitedList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> LimitedList<T> {
    /// Adds an entry without a limit. Returns its index.
    pub(crate) fn add(&mut self, value: T) -> usize {
        self.0.push(Entry { value, remaining: None, skip: 0, uses: 0 });
        self.0.len() - 1
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Entry<T>> {
        self.0.get_mut(index)
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Entry<T>> {
        self.0.last_mut()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Uses one of the entries that `matches` accepts. Returns `None` if no entry is left.
    pub(crate) fn use_next(&mut self, matches: impl Fn(&T) -> bool) -> Option<&T> {
        let mut chosen = None;
        for (index, entry) in self.0.iter_mut().enumerate().filter(|(_, entry)| matches(&entry.value)) {
            if entry.skip > 0 {
                entry.skip -= 1;
                continue;
            }
            match entry.remaining {
                Some(0) => {}
                Some(_) => {
                    chosen = Some(index);
                    break;
                }
                None => chosen = Some(index),
            }
        }
        let entry = self.0.get_mut(chosen?)?;
        entry.remaining = entry.remaining.map(|remaining| remaining.saturating_sub(1));
        entry.uses += 1;
        Some(&entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&'static str, Option<usize>)]) -> LimitedList<&'static str> {
        let mut list = LimitedList::default();
        for (name, remaining) in entries {
            let index = list.add(*name);
            list.get_mut(index).unwrap().remaining = *remaining;
        }
        list
    }

    fn use_four(mut list: LimitedList<&'static str>) -> Vec<Option<&'static str>> {
        (0..4).map(|_| list.use_next(|_| true).copied()).collect()
    }

    #[test]
    fn limited_entries_come_first_in_order_and_then_the_last_unlimited_one() {
        let all = list(&[("old", None), ("a", Some(1)), ("b", Some(2)), ("new", None)]);
        assert_eq!(use_four(all), [Some("a"), Some("b"), Some("b"), Some("new")]);
        assert_eq!(use_four(list(&[("a", Some(1))])), [Some("a"), None, None, None]);
    }

    #[test]
    fn skipped_matches_count_only_if_they_match() {
        let mut late = list(&[("a", Some(1)), ("b", None)]);
        late.get_mut(0).unwrap().skip = 1;
        assert_eq!(late.use_next(|name| *name == "b"), Some(&"b"));
        assert_eq!(use_four(late), [Some("b"), Some("a"), Some("b"), Some("b")]);
    }
}
