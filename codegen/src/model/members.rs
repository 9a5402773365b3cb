//! The members of unions: the properties that identify them, and what a union must not lose.
//!
//! This runs when every object has been read, because a union may be part of its own members.

use std::collections::{BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::{Direction, List, Member, Object, Others, Property, Type, TypeGraph, overlaps::Overlaps};

impl TypeGraph {
    /// Completes the members of unions.
    pub(super) fn complete_members(&mut self, direction: Direction) {
        let objects = self.objects.clone();
        let in_unique_lists =
            if direction.is_input() { self.objects_of_unique_lists() } else { HashSet::new() };
        self.visit_types(&mut |ty| untag(ty, &objects));
        let (mut tags, mut in_unions, mut unions) = (HashSet::new(), HashSet::new(), Vec::new());
        let mut untagged = HashSet::new();
        self.visit_types(&mut |ty| match ty {
            Type::Tagged(tag, members, _) => {
                let mut listed = ListedTags::new();
                for member in members.iter() {
                    for value in &member.tags {
                        listed.entry(value.clone()).or_default().insert(member.object.clone());
                    }
                }
                for member in members.iter_mut() {
                    complete(member, &listed, objects.get(&member.object), tag);
                    tags.insert((member.object.clone(), tag.clone()));
                    in_unions.insert(member.object.clone());
                }
                // A member that may have any tag may hold the values of the others.
                if members.iter().any(|member| member.writes_tag) {
                    unions.push(members.iter().map(|member| Type::Object(member.object.clone())).collect());
                }
            }
            Type::Union(kinds, _) => {
                let objects: Vec<String> = kinds
                    .iter()
                    .filter_map(|kind| match kind {
                        Type::Object(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect();
                if objects.len() > 1 {
                    in_unions.extend(objects);
                }
                unions.push(kinds.clone());
            }
            Type::Object(name) => drop(untagged.insert(name.clone())),
            _ => {}
        });
        let mut overlaps = Overlaps::new(&objects);
        unions.iter().for_each(|kinds| overlaps.compare(&kinds.iter().collect::<Vec<_>>()));
        let overlaps = overlaps.finish();
        let root = match &self.root {
            Type::Object(root) => root.as_str(),
            _ => "",
        };
        for object in self.objects.values_mut() {
            if direction.is_input() && object.name != root {
                let is_in_union = in_unions.contains(&object.name);
                mark_constants(object, &tags, is_in_union, untagged.contains(&object.name));
            }
            // Of the members that fit, the one that was chosen may not know every field. Outputs may have new ones. Items
            // of a list that must differ may do so in a field that their schema does not describe.
            let may_lose = overlaps.contains(&object.name)
                || in_unique_lists.contains(&object.name)
                || direction == Direction::Output && in_unions.contains(&object.name);
            let is_lossy = match object.others {
                Others::Ignored => true,
                // Replies with new fields are read too.
                Others::Refused => direction == Direction::Output,
                Others::Kept(_) => false,
            };
            if may_lose && is_lossy {
                object.others = Others::any();
            }
        }
    }

    /// Returns the objects inside lists whose items must differ.
    fn objects_of_unique_lists(&mut self) -> HashSet<String> {
        let mut items = Vec::new();
        self.visit_types(&mut |ty| {
            if let Type::List(item, List { unique: true, .. }) = ty {
                items.push(item.ty.clone());
            }
        });
        let mut found = HashSet::new();
        items.iter().for_each(|ty| self.collect_objects(ty, &mut found));
        found
    }

    /// Calls `visit` for every type, from the outside in.
    fn visit_types(&mut self, visit: &mut impl FnMut(&mut Type)) {
        visit_type(&mut self.root, visit);
        for object in self.objects.values_mut() {
            object.properties.iter_mut().for_each(|property| visit_type(&mut property.ty, visit));
            if let Others::Kept(item) = &mut object.others {
                visit_type(&mut item.ty, visit);
            }
        }
    }
}

/// Calls `visit` with `ty` and the types inside it, but not with those of the properties of objects.
pub(super) fn visit_type(ty: &mut Type, visit: &mut impl FnMut(&mut Type)) {
    visit(ty);
    match ty {
        Type::List(item, _) | Type::Map(item, _) => visit_type(&mut item.ty, visit),
        Type::Tuple(tuple) => {
            tuple.items.iter_mut().for_each(|item| visit_type(&mut item.ty, visit));
            tuple.rest.iter_mut().for_each(|(item, _)| visit_type(&mut item.ty, visit));
        }
        Type::Union(kinds, _) => kinds.iter_mut().for_each(|kind| visit_type(kind, visit)),
        _ => {}
    }
}

/// Turns a union whose members have a tag that is no string into a union whose members are distinguished by constants.
fn untag(ty: &mut Type, objects: &IndexMap<String, Object>) {
    let Type::Tagged(tag, members, name) = ty else { return };
    let is_text = |member: &Member| {
        let properties = objects.get(&member.object).map(|object| &object.properties);
        let property = properties.into_iter().flatten().find(|property| property.name == *tag);
        property.is_none_or(|property| matches!(property.ty, Type::TextEnum(..) | Type::Text(_)))
    };
    if members.iter().all(is_text) {
        return;
    }
    let mut kinds: Vec<Type> = members.iter().map(|member| Type::Object(member.object.clone())).collect();
    *ty = if kinds.len() == 1 { kinds.remove(0) } else { Type::Union(kinds, name.take()) };
}

/// The objects of a union that the document lists for each value of its tag.
type ListedTags = HashMap<String, BTreeSet<String>>;

/// Adds the values of the tag that the object itself lists. Without any, the name of the object is the value.
fn complete(member: &mut Member, listed: &ListedTags, object: Option<&Object>, tag: &str) {
    let property = object.and_then(|object| object.properties.iter().find(|property| property.name == tag));
    let is_taken = |value: &String| {
        listed.get(value).is_some_and(|objects| objects.iter().any(|object| *object != member.object))
    };
    if let Some(Type::TextEnum(values, _)) = property.map(|property| &property.ty) {
        let own: Vec<String> = values.iter().filter(|value| !is_taken(value)).cloned().collect();
        if !own.is_empty() {
            member.tags = own;
        }
        member.writes_tag = false;
    }
    if member.tags.is_empty() {
        member.tags.push(member.object.clone());
    }
}

/// Marks the properties that have one value, which identify an object. An optional one is written for the choice of a
/// member only. An object that is also outside of the union may lack a tag that has one value there.
fn mark_constants(
    object: &mut Object,
    tags: &HashSet<(String, String)>,
    is_in_union: bool,
    is_untagged: bool,
) {
    for property in &mut object.properties {
        let is_tag = tags.contains(&(object.name.clone(), property.name.clone()));
        let only = only_value(&property.ty);
        let is_written = only.is_some() && (property.required || is_in_union && property.default == only);
        if !property.nullable && (is_written || is_tag) {
            property.constant = only;
        }
        let may_lack = is_untagged && property.constant.is_some();
        if is_tag && !may_lack && matches!(property.ty, Type::TextEnum(..)) {
            property.required = true;
        }
    }
}

/// Returns the only value of a type.
fn only_value(ty: &Type) -> Option<Value> {
    match ty {
        Type::TextEnum(values, _) if values.len() == 1 => Some(values[0].clone().into()),
        Type::IntegerEnum(values, _) if values.len() == 1 => Some(values[0].into()),
        Type::BooleanConstant(value) => Some((*value).into()),
        _ => None,
    }
}

/// Returns the values of each property that the schema lists, for the choice of a member.
pub(crate) fn listed_values(property: &Property) -> Vec<Value> {
    match &property.ty {
        Type::TextEnum(values, _) => values.iter().cloned().map(Value::from).collect(),
        Type::IntegerEnum(values, _) => values.iter().copied().map(Value::from).collect(),
        Type::BooleanConstant(value) => vec![(*value).into()],
        _ => Vec::new(),
    }
}
