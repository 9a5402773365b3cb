//! A local fal to develop and test against: the same protocol on loopback, driven by the same
//! schemas.
//!
//! ```no_run
//! # async fn example() -> Result<(), fal_emulator::Error> {
//! let emulator = fal_emulator::Emulator::start().await?;
//! println!("submit to {}/fal-ai/flux/dev", emulator.urls().queue);
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Inputs are validated against each model's schema and refused as fal refuses them. Outputs are
//! synthesised from the schema: they validate, and the files they point at exist, of the size,
//! length and format that were asked for. Nothing leaves the machine and nothing costs money.

mod app;
mod builder;
mod clock;
mod emulator;
mod engine;
mod error;
mod media;
mod models;
mod pace;
mod protocol;
mod queue;
mod realtime;
mod reply;
mod routes;
mod schema;
mod store;
mod synth;
mod timeline;
mod tokens;
mod validate;

pub use builder::Builder;
pub use emulator::{Emulator, Urls};
pub use error::Error;
pub use pace::Pace;
pub use realtime::Realtime;
