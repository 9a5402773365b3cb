//! The JSON Schema of fields and unions, for the feature `schemars`.
//!
//! A schema is JSON; where another generated type belongs, it holds `{"$type": <name>}`.

use serde_json::{Map, Value, json};

use super::Ty;
use crate::model::{Bounds, Item, Length, Property, Type};

/// What stands for a generated type.
pub(crate) const TYPE: &str = "$type";

/// The schema of a property, with its description and default.
pub(super) fn of_property(property: &Property, ty: &Ty) -> Value {
    let mut schema = nullable(of_type(&property.ty, ty), property.nullable);
    if let Value::Object(object) = &mut schema {
        if !property.description.is_empty() {
            object.insert("description".into(), tidy(&property.description).into());
        }
        if let Some(default) = &property.default {
            object.insert("default".into(), default.clone());
        }
        if property.deprecated {
            object.insert("deprecated".into(), true.into());
        }
    }
    schema
}

/// The schema of a type. `rust` is what it became.
pub(super) fn of_type(ty: &Type, rust: &Ty) -> Value {
    match (ty, rust) {
        (_, Ty::Boxed(inner)) => of_type(ty, inner),
        (_, Ty::Option(inner)) => of_type(ty, inner),
        (Type::Text(text), _) | (Type::File(text, _), _) => {
            let mut schema = object("string");
            length(&mut schema, &text.length, "minLength", "maxLength");
            if let Some(pattern) = &text.pattern {
                schema.insert("pattern".into(), pattern.clone().into());
            }
            schema.into()
        }
        (Type::Integer(bounds), _) => number("integer", bounds),
        (Type::Number(bounds), _) => number("number", bounds),
        (Type::Boolean, _) => object("boolean").into(),
        // In outputs an enum of integers is an integer, so it has no type to refer to.
        (Type::IntegerEnum(values), Ty::Integer) => json!({ "type": "integer", "enum": values }),
        (_, Ty::Named(name)) => json!({ TYPE: name }),
        (Type::Map(item), Ty::Map(inner)) => {
            json!({ "type": "object", "additionalProperties": of_item(item, inner) })
        }
        (Type::List(item, list), Ty::List(inner)) => {
            let mut schema = object("array");
            schema.insert("items".into(), of_item(item, inner));
            length(&mut schema, &list.length, "minItems", "maxItems");
            if list.unique {
                schema.insert("uniqueItems".into(), true.into());
            }
            schema.into()
        }
        (Type::Tuple(items), Ty::Tuple(inner)) => {
            let prefix: Vec<Value> = items.iter().zip(inner).map(|(item, ty)| of_item(item, ty)).collect();
            json!({ "type": "array", "prefixItems": prefix, "minItems": items.len(), "maxItems": items.len() })
        }
        _ => json!({}),
    }
}

fn of_item(item: &Item, rust: &Ty) -> Value {
    nullable(of_type(&item.ty, rust), item.nullable)
}

fn nullable(schema: Value, nullable: bool) -> Value {
    if nullable { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema }
}

fn number<T: Copy + Into<Value> + PartialEq>(kind: &str, bounds: &Bounds<T>) -> Value {
    let mut schema = object(kind);
    let bounds = [
        (if bounds.above_min { "exclusiveMinimum" } else { "minimum" }, bounds.min),
        (if bounds.below_max { "exclusiveMaximum" } else { "maximum" }, bounds.max),
        ("multipleOf", bounds.multiple_of),
    ];
    for (keyword, bound) in bounds {
        if let Some(bound) = bound {
            schema.insert(keyword.into(), bound.into());
        }
    }
    schema.into()
}

fn length(schema: &mut Map<String, Value>, length: &Length, min: &str, max: &str) {
    for (keyword, bound) in [(min, length.min), (max, length.max)] {
        if let Some(bound) = bound {
            schema.insert(keyword.into(), bound.into());
        }
    }
}

fn object(kind: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), kind.into())])
}

/// A description without the indentation of the code it comes from.
fn tidy(description: &str) -> String {
    description.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}
