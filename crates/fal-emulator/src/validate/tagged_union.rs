//! Unions whose alternatives the value of one property distinguishes.

use serde_json::Value;

use crate::components::Components;

/// A union with a `discriminator`.
pub(crate) struct TaggedUnion<'a> {
    /// The property that holds the tag.
    pub(super) property: &'a str,
    /// The alternatives by their tags. One with several tags is there several times.
    pub(super) alternatives: Vec<(Value, &'a Value)>,
}

impl<'a> TaggedUnion<'a> {
    /// Returns the name of the property that holds the tag, if a schema has one.
    pub(crate) fn property_name(schema: &Value) -> Option<&str> {
        schema.get("oneOf")?.as_array()?;
        schema.get("discriminator")?.get("propertyName")?.as_str()
    }

    /// Reads a union. Returns `None` if the schema is not one, or if an alternative has no tag.
    pub(super) fn parse(schema: &'a Value, components: &'a Components) -> Option<Self> {
        let property = Self::property_name(schema)?;
        let mut alternatives = Vec::new();
        for alternative in schema.get("oneOf")?.as_array()? {
            let (model, _) = components.resolve(alternative);
            let (tag, _) = components.resolve(model.get("properties")?.get(property)?);
            match (tag.get("const"), tag.get("enum")) {
                (Some(only), _) => alternatives.push((only.clone(), alternative)),
                (None, several) => {
                    alternatives.extend(several?.as_array()?.iter().map(|tag| (tag.clone(), alternative)));
                }
            }
        }
        Some(Self { property, alternatives })
    }

    /// Returns the tags in the order of the alternatives.
    pub(super) fn tags(&self) -> Vec<Value> {
        self.alternatives.iter().map(|(tag, _)| tag.clone()).collect()
    }
}
