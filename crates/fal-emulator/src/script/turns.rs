//! Whose turn it is among things of which some are good for a number of times.

/// What is limited comes first, in the order it was added; otherwise the last word counts.
#[derive(Debug)]
pub(crate) struct Turns<T>(Vec<Turn<T>>);

#[derive(Debug)]
pub(crate) struct Turn<T> {
    pub(crate) value: T,
    /// How many times it is still good for; `None` is without limit.
    pub(crate) left: Option<usize>,
    /// How many matches pass by before its first turn.
    pub(crate) skip: usize,
    /// How often it had its turn.
    pub(crate) hits: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Turns<T> {
    /// Adds something without a limit and gives its place.
    pub(crate) fn add(&mut self, value: T) -> usize {
        self.0.push(Turn { value, left: None, skip: 0, hits: 0 });
        self.0.len() - 1
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Turn<T>> {
        self.0.get_mut(place)
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Turn<T>> {
        self.0.last_mut()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives the turn to one of those that `matches` accepts.
    pub(crate) fn next(&mut self, matches: impl Fn(&T) -> bool) -> Option<&T> {
        let mut chosen = None;
        for (place, turn) in self.0.iter_mut().enumerate().filter(|(_, turn)| matches(&turn.value)) {
            if turn.skip > 0 {
                turn.skip -= 1;
                continue;
            }
            match turn.left {
                Some(0) => {}
                Some(_) => {
                    chosen = Some(place);
                    break;
                }
                None => chosen = Some(place),
            }
        }
        let turn = self.0.get_mut(chosen?)?;
        turn.left = turn.left.map(|left| left.saturating_sub(1));
        turn.hits += 1;
        Some(&turn.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(entries: &[(&'static str, Option<usize>)]) -> Turns<&'static str> {
        let mut turns = Turns::default();
        for (name, left) in entries {
            let place = turns.add(*name);
            turns.get_mut(place).unwrap().left = *left;
        }
        turns
    }

    fn drawn(mut turns: Turns<&'static str>) -> Vec<Option<&'static str>> {
        (0..4).map(|_| turns.next(|_| true).copied()).collect()
    }

    #[test]
    fn limited_ones_come_first_in_order_then_the_last_word_counts() {
        let all = turns(&[("old", None), ("a", Some(1)), ("b", Some(2)), ("new", None)]);
        assert_eq!(drawn(all), [Some("a"), Some("b"), Some("b"), Some("new")]);
        assert_eq!(drawn(turns(&[("a", Some(1))])), [Some("a"), None, None, None]);
    }

    #[test]
    fn some_matches_may_pass_first_and_others_do_not_count() {
        let mut late = turns(&[("a", Some(1)), ("b", None)]);
        late.get_mut(0).unwrap().skip = 1;
        assert_eq!(late.next(|name| *name == "b"), Some(&"b"));
        assert_eq!(drawn(late), [Some("b"), Some("a"), Some("b"), Some("b")]);
    }
}
