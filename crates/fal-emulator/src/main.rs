//! The command `fal-emulator`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    fal_emulator::command::run(&["fal-emulator"], std::env::args_os().skip(1)).await
}
