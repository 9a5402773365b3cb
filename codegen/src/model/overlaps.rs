//! Objects that a union could choose for a value of another member, whose fields they then must keep.

use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;

use super::{Item, Object, Others, Type};

/// Finds the objects that ignore fields which another member of a union describes.
pub(super) struct Overlaps<'a> {
    objects: &'a IndexMap<String, Object>,
    /// Objects and maps that were compared.
    seen: HashSet<Vec<*const ()>>,
    found: HashSet<String>,
}

impl<'a> Overlaps<'a> {
    pub(super) fn new(objects: &'a IndexMap<String, Object>) -> Self {
        Self { objects, seen: HashSet::new(), found: HashSet::new() }
    }

    /// Returns the names of the objects.
    pub(super) fn finish(self) -> HashSet<String> {
        self.found
    }

    /// Compares types that a value could be one of.
    pub(super) fn compare(&mut self, types: &[&'a Type]) {
        let mut kinds = Kinds::default();
        types.iter().for_each(|ty| self.collect(ty, &mut kinds));
        let Kinds { objects, maps, items } = kinds;
        if items.len() > 1 {
            self.compare(&items);
        }
        let keys = objects.iter().map(|object| std::ptr::from_ref(*object).cast());
        let key: Vec<*const ()> =
            keys.chain(maps.iter().map(|item| std::ptr::from_ref(*item).cast())).collect();
        if key.len() < 2 || !self.seen.insert(key) {
            return;
        }
        let mut types_by_name: BTreeMap<&str, Vec<&Type>> = BTreeMap::new();
        for property in objects.iter().flat_map(|object| &object.properties) {
            types_by_name.entry(&property.name).or_default().push(&property.ty);
        }
        let has_others =
            !maps.is_empty() || objects.iter().any(|object| matches!(object.others, Others::Kept(_)));
        for object in objects.iter().filter(|object| object.others == Others::Ignored) {
            // The names of an object's properties differ, so it knows all names if it has as many.
            if has_others || object.properties.len() < types_by_name.len() {
                self.found.insert(object.name.clone());
            }
        }
        let rest: Vec<&Type> = objects
            .iter()
            .filter_map(|object| object.others.kept())
            .chain(maps)
            .map(|item| &item.ty)
            .collect();
        for own in types_by_name.into_values() {
            self.compare(&own.into_iter().chain(rest.iter().copied()).collect::<Vec<_>>());
        }
        self.compare(&rest);
    }

    fn collect(&self, ty: &'a Type, kinds: &mut Kinds<'a>) {
        let mut add = |name: &str| {
            let object = self
                .objects
                .get(name)
                .filter(|object| !kinds.objects.iter().any(|known| known.name == object.name));
            kinds.objects.extend(object);
        };
        match ty {
            Type::Object(name) => add(name),
            Type::Tagged(_, members, _) => members.iter().for_each(|member| add(&member.object)),
            Type::Union(inner, _) => inner.iter().for_each(|ty| self.collect(ty, kinds)),
            Type::Map(item, _) => kinds.maps.push(item),
            Type::List(item, _) => kinds.items.push(&item.ty),
            Type::Tuple(tuple) => kinds.items.extend(tuple.types()),
            _ => {}
        }
    }
}

/// The parts of types that hold other types.
#[derive(Default)]
struct Kinds<'a> {
    objects: Vec<&'a Object>,
    maps: Vec<&'a Item>,
    /// The types of the items of lists.
    items: Vec<&'a Type>,
}
