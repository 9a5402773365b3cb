//! Values that builder setters accept.

use crate::{Integer, Nullable, literal};

/// A value that the setter of an optional parameter of type `T` accepts.
///
/// That is a `T`, an `Option<T>`, or something that converts without loss: a `&str` for a `String`, an array for a
/// `Vec`, a file of another model's output for a [`File`](crate::File). `None` leaves the parameter out, as if
/// the setter had not been called.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of this parameter, which takes `{T}`",
    label = "expected `{T}`, found `{Self}`",
    note = "a number known only at run time is checked with `.try_into()?`, a file is `File::path(..)` or `File::url(..)`"
)]
pub trait Param<T> {
    /// Returns the value to send, or `None` to leave the parameter out.
    fn into_param(self) -> Option<T>;
}

impl<T> Param<T> for T {
    fn into_param(self) -> Option<T> {
        Some(self)
    }
}

impl<T> Param<T> for Option<T> {
    fn into_param(self) -> Option<T> {
        self
    }
}

impl<T> Param<Nullable<T>> for T {
    fn into_param(self) -> Option<Nullable<T>> {
        Some(Nullable::Value(self))
    }
}

impl<T> Param<Nullable<T>> for Option<T> {
    fn into_param(self) -> Option<Nullable<T>> {
        self.map(Nullable::Value)
    }
}

impl<T, const N: usize> Param<Vec<T>> for [T; N] {
    fn into_param(self) -> Option<Vec<T>> {
        Some(self.into())
    }
}

impl<T> Param<Box<T>> for T {
    fn into_param(self) -> Option<Box<T>> {
        Some(Box::new(self))
    }
}

impl<T: Copy> Param<T> for literal::Unbounded<T> {
    fn into_param(self) -> Option<T> {
        Some(self.get())
    }
}

impl<T: Copy> Param<Nullable<T>> for literal::Unbounded<T> {
    fn into_param(self) -> Option<Nullable<T>> {
        Some(Nullable::Value(self.get()))
    }
}

impl Param<String> for &str {
    fn into_param(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl Param<String> for Option<&str> {
    fn into_param(self) -> Option<String> {
        self.map(str::to_owned)
    }
}

impl<L> Param<String> for literal::Text<L> {
    fn into_param(self) -> Option<String> {
        Some(self.into())
    }
}

impl<L> Param<Nullable<String>> for literal::Text<L> {
    fn into_param(self) -> Option<Nullable<String>> {
        Some(Nullable::Value(self.into()))
    }
}

impl Param<Nullable<String>> for &str {
    fn into_param(self) -> Option<Nullable<String>> {
        Some(Nullable::Value(self.to_owned()))
    }
}

macro_rules! integers {
    ($($primitive:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Param<Integer> for $primitive {
            fn into_param(self) -> Option<Integer> {
                Some(self.into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<Integer> for Option<$primitive> {
            fn into_param(self) -> Option<Integer> {
                self.map(Integer::from)
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<Nullable<Integer>> for $primitive {
            fn into_param(self) -> Option<Nullable<Integer>> {
                Some(Nullable::Value(self.into()))
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<Nullable<Integer>> for Option<$primitive> {
            fn into_param(self) -> Option<Nullable<Integer>> {
                self.map(|value| Nullable::Value(value.into()))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<const N: usize> Param<Vec<Integer>> for [$primitive; N] {
            fn into_param(self) -> Option<Vec<Integer>> {
                Some(self.map(Integer::from).into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<Vec<Integer>> for Vec<$primitive> {
            fn into_param(self) -> Option<Vec<Integer>> {
                Some(self.into_iter().map(Integer::from).collect())
            }
        }
    )*};
}

// Errors about other parameters would list all of these.
integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);
