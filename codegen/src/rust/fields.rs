//! From the properties of an object to the fields of a struct, and the types that they alone need.

use super::{
    Bounds, Field, IntegerEnum, Item, LengthRule, Literal, Number, Presence, Struct, TextEnum, Ty, Union,
    Variant, VariantKind, names,
    shapes::{Owner, Shapes},
    values,
};
use crate::model::{Item as ModelItem, Object, Property, Side, Type};

/// Builds structs of one owner, collecting the types of its parameters.
pub(super) struct Fields<'a> {
    shapes: &'a Shapes,
    side: &'a Side,
    built: bool,
    owner: &'a Owner,
    names: &'a mut names::Namespace,
    items: Vec<Item>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        shapes: &'a Shapes,
        side: &'a Side,
        built: bool,
        owner: &'a Owner,
        names: &'a mut names::Namespace,
    ) -> Self {
        Self { shapes, side, built, owner, names, items: Vec::new() }
    }

    pub(super) fn into_items(self) -> Vec<Item> {
        self.items
    }

    pub(super) fn structure(&mut self, ident: &str, object: &Object) -> Struct {
        let fields = object.properties.iter().map(|property| self.field(&object.name, property)).collect();
        Struct {
            ident: ident.to_owned(),
            component: object.name.clone(),
            description: object.description.clone(),
            fields,
            built: self.built,
            owner: self.owner.label.clone(),
        }
    }

    /// The type of an output that is not an object.
    pub(super) fn alias(&mut self, name: &str, ty: &Type) -> Ty {
        self.ty(name, "", ty)
    }

    fn field(&mut self, object: &str, property: &Property) -> Field {
        let ty = self.ty(&property.name, &property.description, &property.ty);
        let nullable_default = property.default.as_ref().is_some_and(|default| !default.is_null());
        let presence = match (property.required, property.nullable) {
            (true, false) => Presence::Required,
            (true, true) if self.built => Presence::Required,
            _ if self.built && property.nullable && nullable_default => Presence::TriState,
            _ => Presence::Optional,
        };
        let ty =
            if property.required && property.nullable && self.built { Ty::Option(Box::new(ty)) } else { ty };
        let length = if self.built { self.length(property) } else { None };
        Field {
            ident: names::field(&property.name),
            wire: property.name.clone(),
            description: property.description.clone(),
            facts: values::facts(property, self.built),
            literal: literal(&property.ty, self.built),
            walked: self.built && self.walks(&property.ty, &mut vec![object.to_owned()]),
            ty,
            presence,
            length,
            deprecated: property.deprecated,
            example: property.examples.iter().find(|example| !example.is_null()).cloned(),
        }
    }

    fn ty(&mut self, name: &str, description: &str, ty: &Type) -> Ty {
        match ty {
            Type::Text(_) => Ty::Text,
            Type::File(_) => Ty::File,
            Type::Integer(bounds) if self.built && !bounds.is_open() => {
                self.number(name, Bounds::Integer(*bounds))
            }
            Type::Integer(_) => Ty::Integer,
            Type::Number(bounds) if self.built && !bounds.is_open() => {
                self.number(name, Bounds::Number(*bounds))
            }
            Type::Number(_) => Ty::Number,
            Type::Boolean => Ty::Boolean,
            Type::TextEnum(values) => {
                let ident = self.take(name);
                self.items.push(Item::TextEnum(TextEnum {
                    ident: ident.clone(),
                    description: format!("The values of `{name}`."),
                    variants: variants(values, !self.built),
                    open: !self.built,
                }));
                Ty::Named(ident)
            }
            Type::IntegerEnum(values) if self.built => {
                let ident = self.take(name);
                let mut taken = names::Namespace::of_variants();
                let variants = values
                    .iter()
                    .map(|value| (taken.take(&names::variant(&value.to_string()), ""), *value))
                    .collect();
                let description = format!("The values of `{name}`.");
                self.items.push(Item::IntegerEnum(IntegerEnum {
                    ident: ident.clone(),
                    description,
                    variants,
                }));
                Ty::Named(ident)
            }
            // A new value must not break reading a reply.
            Type::IntegerEnum(_) => Ty::Integer,
            Type::Object(component) => self.object(component),
            Type::Map(item) => Ty::Map(Box::new(self.item(name, item))),
            Type::List(item, _) => Ty::List(Box::new(self.item(name, item))),
            Type::Tuple(items) => Ty::Tuple(items.iter().map(|item| self.item(name, item)).collect()),
            Type::Union(_) => match self.shapes.union(name, ty) {
                Some(shared) if self.built => Ty::Named(shared.to_owned()),
                _ => {
                    let ident = self.take(name);
                    let property = property(name, description, ty);
                    let union = self.union(&ident, &property);
                    self.items.push(Item::Union(union));
                    Ty::Named(ident)
                }
            },
            Type::Any => Ty::Json,
        }
    }

    fn object(&self, component: &str) -> Ty {
        match self.shapes.object(component, self.built) {
            Some(ident) => Ty::Named(ident.to_owned()),
            // The root of a side, met again inside itself.
            None => Ty::Boxed(Box::new(Ty::Named(if self.built { "Input" } else { "Output" }.to_owned()))),
        }
    }

    fn item(&mut self, name: &str, item: &ModelItem) -> Ty {
        let ty = self.ty(name, "", &item.ty);
        if item.nullable { Ty::Option(Box::new(ty)) } else { ty }
    }

    /// A union: presets of an enum become variants of their own, other kinds carry a value.
    pub(super) fn union(&mut self, ident: &str, property: &Property) -> Union {
        let Type::Union(kinds) = &property.ty else {
            return Union {
                ident: ident.to_owned(),
                description: String::new(),
                variants: vec![],
                built: self.built,
            };
        };
        let mut taken = names::Namespace::of_variants();
        let presets = kinds.iter().any(|kind| matches!(kind, Type::TextEnum(_)));
        let mut variants = Vec::new();
        for kind in kinds {
            match kind {
                Type::TextEnum(values) => variants.extend(values.iter().map(|value| Variant {
                    ident: taken.take(&names::variant(value), ""),
                    description: String::new(),
                    kind: VariantKind::Text(value.clone()),
                })),
                _ => {
                    let name =
                        if presets && matches!(kind, Type::Object(_)) { "Custom" } else { kind_name(kind) };
                    let ty = self.ty(&format!("{}_{}", property.name, name.to_lowercase()), "", kind);
                    let walked = self.built && self.walks(kind, &mut Vec::new());
                    let description = match kind {
                        Type::Object(component) => self.side.objects[component].description.clone(),
                        _ => String::new(),
                    };
                    let kind = VariantKind::Value { ty, walked };
                    variants.push(Variant { ident: taken.take(name, ""), description, kind });
                }
            }
        }
        // Presets first: they are what most calls use.
        variants.sort_by_key(|variant| matches!(variant.kind, VariantKind::Value { .. }));
        let description = format!("The values of `{}`.", property.name);
        Union { ident: ident.to_owned(), description, variants, built: self.built }
    }

    fn number(&mut self, name: &str, bounds: Bounds) -> Ty {
        let ident = self.take(name);
        let rule = values::range(&bounds);
        self.items.push(Item::Number(Number {
            ident: ident.clone(),
            description: format!("`{name}`: {rule}."),
            message: format!("`{name}` of {} must be {rule}", self.owner.label),
            bounds,
        }));
        Ty::Named(ident)
    }

    fn length(&mut self, property: &Property) -> Option<LengthRule> {
        let (length, list) = match &property.ty {
            Type::Text(length) => (length, false),
            Type::List(_, length) => (length, true),
            _ => return None,
        };
        if length.is_open() {
            return None;
        }
        let rule = values::length(length, list);
        Some(LengthRule {
            marker: format!("{}{}", self.owner.prefix, names::camel(&property.name)),
            min: length.min.unwrap_or(0),
            max: length.max,
            list,
            message: format!("`{}` of {} must have {rule}", property.name, self.owner.label),
        })
    }

    /// Whether values of the type hold files, or rules that only a walk can check.
    fn walks(&self, ty: &Type, seen: &mut Vec<String>) -> bool {
        match ty {
            Type::File(_) => true,
            Type::Object(name) => {
                if seen.contains(name) {
                    return false;
                }
                seen.push(name.clone());
                let object = &self.side.objects[name];
                object.properties.iter().any(|property| ruled(&property.ty) || self.walks(&property.ty, seen))
            }
            Type::Map(item) | Type::List(item, _) => self.walks(&item.ty, seen),
            Type::Union(kinds) => kinds.iter().any(|kind| self.walks(kind, seen)),
            _ => false,
        }
    }

    fn take(&mut self, name: &str) -> String {
        let suffix = if self.built { "Value" } else { "Output" };
        self.names.take(&format!("{}{}", self.owner.prefix, names::camel(name)), suffix)
    }
}

fn property(name: &str, description: &str, ty: &Type) -> Property {
    Property {
        name: name.to_owned(),
        description: description.to_owned(),
        ty: ty.clone(),
        nullable: false,
        required: true,
        default: None,
        examples: Vec::new(),
        deprecated: false,
    }
}

fn ruled(ty: &Type) -> bool {
    matches!(ty, Type::Text(length) | Type::List(_, length) if !length.is_open())
}

fn variants(values: &[String], open: bool) -> Vec<(String, String)> {
    let mut taken = names::Namespace::of_variants();
    if open {
        taken.reserve("Other");
    }
    values.iter().map(|value| (taken.take(&names::variant(value), ""), value.clone())).collect()
}

fn literal(ty: &Type, built: bool) -> Option<Literal> {
    match ty {
        _ if !built => None,
        Type::Text(_) => Some(Literal::Text),
        Type::File(_) => Some(Literal::Url),
        Type::Integer(bounds) if bounds.is_open() => Some(Literal::Integer),
        Type::Number(bounds) if bounds.is_open() => Some(Literal::Number),
        Type::Integer(_) | Type::Number(_) => Some(Literal::Checked),
        Type::Boolean => Some(Literal::Flag),
        _ => None,
    }
}

fn kind_name(ty: &Type) -> &'static str {
    match ty {
        Type::Text(_) | Type::TextEnum(_) => "Text",
        Type::File(_) => "File",
        Type::Integer(_) | Type::IntegerEnum(_) => "Integer",
        Type::Number(_) => "Number",
        Type::Boolean => "Flag",
        Type::List(..) | Type::Tuple(_) => "List",
        Type::Object(_) => "Object",
        Type::Map(_) => "Map",
        Type::Union(_) | Type::Any => "Json",
    }
}
