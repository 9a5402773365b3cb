//! Types that the endpoints of one app share: objects that fal names, and unions with such objects.

use indexmap::IndexMap;

use super::{names, structural_eq::is_structurally_equal};
use crate::model::{Direction, Endpoint, Object, Property, Type, TypeGraph};

/// The shared types of one crate, with their names.
#[derive(Debug)]
pub(super) struct SharedTypes<'a> {
    pub(super) app: String,
    /// Objects by component name and direction. There are several if endpoints use a name for different objects.
    objects: IndexMap<(String, Direction), Vec<SharedObject<'a>>>,
    /// Unions with an object, by the name of the property, if they are the same for all endpoints.
    unions: IndexMap<String, SharedUnion<'a>>,
}

/// A shared object.
#[derive(Debug)]
pub(super) struct SharedObject<'a> {
    pub(super) ident: String,
    pub(super) object: &'a Object,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
    /// The number of endpoints that use it.
    uses: usize,
}

/// A shared union.
#[derive(Debug)]
pub(super) struct SharedUnion<'a> {
    pub(super) ident: String,
    pub(super) property: &'a Property,
    pub(super) graph: &'a TypeGraph,
}

impl<'a> SharedTypes<'a> {
    /// Collects the shared types of `endpoints`, and decides their names.
    pub(super) fn collect(app: &str, endpoints: &'a [Endpoint]) -> Self {
        let mut shared = Self { app: app.to_owned(), objects: IndexMap::new(), unions: IndexMap::new() };
        let mut names = names::Namespace::of_types();
        shared.collect_unions(endpoints, &mut names);
        for endpoint in endpoints {
            for (graph, direction) in graphs(endpoint) {
                shared.collect_objects(graph, direction);
            }
        }
        shared.name_objects(&mut names);
        shared
    }

    fn collect_unions(&mut self, endpoints: &'a [Endpoint], names: &mut names::Namespace) {
        let mut differing = Vec::new();
        for endpoint in endpoints {
            let Type::Object(root) = &endpoint.input.root else { continue };
            for property in &endpoint.input.objects[root].properties {
                if !is_union_with_object(&property.ty) {
                    continue;
                }
                match self.unions.get(&property.name) {
                    Some(known) if known.property.ty == property.ty => {}
                    Some(_) => differing.push(property.name.clone()),
                    None => {
                        let graph = &endpoint.input;
                        self.unions.insert(
                            property.name.clone(),
                            SharedUnion { ident: String::new(), property, graph },
                        );
                    }
                }
            }
        }
        self.unions.retain(|name, _| !differing.contains(name));
        for (name, union) in &mut self.unions {
            union.ident = names.take(&names::camel(name), "Value");
        }
    }

    fn collect_objects(&mut self, graph: &'a TypeGraph, direction: Direction) {
        for (name, object) in &graph.objects {
            if matches!(&graph.root, Type::Object(root) if root == name) {
                continue;
            }
            let shared = self.objects.entry((name.clone(), direction)).or_default();
            match shared.iter_mut().find(|shared| is_structurally_equal(shared.graph, graph, name, direction))
            {
                Some(known) => known.uses += 1,
                None => shared.push(SharedObject { ident: String::new(), object, graph, direction, uses: 1 }),
            }
        }
    }

    /// Names the objects. The object that most endpoints use has the name of the component, and others get a number.
    fn name_objects(&mut self, names: &mut names::Namespace) {
        for ((name, direction), shared) in &mut self.objects {
            let camel = names::camel(name);
            // The variant of a union for an object next to presets is `Custom(..)`.
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
                names.reserve_builder(&shared.ident);
            }
        }
    }

    /// Returns the name of the shared type of an object of `graph`.
    pub(super) fn object_name(
        &self,
        graph: &TypeGraph,
        component: &str,
        direction: Direction,
    ) -> Option<&str> {
        let shared = self.objects.get(&(component.to_owned(), direction))?;
        let found =
            shared.iter().find(|shared| is_structurally_equal(shared.graph, graph, component, direction))?;
        Some(&found.ident)
    }

    /// Returns the name of the shared union of a property.
    pub(super) fn union_name(&self, property: &str, ty: &Type) -> Option<&str> {
        self.unions.get(property).filter(|union| union.property.ty == *ty).map(|union| union.ident.as_str())
    }

    /// Returns the names of all shared types that an endpoint uses.
    pub(super) fn names_used_by(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut used = Vec::new();
        for (graph, direction) in graphs(endpoint) {
            let names = graph.objects.keys().filter_map(|name| self.object_name(graph, name, direction));
            used.extend(names.map(str::to_owned));
        }
        if let Type::Object(root) = &endpoint.input.root {
            let properties = endpoint.input.objects[root].properties.iter();
            used.extend(
                properties
                    .filter_map(|property| self.union_name(&property.name, &property.ty))
                    .map(str::to_owned),
            );
        }
        used.sort();
        used.dedup();
        used
    }

    /// Returns the shared objects, in the order of their names in the documents.
    pub(super) fn objects(&self) -> impl Iterator<Item = &SharedObject<'a>> {
        self.objects.values().flatten()
    }

    /// Returns the shared unions.
    pub(super) fn unions(&self) -> impl Iterator<Item = &SharedUnion<'a>> {
        self.unions.values()
    }
}

fn is_union_with_object(ty: &Type) -> bool {
    match ty {
        Type::Union(kinds) => kinds.iter().any(|kind| matches!(kind, Type::Object(_))),
        Type::Tagged(..) => true,
        _ => false,
    }
}

/// Returns the types of the input, the output and the event of an endpoint, with their directions.
fn graphs(endpoint: &Endpoint) -> impl Iterator<Item = (&TypeGraph, Direction)> {
    let outputs = std::iter::once(&endpoint.output).chain(&endpoint.event);
    std::iter::once((&endpoint.input, Direction::Input))
        .chain(outputs.map(|graph| (graph, Direction::Output)))
}
