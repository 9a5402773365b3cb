//! Tests without a key, a network or a bill.
//!
//! `fal-emulator` is a local fal: it checks inputs as fal does, queues, streams, takes uploads, delivers webhooks, and makes
//! files that open. As a library, each test has one of its own:
//!
//! ```sh
//! cargo add --dev fal-emulator
//! ```
//!
//! ```
//! use fal_client::{Client, input};
//! use fal_emulator::{Emulator, RequestKind};
//! use fal_flux::dev;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::start().await?;
//! let client = Client::builder().emulator(emulator.url()).build()?;
//!
//! // The first submit is refused, and the runner logs a line.
//! emulator.on_request(RequestKind::Submit).fail(429, json!({ "detail": "busy" })).times(1);
//! emulator.on::<dev::Model>().log("loading the model");
//!
//! let reply = client.subscribe(input!(dev { prompt: "a cat" })).await?;
//! assert_eq!(reply.images.len(), 1);
//! assert_eq!(emulator.received_inputs::<dev::Model>()[0].prompt, "a cat");
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//!
//! With a manual clock nothing happens until the test says so, and an hour in the queue takes no time:
//!
//! ```
//! # use std::time::Duration;
//! # use fal_client::{Client, input};
//! # use fal_emulator::Emulator;
//! # use fal_flux::dev;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::builder().manual_clock().start().await?;
//! let client = Client::builder().emulator(emulator.url()).build()?;
//! let job = client.submit(input!(dev { prompt: "a cat" })).await?;
//! assert!(job.result().await.unwrap_err().is_not_ready());
//!
//! emulator.advance(Duration::from_secs(3600));
//! assert_eq!(job.result().await?.images.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Failures
//!
//! ```
//! # use fal_client::{Client, input};
//! # use fal_emulator::{Emulator, FaultPoint, RequestKind};
//! # use fal_flux::dev;
//! # use serde_json::json;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let emulator = Emulator::start().await?;
//! # let client = Client::builder().emulator(emulator.url()).build()?;
//! // The model fails, as a queued request does; then a connection breaks in the middle of the output.
//! emulator.on::<dev::Model>().fail(500, json!({ "detail": "out of memory" })).times(1);
//! let error = client.subscribe(input!(dev { prompt: "a cat" })).await.unwrap_err();
//! assert_eq!(error.message(), "out of memory");
//!
//! emulator.on_request(RequestKind::Result).cut(FaultPoint::Body(10)).times(1);
//! assert!(client.subscribe(input!(dev { prompt: "a cat" })).await.is_ok(), "the output is fetched again");
//! # Ok(())
//! # }
//! ```
//!
//! # Whole programs
//!
//! A program that reads [`Client::from_env`](crate::Client::from_env) runs unchanged under the command:
//!
//! ```sh
//! cargo install fal-emulator
//! fal-emulator -- cargo run
//! ```
//!
//! It prints what the run would have cost. `FAL_EMULATOR_URL=http://127.0.0.1:8787` points a client at one that runs already, and
//! <http://127.0.0.1:8787> shows its calls. Scenarios in files and over HTTP script it for programs in other languages.
