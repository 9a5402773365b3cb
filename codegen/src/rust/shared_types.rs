//! Types that the endpoints of one app share: objects, enums and unions that the document names, and unions of such objects
//! that are named after a parameter.

use std::cmp::Reverse;

use indexmap::IndexMap;

use super::{
    names,
    structural_eq::{are_types_equal, is_structurally_equal},
    wordings::{Markers, Wording, have_same_words, have_types_same_words},
};
use crate::{
    model::{ComponentName, Direction, Endpoint, Object, Property, Type, TypeGraph},
    type_names::{CrateNames, Origin, TypeName},
};

/// The shared types of one crate, with their names.
#[derive(Debug)]
pub(super) struct SharedTypes<'a> {
    pub(super) app: String,
    /// Objects by component name and direction. There are several if endpoints use a name for different objects.
    objects: IndexMap<(String, Direction), Vec<SharedObject<'a>>>,
    /// Unions with an object that have no name, by the name of the property.
    unions: IndexMap<String, SharedUnion<'a>>,
    /// Enums and unions that the document names, by name and direction. There are several if endpoints use a name for
    /// different ones.
    named: IndexMap<(String, Direction), Vec<NamedType<'a>>>,
}

/// The name of a shared type, and the endpoints that use the type.
#[derive(Debug)]
pub(super) struct Sharing<'a> {
    /// The name. Empty until it is decided.
    pub(super) ident: String,
    /// The position of the type among those of the crate.
    position: usize,
    /// The endpoints, in the order in which they came.
    users: Vec<&'a str>,
}

/// A shared enum or union that the document names.
#[derive(Debug)]
pub(super) struct NamedType<'a> {
    pub(super) sharing: Sharing<'a>,
    pub(super) ty: &'a Type,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
    /// Other descriptions of the same union. Inputs only.
    pub(super) wordings: Vec<Wording<'a, Type>>,
}

/// A shared object.
#[derive(Debug)]
pub(super) struct SharedObject<'a> {
    pub(super) sharing: Sharing<'a>,
    pub(super) object: &'a Object,
    pub(super) graph: &'a TypeGraph,
    pub(super) direction: Direction,
    /// Other descriptions of the same object. Inputs only.
    pub(super) wordings: Vec<Wording<'a, Object>>,
}

/// A shared union that is named after a property.
#[derive(Debug)]
pub(super) struct SharedUnion<'a> {
    pub(super) sharing: Sharing<'a>,
    pub(super) property: &'a Property,
    pub(super) graph: &'a TypeGraph,
    /// Other descriptions of the same union.
    pub(super) wordings: Vec<Wording<'a, Property>>,
}

/// A shared type.
#[derive(Debug, Clone, Copy)]
pub(super) enum SharedType<'s, 'a> {
    Union(&'s SharedUnion<'a>),
    Object(&'s SharedObject<'a>),
    Named(&'s NamedType<'a>),
}

impl<'a> Sharing<'a> {
    fn new(endpoint: &'a Endpoint) -> Self {
        Self { ident: String::new(), position: usize::MAX, users: vec![&endpoint.id] }
    }

    fn add(&mut self, endpoint: &'a Endpoint) {
        if self.users.last() != Some(&endpoint.id.as_str()) {
            self.users.push(&endpoint.id);
        }
    }

    fn is_named(&self) -> bool {
        !self.ident.is_empty()
    }
}

impl<'a> SharedTypes<'a> {
    /// Collects the shared types of `endpoints`, which are in the order in which they came. The types that `given`
    /// has get their names; the others have none until [`name_new`](Self::name_new).
    pub(super) fn collect(app: &str, endpoints: &[&'a Endpoint], given: &CrateNames) -> Self {
        let mut shared = Self {
            app: app.to_owned(),
            objects: IndexMap::new(),
            unions: IndexMap::new(),
            named: IndexMap::new(),
        };
        shared.collect_unions(endpoints, given);
        for endpoint in endpoints {
            for (graph, direction) in graphs(endpoint) {
                shared.collect_objects(endpoint, graph, direction);
                shared.collect_named(endpoint, graph, direction);
            }
        }
        let groups: Vec<_> =
            shared.groups().map(|(origin, sharing)| (origin, sharing.users.clone())).collect();
        let found = given.find(&groups);
        for ((_, sharing), found) in shared.groups_mut().zip(found) {
            if let Some(known) = found {
                sharing.ident.clone_from(&given.types[known].ident);
                sharing.position = known;
            }
        }
        shared
    }

    /// Names the types that have no name yet, and the descriptions of types. `taken` are the names of the types inside
    /// of those that have one.
    pub(super) fn name_new(&mut self, endpoints: &[&'a Endpoint], taken: &[String]) {
        let mut names = names::Namespace::of_types();
        taken.iter().for_each(|name| names.reserve(name));
        self.in_order().for_each(|known| known.reserve(&mut names));
        let mut position = self.in_order().map(|known| known.sharing().position + 1).max().unwrap_or(0);
        let mut set = |sharing: &mut Sharing<'a>, ident: String| {
            sharing.ident = ident;
            sharing.position = position;
            position += 1;
        };
        for (name, union) in self.unions.iter_mut().filter(|(_, union)| !union.sharing.is_named()) {
            set(&mut union.sharing, names.take(&names::camel(name), "Value"));
        }
        for ((name, direction), shared) in &mut self.objects {
            let camel = names::camel(name);
            // The variant of a union for an object next to presets is `Custom(..)`.
            let preferred = if self.unions.values().any(|union| union.sharing.ident == camel) {
                format!("Custom{camel}")
            } else {
                camel
            };
            let suffix = if direction.is_input() { "Input" } else { "Output" };
            let named = shared.iter().map(|shared| shared.sharing.ident.clone());
            let mut siblings: Vec<String> = named.filter(|ident| !ident.is_empty()).collect();
            for sharing in most_used_first(shared.iter_mut().map(|shared| &mut shared.sharing)) {
                let numbered = match siblings.len() {
                    0 => preferred.clone(),
                    _ => {
                        let mut numbers = (2..).map(|number| format!("{preferred}{number}"));
                        let is_free =
                            |name: &String| !siblings.iter().any(|sibling| sibling.starts_with(name));
                        numbers.find(is_free).unwrap_or_default()
                    }
                };
                siblings.push(names.take_with_builder(&numbered, suffix));
                set(sharing, siblings.last().cloned().unwrap_or_default());
            }
        }
        for ((name, direction), shared) in &mut self.named {
            let suffix = if direction.is_input() { "Value" } else { "Output" };
            for sharing in most_used_first(shared.iter_mut().map(|shared| &mut shared.sharing)) {
                set(sharing, names.take(&names::camel(name), suffix));
            }
        }
        self.collect_wordings(endpoints, &mut names);
    }

    /// Returns the names for the record.
    pub(super) fn names(&self, endpoints: &[&Endpoint]) -> CrateNames {
        let mut types: Vec<(usize, TypeName)> = self
            .groups()
            .map(|(origin, sharing)| {
                let endpoints = sharing.users.iter().map(|&id| id.to_owned()).collect();
                (sharing.position, TypeName { ident: sharing.ident.clone(), origin, endpoints })
            })
            .collect();
        types.sort_by_key(|(position, _)| *position);
        CrateNames {
            endpoints: endpoints.iter().map(|endpoint| endpoint.id.clone()).collect(),
            types: types.into_iter().map(|(_, name)| name).collect(),
        }
    }

    fn groups(&self) -> impl Iterator<Item = (Origin, &Sharing<'a>)> {
        let unions = self.unions.iter().map(|(name, union)| (Origin::Union(name.clone()), &union.sharing));
        let objects = self.objects.iter().flat_map(|((name, direction), shared)| {
            shared.iter().map(|shared| (object_origin(name, *direction), &shared.sharing))
        });
        let named = self.named.iter().flat_map(|((name, _), shared)| {
            shared.iter().map(|shared| (shared.origin(name), &shared.sharing))
        });
        unions.chain(objects).chain(named)
    }

    /// Returns the same as [`groups`](Self::groups), in the same order.
    fn groups_mut(&mut self) -> impl Iterator<Item = (Origin, &mut Sharing<'a>)> {
        let unions =
            self.unions.iter_mut().map(|(name, union)| (Origin::Union(name.clone()), &mut union.sharing));
        let objects = self.objects.iter_mut().flat_map(|((name, direction), shared)| {
            shared.iter_mut().map(|shared| (object_origin(name, *direction), &mut shared.sharing))
        });
        let named = self.named.iter_mut().flat_map(|((name, _), shared)| {
            shared.iter_mut().map(|shared| (shared.origin(name), &mut shared.sharing))
        });
        unions.chain(objects).chain(named)
    }

    fn collect_named(&mut self, endpoint: &'a Endpoint, graph: &'a TypeGraph, direction: Direction) {
        for (name, ty) in named_types(graph, direction) {
            let known = self.named.entry((name.to_owned(), direction)).or_default();
            match known.iter_mut().find(|shared| shared.is_same(graph, ty)) {
                Some(shared) => shared.sharing.add(endpoint),
                None => {
                    let (sharing, wordings) = (Sharing::new(endpoint), Vec::new());
                    known.push(NamedType { sharing, ty, graph, direction, wordings });
                }
            }
        }
    }

    /// Collects the unions that the documents do not name. If endpoints disagree about one, most of those that agree share theirs, and the others have
    /// one of their own.
    fn collect_unions(&mut self, endpoints: &[&'a Endpoint], given: &CrateNames) {
        let mut candidates: IndexMap<String, Vec<SharedUnion<'a>>> = IndexMap::new();
        for endpoint in endpoints {
            let graph = &endpoint.input;
            let Type::Object(root) = &graph.root else { continue };
            let unions = graph.objects[root].properties.iter().filter(|one| is_union_with_object(&one.ty));
            for property in unions.filter(|one| name_of(&one.ty).is_none()) {
                let known = candidates.entry(property.name.clone()).or_default();
                let is_same = |union: &&mut SharedUnion<'a>| {
                    are_types_equal(
                        (union.graph, &union.property.ty),
                        (graph, &property.ty),
                        Direction::Input,
                    )
                };
                match known.iter_mut().find(is_same) {
                    Some(union) => union.sharing.add(endpoint),
                    None => known.push(SharedUnion {
                        sharing: Sharing::new(endpoint),
                        property,
                        graph,
                        wordings: Vec::new(),
                    }),
                }
            }
        }
        for (name, unions) in candidates {
            let groups: Vec<_> = unions
                .iter()
                .map(|union| (Origin::Union(name.clone()), union.sharing.users.clone()))
                .collect();
            let known = given.find(&groups).iter().position(Option::is_some);
            // The first of several with the same number of users.
            let most_used =
                || (0..unions.len()).min_by_key(|&index| Reverse(unions[index].sharing.users.len()));
            let shared = known.or_else(most_used);
            self.unions
                .extend(shared.and_then(|index| unions.into_iter().nth(index)).map(|union| (name, union)));
        }
    }

    fn collect_objects(&mut self, endpoint: &'a Endpoint, graph: &'a TypeGraph, direction: Direction) {
        for (name, object) in &graph.objects {
            if is_only_root(graph, name) {
                continue;
            }
            let shared = self.objects.entry((name.clone(), direction)).or_default();
            match shared.iter_mut().find(|shared| is_structurally_equal(shared.graph, graph, name, direction))
            {
                Some(known) => known.sharing.add(endpoint),
                None => shared.push(SharedObject {
                    sharing: Sharing::new(endpoint),
                    object,
                    graph,
                    direction,
                    wordings: Vec::new(),
                }),
            }
        }
    }

    /// Collects the descriptions of objects and unions that differ from the first.
    fn collect_wordings(&mut self, endpoints: &[&'a Endpoint], names: &mut names::Namespace) {
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
                    let marker = marker(&shared.sharing.ident);
                    shared.wordings.push(Wording {
                        marker,
                        endpoint: &endpoint.id,
                        described: object,
                        graph,
                    });
                }
            }
            for (name, ty) in named_types(graph, Direction::Input) {
                let shared = self.named.get_mut(&(name.to_owned(), Direction::Input)).into_iter().flatten();
                let Some(shared) = shared.into_iter().find(|shared| shared.is_same(graph, ty)) else {
                    continue;
                };
                if !shared.descriptions().any(|known| have_types_same_words(known, (graph, ty))) {
                    let marker = marker(&shared.sharing.ident);
                    shared.wordings.push(Wording { marker, endpoint: &endpoint.id, described: ty, graph });
                }
            }
            for property in graph.objects.values().flat_map(|object| &object.properties) {
                let Some(union) = self.unions.get_mut(&property.name) else { continue };
                let first = (union.graph, &union.property.ty);
                let own = (graph, innermost(&property.ty));
                if name_of(own.1).is_some() || !are_types_equal(first, own, Direction::Input) {
                    continue;
                }
                if !union.descriptions().any(|known| have_types_same_words(known, own)) {
                    let marker = marker(&union.sharing.ident);
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
                markers.extend(wording.map(|one| (shared.sharing.ident.clone(), one.marker.clone())));
            }
        }
        for (name, ty) in named_types(graph, Direction::Input) {
            let shared = self.named.get(&(name.to_owned(), Direction::Input)).into_iter().flatten();
            for shared in shared.filter(|shared| !shared.wordings.is_empty() && shared.is_same(graph, ty)) {
                let marker = find_marker(shared.descriptions(), &shared.wordings, (graph, ty));
                markers.extend(marker.map(|marker| (shared.sharing.ident.clone(), marker)));
            }
        }
        for (name, union) in self.unions.iter().filter(|(_, union)| !union.wordings.is_empty()) {
            let first = (union.graph, &union.property.ty);
            let properties = graph.objects.values().flat_map(|object| &object.properties);
            let own = properties.filter(|one| one.name == *name).map(|one| (graph, innermost(&one.ty)));
            let mut unnamed = own.filter(|(_, ty)| name_of(ty).is_none());
            let own = unnamed.find(|own| are_types_equal(first, *own, Direction::Input));
            let marker = own.and_then(|own| find_marker(union.descriptions(), &union.wordings, own));
            markers.extend(marker.map(|marker| (union.sharing.ident.clone(), marker)));
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
        Some(&found.sharing.ident)
    }

    /// Returns the name of the shared type of an enum or a union, if the document names it.
    pub(super) fn named_type(&self, graph: &TypeGraph, ty: &Type, direction: Direction) -> Option<&str> {
        let shared = self.named.get(&(name_of(ty)?.name.clone(), direction))?;
        shared.iter().find(|shared| shared.is_same(graph, ty)).map(|shared| shared.sharing.ident.as_str())
    }

    /// Returns the name of the shared union that is the type of a property, if the document does not name it.
    pub(super) fn union_name(
        &self,
        graph: &TypeGraph,
        property: &str,
        ty: &Type,
        direction: Direction,
    ) -> Option<&str> {
        let union = self.unions.get(property).filter(|_| direction.is_input() && name_of(ty).is_none())?;
        are_types_equal((union.graph, &union.property.ty), (graph, ty), direction)
            .then_some(&union.sharing.ident)
    }

    /// Returns the names of all shared types that an endpoint uses.
    pub(super) fn names_used_by(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut used = Vec::new();
        for (graph, direction) in graphs(endpoint) {
            let names = graph.objects.keys().filter_map(|name| self.object_name(graph, name, direction));
            used.extend(names.map(str::to_owned));
            let named = named_types(graph, direction);
            used.extend(named.filter_map(|(_, ty)| self.named_type(graph, ty, direction)).map(str::to_owned));
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

    fn objects(&self) -> impl Iterator<Item = &SharedObject<'a>> {
        self.objects.values().flatten()
    }

    /// Returns the types that have a name, in the order in which they came.
    pub(super) fn in_order(&self) -> impl Iterator<Item = SharedType<'_, 'a>> {
        let unions = self.unions.values().map(SharedType::Union);
        let objects = self.objects().map(SharedType::Object);
        let named = self.named.values().flatten().map(SharedType::Named);
        let all = unions.chain(objects).chain(named);
        let mut named: Vec<_> = all.filter(|known| known.sharing().is_named()).collect();
        named.sort_by_key(|known| known.sharing().position);
        named.into_iter()
    }
}

/// Returns the marker of the first of `descriptions` in the words of `own`. They are the one without a marker and those of
/// `wordings`.
fn find_marker<'t, T>(
    mut descriptions: impl Iterator<Item = (&'t TypeGraph, &'t Type)>,
    wordings: &[Wording<'_, T>],
    own: (&TypeGraph, &Type),
) -> Option<String> {
    let index = descriptions.position(|known| have_types_same_words(known, own))?;
    wordings.get(index.checked_sub(1)?).map(|wording| wording.marker.clone())
}

impl SharedUnion<'_> {
    /// Returns the descriptions of the union, the first one first.
    fn descriptions(&self) -> impl Iterator<Item = (&TypeGraph, &Type)> {
        let others = self.wordings.iter().map(|one| (one.graph, innermost(&one.described.ty)));
        [(self.graph, &self.property.ty)].into_iter().chain(others)
    }
}

impl NamedType<'_> {
    /// Returns the descriptions of the type, the first one first.
    fn descriptions(&self) -> impl Iterator<Item = (&TypeGraph, &Type)> {
        [(self.graph, self.ty)].into_iter().chain(self.wordings.iter().map(|one| (one.graph, one.described)))
    }

    /// Returns true if this is the type `ty` of `graph`.
    fn is_same(&self, graph: &TypeGraph, ty: &Type) -> bool {
        are_types_equal((self.graph, self.ty), (graph, ty), self.direction)
    }

    /// Returns the place of the type, which the documents call `name`.
    fn origin(&self, name: &str) -> Origin {
        let of = match (is_union(self.ty), self.direction) {
            (false, Direction::Input) => Origin::InputEnum,
            (false, Direction::Output) => Origin::OutputEnum,
            (true, Direction::Input) => Origin::InputUnion,
            (true, Direction::Output) => Origin::OutputUnion,
        };
        of(name.to_owned())
    }
}

impl<'s, 'a> SharedType<'s, 'a> {
    fn sharing(self) -> &'s Sharing<'a> {
        match self {
            Self::Union(union) => &union.sharing,
            Self::Object(object) => &object.sharing,
            Self::Named(shared) => &shared.sharing,
        }
    }

    /// Adds the names of the type and of its builder to `names`.
    pub(super) fn reserve(self, names: &mut names::Namespace) {
        let ident = &self.sharing().ident;
        names.reserve(ident);
        if matches!(self, Self::Object(_)) {
            names.reserve_builder(ident);
        }
    }
}

/// Returns the types without a name, those with most users first.
fn most_used_first<'s, 'a: 's>(
    types: impl Iterator<Item = &'s mut Sharing<'a>>,
) -> impl Iterator<Item = &'s mut Sharing<'a>> {
    let mut types: Vec<_> = types.filter(|sharing| !sharing.is_named()).collect();
    types.sort_by_key(|sharing| Reverse(sharing.users.len()));
    types.into_iter()
}

fn object_origin(name: &str, direction: Direction) -> Origin {
    match direction {
        Direction::Input => Origin::Input(name.to_owned()),
        Direction::Output => Origin::Output(name.to_owned()),
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
        Type::Union(kinds, _) => kinds.iter().any(|kind| is_in_shared_type(kind, component, true)),
        Type::Tagged(_, members, _) => members.iter().any(|member| member.object == component),
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
        Type::Union(kinds, _) => kinds.iter().any(|kind| matches!(kind, Type::Object(_))),
        Type::Tagged(..) => true,
        _ => false,
    }
}

fn is_union(ty: &Type) -> bool {
    matches!(ty, Type::Union(..) | Type::Tagged(..))
}

/// Returns the name that the document gives an enum or a union, if any.
pub(super) fn name_of(ty: &Type) -> Option<&ComponentName> {
    match ty {
        Type::TextEnum(_, name)
        | Type::IntegerEnum(_, name)
        | Type::Union(_, name)
        | Type::Tagged(_, _, name) => name.as_ref(),
        _ => None,
    }
}

/// Returns the enums and unions of a graph that the document names, with their names. A union has the values of its enums
/// itself, and integers of outputs are not held to theirs.
fn named_types(graph: &TypeGraph, direction: Direction) -> impl Iterator<Item = (&str, &Type)> {
    let mut found = Vec::new();
    for object in graph.objects.values() {
        let properties = object.properties.iter().filter(|property| property.constant.is_none());
        let others = object.others.kept().map(|item| &item.ty);
        properties.map(|property| &property.ty).chain(others).for_each(|ty| {
            add_named_types(ty, direction, &mut found);
        });
    }
    match &graph.root {
        // The whole value is named after its endpoint.
        root if is_union(root) && !graph.nullable => add_inner_types(root, direction, &mut found),
        root => add_named_types(root, direction, &mut found),
    }
    found.into_iter()
}

fn add_named_types<'a>(ty: &'a Type, direction: Direction, found: &mut Vec<(&'a str, &'a Type)>) {
    let is_read = direction.is_input() || !matches!(ty, Type::IntegerEnum(..));
    found.extend(name_of(ty).filter(|_| is_read).map(|name| (name.name.as_str(), ty)));
    add_inner_types(ty, direction, found);
}

fn add_inner_types<'a>(ty: &'a Type, direction: Direction, found: &mut Vec<(&'a str, &'a Type)>) {
    match ty {
        Type::List(item, _) | Type::Map(item, _) => add_named_types(&item.ty, direction, found),
        Type::Tuple(tuple) => tuple.types().for_each(|ty| add_named_types(ty, direction, found)),
        Type::Union(kinds, _) => {
            // Its own enums become variants, but not those of its lists and maps.
            let inner = kinds.iter().filter(|kind| !matches!(kind, Type::TextEnum(..)));
            inner.for_each(|kind| add_named_types(kind, direction, found));
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
