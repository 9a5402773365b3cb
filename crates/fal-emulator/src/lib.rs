//! A local fal to develop and test against.
//!
//! It serves fal's protocol on loopback, for every model of the catalogue.
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
//! Inputs are validated against each model's schema and refused as fal refuses them. Outputs are synthesized from the
//! schema: they are valid, and the files that they name exist, with the size, duration and format that the input asks
//! for. Nothing leaves the machine and nothing costs money.
//!
//! # In tests
//!
//! - [`Emulator::on`] scripts a model: its queue, logs, outputs and failures.
//! - [`Emulator::lock_account`] and [`Emulator::rate_limit`] fail the account, and [`Script::flag_nsfw`] and
//!   [`Script::refuse_content`] are the verdicts of checkers of content.
//! - [`Emulator::on_request`] changes single requests: other responses, and connections that are cut, reset, stalled,
//!   slow or full of garbage.
//! - [`Emulator::received_inputs`] and [`Emulator::requests`] return the received calls.
//! - [`EmulatorBuilder::manual_clock`] stops the clock, which then moves only by [`Emulator::advance`].
//! - [`EmulatorBuilder::record`] passes calls on to fal and records them, and [`EmulatorBuilder::replay`] answers from a
//!   recording.
//!
//! ```no_run
//! use fal_emulator::{Emulator, FaultPoint, RequestKind};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), fal_emulator::Error> {
//! let emulator = Emulator::builder().manual_clock().start().await?;
//! emulator
//!     .on_endpoint("fal-ai/flux/dev")
//!     .queue([2, 1, 0])
//!     .log("loading the model")
//!     .reply(|input| json!({"prompt": input["prompt"]}));
//! emulator.on_request(RequestKind::Status).cut(FaultPoint::Body(10)).times(1);
//! // … let the code under test call fal …
//! let first = emulator.wait_for(|request| request.kind == RequestKind::Submit).await;
//! assert_eq!(first.json()["prompt"], "a cat");
//! # Ok(())
//! # }
//! ```

mod account_keys;
mod app;
mod billing;
mod builder;
mod call_explanation;
mod call_view;
pub mod catalogue;
mod clock;
pub mod command;
mod components;
mod emulator;
mod endpoint_id;
mod error;
mod file_format;
mod hex;
mod history;
mod hosts;
mod input_files;
mod latest_items;
mod media;
mod model_call;
mod models;
mod net;
mod openai;
mod pace;
mod percent;
mod private_files;
mod queue;
mod realtime;
mod recent_calls;
mod recording;
mod reply;
mod routes;
mod scenario;
mod script;
mod store;
mod sync;
mod synth;
mod tokens;
mod unknown_models;
mod validate;
mod webhook;

pub use billing::CostSummary;
pub use builder::EmulatorBuilder;
pub use emulator::{Emulator, Urls};
pub use error::{BadScenario, Error};
pub use history::{HistoryOutage, HistorySettings};
pub use pace::Pace;
pub use realtime::RealtimeSettings;
pub use recording::UnrecordedReply;
pub use scenario::Scenario;
pub use script::{
    FaultPoint, RealtimeFault, RecordedResponse, Request, RequestKind, ResponseTemplate, Rule, Script,
};
pub use webhook::{Delivery, WebhookSender, Webhooks};
