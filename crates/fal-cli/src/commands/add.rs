//! `fal-cli add`: the crate of a model, for a Rust package.

use std::ffi::OsString;
use std::process::ExitCode;

use serde_json::json;
use tokio::process::Command;

use crate::arguments::AddArguments;
use crate::failure::{Failure, FailureKind, Result};
use crate::model::bindings::Bindings;
use crate::model::lookup;
use crate::output::print;
use crate::session::Session;

pub(super) async fn run(session: &Session, arguments: &AddArguments) -> Result<ExitCode> {
    let model = lookup::find(session, &arguments.id).await?;
    let id = model.id();
    let Some(Bindings { krate, program }) = Bindings::find(&session.catalogue()?, id)? else {
        return Err(Failure::usage(format!(
            "no crate has {id}; `fal-cli codegen --module src/model.rs DOCUMENT` generates its types from its document"
        )));
    };
    let commands = commands(arguments, &krate);
    if !arguments.dry_run {
        for command in &commands {
            call_cargo(session, command).await?;
        }
    }
    let texts: Vec<String> = commands.iter().map(|command| text(command)).collect();
    if session.global.json {
        let facts = json!({"endpoint": id, "crate": krate, "commands": texts, "program": program});
        print(&facts.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if !session.global.quiet {
        let verb = if arguments.dry_run { "would run" } else { "ran" };
        texts.iter().for_each(|text| eprintln!("{verb} {text}"));
    }
    match program {
        Some(program) => print(program.trim_end()),
        None => eprintln!("a call of {id} is too long to be shown; see https://docs.rs/{krate}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the calls of cargo that add the client, the crate of the model, and what their first call needs.
fn commands(arguments: &AddArguments, krate: &str) -> Vec<Vec<OsString>> {
    let mut commands: Vec<Vec<OsString>> = match &arguments.path {
        None => vec![["add", "fal-client", krate].map(OsString::from).into()],
        Some(checkout) => {
            let folders = [checkout.join("crates/fal-client"), checkout.join("crates/models").join(krate)];
            folders.map(|folder| vec!["add".into(), "--path".into(), folder.into()]).into()
        }
    };
    commands.push(["add", "tokio", "--features", "macros,rt-multi-thread"].map(OsString::from).into());
    if let Some(package) = &arguments.package {
        commands.iter_mut().for_each(|command| command.extend(["--package".into(), package.into()]));
    }
    commands
}

async fn call_cargo(session: &Session, arguments: &[OsString]) -> Result<()> {
    // Cargo names itself to the programs that it starts.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).stdout(std::process::Stdio::null());
    if session.global.quiet || session.global.json {
        command.arg("--quiet");
    }
    let line = text(arguments);
    let status = command.status().await.map_err(|error| {
        Failure::usage(format!("`{line}` cannot be started: {error}; https://rustup.rs installs cargo"))
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(FailureKind::Failed, format!("`{line}` has failed"))),
    }
}

fn text(arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    ["cargo".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
