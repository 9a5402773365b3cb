//! The command `fal-cli`: every model of fal from a terminal.

mod arguments;
mod command_line;
mod commands;
mod completion;
mod config;
mod costs;
mod failure;
mod folders;
mod input;
mod mcp;
mod model;
mod output;
mod progress;
mod requests;
mod rows;
mod session;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    CompleteEnv::with_factory(Arguments::command).var(commands::COMPLETION_VARIABLE).complete();
    let arguments = Arguments::parse_from(command_line::normalize(std::env::args_os().collect()));
    let is_json = arguments.global.json;
    match commands::run(arguments).await {
        Ok(code) => code,
        Err(failure) => {
            failure.print(is_json);
            failure.code()
        }
    }
}
