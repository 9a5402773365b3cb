//! The promises of version numbers, compilers and platforms.
//!
//! # Versions
//!
//! The crates follow [semantic versioning](https://semver.org). `cargo update` never breaks a build; a version that may is `0.2`
//! after `0.1`, and `2.0` after `1.x`.
//!
//! Each model crate has a version of its own, which rises when its models change. Crates that people write, such as this one and
//! `fal-core`, share one. fal changes its models whenever it likes, and each change falls into one of these kinds:
//!
//! | Change of a model | Version |
//! |---|---|
//! | a new endpoint, a new optional parameter, another value, a wider bound, another text | compatible |
//! | a parameter that is no longer required, a field that outputs have in addition | compatible |
//! | a parameter or value that is gone, a new required parameter, a narrower bound, another type | breaking |
//! | a field that outputs no longer promise, or that is an `Option` now | breaking |
//!
//! A tool compares the schemas and the public items of a model crate with those of the last version, and refuses a number that
//! is too low.
//!
//! Inputs, outputs and enums are `#[non_exhaustive]`, so that compatible changes stay so: build inputs with
//! [`input!`](crate::input) or `Input::builder()`, and give a `match` over an enum an arm for the rest. Outputs are read leniently:
//! an unknown field is ignored, an unknown value of an enum is kept. A program that was built before a change goes on after it as
//! far as fal lets it.
//!
//! A parameter that is newer than the crate is written in quotation marks, and
//! [`skip_validation`](crate::RunRequest::skip_validation) sends a value that a crate refuses by a rule which no longer holds:
//!
//! ```no_run
//! use fal_client::{Client, input};
//! use fal_flux::dev;
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let reply = client.subscribe(input!(dev { prompt: "a cat", "whiskers": 12 })).await?;
//! # let _ = reply;
//! # Ok(())
//! # }
//! ```
//!
//! # Crates
//!
//! A model crate depends on `fal-core` and serde alone: not on this client, and not on other model crates. So `fal-flux` may be
//! at another number than `fal-kling-video`, and each is updated when you like:
//!
//! ```toml
//! [dependencies]
//! fal-client = "0.1"
//! fal-flux = "0.1"
//! fal-kling-video = "0.1"
//! ```
//!
//! Only one rule joins them: the client and all model crates of a program need the same `fal-core`. A breaking version of
//! `fal-core`, which is rare, is one of the client and of every model crate, and they are updated together. Otherwise the compiler
//! reports a type that is no endpoint, and `cargo tree -d` names the crate that lags behind. It is never a wrong request.
//!
//! # Compilers
//!
//! Rust 1.90 and newer. A version that needs a newer compiler has a new minor number.
//!
//! # Platforms
//!
//! Linux, macOS and Windows. The default TLS has the crypto provider of reqwest and rustls, which needs a C compiler when it is
//! built; `rustls-ring` and `native-tls` are the alternatives.
//!
//! `fal-core` and the model crates compile for `wasm32-unknown-unknown`, so a web page and its server can share the types.
//! This client does not: a browser must not have the key, and calls go through your server.
