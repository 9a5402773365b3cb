//! From the endpoints of one app to the modules of one crate.

use super::{
    Crate, Endpoint, Item, Module, Output, Struct, Ty,
    fields::Fields,
    names,
    shapes::{Owner, Shapes},
};
use crate::{Error, manifest::Family, model};

/// Plans the crate of one family.
///
/// # Errors
///
/// When an endpoint takes something other than an object, or two endpoints would have the same module.
pub fn plan(name: &str, family: &Family, endpoints: &[model::Endpoint]) -> Result<Crate, Error> {
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

fn endpoint(endpoint: &model::Endpoint, shapes: &Shapes) -> Result<Endpoint, Error> {
    let model::Type::Object(root) = &endpoint.input.root else {
        return Err(Error::new(&endpoint.file, "the input is not an object")
            .at(format!("/paths/~1{}/post/requestBody", endpoint.id.replace('/', "~1")))
            .help("call the endpoint untyped, or correct its input with a fixup"));
    };
    let owner = Owner { label: endpoint.id.clone(), prefix: String::new() };
    let mut names = names::Namespace::of_types();
    for name in shapes.used_by(endpoint) {
        names.reserve(&name);
    }

    let mut fields = Fields::new(shapes, &endpoint.input, true, &owner, &mut names);
    let input = fields.structure("Input", &endpoint.input.objects[root]);
    let input_types = fields.into_items();

    let owner = Owner { prefix: String::new(), ..owner };
    let mut fields = Fields::new(shapes, &endpoint.output, false, &owner, &mut names);
    let output = match &endpoint.output.root {
        model::Type::Object(root) => {
            Output::Struct(fields.structure("Output", &endpoint.output.objects[root]))
        }
        other => Output::Alias(fields.alias("Output", other)),
    };
    let output_types = fields.into_items();

    let mut shared = shapes.used_by(endpoint);
    let direct = mentioned(&input, &input_types, &output, &output_types);
    shared.retain(|name| direct.contains(name));
    Ok(Endpoint {
        file: endpoint.file.clone(),
        id: endpoint.id.clone(),
        title: endpoint.title.clone(),
        description: endpoint.description.clone(),
        category: endpoint.category.clone(),
        input: Struct { description: format!("The parameters of [`{}`](Model).", endpoint.id), ..input },
        input_types,
        output: match output {
            Output::Struct(output) => Output::Struct(Struct {
                description: format!("What [`{}`](Model) gives.", endpoint.id),
                ..output
            }),
            alias @ Output::Alias(_) => alias,
        },
        output_types,
        shared,
    })
}

/// The named types that the items of a module mention.
fn mentioned(input: &Struct, input_types: &[Item], output: &Output, output_types: &[Item]) -> Vec<String> {
    let mut found = Vec::new();
    let mut structs = vec![input];
    match output {
        Output::Struct(output) => structs.push(output),
        Output::Alias(ty) => ty.names(&mut found),
    }
    for item in input_types.iter().chain(output_types) {
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
    fn names(&self, found: &mut Vec<String>) {
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

impl super::Union {
    fn types(&self) -> impl Iterator<Item = &Ty> {
        self.variants.iter().filter_map(|variant| match &variant.kind {
            super::VariantKind::Value { ty, .. } => Some(ty),
            super::VariantKind::Text(_) => None,
        })
    }
}
