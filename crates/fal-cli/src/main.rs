//! The command `fal-cli`: every model of fal from a terminal.

mod arguments;
mod command_line;
mod commands;
mod config;
mod costs;
mod failure;
mod folders;
mod input;
mod model;
mod output;
mod progress;
mod requests;
mod rows;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
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
