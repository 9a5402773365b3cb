//! The first call: a picture, saved on disk.
//!
//! # Set up
//!
//! Each family of models is a crate of its own, named after its app: `fal-ai/flux` is `fal-flux`, `fal-ai/kling-video` is
//! `fal-kling-video`.
//!
//! ```sh
//! cargo new cats && cd cats
//! cargo add fal-client fal-flux
//! cargo add tokio --features macros,rt-multi-thread
//! export FAL_KEY=…   # from https://fal.ai/dashboard/keys
//! ```
//!
//! Without a key, `fal-emulator -- cargo run` answers every call on this machine. See [`testing`](super::testing).
//!
//! # Call a model
//!
//! ```no_run
//! use fal_client::{Client, input, storage::MediaExt};
//! use fal_flux::dev;
//!
//! #[tokio::main]
//! async fn main() -> fal_client::Result<()> {
//!     let client = Client::from_env()?;
//!     let reply = client.subscribe(input!(dev { prompt: "a cat reading a map" })).await?;
//!     for (number, image) in reply.images.iter().enumerate() {
//!         image.save(&client, format!("cat-{number}.jpg")).await?;
//!     }
//!     println!("{}", reply.request_id());
//!     Ok(())
//! }
//! ```
//!
//! `dev` is the module of the endpoint `fal-ai/flux/dev`. [`input!`](crate::input) takes its parameters, and `cargo check`
//! refuses a missing one, a misspelt one, and a literal outside the bounds that the model's document states.
//!
//! # Values known only at run time
//!
//! Variables of the parameter's own type go into `input!` as they are, also as an `Option`. For everything else there is
//! [`try_input!`](crate::try_input), which takes any integer or float, text for enums, and paths for files. It returns all
//! violations at once.
//!
//! ```
//! use fal_client::try_input;
//! use fal_flux::dev;
//!
//! fn picture(prompt: &str, steps: u32, format: &str) -> fal_client::Result<dev::Input> {
//!     try_input!(dev { prompt: prompt, num_inference_steps: steps, output_format: format })
//! }
//!
//! assert!(picture("a cat", 28, "png").is_ok());
//! let error = picture("a cat", 500, "gif").unwrap_err();
//! assert_eq!(error.field_errors().len(), 2);
//! ```
//!
//! The checked types also parse from text, so they are fields of structs for clap, csv and serde:
//!
//! ```
//! # use fal_flux::dev;
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     steps: Option<dev::NumInferenceSteps>,
//!     size: dev::ImageSize,
//! }
//!
//! let settings: Settings = serde_json::from_str(r#"{"steps": 12, "size": "square_hd"}"#)?;
//! assert_eq!(settings.steps, Some(12.try_into()?));
//! # let _ = settings.size;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Choose the verb
//!
//! | Wanted | Call |
//! |---|---|
//! | The output, from a model that takes seconds or minutes | [`subscribe`](crate::Client::subscribe): through the queue, which survives a broken connection |
//! | The output at once, from a model that takes a second | [`run`](crate::Client::run): one request |
//! | Pieces of the output while they are made | [`stream`](crate::Client::stream) |
//! | The output later, or in another process | [`submit`](crate::Client::submit), see [`production`](super::production) |
//! | Many outputs | [`batch`](crate::Client::batch), see [`batches`](super::batches) |
//! | An answer to every key press | [`realtime`](crate::EndpointHandle::realtime) |
//!
//! # Models without a crate
//!
//! ```no_run
//! # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
//! use fal_client::{File, untyped};
//!
//! let input = untyped::input("your-username/your-app", serde_json::json!({ "scale": 4 }))
//!     .file("image_url", File::path("cat.png"));
//! let reply = client.subscribe(input).await?;
//! println!("{}", reply["image"]["url"]);
//! # Ok(())
//! # }
//! ```
//!
//! [`untyped`](crate::untyped) and [`endpoint!`](crate::endpoint) also take types of your own, and the command `fal-codegen`
//! turns the document that your app publishes into a crate like those of fal's models.
