//! Arguments: `name=value`, `name:=json`, `name=@file`, `name=-`, `--name value`.

use std::path::PathBuf;

use crate::model::{Kind, Parameter};

/// A named value, not yet converted.
#[derive(Debug, PartialEq)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) content: Content,
}

#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Text(String),
    Json(String),
    JsonFile(PathBuf),
    File(PathBuf),
    /// Stdin: the media that another command wrote, or a text.
    Stdin,
    /// A flag without a value.
    Bare(bool),
}

impl Content {
    /// Parses what follows `name=`. `@@` begins a text that begins with `@`.
    fn parse(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some(rest) if rest.starts_with('@') => Self::Text(rest.to_owned()),
            Some(path) if !path.is_empty() => Self::File(path.into()),
            _ if text == "-" => Self::Stdin,
            _ => Self::Text(text.to_owned()),
        }
    }
}

/// Parses the arguments after the model. Mistakes are added to `mistakes`.
pub(super) fn parse(given: &[String], parameters: &[Parameter], mistakes: &mut Vec<String>) -> Vec<Argument> {
    let mut parsed = Vec::new();
    let mut rest = given.iter().peekable();
    while let Some(argument) = rest.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            match parse_assignment(argument, parsed.last()) {
                Ok(assignment) => parsed.push(assignment),
                Err(problem) => mistakes.push(problem),
            }
            continue;
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let (name, is_negated) = match find(parameters, name) {
            Some(parameter) => (parameter.name.clone(), false),
            None => match name.strip_prefix("no-").and_then(|name| find(parameters, name)) {
                Some(parameter) if takes_no_value(parameter) => (parameter.name.clone(), true),
                _ => (name.to_owned(), false),
            },
        };
        let is_bare = find(parameters, &name).is_some_and(takes_no_value);
        let content = match value {
            Some(value) => Content::parse(value),
            None if is_negated => Content::Bare(false),
            None => {
                match rest.next_if(|next| !is_bare && !next.starts_with("--") || is_word(next, is_bare)) {
                    Some(value) => Content::parse(value),
                    None if is_bare => Content::Bare(true),
                    None => {
                        mistakes.push(format!("{name}: --{} has no value after it", name.replace('_', "-")));
                        continue;
                    }
                }
            }
        };
        parsed.push(Argument { name, content });
    }
    parsed
}

/// Returns true for `true` and `false` after a flag that needs no value.
fn is_word(text: &str, is_bare: bool) -> bool {
    is_bare && matches!(text, "true" | "false")
}

fn parse_assignment(argument: &str, before: Option<&Argument>) -> Result<Argument, String> {
    let Some((name, value)) = argument.split_once('=') else {
        return Err(match before {
            Some(Argument { name, content: Content::Text(text) }) => {
                format!(
                    "`{argument}` is no parameter; text with spaces needs quotes: {name}=\"{text} {argument}\""
                )
            }
            _ => format!("`{argument}` is no parameter; write name=value, such as prompt=\"{argument}\""),
        });
    };
    let (name, content) = match name.strip_suffix(':') {
        Some(name) => match value.strip_prefix('@') {
            Some(path) => (name, Content::JsonFile(path.into())),
            None => (name, Content::Json(value.to_owned())),
        },
        None => (name, Content::parse(value)),
    };
    match name.is_empty() {
        true => Err(format!("`{argument}` has no name before `=`")),
        false => Ok(Argument { name: name.to_owned(), content }),
    }
}

/// Returns the parameter of a flag, which may be written with hyphens.
fn find<'a>(parameters: &'a [Parameter], flag: &str) -> Option<&'a Parameter> {
    let written = |parameter: &&Parameter| parameter.name == flag || parameter.name == flag.replace('-', "_");
    parameters.iter().find(written)
}

fn takes_no_value(parameter: &Parameter) -> bool {
    matches!(parameter.kind, Kind::Boolean)
}
