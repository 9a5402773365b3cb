//! Types that the endpoints of one app share: objects and enums that the document names, and unions with such objects.

use indexmap::IndexMap;

use super::{
    names,
    structural_eq::{are_types_equal, is_structurally_equal},
    wordings::{Markers, Wording, have_same_words, have_types_same_words},
};
use crate::model::{Direction, Endpoint, Object, Property, Type, TypeGraph};

/// The shared types of one crate, with their names.
#[derive(Debug)]
pub(super) struct SharedTypes<'a> {
    pub(super) app: String,
    /// Objects by component name and direction. There are several if endpoints use a name for different objects.
    objects: IndexMap<(String, Direction), Vec<SharedObject<'a>>>,
    /// Unions with an object, by the name of the property.
    unions: IndexMap<String, SharedUnion<'a>>,
    /// Enums by name and direction. There are several if endpoints use a name for different enums.
    enums: IndexMap<(String, Direction), Vec<SharedEnum<'a>>>,
}

/// A shared enum.
#[derive(Debug)]
pub(super) struct SharedEnum<'a> {
    pub(super) ident: String,
    pub(super) ty: &'a Type,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
}

/// A shared object.
#[derive(Debug)]
pub(super) struct SharedObject<'a> {
    pub(super) ident: String,
    pub(super) object: &'a Object,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
    /// Other descriptions of the same object. Inputs only.
    pub(super) wordings: Vec<Wording<'a, Object>>,
    /// The number of endpoints that use it.
    uses: usize,
}

/// A shared union.
#[derive(Debug)]
pub(super) struct SharedUnion<'a> {
    pub(super) ident: String,
    pub(super) property: &'a Property,
    pub(super) graph: &'a TypeGraph,
    /// Other descriptions of the same union.
    pub(super) wordings: Vec<Wording<'a, Property>>,
    /// The number of endpoints that use it.
    uses: usize,
}

impl<'a> SharedTypes<'a> {
    /// Collects the shared types of `endpoints`, and decides their names.
    pub(super) fn collect(app: &str, endpoints: &'a [Endpoint]) -> Self {
        let mut shared = Self {
            app: app.to_owned(),
            objects: IndexMap::new(),
            unions: IndexMap::new(),
            enums: IndexMap::new(),
        };
        let mut names = names::Namespace::of_types();
        shared.collect_unions(endpoints, &mut names);
        for endpoint in endpoints {
            for (graph, direction) in graphs(endpoint) {
                shared.collect_objects(graph, direction);
            }
        }
        shared.name_objects(&mut names);
        for endpoint in endpoints {
            for (graph, direction) in graphs(endpoint) {
                shared.collect_enums(graph, direction, &mut names);
            }
        }
        shared.collect_wordings(endpoints, &mut names);
        shared
    }

    fn collect_enums(&mut self, graph: &'a TypeGraph, direction: Direction, names: &mut names::Namespace) {
        for (name, ty) in named_enums(graph, direction) {
            let known = self.enums.entry((name.to_owned(), direction)).or_default();
            if known.iter().any(|shared| shared.ty == ty) {
                continue;
            }
            let suffix = if direction.is_input() { "Value" } else { "Output" };
            let ident = names.take(&names::camel(name), suffix);
            known.push(SharedEnum { ident, ty, graph, direction });
        }
    }

    /// Collects the unions. If endpoints disagree about one, most of those that agree share theirs, and the others have
    /// one of their own.
    fn collect_unions(&mut self, endpoints: &'a [Endpoint], names: &mut names::Namespace) {
        let mut candidates: IndexMap<String, Vec<SharedUnion<'a>>> = IndexMap::new();
        for endpoint in endpoints {
            let graph = &endpoint.input;
            let Type::Object(root) = &graph.root else { continue };
            for property in graph.objects[root].properties.iter().filter(|one| is_union_with_object(&one.ty))
            {
                let known = candidates.entry(property.name.clone()).or_default();
                let is_same = |union: &&mut SharedUnion<'a>| {
                    are_types_equal(
                        (union.graph, &union.property.ty),
                        (graph, &property.ty),
                        Direction::Input,
                    )
                };
                match known.iter_mut().find(is_same) {
                    Some(union) => union.uses += 1,
                    None => known.push(SharedUnion {
                        ident: String::new(),
                        property,
                        graph,
                        wordings: Vec::new(),
                        uses: 1,
                    }),
                }
            }
        }
        for (name, mut unions) in candidates {
            let is_disputed = unions.len() > 1;
            // The first of several with the same number of uses.
            unions.sort_by_key(|union| std::cmp::Reverse(union.uses));
            let first = unions.into_iter().next().filter(|union| !is_disputed || union.uses > 1);
            if let Some(union) = first {
                let ident = names.take(&names::camel(&name), "Value");
                self.unions.insert(name, SharedUnion { ident, ..union });
            }
        }
    }

    fn collect_objects(&mut self, graph: &'a TypeGraph, direction: Direction) {
        for (name, object) in &graph.objects {
            if is_only_root(graph, name) {
                continue;
            }
            let shared = self.objects.entry((name.clone(), direction)).or_default();
            match shared.iter_mut().find(|shared| is_structurally_equal(shared.graph, graph, name, direction))
            {
                Some(known) => known.uses += 1,
                None => shared.push(SharedObject {
                    ident: String::new(),
                    object,
                    graph,
                    direction,
                    wordings: Vec::new(),
                    uses: 1,
                }),
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

    /// Collects the descriptions of objects and unions that differ from the first.
    fn collect_wordings(&mut self, endpoints: &'a [Endpoint], names: &mut names::Namespace) {
        for endpoint in endpoints {
            let graph = &endpoint.input;
            let module = names::camel(endpoint.id.strip_prefix(&self.app).unwrap_or(&endpoint.id));
            let mut marker = |ident: &str| names.take(&format!("{ident}Of{module}"), "Input");
            for (name, object) in graph.objects.iter().filter(|(name, _)| !is_only_root(graph, name)) {
                let shared = self.objects.get_mut(&(name.clone(), Direction::Input)).into_iter().flatten();
                let mut same = shared
                    .filter(|shared| is_structurally_equal(shared.graph, graph, name, Direction::Input));
                let Some(shared) = same.next() else { continue };
                let graphs = [shared.graph].into_iter().chain(shared.wordings.iter().map(|one| one.graph));
                if !graphs.into_iter().any(|known| have_same_words(known, graph, name)) {
                    let marker = marker(&shared.ident);
                    shared.wordings.push(Wording {
                        marker,
                        endpoint: &endpoint.id,
                        described: object,
                        graph,
                    });
                }
            }
            for property in graph.objects.values().flat_map(|object| &object.properties) {
                let Some(union) = self.unions.get_mut(&property.name) else { continue };
                let first = (union.graph, &union.property.ty);
                let own = (graph, innermost(&property.ty));
                if !are_types_equal(first, own, Direction::Input) {
                    continue;
                }
                let others = union.wordings.iter().map(|one| (one.graph, innermost(&one.described.ty)));
                if !others.chain([first]).any(|known| have_types_same_words(known, own)) {
                    let marker = marker(&union.ident);
                    union.wordings.push(Wording {
                        marker,
                        endpoint: &endpoint.id,
                        described: property,
                        graph,
                    });
                }
            }
        }
    }

    /// Returns the shared types that the input `graph` describes in other words than the first endpoint.
    pub(super) fn markers(&self, graph: &TypeGraph) -> Markers {
        let mut markers = Markers::new();
        for shared in self.objects().filter(|shared| !shared.wordings.is_empty()) {
            let name = &shared.object.name;
            let is_used = is_structurally_equal(shared.graph, graph, name, Direction::Input);
            if is_used && !have_same_words(shared.graph, graph, name) {
                let wording = shared.wordings.iter().find(|one| have_same_words(one.graph, graph, name));
                markers.extend(wording.map(|one| (shared.ident.clone(), one.marker.clone())));
            }
        }
        for (name, union) in self.unions.iter().filter(|(_, union)| !union.wordings.is_empty()) {
            let first = (union.graph, &union.property.ty);
            let properties = graph.objects.values().flat_map(|object| &object.properties);
            let mut own = properties.filter(|one| one.name == *name).map(|one| (graph, innermost(&one.ty)));
            let own = own.find(|own| are_types_equal(first, *own, Direction::Input));
            if let Some(own) = own.filter(|own| !have_types_same_words(first, *own)) {
                let mut wordings = union.wordings.iter();
                let wording = wordings
                    .find(|one| have_types_same_words((one.graph, innermost(&one.described.ty)), own));
                markers.extend(wording.map(|one| (union.ident.clone(), one.marker.clone())));
            }
        }
        markers
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

    /// Returns the name of the shared type of an enum, if the document names the enum.
    pub(super) fn enum_name(&self, ty: &Type, direction: Direction) -> Option<&str> {
        let (Type::TextEnum(_, Some(name)) | Type::IntegerEnum(_, Some(name))) = ty else { return None };
        let shared = self.enums.get(&(name.name.clone(), direction))?;
        shared.iter().find(|shared| shared.ty == ty).map(|shared| shared.ident.as_str())
    }

    /// Returns the name of the shared union that is the type of a property.
    pub(super) fn union_name(
        &self,
        graph: &TypeGraph,
        property: &str,
        ty: &Type,
        direction: Direction,
    ) -> Option<&str> {
        let union = self.unions.get(property).filter(|_| direction.is_input())?;
        are_types_equal((union.graph, &union.property.ty), (graph, ty), direction).then_some(&union.ident)
    }

    /// Returns the names of all shared types that an endpoint uses.
    pub(super) fn names_used_by(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut used = Vec::new();
        for (graph, direction) in graphs(endpoint) {
            let names = graph.objects.keys().filter_map(|name| self.object_name(graph, name, direction));
            used.extend(names.map(str::to_owned));
            let enums = named_enums(graph, direction);
            used.extend(enums.filter_map(|(_, ty)| self.enum_name(ty, direction)).map(str::to_owned));
            let properties = graph.objects.values().flat_map(|object| {
                let others = object.others.kept().map(|item| (names::EXTRA, &item.ty));
                let own = object.properties.iter().map(|property| (property.name.as_str(), &property.ty));
                own.chain(others)
            });
            for (name, ty) in properties {
                let ty = innermost(ty);
                used.extend(self.union_name(graph, name, ty, direction).map(str::to_owned));
            }
        }
        used.sort();
        used.dedup();
        used
    }

    /// Returns the shared objects, in the order of their names in the documents.
    pub(super) fn objects(&self) -> impl Iterator<Item = &SharedObject<'a>> {
        self.objects.values().flatten()
    }

    /// Returns the shared enums.
    pub(super) fn enums(&self) -> impl Iterator<Item = &SharedEnum<'a>> {
        self.enums.values().flatten()
    }

    /// Returns the shared unions.
    pub(super) fn unions(&self) -> impl Iterator<Item = &SharedUnion<'a>> {
        self.unions.values()
    }
}

/// Returns true if a component is the whole value and no shared type contains it. The whole value has a type of its own,
/// which belongs to an endpoint, so that shared types cannot refer to it.
fn is_only_root(graph: &TypeGraph, component: &str) -> bool {
    let is_root = !graph.nullable && matches!(&graph.root, Type::Object(root) if root == component);
    is_root
        && !graph.objects.values().any(|object| {
            let is_shared = object.name != component;
            object.types().any(|ty| is_in_shared_type(ty, component, is_shared))
        })
}

/// Returns true if `ty` contains the component in a type that endpoints share.
fn is_in_shared_type(ty: &Type, component: &str, is_shared: bool) -> bool {
    match ty {
        Type::Object(name) => is_shared && name == component,
        Type::List(item, _) | Type::Map(item, _) => is_in_shared_type(&item.ty, component, is_shared),
        Type::Tuple(tuple) => tuple.types().any(|ty| is_in_shared_type(ty, component, is_shared)),
        Type::Union(kinds) => kinds.iter().any(|kind| is_in_shared_type(kind, component, true)),
        Type::Tagged(_, members) => members.iter().any(|member| member.object == component),
        _ => false,
    }
}

/// Returns the type inside lists and maps.
fn innermost(mut ty: &Type) -> &Type {
    while let Type::List(item, _) | Type::Map(item, _) = ty {
        ty = &item.ty;
    }
    ty
}

fn is_union_with_object(ty: &Type) -> bool {
    match ty {
        Type::Union(kinds) => kinds.iter().any(|kind| matches!(kind, Type::Object(_))),
        Type::Tagged(..) => true,
        _ => false,
    }
}

/// Returns the enums of a graph that the document names, with their names. A union has the values of its enums itself,
/// and integers of outputs are not held to theirs.
fn named_enums(graph: &TypeGraph, direction: Direction) -> impl Iterator<Item = (&str, &Type)> {
    let mut found = Vec::new();
    for object in graph.objects.values() {
        let properties = object.properties.iter().filter(|property| property.constant.is_none());
        let others = object.others.kept().map(|item| &item.ty);
        properties.map(|property| &property.ty).chain(others).for_each(|ty| {
            add_named_enums(ty, direction, &mut found);
        });
    }
    add_named_enums(&graph.root, direction, &mut found);
    found.into_iter()
}

fn add_named_enums<'a>(ty: &'a Type, direction: Direction, found: &mut Vec<(&'a str, &'a Type)>) {
    match ty {
        Type::TextEnum(_, Some(name)) => found.push((&name.name, ty)),
        Type::IntegerEnum(_, Some(name)) if direction.is_input() => found.push((&name.name, ty)),
        Type::List(item, _) | Type::Map(item, _) => add_named_enums(&item.ty, direction, found),
        Type::Tuple(tuple) => tuple.types().for_each(|ty| add_named_enums(ty, direction, found)),
        Type::Union(kinds) => {
            // Its own enums become variants, but not those of its lists and maps.
            let inner = kinds.iter().filter(|kind| !matches!(kind, Type::TextEnum(..)));
            inner.for_each(|kind| add_named_enums(kind, direction, found));
        }
        _ => {}
    }
}

/// Returns the types of the input, the output and the event of an endpoint, with their directions.
fn graphs(endpoint: &Endpoint) -> impl Iterator<Item = (&TypeGraph, Direction)> {
    let outputs = std::iter::once(&endpoint.output).chain(&endpoint.event);
    std::iter::once((&endpoint.input, Direction::Input))
        .chain(outputs.map(|graph| (graph, Direction::Output)))
}
