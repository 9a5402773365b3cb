//! The files that `cargo xtask regen` generates.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::all,
    clippy::panic,
    clippy::unwrap_used,
    reason = "progenitor writes the code"
)]

pub mod client;
pub mod enums;
pub mod operations;
pub mod types;
