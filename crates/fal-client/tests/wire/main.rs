//! The client against scripted servers, over real sockets.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod batch;
#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "realtime")]
mod clock;
mod download;
mod errors;
#[cfg(feature = "realtime")]
mod faults;
mod file_limits;
mod files;
mod gateway;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "realtime")]
mod halves;
#[cfg(feature = "realtime")]
mod interruptions;
mod job;
mod journal_memory;
#[cfg(feature = "realtime")]
mod latest;
#[cfg(feature = "tower")]
mod layers;
mod middleware;
mod model;
mod observed;
mod options;
mod own_types;
#[cfg(feature = "image")]
mod pictures;
mod proxy;
mod queued;
#[cfg(feature = "realtime")]
mod realtime;
mod run;
mod security;
mod server;
mod status_stream;
mod stream;
mod subscribe;
mod task;
mod transport;
mod upload;
#[cfg(feature = "webhook")]
mod webhook;
#[cfg(feature = "realtime")]
mod websocket_runner;
