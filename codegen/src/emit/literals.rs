//! The hidden modules that `input!` looks parameters up in: `arg` names what a literal becomes, `list`
//! what a list does, and `nested` leads to the struct that a parameter holds.
//!
//! A struct has the same three in `types::shape`, under its own name.

use super::{layout, module::indented, structs::outside};
use crate::{
    model::Direction,
    rust::{Crate, Endpoint, Field, Item, Rule, Struct, Ty, Union},
};

/// The three modules of an input. `types` is the path of the shared types from inside one of them.
pub(super) fn of_input(item: &Crate, endpoint: &Endpoint, types: &str) -> [(&'static str, String); 3] {
    let known = Known { own: &endpoint.input_types, shared: &item.types, of_endpoint: true };
    known.modules(&endpoint.input, &format!("{types}::shape"))
}

/// The modules of every struct that is built as a part of an input, and of the unions around one.
pub(super) fn shapes(item: &Crate) -> String {
    let known = Known { own: &[], shared: &item.types, of_endpoint: false };
    let mut shapes = Vec::new();
    for shape in &item.types {
        match shape {
            Item::Struct(Struct { direction: Direction::Input, known: Some(known), ident, .. })
            | Item::Union(Union { known: Some(known), ident, .. }) => {
                let name = if known == ident { String::new() } else { format!(" as {ident}") };
                shapes.push(format!("pub use fal_core::media::shape::{known}{name};\n"));
            }
            Item::Struct(shape) if shape.direction.is_input() => {
                let modules = known.modules(shape, "super::super");
                let modules = modules.iter().filter(|(_, body)| !body.is_empty());
                let modules: String = modules
                    .map(|(name, body)| {
                        format!("\n    pub mod {name} {{\n{}    }}\n", indented(&indented(body)))
                    })
                    .collect();
                let name = &shape.ident;
                shapes.push(format!(
                    "pub mod {name} {{\n    use super::super::*;\n\n    pub type __Built = super::super::{name};\n    \
                     pub type __Target = super::super::{name};\n{modules}}}\n"
                ));
            }
            Item::Union(union) => {
                if let Some(inner) = known.only_struct(union) {
                    shapes.push(around(&union.ident, &format!("super::{inner}"), &union.ident));
                }
            }
            _ => {}
        }
    }
    shapes.join("\n")
}

/// Whether a literal can name a variant of a union, and nothing else.
pub(super) fn has_texts(union: &Union) -> bool {
    union.direction.is_input()
        && union.texts().next().is_some()
        && !union.types().any(|ty| *ty == Ty::Text || *ty == Ty::File)
}

/// A union, built by building the one struct that it may be.
fn around(module: &str, inner: &str, union: &str) -> String {
    format!(
        "pub mod {module} {{\n    pub use {inner}::*;\n    pub type __Target = super::super::{union};\n}}\n"
    )
}

/// The types that fields may name.
struct Known<'a> {
    own: &'a [Item],
    shared: &'a [Item],
    /// Whether it is an endpoint that has the fields, which messages then name.
    of_endpoint: bool,
}

impl Known<'_> {
    fn modules(&self, item: &Struct, shapes: &str) -> [(&'static str, String); 3] {
        let alias = |name: &str, ty: &str| layout::assignment(0, &format!("pub type {name}"), ty);
        let arguments =
            item.fields.iter().filter_map(|field| Some(alias(&field.ident, &self.literal_of(field)?)));
        let lists = item.fields.iter().filter_map(|field| {
            let Ty::List(inner) = &field.ty else { return None };
            let length = match &field.rule {
                Rule::List { length: Some(marker), .. } => format!(", super::bounds::{marker}"),
                _ => String::new(),
            };
            Some(alias(&field.ident, &format!("fal_core::arg::List<{}{length}>", outside(inner))))
        });
        let nested = item.fields.iter().filter_map(|field| self.nested(field, shapes));
        [("arg", arguments.collect()), ("list", lists.collect()), ("nested", nested.collect())]
    }

    /// What a literal becomes that is given to a field, or to a list as an item.
    fn literal_of(&self, field: &Field) -> Option<String> {
        match (&field.ty, &field.rule) {
            (Ty::List(inner), Rule::List { items, .. }) => self.literal(inner, items),
            (Ty::List(inner), _) => self.literal(inner, &Rule::Free),
            (ty, rule) => self.literal(ty, rule),
        }
    }

    fn literal(&self, ty: &Ty, rule: &Rule) -> Option<String> {
        Some(match ty {
            Ty::Text => match rule {
                Rule::Text { length: Some(marker), .. } => {
                    format!("fal_core::arg::Text<super::bounds::{marker}>")
                }
                _ => "fal_core::arg::Text".to_owned(),
            },
            Ty::File if self.of_endpoint => "fal_core::arg::Url<super::Model>".to_owned(),
            Ty::File => "fal_core::arg::Url".to_owned(),
            Ty::Integer => "fal_core::arg::Integer".to_owned(),
            Ty::Number => "fal_core::arg::Number".to_owned(),
            Ty::Boolean => "fal_core::arg::Flag".to_owned(),
            Ty::Named(name) => match self.find(name)? {
                Item::Number(_) | Item::TextEnum(_) | Item::IntegerEnum(_) => outside(ty),
                Item::Union(union) if has_texts(union) => outside(ty),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Where the modules of the struct are that a field holds, alone or in a list.
    fn nested(&self, field: &Field, shapes: &str) -> Option<String> {
        let mut ty = &field.ty;
        while let Ty::List(inner) | Ty::Boxed(inner) = ty {
            ty = inner;
        }
        let Ty::Named(name) = ty else { return None };
        let field = &field.ident;
        match self.find(name)? {
            Item::Struct(_) => Some(format!("pub use {shapes}::{name} as {field};\n")),
            Item::Union(union) if self.only_struct(union).is_some() => {
                if self.shared.iter().any(|item| item.name() == Some(name)) {
                    return Some(format!("pub use {shapes}::{name} as {field};\n"));
                }
                let inner = self.only_struct(union)?;
                let shapes =
                    if shapes.starts_with("super") { format!("super::{shapes}") } else { shapes.to_owned() };
                Some(around(field, &format!("{shapes}::{inner}"), name))
            }
            _ => None,
        }
    }

    /// The name of the struct that a union may be, if it may be one only.
    fn only_struct<'a>(&'a self, union: &'a Union) -> Option<&'a str> {
        let mut structs = union.types().filter_map(|ty| match ty {
            Ty::Named(name) => match self.find(name)? {
                Item::Struct(item) if item.direction.is_input() => Some(item.ident.as_str()),
                _ => None,
            },
            _ => None,
        });
        let first = structs.next()?;
        (union.direction.is_input() && structs.next().is_none()).then_some(first)
    }

    fn find(&self, name: &str) -> Option<&Item> {
        self.own.iter().chain(self.shared).find(|item| item.name() == Some(name))
    }
}
