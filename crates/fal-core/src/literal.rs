//! Types of literals inside [`input!`](crate::input!).
//!
//! Each generated module has a module `arg` with a type alias for every parameter. The alias is one of the types
//! here, or a checked number. The macro makes each literal a `const` of that type, so that `cargo check` rejects
//! a literal that is not allowed. A module `list` names the [`List`] of every parameter that is a list, and a
//! module `nested` leads to the same three modules of every struct.

use std::marker::PhantomData;

pub use self::url::{AnyOwner, Owner, Url};
use crate::{Length, Param};

mod url;

/// A string literal whose length is inside the bounds `L`.
#[derive(Debug)]
pub struct Text<L = AnyLength>(&'static str, PhantomData<fn() -> L>);

impl<L> Clone for Text<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Text<L> {}

/// Bounds that every length satisfies.
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
        let length = count_chars(text);
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

/// Counts the Unicode scalar values of `text`, as the service does.
const fn count_chars(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut index, mut count) = (0, 0);
    while index < bytes.len() {
        // Every byte that is not a continuation byte starts a scalar value.
        if bytes[index] & 0b1100_0000 != 0b1000_0000 {
            count += 1;
        }
        index += 1;
    }
    count
}

/// A literal of a parameter that allows every value of type `T`.
#[derive(Debug, Clone, Copy)]
pub struct Unbounded<T>(T);

impl<T: Copy> Unbounded<T> {
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
pub use crate::Integer;
/// A floating-point literal.
pub type Number = Unbounded<f64>;
/// `true` or `false`.
pub type Flag = Unbounded<bool>;

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

/// A list of `T` in `input!`, with as many items as `L` allows.
#[derive(Debug)]
pub struct List<T, L = AnyLength>(PhantomData<fn() -> (T, L)>);

impl<T, L: Length> List<T, L> {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for lists of `input!` only")]
    pub const fn with_length(count: usize) -> Self {
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

/// A field of `..base` that gets a new value.
///
/// It takes the same values as the field's setter. `assign` of an optional field is an inherent method, so the
/// compiler prefers it to [`AssignRequired::assign`].
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

/// Fails the compilation at a literal that breaks `rule`.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
pub const fn reject(rule: &'static str) -> ! {
    panic!("{}", rule)
}

/// Returns true if the two strings are equal; `==` does not work in a `const fn`.
#[doc(hidden)]
#[must_use]
pub const fn is_equal(left: &str, right: &str) -> bool {
    left.len() == right.len() && starts_with(left, right)
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
    fn count_chars_counts_unicode_scalar_values() {
        for text in ["", "abc", "žluť", "日本語", "🦀 crab"] {
            assert_eq!(count_chars(text), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_not_equal() {
        assert!(is_equal("png", "png"));
        assert!(!is_equal("png", "pn") && !is_equal("pn", "png") && !is_equal("jpg", "png"));
    }
}
