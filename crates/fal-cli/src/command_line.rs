//! Command lines in which options and parameters stand in any order.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _};

use crate::arguments::Arguments;
use crate::commands::Program;

/// Moves the options of a command that takes parameters of a model before the model, so that clap reads them there.
///
/// `run ID --json --prompt x -o out` becomes `run --json -o out ID --prompt x`. An unknown `--name` is a parameter, which is
/// checked when the model is known.
pub(crate) fn normalize(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut root = Arguments::command();
    root.build();
    let Some(at) = find_command(&root, &arguments) else { return arguments };
    let Some(command) = arguments[at].to_str().and_then(|name| root.find_subcommand(name)) else {
        return arguments;
    };
    if !takes_parameters(command) {
        return arguments;
    }
    let (mut options, mut others, mut help) = (Vec::new(), Vec::new(), false);
    let mut rest = arguments[at + 1..].iter();
    while let Some(argument) = rest.next() {
        match argument.to_str().map(|text| Token::read(command, text)) {
            Some(Token::Help) => help = true,
            Some(Token::Option { takes_next }) => {
                options.push(argument.clone());
                options.extend(takes_next.then(|| rest.next()).flatten().cloned());
            }
            _ => others.push(argument.clone()),
        }
    }
    let has_model = others.first().is_some_and(|first| !first.to_string_lossy().starts_with('-'));
    if help {
        options.push(if has_model { "--model-help" } else { "--help" }.into());
    }
    let head = arguments[..=at].iter().cloned();
    head.chain(options).chain(has_model.then(|| "--".into())).chain(others).collect()
}

/// Returns the program that a command line is for, and its arguments, which this program does not read.
pub(crate) fn split_program(arguments: &[OsString]) -> Option<(Program, Vec<OsString>)> {
    let mut root = Arguments::command();
    root.build();
    let at = find_command(&root, arguments)?;
    let program = Program::find(arguments[at].to_str()?)?;
    Some((program, arguments[at + 1..].to_vec()))
}

/// Returns true for a command that takes parameters of a model.
pub(crate) fn takes_parameters(command: &Command) -> bool {
    command.get_positionals().any(|argument| argument.get_id() == "parameters")
}

/// Returns the position of the command's name, after the options before it.
fn find_command(root: &Command, arguments: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(text) = arguments.get(at)?.to_str() {
        match Token::read(root, text) {
            Token::Option { takes_next } => at += 1 + usize::from(takes_next),
            Token::Help => at += 1,
            Token::Other => return Some(at),
        }
    }
    None
}

/// The meaning of an argument for a command.
enum Token {
    Help,
    /// An option of the command, whose value may be the next argument.
    Option {
        takes_next: bool,
    },
    Other,
}

impl Token {
    fn read(command: &Command, text: &str) -> Self {
        if matches!(text, "-h" | "--help") {
            return Self::Help;
        }
        let takes_value =
            |option: &Arg| option.get_action().takes_values() && !option.is_require_equals_set();
        if let Some(long) = text.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = command.get_arguments().find(|option| option.get_long() == Some(name));
            return match option {
                Some(option) => Self::Option { takes_next: value.is_none() && takes_value(option) },
                None => Self::Other,
            };
        }
        let mut letters = text.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next() else { return Self::Other };
        match command.get_arguments().find(|option| option.get_short() == Some(letter)) {
            Some(option) => Self::Option { takes_next: letters.next().is_none() && takes_value(option) },
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from).collect();
        let arguments = normalize(arguments);
        arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn programs_get_their_arguments_as_they_were_given() {
        let split = |line: &str| split_program(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let given = ["--schema", "a", "--", "python", "-q"].map(OsString::from).to_vec();
        let line = "fal-cli --quiet emulator --schema a -- python -q";
        assert_eq!(split(line), Some((Program::Emulator, given)));
        assert_eq!(split("fal-cli codegen -h"), Some((Program::Codegen, vec!["-h".into()])));
        assert_eq!(split("fal-cli help codegen"), None);
        assert_eq!(split("fal-cli"), None);
    }

    #[test]
    fn options_come_before_the_model_and_parameters_after_it() {
        for (given, expected) in [
            ("fal-cli run a/b p=x --json -o out", "fal-cli run --json -o out -- a/b p=x"),
            ("fal-cli --quiet run --prompt x a/b", "fal-cli --quiet run --prompt x a/b"),
            ("fal-cli run a/b --prompt x --emulator y=1", "fal-cli run --emulator -- a/b --prompt x y=1"),
            ("fal-cli run a/b --emulator=u -oout", "fal-cli run --emulator=u -oout -- a/b"),
            ("fal-cli run a/b -h", "fal-cli run --model-help -- a/b"),
            ("fal-cli run --help", "fal-cli run --help"),
            ("fal-cli --profile p run a/b --yes-cost 1", "fal-cli --profile p run --yes-cost 1 -- a/b"),
            ("fal-cli models --help flux", "fal-cli models --help flux"),
            ("fal-cli", "fal-cli"),
        ] {
            assert_eq!(normalized(given), expected);
        }
    }
}
