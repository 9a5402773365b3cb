//! The example in the docs of an endpoint, with an allowed value for every required parameter.

use std::cell::RefCell;

use serde_json::Value;

use crate::normalize::requirements::{Group, Requirement, Test};
use crate::rust::{Bounds, Crate, Endpoint, Field, Item, LengthRule, Module, Presence, Rule, Struct, Ty};

/// Returns the lines of the example, or `None` if a required parameter has no short value.
pub(super) fn lines(item: &Crate, module: &Module, endpoint: &Endpoint) -> Option<Vec<String>> {
    let Example { import, name, values } = Example::of(item, module, endpoint)?;
    let mut lines = vec!["use fal_client::input;".to_owned()];
    lines.extend(import);
    lines.push(String::new());
    lines.push(format!("let input = input!({name} {{"));
    lines.extend(values.iter().map(|(field, value)| format!("    {}: {value},", field.ident)));
    lines.push("});".to_owned());
    let is_text = |field: &Field| field.ty == Ty::Text && field.presence == Presence::Required;
    let check = values.iter().find(|(field, _)| is_text(field));
    if let Some((field, value)) = check {
        lines.push(format!("assert_eq!(input.{}, {value});", field.ident));
    } else {
        lines.push("assert_eq!(input.validate(), Ok(()));".to_owned());
    }
    Some(lines)
}

/// Returns the import and the lines of the same input as an expression, or `None` without an example.
pub(super) fn input(
    item: &Crate,
    module: &Module,
    endpoint: &Endpoint,
) -> Option<(Option<String>, Vec<String>)> {
    let Example { import, name, values } = Example::of(item, module, endpoint)?;
    let mut lines = vec![format!("input!({name} {{")];
    lines.extend(values.iter().map(|(field, value)| format!("    {}: {value},", field.ident)));
    lines.push("})".to_owned());
    Some((import, lines))
}

struct Example<'a> {
    /// The line that brings the module in, unless it is the crate itself.
    import: Option<String>,
    /// The name of the module in `input!`.
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
        let values = Values {
            own: &endpoint.input_types,
            shared: &item.types,
            module: &name,
            open: RefCell::default(),
        };
        let input = endpoint.input.as_ref()?;
        let mut required = values.required(input, Form::Braces)?;
        if required.is_empty() {
            // A call without a parameter shows nothing.
            let prompt = input.fields.iter().find(|field| field.json_name == "prompt");
            required.extend(prompt.and_then(|field| Some((field, values.of_field(field, Form::Braces)?))));
        }
        Some(Self { values: required, import, name })
    }
}

/// Makes values of the types of a module and of the shared types.
struct Values<'a> {
    own: &'a [Item],
    shared: &'a [Item],
    module: &'a str,
    /// The names of the types that the current value is inside of.
    open: RefCell<Vec<String>>,
}

/// The way to write an object.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// `{ x: 1.0 }`, which `input!` reads in fields and in their lists.
    Braces,
    /// `Point::builder().x(1.0).build()`, for lists of lists.
    Builder,
}

/// No objects of an example nest deeper.
const MOST_NESTED: usize = 6;

/// No list of an example is longer.
const MOST_ITEMS: usize = 3;

impl Values<'_> {
    /// Returns the fields that an object needs, with their values.
    fn required<'a>(&self, item: &'a Struct, form: Form) -> Option<Vec<(&'a Field, String)>> {
        let required = item.fields.iter().filter(|field| field.presence == Presence::Required);
        let mut values: Vec<(&Field, String)> =
            required.map(|field| Some((field, self.of_field(field, form)?))).collect::<Option<_>>()?;
        for requirement in &item.requirements {
            let wanted: Vec<&Group> = match &requirement.rule {
                Requirement::OneOf(groups) | Requirement::AnyOf(groups) => groups.iter().collect(),
                Requirement::If(group, then) if holds(group, &values) => vec![then],
                Requirement::If(..) | Requirement::Not(_) => continue,
            };
            if !wanted.iter().any(|group| holds(group, &values)) {
                values.extend(wanted.iter().find_map(|group| self.of_group(item, group, form))?);
            }
        }
        Some(values)
    }

    /// Returns values for which the conditions of a group hold.
    fn of_group<'a>(&self, item: &'a Struct, group: &Group, form: Form) -> Option<Vec<(&'a Field, String)>> {
        let values = group.iter().map(|condition| {
            let field = item.fields.iter().find(|field| field.json_name == condition.property)?;
            let value = match &condition.test {
                Test::Present | Test::NotNull => self.of_field(field, form)?,
                // JSON writes texts and booleans as Rust does.
                Test::Is(value) | Test::IsOrAbsent(value) => value.to_string(),
            };
            Some((field, value))
        });
        values.collect()
    }

    fn of_field(&self, field: &Field, form: Form) -> Option<String> {
        self.of(&field.ty, &field.rule, field.example.as_ref(), &field.json_name, form)
    }

    fn of(&self, ty: &Ty, rule: &Rule, example: Option<&Value>, name: &str, form: Form) -> Option<String> {
        Some(match ty {
            Ty::List(inner) => {
                let (count, items) = self.list(rule)?;
                let form = if matches!(**inner, Ty::List(_)) { Form::Builder } else { form };
                let example = example.and_then(|items| items.get(0));
                let item = self.of(inner, items, example, name, form)?;
                format!("[{}]", vec![item; count].join(", "))
            }
            Ty::Text => self.text(rule, example, name)?,
            Ty::File => format!("\"https://example.com/{}\"", file_name(name)),
            Ty::Boolean => "true".to_owned(),
            Ty::Integer => "1".to_owned(),
            Ty::Number => "1.0".to_owned(),
            Ty::Named(name) => self.named(name, form)?,
            Ty::Option(inner) => match &**inner {
                Ty::Named(name) if matches!(self.item(name)?, Item::TextEnum(_)) => self.named(name, form)?,
                _ => return None,
            },
            Ty::Map(_) if *rule == Rule::None => "Default::default()".to_owned(),
            _ => return None,
        })
    }

    /// Returns the number of items that a list needs, and their rule.
    fn list<'a>(&self, rule: &'a Rule) -> Option<(usize, &'a Rule)> {
        let (length, items) = match rule {
            Rule::List { unique: Some(_), .. } => return None,
            Rule::List { length, items, .. } => (length.as_deref(), &**items),
            _ => (None, &Rule::None),
        };
        let count = self.length(length).map_or(1, |rule| rule.min.max(1));
        (count <= MOST_ITEMS).then_some((count, items))
    }

    fn text(&self, rule: &Rule, example: Option<&Value>, name: &str) -> Option<String> {
        let (length, is_free) = match rule {
            Rule::None => (None, true),
            Rule::Text { length, pattern } => (self.length(length.as_deref()), pattern.is_none()),
            _ => (None, false),
        };
        let fits = |text: &&str| {
            let count = text.chars().count();
            let allowed =
                length.is_none_or(|rule| count >= rule.min && rule.max.is_none_or(|max| count <= max));
            count <= 60 && allowed && is_free
        };
        let text = example.and_then(Value::as_str).filter(fits);
        text.or_else(|| Some(words(name)).filter(fits)).map(|text| format!("{text:?}"))
    }

    /// Returns a value of a named type, unless it is inside of another one of the same type.
    fn named(&self, name: &str, form: Form) -> Option<String> {
        let is_inside = self.open.borrow().iter().any(|open| open == name);
        if is_inside || self.open.borrow().len() == MOST_NESTED {
            return None;
        }
        self.open.borrow_mut().push(name.to_owned());
        let value = self.of_named(name, form);
        self.open.borrow_mut().pop();
        value
    }

    fn of_named(&self, name: &str, form: Form) -> Option<String> {
        let is_own = self.own.iter().any(|item| item.name() == Some(name));
        match self.item(name)? {
            Item::Number(number) => match number.bounds {
                Bounds::Integer(bounds) => Some(format!("{}", bounds.min.or(bounds.max)?)),
                Bounds::Wide(bounds) => Some(format!("{}", bounds.min.or(bounds.max).unwrap_or(0))),
                Bounds::Number(bounds) if !bounds.above_min => Some(format!("{:?}", bounds.min?)),
                Bounds::Number(bounds) if !bounds.below_max => Some(format!("{:?}", bounds.max?)),
                Bounds::Number(_) => None,
            },
            Item::TextEnum(item) => {
                let (variant, value) = item.variants.first()?;
                Some(if is_own {
                    format!("{}::{name}::{variant}", self.module)
                } else {
                    format!("{value:?}")
                })
            }
            Item::Union(item) if item.takes_literals() => {
                item.texts().next().map(|(_, text)| format!("{text:?}"))
            }
            Item::Struct(item) if item.direction.is_input() => {
                let mut values = self.required(item, form)?;
                if values.is_empty() {
                    // An object of nothing but settings shows its file, or else the first of them.
                    let file = item.fields.iter().find(|field| field.ty == Ty::File);
                    let mut fields = file.into_iter().chain(&item.fields);
                    values.push(fields.find_map(|field| Some((field, self.of_field(field, form)?)))?);
                }
                Some(match form {
                    Form::Braces => {
                        let values = values.iter().map(|(field, value)| format!("{}: {value}", field.ident));
                        format!("{{ {} }}", values.collect::<Vec<_>>().join(", "))
                    }
                    Form::Builder => {
                        let calls = values.iter().map(|(field, value)| format!(".{}({value})", field.ident));
                        format!("{}::{name}::builder(){}.build()", self.module, calls.collect::<String>())
                    }
                })
            }
            _ => None,
        }
    }

    fn item(&self, name: &str) -> Option<&Item> {
        self.own.iter().chain(self.shared).find(|item| item.name() == Some(name))
    }

    fn length(&self, marker: Option<&str>) -> Option<&LengthRule> {
        self.own.iter().chain(self.shared).find_map(|item| match item {
            Item::Length(rule) if Some(rule.marker.as_str()) == marker => Some(rule),
            _ => None,
        })
    }
}

/// Returns true if a value is written so in Rust, which writes texts and booleans as JSON does.
fn is_written_as(value: &Value, text: &str) -> bool {
    value.to_string().as_str() == text
}

/// Returns true if the conditions of a group hold for an object with these fields.
fn holds(group: &Group, values: &[(&Field, String)]) -> bool {
    group.iter().all(|condition| {
        let value = values.iter().find(|(field, _)| field.json_name == condition.property);
        match (&condition.test, value) {
            (Test::Present | Test::NotNull, value) => value.is_some(),
            (Test::Is(_), None) => false,
            (Test::IsOrAbsent(_), None) => true,
            (Test::Is(wanted) | Test::IsOrAbsent(wanted), Some((_, value))) => is_written_as(wanted, value),
        }
    })
}

fn words(parameter: &str) -> &'static str {
    match parameter {
        name if name.ends_with("_id") => "my-id",
        name if name.contains("name") => "cat",
        name if name.contains("voice") => "Rachel",
        _ => "a cat reading a map",
    }
}

fn file_name(parameter: &str) -> &'static str {
    match parameter {
        // Data of trainers.
        name if name.contains("archive") || name.ends_with("data_url") => "images.zip",
        name if name.contains("video") => "clip.mp4",
        name if name.contains("audio") || name.contains("voice") => "speech.wav",
        name if name.contains("image") => "cat.png",
        _ => "file",
    }
}
