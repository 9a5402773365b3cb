//! Arguments of the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The crate through which a module reaches what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// The client, which has everything.
    FalClient,
    /// The types alone, with `serde` and `serde_json`.
    FalCore,
}

/// Generates Rust bindings from the OpenAPI documents of fal models.
///
/// Writes a Cargo workspace with one crate for each app (`owner/alias`), or one Rust module with `--module`.
/// Reads files and never uses the network. The same documents always produce the same files. A route of an app that
/// cannot have types is left out and named. If a document has an error, all errors are shown and nothing is written.
#[derive(Debug, Parser)]
#[command(name = "fal-codegen", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Documents: files in JSON or YAML, or folders that are searched for `*.json`, `*.yaml` and `*.yml`.
    ///
    /// A file is an OpenAPI document, an AsyncAPI document of an app's sessions, a model record
    /// `{"endpoint_id", "metadata", "openapi"}`, or a page `{"models": […]}` as fal's platform API returns it with
    /// `expand=openapi-3.0`.
    ///
    /// `-` is standard input.
    #[arg(required_unless_present = "app", value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// The folder to write the workspace to. Other files in it are not changed, nor are the crates of other apps.
    #[arg(long, value_name = "DIR", default_value = "fal-bindings")]
    pub(crate) out: PathBuf,

    /// Writes one self-contained Rust module to this file instead, for `mod` or `include!`.
    #[arg(long, value_name = "FILE.rs", conflicts_with_all = ["out", "crate_name", "fal_core"])]
    pub(crate) module: Option<PathBuf>,

    /// The crates that the module depends on: `fal-client` alone, or `fal-core`, `serde` and `serde_json`.
    #[arg(long, value_name = "CRATE", value_enum, default_value = "fal-client", requires = "module")]
    pub(crate) runtime: Runtime,

    /// The app of documents that do not name it, which are those that apps publish themselves.
    ///
    /// With `=FILE`, the app of that document alone, which needs no other mention. Repeatable for several apps.
    #[arg(long, value_name = "OWNER/NAME[=FILE]")]
    pub(crate) app: Vec<String>,

    /// The name of the crate, if all documents belong to one app. By default, it is made from the name of the app.
    #[arg(long, value_name = "NAME")]
    pub(crate) crate_name: Option<String>,

    /// The folder of the `fal-core` that the crates depend on, instead of its published version.
    #[arg(long, value_name = "PATH")]
    pub(crate) fal_core: Option<PathBuf>,

    /// Leaves out a route, by the id of its endpoint or its path in the app's document, such as `/batch`. Repeatable.
    #[arg(long, value_name = "ROUTE")]
    pub(crate) skip: Vec<String>,

    /// Generates only this route, written as for `--skip`. Repeatable.
    #[arg(long, value_name = "ROUTE")]
    pub(crate) only: Vec<String>,

    /// An OpenAPI Overlay 1.0, in JSON or YAML, that corrects the documents before they are read. Repeatable.
    ///
    /// If it `extends` a file, it is for that document only. An action that selects nothing is an error.
    #[arg(long, value_name = "FILE")]
    pub(crate) overlay: Vec<PathBuf>,

    /// Fails, and writes nothing, if a part of a document has no exact type, or a route is left out because of its
    /// document.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Writes a report on every endpoint to this file, as JSON.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,

    /// Writes nothing. Fails if a file is stale, and names each one.
    #[arg(long)]
    pub(crate) check: bool,
}

const EXAMPLES: &str = "\
Examples:
  One crate for each app, into ./fal-bindings:
    fal-codegen schemas/

  The crate of your own app, whose document does not name it:
    fal-codegen --app me/my-app --crate-name my-app my-app.json

  The crates of two apps of yours:
    fal-codegen --app me/painter=painter.json --app me/sculptor=sculptor.json --out bindings

  A module of your crate, declared with `mod bindings;`:
    fal-codegen --app me/my-app --module src/bindings.rs my-app.json

  The same without a route, and with corrections of its document:
    fal-codegen --app me/my-app --skip /batch --overlay fixes.json --module src/bindings.rs my-app.json

  In CI, check that the committed files are fresh:
    fal-codegen --check --out bindings schemas/";
