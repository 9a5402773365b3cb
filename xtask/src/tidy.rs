//! `cargo xtask tidy`: checks the rules of CONTRIBUTING.md that a program can check.

mod circles;
mod dependencies;
mod files;
mod language;
mod links;
mod packages;
mod schemas;
mod steps;
#[cfg(test)]
mod tests;
mod texts;

use files::{Files, Problem};

use crate::root;

/// Arguments of `cargo xtask tidy`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Lists every comment that starts with a question word, every function whose documentation starts with no verb, and
    /// every phrase that has a plainer wording
    #[arg(long)]
    language: bool,

    /// Lists every import between files of a crate
    #[arg(long)]
    imports: bool,
}

/// Checks every file that is or would be committed, and prints each problem. `commands` are the names of the commands
/// of this program.
///
/// # Errors
///
/// If there is a problem, or git does not list the files.
pub(crate) fn run(arguments: &Arguments, commands: &[String]) -> Result<(), String> {
    let files = Files::read(&root())?;
    let openings = language::Openings::count(&files);
    if arguments.language {
        openings.lines().for_each(|line| println!("{line}"));
        language::phrases(&files).iter().for_each(|phrase| println!("{phrase}"));
    }
    if arguments.imports {
        circles::imports(&files).iter().for_each(|import| println!("{import}"));
    }
    let problems = problems(&files, commands);
    for problem in &problems {
        println!("{problem}");
    }
    println!("{openings}");
    match problems.len() {
        0 => Ok(()),
        1 => Err("1 problem".to_owned()),
        count => Err(format!("{count} problems")),
    }
}

/// Returns the problems that all rules find, sorted by file.
fn problems(files: &Files, commands: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    texts::check(files, &mut problems);
    language::check(files, &mut problems);
    circles::check(files, &mut problems);
    packages::check(files, &mut problems);
    dependencies::check(files, &mut problems);
    links::check(files, &mut problems);
    schemas::check(files, &mut problems);
    steps::check(files, commands, &mut problems);
    problems.sort();
    problems.dedup();
    problems
}
