//! Core types of the generated fal model crates: endpoint traits, range-checked numbers, files, JSON.
//!
//! This crate does no I/O and has no async code and no procedural macros. A model crate therefore compiles
//! quickly and does not need a new version when the client changes. Applications use these types through
//! `fal_client`, which re-exports them.
//!
//! | Task | Items |
//! |---|---|
//! | Describe an endpoint | [`Endpoint`], [`Streams`], [`Realtime`], [`Parameters`], [`IntoInput`] |
//! | Build an input from literals that the compiler checks | [`input!`] |
//! | Build an input from values that are known only at run time | [`try_input!`], [`TryParam`] |
//! | Do the same task with any of several models | [`task`] |
//! | Give a file to a model | [`File`], [`IntoFile`] |
//! | Read the limits of files before they are uploaded | [`FileLimits`], [`limited_files`] |
//! | Take anything that has a URL | [`HasUrl`] |
//! | Use files that a model returned, set image sizes | [`media`] |
//! | Hold a number inside the range of its parameter | [`Int`], [`WideInt`], [`Float`], [`Range`] |
//! | Hold an integer of any size | [`Integer`] |
//! | Tell `null` from a parameter that is left out | [`Nullable`] |
//! | Check the rules that types cannot express | [`Check`], [`Violations`] |
//!
//! The items that only generated code and the macros of this crate name are hidden from these pages. They are
//! public, but change together with the generator.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod check;
mod choice;
mod draft;
mod endpoint;
mod enums;
mod file;
#[cfg(feature = "file-facts")]
#[doc(hidden)]
pub mod file_facts;
mod file_limits;
mod has_url;
mod input_macro;
mod integer;
mod local_files;
pub mod media;
mod mode;
mod nullable;
mod number;
mod param;
mod parameters;
pub mod task;
mod token;
#[cfg(feature = "schemars")]
mod tool;
mod try_param;
mod unique;

#[doc(hidden)]
pub mod json;
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub mod json_schema;
#[doc(hidden)]
pub mod literal;

#[doc(hidden)]
pub use check::FieldCheck;
pub use check::{Check, Length, Violation, Violations};
#[cfg(feature = "pattern")]
#[doc(hidden)]
pub use check::{check_pattern, check_patterns, check_url_patterns};
#[doc(hidden)]
pub use draft::Draft;
#[doc(hidden)]
pub use endpoint::Unset;
pub use endpoint::{Endpoint, IntoInput, Realtime, Streams};
pub use enums::UnknownValue;
pub use file::{CustomContent, File, FileSource, IntoFile};
pub use file_limits::{FileLimits, FileLimitsVisitor, LimitedFiles, limited_files};
pub use has_url::HasUrl;
pub use integer::Integer;
#[doc(hidden)]
pub use integer::Number;
#[doc(hidden)]
pub use local_files::collect_local_files;
#[doc(hidden)]
pub use mode::CheckedPart;
pub use mode::{Checked, Mode, Strict};
pub use nullable::Nullable;
pub use number::{Float, Int, OutOfRange, Range, WideInt};
pub use param::{Param, Required, RequiredIntegers, RequiredNullable};
pub use parameters::Parameters;
#[doc(hidden)]
pub use parameters::validate;
#[cfg(feature = "schemars")]
pub use tool::{Tool, tool};
pub use try_param::TryParam;
#[doc(hidden)]
pub use try_param::{FromNumber, FromText, ParamValue, preset_draft};

/// Items that the macros of this crate name in their expansion.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "clap")]
    pub use clap;
    pub use serde;
    pub use serde_json;

    pub use crate::{
        enums::{parse_closed, parse_open},
        try_param::{enum_draft, text_enum_draft},
    };
}
