//! Models: their parameters, and the ways to find them.

#[cfg(feature = "codegen")]
pub(crate) mod bindings;
pub(crate) mod file_limits;
mod first_choices;
pub(crate) mod help;
pub(crate) mod lookup;
pub(crate) mod parameter;
pub(crate) mod search;
mod words;

pub(crate) use parameter::{Kind, Parameter};
