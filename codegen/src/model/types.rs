//! From one schema to one [`Type`].

use openapiv3::{
    AdditionalProperties, AnySchema, ArrayType, Discriminator, IntegerType, NumberType, ReferenceOr, Schema,
    SchemaKind, StringType, Type as Kind,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Bounds, Direction, Item, Length, List, Text, Type,
    resolve::{Borrowed, Resolver, borrowed},
};
use crate::{Error, error::pointer, normalize::TUPLE};

impl Resolver<'_> {
    /// The type of a schema or reference. `property` is the name it stands under, if any.
    pub(super) fn ty(
        &mut self,
        schema: Borrowed<'_>,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        self.deeper(at, |resolver| match schema {
            Borrowed::Reference(reference) => resolver.reference(reference, at),
            Borrowed::Item(schema) => resolver.schema(schema, property, at),
        })
    }

    pub(super) fn schema(
        &mut self,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        match &schema.schema_kind {
            SchemaKind::Type(Kind::String(text)) => Ok(self.text(text, schema, property, at)),
            SchemaKind::Type(Kind::Integer(integer)) => Ok(whole(integer)),
            SchemaKind::Type(Kind::Number(number)) => Ok(Type::Number(bounds(number))),
            SchemaKind::Type(Kind::Boolean(_)) => Ok(Type::Boolean),
            SchemaKind::Type(Kind::Array(array)) => self.list(array, schema, property, at),
            SchemaKind::Type(Kind::Object(object)) if object.properties.is_empty() => {
                self.map(object.additional_properties.as_ref(), at)
            }
            SchemaKind::Type(Kind::Object(_)) => self.inline_object(schema, property, at),
            SchemaKind::AllOf { all_of } if all_of.len() == 1 => {
                self.ty(borrowed(&all_of[0]), property, &pointer(&pointer(at, "allOf"), 0))
            }
            SchemaKind::AnyOf { any_of } => self.union(any_of, property, &pointer(at, "anyOf")),
            SchemaKind::OneOf { one_of } => match &schema.schema_data.discriminator {
                Some(discriminator) if !discriminator.mapping.is_empty() => self.tagged(discriminator, at),
                _ => self.union(one_of, property, &pointer(at, "oneOf")),
            },
            SchemaKind::Any(any) if *any == AnySchema::default() => Ok(Type::Any),
            SchemaKind::AllOf { .. } | SchemaKind::Not { .. } | SchemaKind::Any(_) => {
                self.untyped.push(at.to_owned());
                Ok(Type::Any)
            }
        }
    }

    fn map(&mut self, values: Option<&AdditionalProperties>, at: &str) -> Result<Type, Error> {
        let item = match values {
            Some(AdditionalProperties::Schema(values)) => {
                self.item(borrowed(values), None, &pointer(at, "additionalProperties"))?
            }
            _ => Item { ty: Type::Any, nullable: false },
        };
        Ok(Type::Map(Box::new(item)))
    }

    fn item(&mut self, schema: Borrowed<'_>, property: Option<&str>, at: &str) -> Result<Item, Error> {
        let ty = self.ty(schema, property, at)?;
        let nullable = matches!(schema, Borrowed::Item(schema) if schema.schema_data.nullable);
        Ok(Item { ty, nullable })
    }

    /// The kinds of a union, each once. One kind alone is no union.
    fn union(
        &mut self,
        branches: &[ReferenceOr<Schema>],
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        let mut kinds: Vec<Type> = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let kind = self.ty(borrowed(branch), property, &pointer(at, index))?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(if kinds.len() == 1 { kinds.remove(0) } else { Type::Union(kinds) })
    }

    /// A union whose members say in one property which they are.
    fn tagged(&mut self, discriminator: &Discriminator, at: &str) -> Result<Type, Error> {
        let at = pointer(at, "discriminator");
        let mut variants = Vec::with_capacity(discriminator.mapping.len());
        for (value, target) in &discriminator.mapping {
            let reference = match target.strip_prefix('#') {
                Some(_) => target.clone(),
                None => format!("#/components/schemas/{target}"),
            };
            variants.push((value.clone(), self.reference(&reference, &pointer(&at, value))?));
        }
        Ok(Type::Tagged(discriminator.property_name.clone(), variants))
    }

    fn text(&mut self, text: &StringType, schema: &Schema, property: Option<&str>, at: &str) -> Type {
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
        if self.direction == Direction::Input && property.is_some_and(names_a_file) {
            let limits = schema.schema_data.extensions.get("x-fal").cloned().unwrap_or_default();
            return Type::File(rules, limits);
        }
        Type::Text(rules)
    }

    fn list(
        &mut self,
        array: &ArrayType,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        if let Some(Value::Array(items)) = schema.schema_data.extensions.get(TUPLE) {
            let items = items.iter().enumerate().map(|(index, item)| {
                let at = pointer(&pointer(at, "prefixItems"), index);
                let item = ReferenceOr::<Schema>::deserialize(item)
                    .map_err(|error| self.error(&at, error.to_string()))?;
                self.item(borrowed(&item), property, &at)
            });
            return Ok(Type::Tuple(items.collect::<Result<_, _>>()?));
        }
        let item = match &array.items {
            Some(items) => self.item(borrowed(items), property, &pointer(at, "items"))?,
            None => Item { ty: Type::Any, nullable: false },
        };
        let length = Length { min: array.min_items, max: array.max_items };
        Ok(Type::List(Box::new(item), List { length, unique: array.unique_items }))
    }
}

fn whole(integer: &IntegerType) -> Type {
    let values: Vec<i64> = integer.enumeration.iter().flatten().copied().collect();
    if !values.is_empty() {
        return Type::IntegerEnum(values);
    }
    // Between integers, above 0 is the same as at least 1.
    Type::Integer(Bounds {
        min: integer.minimum.map(|min| if integer.exclusive_minimum { min.saturating_add(1) } else { min }),
        above_min: false,
        max: integer.maximum.map(|max| if integer.exclusive_maximum { max.saturating_sub(1) } else { max }),
        below_max: false,
        multiple_of: integer.multiple_of,
    })
}

fn bounds(number: &NumberType) -> Bounds<f64> {
    Bounds {
        min: number.minimum,
        above_min: number.exclusive_minimum,
        max: number.maximum,
        below_max: number.exclusive_maximum,
        multiple_of: number.multiple_of,
    }
}

/// `image_url`, `urls`, `image_url_2`: fal names every parameter that takes a file so.
fn names_a_file(property: &str) -> bool {
    let stem = property.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if stem.len() < property.len() { stem.strip_suffix('_').unwrap_or("") } else { stem };
    let last = stem.rsplit('_').next();
    matches!(last, Some("url" | "urls"))
}

#[cfg(test)]
mod tests {
    use super::names_a_file;

    #[test]
    fn files_are_told_by_their_names() {
        for name in ["url", "image_url", "image_urls", "reference_image_url_2"] {
            assert!(names_a_file(name), "{name}");
        }
        for name in ["curl", "url2", "url_prefix", "webhook_url_id", "", "2"] {
            assert!(!names_a_file(name), "{name}");
        }
    }
}
