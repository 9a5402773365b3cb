//! What the service takes for a parameter that is left out, as constants.

use serde_json::Value;

use super::{docs, layout, types};
use crate::{
    model,
    rust::{Bounds, Crate, Field, Item, Struct, Ty, VariantKind},
};

/// The constants of an input, one for every parameter that has a default with a form in code.
pub(super) fn of_input(item: &Crate, own: &[&Item], input: &Struct) -> Option<String> {
    let known = |name: &str| own.iter().copied().chain(&item.types).find(|item| item.name() == Some(name));
    let constants = input.fields.iter().filter_map(|field| constant(field, known));
    let constants: Vec<String> = constants.collect();
    (!constants.is_empty()).then(|| {
        let docs = "/// What the service takes for a parameter that is left out. Never sent unasked.";
        format!("{docs}\nimpl Input {{\n{}}}\n", layout::items(constants))
    })
}

fn constant<'a>(field: &Field, known: impl Fn(&str) -> Option<&'a Item>) -> Option<String> {
    let default = field.schema.get("default")?;
    let (ty, value) = match &field.ty {
        // A text of many lines, or with characters that turn others around, is no constant to read.
        Ty::Text => {
            ("&'static str", default.as_str().filter(|text| is_plain(text)).map(|text| format!("{text:?}"))?)
        }
        Ty::Integer => ("i64", integer(default)?.to_string()),
        Ty::Number => ("f64", format!("{:?}", default.as_f64()?)),
        Ty::Boolean => ("bool", default.as_bool()?.to_string()),
        Ty::Named(name) => (name.as_str(), named(name, known(name)?, default)?),
        _ => return None,
    };
    let name = field.ident.trim_start_matches("r#");
    let constant = name.to_uppercase();
    let shown = match default.as_str() {
        Some(text) if text.trim().is_empty() => "the empty text".to_owned(),
        Some(text) => types::code(text),
        // JSON tools drop the `.0` of a float.
        None if default.is_i64() && value.contains('.') => format!("`{default}.0`"),
        None => types::code(&default.to_string()),
    };
    let definition = layout::assignment(4, &format!("pub const DEFAULT_{constant}: {ty}"), &value);
    Some(format!("    /// Of [`{name}`](Self::{name}): {shown}.\n{definition}"))
}

fn is_plain(text: &str) -> bool {
    text.len() <= 80 && !text.contains(|c: char| c.is_control() || docs::turns_text(c))
}

fn named(ty: &str, item: &Item, default: &Value) -> Option<String> {
    let variant = |name: &str| format!("{ty}::{name}");
    match item {
        Item::Number(number) => match number.bounds {
            Bounds::Integer(bounds) => {
                let value = integer(default);
                let value = value.filter(|value| bounds.holds(*value, |value, step| value % step == 0))?;
                Some(format!("{ty}::literal({value})"))
            }
            // Of a step that has no exact form only the type itself can tell whether it is kept.
            Bounds::Number(bounds) => {
                let value = default.as_f64().filter(|value| bounds.holds(*value, |_, _| false))?;
                Some(format!("{ty}::literal({value:?})"))
            }
        },
        Item::TextEnum(item) => {
            item.variants.iter().find(|(_, text)| default == text).map(|(name, _)| variant(name))
        }
        Item::IntegerEnum(item) => {
            let value = integer(default)?;
            item.variants.iter().find(|(_, known)| *known == value).map(|(name, _)| variant(name))
        }
        Item::Union(item) => item.variants.iter().find_map(|one| match &one.kind {
            VariantKind::Text(text) if default == text => Some(variant(&one.ident)),
            _ => None,
        }),
        _ => None,
    }
}

/// JSON tools write integers as floats, and the other way round.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        let exact = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
        exact.then_some(float as i64)
    })
}

impl<T: Copy + PartialOrd> model::Bounds<T> {
    fn holds(&self, value: T, is_multiple: impl Fn(T, T) -> bool) -> bool {
        self.min.is_none_or(|min| value > min || (value == min && !self.above_min))
            && self.max.is_none_or(|max| value < max || (value == max && !self.below_max))
            && self.multiple_of.is_none_or(|step| is_multiple(value, step))
    }
}
