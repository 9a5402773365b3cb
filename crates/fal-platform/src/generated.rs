//! What `cargo xtask regen` writes; this file only says which lints are progenitor's business.

#[allow(
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::all,
    clippy::panic,
    clippy::unwrap_used,
    reason = "progenitor writes it"
)]
pub mod client;
#[allow(unreachable_pub, reason = "offered by `types`")]
pub mod enums;
