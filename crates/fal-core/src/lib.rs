//! What generated fal model crates are made of: endpoint traits, checked numbers, files, the wire.
//!
//! There is no I/O here, no async and no procedural macro, so a model crate costs little to compile
//! and never changes because the client did. Apps meet these items through `fal_client`, which
//! re-exports them.
//!
//! | for | see |
//! |---|---|
//! | what a model is | [`Endpoint`], [`Parameters`], [`IntoInput`] |
//! | numbers that cannot leave their range | [`Int`], [`Float`] |
//! | media given to a model | [`File`] |
//! | files that models give, sizes of images | [`media`] |
//! | building an input from checked literals | [`input!`] |
//! | what is only checked at run time | [`Violations`] |

pub mod arg;
mod check;
mod endpoint;
mod enums;
mod file;
mod input_macro;
#[cfg(feature = "schemars")]
pub mod json_schema;
pub mod media;
mod nullable;
mod number;
mod param;
pub mod wire;

#[cfg(feature = "pattern")]
pub use check::check_pattern;
pub use check::{At, Check, Length, Violation, Violations, validate};
pub use endpoint::{Endpoint, IntoInput, Parameters, Realtime, Streams, Unset};
pub use enums::UnknownValue;
pub use file::{CustomContent, File, FileSource, IntoFile};
pub use nullable::Nullable;
pub use number::{Float, Int, OutOfRange, Range};
pub use param::Param;

/// Crates that the macros of this one name in their expansion.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    pub use crate::enums::{closed, open};
}
