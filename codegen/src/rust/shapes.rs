//! What endpoints of one app share: the objects that fal names, and unions around them.

use indexmap::IndexMap;

use super::{Item, alike::alike, fields::Fields, known, names};
use crate::model::{Direction, Endpoint, Object, Property, Side, Type};

/// Who a type belongs to, in messages and in names.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// How messages name it.
    pub(super) label: String,
    /// What the names of its parameter types start with.
    pub(super) prefix: String,
}

/// The shared types of one crate, with their names decided.
#[derive(Debug)]
pub(super) struct Shapes<'a> {
    app: String,
    /// By component name and direction: one where all endpoints mean the same by the name.
    objects: IndexMap<(String, Direction), Vec<Shared<'a>>>,
    /// By property name: unions around an object that mean the same wherever the property occurs.
    unions: IndexMap<String, Union<'a>>,
}

#[derive(Debug)]
struct Shared<'a> {
    ident: String,
    object: &'a Object,
    side: &'a Side,
    direction: Direction,
    /// How many endpoints mean this by the name.
    uses: usize,
}

#[derive(Debug)]
struct Union<'a> {
    ident: String,
    property: &'a Property,
    side: &'a Side,
}

impl<'a> Shapes<'a> {
    pub(super) fn collect(app: &str, endpoints: &'a [Endpoint]) -> Self {
        let mut shapes = Self { app: app.to_owned(), objects: IndexMap::new(), unions: IndexMap::new() };
        let mut names = names::Namespace::of_types();
        shapes.collect_unions(endpoints, &mut names);
        for endpoint in endpoints {
            for (side, direction) in sides(endpoint) {
                shapes.collect_objects(side, direction);
            }
        }
        shapes.name_objects(&mut names);
        shapes
    }

    fn collect_unions(&mut self, endpoints: &'a [Endpoint], names: &mut names::Namespace) {
        let mut differing = Vec::new();
        for endpoint in endpoints {
            let Type::Object(root) = &endpoint.input.root else { continue };
            for property in &endpoint.input.objects[root].properties {
                if !is_union_around_object(&property.ty) {
                    continue;
                }
                match self.unions.get(&property.name) {
                    Some(known) if known.property.ty == property.ty => {}
                    Some(_) => differing.push(property.name.clone()),
                    None => {
                        let side = &endpoint.input;
                        self.unions
                            .insert(property.name.clone(), Union { ident: String::new(), property, side });
                    }
                }
            }
        }
        self.unions.retain(|name, _| !differing.contains(name));
        for (name, union) in &mut self.unions {
            union.ident = names.take(&names::camel(name), "Value");
        }
    }

    fn collect_objects(&mut self, side: &'a Side, direction: Direction) {
        for (name, object) in &side.objects {
            if matches!(&side.root, Type::Object(root) if root == name) {
                continue;
            }
            let shared = self.objects.entry((name.clone(), direction)).or_default();
            match shared.iter_mut().find(|shared| alike(shared.side, side, name, direction)) {
                Some(known) => known.uses += 1,
                None => shared.push(Shared { ident: String::new(), object, side, direction, uses: 1 }),
            }
        }
    }

    /// What most endpoints mean by a name has the name, and what others mean has a number too.
    fn name_objects(&mut self, names: &mut names::Namespace) {
        for ((name, direction), shared) in &mut self.objects {
            let camel = names::camel(name);
            // A union says `Custom(..)` of the object it offers beside its presets.
            let preferred = if self.unions.values().any(|union| union.ident == camel) {
                format!("Custom{camel}")
            } else {
                camel
            };
            shared.sort_by_key(|shared| std::cmp::Reverse(shared.uses));
            for (index, shared) in shared.iter_mut().enumerate() {
                let numbered =
                    if index == 0 { preferred.clone() } else { format!("{preferred}{}", index + 1) };
                shared.ident = names.take(&numbered, if direction.is_input() { "Input" } else { "Output" });
                reserve_builder(&shared.ident, names);
            }
        }
    }

    /// The name of what a side means by an object's name.
    pub(super) fn object(&self, side: &Side, component: &str, direction: Direction) -> Option<&str> {
        let shared = self.objects.get(&(component.to_owned(), direction))?;
        let found = shared.iter().find(|shared| alike(shared.side, side, component, direction))?;
        Some(&found.ident)
    }

    /// The name of a shared union.
    pub(super) fn union(&self, property: &str, ty: &Type) -> Option<&str> {
        self.unions.get(property).filter(|union| union.property.ty == *ty).map(|union| union.ident.as_str())
    }

    /// The names of every shared type that an endpoint reaches.
    pub(super) fn used_by(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut used = Vec::new();
        for (side, direction) in sides(endpoint) {
            let names = side.objects.keys().filter_map(|name| self.object(side, name, direction));
            used.extend(names.map(str::to_owned));
        }
        if let Type::Object(root) = &endpoint.input.root {
            let properties = endpoint.input.objects[root].properties.iter();
            used.extend(
                properties.filter_map(|property| self.union(&property.name, &property.ty)).map(str::to_owned),
            );
        }
        used.sort();
        used.dedup();
        used
    }

    /// The shared types themselves, and the parameter types inside them.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut names = names::Namespace::of_types();
        for shared in self.objects.values().flatten() {
            names.reserve(&shared.ident);
            reserve_builder(&shared.ident, &mut names);
        }
        self.unions.values().for_each(|union| names.reserve(&union.ident));
        let mut items = Vec::new();
        for union in self.unions.values() {
            let owner = Owner { label: self.app.clone(), prefix: union.ident.clone() };
            let mut fields = Fields::new(self, union.side, Direction::Input, &owner, &mut names);
            items.push(Item::Union(fields.union(&union.ident, union.property)));
            items.extend(fields.into_items());
        }
        for shared in self.objects.values().flatten() {
            let owner =
                Owner { label: format!("{} in {}", shared.ident, self.app), prefix: shared.ident.clone() };
            let mut fields = Fields::new(self, shared.side, shared.direction, &owner, &mut names);
            items.push(Item::Struct(fields.structure(&shared.ident, shared.object)));
            items.extend(fields.into_items());
        }
        known::adopt(items)
    }
}

fn is_union_around_object(ty: &Type) -> bool {
    match ty {
        Type::Union(kinds) => kinds.iter().any(|kind| matches!(kind, Type::Object(_))),
        Type::Tagged(..) => true,
        _ => false,
    }
}

/// A struct that users build has a builder beside it.
fn reserve_builder(ident: &str, names: &mut names::Namespace) {
    names.reserve(&format!("{ident}Builder"));
    names.reserve(&format!("{ident}Optional"));
}

/// The sides of an endpoint with their directions.
fn sides(endpoint: &Endpoint) -> impl Iterator<Item = (&Side, Direction)> {
    let read = std::iter::once(&endpoint.output).chain(&endpoint.event);
    std::iter::once((&endpoint.input, Direction::Input)).chain(read.map(|side| (side, Direction::Output)))
}
