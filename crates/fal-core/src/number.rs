//! Numbers inside the range of their parameter.

use std::{cmp, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    Integer, Violation, Violations,
    integer::Number,
    token::{self, Token},
};

/// The range of a numeric parameter.
///
/// Generated crates implement this trait for empty enums that serve as markers.
pub trait Range<T: 'static> {
    /// The lower bound. It is allowed itself unless [`Range::ABOVE_MIN`] is set.
    const MIN: T;
    /// The upper bound. It is allowed itself unless [`Range::BELOW_MAX`] is set.
    const MAX: T;
    /// `true` if values have to be greater than [`Range::MIN`]. `false` by default.
    const ABOVE_MIN: bool = false;
    /// `true` if values have to be less than [`Range::MAX`]. `false` by default.
    const BELOW_MAX: bool = false;
    /// The number that every value has to be a multiple of. None by default.
    const MULTIPLE_OF: Option<T> = None;
    /// The error message, which names the parameter, its endpoint and the bounds.
    ///
    /// The compiler prints it for a literal of [`input!`](crate::input!), [`OutOfRange`] for a value at run time.
    const MESSAGE: &'static str;
}

/// Defines a marker with the bounds of a number: the smallest and the largest value, further constants of [`Range`], and
/// the message.
#[doc(hidden)]
#[macro_export]
macro_rules! number_range {
    ($name:ident, $number:ident, $min:expr, $max:expr, $($constant:ident: $ty:ty = $value:expr,)* $message:literal $(,)?) => {
        pub enum $name {}

        impl $crate::Range<$number> for $name {
            const MIN: $number = $min;
            const MAX: $number = $max;
            $(const $constant: $ty = $value;)*
            const MESSAGE: &'static str = $message;
        }
    };
}

macro_rules! number {
    (
        $(#[$doc:meta])*
        $name:ident($primitive:ty), $allowed:ident, $token:ident, $kind:literal, $convert:ident,
        $($source:ident)*
    ) => {
        $(#[$doc])*
        pub struct $name<R>($primitive, PhantomData<fn() -> R>);

        impl<R: Range<$primitive>> $name<R> {
            /// Creates a number, or returns `None` if `value` is outside the range.
            ///
            /// `const VALUE: .. = ..::new(28).unwrap();` checks a constant at compile time. For a value known
            /// only at run time, `try_from` returns an error that names the range.
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

        impl<R: Range<$primitive>> $name<R> {
            /// Returns a value for the place of one that is refused. It is never sent.
            pub(crate) const fn stand_in() -> Self {
                Self(R::MIN, PhantomData)
            }

            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn from_token(token: Token) -> Self {
                match token.$token() {
                    Some(value) => Self::literal(value),
                    None => token::reject_kind(R::MESSAGE, $kind),
                }
            }
        }

        impl<R> $name<R> {
            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> $primitive {
                self.0
            }
        }

        $(
            impl<R: Range<$primitive>> TryFrom<$source> for $name<R> {
                type Error = OutOfRange;

                fn try_from(value: $source) -> Result<Self, OutOfRange> {
                    Self::allowed(value.into()).ok_or_else(|| OutOfRange::new(R::MESSAGE, &value))
                }
            }
        )*

        /// Parses decimal digits.
        impl<R: Range<$primitive>> FromStr for $name<R> {
            type Err = OutOfRange;

            fn from_str(text: &str) -> Result<Self, OutOfRange> {
                let number = Number::parse(text).and_then(Self::allowed);
                number.ok_or_else(|| OutOfRange::new(R::MESSAGE, &text))
            }
        }

        impl<R: Range<$primitive>> $name<R> {
            /// Returns the value of any number of Rust, if it is allowed.
            pub(crate) fn allowed(number: Number) -> Option<Self> {
                number.$convert().and_then(Self::new)
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
    };
}

number!(
    /// An integer inside the range `R`.
    ///
    /// Generated crates have an alias of this type for every integer parameter with bounds. It is created from any
    /// integer of Rust with `try_from`, and from text with `parse`. In [`input!`](crate::input!), a literal is enough,
    /// and [`try_input!`](crate::try_input!) takes any number. It compares to `i64`, and [`get`](Self::get) returns one.
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
    /// let steps: u16 = 500;
    /// let error = Int::<Steps>::try_from(steps).unwrap_err();
    /// assert_eq!(error.to_string(), "`steps` of acme/model must be between 1 and 50, not 500");
    /// # Ok::<(), fal_core::OutOfRange>(())
    /// ```
    Int(i64),
    is_multiple,
    as_i64,
    "an integer",
    as_i64,
    i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize
);
number!(
    /// An integer inside the range `R`, which `i64` does not hold.
    ///
    /// Works like [`Int`], with `i128`:
    ///
    /// ```
    /// # use fal_core::{Range, WideInt};
    /// # enum Seed {}
    /// # impl Range<i128> for Seed {
    /// #     const MIN: i128 = 1;
    /// #     const MAX: i128 = i128::MAX;
    /// #     const MESSAGE: &str = "`seed` of acme/model must be at least 1";
    /// # }
    /// let seed = WideInt::<Seed>::try_from(u64::MAX)?;
    /// assert_eq!(seed.get(), 18_446_744_073_709_551_615);
    /// assert!(WideInt::<Seed>::try_from(0).is_err());
    /// # Ok::<(), fal_core::OutOfRange>(())
    /// ```
    WideInt(i128),
    is_wide_multiple,
    as_i128,
    "an integer",
    as_i128,
    i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize
);
number!(
    /// A finite floating-point number inside the range `R`.
    ///
    /// Works like [`Int`], with `f64`. It is also created from integers, and from an `f32`, whose decimal form it keeps:
    /// `0.1_f32` becomes `0.1`.
    ///
    /// ```
    /// # use fal_core::{Float, Range};
    /// # enum Strength {}
    /// # impl Range<f64> for Strength {
    /// #     const MIN: f64 = 0.0;
    /// #     const MAX: f64 = 1.0;
    /// #     const MESSAGE: &str = "`strength` of acme/model must be between 0.0 and 1.0";
    /// # }
    /// let strength = Float::<Strength>::try_from(0.8)?;
    /// assert_eq!(strength.get(), 0.8);
    /// assert!(Float::<Strength>::try_from(f64::NAN).is_err());
    /// # Ok::<(), fal_core::OutOfRange>(())
    /// ```
    Float(f64),
    is_float_multiple,
    as_f64,
    "a number",
    as_f64,
    f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize
);

/// Returns false if `step` is zero.
const fn is_multiple(value: i64, step: i64) -> bool {
    match value.checked_rem(step) {
        Some(remainder) => remainder == 0,
        None => false,
    }
}

/// Returns false if `step` is zero.
const fn is_wide_multiple(value: i128, step: i128) -> bool {
    match value.checked_rem(step) {
        Some(remainder) => remainder == 0,
        None => false,
    }
}

/// Allows a relative error of 1e-9 for decimal steps such as 0.1, which have no exact binary form.
const fn is_float_multiple(value: f64, step: f64) -> bool {
    const EXACT: f64 = 1_048_576.0;
    if (step * EXACT) % 1.0 == 0.0 {
        return value % step == 0.0;
    }
    let quotient = value / step;
    let nearest = quotient.round();
    (quotient - nearest).abs() <= 1e-9 * if nearest.abs() > 1.0 { nearest.abs() } else { 1.0 }
}

impl<R> PartialOrd for Float<R> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

macro_rules! integer {
    ($name:ident($primitive:ty)) => {
        impl<R> Eq for $name<R> {}

        impl<R> PartialOrd for $name<R> {
            fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl<R> Ord for $name<R> {
            fn cmp(&self, other: &Self) -> cmp::Ordering {
                self.0.cmp(&other.0)
            }
        }

        impl<R> hash::Hash for $name<R> {
            fn hash<H: hash::Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl<R> Serialize for $name<R> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Integer::from(self.0).serialize(serializer)
            }
        }

        impl<'de, R: Range<$primitive>> Deserialize<'de> for $name<R> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Integer::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
            }
        }
    };
}

integer!(Int(i64));
integer!(WideInt(i128));

impl<R> Serialize for Float<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, R: Range<f64>> Deserialize<'de> for Float<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// The error for a number outside the range of its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    rule: &'static str,
    value: String,
}

impl OutOfRange {
    pub(crate) fn new(rule: &'static str, value: &impl fmt::Display) -> Self {
        Self { rule, value: value.to_string() }
    }

    /// Returns the number, or the text in its place, that was refused.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the name of the parameter, or `None` for a value that belongs to none.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        let (name, _) = self.rule.strip_prefix('`')?.split_once('`')?;
        Some(name)
    }
}

impl From<OutOfRange> for Violations {
    fn from(error: OutOfRange) -> Self {
        let path = error.parameter().map_or_else(|| "body".to_owned(), |name| format!("body.{name}"));
        let value = serde_json::from_str(error.value()).unwrap_or_else(|_| error.value().into());
        Violation::new(path, error.to_string(), value).into()
    }
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
    fn bounds_are_inclusive_by_default() {
        assert!(Int::<Steps>::new(0).is_none());
        assert!(Int::<Steps>::new(1).is_some());
        assert!(Int::<Steps>::new(50).is_some());
        assert!(Int::<Steps>::new(51).is_none());
        assert!(Float::<Strength>::new(0.0).is_none());
        assert!(Float::<Strength>::new(1.0).is_some());
    }

    #[test]
    fn multiples_of_a_decimal_step_are_allowed() {
        assert!(Float::<Strength>::new(0.3).is_some());
        assert!(Float::<Strength>::new(0.7).is_some());
        assert!(Float::<Strength>::new(0.35).is_none());
    }

    #[test]
    fn multiples_of_a_binary_step_are_exact() {
        assert!(is_float_multiple(1e15, 0.25));
        assert!(is_float_multiple(-0.75, 0.25));
        assert!(!is_float_multiple(1_000_000_000_000_000.1, 0.25));
        assert!(!is_float_multiple(f64::NAN, 0.25));
        assert!(!is_float_multiple(1.0, 0.0));
    }

    #[test]
    fn nan_and_infinity_are_out_of_range() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Float::<Strength>::new(value).is_none(), "{value}");
        }
    }

    #[test]
    fn integers_deserialize_from_floats_without_a_fraction() {
        assert_eq!(serde_json::from_str::<Int<Steps>>("28.0").unwrap(), 28);
        assert_eq!(serde_json::from_str::<Int<Steps>>("2.8e1").unwrap(), 28);
        for bad in ["28.5", "0", "51", "\"28\"", "1e300", "18446744073709551615", "null"] {
            assert!(serde_json::from_str::<Int<Steps>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn deserializing_out_of_range_names_the_rule_and_the_value() {
        let error = serde_json::from_str::<Int<Steps>>("500").unwrap_err().to_string();
        assert!(error.starts_with("`steps` must be between 1 and 50, not 500"), "{error}");
    }
}
