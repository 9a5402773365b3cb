//! Plans the modules of one crate from the endpoints of one app.

use std::collections::HashSet;

use super::{
    Crate, Described, Endpoint, Extra, Item, Module, Output, Struct, Ty,
    about::{about_event, about_input, about_output},
    core_types, names,
    owner::Owner,
    shared_types::{NamedType, SharedObject, SharedType, SharedTypes, SharedUnion},
    type_builder::TypeBuilder,
    wordings,
};
use crate::{
    error::Error,
    families::Group,
    manifest::Family,
    model::{self, Direction},
};

#[cfg(test)]
mod tests;

/// Plans the crate of a group of endpoints.
///
/// # Errors
///
/// Fails if the input of an endpoint is not an object, or if two endpoints have the same module.
pub(crate) fn plan(group: &Group) -> Result<Crate, Error> {
    let Group { name, family, source, endpoints, given } = group;
    let endpoints = given.in_order(endpoints, |endpoint| &endpoint.id);
    let mut shared = SharedTypes::collect(&family.app, &endpoints, given);
    let (known, _) = shared_items(&shared);
    let taken: Vec<String> = known.iter().filter_map(|item| item.name().map(str::to_owned)).collect();
    shared.name_new(&endpoints, &taken);
    let mut root = Module { id: family.app.clone(), ..Module::default() };
    for endpoint in &endpoints {
        let rest = endpoint.id.strip_prefix(&family.app).unwrap_or(&endpoint.id);
        let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        let module = module_at(&mut root, &segments);
        if let Some(other) = &module.endpoint {
            let path = module.path.join("::");
            return Err(Error::new(
                &endpoint.file,
                format!("the module `{path}` is taken by `{}`", other.id),
            )
            .with_help("leave one of them out with `--skip`"));
        }
        let warning = endpoint.deprecated.then(|| describe_deprecation(&endpoint.id, family));
        module.endpoint = Some(plan_endpoint(endpoint, &shared, warning)?);
    }
    sort_children(&mut root);
    let (types, described) = shared_items(&shared);
    Ok(Crate {
        name: name.to_owned(),
        app: family.app.clone(),
        title: family.title.clone(),
        version: family.version.clone(),
        source: source.clone(),
        root,
        types,
        described,
        names: shared.names(&endpoints),
    })
}

/// Returns the module for the segments of an endpoint id, and creates it if needed.
fn module_at<'a>(root: &'a mut Module, segments: &[&str]) -> &'a mut Module {
    segments.iter().fold(root, |module, segment| {
        let id = format!("{}/{segment}", module.id);
        let known = module.children.iter().position(|child| child.id == id);
        let index = known.unwrap_or_else(|| {
            // Segments such as `a-b` and `a_b` give the same name, so the later ones are numbered.
            let is_taken = |name: &str| {
                module.children.iter().any(|child| child.path.last().is_some_and(|taken| taken == name))
            };
            let wanted = names::module(segment);
            let numbered = (2..).map(|number| format!("{wanted}_{number}"));
            let ident = std::iter::once(wanted.clone()).chain(numbered).find(|name| !is_taken(name));
            let path = module.path.iter().cloned().chain(ident).collect();
            module.children.push(Module { path, id, ..Module::default() });
            module.children.len() - 1
        });
        &mut module.children[index]
    })
}

fn sort_children(module: &mut Module) {
    module.children.sort_by(|a, b| a.path.cmp(&b.path));
    module.children.iter_mut().for_each(sort_children);
}

/// Returns the warning about an endpoint that may stop to be served.
fn describe_deprecation(id: &str, family: &Family) -> String {
    let newer = family.superseded_by.as_ref().map(|name| format!("; `{name}` has the newer version"));
    format!("`{id}` is deprecated and may stop to be served{}", newer.unwrap_or_default())
}

fn plan_endpoint(
    endpoint: &model::Endpoint,
    shared: &SharedTypes<'_>,
    deprecated: Option<String>,
) -> Result<Endpoint, Error> {
    let owner = Owner { label: endpoint.id.clone(), prefix: String::new() };
    let mut names = names::Namespace::of_types();
    let shared_names = shared.names_used_by(endpoint);
    shared_names.iter().for_each(|name| names.reserve(name));

    let mut builder = TypeBuilder::new(shared, &endpoint.input, Direction::Input, &owner, &mut names);
    let has_messages = endpoint.realtime || endpoint.session.is_some();
    let about = about_input(&endpoint.id, has_messages);
    let mut input = match &endpoint.input.root {
        root if endpoint.input.is_union_of_objects() => {
            builder.build_root_union("Input", &about, root);
            None
        }
        _ => {
            let mut input = builder.build_struct("Input", &input_object(endpoint)?);
            // A caller may always add a parameter that is newer than the document.
            input.extra.get_or_insert_with(|| Box::new(Extra::any()));
            input.description = about;
            // fal's own documents describe the endpoint in other places.
            if !endpoint.is_published {
                input.note = root_description(&endpoint.input);
            }
            input.deprecated.clone_from(&deprecated);
            Some(input)
        }
    };
    let mut input_types = builder.into_items();
    let markers = shared.markers(&endpoint.input);
    wordings::refer(&markers, input_types.iter_mut());
    input.iter_mut().for_each(|input| wordings::refer_from_struct(&markers, input));

    let about = about_output(&endpoint.id, has_messages);
    let (mut output, output_types) =
        plan_output("Output", about, &endpoint.output, shared, &owner, &mut names);
    if let Output::Struct(output) = &mut output
        && !endpoint.is_published
    {
        output.note = root_description(&endpoint.output);
    }
    let about = about_event(&endpoint.id);
    let (event, event_types) = match &endpoint.event {
        Some(event) if *event == endpoint.output => {
            (Some(Output::Alias(Ty::Named("Output".to_owned()))), Vec::new())
        }
        Some(event) => {
            let (event, types) = plan_output("Event", about, event, shared, &owner, &mut names);
            (Some(event), types)
        }
        None => (None, Vec::new()),
    };

    let types = input_types.iter().chain(&output_types).chain(&event_types);
    let mentioned = mentioned_names(input.iter(), [&output].into_iter().chain(&event), types);
    let mentioned: HashSet<String> = mentioned.into_iter().collect();
    Ok(Endpoint {
        file: endpoint.file.clone(),
        id: endpoint.id.clone(),
        title: endpoint.title.clone(),
        description: endpoint.description.clone(),
        category: endpoint.category.clone(),
        date: endpoint.date.clone(),
        shared: shared_names.into_iter().filter(|name| mentioned.contains(name)).collect(),
        input,
        input_types,
        output,
        output_types,
        event,
        event_types,
        realtime: endpoint.realtime,
        session: endpoint.session.clone(),
        is_published: endpoint.is_published,
        deprecated,
    })
}

/// Returns the object of the parameters, which is empty if the input may be anything.
fn input_object(endpoint: &model::Endpoint) -> Result<model::Object, Error> {
    match &endpoint.input.root {
        model::Type::Object(root) => Ok(endpoint.input.objects[root].clone()),
        _ if endpoint.input.is_unconstrained() => Ok(model::Object {
            name: "Input".to_owned(),
            description: String::new(),
            properties: Vec::new(),
            others: model::Others::any(),
            secret_others: false,
            requirements: Vec::new(),
        }),
        _ => Err(Error::new(&endpoint.file, format!("the input of `{}` is not an object", endpoint.id))
            .with_help("call the endpoint untyped, or correct its input with `--overlay`")),
    }
}

/// Returns the description that the author of a document gives the object of an input or output.
fn root_description(graph: &model::TypeGraph) -> String {
    match &graph.root {
        model::Type::Object(root) => graph.objects[root].description.clone(),
        _ => String::new(),
    }
}

/// Plans the type of an output or event, and the types that it needs.
fn plan_output(
    ident: &str,
    description: String,
    graph: &model::TypeGraph,
    shared: &SharedTypes<'_>,
    owner: &Owner,
    names: &mut names::Namespace,
) -> (Output, Vec<Item>) {
    let mut builder = TypeBuilder::new(shared, graph, Direction::Output, owner, names);
    let output = match &graph.root {
        model::Type::Object(root) if !graph.nullable => {
            let item = Struct { description, ..builder.build_struct(ident, &graph.objects[root]) };
            Output::Struct(Box::new(item))
        }
        root @ (model::Type::Union(..) | model::Type::Tagged(..)) if !graph.nullable => {
            builder.build_root_union(ident, &description, root);
            Output::Alias(Ty::Named(ident.to_owned()))
        }
        other => {
            let ty = builder.build_type(ident, other);
            Output::Alias(if graph.nullable { Ty::Option(Box::new(ty)) } else { ty })
        }
    };
    (output, builder.into_items())
}

/// Builds the shared types that have a name, the parameter types inside them, and the types in the words of other
/// endpoints.
fn shared_items(shared: &SharedTypes<'_>) -> (Vec<Item>, Vec<Described>) {
    let mut names = names::Namespace::of_types();
    shared.in_order().for_each(|known| known.reserve(&mut names));
    let mut built = (Vec::new(), Vec::new());
    for known in shared.in_order() {
        match known {
            SharedType::Union(union) => build_shared_union(shared, union, &mut names, &mut built),
            SharedType::Object(object) => build_shared_object(shared, object, &mut names, &mut built),
            SharedType::Named(known) => build_named_type(shared, known, &mut names, &mut built),
        }
    }
    let (items, described) = built;
    (core_types::replace_with_core(items), described)
}

fn build_named_type(
    shared: &SharedTypes<'_>,
    known: &NamedType<'_>,
    names: &mut names::Namespace,
    (items, described): &mut (Vec<Item>, Vec<Described>),
) {
    let ident = &known.sharing.ident;
    // The types inside a union are named after it.
    let owner = Owner { label: shared.app.clone(), prefix: String::new() };
    for wording in &known.wordings {
        let mut names = names.clone();
        let mut builder = TypeBuilder::new(shared, wording.graph, Direction::Input, &owner, &mut names);
        let mut item = builder.build_named_union(ident, wording.described);
        wordings::refer(&shared.markers(wording.graph), [&mut item].into_iter());
        described.push(Described::new(wording, item));
    }
    let mut builder = TypeBuilder::new(shared, known.graph, known.direction, &owner, names);
    let item = builder.build_named_enum(ident, known.ty);
    items.push(item.unwrap_or_else(|| builder.build_named_union(ident, known.ty)));
    items.extend(builder.into_items());
}

fn build_shared_union(
    shared: &SharedTypes<'_>,
    union: &SharedUnion<'_>,
    names: &mut names::Namespace,
    (items, described): &mut (Vec<Item>, Vec<Described>),
) {
    let ident = &union.sharing.ident;
    let owner = Owner { label: shared.app.clone(), prefix: ident.clone() };
    for wording in &union.wordings {
        // The same structure gets the same names.
        let mut names = names.clone();
        let mut builder = TypeBuilder::new(shared, wording.graph, Direction::Input, &owner, &mut names);
        let mut item = Item::Union(builder.build_union(ident, wording.described));
        wordings::refer(&shared.markers(wording.graph), [&mut item].into_iter());
        described.push(Described::new(wording, item));
    }
    let mut builder = TypeBuilder::new(shared, union.graph, Direction::Input, &owner, names);
    items.push(Item::Union(builder.build_union(ident, union.property)));
    items.extend(builder.into_items());
}

fn build_shared_object(
    shared: &SharedTypes<'_>,
    object: &SharedObject<'_>,
    names: &mut names::Namespace,
    (items, described): &mut (Vec<Item>, Vec<Described>),
) {
    let ident = &object.sharing.ident;
    let owner = Owner { label: format!("{ident} in {}", shared.app), prefix: ident.clone() };
    for wording in &object.wordings {
        let mut names = names.clone();
        let mut builder = TypeBuilder::new(shared, wording.graph, Direction::Input, &owner, &mut names);
        let own = wordings::in_order_of(wording.described, object.object);
        let mut item = Item::Struct(builder.build_struct(ident, &own));
        wordings::refer(&shared.markers(wording.graph), [&mut item].into_iter());
        described.push(Described::new(wording, item));
    }
    let mut builder = TypeBuilder::new(shared, object.graph, object.direction, &owner, names);
    items.push(Item::Struct(builder.build_struct(ident, object.object)));
    items.extend(builder.into_items());
}

/// Returns the named types that the items of a module mention.
fn mentioned_names<'a>(
    inputs: impl Iterator<Item = &'a Struct>,
    outputs: impl Iterator<Item = &'a Output>,
    types: impl Iterator<Item = &'a Item>,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut structs: Vec<&Struct> = inputs.collect();
    for output in outputs {
        match output {
            Output::Struct(output) => structs.push(output),
            Output::Alias(ty) => ty.collect_names(&mut found),
        }
    }
    for item in types {
        match item {
            Item::Struct(item) => structs.push(item),
            Item::Union(union) => union.types().for_each(|ty| ty.collect_names(&mut found)),
            Item::Tuple(tuple) => {
                tuple.positions().for_each(|position| position.ty.collect_names(&mut found))
            }
            _ => {}
        }
    }
    structs.iter().flat_map(|item| item.types()).for_each(|ty| ty.collect_names(&mut found));
    found
}

impl Ty {
    /// Adds the named types that this type mentions to `found`.
    pub(crate) fn collect_names(&self, found: &mut Vec<String>) {
        match self {
            Self::Named(name) => found.push(name.clone()),
            Self::List(inner) | Self::Map(inner) | Self::Option(inner) | Self::Boxed(inner) => {
                inner.collect_names(found)
            }
            Self::Tuple(items) => items.iter().for_each(|item| item.collect_names(found)),
            Self::Text
            | Self::File
            | Self::Integer
            | Self::Number
            | Self::Boolean
            | Self::Null
            | Self::Json => {}
        }
    }
}
