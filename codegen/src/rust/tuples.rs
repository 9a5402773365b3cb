//! Builds tuples: a Rust tuple where that is enough, else a struct with a field for each position.

use super::{Item, Position, TupleStruct, Ty, json_schemas, type_builder::TypeBuilder};
use crate::model::{Item as ModelItem, Tuple, Type};

/// The most items of a Rust tuple that the standard library implements traits for.
const MOST_ITEMS: usize = 12;

impl TypeBuilder<'_> {
    /// Builds the type of a tuple.
    ///
    /// A Rust tuple has no impls that check its items or find its files, and no optional or further items.
    pub(super) fn build_tuple(&mut self, name: &str, tuple: &Tuple) -> Ty {
        let is_checked = self.direction.is_input()
            && tuple.types().any(|ty| self.graph.has_rules(ty) || self.graph.has_files(ty));
        let is_plain = tuple.is_fixed() && (1..=MOST_ITEMS).contains(&tuple.items.len()) && !is_checked;
        if is_plain {
            return Ty::Tuple(tuple.items.iter().map(|item| self.build_position_type(name, item)).collect());
        }
        let ident = self.take_name(name);
        let items: Vec<Position> = tuple.items.iter().map(|item| self.build_position(name, item)).collect();
        let rest = tuple.rest.as_ref().map(|(item, _)| self.build_position(name, item));
        let length = tuple.rest.as_ref().map(|(_, length)| *length).filter(|_| self.direction.is_input());
        let rest_length = length.and_then(|length| self.rest_marker(name, &length, items.len()));
        let types: Vec<Ty> = items.iter().chain(&rest).map(|position| position.ty.clone()).collect();
        self.items.push(Item::Tuple(TupleStruct {
            ident: ident.clone(),
            description: format!("The items of `{name}`, in their order."),
            items,
            required: tuple.required,
            rest,
            rest_length,
            direction: self.direction,
            schema: json_schemas::tuple_schema(tuple, &types),
        }));
        Ty::Named(ident)
    }

    fn build_position(&mut self, name: &str, item: &ModelItem) -> Position {
        Position {
            ty: self.build_position_type(name, item),
            rule: self.item_rule(name, item),
            has_files: self.direction.is_input() && self.graph.has_files(&item.ty),
            limits: self.build_limits(&item.ty),
        }
    }

    /// Builds the type of a position, in which an object that contains itself needs a box.
    fn build_position_type(&mut self, name: &str, item: &ModelItem) -> Ty {
        // An unnamed type inside is called after its parent, which has that name itself.
        let inner = match &item.ty {
            Type::Union(..)
            | Type::Tagged(..)
            | Type::Tuple(_)
            | Type::TextEnum(..)
            | Type::IntegerEnum(..) => {
                format!("{name}_item")
            }
            _ => name.to_owned(),
        };
        let ty = self.build_type(&inner, &item.ty);
        if item.nullable { Ty::Option(Box::new(ty)) } else { ty }
    }
}
