//! `cargo xtask demo`: calls three models and saves their outputs.

use crate::run;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Prompt of the image and the video
    #[arg(long)]
    prompt: Option<String>,
}

/// Runs the example `demo` of the client. It is not part of xtask, which must build without generated code.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    if !run::is_compiled("examples/demo") {
        eprintln!(
            "compiling the client, the emulator and three models, which takes several minutes the first time on two cores"
        );
    }
    let fixed = ["run", "--package", "fal-client", "--example", "demo", "--"].map(str::to_owned);
    run::cargo(fixed.iter().chain(&arguments.prompt))
}
