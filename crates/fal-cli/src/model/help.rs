//! The help of a model, made from its schema.

use clap::builder::{PossibleValuesParser, StyledStr};
use clap::{Arg, ArgAction, Command};
use fal_emulator::catalogue::CatalogueModel;

use super::parameter::{rules, value_text};
use super::{Kind, Parameter};
use crate::arguments::PARAMETER_HELP;

/// Returns a command whose `--help` lists every parameter of a model beside the options of `command`.
pub(crate) fn command(command: &Command, model: &CatalogueModel, parameters: &[Parameter]) -> Command {
    let description = model.metadata()["description"].as_str().unwrap_or_default();
    let about = [
        model.id(),
        ": ",
        model.metadata()["display_name"].as_str().unwrap_or(model.category()),
        "\n",
        description,
    ];
    let name = format!("fal-cli {} {}", command.get_name(), model.id());
    let mut help = Command::new(name.clone())
        .bin_name(name)
        .about(about.concat().trim().to_owned())
        .override_usage(format!("fal-cli {} {} [PARAMETER]... [OPTIONS]", command.get_name(), model.id()))
        .after_help(notes(model))
        .next_help_heading("Parameters");
    for (order, parameter) in parameters.iter().enumerate() {
        help = help.arg(argument(command, parameter).display_order(order));
    }
    let is_listed =
        |option: &&Arg| !option.is_positional() && !option.is_hide_set() && option.get_id() != "help";
    for option in command.get_arguments().filter(is_listed) {
        let id = format!("option-{}", option.get_id());
        // A heading of its own, because options without one come before all headings.
        help = help.arg(option.clone().id(id).required(false).help_heading("Options"));
    }
    help
}

/// Returns the text below the parameters and options: the rules about parameters, and how parameters are written.
fn notes(model: &CatalogueModel) -> String {
    let rules: String = rules(model).iter().map(|rule| format!("  {rule}\n")).collect();
    match rules.as_str() {
        "" => PARAMETER_HELP.to_owned(),
        rules => format!("Rules:\n{rules}\n{PARAMETER_HELP}"),
    }
}

/// Returns true if `name` is an option of the command, so that a parameter of this name can only be written `name=value`.
pub(crate) fn is_option(command: &Command, name: &str) -> bool {
    let name = name.replace('_', "-");
    name == "help" || command.get_arguments().any(|option| option.get_long() == Some(&name))
}

fn argument(command: &Command, parameter: &Parameter) -> Arg {
    let mut text = parameter.description.clone();
    let mut add = |more: String| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&more);
    };
    if is_option(command, &parameter.name) {
        add(format!("Write it as {}=VALUE, because --{0} is an option.", parameter.name));
    }
    if !matches!(parameter.kind, Kind::Text) || !parameter.bounds.is_empty() {
        add(format!("[{}]", parameter.type_text()));
    }
    match (&parameter.default, parameter.is_required) {
        (_, true) => add("[required]".to_owned()),
        (Some(default), _) if !default.is_null() => add(format!("[default: {}]", value_text(default))),
        _ => {}
    }
    let argument = Arg::new(parameter.name.clone())
        .help(StyledStr::from(text))
        .value_name(value_name(&parameter.kind))
        .action(ArgAction::Append);
    let argument = match is_option(command, &parameter.name) {
        true => argument.long(format!("{}=", parameter.name)),
        false => argument.long(parameter.name.replace('_', "-")),
    };
    match &parameter.kind {
        Kind::Choice(values) => argument
            .value_parser(PossibleValuesParser::new(values.iter().map(value_text)))
            .hide_possible_values(true),
        _ => argument,
    }
}

fn value_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "TEXT",
        Kind::Integer => "INTEGER",
        Kind::Number => "NUMBER",
        Kind::Boolean => "true|false",
        Kind::File(_) => "@FILE|URL",
        Kind::List(items) if items.takes_files() => "@FILE|URL...",
        Kind::Object(_) | Kind::Json => "JSON",
        Kind::Choice(_) | Kind::List(_) | Kind::Union(_) => "VALUE",
    }
}
