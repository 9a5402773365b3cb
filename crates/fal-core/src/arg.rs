//! The types that a literal takes on inside [`input!`](crate::input!).
//!
//! Each generated module has an `arg` module that names one of these, or a checked number, for every
//! parameter. Making the literal a `const` of that type is what lets `cargo check` refuse it. Beside it stand
//! a module `list`, which names the [`List`] of every parameter that is one, and a module `nested`, which
//! leads to the same three modules of every struct.

use std::marker::PhantomData;

pub use self::url::{Anywhere, Place, Url};
use crate::{Length, Param};

mod url;

/// A string literal whose length is inside `L`.
#[derive(Debug)]
pub struct Text<L = AnyLength>(&'static str, PhantomData<fn() -> L>);

impl<L> Clone for Text<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Text<L> {}

/// The bounds of a text without bounds.
#[derive(Debug)]
pub enum AnyLength {}

impl Length for AnyLength {
    const MIN: usize = 0;
    const MAX: usize = usize::MAX;
    const MESSAGE: &'static str = "";
}

impl<L: Length> Text<L> {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
    pub const fn literal(text: &'static str) -> Self {
        let length = chars(text);
        if length < L::MIN || length > L::MAX {
            panic!("{}", L::MESSAGE)
        }
        Self(text, PhantomData)
    }
}

impl<L> From<Text<L>> for String {
    fn from(text: Text<L>) -> Self {
        text.0.to_owned()
    }
}

/// The service counts Unicode scalar values: every byte that does not continue one starts one.
const fn chars(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut index, mut count) = (0, 0);
    while index < bytes.len() {
        if bytes[index] & 0b1100_0000 != 0b1000_0000 {
            count += 1;
        }
        index += 1;
    }
    count
}

/// A literal of a parameter whose every value of type `T` is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Plain<T>(T);

impl<T: Copy> Plain<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn literal(value: T) -> Self {
        Self(value)
    }

    pub(crate) const fn get(self) -> T {
        self.0
    }
}

/// An integer literal.
pub type Integer = Plain<i64>;
/// A floating-point literal.
pub type Number = Plain<f64>;
/// `true` or `false`.
pub type Flag = Plain<bool>;

impl From<Integer> for i64 {
    fn from(literal: Integer) -> Self {
        literal.0
    }
}

impl From<Number> for f64 {
    fn from(literal: Number) -> Self {
        literal.0
    }
}

impl From<Flag> for bool {
    fn from(literal: Flag) -> Self {
        literal.0
    }
}

/// A list written out in `input!`: items of `T`, as many as `L` allows.
#[derive(Debug)]
pub struct List<T, L = AnyLength>(PhantomData<fn() -> (T, L)>);

impl<T, L: Length> List<T, L> {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for lists of `input!` only")]
    pub const fn of(count: usize) -> Self {
        if count < L::MIN || count > L::MAX {
            panic!("{}", L::MESSAGE)
        }
        Self(PhantomData)
    }

    #[doc(hidden)]
    #[must_use]
    pub fn items<const N: usize>(self, items: [T; N]) -> Vec<T> {
        items.into()
    }
}

/// A field that `..base` has filled and that is given anew: it takes what its setter takes.
///
/// Optional fields have a method, which comes before the one of the trait for all the others.
#[doc(hidden)]
#[derive(Debug)]
pub struct Field<'a, T>(pub &'a mut T);

impl<T> Field<'_, Option<T>> {
    pub fn assign(self, value: impl Param<T>) {
        *self.0 = value.into_param();
    }
}

#[doc(hidden)]
pub trait AssignRequired<T> {
    fn assign(self, value: impl Into<T>);
}

impl<T> AssignRequired<T> for Field<'_, T> {
    fn assign(self, value: impl Into<T>) {
        *self.0 = value.into();
    }
}

/// Stops the compiler at a literal that is not allowed.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
pub const fn refuse(rule: &'static str) -> ! {
    panic!("{}", rule)
}

/// Whether two texts are equal.
#[doc(hidden)]
#[must_use]
pub const fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && starts_with(one, other)
}

const fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    if text.len() < prefix.len() {
        return false;
    }
    let mut index = 0;
    while index < prefix.len() {
        if text[index] != prefix[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_scalar_values() {
        for text in ["", "abc", "žluť", "日本語", "🦀 crab"] {
            assert_eq!(chars(text), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn texts_are_the_same_as_a_whole() {
        assert!(same("png", "png"));
        assert!(!same("png", "pn") && !same("pn", "png") && !same("jpg", "png"));
    }
}
