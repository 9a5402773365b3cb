//! `fal-cli` as its users run it: as a process, against the emulator, without a key.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod catalogue;
mod keys;
mod queue;
mod readme;
mod run;
mod support;
mod wrong_input;
