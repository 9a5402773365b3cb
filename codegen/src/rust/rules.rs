//! What is checked of values at run time, and which values hold files.

use super::{Item, LengthRule, Rule, fields::Fields, names, values};
use crate::model::{Item as ModelItem, Length, List, Side, Text, Type};

impl Fields<'_> {
    /// The rule for values of a type that stands under the property `name`.
    pub(super) fn rule(&mut self, name: &str, ty: &Type) -> Rule {
        if !self.direction.is_input() {
            return Rule::Free;
        }
        match ty {
            Type::Text(text) => self.text_rule(name, text),
            Type::File(text, _) => match self.length(name, &text.length, false) {
                Some(marker) => Rule::File(marker),
                None => Rule::Free,
            },
            Type::List(item, list) => self.list_rule(name, item, list),
            Type::Map(item) => match self.item_rule(name, item) {
                Rule::Free => Rule::Free,
                rule => Rule::Map(Box::new(rule)),
            },
            Type::Object(_) | Type::Union(_) | Type::Tagged(..)
                if is_ruled(self.side, ty, &mut Vec::new()) =>
            {
                Rule::Own
            }
            _ => Rule::Free,
        }
    }

    fn text_rule(&mut self, name: &str, text: &Text) -> Rule {
        let length = self.length(name, &text.length, false);
        let pattern = text.pattern.as_ref().map(|pattern| {
            (pattern.clone(), format!("`{name}` of {} must match `{pattern}`", self.owner.label))
        });
        if length.is_none() && pattern.is_none() { Rule::Free } else { Rule::Text { length, pattern } }
    }

    fn list_rule(&mut self, name: &str, item: &ModelItem, list: &List) -> Rule {
        let length = self.length(name, &list.length, true);
        let items = self.item_rule(&format!("{name}_item"), item);
        let unique =
            list.unique.then(|| format!("`{name}` of {} must not hold an item twice", self.owner.label));
        if length.is_none() && unique.is_none() && items == Rule::Free {
            return Rule::Free;
        }
        Rule::List { length, unique, items: Box::new(items) }
    }

    fn item_rule(&mut self, name: &str, item: &ModelItem) -> Rule {
        match self.rule(name, &item.ty) {
            rule if rule != Rule::Free && item.nullable => Rule::Null(Box::new(rule)),
            rule => rule,
        }
    }

    fn length(&mut self, name: &str, length: &Length, list: bool) -> Option<String> {
        if length.is_open() {
            return None;
        }
        let wanted = format!("{}{}", self.owner.prefix, names::camel(name));
        let marker = self.names.take_marker(&wanted);
        self.items.push(Item::Length(LengthRule {
            marker: marker.clone(),
            min: length.min.unwrap_or(0),
            max: length.max,
            message: format!("`{name}` of {} must have {}", self.owner.label, values::length(length, list)),
        }));
        Some(marker)
    }
}

/// Whether a rule stands anywhere inside a type.
fn is_ruled(side: &Side, ty: &Type, seen: &mut Vec<String>) -> bool {
    match ty {
        Type::Text(text) => !text.length.is_open() || text.pattern.is_some(),
        Type::File(text, _) => !text.length.is_open(),
        Type::List(item, list) => !list.length.is_open() || list.unique || is_ruled(side, &item.ty, seen),
        Type::Map(item) => is_ruled(side, &item.ty, seen),
        _ => inside(side, ty, seen, is_ruled),
    }
}

/// Whether a value of the type can hold a file.
pub(super) fn holds_files(side: &Side, ty: &Type, seen: &mut Vec<String>) -> bool {
    match ty {
        Type::File(..) => true,
        Type::List(item, _) | Type::Map(item) => holds_files(side, &item.ty, seen),
        _ => inside(side, ty, seen, holds_files),
    }
}

fn inside(
    side: &Side,
    ty: &Type,
    seen: &mut Vec<String>,
    holds: fn(&Side, &Type, &mut Vec<String>) -> bool,
) -> bool {
    match ty {
        Type::Object(name) if !seen.contains(name) => {
            seen.push(name.clone());
            let object = side.objects.get(name);
            object.is_some_and(|object| {
                object.properties.iter().any(|property| holds(side, &property.ty, seen))
            })
        }
        Type::Union(kinds) => kinds.iter().any(|kind| holds(side, kind, seen)),
        Type::Tagged(_, variants) => variants.iter().any(|(_, ty)| holds(side, ty, seen)),
        _ => false,
    }
}
