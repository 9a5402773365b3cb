//! Builds the rules that are checked at run time.

use serde_json::Value;

use super::{Item, LengthRule, PatternRule, Rule, ValueRule, names, type_builder::TypeBuilder, wording};
use crate::model::{Item as ModelItem, Length, List, Text, Type};

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
            Type::Map(item) => match self.item_rule(name, item) {
                Rule::None => Rule::None,
                rule => Rule::Map(Box::new(rule)),
            },
            Type::Object(_) | Type::Union(_) | Type::Tagged(..) | Type::Tuple(_)
                if self.graph.has_rules(ty) =>
            {
                Rule::Nested
            }
            Type::NumberEnum(values) => {
                let shown: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                let message = wording::choice_message(name, &self.owner.label, &shown);
                let values = values.iter().copied().map(Value::from).collect();
                Rule::Value(Box::new(ValueRule::OneOf(values)), message)
            }
            Type::BooleanConstant(value) => {
                let message = wording::choice_message(name, &self.owner.label, &[value]);
                Rule::Value(Box::new(ValueRule::OneOf(vec![(*value).into()])), message)
            }
            _ => Rule::None,
        }
    }

    fn text_rule(&mut self, name: &str, text: &Text) -> Rule {
        let length = self.length_marker(name, &text.length, false);
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
        let length = self.length_marker(name, &list.length, true);
        let items = self.item_rule(&format!("{name}_item"), item);
        let unique =
            list.unique.then(|| format!("`{name}` of {} must not hold an item twice", self.owner.label));
        if length.is_none() && unique.is_none() && items == Rule::None {
            return Rule::None;
        }
        Rule::List { length, unique, items: Box::new(items) }
    }

    pub(super) fn item_rule(&mut self, name: &str, item: &ModelItem) -> Rule {
        match self.build_rule(name, &item.ty) {
            rule if rule != Rule::None && item.nullable => Rule::Nullable(Box::new(rule)),
            rule => rule,
        }
    }

    /// Adds a length rule unless every length is allowed, and returns its marker.
    fn length_marker(&mut self, name: &str, length: &Length, list: bool) -> Option<String> {
        let message = format!("must have {}", wording::describe_length(length, list));
        self.add_length_rule(name, length, &message)
    }

    /// Adds a rule for the number of items after the first `count`, and returns its marker.
    pub(super) fn rest_marker(&mut self, name: &str, length: &Length, count: usize) -> Option<String> {
        let message = format!("must have {} after the first {count}", wording::describe_length(length, true));
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
