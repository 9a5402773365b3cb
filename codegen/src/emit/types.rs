//! The types of parameters and fields: enums, unions, numbers with bounds.

use std::fmt;

use super::{docs, layout, literals, structs::ty};
use crate::{
    model,
    rust::{Bounds, IntegerEnum, LengthRule, Number, TextEnum, Ty, Union, VariantKind},
};

/// What can be derived for an enum of values that are all known.
const CLOSED: &str = "Debug, Clone, Copy, PartialEq, Eq, Hash";

/// An enum of texts, and what every such enum can do.
pub(super) fn text_enum(item: &TextEnum) -> Vec<String> {
    let TextEnum { ident, description, message, .. } = item;
    let mut variants: String =
        item.variants.iter().map(|(name, value)| variant(&code(value), name)).collect();
    let mut arms: Vec<String> =
        item.variants.iter().map(|(name, value)| format!("Self::{name} => {value:?}")).collect();
    let known = item.variants.iter().map(|(name, _)| name.as_str());
    if item.open {
        variants.push_str(&variant("A value newer than this crate.", "Other(String)"));
        arms.push("Self::Other(value) => value".to_owned());
        return vec![
            enumeration(description, "Debug, Clone, PartialEq, Eq, Hash", ident, &variants),
            values(ident, known, "pub fn as_str(&self) -> &str", &arms),
            format!("fal_core::open_enum!({ident});\n"),
        ];
    }
    vec![
        enumeration(description, CLOSED, ident, &variants),
        values(ident, known, "pub const fn as_str(&self) -> &'static str", &arms),
        invoked("closed_enum", ident, message),
    ]
}

/// An enum of integers, and what every such enum can do.
pub(super) fn integer_enum(item: &IntegerEnum) -> Vec<String> {
    let IntegerEnum { ident, description, message, .. } = item;
    let variants: String =
        item.variants.iter().map(|(name, value)| variant(&format!("`{value}`"), name)).collect();
    let arms: Vec<String> =
        item.variants.iter().map(|(name, value)| format!("Self::{name} => {value}")).collect();
    let known = item.variants.iter().map(|(name, _)| name.as_str());
    vec![
        enumeration(description, CLOSED, ident, &variants),
        values(ident, known, "pub const fn get(&self) -> i64", &arms),
        invoked("integer_enum", ident, message),
    ]
}

fn enumeration(description: &str, derives: &str, name: &str, variants: &str) -> String {
    let docs = docs::line(0, description);
    format!("{docs}#[derive({derives})]\n#[non_exhaustive]\npub enum {name} {{\n{variants}}}\n")
}

/// A variant with one line of documentation.
fn variant(docs: &str, variant: &str) -> String {
    format!("{}    {variant},\n", docs::line(4, docs))
}

/// The values of an enum, and what each is on the wire.
fn values<'a>(name: &str, known: impl Iterator<Item = &'a str>, signature: &str, arms: &[String]) -> String {
    let known: Vec<String> = known.map(|known| format!("Self::{known}")).collect();
    format!(
        "impl {name} {{
{}{}
{}    #[must_use]
    {signature} {{
{}    }}
}}
",
        docs::line(4, "Every value that the schema lists, in its order."),
        layout::line(4, &[("pub const ALL: &'static [Self] = &[", &known)], "];"),
        docs::line(4, "The value on the wire."),
        layout::block(8, "match self", arms),
    )
}

/// A macro of `fal_core`, which takes the name of an enum and what a value that it has not is told.
fn invoked(name: &str, item: &str, message: &str) -> String {
    layout::line(0, &[(&format!("fal_core::{name}!("), &[item, &format!("{message:?}")])], ");")
}

/// A union, its conversions, and its wire form.
pub(super) fn union(item: &Union) -> Vec<String> {
    let name = &item.ident;
    let mut variants: String = item
        .variants
        .iter()
        .map(|one| match &one.kind {
            VariantKind::Text(value) => variant(&code(value), &one.ident),
            VariantKind::Value { ty: inner, .. } => {
                let mut paragraphs: Vec<String> = docs::paragraphs(&one.description).collect();
                if paragraphs.is_empty() {
                    paragraphs.push("Another kind of value.".to_owned());
                }
                format!("{}    {}({}),\n", docs::comment(4, &paragraphs), one.ident, ty(inner))
            }
        })
        .collect();
    if !item.direction.is_input() {
        variants.push_str(&variant("A form newer than this crate.", "Other(Value)"));
    }
    let mut items = vec![enumeration(&item.description, "Debug, Clone, PartialEq", name, &variants)];
    if literals::has_texts(item) {
        items.push(preset(item));
    }
    // Two variants of one type leave a conversion nothing to go by.
    let types: Vec<&Ty> = item.types().collect();
    let single = |ty: &Ty| types.iter().filter(|other| **other == ty).count() == 1;
    items.extend(item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { ty: inner, .. } if item.direction.is_input() && single(inner) => {
            let (variant, inner) = (&variant.ident, ty(inner));
            Some(format!(
                "impl From<{inner}> for {name} {{
    fn from(value: {inner}) -> Self {{
        Self::{variant}(value)
    }}
}}
"
            ))
        }
        _ => None,
    }));
    items
}

/// What a literal of `input!` becomes: the preset that it names.
fn preset(item: &Union) -> String {
    let (name, message) = (&item.ident, &item.message);
    let texts = item.texts().map(|(variant, text)| format!("{} => Self::{variant}", bytes(text)));
    let arms: Vec<String> = texts.chain([format!("_ => fal_core::arg::refuse({message:?})")]).collect();
    format!(
        "impl {name} {{
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn literal(text: &'static str) -> Self {{
{}    }}
}}
",
        layout::block(8, "match text.as_bytes()", &arms),
    )
}

/// A text as a byte string, which a `const fn` can match.
fn bytes(text: &str) -> String {
    format!("b\"{}\"", text.as_bytes().escape_ascii())
}

/// The alias under which a number with bounds is known.
pub(super) fn number(item: &Number) -> String {
    let (docs, name) = (docs::line(0, &item.description), &item.ident);
    let kind = match item.bounds {
        Bounds::Integer(_) => "Int",
        Bounds::Number(_) => "Float",
    };
    docs + &layout::assignment(0, &format!("pub type {name}"), &format!("{kind}<bounds::{name}>"))
}

/// The marker that holds the bounds of a number.
pub(super) fn number_bounds(item: &Number) -> String {
    match &item.bounds {
        Bounds::Integer(bounds) => marker(item, bounds, "i64"),
        Bounds::Number(bounds) => marker(item, bounds, "f64"),
    }
}

fn marker<T: fmt::Debug>(item: &Number, bounds: &model::Bounds<T>, primitive: &str) -> String {
    let (name, message) = (&item.ident, &item.message);
    let or = |bound: &Option<T>, otherwise: &str| {
        bound.as_ref().map_or_else(|| format!("{primitive}::{otherwise}"), |bound| format!("{bound:?}"))
    };
    let (min, max) = (or(&bounds.min, "MIN"), or(&bounds.max, "MAX"));
    let above_min = if bounds.above_min { "    const ABOVE_MIN: bool = true;\n" } else { "" };
    let below_max = if bounds.below_max { "    const BELOW_MAX: bool = true;\n" } else { "" };
    let multiple_of = bounds.multiple_of.as_ref().map_or_else(String::new, |step| {
        format!("    const MULTIPLE_OF: Option<{primitive}> = Some({step:?});\n")
    });
    format!(
        "pub enum {name} {{}}

impl Range<{primitive}> for {name} {{
    const MIN: {primitive} = {min};
    const MAX: {primitive} = {max};
{above_min}{below_max}{multiple_of}    const MESSAGE: &'static str = {message:?};
}}
"
    )
}

/// The marker that holds the bounds of a length.
pub(super) fn length_bounds(rule: &LengthRule) -> String {
    let LengthRule { marker, message, min, max } = rule;
    let max = max.map_or_else(|| "usize::MAX".to_owned(), |max| max.to_string());
    format!(
        "pub enum {marker} {{}}

impl Length for {marker} {{
    const MIN: usize = {min};
    const MAX: usize = {max};
    const MESSAGE: &'static str = {message:?};
}}
"
    )
}

/// A wire value as code in docs.
pub(super) fn code(value: &str) -> String {
    let safe: String = value
        .chars()
        .map(|c| if c == '`' || c.is_control() || docs::turns_text(c) { '\'' } else { c })
        .collect();
    if safe.trim().is_empty() { "The empty text".to_owned() } else { format!("`{safe}`") }
}
