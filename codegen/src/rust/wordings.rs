//! Shared types as single endpoints describe them.
//!
//! Endpoints share a type even if their documents describe it in different words. The JSON Schema of an input says what
//! its own document says, so there is a schema for each description.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Item, Struct, VariantKind,
    json_schemas::{TYPE, replace_schemas},
};
use crate::model::{Item as ModelItem, Object, Property, Type, TypeGraph};

/// A shared type with the descriptions of another endpoint than the first.
#[derive(Debug, Clone)]
pub struct Described {
    /// The name of the type that stands for it in `json_schema.rs`.
    pub marker: String,
    /// The endpoint.
    pub endpoint: String,
    /// The type, with the schema in these words.
    pub item: Item,
}

/// A shared type in the words of another endpoint.
#[derive(Debug)]
pub(super) struct Wording<'a, T> {
    /// The name of the type that stands for it in `json_schema.rs`.
    pub(super) marker: String,
    pub(super) endpoint: &'a str,
    pub(super) described: &'a T,
    pub(super) graph: &'a TypeGraph,
}

impl Described {
    pub(super) fn new<T>(wording: &Wording<'_, T>, item: Item) -> Self {
        Self { marker: wording.marker.clone(), endpoint: wording.endpoint.to_owned(), item }
    }
}

/// Returns true if two graphs describe an object in the same words. The object has the same structure in both.
pub(super) fn have_same_words(left: &TypeGraph, right: &TypeGraph, component: &str) -> bool {
    Comparison { left, right, seen: Vec::new() }.objects(component)
}

/// Returns true if two graphs describe a type in the same words. It has the same structure in both.
pub(super) fn have_types_same_words(left: (&TypeGraph, &Type), right: (&TypeGraph, &Type)) -> bool {
    Comparison { left: left.0, right: right.0, seen: Vec::new() }.types(left.1, right.1)
}

struct Comparison<'a> {
    left: &'a TypeGraph,
    right: &'a TypeGraph,
    seen: Vec<String>,
}

impl Comparison<'_> {
    fn objects(&mut self, component: &str) -> bool {
        if std::ptr::eq(self.left, self.right) || self.seen.iter().any(|seen| seen == component) {
            return true;
        }
        let (Some(left), Some(right)) = (self.left.objects.get(component), self.right.objects.get(component))
        else {
            return false;
        };
        self.seen.push(component.to_owned());
        are_same(Some(&left.description), Some(&right.description))
            && left.properties.iter().all(|property| {
                let twin = right.properties.iter().find(|twin| twin.name == property.name);
                twin.is_some_and(|twin| self.properties(property, twin))
            })
            && match (left.others.kept(), right.others.kept()) {
                (Some(left), Some(right)) => self.items(left, right),
                _ => true,
            }
    }

    fn properties(&mut self, left: &Property, right: &Property) -> bool {
        left.deprecated == right.deprecated
            && are_same(left.description.as_ref(), right.description.as_ref())
            && self.types(&left.ty, &right.ty)
    }

    fn types(&mut self, left: &Type, right: &Type) -> bool {
        match (left, right) {
            (Type::Object(left), Type::Object(right)) => left == right && self.objects(left),
            (Type::Map(left, _), Type::Map(right, _)) | (Type::List(left, _), Type::List(right, _)) => {
                self.items(left, right)
            }
            (Type::Tuple(left), Type::Tuple(right)) => {
                left.types().zip(right.types()).all(|(left, right)| self.types(left, right))
            }
            (Type::Union(left, _), Type::Union(right, _)) => left.iter().all(|left| {
                right.iter().any(|right| {
                    std::mem::discriminant(left) == std::mem::discriminant(right) && self.types(left, right)
                })
            }),
            (Type::Tagged(_, left, _), Type::Tagged(..)) => {
                left.iter().all(|member| self.objects(&member.object))
            }
            _ => true,
        }
    }

    fn items(&mut self, left: &ModelItem, right: &ModelItem) -> bool {
        self.types(&left.ty, &right.ty)
    }
}

fn are_same(left: Option<&String>, right: Option<&String>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => left.split_whitespace().eq(right.split_whitespace()),
        (left, right) => left == right,
    }
}

/// Returns an object with its properties in the order of another one.
pub(super) fn in_order_of(object: &Object, first: &Object) -> Object {
    let mut ordered = object.clone();
    ordered.properties.sort_by_key(|property| {
        first.properties.iter().position(|known| known.name == property.name).unwrap_or(usize::MAX)
    });
    ordered
}

/// The names of shared types, with the names that stand for them in the schemas of one endpoint.
pub(super) type Markers = HashMap<String, String>;

/// Makes the schemas of types refer to shared types as their own endpoint describes them.
pub(super) fn refer<'i>(markers: &Markers, items: impl Iterator<Item = &'i mut Item>) {
    if !markers.is_empty() {
        items.for_each(|item| item.schemas().into_iter().for_each(|schema| rename(schema, markers)));
    }
}

/// Makes the schemas of a struct refer to shared types as its own endpoint describes them.
pub(super) fn refer_from_struct(markers: &Markers, item: &mut Struct) {
    if !markers.is_empty() {
        item.schemas().into_iter().for_each(|schema| rename(schema, markers));
    }
}

fn rename(schema: &mut Value, markers: &Markers) {
    *schema = replace_schemas(schema, &mut |object| {
        let marker = markers.get(object.get(TYPE)?.as_str()?)?;
        let mut renamed = object.clone();
        renamed.insert(TYPE.to_owned(), marker.as_str().into());
        Some(renamed.into())
    });
}

impl Item {
    fn schemas(&mut self) -> Vec<&mut Value> {
        match self {
            Self::Struct(item) => item.schemas(),
            Self::Union(item) => {
                let values = item.variants.iter_mut().filter_map(|variant| match &mut variant.kind {
                    VariantKind::Value { schema, .. } => Some(schema),
                    VariantKind::Text(_) => None,
                });
                values.collect()
            }
            Self::Tuple(item) => vec![&mut item.schema],
            _ => Vec::new(),
        }
    }
}

impl Struct {
    fn schemas(&mut self) -> Vec<&mut Value> {
        let extra = self.extra.iter_mut().map(|extra| &mut extra.schema);
        self.fields.iter_mut().map(|field| &mut field.schema).chain(extra).collect()
    }
}
