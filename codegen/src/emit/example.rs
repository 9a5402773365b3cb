//! The example on the page of an endpoint: every required parameter, with values that are allowed.

use serde_json::Value;

use crate::rust::{Bounds, Crate, Endpoint, Field, Item, Literal, Module, Presence, Rule, Ty};

/// The lines of the example, or none where a required parameter has no short value.
pub(super) fn lines(item: &Crate, module: &Module, endpoint: &Endpoint) -> Option<Vec<String>> {
    let Example { import, name, values } = Example::of(item, module, endpoint)?;
    let mut lines = vec!["use fal_core::input;".to_owned()];
    lines.extend(import);
    lines.push(String::new());
    lines.push(format!("let input = input!({name} {{"));
    lines.extend(values.iter().map(|(field, value)| format!("    {}: {value},", field.ident)));
    lines.push("});".to_owned());
    let check = values.iter().find(|(field, _)| field.ty == Ty::Text);
    if let Some((field, value)) = check {
        lines.push(format!("assert_eq!(input.{}, {value});", field.ident));
    } else {
        lines.push("assert_eq!(input.validate(), Ok(()));".to_owned());
    }
    Some(lines)
}

/// The same input, given to the client.
pub(super) fn call(item: &Crate, module: &Module, endpoint: &Endpoint) -> Option<Vec<String>> {
    let Example { import, name, values } = Example::of(item, module, endpoint)?;
    let mut lines = vec!["use fal_client::{Client, input};".to_owned()];
    lines.extend(import);
    lines.push(String::new());
    lines.push("let client = Client::from_env()?; // FAL_KEY".to_owned());
    lines.push(format!("let reply = client.subscribe(input!({name} {{"));
    lines.extend(values.iter().map(|(field, value)| format!("    {}: {value},", field.ident)));
    lines.push("})).await?;".to_owned());
    Some(lines)
}

struct Example<'a> {
    /// The line that brings the module in, unless it is the crate itself.
    import: Option<String>,
    /// What `input!` calls the module.
    name: String,
    /// Every required parameter, with Rust text for its value.
    values: Vec<(&'a Field, String)>,
}

impl<'a> Example<'a> {
    fn of(item: &Crate, module: &Module, endpoint: &'a Endpoint) -> Option<Self> {
        let krate = item.lib_name();
        let (import, name) = match module.path.split_last() {
            None => (None, krate),
            Some((last, parents)) => {
                let parents: String = parents.iter().map(|parent| format!("{parent}::")).collect();
                (Some(format!("use {krate}::{parents}{last};")), last.clone())
            }
        };
        let required = endpoint.input.fields.iter().filter(|field| field.presence == Presence::Required);
        let values = required.map(|field| Some((field, value(field, endpoint, &name)?)));
        Some(Self { values: values.collect::<Option<_>>()?, import, name })
    }
}

fn value(field: &Field, endpoint: &Endpoint, module: &str) -> Option<String> {
    let example = field.example.as_ref();
    match (&field.ty, &field.literal) {
        (_, Some(Literal::Text(marker))) => {
            let rule = endpoint.input_types.iter().find_map(|item| match item {
                Item::Length(rule) if Some(&rule.marker) == marker.as_ref() => Some(rule),
                _ => None,
            });
            let free = matches!(&field.rule, Rule::Free | Rule::Text { pattern: None, .. });
            let fits = |text: &&str| {
                let length = text.chars().count();
                let allowed =
                    rule.is_none_or(|rule| length >= rule.min && rule.max.is_none_or(|max| length <= max));
                length <= 60 && allowed && free
            };
            let text = example.and_then(Value::as_str).filter(fits);
            let text = text.or_else(|| Some("a cat reading a map").filter(fits))?;
            Some(format!("{text:?}"))
        }
        (_, Some(Literal::Url)) => Some(format!("\"https://example.com/{}\"", file_name(&field.wire))),
        (_, Some(Literal::Flag)) => Some("true".to_owned()),
        (_, Some(Literal::Integer)) => Some("1".to_owned()),
        (_, Some(Literal::Number)) => Some("1.0".to_owned()),
        (Ty::Named(name), Some(Literal::Checked)) => {
            endpoint.input_types.iter().find_map(|item| match item {
                Item::Number(number) if number.ident == *name => match number.bounds {
                    Bounds::Integer(bounds) => Some(format!("{}", bounds.min.or(bounds.max)?)),
                    Bounds::Number(bounds) if !bounds.above_min => Some(format!("{:?}", bounds.min?)),
                    Bounds::Number(bounds) if !bounds.below_max => Some(format!("{:?}", bounds.max?)),
                    Bounds::Number(_) => None,
                },
                _ => None,
            })
        }
        (Ty::Named(name), None) => endpoint.input_types.iter().find_map(|item| match item {
            Item::TextEnum(item) if item.ident == *name => {
                Some(format!("{module}::{name}::{}", item.variants.first()?.0))
            }
            _ => None,
        }),
        _ => None,
    }
}

fn file_name(parameter: &str) -> &'static str {
    match parameter {
        name if name.contains("video") => "clip.mp4",
        name if name.contains("audio") || name.contains("voice") => "speech.wav",
        name if name.contains("image") => "cat.png",
        _ => "file",
    }
}
