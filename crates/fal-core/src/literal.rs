//! Types of literals inside [`input!`](crate::input!).
//!
//! Each generated module has a module `arg` with a type alias for every parameter. The alias is one of the types
//! here, or a checked number. The macro makes each literal a `const` of that type, so that `cargo check` rejects
//! a literal that is not allowed. A module `list` names the [`List`] of every parameter that is a list, and a
//! module `nested` leads to the same three modules of every struct. A parameter that has no literals is a [`LiteralOrList`] in
//! `arg` and `list`.

use std::marker::PhantomData;

pub use self::{
    literal_or_list::{HasLiteral, LiteralOrList},
    url::{AnyOwner, Owner, Url},
};
pub use crate::token::{Literal, Token, check_names, is_equal, json_name, position, units};
use crate::{Draft, FromText, Length, Mode, Nullable, Param, Required, TryParam};

mod literal_or_list;
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
    pub const fn from_token(token: Token) -> Self {
        let Some(text) = token.as_text() else { token.reject("text in quotation marks") };
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

impl Number {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn from_token(token: Token) -> Self {
        match token.as_f64() {
            Some(value) => Self(value),
            None => token.reject("a number"),
        }
    }
}

impl Flag {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn from_token(token: Token) -> Self {
        match token.as_flag() {
            Some(value) => Self(value),
            None => token.reject("`true` or `false`"),
        }
    }
}

impl<T: Copy> Unbounded<T> {
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

#[diagnostic::do_not_recommend]
impl<T: Copy> Param<T> for Unbounded<T> {
    fn into_param(self) -> Option<T> {
        Some(self.get())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Copy> Param<Nullable<T>> for Unbounded<T> {
    fn into_param(self) -> Option<Nullable<T>> {
        Some(Nullable::Value(self.get()))
    }
}

#[diagnostic::do_not_recommend]
impl<L> Param<String> for Text<L> {
    fn into_param(self) -> Option<String> {
        Some(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<L> Param<Nullable<String>> for Text<L> {
    fn into_param(self) -> Option<Nullable<String>> {
        Some(Nullable::Value(self.into()))
    }
}

impl<L, T: FromText> TryParam<T> for Text<L> {
    type Value = T;

    fn try_param(self) -> Draft<T> {
        T::from_text(self.0.into())
    }
}

impl<P, T: TryParam<P>> TryParam<P> for Unbounded<T> {
    type Value = T::Value;

    fn try_param(self) -> Draft<T::Value> {
        self.0.try_param()
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

    #[doc(hidden)]
    #[must_use]
    pub fn try_items<const N: usize>(self, items: [Draft<T>; N]) -> Draft<Vec<T>> {
        Draft::list(items)
    }
}

/// Returns the draft of an item of a list in `try_input!`.
#[doc(hidden)]
pub fn try_item<T>(item: impl TryParam<T, Value = T>) -> Draft<T> {
    item.try_param()
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

    pub fn try_assign<M: Mode>(self, mode: &mut M, name: &str, value: impl Param<T, M>) {
        *self.0 = mode.optional(name, value);
    }
}

#[doc(hidden)]
pub trait AssignRequired<T> {
    fn assign(self, value: impl Into<T>);

    fn try_assign<M: Mode>(self, mode: &mut M, name: &str, value: impl Required<T, M>);
}

impl<T> AssignRequired<T> for Field<'_, T> {
    fn assign(self, value: impl Into<T>) {
        *self.0 = value.into();
    }

    fn try_assign<M: Mode>(self, mode: &mut M, name: &str, value: impl Required<T, M>) {
        *self.0 = mode.required(name, value);
    }
}

/// A builder or struct that is what it is only if the type `T` exists.
///
/// Without the type, the compiler has no type for the result of [`known`](Self::known), and stays silent about what comes
/// after it.
#[doc(hidden)]
pub trait Known: Sized {
    #[must_use]
    fn known<T: Subject<Self>>(self) -> T::Of;
}

impl<B> Known for B {
    fn known<T: Subject<Self>>(self) -> T::Of {
        T::unchanged(self)
    }
}

#[doc(hidden)]
pub trait Subject<B> {
    type Of;

    fn unchanged(builder: B) -> Self::Of;
}

impl<T, B> Subject<B> for T {
    type Of = B;

    fn unchanged(builder: B) -> B {
        builder
    }
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
}
