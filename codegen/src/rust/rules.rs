//! Builds the rules that are checked at run time.

use serde_json::Value;

use super::{
    Item, LengthRule, PatternRule, Rule, names,
    type_builder::TypeBuilder,
    wording::{self, Counted},
};
use crate::model::{Entries, Item as ModelItem, Keys, Length, List, Text, Type};

impl TypeBuilder<'_> {
    /// Builds the rule for values of the property `name`.
    pub(super) fn build_rule(&mut self, name: &str, ty: &Type) -> Rule {
        if !self.direction.is_input() {
            return Rule::None;
        }
        match ty {
            Type::Text(text) => self.text_rule(name, text),
            Type::File(text, _) => match self.text_rule(name, text) {
                Rule::Text { length, pattern } => Rule::File { length, pattern },
                _ => Rule::None,
            },
            Type::List(item, list) => self.list_rule(name, item, list),
            Type::Map(item, entries) => self.map_rule(name, item, entries),
            Type::Object(_) | Type::Union(..) | Type::Tagged(..) | Type::Tuple(_)
                if self.graph.has_rules(ty) =>
            {
                Rule::Nested
            }
            Type::NumberEnum(values) => {
                let shown: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                let message = wording::choice_message(name, &self.owner.label, &shown);
                let values = values.iter().copied().map(Value::from).collect();
                Rule::OneOf(values, message)
            }
            Type::BooleanConstant(value) => {
                let message = wording::choice_message(name, &self.owner.label, &[value]);
                Rule::OneOf(vec![(*value).into()], message)
            }
            _ => Rule::None,
        }
    }

    fn text_rule(&mut self, name: &str, text: &Text) -> Rule {
        let length = self.length_marker(name, &text.length, Counted::Characters);
        let pattern = text.checked_pattern().map(|pattern| {
            Box::new(PatternRule {
                required: pattern.required.clone(),
                excluded: pattern.excluded.clone(),
                message: format!("`{name}` of {} must match `{pattern}`", self.owner.label),
            })
        });
        if length.is_none() && pattern.is_none() { Rule::None } else { Rule::Text { length, pattern } }
    }

    fn list_rule(&mut self, name: &str, item: &ModelItem, list: &List) -> Rule {
        let length = self.length_marker(name, &list.length, Counted::Items);
        let items = self.item_rule(&format!("{name}_item"), item);
        let unique =
            list.unique.then(|| format!("`{name}` of {} must not hold an item twice", self.owner.label));
        if length.is_none() && unique.is_none() && items == Rule::None {
            return Rule::None;
        }
        Rule::List { length, unique, items: Box::new(items) }
    }

    fn map_rule(&mut self, name: &str, item: &ModelItem, entries: &Entries) -> Rule {
        let length = self.length_marker(name, &entries.length, Counted::Entries);
        let key = format!("{name} key");
        let keys = match &entries.keys {
            Keys::Text(text) => self.text_rule(&key, text),
            Keys::OneOf(values) => {
                let message = wording::choice_message(&key, &self.owner.label, values);
                Rule::OneOf(values.iter().cloned().map(Value::from).collect(), message)
            }
        };
        let values = self.item_rule(name, item);
        if length.is_none() && keys == Rule::None && values == Rule::None {
            return Rule::None;
        }
        Rule::Map { length, keys: Box::new(keys), values: Box::new(values) }
    }

    pub(super) fn item_rule(&mut self, name: &str, item: &ModelItem) -> Rule {
        match self.build_rule(name, &item.ty) {
            rule if rule != Rule::None && item.nullable => Rule::Nullable(Box::new(rule)),
            rule => rule,
        }
    }

    /// Adds a length rule unless every length is allowed, and returns its marker.
    fn length_marker(&mut self, name: &str, length: &Length, counted: Counted) -> Option<String> {
        let message = format!("must have {}", wording::describe_length(length, counted));
        self.add_length_rule(name, length, &message)
    }

    /// Adds a rule for the number of items after the first `count`, and returns its marker.
    pub(super) fn rest_marker(&mut self, name: &str, length: &Length, count: usize) -> Option<String> {
        let message =
            format!("must have {} after the first {count}", wording::describe_length(length, Counted::Items));
        self.add_length_rule(name, length, &message)
    }

    fn add_length_rule(&mut self, name: &str, length: &Length, message: &str) -> Option<String> {
        if length.is_open() {
            return None;
        }
        let wanted = format!("{}{}", self.owner.prefix, names::camel(name));
        let marker = self.names.take_marker(&wanted);
        self.items.push(Item::Length(LengthRule {
            marker: marker.clone(),
            min: length.min.unwrap_or(0),
            max: length.max,
            message: format!("`{name}` of {} {message}", self.owner.label),
        }));
        Some(marker)
    }
}
