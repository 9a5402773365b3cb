//! Builds structs from objects, with the enums and numbers that their fields need.

use super::{
    Bounds, Constant, Extra, Field, IntegerEnum, Item, Limits, Locals, Number, Presence, Requirement, Rule,
    Struct, TextEnum, Ty, Union, file_limits, json_schemas, names,
    owner::Owner,
    shared_types::{SharedTypes, name_of},
    wording,
};
use crate::model::{ComponentName, Direction, Item as ModelItem, Object, Others, Property, Type, TypeGraph};

/// A builder of the types of one owner.
pub(super) struct TypeBuilder<'a> {
    pub(super) shared: &'a SharedTypes<'a>,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
    pub(super) owner: &'a Owner,
    pub(super) names: &'a mut names::Namespace,
    /// The types built so far, other than the ones returned.
    pub(super) items: Vec<Item>,
}

impl<'a> TypeBuilder<'a> {
    pub(super) fn new(
        shared: &'a SharedTypes<'a>,
        graph: &'a TypeGraph,
        direction: Direction,
        owner: &'a Owner,
        names: &'a mut names::Namespace,
    ) -> Self {
        Self { shared, graph, direction, owner, names, items: Vec::new() }
    }

    /// Returns the types that the built structs and unions need.
    pub(super) fn into_items(self) -> Vec<Item> {
        self.items
    }

    /// Builds the struct of `object`.
    pub(super) fn build_struct(&mut self, ident: &str, object: &Object) -> Struct {
        let mut taken = names::Namespace::empty();
        let mut fields = Vec::with_capacity(object.properties.len());
        for property in object.properties.iter().filter(|property| property.constant.is_none()) {
            let mut field = self.build_field(property);
            field.facts.extend(Self::facts_of_requirements(object, property));
            field.ident = taken.take(&field.ident, "_");
            fields.push(field);
        }
        let constants = object.properties.iter().filter_map(|property| {
            Some(Constant {
                json_name: property.name.clone(),
                value: property.constant.clone()?,
                required: property.required,
                local: taken.take(&names::field(&property.name), "_"),
                schema: json_schemas::constant_schema(property),
            })
        });
        let constants = constants.collect();
        Struct {
            ident: ident.to_owned(),
            component: object.name.clone(),
            description: object.description.clone(),
            note: String::new(),
            fields,
            constants,
            closed: object.others == Others::Refused,
            extra: object.others.kept().map(|item| Box::new(self.build_extra(item, object.secret_others))),
            requirements: self.build_requirements(object),
            direction: self.direction,
            owner: self.owner.label.clone(),
            core_type: None,
            locals: Locals { object: taken.take("object", "_"), key: taken.take("key", "_") },
            deprecated: None,
        }
    }

    /// Builds the rules about the fields that a struct has together.
    fn build_requirements(&self, object: &Object) -> Vec<Requirement> {
        let built = object.requirements.iter().map(|rule| {
            let words = wording::describe_requirement(rule);
            Requirement { rule: rule.clone(), message: format!("{words} for {}", self.owner.label), words }
        });
        built.collect()
    }

    /// Returns the rules that an optional property has a part in, in words.
    fn facts_of_requirements(object: &Object, property: &Property) -> Vec<String> {
        let has_part = object.requirements.iter().filter(|rule| {
            !property.required && rule.conditions().any(|condition| condition.property == property.name)
        });
        has_part.map(wording::describe_requirement).collect()
    }

    /// Builds the fields that an object keeps beside those that it names.
    fn build_extra(&mut self, item: &ModelItem, secret: bool) -> Extra {
        let ty = self.build_item(names::EXTRA, item);
        Extra {
            rule: self.item_rule(names::EXTRA, item),
            has_files: self.direction.is_input() && self.graph.has_files(&item.ty),
            limits: self.build_limits(&item.ty),
            secret,
            schema: json_schemas::item_schema(item, &ty),
            ty,
        }
    }

    fn build_field(&mut self, property: &Property) -> Field {
        let ty = self.build_type(&property.name, &property.ty);
        let default_is_a_value = property.default.as_ref().is_some_and(|default| !default.is_null());
        let presence = match (property.required, property.nullable) {
            (true, false) => Presence::Required,
            (true, true) if self.direction.is_input() => Presence::Required,
            (true, _) if property.ty == Type::Any => Presence::Required,
            (false, true) if default_is_a_value => Presence::TriState,
            _ => Presence::Optional,
        };
        let null_is_explicit =
            self.direction.is_input() && property.required && property.nullable && property.ty != Type::Any;
        let rule = self.build_rule(&property.name, &property.ty);
        let rule = if null_is_explicit && rule != Rule::None { Rule::Nullable(Box::new(rule)) } else { rule };
        Field {
            ident: names::field(&property.name),
            json_name: property.name.clone(),
            description: property.description.clone().unwrap_or_default(),
            facts: wording::facts(property, self.direction),
            rule,
            has_files: self.direction.is_input() && self.graph.has_files(&property.ty),
            limits: self.build_limits(&property.ty),
            presence,
            nullable: property.nullable,
            deprecated: property.deprecated,
            secret: property.secret,
            format: property.format.as_deref().and_then(wording::describe_format),
            required: property.required,
            schema: json_schemas::property_schema(property, &ty),
            example: property.examples.iter().find(|example| !example.is_null()).cloned(),
            ty: if null_is_explicit { Ty::Option(Box::new(ty)) } else { ty },
        }
    }

    /// Returns the limits of the files of a value.
    pub(super) fn build_limits(&self, ty: &Type) -> Limits {
        let limits = file_limits::file_limits(ty).filter(|_| self.direction.is_input());
        match limits {
            Some(limits) => Limits::Own(Box::new(limits)),
            None if self.direction.is_input()
                && self.graph.has_limited_files(ty, file_limits::are_checked) =>
            {
                Limits::Nested
            }
            None => Limits::None,
        }
    }

    /// Builds the union that is a whole input, output or event.
    pub(super) fn build_root_union(&mut self, ident: &str, description: &str, root: &Type) {
        let union = self.build_union(ident, &Property::with_type(ident, root));
        self.items.push(Item::Union(Union { description: description.to_owned(), ..union }));
    }

    /// Builds the Rust type of values of the property `name`.
    pub(super) fn build_type(&mut self, name: &str, ty: &Type) -> Ty {
        match ty {
            Type::Text(_) => Ty::Text,
            Type::File(..) => Ty::File,
            Type::Integer(bounds) if self.direction.is_input() && !bounds.is_open() => {
                self.build_number(name, Bounds::Integer(*bounds))
            }
            Type::WideInteger(bounds) if self.direction.is_input() => {
                self.build_number(name, Bounds::Wide(*bounds))
            }
            Type::Integer(_) | Type::WideInteger(_) => Ty::Integer,
            Type::Number(bounds) if self.direction.is_input() && !bounds.is_open() => {
                self.build_number(name, Bounds::Number(*bounds))
            }
            Type::Number(_) | Type::NumberEnum(_) => Ty::Number,
            Type::Boolean | Type::BooleanConstant(_) => Ty::Boolean,
            Type::Null => Ty::Null,
            Type::TextEnum(..) | Type::IntegerEnum(..)
                if let Some(shared) = self.shared.named_type(self.graph, ty, self.direction) =>
            {
                Ty::Named(shared.to_owned())
            }
            Type::TextEnum(values, _) => {
                let ident = self.take_name(name);
                let text_enum = self.build_text_enum(&ident, name, values);
                self.items.push(Item::TextEnum(text_enum));
                Ty::Named(ident)
            }
            Type::IntegerEnum(values, _) if self.direction.is_input() => {
                let ident = self.take_name(name);
                let integer_enum = self.build_integer_enum(&ident, name, values);
                self.items.push(Item::IntegerEnum(integer_enum));
                Ty::Named(ident)
            }
            // Outputs keep integers that are newer than the schema.
            Type::IntegerEnum(..) => Ty::Integer,
            Type::Object(component) => {
                let object = self.object_type(component);
                let boxed = self.graph.contains_itself(component);
                if boxed { Ty::Boxed(Box::new(object)) } else { object }
            }
            Type::Map(item, _) => Ty::Map(Box::new(self.build_item(name, item))),
            Type::List(item, _) => Ty::List(Box::new(self.build_item(name, item))),
            Type::Tuple(tuple) => self.build_tuple(name, tuple),
            Type::Union(..) | Type::Tagged(..) => {
                let named = self.shared.named_type(self.graph, ty, self.direction);
                match named.or_else(|| self.shared.union_name(self.graph, name, ty, self.direction)) {
                    Some(shared) => Ty::Named(shared.to_owned()),
                    None => {
                        let ident = self.take_name(name);
                        let union = self.build_union(&ident, &Property::with_type(name, ty));
                        self.items.push(Item::Union(union));
                        Ty::Named(ident)
                    }
                }
            }
            Type::Any => Ty::Json,
        }
    }

    fn object_type(&self, component: &str) -> Ty {
        let root = if self.direction.is_input() { "Input" } else { "Output" };
        Ty::Named(self.shared.object_name(self.graph, component, self.direction).unwrap_or(root).to_owned())
    }

    /// Builds the type of the items of a list or map, in which objects need no box.
    fn build_item(&mut self, name: &str, item: &ModelItem) -> Ty {
        let ty = match &item.ty {
            Type::Object(component) => self.object_type(component),
            ty => self.build_type(name, ty),
        };
        if item.nullable { Ty::Option(Box::new(ty)) } else { ty }
    }

    /// Builds the enum of strings of a property, or of a component.
    fn build_text_enum(&self, ident: &str, name: &str, values: &[String]) -> TextEnum {
        let mut taken = names::Namespace::empty();
        if !self.direction.is_input() {
            taken.reserve("Other");
        }
        let variants =
            values.iter().map(|value| (taken.take(&names::variant(value), ""), value.clone())).collect();
        TextEnum {
            ident: ident.to_owned(),
            description: format!("The values of `{name}`."),
            variants,
            open: !self.direction.is_input(),
            message: wording::choice_message(name, &self.owner.label, values),
        }
    }

    /// Builds the enum of integers of a property, or of a component.
    fn build_integer_enum(&self, ident: &str, name: &str, values: &[i64]) -> IntegerEnum {
        let mut taken = names::Namespace::empty();
        let variants = values
            .iter()
            .map(|value| (taken.take(&names::variant(&value.to_string()), ""), *value))
            .collect();
        IntegerEnum {
            ident: ident.to_owned(),
            description: format!("The values of `{name}`."),
            variants,
            message: wording::choice_message(name, &self.owner.label, values),
        }
    }

    /// Builds the enum that a document names, under its name in Rust.
    pub(super) fn build_named_enum(&self, ident: &str, ty: &Type) -> Option<Item> {
        let described = |name: &ComponentName, usual: String| match name.description.trim() {
            "" => usual,
            description => description.to_owned(),
        };
        Some(match ty {
            Type::TextEnum(values, Some(name)) => {
                let item = self.build_text_enum(ident, &name.name, values);
                Item::TextEnum(TextEnum { description: described(name, item.description.clone()), ..item })
            }
            Type::IntegerEnum(values, Some(name)) => {
                let item = self.build_integer_enum(ident, &name.name, values);
                Item::IntegerEnum(IntegerEnum {
                    description: described(name, item.description.clone()),
                    ..item
                })
            }
            _ => return None,
        })
    }

    /// Builds the union that a document names, under its name in Rust.
    pub(super) fn build_named_union(&mut self, ident: &str, ty: &Type) -> Item {
        let (name, description) = match name_of(ty) {
            Some(component) => (component.name.as_str(), component.description.trim()),
            None => (ident, ""),
        };
        let union = self.build_union(ident, &Property::with_type(name, ty));
        Item::Union(match description {
            "" => union,
            description => Union { description: description.to_owned(), ..union },
        })
    }

    fn build_number(&mut self, name: &str, bounds: Bounds) -> Ty {
        let (wanted, suffix) = self.wanted_name(name);
        let ident = self.names.take_with_marker(&wanted, suffix);
        let rule = wording::describe_range(&bounds);
        self.items.push(Item::Number(Number {
            ident: ident.clone(),
            description: format!("`{name}`: {rule}."),
            message: format!("`{name}` of {} must be {rule}", self.owner.label),
            bounds,
        }));
        Ty::Named(ident)
    }

    pub(super) fn take_name(&mut self, name: &str) -> String {
        let (wanted, suffix) = self.wanted_name(name);
        self.names.take(&wanted, suffix)
    }

    /// Returns the name that the type of a property should have, and the suffix if it is taken.
    fn wanted_name(&self, name: &str) -> (String, &'static str) {
        let suffix = if self.direction.is_input() { "Value" } else { "Output" };
        (format!("{}{}", self.owner.prefix, names::camel(name)), suffix)
    }
}

impl Property {
    /// Creates a required property of a name and a type.
    fn with_type(name: &str, ty: &Type) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            ty: ty.clone(),
            nullable: false,
            required: true,
            default: None,
            examples: Vec::new(),
            deprecated: false,
            constant: None,
            limits: serde_json::Value::Null,
            secret: false,
            format: None,
        }
    }
}
