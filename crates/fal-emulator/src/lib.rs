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
//!
//! # In tests
//!
//! [`Emulator::on`] says how a model behaves: its queue, logs, outputs and failures.
//! [`Emulator::at`] says what happens to single requests: other replies, and connections that are
//! cut, reset, stalled, slow or full of garbage. [`Emulator::received`] and
//! [`Emulator::requests`] tell what came. With [`Builder::manual_clock`], time passes only by
//! [`Emulator::advance`].
//!
//! ```no_run
//! use fal_emulator::{At, Emulator, Verb};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), fal_emulator::Error> {
//! let emulator = Emulator::builder().manual_clock().start().await?;
//! emulator
//!     .on_endpoint("fal-ai/flux/dev")
//!     .queue([2, 1, 0])
//!     .log("loading the model")
//!     .reply(|input| json!({"prompt": input["prompt"]}));
//! emulator.at(Verb::Status).cut(At::Body(10)).times(1);
//! // … let the code under test call fal …
//! let first = emulator.wait_for(|request| request.verb == Verb::Submit).await;
//! assert_eq!(first.json()["prompt"], "a cat");
//! # Ok(())
//! # }
//! ```

mod app;
mod archive;
mod builder;
mod clock;
mod course;
mod emulator;
mod engine;
mod error;
mod hosts;
mod journal;
mod line;
mod lines;
mod media;
mod models;
mod net;
mod pace;
mod protocol;
mod queue;
mod realtime;
mod reply;
mod routes;
mod scenario;
mod schema;
mod script;
mod store;
mod synth;
mod timeline;
mod tokens;
mod validate;
mod webhook;

pub use builder::Builder;
pub use emulator::{Emulator, Urls};
pub use error::Error;
pub use pace::Pace;
pub use realtime::RealtimeSettings;
pub use scenario::{BadScenario, Scenario};
pub use script::{Answer, At, Frame, Request, Rule, Script, Verb};
pub use webhook::{Delivery, Webhooks};
