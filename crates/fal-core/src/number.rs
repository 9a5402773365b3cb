//! Numbers that a schema puts bounds on.

use std::{cmp, fmt, hash, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Visitor},
};

/// The bounds of one parameter. Generated crates implement it on uninhabited markers.
pub trait Range<T: 'static> {
    /// The least value allowed, or the one just excluded with [`Range::ABOVE_MIN`].
    const MIN: T;
    /// The greatest value allowed, or the one just excluded with [`Range::BELOW_MAX`].
    const MAX: T;
    /// Whether [`Range::MIN`] itself is refused.
    const ABOVE_MIN: bool = false;
    /// Whether [`Range::MAX`] itself is refused.
    const BELOW_MAX: bool = false;
    /// What every value must be a multiple of.
    const MULTIPLE_OF: Option<T> = None;
    /// Names the parameter, its endpoint and the bounds. rustc prints it for a literal,
    /// [`OutOfRange`] for a value.
    const MESSAGE: &'static str;
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($primitive:ty), $allowed:ident) => {
        $(#[$doc])*
        pub struct $name<R>($primitive, PhantomData<fn() -> R>);

        impl<R: Range<$primitive>> $name<R> {
            /// `None` if `value` is outside the range. In a `const`, unwrapping it moves the check
            /// to compile time.
            #[must_use]
            pub const fn new(value: $primitive) -> Option<Self> {
                let low = if R::ABOVE_MIN { value > R::MIN } else { value >= R::MIN };
                let high = if R::BELOW_MAX { value < R::MAX } else { value <= R::MAX };
                let step = match R::MULTIPLE_OF { Some(step) => $allowed(value, step), None => true };
                if low && high && step { Some(Self(value, PhantomData)) } else { None }
            }

            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            #[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
            pub const fn literal(value: $primitive) -> Self {
                match Self::new(value) { Some(checked) => checked, None => panic!("{}", R::MESSAGE) }
            }
        }

        impl<R> $name<R> {
            /// The number.
            #[must_use]
            pub const fn get(self) -> $primitive {
                self.0
            }
        }

        impl<R: Range<$primitive>> TryFrom<$primitive> for $name<R> {
            type Error = OutOfRange;

            fn try_from(value: $primitive) -> Result<Self, OutOfRange> {
                Self::new(value).ok_or_else(|| OutOfRange { rule: R::MESSAGE, value: value.to_string() })
            }
        }

        impl<R> From<$name<R>> for $primitive {
            fn from(number: $name<R>) -> Self {
                number.0
            }
        }

        impl<R> Clone for $name<R> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<R> Copy for $name<R> {}

        impl<R> PartialEq for $name<R> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<R> PartialEq<$primitive> for $name<R> {
            fn eq(&self, other: &$primitive) -> bool {
                self.0 == *other
            }
        }

        impl<R> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl<R> fmt::Display for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl<R> Serialize for $name<R> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    };
}

number!(
    /// An integer inside the range `R`.
    ///
    /// ```
    /// # use fal_core::{Int, Range};
    /// # enum Steps {}
    /// # impl Range<i64> for Steps {
    /// #     const MIN: i64 = 1;
    /// #     const MAX: i64 = 50;
    /// #     const MESSAGE: &str = "`steps` of acme/model must be between 1 and 50";
    /// # }
    /// let steps = Int::<Steps>::try_from(28)?;
    /// assert_eq!(steps.get(), 28);
    ///
    /// let error = Int::<Steps>::try_from(500).unwrap_err();
    /// assert_eq!(error.to_string(), "`steps` of acme/model must be between 1 and 50, not 500");
    /// # Ok::<(), fal_core::OutOfRange>(())
    /// ```
    Int(i64),
    is_multiple
);
number!(
    /// A finite floating-point number inside the range `R`. Used like [`Int`].
    Float(f64),
    is_float_multiple
);

const fn is_multiple(value: i64, step: i64) -> bool {
    match value.checked_rem(step) {
        Some(rest) => rest == 0,
        None => false,
    }
}

/// Decimal steps such as 0.1 have no exact binary form, hence the tolerance.
const fn is_float_multiple(value: f64, step: f64) -> bool {
    let quotient = value / step;
    let nearest = quotient.round();
    (quotient - nearest).abs() <= 1e-9 * if nearest.abs() > 1.0 { nearest.abs() } else { 1.0 }
}

impl<R> Eq for Int<R> {}

impl<R> PartialOrd for Int<R> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> PartialOrd for Float<R> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

impl<R> Ord for Int<R> {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<R> hash::Hash for Int<R> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<'de, R: Range<i64>> Deserialize<'de> for Int<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(Integral)?.try_into().map_err(D::Error::custom)
    }
}

impl<'de, R: Range<f64>> Deserialize<'de> for Float<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// JSON has one number type: `28.0` is the integer 28, for the service too.
pub(crate) struct Integral;

impl Visitor<'_> for Integral {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value)
            .map_err(|_| E::custom(format_args!("{value} is too large for an integer parameter")))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the bounds of i64 are checked first")]
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<i64, E> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value) {
            Ok(value as i64)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }
}

/// A value was outside the range that its parameter allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    rule: &'static str,
    value: String,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, not {}", self.rule, self.value)
    }
}

impl std::error::Error for OutOfRange {}

#[cfg(test)]
mod tests {
    use super::*;

    enum Steps {}
    impl Range<i64> for Steps {
        const MIN: i64 = 1;
        const MAX: i64 = 50;
        const MESSAGE: &'static str = "`steps` must be between 1 and 50";
    }

    enum Strength {}
    impl Range<f64> for Strength {
        const MIN: f64 = 0.0;
        const MAX: f64 = 1.0;
        const ABOVE_MIN: bool = true;
        const MULTIPLE_OF: Option<f64> = Some(0.1);
        const MESSAGE: &'static str = "`strength` must be above 0, at most 1, in steps of 0.1";
    }

    #[test]
    fn bounds_are_inclusive_unless_said_otherwise() {
        assert!(Int::<Steps>::new(0).is_none());
        assert!(Int::<Steps>::new(1).is_some());
        assert!(Int::<Steps>::new(50).is_some());
        assert!(Int::<Steps>::new(51).is_none());
        assert!(Float::<Strength>::new(0.0).is_none());
        assert!(Float::<Strength>::new(1.0).is_some());
    }

    #[test]
    fn steps_tolerate_binary_fractions() {
        assert!(Float::<Strength>::new(0.3).is_some());
        assert!(Float::<Strength>::new(0.7).is_some());
        assert!(Float::<Strength>::new(0.35).is_none());
    }

    #[test]
    fn floats_are_finite() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Float::<Strength>::new(value).is_none(), "{value}");
        }
    }

    #[test]
    fn integers_read_from_integral_floats_only() {
        assert_eq!(serde_json::from_str::<Int<Steps>>("28.0").unwrap(), 28);
        assert_eq!(serde_json::from_str::<Int<Steps>>("2.8e1").unwrap(), 28);
        for bad in ["28.5", "0", "51", "\"28\"", "1e300", "18446744073709551615", "null"] {
            assert!(serde_json::from_str::<Int<Steps>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reading_out_of_range_names_the_rule_and_the_value() {
        let error = serde_json::from_str::<Int<Steps>>("500").unwrap_err().to_string();
        assert!(error.starts_with("`steps` must be between 1 and 50, not 500"), "{error}");
    }
}
