//! Bounds of numbers and lengths: what moved, and in which direction.

use std::cmp::Ordering;

use fal_codegen::model::{Bounds, Length};

/// In which directions a set of values changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Some value is refused that was taken.
    pub(super) narrowed: bool,
    /// Some value is taken that was refused.
    pub(super) widened: bool,
}

impl Moved {
    /// By how much stricter something has become.
    fn note(&mut self, strictness: Option<Ordering>) {
        match strictness {
            Some(Ordering::Greater) => self.narrowed = true,
            Some(Ordering::Less) => self.widened = true,
            Some(Ordering::Equal) => {}
            // What cannot be compared may be either.
            None => (self.narrowed, self.widened) = (true, true),
        }
    }

    /// A rule that is there or not, and is not compared further.
    pub(super) fn rule<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, Some(_)) => Self { narrowed: true, widened: false },
            (Some(_), None) => Self { narrowed: false, widened: true },
            (before, after) if before == after => Self::default(),
            _ => Self { narrowed: true, widened: true },
        }
    }
}

/// The bounds of a number. `divides` tells whether the first is a divisor of the second.
pub(super) fn of_number<T: PartialOrd + Copy>(
    before: &Bounds<T>,
    after: &Bounds<T>,
    divides: impl Fn(T, T) -> bool,
) -> Moved {
    let mut moved = Moved::default();
    let least = |bounds: &Bounds<T>| bounds.min.map(|min| (min, bounds.above_min));
    moved.note(strictness(least(before), least(after), |before, after| after.partial_cmp(before)));
    let most = |bounds: &Bounds<T>| bounds.max.map(|max| (max, bounds.below_max));
    moved.note(strictness(most(before), most(after), |before, after| before.partial_cmp(after)));
    moved.note(match (before.multiple_of, after.multiple_of) {
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
    moved
}

/// How much stricter a bound is than it was. One that its own value does not satisfy is stricter.
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

/// The bounds of a length.
pub(super) fn of_length(before: &Length, after: &Length) -> Moved {
    let mut moved = Moved::default();
    moved.note(Some(after.min.unwrap_or(0).cmp(&before.min.unwrap_or(0))));
    moved.note(Some(before.max.unwrap_or(usize::MAX).cmp(&after.max.unwrap_or(usize::MAX))));
    moved
}

/// Whether `part` is a divisor of `whole`, for the steps that parameters have.
pub(super) fn float_divides(part: f64, whole: f64) -> bool {
    let times = whole / part;
    (times - times.round()).abs() < 1e-9
}

/// As of [`float_divides`].
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
    fn each_end_and_the_step_narrow_or_widen() {
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
            assert_eq!(of_number(&usual, &after, integer_divides), Moved { narrowed, widened }, "{after:?}");
            let back = Moved { narrowed: widened, widened: narrowed };
            assert_eq!(of_number(&after, &usual, integer_divides), back, "back from {after:?}");
        }
    }

    #[test]
    fn steps_that_no_binary_fraction_holds_are_compared() {
        assert!(float_divides(0.1, 0.3));
        assert!(!float_divides(0.2, 0.3));
        assert!(!integer_divides(0, 3));
    }

    #[test]
    fn no_least_length_is_a_least_length_of_zero() {
        let length = |min, max| Length { min, max };
        assert_eq!(of_length(&length(None, Some(5)), &length(Some(0), Some(5))), Moved::default());
        let moved = of_length(&length(None, Some(5)), &length(Some(1), None));
        assert_eq!(moved, Moved { narrowed: true, widened: true });
    }
}
