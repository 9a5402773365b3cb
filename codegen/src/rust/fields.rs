//! From the properties of an object to the fields of a struct, and the types that they alone need.

use super::{
    Bounds, Field, IntegerEnum, Item, Number, Presence, Rule, Struct, TextEnum, Ty, cycles, names, rules,
    schemas,
    shapes::{Owner, Shapes},
    values,
};
use crate::model::{Direction, Item as ModelItem, Object, Property, Side, Type};

/// Builds structs of one owner, collecting the types of its parameters.
pub(super) struct Fields<'a> {
    pub(super) shapes: &'a Shapes<'a>,
    pub(super) side: &'a Side,
    pub(super) direction: Direction,
    pub(super) owner: &'a Owner,
    pub(super) names: &'a mut names::Namespace,
    pub(super) items: Vec<Item>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        shapes: &'a Shapes<'a>,
        side: &'a Side,
        direction: Direction,
        owner: &'a Owner,
        names: &'a mut names::Namespace,
    ) -> Self {
        Self { shapes, side, direction, owner, names, items: Vec::new() }
    }

    pub(super) fn into_items(self) -> Vec<Item> {
        self.items
    }

    pub(super) fn structure(&mut self, ident: &str, object: &Object) -> Struct {
        let mut taken = names::Namespace::of_variants();
        let mut fields = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            let mut field = self.field(property);
            field.ident = taken.take(&field.ident, "_");
            fields.push(field);
        }
        Struct {
            ident: ident.to_owned(),
            component: object.name.clone(),
            description: object.description.clone(),
            fields,
            closed: object.closed,
            direction: self.direction,
            owner: self.owner.label.clone(),
            known: None,
        }
    }

    fn field(&mut self, property: &Property) -> Field {
        let ty = self.ty(&property.name, &property.ty);
        let default_is_a_value = property.default.as_ref().is_some_and(|default| !default.is_null());
        let presence = match (property.required, property.nullable) {
            (true, false) => Presence::Required,
            (true, true) if self.direction.is_input() => Presence::Required,
            _ if self.direction.is_input() && property.nullable && default_is_a_value => Presence::TriState,
            _ => Presence::Optional,
        };
        let null_is_given = self.direction.is_input() && property.required && property.nullable;
        let rule = self.rule(&property.name, &property.ty);
        let rule = if null_is_given && rule != Rule::Free { Rule::Null(Box::new(rule)) } else { rule };
        Field {
            ident: names::field(&property.name),
            wire: property.name.clone(),
            description: property.description.clone(),
            facts: values::facts(property, self.direction),
            rule,
            files: self.direction.is_input() && rules::holds_files(self.side, &property.ty, &mut Vec::new()),
            presence,
            nullable: property.nullable,
            deprecated: property.deprecated,
            required: property.required,
            schema: schemas::of_property(property, &ty),
            example: property.examples.iter().find(|example| !example.is_null()).cloned(),
            ty: if null_is_given { Ty::Option(Box::new(ty)) } else { ty },
        }
    }

    /// The Rust type of values that stand under the property `name`.
    pub(super) fn ty(&mut self, name: &str, ty: &Type) -> Ty {
        match ty {
            Type::Text(_) => Ty::Text,
            Type::File(..) => Ty::File,
            Type::Integer(bounds) if self.direction.is_input() && !bounds.is_open() => {
                self.number(name, Bounds::Integer(*bounds))
            }
            Type::Integer(_) => Ty::Integer,
            Type::Number(bounds) if self.direction.is_input() && !bounds.is_open() => {
                self.number(name, Bounds::Number(*bounds))
            }
            Type::Number(_) => Ty::Number,
            Type::Boolean => Ty::Boolean,
            Type::TextEnum(values) => self.text_enum(name, values),
            Type::IntegerEnum(values) if self.direction.is_input() => self.integer_enum(name, values),
            // A new value must not break reading a reply.
            Type::IntegerEnum(_) => Ty::Integer,
            Type::Object(component) => {
                let object = self.object(component);
                let boxed = cycles::contains_itself(self.side, component);
                if boxed { Ty::Boxed(Box::new(object)) } else { object }
            }
            Type::Map(item) => Ty::Map(Box::new(self.item(name, item))),
            Type::List(item, _) => Ty::List(Box::new(self.item(name, item))),
            Type::Tuple(items) => Ty::Tuple(items.iter().map(|item| self.item(name, item)).collect()),
            Type::Union(_) | Type::Tagged(..) => match self.shapes.union(name, ty) {
                Some(shared) if self.direction.is_input() => Ty::Named(shared.to_owned()),
                _ => {
                    let ident = self.take(name);
                    let union = self.union(&ident, &Property::anonymous(name, ty));
                    self.items.push(Item::Union(union));
                    Ty::Named(ident)
                }
            },
            Type::Any => Ty::Json,
        }
    }

    fn object(&self, component: &str) -> Ty {
        let root = if self.direction.is_input() { "Input" } else { "Output" };
        Ty::Named(self.shapes.object(self.side, component, self.direction).unwrap_or(root).to_owned())
    }

    /// Behind a list or map, an object needs no box.
    fn item(&mut self, name: &str, item: &ModelItem) -> Ty {
        let ty = match &item.ty {
            Type::Object(component) => self.object(component),
            ty => self.ty(name, ty),
        };
        if item.nullable { Ty::Option(Box::new(ty)) } else { ty }
    }

    fn text_enum(&mut self, name: &str, values: &[String]) -> Ty {
        let ident = self.take(name);
        let mut taken = names::Namespace::of_variants();
        if !self.direction.is_input() {
            taken.reserve("Other");
        }
        let variants =
            values.iter().map(|value| (taken.take(&names::variant(value), ""), value.clone())).collect();
        let description = format!("The values of `{name}`.");
        self.items.push(Item::TextEnum(TextEnum {
            ident: ident.clone(),
            description,
            variants,
            open: !self.direction.is_input(),
            message: values::choice(name, &self.owner.label, values),
        }));
        Ty::Named(ident)
    }

    fn integer_enum(&mut self, name: &str, values: &[i64]) -> Ty {
        let ident = self.take(name);
        let mut taken = names::Namespace::of_variants();
        let variants = values
            .iter()
            .map(|value| (taken.take(&names::variant(&value.to_string()), ""), *value))
            .collect();
        let description = format!("The values of `{name}`.");
        let message = values::choice(name, &self.owner.label, values);
        self.items.push(Item::IntegerEnum(IntegerEnum {
            ident: ident.clone(),
            description,
            variants,
            message,
        }));
        Ty::Named(ident)
    }

    fn number(&mut self, name: &str, bounds: Bounds) -> Ty {
        let ident = self.take(name);
        self.names.reserve_marker(&ident);
        let rule = values::range(&bounds);
        self.items.push(Item::Number(Number {
            ident: ident.clone(),
            description: format!("`{name}`: {rule}."),
            message: format!("`{name}` of {} must be {rule}", self.owner.label),
            bounds,
        }));
        Ty::Named(ident)
    }

    fn take(&mut self, name: &str) -> String {
        let suffix = if self.direction.is_input() { "Value" } else { "Output" };
        self.names.take(&format!("{}{}", self.owner.prefix, names::camel(name)), suffix)
    }
}

impl Property {
    /// A property that only its name and type are known of.
    fn anonymous(name: &str, ty: &Type) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            ty: ty.clone(),
            nullable: false,
            required: true,
            default: None,
            examples: Vec::new(),
            deprecated: false,
        }
    }
}
