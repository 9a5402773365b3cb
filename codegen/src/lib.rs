//! Generates Rust crates, or a single module, from the OpenAPI documents of fal models.
//!
//! Documents go in and files come out, without network, clock or environment. A [`Generator`] runs five stages,
//! each in a folder of its own:
//!
//! | stage | from | to |
//! |---|---|---|
//! | [`schema`] | text | a document, as it was published |
//! | [`mod@normalize`] | the dialect that fal writes | strict OpenAPI 3.0 |
//! | [`model`] | OpenAPI | the inputs and outputs of endpoints |
//! | [`rust`] | endpoints | a plan of crates, modules, types and their names |
//! | `emit` | the plan | files |
//!
//! The binary `fal-codegen` does the same from the command line.
//!
//! # In a build script
//!
//! For an app of your own whose document is a file of your crate, put `fal-codegen` under `[build-dependencies]`
//! (with `default-features = false`, which leaves out the dependencies of the binary), and `fal-core`, `serde` and
//! `serde_json` under `[dependencies]`. A document with a `pattern` needs the feature `pattern` of `fal-core`; the first lines
//! of the module say what it depends on. With `runtime: Runtime::FalClient` in the options, it depends on `fal-client` alone,
//! with its feature `pattern`.
//!
//!
//! ```no_run
//! // build.rs
//! use std::{env, fs, path::Path};
//!
//! use fal_codegen::{Generator, Options, Source};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let file = "my-app.json";
//!     println!("cargo::rerun-if-changed={file}");
//!     let source = Source { file: file.to_owned(), text: fs::read_to_string(file)? };
//!     let options = Options {
//!         command: "build.rs".to_owned(),
//!         app: Some("me/my-app".to_owned()),
//!         ..Options::default()
//!     };
//!     let module = Generator::new(options).module(&[source])?;
//!     // A route that cannot have types is left out, and the others are written.
//!     module.report.describe_skipped().for_each(|route| println!("cargo::warning={route}"));
//!     fs::write(Path::new(&env::var("OUT_DIR")?).join("my_app.rs"), module.text)?;
//!     Ok(())
//! }
//! ```
//!
//! Then include the module in the crate, where `input!(my_app { .. })` works:
//!
//! ```ignore
//! #[allow(dead_code, unused_imports)]
//! mod my_app {
//!     include!(concat!(env!("OUT_DIR"), "/my_app.rs"));
//! }
//! ```
//!
//! `examples/build-script` is a crate that does this.

#[cfg(feature = "cli")]
pub mod cli;
mod emit;
mod error;
pub mod families;
mod finder;
mod generator;
mod ids;
pub mod manifest;
pub mod model;
pub mod normalize;
mod options;
mod overlay;
mod parallel;
pub mod report;
pub mod rust;
pub mod schema;
pub mod tree;
pub mod type_names;
pub mod workspace;

pub use error::{Error, Errors};
pub use finder::ListedEndpoint;
pub use generator::{AnalyzedCrate, Generated, GeneratedModule, Generator};
pub use ids::find_problem as find_id_problem;
pub use manifest::Manifest;
pub use options::{FalCore, Layout, Options, Runtime, Source, Step};
pub use report::Report;
pub use tree::Tree;
pub use type_names::TypeNames;
