//! The client against scripted servers, over real sockets.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod batch;
#[cfg(feature = "blocking")]
mod blocking;
mod download;
mod errors;
#[cfg(feature = "realtime")]
mod faults;
mod file_limits;
mod files;
#[cfg(feature = "realtime")]
mod halves;
#[cfg(feature = "realtime")]
mod interruptions;
mod job;
mod model;
mod options;
mod proxy;
#[cfg(feature = "realtime")]
mod realtime;
mod run;
mod security;
mod server;
mod silence;
mod status_stream;
mod stream;
mod subscribe;
mod transport;
mod upload;
#[cfg(feature = "webhook")]
mod webhook;
#[cfg(feature = "realtime")]
mod websocket_runner;
