//! From the endpoints of one app to the modules of one crate.

use super::{
    Crate, Endpoint, Item, Module, Output, Struct, Ty,
    fields::Fields,
    names,
    shapes::{Owner, Shapes},
};
use crate::{
    Error,
    families::Group,
    model::{self, Direction},
};

/// Plans the crate of one family.
///
/// # Errors
///
/// When an endpoint takes something other than an object, or two endpoints would have the same module.
pub(crate) fn plan(group: &Group) -> Result<Crate, Error> {
    let Group { name, family, source, endpoints } = group;
    let shapes = Shapes::collect(&family.app, endpoints);
    let mut root = Module { id: family.app.clone(), ..Module::default() };
    for endpoint in endpoints {
        let rest = endpoint.id.strip_prefix(&family.app).unwrap_or(&endpoint.id);
        let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        let module = enter(&mut root, &segments);
        if let Some(other) = &module.endpoint {
            let path = module.path.join("::");
            return Err(Error::new(
                &endpoint.file,
                format!("the module `{path}` is taken by `{}`", other.id),
            )
            .help("leave one of them out of the manifest"));
        }
        module.endpoint = Some(self::endpoint(endpoint, &shapes)?);
    }
    sort(&mut root);
    Ok(Crate {
        name: name.to_owned(),
        app: family.app.clone(),
        title: family.title.clone(),
        source: source.clone(),
        root,
        types: shapes.items(),
    })
}

/// The module for the segments of an endpoint id, made on the way.
fn enter<'a>(root: &'a mut Module, segments: &[&str]) -> &'a mut Module {
    segments.iter().fold(root, |module, segment| {
        let ident = names::module(segment);
        let known = module.children.iter().position(|child| child.path.last() == Some(&ident));
        let index = known.unwrap_or_else(|| {
            let path = module.path.iter().cloned().chain([ident]).collect();
            let id = format!("{}/{segment}", module.id);
            module.children.push(Module { path, id, ..Module::default() });
            module.children.len() - 1
        });
        &mut module.children[index]
    })
}

fn sort(module: &mut Module) {
    module.children.sort_by(|a, b| a.path.cmp(&b.path));
    module.children.iter_mut().for_each(sort);
}

fn endpoint(endpoint: &model::Endpoint, shapes: &Shapes<'_>) -> Result<Endpoint, Error> {
    let owner = Owner { label: endpoint.id.clone(), prefix: String::new() };
    let mut names = names::Namespace::of_types();
    let shared = shapes.used_by(endpoint);
    shared.iter().for_each(|name| names.reserve(name));

    let mut fields = Fields::new(shapes, &endpoint.input, Direction::Input, &owner, &mut names);
    let mut input = fields.structure("Input", &parameters(endpoint)?);
    input.description = format!("The parameters of [`{}`](Model).", endpoint.id);
    let input_types = fields.into_items();

    let about = format!("What [`{}`](Model) gives.", endpoint.id);
    let (output, output_types) = read("Output", about, &endpoint.output, shapes, &owner, &mut names);
    let about = format!("One event of the stream of [`{}`](Model).", endpoint.id);
    let (event, event_types) = match &endpoint.event {
        Some(event) if *event == endpoint.output => {
            (Some(Output::Alias(Ty::Named("Output".to_owned()))), Vec::new())
        }
        Some(event) => {
            let (event, types) = read("Event", about, event, shapes, &owner, &mut names);
            (Some(event), types)
        }
        None => (None, Vec::new()),
    };

    let types = input_types.iter().chain(&output_types).chain(&event_types);
    let direct = mentioned(&input, [&output].into_iter().chain(&event), types);
    Ok(Endpoint {
        file: endpoint.file.clone(),
        id: endpoint.id.clone(),
        title: endpoint.title.clone(),
        description: endpoint.description.clone(),
        category: endpoint.category.clone(),
        shared: shared.into_iter().filter(|name| direct.contains(name)).collect(),
        input,
        input_types,
        output,
        output_types,
        event,
        event_types,
        realtime: endpoint.realtime,
    })
}

/// The object that an input is. One that may be anything has no parameters of its own.
fn parameters(endpoint: &model::Endpoint) -> Result<model::Object, Error> {
    match &endpoint.input.root {
        model::Type::Object(root) => Ok(endpoint.input.objects[root].clone()),
        _ if endpoint.input.is_free() => Ok(model::Object {
            name: "Input".to_owned(),
            description: String::new(),
            properties: Vec::new(),
            closed: false,
        }),
        _ => Err(Error::new(&endpoint.file, format!("the input of `{}` is not an object", endpoint.id))
            .help("call the endpoint untyped, or correct its input with a fixup")),
    }
}

/// What an endpoint gives, and the types it needs.
fn read(
    ident: &str,
    description: String,
    side: &model::Side,
    shapes: &Shapes<'_>,
    owner: &Owner,
    names: &mut names::Namespace,
) -> (Output, Vec<Item>) {
    let mut fields = Fields::new(shapes, side, Direction::Output, owner, names);
    let output = match &side.root {
        model::Type::Object(root) => {
            Output::Struct(Struct { description, ..fields.structure(ident, &side.objects[root]) })
        }
        other => Output::Alias(fields.ty(ident, other)),
    };
    (output, fields.into_items())
}

/// The named types that the items of a module mention.
fn mentioned<'a>(
    input: &'a Struct,
    outputs: impl Iterator<Item = &'a Output>,
    types: impl Iterator<Item = &'a Item>,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut structs = vec![input];
    for output in outputs {
        match output {
            Output::Struct(output) => structs.push(output),
            Output::Alias(ty) => ty.names(&mut found),
        }
    }
    for item in types {
        match item {
            Item::Struct(item) => structs.push(item),
            Item::Union(union) => union.types().for_each(|ty| ty.names(&mut found)),
            _ => {}
        }
    }
    structs.iter().flat_map(|item| &item.fields).for_each(|field| field.ty.names(&mut found));
    found
}

impl Ty {
    /// Adds the named types that this type mentions.
    pub(crate) fn names(&self, found: &mut Vec<String>) {
        match self {
            Self::Named(name) => found.push(name.clone()),
            Self::List(inner) | Self::Map(inner) | Self::Option(inner) | Self::Boxed(inner) => {
                inner.names(found)
            }
            Self::Tuple(items) => items.iter().for_each(|item| item.names(found)),
            Self::Text | Self::File | Self::Integer | Self::Number | Self::Boolean | Self::Json => {}
        }
    }
}
