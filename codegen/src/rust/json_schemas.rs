//! JSON Schemas of fields and unions, for the feature `schemars`.
//!
//! A schema refers to another generated type as `{"$type": <name>}`.

use serde_json::{Map, Value, json};

use super::Ty;
use crate::model::{Bounds, Item, Keys, Length, Property, Text, Tuple, Type};

/// The keyword of a reference to a generated type.
pub(crate) const TYPE: &str = "$type";

/// Returns a schema in which `replace` has replaced the schemas for which it returns another one. Values, such as defaults,
/// may look like schemas, but are none.
pub(crate) fn replace_schemas(
    schema: &Value,
    replace: &mut dyn FnMut(&Map<String, Value>) -> Option<Value>,
) -> Value {
    match schema {
        Value::Array(schemas) => schemas.iter().map(|schema| replace_schemas(schema, replace)).collect(),
        Value::Object(object) => {
            if let Some(replaced) = replace(object) {
                return replaced;
            }
            let keywords = object.iter().map(|(keyword, value)| {
                let value = match (keyword.as_str(), value) {
                    ("default" | "const" | "enum" | "examples", value) => value.clone(),
                    ("properties", Value::Object(properties)) => {
                        let properties = properties.iter();
                        properties
                            .map(|(name, schema)| (name.clone(), replace_schemas(schema, replace)))
                            .collect()
                    }
                    (_, value) => replace_schemas(value, replace),
                };
                (keyword.clone(), value)
            });
            keywords.collect()
        }
        other => other.clone(),
    }
}

/// Returns the schema of a property, with its description and default.
pub(super) fn property_schema(property: &Property, ty: &Ty) -> Value {
    let mut schema = with_null(type_schema(&property.ty, ty), property.nullable);
    if let Value::Object(object) = &mut schema {
        if let Some(description) = &property.description {
            object.insert("description".into(), trim_lines(description).into());
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

/// Returns the schema of a property that has one value.
pub(super) fn constant_schema(property: &Property) -> Value {
    let mut schema = json!({ "const": property.constant });
    if let Some(description) = &property.description {
        schema["description"] = trim_lines(description).into();
    }
    schema
}

/// Returns the schema of a type, which became the Rust type `rust`.
pub(super) fn type_schema(ty: &Type, rust: &Ty) -> Value {
    match (ty, rust) {
        (_, Ty::Boxed(inner)) => type_schema(ty, inner),
        (_, Ty::Option(inner)) => type_schema(ty, inner),
        (Type::Text(text), _) | (Type::File(text, _), _) => text_schema(text),
        (Type::Integer(bounds), _) => number_schema("integer", bounds),
        (Type::Number(bounds), _) => number_schema("number", bounds),
        (Type::WideInteger(bounds), _) => number_schema_with("integer", bounds, wide_value),
        (Type::NumberEnum(values), _) => json!({ "type": "number", "enum": values }),
        (Type::Boolean, _) => typed_object("boolean").into(),
        (Type::BooleanConstant(value), _) => json!({ "type": "boolean", "const": value }),
        (Type::Null, _) => typed_object("null").into(),
        // In outputs, an enum of integers is an integer and has no type to refer to.
        (Type::IntegerEnum(values, _), Ty::Integer) => json!({ "type": "integer", "enum": values }),
        (_, Ty::Named(name)) => json!({ TYPE: name }),
        (Type::Map(item, entries), Ty::Map(inner)) => {
            let mut schema = typed_object("object");
            match &entries.keys {
                Keys::Text(text) if *text == Text::default() => {}
                Keys::Text(text) => drop(schema.insert("propertyNames".into(), text_schema(text))),
                Keys::OneOf(values) => drop(schema.insert("propertyNames".into(), json!({ "enum": values }))),
            }
            schema.insert("additionalProperties".into(), item_schema(item, inner));
            insert_length(&mut schema, &entries.length, "minProperties", "maxProperties");
            schema.into()
        }
        (Type::List(item, list), Ty::List(inner)) => {
            let mut schema = typed_object("array");
            schema.insert("items".into(), item_schema(item, inner));
            insert_length(&mut schema, &list.length, "minItems", "maxItems");
            if list.unique {
                schema.insert("uniqueItems".into(), true.into());
            }
            schema.into()
        }
        (Type::Tuple(tuple), Ty::Tuple(inner)) => tuple_schema(tuple, inner),
        _ => json!({}),
    }
}

/// Returns the schema of a tuple. `rust` has the types of its items, and of the items after them.
pub(super) fn tuple_schema(tuple: &Tuple, rust: &[Ty]) -> Value {
    let prefix: Vec<Value> = tuple.items.iter().zip(rust).map(|(item, ty)| item_schema(item, ty)).collect();
    let count = prefix.len();
    let mut schema = typed_object("array");
    if !prefix.is_empty() {
        schema.insert("prefixItems".into(), prefix.into());
    }
    let mut bounds = Length { min: Some(tuple.required).filter(|min| *min > 0), max: Some(count) };
    if let Some((item, length)) = &tuple.rest {
        if let Some(ty) = rust.last()
            && item.ty != Type::Any
        {
            schema.insert("items".into(), item_schema(item, ty));
        }
        bounds.max = length.max.map(|max| max + count);
        bounds.min = length.min.map(|min| min + count).or(bounds.min);
    }
    insert_length(&mut schema, &bounds, "minItems", "maxItems");
    schema.into()
}

pub(super) fn item_schema(item: &Item, rust: &Ty) -> Value {
    with_null(type_schema(&item.ty, rust), item.nullable)
}

fn with_null(schema: Value, nullable: bool) -> Value {
    if nullable { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema }
}

fn number_schema<T: Copy + Into<Value>>(kind: &str, bounds: &Bounds<T>) -> Value {
    number_schema_with(kind, bounds, Into::into)
}

/// Returns an integer in JSON, which is exact within 64 bits.
#[allow(clippy::cast_precision_loss, reason = "JSON has no exact numbers beyond 64 bits")]
fn wide_value(bound: i128) -> Value {
    let exact = i64::try_from(bound).map(Value::from).or_else(|_| u64::try_from(bound).map(Value::from));
    exact.unwrap_or_else(|_| (bound as f64).into())
}

fn number_schema_with<T: Copy>(kind: &str, bounds: &Bounds<T>, to_value: impl Fn(T) -> Value) -> Value {
    let mut schema = typed_object(kind);
    let bounds = [
        (if bounds.above_min { "exclusiveMinimum" } else { "minimum" }, bounds.min),
        (if bounds.below_max { "exclusiveMaximum" } else { "maximum" }, bounds.max),
        ("multipleOf", bounds.multiple_of),
    ];
    for (keyword, bound) in bounds {
        if let Some(bound) = bound {
            schema.insert(keyword.into(), to_value(bound));
        }
    }
    schema.into()
}

fn text_schema(text: &Text) -> Value {
    let mut schema = typed_object("string");
    insert_length(&mut schema, &text.length, "minLength", "maxLength");
    if let Some(pattern) = &text.pattern {
        schema.insert("pattern".into(), pattern.source.clone().into());
    }
    schema.into()
}

fn insert_length(schema: &mut Map<String, Value>, length: &Length, min: &str, max: &str) {
    for (keyword, bound) in [(min, length.min), (max, length.max)] {
        if let Some(bound) = bound {
            schema.insert(keyword.into(), bound.into());
        }
    }
}

fn typed_object(kind: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), kind.into())])
}

/// Removes the indentation that a description has in the source code of the app.
fn trim_lines(description: &str) -> String {
    description.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}
