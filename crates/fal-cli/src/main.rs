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
mod webhooks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use arguments::Arguments;
use failure::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    CompleteEnv::with_factory(Arguments::command).var(commands::COMPLETION_VARIABLE).complete();
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Some((program, arguments)) = command_line::split_program(&given) {
        return program.run(arguments).await;
    }
    let asks_for_json = given.iter().any(|argument| argument == "--json");
    let done = match Arguments::try_parse_from(command_line::normalize(given)) {
        Ok(arguments) => commands::run(arguments).await,
        Err(error) => Failure::from_command_line(error),
    };
    done.unwrap_or_else(|failure| {
        failure.print(asks_for_json);
        failure.code()
    })
}
