//! Compares bounds of numbers and lengths.

use std::cmp::Ordering;

use fal_codegen::model::{Bounds, Length};

/// The directions in which a set of values changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Movement {
    /// A value is refused that was accepted.
    pub(super) narrowed: bool,
    /// A value is accepted that was refused.
    pub(super) widened: bool,
}

impl Movement {
    /// Adds the movement of one bound, which is `Greater` if the new one is stricter.
    fn add(&mut self, strictness: Option<Ordering>) {
        match strictness {
            Some(Ordering::Greater) => self.narrowed = true,
            Some(Ordering::Less) => self.widened = true,
            Some(Ordering::Equal) => {}
            // Incomparable bounds may do both.
            None => (self.narrowed, self.widened) = (true, true),
        }
    }

    /// Compares an optional rule by equality only.
    pub(super) fn of_rule<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, Some(_)) => Self { narrowed: true, widened: false },
            (Some(_), None) => Self { narrowed: false, widened: true },
            (before, after) if before == after => Self::default(),
            _ => Self { narrowed: true, widened: true },
        }
    }
}

/// Compares the bounds of a number. `divides(a, b)` returns true if `a` is a divisor of `b`.
pub(super) fn compare_numbers<T: PartialOrd + Copy>(
    before: &Bounds<T>,
    after: &Bounds<T>,
    divides: impl Fn(T, T) -> bool,
) -> Movement {
    let mut movement = Movement::default();
    let least = |bounds: &Bounds<T>| bounds.min.map(|min| (min, bounds.above_min));
    movement.add(strictness(least(before), least(after), |before, after| after.partial_cmp(before)));
    let most = |bounds: &Bounds<T>| bounds.max.map(|max| (max, bounds.below_max));
    movement.add(strictness(most(before), most(after), |before, after| before.partial_cmp(after)));
    movement.add(match (before.multiple_of, after.multiple_of) {
        (None, None) => Some(Ordering::Equal),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(_), None) => Some(Ordering::Less),
        (Some(before), Some(after)) => match (divides(before, after), divides(after, before)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        },
    });
    movement
}

/// Returns `Greater` if a bound became stricter. The flag marks an exclusive bound, which is stricter.
fn strictness<T: Copy>(
    before: Option<(T, bool)>,
    after: Option<(T, bool)>,
    compare: impl Fn(&T, &T) -> Option<Ordering>,
) -> Option<Ordering> {
    match (before, after) {
        (None, None) => Some(Ordering::Equal),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(_), None) => Some(Ordering::Less),
        (Some((before, was_strict)), Some((after, is_strict))) => {
            compare(&before, &after).map(|order| order.then(is_strict.cmp(&was_strict)))
        }
    }
}

/// Compares the bounds of a length.
pub(super) fn compare_lengths(before: &Length, after: &Length) -> Movement {
    let mut movement = Movement::default();
    movement.add(Some(after.min.unwrap_or(0).cmp(&before.min.unwrap_or(0))));
    movement.add(Some(before.max.unwrap_or(usize::MAX).cmp(&after.max.unwrap_or(usize::MAX))));
    movement
}

/// Returns true if `part` is a divisor of `whole`, with the tolerance that steps such as 0.1 need.
pub(super) fn float_divides(part: f64, whole: f64) -> bool {
    let times = whole / part;
    (times - times.round()).abs() < 1e-9
}

/// Returns true if `part` is a divisor of `whole`.
pub(super) fn integer_divides(part: i64, whole: i64) -> bool {
    whole.checked_rem(part) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(min: Option<i64>, max: Option<i64>, multiple_of: Option<i64>) -> Bounds<i64> {
        Bounds { min, above_min: false, max, below_max: false, multiple_of }
    }

    #[test]
    fn a_changed_bound_or_step_narrows_or_widens() {
        let usual = bounds(Some(1), Some(50), Some(4));
        for (after, narrowed, widened) in [
            (usual, false, false),
            (bounds(Some(2), Some(50), Some(4)), true, false),
            (bounds(Some(0), Some(50), Some(4)), false, true),
            (bounds(None, Some(50), Some(4)), false, true),
            (bounds(Some(1), Some(28), Some(4)), true, false),
            (bounds(Some(1), Some(100), Some(4)), false, true),
            (bounds(Some(1), None, Some(4)), false, true),
            (bounds(Some(0), Some(28), Some(4)), true, true),
            (bounds(Some(1), Some(50), Some(8)), true, false),
            (bounds(Some(1), Some(50), Some(2)), false, true),
            (bounds(Some(1), Some(50), Some(6)), true, true),
            (bounds(Some(1), Some(50), None), false, true),
            (Bounds { above_min: true, ..usual }, true, false),
            (Bounds { below_max: true, ..usual }, true, false),
        ] {
            assert_eq!(
                compare_numbers(&usual, &after, integer_divides),
                Movement { narrowed, widened },
                "{after:?}"
            );
            let back = Movement { narrowed: widened, widened: narrowed };
            assert_eq!(compare_numbers(&after, &usual, integer_divides), back, "back from {after:?}");
        }
    }

    #[test]
    fn decimal_steps_are_compared_with_a_tolerance() {
        assert!(float_divides(0.1, 0.3));
        assert!(!float_divides(0.2, 0.3));
        assert!(!integer_divides(0, 3));
    }

    #[test]
    fn a_missing_minimum_length_equals_zero() {
        let length = |min, max| Length { min, max };
        assert_eq!(compare_lengths(&length(None, Some(5)), &length(Some(0), Some(5))), Movement::default());
        let movement = compare_lengths(&length(None, Some(5)), &length(Some(1), None));
        assert_eq!(movement, Movement { narrowed: true, widened: true });
    }
}
