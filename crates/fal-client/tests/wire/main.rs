//! The client against scripted servers, over real sockets.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod files;
mod job;
mod model;
mod run;
mod security;
mod server;
mod subscribe;
mod transport;
