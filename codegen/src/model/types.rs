//! Resolves a single schema into a [`Type`].

use openapiv3::{
    AdditionalProperties, AnySchema, ArrayType, Discriminator, IntegerType, NumberType, ReferenceOr, Schema,
    SchemaKind, StringType, Type as Kind,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Bounds, Direction, Item, Length, List, Text, Type,
    resolver::{Resolver, SchemaRef, schema_ref},
};
use crate::{
    error::{Error, pointer},
    normalize::PREFIX_ITEMS,
};

impl Resolver<'_> {
    /// Resolves a schema or a reference. `property` is the name of the property that has the type, if any.
    pub(super) fn resolve(
        &mut self,
        schema: SchemaRef<'_>,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        self.with_depth(at, |resolver| match schema {
            SchemaRef::Reference(reference) => resolver.resolve_reference(reference, at),
            SchemaRef::Item(schema) => resolver.resolve_schema(schema, property, at),
        })
    }

    pub(super) fn resolve_schema(
        &mut self,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        match &schema.schema_kind {
            SchemaKind::Type(Kind::String(text)) => Ok(self.resolve_text(text, schema, property, at)),
            SchemaKind::Type(Kind::Integer(integer)) => Ok(integer_type(integer)),
            SchemaKind::Type(Kind::Number(number)) => Ok(Type::Number(number_bounds(number))),
            SchemaKind::Type(Kind::Boolean(_)) => Ok(Type::Boolean),
            SchemaKind::Type(Kind::Array(array)) => self.resolve_list(array, schema, property, at),
            SchemaKind::Type(Kind::Object(object)) if object.properties.is_empty() => {
                self.resolve_map(object.additional_properties.as_ref(), at)
            }
            SchemaKind::Type(Kind::Object(_)) => self.resolve_inline_object(schema, property, at),
            SchemaKind::AllOf { all_of } if all_of.len() == 1 => {
                self.resolve(schema_ref(&all_of[0]), property, &pointer(&pointer(at, "allOf"), 0))
            }
            SchemaKind::AnyOf { any_of } => self.resolve_union(any_of, property, &pointer(at, "anyOf")),
            SchemaKind::OneOf { one_of } => match &schema.schema_data.discriminator {
                Some(discriminator) if !discriminator.mapping.is_empty() => {
                    self.resolve_tagged(discriminator, at)
                }
                _ => self.resolve_union(one_of, property, &pointer(at, "oneOf")),
            },
            SchemaKind::Any(any) if *any == AnySchema::default() => Ok(Type::Any),
            SchemaKind::AllOf { .. } | SchemaKind::Not { .. } | SchemaKind::Any(_) => {
                self.untyped.push(at.to_owned());
                Ok(Type::Any)
            }
        }
    }

    fn resolve_map(&mut self, values: Option<&AdditionalProperties>, at: &str) -> Result<Type, Error> {
        let item = match values {
            Some(AdditionalProperties::Schema(values)) => {
                self.resolve_item(schema_ref(values), None, &pointer(at, "additionalProperties"))?
            }
            _ => Item { ty: Type::Any, nullable: false },
        };
        Ok(Type::Map(Box::new(item)))
    }

    fn resolve_item(
        &mut self,
        schema: SchemaRef<'_>,
        property: Option<&str>,
        at: &str,
    ) -> Result<Item, Error> {
        let ty = self.resolve(schema, property, at)?;
        let nullable = matches!(schema, SchemaRef::Item(schema) if schema.schema_data.nullable);
        Ok(Item { ty, nullable })
    }

    /// Resolves a union without duplicates. A union of one type is that type.
    fn resolve_union(
        &mut self,
        branches: &[ReferenceOr<Schema>],
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        let mut kinds: Vec<Type> = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let kind = self.resolve(schema_ref(branch), property, &pointer(at, index))?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(if kinds.len() == 1 { kinds.remove(0) } else { Type::Union(kinds) })
    }

    /// Resolves a union whose members are identified by the value of a property.
    fn resolve_tagged(&mut self, discriminator: &Discriminator, at: &str) -> Result<Type, Error> {
        let at = pointer(at, "discriminator");
        let mut variants = Vec::with_capacity(discriminator.mapping.len());
        for (value, target) in &discriminator.mapping {
            let reference = match target.strip_prefix('#') {
                Some(_) => target.clone(),
                None => format!("#/components/schemas/{target}"),
            };
            variants.push((value.clone(), self.resolve_reference(&reference, &pointer(&at, value))?));
        }
        Ok(Type::Tagged(discriminator.property_name.clone(), variants))
    }

    fn resolve_text(&mut self, text: &StringType, schema: &Schema, property: Option<&str>, at: &str) -> Type {
        let values: Vec<String> = text.enumeration.iter().flatten().cloned().collect();
        if !values.is_empty() {
            for value in values
                .iter()
                .filter(|value| value.trim() != *value && values.iter().any(|one| one == value.trim()))
            {
                self.oddities.push(format!(
                    "{at}: {value:?} differs from another value by blanks alone; both are kept"
                ));
            }
            return Type::TextEnum(values);
        }
        let length = Length { min: text.min_length, max: text.max_length };
        let rules = Text { length, pattern: text.pattern.clone() };
        if self.direction == Direction::Input && property.is_some_and(is_file_property) {
            let limits = schema.schema_data.extensions.get("x-fal").cloned().unwrap_or_default();
            return Type::File(rules, limits);
        }
        Type::Text(rules)
    }

    fn resolve_list(
        &mut self,
        array: &ArrayType,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        if let Some(Value::Array(items)) = schema.schema_data.extensions.get(PREFIX_ITEMS) {
            let items = items.iter().enumerate().map(|(index, item)| {
                let at = pointer(&pointer(at, "prefixItems"), index);
                let item = ReferenceOr::<Schema>::deserialize(item)
                    .map_err(|error| self.error(&at, error.to_string()))?;
                self.resolve_item(schema_ref(&item), property, &at)
            });
            return Ok(Type::Tuple(items.collect::<Result<_, _>>()?));
        }
        let item = match &array.items {
            Some(items) => self.resolve_item(schema_ref(items), property, &pointer(at, "items"))?,
            None => Item { ty: Type::Any, nullable: false },
        };
        let length = Length { min: array.min_items, max: array.max_items };
        Ok(Type::List(Box::new(item), List { length, unique: array.unique_items }))
    }
}

fn integer_type(integer: &IntegerType) -> Type {
    let values: Vec<i64> = integer.enumeration.iter().flatten().copied().collect();
    if !values.is_empty() {
        return Type::IntegerEnum(values);
    }
    // For integers, exclusive bounds are the same as inclusive ones that are one tighter.
    Type::Integer(Bounds {
        min: integer.minimum.map(|min| if integer.exclusive_minimum { min.saturating_add(1) } else { min }),
        above_min: false,
        max: integer.maximum.map(|max| if integer.exclusive_maximum { max.saturating_sub(1) } else { max }),
        below_max: false,
        multiple_of: integer.multiple_of,
    })
}

fn number_bounds(number: &NumberType) -> Bounds<f64> {
    Bounds {
        min: number.minimum,
        above_min: number.exclusive_minimum,
        max: number.maximum,
        below_max: number.exclusive_maximum,
        multiple_of: number.multiple_of,
    }
}

/// Returns true for names such as `image_url`, `urls` and `image_url_2`, which fal gives to parameters that take a file.
fn is_file_property(property: &str) -> bool {
    let stem = property.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if stem.len() < property.len() { stem.strip_suffix('_').unwrap_or("") } else { stem };
    let last = stem.rsplit('_').next();
    matches!(last, Some("url" | "urls"))
}

#[cfg(test)]
mod tests {
    use super::is_file_property;

    #[test]
    fn file_parameters_are_recognized_by_name() {
        for name in ["url", "image_url", "image_urls", "reference_image_url_2"] {
            assert!(is_file_property(name), "{name}");
        }
        for name in ["curl", "url2", "url_prefix", "webhook_url_id", "", "2"] {
            assert!(!is_file_property(name), "{name}");
        }
    }
}
