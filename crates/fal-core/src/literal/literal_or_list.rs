//! Parameters that neither a literal nor a list in brackets stands for.

use std::{fmt, marker::PhantomData};

use super::Token;
use crate::{Draft, Param, ParamValue};

/// A literal or a list in brackets, given to a parameter of type `T` that takes neither.
///
/// It can be made, so that the compiler does not say that there is no such parameter. No setter takes it, because nothing
/// implements [`HasLiteral`], whose message says what the parameter takes.
pub struct LiteralOrList<T>(PhantomData<fn() -> T>);

/// A type that has literals in `input!`. Implemented by no type.
#[diagnostic::on_unimplemented(
    message = "a literal or a list in brackets is not a value of this parameter, which takes `{Self}`",
    label = "expected `{Self}`",
    note = "a struct is written `{{ name: value }}`, and several of them `[{{ name: value }}, {{ name: value }}]`",
    note = "a value of an enum is written with its variant, such as `ImageSize::Custom(..)`, and a tuple `(a, b)`",
    note = "a map is written `BTreeMap::from(..)`, and JSON `json!(..)`"
)]
pub trait HasLiteral {}

impl<T> LiteralOrList<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn from_token(_: Token) -> Self {
        Self(PhantomData)
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_length(_: usize) -> Self {
        Self(PhantomData)
    }

    #[doc(hidden)]
    #[must_use]
    pub fn items<const N: usize>(self, _: [Self; N]) -> Self {
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn try_items<const N: usize>(self, _: [Draft<Self>; N]) -> Self {
        self
    }
}

// By hand, because `T` need not implement them.
impl<T> Clone for LiteralOrList<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for LiteralOrList<T> {}

impl<T> fmt::Debug for LiteralOrList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiteralOrList")
    }
}

/// So that it can be an item of a list.
impl<T> ParamValue for LiteralOrList<T> {}

impl<T: HasLiteral> Param<T> for LiteralOrList<T> {
    fn into_param(self) -> Option<T> {
        None
    }
}
