//! The commands.

mod account;
#[cfg(feature = "codegen")]
mod add;
mod batch;
mod call;
mod compare;
mod files;
mod listen;
mod models;
mod profile;
mod program;
mod request;
mod run;
mod shell;
mod show;
mod submit;
mod trigger;

use std::process::ExitCode;

pub(crate) use compare::Compared;
pub(crate) use program::Program;
pub(crate) use shell::COMPLETION_VARIABLE;
pub(crate) use show::describe;

use crate::arguments::{Arguments, Command};
use crate::failure::Result;
use crate::mcp;
use crate::session::Session;

/// Runs a command.
///
/// # Errors
///
/// Returns the failure to print, with its exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { global, command } = arguments;
    let command = match command {
        Command::Profile(command) => return profile::run(command, &global),
        Command::Completions { shell } => return shell::completions(&shell),
        Command::Man { command } => return shell::man(command.as_deref()),
        command => command,
    };
    let session = Session::new(global)?;
    match command {
        Command::Models(arguments) => models::run(&session, &arguments).await,
        Command::Show(arguments) => show::run(&session, &arguments).await,
        Command::Run(arguments) => run::run(&session, &arguments).await,
        Command::Submit(arguments) => submit::run(&session, &arguments).await,
        Command::Status(arguments) => request::status(&session, &arguments).await,
        Command::Wait(arguments) => request::wait(&session, &arguments).await,
        Command::Result(arguments) => request::result(&session, &arguments).await,
        Command::Cancel(arguments) => request::cancel(&session, &arguments).await,
        Command::Log(arguments) => request::log(&session, &arguments).await,
        Command::Resume(arguments) => request::resume(&session, &arguments).await,
        Command::Save(arguments) => request::save(&session, &arguments).await,
        Command::Upload(arguments) => files::upload(&session, &arguments).await,
        Command::Download(arguments) => files::download(&session, &arguments).await,
        Command::Batch(arguments) => batch::run(&session, &arguments).await,
        Command::Compare(arguments) => compare::run(&session, &arguments).await,
        Command::History(arguments) => account::history(&session, &arguments).await,
        Command::Usage(arguments) => account::usage(&session, &arguments).await,
        #[cfg(feature = "codegen")]
        Command::Add(arguments) => add::run(&session, &arguments).await,
        #[cfg(not(feature = "codegen"))]
        Command::Add(_) => Err(crate::failure::Failure::usage(
            "this program does not know the crates; install it with its feature `codegen`",
        )),
        Command::Listen(arguments) => listen::run(&session, &arguments).await,
        Command::Trigger(arguments) => trigger::run(&session, &arguments).await,
        Command::Mcp(arguments) => mcp::serve(session, &arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Profile(_)
        | Command::Emulator(_)
        | Command::Codegen(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(ExitCode::SUCCESS),
    }
}
