//! Impls that all generated enums share.

use std::fmt;

use crate::{Violation, Violations};

/// The error for a value that a closed enum does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    value: String,
    allowed: Vec<String>,
}

impl UnknownValue {
    /// Returns the value that was rejected.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        write!(f, "`{}` is not allowed here; allowed: ", self.value)?;
        for (index, value) in self.allowed.iter().take(SHOWN).enumerate() {
            write!(f, "{}`{value}`", if index == 0 { "" } else { ", " })?;
        }
        match self.allowed.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for UnknownValue {}

impl From<UnknownValue> for Violations {
    fn from(error: UnknownValue) -> Self {
        Violation::new("body", error.to_string(), error.value().into()).into()
    }
}

/// Returns the variant among `all` whose JSON value is `json`.
///
/// A function and not part of the macros, so that it is compiled once and not for every enum.
#[doc(hidden)]
pub fn parse_closed<T: Copy + fmt::Display, J: PartialEq<V> + fmt::Display, V>(
    json: J,
    all: &[T],
    to_json: impl Fn(&T) -> V,
) -> Result<T, UnknownValue> {
    let known = all.iter().copied().find(|variant| json == to_json(variant));
    known.ok_or_else(|| UnknownValue {
        value: json.to_string(),
        allowed: all.iter().map(T::to_string).collect(),
    })
}

/// Returns the variant among `all` whose JSON string is `text`, or `other(text)` if there is none.
#[doc(hidden)]
pub fn parse_open<T: Clone>(
    text: &str,
    all: &[T],
    as_str: impl Fn(&T) -> &str,
    other: impl FnOnce(String) -> T,
) -> T {
    let known = all.iter().find(|variant| as_str(variant) == text);
    known.cloned().unwrap_or_else(|| other(text.to_owned()))
}

/// Implements everything of an enum of an input, which allows only the values that it lists: `ALL`, `as_str` and traits.
///
/// `$rule` is the compiler's message for a literal of `input!` that is not allowed.
#[doc(hidden)]
#[macro_export]
macro_rules! closed_enum {
    ($name:ident { $($variant:ident = $value:literal),* $(,)? } $rule:literal) => {
        impl $name {
            /// Every value that the schema lists, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the value on the wire.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)*
                }
            }

            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn from_token(token: $crate::literal::Token) -> Self {
                Self::ALL[$crate::literal::position(token, &[$($value),*], $rule)]
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(text: &str) -> ::core::result::Result<Self, $crate::UnknownValue> {
                $crate::__private::parse_closed(text, Self::ALL, Self::as_str)
            }
        }

        impl $crate::ParamValue for $name {}

        impl $crate::FromText for $name {
            fn from_text(text: ::std::borrow::Cow<'_, str>) -> $crate::Draft<Self> {
                $crate::__private::text_enum_draft(Self::ALL, $rule, &text, Self::ALL[0])
            }
        }

        impl $crate::FromNumber for $name {
            fn from_number(number: $crate::Number) -> $crate::Draft<Self> {
                $crate::__private::text_enum_draft(Self::ALL, $rule, &number, Self::ALL[0])
            }
        }

        $crate::__value_enum!($name, |value| value.as_str());

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::parse_string(deserializer)
            }
        }
    };
}

/// Implements the traits by which a union of an input takes the text of its presets at run time.
#[doc(hidden)]
#[macro_export]
macro_rules! preset_union {
    ($name:ident, $rule:literal, $stand_in:ident) => {
        impl $crate::FromText for $name {
            fn from_text(text: ::std::borrow::Cow<'_, str>) -> $crate::Draft<Self> {
                $crate::preset_draft(text, $rule, Self::$stand_in)
            }
        }
    };
}

/// Implements `clap::ValueEnum`, so that `--help` lists the values and completions know them.
#[cfg(feature = "clap")]
#[doc(hidden)]
#[macro_export]
macro_rules! __value_enum {
    ($name:ident, |$value:ident| $text:expr) => {
        impl $crate::__private::clap::ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                Self::ALL
            }

            fn to_possible_value(
                &self,
            ) -> ::core::option::Option<$crate::__private::clap::builder::PossibleValue> {
                let $value = self;
                ::core::option::Option::Some($crate::__private::clap::builder::PossibleValue::new($text))
            }
        }
    };
}

#[cfg(not(feature = "clap"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __value_enum {
    ($($any:tt)*) => {};
}

/// Implements everything of an enum of an output, which keeps unknown values in its variant `Other`: `ALL`, `as_str` and
/// traits.
#[doc(hidden)]
#[macro_export]
macro_rules! open_enum {
    ($name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        impl $name {
            /// Every value that the schema lists, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the value on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::core::convert::From<&str> for $name {
            fn from(text: &str) -> Self {
                $crate::__private::parse_open(text, Self::ALL, Self::as_str, Self::Other)
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::read_string(deserializer, |text| Self::from(text))
            }
        }
    };
}

/// Implements everything of an enum of integers: `ALL`, `get` and traits. `$rule` is as for `closed_enum`.
#[doc(hidden)]
#[macro_export]
macro_rules! integer_enum {
    ($name:ident { $($variant:ident = $value:literal),* $(,)? } $rule:literal) => {
        impl $name {
            /// Every value that the schema lists, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the value on the wire.
            #[must_use]
            pub const fn get(&self) -> i64 {
                match self {
                    $(Self::$variant => $value,)*
                }
            }

            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn from_token(token: $crate::literal::Token) -> Self {
                let mut index = 0;
                while index < Self::ALL.len() {
                    if token.is_integer(Self::ALL[index].get()) {
                        return Self::ALL[index];
                    }
                    index += 1;
                }
                token.reject_by($rule)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.get(), f)
            }
        }

        impl ::core::convert::TryFrom<i64> for $name {
            type Error = $crate::UnknownValue;

            fn try_from(number: i64) -> ::core::result::Result<Self, $crate::UnknownValue> {
                $crate::__private::parse_closed(number, Self::ALL, Self::get)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(text: &str) -> ::core::result::Result<Self, $crate::UnknownValue> {
                $crate::__private::parse_closed(text, Self::ALL, ::std::string::ToString::to_string)
            }
        }

        impl $crate::ParamValue for $name {}

        impl $crate::FromText for $name {
            fn from_text(text: ::std::borrow::Cow<'_, str>) -> $crate::Draft<Self> {
                $crate::__private::text_enum_draft(Self::ALL, $rule, &text, Self::ALL[0])
            }
        }

        impl $crate::FromNumber for $name {
            fn from_number(number: $crate::Number) -> $crate::Draft<Self> {
                let is_given = |value: &Self| number.is_integer(value.get());
                $crate::__private::enum_draft(Self::ALL, $rule, &number, is_given, Self::ALL[0])
            }
        }

        $crate::__value_enum!($name, |value| value.to_string());

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.get())
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::read_integer(deserializer, <Self as ::core::convert::TryFrom<i64>>::try_from)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    #![allow(dead_code, unreachable_pub, reason = "the macro is made for generated crates")]

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Format {
        Jpeg,
        Png,
    }

    crate::closed_enum! {
        Format { Jpeg = "jpeg", Png = "png" }
        "`format` of acme/model must be `jpeg` or `png`"
    }

    #[test]
    fn an_unknown_value_is_a_violation_with_the_allowed_ones() {
        let error = "gif".parse::<Format>().unwrap_err();
        let violations = Violations::from(error);
        assert_eq!(violations.to_string(), "body: `gif` is not allowed here; allowed: `jpeg`, `png`");
        assert_eq!(violations.as_slice()[0].value, "gif");
    }

    #[cfg(feature = "clap")]
    #[test]
    fn clap_knows_the_values() {
        use clap::ValueEnum as _;
        let names: Vec<String> = Format::value_variants()
            .iter()
            .map(|format| format.to_possible_value().unwrap().get_name().to_owned())
            .collect();
        assert_eq!(names, ["jpeg", "png"]);
        assert_eq!(Format::from_str("png", false), Ok(Format::Png));
    }
}
