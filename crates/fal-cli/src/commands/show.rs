//! `fal-cli show`: the facts about a model.

use std::process::ExitCode;

use console::style;
use fal_emulator::catalogue::CatalogueModel;
use serde_json::{Value, json};

use crate::arguments::ShowArguments;
use crate::failure::Result;
use crate::model::parameter::{parameters, value_text};
use crate::model::{Kind, Parameter, lookup, parameter};
use crate::output::print;
use crate::session::Session;

pub(super) async fn run(session: &Session, arguments: &ShowArguments) -> Result<ExitCode> {
    let model = lookup::find(session, &arguments.id).await?;
    if arguments.input_schema {
        print(&serde_json::to_string_pretty(&model.input_json_schema()).unwrap_or_default());
        return Ok(ExitCode::SUCCESS);
    }
    let facts = describe(session, &model).await?;
    if session.global.json {
        print(&facts.to_string());
    } else {
        print_page(&model, &facts["price"]);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the facts about a model as JSON, with its price if it can be asked for.
pub(crate) async fn describe(session: &Session, model: &CatalogueModel) -> Result<Value> {
    let price = match session.can_call() {
        true => lookup::price(session.client().await?, model.id()).await,
        false => None,
    };
    let price = price
        .map(|price| json!({"unit_price": price.unit_price, "unit": price.unit, "currency": price.currency}));
    let text = |name: &str| model.metadata()[name].as_str().unwrap_or_default();
    Ok(json!({
        "id": model.id(), "name": text("display_name"), "category": model.category(),
        "description": text("description"), "streams": model.streams(), "price": price,
        "parameters": parameters(model).iter().map(Parameter::to_json).collect::<Vec<_>>(),
        "rules": parameter::rules(model),
        "output": outputs(model).map(|(name, text)| json!({"name": name, "description": text})).collect::<Vec<_>>(),
        "page": page(model),
    }))
}

fn page(model: &CatalogueModel) -> String {
    format!("https://fal.ai/models/{}", model.id())
}

/// Returns the names and the descriptions of the properties of the output.
fn outputs(model: &CatalogueModel) -> impl Iterator<Item = (&str, &str)> {
    let properties = model.output().get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.map(|(name, schema)| (name.as_str(), schema["description"].as_str().unwrap_or_default()))
}

fn print_page(model: &CatalogueModel, price: &Value) {
    let text = |name: &str| model.metadata()[name].as_str().unwrap_or_default();
    let name = [text("display_name"), model.category()].join(", ");
    print(&format!("{}  {}", style(model.id()).bold(), name.trim_matches([',', ' '])));
    if !text("description").is_empty() {
        print(text("description"));
    }
    match price {
        Value::Null => print("Price: shown with a key"),
        price => print(&format!(
            "Price: {} {}, by {}",
            price["unit_price"],
            value_text(&price["currency"]),
            value_text(&price["unit"])
        )),
    }
    print(&format!("Page: {}", page(model)));
    print(&format!("\n{}", style("Parameters").bold()));
    for parameter in parameters(model) {
        print_parameter(&parameter);
    }
    let rules = parameter::rules(model);
    if !rules.is_empty() {
        print(&format!("\n{}", style("Rules").bold()));
        rules.iter().for_each(|rule| print(&format!("  {rule}")));
    }
    print(&format!("\n{}", style("Output").bold()));
    for (name, text) in outputs(model) {
        print(format!("  {}  {text}", style(name).bold()).trim_end());
    }
    print(&format!("\n{}\n  {}", style("Example").bold(), example(model)));
    if model.streams() {
        print("  Streams events with --stream.");
    }
}

fn print_parameter(parameter: &Parameter) {
    let mut facts = vec![parameter.type_text()];
    facts.extend(parameter.is_required.then(|| "required".to_owned()));
    let default = parameter.default.as_ref().filter(|default| !default.is_null());
    facts.extend(default.map(|default| format!("default {}", value_text(default))));
    print(&format!("  {}  {}", style(&parameter.name).bold(), style(facts.join(", ")).dim()));
    if !parameter.description.is_empty() {
        print(&format!("      {}", parameter.description));
    }
    if let Kind::Object(parts) = &parameter.kind {
        parts.iter().for_each(|part| print(&format!("      .{}  {}", part.name, part.type_text())));
    }
}

/// Returns a call with the required parameters.
fn example(model: &CatalogueModel) -> String {
    let required = parameters(model).into_iter().filter(|parameter| parameter.is_required);
    let arguments = required.map(|parameter| {
        let value = match (&parameter.kind, parameter.examples.first()) {
            (kind, _) if kind.takes_files() => "@FILE".to_owned(),
            (_, Some(Value::String(text))) => format!("\"{}\"", text.replace('"', "\\\"")),
            (Kind::Text, None) => "TEXT".to_owned(),
            (_, Some(example)) => return format!(" {}:='{example}'", parameter.name),
            (_, None) => "VALUE".to_owned(),
        };
        format!(" {}={value}", parameter.name)
    });
    format!("fal-cli run {}{}", model.id(), arguments.collect::<String>())
}
