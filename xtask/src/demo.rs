//! `cargo xtask demo`: the main job, end to end.

use crate::run::cargo;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What the picture and the video show.
    #[arg(long)]
    prompt: Option<String>,
}

/// The demo is an example of the client, because nothing generated may be needed to build xtask.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let fixed = ["run", "--quiet", "--package", "fal-client", "--example", "demo", "--"].map(str::to_owned);
    cargo(fixed.iter().chain(&arguments.prompt))
}
