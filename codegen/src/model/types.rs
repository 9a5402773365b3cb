//! Resolves a single schema into a [`Type`].

use std::collections::{HashMap, HashSet, VecDeque};

use openapiv3::{
    AdditionalProperties, AnySchema, ArrayType, Discriminator, IntegerType, NumberType, ObjectType,
    ReferenceOr, Schema, SchemaKind, StringType, Type as Kind,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Bounds, ComponentName, Direction, Entries, Item, Keys, Length, List, Member, Pattern, Text, Tuple, Type,
    one_of::OneOf,
    pattern::PatternError,
    resolver::{Resolver, SchemaRef, schema_ref},
};
use crate::{
    error::{Error, pointer},
    normalize::{
        ENUM_NAME, IGNORED, NULL, PREFIX_ITEMS, PROPERTY_NAMES, REST_ITEMS, WIDE_BOUNDS, references::SCHEMAS,
    },
};

/// The extension that says if a string is the URL of a file. It takes precedence over the name of the property.
pub(super) const FILE_INPUT: &str = "x-fal-file-input";

/// The extension with the limits of files and image sizes.
pub(super) const LIMITS: &str = "x-fal";

/// The types of JSON Schema.
const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

impl Resolver<'_> {
    /// Resolves a schema or a reference. `property` is the name of the property that has the type, if any.
    pub(super) fn resolve(
        &mut self,
        schema: SchemaRef<'_>,
        property: Option<&str>,
        at: &str,
    ) -> Result<Item, Error> {
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
    ) -> Result<Item, Error> {
        self.report_ignored(schema, at);
        let nullable = schema.schema_data.nullable;
        if schema.schema_data.extensions.contains_key(NULL) {
            return Ok(Item { ty: Type::Null, nullable: false });
        }
        let mut item = match &schema.schema_kind {
            SchemaKind::AllOf { all_of } if all_of.len() == 1 => {
                self.resolve(schema_ref(&all_of[0]), property, &pointer(&pointer(at, "allOf"), 0))?
            }
            SchemaKind::AnyOf { any_of: branches } => {
                self.resolve_branches(branches, schema, property, &pointer(at, "anyOf"))?
            }
            SchemaKind::OneOf { one_of: branches } => {
                self.resolve_branches(branches, schema, property, &pointer(at, "oneOf"))?
            }
            kind => Item { ty: self.resolve_kind(kind, schema, property, at)?, nullable: false },
        };
        item.nullable = (item.nullable || nullable) && !matches!(item.ty, Type::Null);
        Ok(item)
    }

    /// Resolves a schema that has no other schema in its place.
    fn resolve_kind(
        &mut self,
        kind: &SchemaKind,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        match kind {
            SchemaKind::Type(Kind::String(text)) => Ok(self.resolve_text(text, schema, property, at)),
            SchemaKind::Type(Kind::Integer(integer)) => Ok(self.resolve_integer(integer, schema, at)),
            SchemaKind::Type(Kind::Number(number)) => Ok(number_type(number)),
            SchemaKind::Type(Kind::Boolean(boolean)) => {
                let mut values = boolean.enumeration.iter().flatten();
                Ok(match (values.next(), values.next()) {
                    (Some(only), None) => Type::BooleanConstant(*only),
                    _ => Type::Boolean,
                })
            }
            SchemaKind::Type(Kind::Array(array)) => self.resolve_list(array, schema, property, at),
            SchemaKind::Type(Kind::Object(object)) if object.properties.is_empty() => {
                self.resolve_map(object, schema, at)
            }
            SchemaKind::Type(Kind::Object(_)) => self.resolve_inline_object(schema, property, at),
            SchemaKind::Any(any) if *any == AnySchema::default() => Ok(Type::Any),
            SchemaKind::Any(any)
                if let Some(kind) = any.typ.as_deref().filter(|kind| !TYPES.contains(kind)) =>
            {
                self.untyped.push(at.to_owned());
                self.oddities.push(format!("{at}/type: `{kind}` is an unknown type; it is read as any JSON"));
                Ok(Type::Any)
            }
            SchemaKind::AnyOf { .. }
            | SchemaKind::OneOf { .. }
            | SchemaKind::AllOf { .. }
            | SchemaKind::Not { .. }
            | SchemaKind::Any(_) => {
                self.untyped.push(at.to_owned());
                Ok(Type::Any)
            }
        }
    }

    /// Reports the keywords of a schema that have no effect on its type.
    pub(super) fn report_ignored(&mut self, schema: &Schema, at: &str) {
        let ignored = schema.schema_data.extensions.get(IGNORED).and_then(Value::as_array);
        for keyword in ignored.into_iter().flatten().filter_map(Value::as_str) {
            self.unenforced.push(format!("{at}: `{keyword}` is not checked here"));
        }
    }

    fn resolve_map(&mut self, object: &ObjectType, schema: &Schema, at: &str) -> Result<Type, Error> {
        let item = match &object.additional_properties {
            Some(AdditionalProperties::Schema(values)) => {
                self.resolve(schema_ref(values), None, &pointer(at, "additionalProperties"))?
            }
            _ => Item { ty: Type::Any, nullable: false },
        };
        let mut length = Length { min: object.min_properties, max: object.max_properties };
        if object.additional_properties == Some(AdditionalProperties::Any(false)) {
            length.max = Some(0);
        }
        let keys = match schema.schema_data.extensions.get(PROPERTY_NAMES) {
            Some(names) => self.resolve_keys(names, &pointer(at, "propertyNames"))?,
            None => Keys::default(),
        };
        Ok(Type::Map(Box::new(item), Entries { length, keys }))
    }

    /// Resolves the schema of the names of an object's properties.
    fn resolve_keys(&mut self, names: &Value, at: &str) -> Result<Keys, Error> {
        Ok(match self.resolve_raw_item(names, None, at)?.ty {
            Type::Text(text) => Keys::Text(text),
            Type::TextEnum(values, _) => Keys::OneOf(values),
            // Every name is a string.
            Type::Any => Keys::default(),
            _ => {
                self.unenforced.push(format!("{at}: the names of properties are not checked"));
                Keys::default()
            }
        })
    }

    /// Resolves the branches of a union. Those of a union with a discriminator are objects.
    fn resolve_branches(
        &mut self,
        branches: &[ReferenceOr<Schema>],
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Item, Error> {
        let mut members = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            members.push(self.resolve(schema_ref(branch), property, &pointer(at, index))?);
        }
        // A discriminator can map to objects that are not listed as branches.
        let discriminator = schema.schema_data.discriminator.as_ref();
        if let Some(discriminator) = discriminator {
            let at = pointer(at.trim_end_matches("/oneOf").trim_end_matches("/anyOf"), "discriminator");
            let mut known: HashSet<String> = members.iter().filter_map(object_name).collect();
            for (value, target) in &discriminator.mapping {
                let mapped = self.resolve_reference(&full_reference(target), &pointer(&at, value))?;
                let is_new = match object_name(&mapped) {
                    Some(name) => known.insert(name),
                    None => !members.contains(&mapped),
                };
                if is_new {
                    members.push(mapped);
                }
            }
        }
        let nullable = members.iter().any(|member| member.nullable);
        let types: Vec<Type> = members.into_iter().map(|member| member.ty).collect();
        if matches!(schema.schema_kind, SchemaKind::OneOf { .. }) {
            let tag = discriminator.map(|discriminator| discriminator.property_name.clone());
            self.one_ofs.push(OneOf { at: at.to_owned(), types: types.clone(), tag });
        }
        let tagged = discriminator.and_then(|discriminator| self.tagged(discriminator, &types));
        Ok(match tagged {
            Some(tagged) => Item { ty: tagged, nullable },
            None => {
                let mut item = union_of(types);
                item.nullable |= nullable;
                item
            }
        })
    }

    /// Returns the union whose members are identified by the value of a property, if every member is an object.
    ///
    /// Members have the values of the mapping, if any.
    fn tagged(&mut self, discriminator: &Discriminator, types: &[Type]) -> Option<Type> {
        let tag = &discriminator.property_name;
        let mut members: Vec<Member> = Vec::with_capacity(types.len());
        let mut mapped: HashMap<String, Vec<String>> = HashMap::new();
        for (value, target) in &discriminator.mapping {
            if let Ok((component, ..)) = self.component(&full_reference(target), "") {
                mapped.entry(component.to_owned()).or_default().push(value.clone());
            }
        }
        let mut known = HashSet::new();
        for ty in types {
            match ty {
                Type::Object(name) if !known.insert(name) => {}
                Type::Object(name) => {
                    let tags = mapped.get(name.as_str()).cloned().unwrap_or_default();
                    members.push(Member { tags, object: name.clone(), writes_tag: true });
                }
                Type::Tagged(inner, nested, _) if inner == tag => {
                    members.extend(nested.iter().cloned());
                }
                _ => return None,
            }
        }
        self.tags.extend(members.iter().map(|member| (member.object.clone(), tag.clone())));
        Some(Type::Tagged(tag.clone(), members, None))
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
            return Type::TextEnum(values, enum_name(schema));
        }
        let length = Length { min: text.min_length, max: text.max_length };
        let pattern = text.pattern.as_deref().and_then(|pattern| self.read_pattern(pattern, at));
        let rules = Text { length, pattern };
        let marked = schema.schema_data.extensions.get(FILE_INPUT).and_then(Value::as_bool);
        if self.direction == Direction::Input && marked.unwrap_or(property.is_some_and(is_file_property)) {
            let limits = schema.schema_data.extensions.get(LIMITS).cloned().unwrap_or_default();
            return Type::File(rules, limits);
        }
        Type::Text(rules)
    }

    /// Resolves an integer, whose bounds decide about the size of its type.
    fn resolve_integer(&mut self, integer: &IntegerType, schema: &Schema, at: &str) -> Type {
        let values: Vec<i64> = integer.enumeration.iter().flatten().copied().collect();
        if !values.is_empty() {
            return Type::IntegerEnum(values, enum_name(schema));
        }
        let Bounds { min, max, multiple_of, .. } = inclusive_bounds(integer);
        let wide = schema.schema_data.extensions.get(WIDE_BOUNDS);
        let wide = |keyword: &str| wide?.get(keyword)?.as_str()?.parse::<i128>().ok();
        let (wide_min, wide_max) = (wide("minimum"), wide("maximum"));
        // Without a bound on one side, an integer may be beyond `i64` there. One without any bound has a type for that.
        let is_bounded = min.is_some() || max.is_some() || multiple_of.is_some();
        let is_open = is_bounded && (min.is_none() || max.is_none());
        if wide_min.is_none() && wide_max.is_none() && !is_open {
            return Type::Integer(inclusive_bounds(integer));
        }
        let bounds = Bounds {
            min: min.map(i128::from).or(wide_min),
            above_min: false,
            max: max.map(i128::from).or(wide_max),
            below_max: false,
            multiple_of: multiple_of.map(i128::from),
        };
        // Beyond 64 bits, JSON numbers are read as floats.
        let is_huge = bounds.min.is_some_and(|min| min < i128::from(i64::MIN))
            || bounds.max.is_some_and(|max| max > i128::from(u64::MAX));
        if is_huge {
            self.unenforced.push(format!("{at}: integers beyond 64 bits lose their last digits"));
        }
        Type::WideInteger(bounds)
    }

    /// Reads a pattern. One that is not checked is an oddity.
    fn read_pattern(&mut self, pattern: &str, at: &str) -> Option<Pattern> {
        let at = pointer(at, "pattern");
        match Pattern::parse(pattern) {
            Ok(pattern) => Some(pattern),
            Err(PatternError::Unsupported(reason)) => {
                self.unenforced.push(format!("{at}: `{pattern}` is not checked: {reason}"));
                Some(Pattern::unchecked(pattern))
            }
            Err(PatternError::Invalid(reason)) => {
                self.oddities
                    .push(format!("{at}: `{pattern}` is left out, because it is not a pattern: {reason}"));
                None
            }
        }
    }

    fn resolve_list(
        &mut self,
        array: &ArrayType,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        if let Some(Value::Array(items)) = schema.schema_data.extensions.get(PREFIX_ITEMS) {
            return self.resolve_tuple(items, array, schema, property, at).map(Type::Tuple);
        }
        let item = match &array.items {
            Some(items) => self.resolve(schema_ref(items), property, &pointer(at, "items"))?,
            None => Item { ty: Type::Any, nullable: false },
        };
        let length = Length { min: array.min_items, max: array.max_items };
        Ok(Type::List(Box::new(item), List { length, unique: array.unique_items }))
    }

    fn resolve_tuple(
        &mut self,
        items: &[Value],
        array: &ArrayType,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Tuple, Error> {
        let (min, max) = (array.min_items.unwrap_or(0), array.max_items.unwrap_or(usize::MAX));
        let prefix = items.iter().take(max).enumerate().map(|(index, item)| {
            self.resolve_raw_item(item, property, &pointer(&pointer(at, "prefixItems"), index))
        });
        let prefix: Vec<Item> = prefix.collect::<Result<_, _>>()?;
        let count = prefix.len();
        let rest = schema.schema_data.extensions.get(REST_ITEMS).filter(|_| max > count);
        let rest =
            rest.map(|rest| self.resolve_raw_item(rest, property, &pointer(at, "items"))).transpose()?;
        let rest = rest.map(|item| {
            let length = Length {
                min: Some(min.saturating_sub(count)).filter(|min| *min > 0),
                max: array.max_items.map(|max| max - count),
            };
            (Box::new(item), length)
        });
        if array.unique_items {
            self.unenforced
                .push(format!("{at}: `uniqueItems` of a list with a type for each position is not checked"));
        }
        if min > max || min > count && rest.is_none() {
            self.oddities.push(format!("{at}: no list has as many items as `minItems` requires"));
        }
        Ok(Tuple { items: prefix, required: min.min(count), rest })
    }

    /// Resolves an item that is in an extension.
    fn resolve_raw_item(&mut self, item: &Value, property: Option<&str>, at: &str) -> Result<Item, Error> {
        let item =
            ReferenceOr::<Schema>::deserialize(item).map_err(|error| self.error(at, error.to_string()))?;
        self.resolve(schema_ref(&item), property, at)
    }
}

/// Returns the name of the object that values are, unless they may be something else.
fn object_name(item: &Item) -> Option<String> {
    match &item.ty {
        Type::Object(name) if !item.nullable => Some(name.clone()),
        _ => None,
    }
}

/// Returns the reference of a mapping, which may be the name of a component alone.
fn full_reference(target: &str) -> String {
    if target.starts_with('#') { target.to_owned() } else { format!("{SCHEMAS}{target}") }
}

/// Returns the union of several types without duplicates and nested unions. A union of one type is that type.
fn union_of(types: Vec<Type>) -> Item {
    let nullable = types.contains(&Type::Null) || types.contains(&Type::Any);
    let mut kinds: Vec<Type> = Vec::with_capacity(types.len());
    let mut rest: VecDeque<Type> = types.into();
    while let Some(ty) = rest.pop_front() {
        if let Type::Union(inner, _) = ty {
            inner.into_iter().rev().for_each(|inner| rest.push_front(inner));
            continue;
        }
        // Enums become one, in which each value has one name.
        let merged = kinds.iter_mut().any(|kind| match (kind, &ty) {
            (Type::TextEnum(known, name), Type::TextEnum(values, other)) => {
                *name = name.take().filter(|name| other.as_ref() == Some(name));
                add_missing(known, values)
            }
            (Type::IntegerEnum(known, name), Type::IntegerEnum(values, other)) => {
                *name = name.take().filter(|name| other.as_ref() == Some(name));
                add_missing(known, values)
            }
            (Type::NumberEnum(known), Type::NumberEnum(values)) => add_missing(known, values),
            (kind @ Type::BooleanConstant(_), Type::BooleanConstant(_) | Type::Boolean) if *kind != ty => {
                *kind = Type::Boolean;
                true
            }
            (Type::Boolean, Type::BooleanConstant(_)) | (_, Type::Null) => true,
            (kind, ty) => kind == ty,
        });
        if !merged && ty != Type::Null {
            kinds.push(ty);
        }
    }
    match kinds.len() {
        0 if nullable => Item { ty: Type::Null, nullable: false },
        1 => Item { ty: kinds.remove(0), nullable },
        // Any value may be null too.
        _ => Item { nullable: nullable || kinds.contains(&Type::Any), ty: Type::Union(kinds, None) },
    }
}

/// Returns the name that several enums outside of the components share.
fn enum_name(schema: &Schema) -> Option<ComponentName> {
    let name = schema.schema_data.extensions.get(ENUM_NAME)?.as_str()?.to_owned();
    Some(ComponentName { name, description: String::new() })
}

/// Adds the values that are missing, and returns true.
fn add_missing<T: Clone + PartialEq>(known: &mut Vec<T>, values: &[T]) -> bool {
    for value in values {
        if !known.contains(value) {
            known.push(value.clone());
        }
    }
    true
}

/// Returns inclusive bounds. For integers, exclusive ones are the same as inclusive ones that are one tighter.
fn inclusive_bounds(integer: &IntegerType) -> Bounds<i64> {
    Bounds {
        min: integer.minimum.map(|min| if integer.exclusive_minimum { min.saturating_add(1) } else { min }),
        above_min: false,
        max: integer.maximum.map(|max| if integer.exclusive_maximum { max.saturating_sub(1) } else { max }),
        below_max: false,
        multiple_of: integer.multiple_of,
    }
}

fn number_type(number: &NumberType) -> Type {
    let values: Vec<f64> = number.enumeration.iter().flatten().copied().collect();
    if values.is_empty() { Type::Number(number_bounds(number)) } else { Type::NumberEnum(values) }
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
