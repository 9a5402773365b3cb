//! `cargo xtask test`: runs every test.

use crate::run::cargo;

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Part of the names of the tests to run, and further arguments of `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    // Not `--all-features`: `native-tls` needs the headers of the system's TLS library.
    let features = "fal-client/axum,fal-client/blocking,fal-client/clap,fal-client/gzip,fal-client/image,fal-client/platform,\
                    fal-client/realtime,fal-client/schemars,fal-client/tower,fal-core/pattern";
    let fixed = ["test", "--workspace", "--features", features].map(str::to_owned);
    cargo(fixed.iter().chain(&arguments.rest))
}
