//! `cargo xtask tidy`: the house rules, as far as a program can hold them.

mod dependencies;
mod files;
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
pub(crate) struct Arguments {}

/// Looks at every file that is or would be committed. `commands` are those of this program.
pub(crate) fn run(_: &Arguments, commands: &[String]) -> Result<(), String> {
    let files = Files::read(&root())?;
    let problems = problems(&files, commands);
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err("one thing to tidy".to_owned()),
        count => Err(format!("{count} things to tidy")),
    }
}

/// What breaks a rule, in the order of the files.
fn problems(files: &Files, commands: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    texts::check(files, &mut problems);
    packages::check(files, &mut problems);
    dependencies::check(files, &mut problems);
    links::check(files, &mut problems);
    schemas::check(files, &mut problems);
    steps::check(files, commands, &mut problems);
    problems.sort();
    problems.dedup();
    problems
}
