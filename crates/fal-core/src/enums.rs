//! What every generated enum can do besides listing its values.

use std::fmt;

/// A text was not among the values that a closed enum allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    value: String,
    allowed: Vec<String>,
}

impl UnknownValue {
    /// The text that was refused.
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

/// The value among `all` that is `wire` on the wire.
///
/// Here and not in the macros, so that it is compiled once and not for every enum.
#[doc(hidden)]
pub fn closed<T: Copy + fmt::Display, W: PartialEq<V> + fmt::Display, V>(
    wire: W,
    all: &[T],
    on_wire: impl Fn(&T) -> V,
) -> Result<T, UnknownValue> {
    let known = all.iter().copied().find(|value| wire == on_wire(value));
    known.ok_or_else(|| UnknownValue {
        value: wire.to_string(),
        allowed: all.iter().map(T::to_string).collect(),
    })
}

/// The value among `all` that is `text` on the wire, or `other`.
#[doc(hidden)]
pub fn open<T: Clone>(
    text: &str,
    all: &[T],
    on_wire: impl Fn(&T) -> &str,
    other: impl FnOnce(String) -> T,
) -> T {
    let known = all.iter().find(|value| on_wire(value) == text);
    known.cloned().unwrap_or_else(|| other(text.to_owned()))
}

/// The impls of an input enum, whose values are all there are. It has `ALL` and `as_str`. The rule says
/// which values the parameter takes, for a literal of `input!` that is none of them.
#[doc(hidden)]
#[macro_export]
macro_rules! closed_enum {
    ($name:ident, $rule:literal $(,)?) => {
        impl $name {
            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn literal(text: &'static str) -> Self {
                let mut index = 0;
                while index < Self::ALL.len() {
                    if $crate::arg::same(Self::ALL[index].as_str(), text) {
                        return Self::ALL[index];
                    }
                    index += 1;
                }
                $crate::arg::refuse($rule)
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
                $crate::__private::closed(text, Self::ALL, Self::as_str)
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
                $crate::wire::parse(deserializer)
            }
        }
    };
}

/// The impls of an output enum, which keeps values it does not know in `Other`.
#[doc(hidden)]
#[macro_export]
macro_rules! open_enum {
    ($name:ident) => {
        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::core::convert::From<&str> for $name {
            fn from(text: &str) -> Self {
                $crate::__private::open(text, Self::ALL, Self::as_str, Self::Other)
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
                $crate::wire::text(deserializer, |text| Self::from(text))
            }
        }
    };
}

/// The impls of an enum of integers. It has `ALL` and `get`. The rule is that of `closed_enum`.
#[doc(hidden)]
#[macro_export]
macro_rules! integer_enum {
    ($name:ident, $rule:literal $(,)?) => {
        impl $name {
            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn literal(number: i64) -> Self {
                let mut index = 0;
                while index < Self::ALL.len() {
                    if Self::ALL[index].get() == number {
                        return Self::ALL[index];
                    }
                    index += 1;
                }
                $crate::arg::refuse($rule)
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
                $crate::__private::closed(number, Self::ALL, Self::get)
            }
        }

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
                $crate::wire::integer(deserializer, <Self as ::core::convert::TryFrom<i64>>::try_from)
            }
        }
    };
}
