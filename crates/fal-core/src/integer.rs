//! Integers without bounds.

use std::{cmp::Ordering, fmt, hash, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Unexpected, Visitor},
};

use crate::{Int, OutOfRange, Range, WideInt, token::Token};

/// An integer of any size, for values without bounds.
///
/// Seeds use all 64 bits, with or without a sign, so that neither `i64` nor `u64` holds every one of them. An `Integer`
/// is made from any of Rust's integers with `into`, compares to them, and becomes one of them with `try_from`:
///
/// ```
/// use fal_core::Integer;
///
/// let seed = Integer::from(15_860_307_465_884_635_512_u64);
/// assert_eq!(seed, 15_860_307_465_884_635_512_u64);
/// assert_eq!(u64::try_from(seed)?, 15_860_307_465_884_635_512);
/// assert_eq!(seed.as_i64(), None);
/// assert_eq!(Integer::from(-7).to_string(), "-7");
/// # Ok::<(), fal_core::OutOfRange>(())
/// ```
///
/// JSON writes an integer in several ways, and `28`, `28.0` and `2.8e1` are read as 28. An integer that does not fit
/// into 64 bits has the precision of `f64` once it was read, because JSON readers turn it into one.
#[derive(Clone, Copy, PartialEq)]
pub struct Integer(Repr);

#[derive(Clone, Copy, PartialEq)]
enum Repr {
    Whole(i128),
    /// A float without a fraction that no `i128` holds.
    Huge(f64),
}

impl Integer {
    /// Creates the integer that a literal of [`input!`](crate::input!) names.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn from_token(token: Token) -> Self {
        match token.as_i128() {
            Some(value) => Self(Repr::Whole(value)),
            None => token.reject("an integer"),
        }
    }

    /// Returns the integer if it fits into an `i64`.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        self.try_into().ok()
    }

    /// Returns the integer if it fits into a `u64`.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        self.try_into().ok()
    }

    /// Returns the integer if it fits into an `i128`.
    #[must_use]
    pub const fn as_i128(self) -> Option<i128> {
        match self.0 {
            Repr::Whole(value) => Some(value),
            Repr::Huge(_) => None,
        }
    }

    /// Returns the nearest float.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "the documentation says so")]
    pub const fn as_f64(self) -> f64 {
        match self.0 {
            Repr::Whole(value) => value as f64,
            Repr::Huge(value) => value,
        }
    }

    /// Returns the integer with the value of a float, or `None` if the float has a fraction or is not finite.
    #[allow(clippy::cast_possible_truncation, reason = "the bounds of i128 are checked first")]
    pub(crate) fn from_float(value: f64) -> Option<Self> {
        const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
        if value.fract() != 0.0 || !value.is_finite() {
            return None;
        }
        let fits = (-LIMIT..LIMIT).contains(&value);
        Some(Self(if fits { Repr::Whole(value as i128) } else { Repr::Huge(value) }))
    }
}

impl Default for Integer {
    /// Returns zero.
    fn default() -> Self {
        Self(Repr::Whole(0))
    }
}

impl Eq for Integer {}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Repr::Whole(left), Repr::Whole(right)) => left.cmp(&right),
            // A huge number is on the same side of every other one as of zero.
            (left, right) => left.magnitude().total_cmp(&right.magnitude()),
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Repr {
    /// Returns the value of a huge number, and zero for all others.
    const fn magnitude(self) -> f64 {
        match self {
            Self::Whole(_) => 0.0,
            Self::Huge(value) => value,
        }
    }
}

impl hash::Hash for Integer {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        match self.0 {
            Repr::Whole(value) => value.hash(state),
            Repr::Huge(value) => value.to_bits().hash(state),
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Whole(value) => fmt::Display::fmt(&value, f),
            Repr::Huge(value) => fmt::Display::fmt(&value, f),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self.0 {
            Repr::Whole(value) => value,
            Repr::Huge(value) => return serializer.serialize_f64(value),
        };
        if let Ok(value) = i64::try_from(value) {
            return serializer.serialize_i64(value);
        }
        if let Ok(value) = u64::try_from(value) {
            return serializer.serialize_u64(value);
        }
        // Few formats and no JSON value hold 128 bits, while a float may be exact.
        let float = self.as_f64();
        let is_exact = Self::from_float(float) == Some(*self);
        if is_exact { serializer.serialize_f64(float) } else { serializer.serialize_i128(value) }
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;

        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Integer, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Integer, E> {
                Ok(value.into())
            }

            fn visit_i128<E>(self, value: i128) -> Result<Integer, E> {
                Ok(value.into())
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Integer, E> {
                Integer::from_float(value).ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
            }
        }

        deserializer.deserialize_i64(IntegerVisitor)
    }
}

macro_rules! conversions {
    ($($primitive:ident)*) => {$(
        impl From<$primitive> for Integer {
            fn from(value: $primitive) -> Self {
                // `usize` has no more than 64 bits anywhere.
                Self(Repr::Whole(value as i128))
            }
        }

        impl TryFrom<Integer> for $primitive {
            type Error = OutOfRange;

            fn try_from(value: Integer) -> Result<Self, OutOfRange> {
                let fits = value.as_i128().and_then(|value| value.try_into().ok());
                fits.ok_or_else(|| OutOfRange::new(concat!("the integer must fit into `", stringify!($primitive), "`"), &value))
            }
        }

        impl PartialEq<$primitive> for Integer {
            fn eq(&self, other: &$primitive) -> bool {
                *self == Self::from(*other)
            }
        }

        impl PartialEq<Integer> for $primitive {
            fn eq(&self, other: &Integer) -> bool {
                other == self
            }
        }

        impl PartialOrd<$primitive> for Integer {
            fn partial_cmp(&self, other: &$primitive) -> Option<Ordering> {
                self.partial_cmp(&Self::from(*other))
            }
        }
    )*};
}

conversions!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);

/// Parses decimal digits.
impl FromStr for Integer {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let number = Number::parse(text).and_then(Number::as_integer);
        number.ok_or_else(|| OutOfRange::new("the value must be an integer", &text))
    }
}

impl<R: Range<i64>> TryFrom<Integer> for Int<R> {
    type Error = OutOfRange;

    fn try_from(value: Integer) -> Result<Self, OutOfRange> {
        value.as_i64().and_then(Self::new).ok_or_else(|| OutOfRange::new(R::MESSAGE, &value))
    }
}

impl<R: Range<i128>> TryFrom<Integer> for WideInt<R> {
    type Error = OutOfRange;

    fn try_from(value: Integer) -> Result<Self, OutOfRange> {
        value.as_i128().and_then(Self::new).ok_or_else(|| OutOfRange::new(R::MESSAGE, &value))
    }
}

impl<R> From<Int<R>> for Integer {
    fn from(value: Int<R>) -> Self {
        value.get().into()
    }
}

impl<R> From<WideInt<R>> for Integer {
    fn from(value: WideInt<R>) -> Self {
        value.get().into()
    }
}

/// Any number of Rust.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Number {
    Integer(Integer),
    Float(f64),
}

impl Number {
    /// Returns the number if it is an integer, whatever its type is.
    pub(crate) fn as_integer(self) -> Option<Integer> {
        match self {
            Self::Integer(value) => Some(value),
            Self::Float(value) => Integer::from_float(value),
        }
    }

    pub(crate) fn as_i64(self) -> Option<i64> {
        self.as_integer().and_then(Integer::as_i64)
    }

    pub(crate) fn as_i128(self) -> Option<i128> {
        self.as_integer().and_then(Integer::as_i128)
    }

    /// Returns the nearest float, which may be infinite or not a number.
    #[allow(clippy::unnecessary_wraps, reason = "like the other conversions")]
    pub(crate) fn as_f64(self) -> Option<f64> {
        Some(match self {
            Self::Integer(value) => value.as_f64(),
            Self::Float(value) => value,
        })
    }

    /// Returns true if the number is `value`.
    #[must_use]
    pub fn is_integer(self, value: i64) -> bool {
        self.as_i64() == Some(value)
    }

    /// Parses decimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let integer = text.parse::<i128>().ok().map(|value| Self::Integer(value.into()));
        integer.or_else(|| text.parse().ok().map(Self::Float))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => value.serialize(serializer),
            Self::Float(value) => value.serialize(serializer),
        }
    }
}

macro_rules! numbers {
    ($variant:ident: $($primitive:ident)*) => {$(
        impl From<$primitive> for Number {
            fn from(value: $primitive) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

numbers!(Integer: i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);
numbers!(Float: f64);

impl From<f32> for Number {
    /// Keeps the decimal form: `0.1_f32` becomes `0.1`, not `0.10000000149011612`.
    fn from(value: f32) -> Self {
        Self::Float(value.to_string().parse().unwrap_or_else(|_| value.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read(json: &str) -> Integer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_way_to_write_an_integer_is_read() {
        for (json, value) in [
            ("28", 28_i128),
            ("28.0", 28),
            ("2.8e1", 28),
            ("1e3", 1000),
            ("-0.0", 0),
            ("-9223372036854775808", i64::MIN.into()),
            ("18446744073709551615", u64::MAX.into()),
            ("1.8446744073709552e19", 1 << 64),
            ("18446744073709551616", 1 << 64),
        ] {
            assert_eq!(read(json), value, "{json}");
        }
        for bad in ["28.5", "\"28\"", "null", "true", "[28]"] {
            assert!(serde_json::from_str::<Integer>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn integers_are_written_without_loss() {
        for json in ["0", "-7", "18446744073709551615", "-9223372036854775808"] {
            assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
            assert_eq!(serde_json::to_value(read(json)).unwrap().to_string(), json);
        }
        for json in ["1.8446744073709552e+19", "1e+300", "-1e+40"] {
            assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
            assert_eq!(serde_json::to_value(read(json)).unwrap().to_string(), json);
        }
        let exact = Integer::from(i128::MAX);
        assert_eq!(serde_json::to_string(&exact).unwrap(), i128::MAX.to_string());
    }

    #[test]
    fn integers_are_ordered_by_value() {
        let sorted = ["-1e300", "-1e40", "-5", "0", "7", "18446744073709551615", "1e40", "1e300"].map(read);
        assert!(sorted.is_sorted());
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn conversions_fail_outside_the_range() {
        let seed = read("18446744073709551615");
        assert_eq!(u64::try_from(seed), Ok(u64::MAX));
        let error = i64::try_from(seed).unwrap_err().to_string();
        assert_eq!(error, "the integer must fit into `i64`, not 18446744073709551615");
        assert!(i128::try_from(read("1e300")).is_err());
    }
}
