//! What the command line says.

use std::path::PathBuf;

use clap::Parser;

/// Turns the OpenAPI documents of fal models into Rust.
///
/// Writes a Cargo workspace with one crate for each app (`owner/alias`), or one Rust module with `--module`.
/// Reads files only, never the network; the same documents always give the same files. If one document is
/// bad, every problem is shown and nothing is written.
#[derive(Debug, Parser)]
#[command(name = "fal-codegen", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Documents: JSON files, or folders that are searched for `*.json`.
    ///
    /// A file is an OpenAPI document, a model record `{"endpoint_id", "metadata", "openapi"}`, or a page
    /// `{"models": […]}` as fal's platform API returns it with `expand=openapi-3.0`.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// The folder to write the workspace to. Files there that were not generated are left alone.
    #[arg(long, value_name = "DIR", default_value = "fal-bindings")]
    pub(crate) out: PathBuf,

    /// Writes one self-contained Rust module to this file instead, for `mod` or `include!`.
    #[arg(long, value_name = "FILE.rs", conflicts_with_all = ["out", "crate_name", "fal_core"])]
    pub(crate) module: Option<PathBuf>,

    /// The app that documents belong to which do not say it: those that apps publish themselves.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) app: Option<String>,

    /// The name of the crate, if all documents belong to one app. It follows the app's name otherwise.
    #[arg(long, value_name = "NAME")]
    pub(crate) crate_name: Option<String>,

    /// The folder of `fal-core` that the crates depend on, instead of its published version.
    #[arg(long, value_name = "PATH")]
    pub(crate) fal_core: Option<PathBuf>,

    /// Writes what became of every endpoint to this file, as JSON.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,

    /// Writes nothing; fails and names each file that is stale.
    #[arg(long)]
    pub(crate) check: bool,
}

const EXAMPLES: &str = "\
Examples:
  One crate for each app, into ./fal-bindings:
    fal-codegen schemas/

  The crate of an app of your own, whose document does not name it:
    fal-codegen --app me/my-app --crate-name my-app my-app.json

  One module of your crate, to be declared with `mod bindings;`:
    fal-codegen --app me/my-app --module src/bindings.rs my-app.json

  In CI, whether what is committed is fresh:
    fal-codegen --check --out bindings schemas/";
