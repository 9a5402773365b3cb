//! Guides for whole programs. All code on these pages is compiled.
//!
//! | Page | Answers |
//! |---|---|
//! | [`getting_started`] | the first call, from an empty folder to a saved picture |
//! | [`errors`] | kinds of failures, retries, and answers to the callers of a server |
//! | [`production`] | the queue, tickets, webhooks, shutting down |
//! | [`files`] | files in inputs and outputs |
//! | [`batches`] | thousands of calls, and their cost |
//! | [`testing`] | tests without a key, a network or a bill |
//! | [`observability`] | spans, metrics and headers for OpenTelemetry |
//! | [`from_python`], [`from_javascript`] | the names of fal's other clients, and their counterparts here |
//! | [`models`] | all models that have a crate, by purpose |
//! | [`versions`] | the promises of version numbers, compilers and platforms |
//!
//! [`examples/apps`](https://docs.rs/crate/fal-client/latest/source/examples/apps/) has three programs with their tests: a
//! command that makes a picture for each row of a table, a web backend with webhooks, and a live preview with a language
//! model.

pub mod batches;
pub mod errors;
pub mod files;
pub mod from_javascript;
pub mod from_python;
pub mod getting_started;
pub mod models;
pub mod observability;
pub mod production;
pub mod testing;
pub mod versions;
