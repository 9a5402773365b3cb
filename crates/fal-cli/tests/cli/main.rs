//! `fal-cli` as its users run it: as a process, against the emulator, without a key.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod add;
mod batch;
#[cfg(feature = "fleet")]
mod batch_database;
mod catalogue;
mod keys;
mod mcp;
mod queue;
mod readme;
mod run;
mod shell;
mod support;
mod webhooks;
mod wrong_input;
