//! Values that builder setters accept.

use std::path::{Path, PathBuf};

use crate::{Checked, CheckedPart, Draft, File, Integer, Mode, Nullable, Strict, TryParam};

/// A value that the setter of an optional parameter of type `T` accepts.
///
/// That is a `T`, an `Option<T>`, or something that converts without loss: a `&str` for a `String`, an array for a
/// `Vec`, a path or a file of another model's output for a [`File`]. `None` leaves the parameter out, as if
/// the setter had not been called.
///
/// In a builder that [`Checked`] values, it is any value of [`TryParam`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of this parameter, which takes `{T}`",
    label = "expected `{T}`, found `{Self}`",
    note = "a number or text known only at run time is checked by `try_input!` or `try_builder()`",
    note = "a file is `File::path(..)`, `File::url(..)` or `File::bytes(..)`",
    note = "an integer in a tuple or a map is written `7.into()`"
)]
pub trait Param<T, M: Mode = Strict> {
    /// Returns the value to send, or `None` to leave the parameter out.
    fn into_param(self) -> M::Given<Option<T>>;
}

/// A value that the setter of a required parameter of type `T` accepts: anything that converts into a `T`.
///
/// In a builder that [`Checked`] values, it is any value of [`TryParam`] but an `Option`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of this parameter, which takes `{T}`",
    label = "expected `{T}`, found `{Self}`",
    note = "a number or text known only at run time is checked by `try_input!` or `try_builder()`",
    note = "a file is `File::path(..)`, `File::url(..)` or `File::bytes(..)`",
    note = "an integer in a tuple or a map is written `7.into()`"
)]
pub trait Required<T, M: Mode = Strict> {
    /// Returns the value to send.
    fn into_required(self) -> M::Given<T>;
}

#[diagnostic::do_not_recommend]
impl<T, V: Into<T>> Required<T> for V {
    fn into_required(self) -> T {
        self.into()
    }
}

macro_rules! checked {
    ($($mode:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T, V: TryParam<T>> Param<T, $mode> for V {
            fn into_param(self) -> Draft<Option<T>> {
                self.try_param().map(Into::into)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, V: TryParam<T, Value = T>> Required<T, $mode> for V {
            fn into_required(self) -> Draft<T> {
                self.try_param()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, V: TryParam<T>> RequiredNullable<T, $mode> for V {
            fn into_nullable(self) -> Draft<Option<T>> {
                self.try_param().map(Into::into)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<V: TryParam<Vec<Integer>, Value = Vec<Integer>>> RequiredIntegers<$mode> for V {
            fn into_integers(self) -> Draft<Vec<Integer>> {
                self.try_param()
            }
        }
    )*};
}

checked!(Checked CheckedPart);

/// A value that the setter of a required parameter accepts whose value may be null: a `T`, or an `Option<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of this parameter, which takes `{T}` or null",
    label = "expected `Option<{T}>`, found `{Self}`"
)]
pub trait RequiredNullable<T, M: Mode = Strict> {
    /// Returns the value to send, or `None` for null.
    fn into_nullable(self) -> M::Given<Option<T>>;
}

#[diagnostic::do_not_recommend]
impl<T, V: Into<Option<T>>> RequiredNullable<T> for V {
    fn into_nullable(self) -> Option<T> {
        self.into()
    }
}

/// A value that the setter of a required list of integers accepts. The integers have any type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of integers",
    label = "expected a list of integers, found `{Self}`"
)]
pub trait RequiredIntegers<M: Mode = Strict> {
    /// Returns the list to send.
    fn into_integers(self) -> M::Given<Vec<Integer>>;
}

#[diagnostic::do_not_recommend]
impl<V: IntoIterator<Item: Into<Integer>>> RequiredIntegers for V {
    fn into_integers(self) -> Vec<Integer> {
        self.into_iter().map(Into::into).collect()
    }
}

/// Implements the trait for everything that is a local file.
macro_rules! paths {
    ($($ty:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Param<File> for $ty {
            fn into_param(self) -> Option<File> {
                Some(self.into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<Nullable<File>> for $ty {
            fn into_param(self) -> Option<Nullable<File>> {
                Some(Nullable::Value(self.into()))
            }
        }

        #[diagnostic::do_not_recommend]
        impl Param<File> for Option<$ty> {
            fn into_param(self) -> Option<File> {
                self.map(File::from)
            }
        }
    )*};
}

paths!(PathBuf & PathBuf & Path);

#[diagnostic::do_not_recommend]
impl<T> Param<T> for T {
    fn into_param(self) -> Option<T> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T> Param<T> for Option<T> {
    fn into_param(self) -> Option<T> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> Param<Nullable<T>> for T {
    fn into_param(self) -> Option<Nullable<T>> {
        Some(Nullable::Value(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T> Param<Nullable<T>> for Option<T> {
    fn into_param(self) -> Option<Nullable<T>> {
        self.map(Nullable::Value)
    }
}

#[diagnostic::do_not_recommend]
impl<T, const N: usize> Param<Vec<T>> for [T; N] {
    fn into_param(self) -> Option<Vec<T>> {
        Some(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T> Param<Box<T>> for T {
    fn into_param(self) -> Option<Box<T>> {
        Some(Box::new(self))
    }
}

#[diagnostic::do_not_recommend]
impl Param<String> for &str {
    fn into_param(self) -> Option<String> {
        Some(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl Param<String> for Option<&str> {
    fn into_param(self) -> Option<String> {
        self.map(str::to_owned)
    }
}

#[diagnostic::do_not_recommend]
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
