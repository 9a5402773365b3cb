//! The items of each kind of module, in the order people read them.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    builder, checks, defaults, docs, file_limits,
    imports::{self, Imports},
    index, literals,
    page::{Page, Section},
    place::Place,
    serde_impls, structs,
    tokens::{ident, ty},
    tuples, types,
};
use crate::rust::{Crate, Endpoint, Item, Module, Output, Struct, Ty, about_event, about_output, tasks};

/// Returns the root of a crate, with its own endpoint if the app is one.
pub(super) fn root(place: Place, item: &Crate) -> Page {
    let docs = index::root(place, item);
    match &item.root.endpoint {
        Some(endpoint) => endpoint_page(place, item, &item.root, endpoint, docs),
        None => Page { source: item.source.clone(), docs, sections: Vec::new() },
    }
}

/// Returns the module of an endpoint, or of a part of an id that has endpoints below it.
pub(super) fn module(place: Place, item: &Crate, module: &Module) -> Page {
    match &module.endpoint {
        Some(endpoint) => {
            let docs = index::endpoint(place, item, module, endpoint);
            endpoint_page(place, item, module, endpoint, docs)
        }
        None => {
            let docs = vec![format!("Endpoints under `{}`.", module.id)];
            Page { source: item.source.clone(), docs, sections: Vec::new() }
        }
    }
}

/// Returns the declarations of the modules of a file.
pub(super) fn declarations<'a>(module: &'a Module, others: impl IntoIterator<Item = &'a str>) -> TokenStream {
    let children = module.children.iter().filter_map(|child| child.path.last()).map(String::as_str);
    let names: BTreeSet<&str> = children.chain(others).collect();
    let names = names.into_iter().map(ident);
    quote!(#(pub mod #names;)*)
}

/// Returns the module `types`, which holds what endpoints share.
pub(super) fn types(item: &Crate) -> Page {
    let own = || item.types.iter().filter(|item| item.core_type().is_none());
    let structs = own().filter_map(|item| match item {
        Item::Struct(item) if item.direction.is_input() => Some(item),
        _ => None,
    });
    let structs: Vec<&Struct> = structs.collect();
    let imports = Imports::of_items(own());
    let shapes = hidden("shape", literals::shapes(item));
    let sections = vec![
        Section::untitled(imports.std()),
        Section::untitled([imports.crates()]),
        Section::untitled([reexports_of_fal_core(&item.types)]),
        Section::untitled(own().flat_map(definition)),
        Section::titled("Building.", structs.iter().flat_map(|item| builder::builder(item))),
        Section::titled("On the wire.", own().flat_map(impls)),
        Section::untitled([required(&structs), bounds(item.types.iter()), shapes].into_iter().flatten()),
    ];
    let docs = vec![format!("Types that the endpoints of `{}` share.", item.app)];
    Page { source: item.source.clone(), docs, sections }
}

/// Returns the reexports of types of `fal_core`, under their names in this crate.
fn reexports_of_fal_core(types: &[Item]) -> TokenStream {
    let names: BTreeSet<(&str, &str)> =
        types.iter().filter_map(|item| Some((item.core_type()?, item.name()?))).collect();
    let names = names.into_iter().map(|(known, name)| {
        let renamed = (known != name).then(|| ident(name)).map(|name| quote!(as #name));
        let known = ident(known);
        quote!(#known #renamed)
    });
    let names: Vec<TokenStream> = names.collect();
    match names.as_slice() {
        [] => TokenStream::new(),
        [one] => quote!(#[doc(inline)] pub use fal_core::media::#one;),
        several => quote!(#[doc(inline)] pub use fal_core::media::{#(#several),*};),
    }
}

fn endpoint_page(
    place: Place,
    item: &Crate,
    module: &Module,
    endpoint: &Endpoint,
    docs: Vec<String>,
) -> Page {
    let depth = module.path.len();
    let own: Vec<&Item> = endpoint.types().collect();
    let imports = Imports::of_endpoint(endpoint);

    let mut definitions = model(item, endpoint);
    if let Some(input) = &endpoint.input {
        definitions.push(structs::definition(input));
        definitions.extend(structs::debug(input));
        definitions.extend(defaults::constants(item, &own, input));
        definitions.extend(file_limits::constants(input));
    }
    definitions.extend(endpoint.input_types.iter().flat_map(definition));
    let about = about_output(&endpoint.id, endpoint.realtime || endpoint.session.is_some());
    definitions.extend(output("Output", &about, &endpoint.output));
    definitions.extend(output_debug(&endpoint.output));
    definitions.extend(endpoint.output_types.iter().flat_map(definition));
    if let Some(event) = endpoint.event.as_ref().filter(|event| !is_output(event)) {
        let about = about_event(&endpoint.id);
        definitions.extend(output("Event", &about, event));
        definitions.extend(output_debug(event));
        definitions.extend(endpoint.event_types.iter().flat_map(definition));
    }

    let mut on_wire = Vec::new();
    if let Some(input) = &endpoint.input {
        on_wire.push(checks::structure(input));
        on_wire.extend(serde_impls::structure(input));
    }
    for output in [Some(&endpoint.output), endpoint.event.as_ref()].into_iter().flatten() {
        if let Output::Struct(output) = output {
            on_wire.extend(serde_impls::structure(output));
        }
    }
    on_wire.extend(own.iter().copied().flat_map(impls));

    let shapes = place.shapes(depth).seen_from_child();
    let literals =
        endpoint.input.as_ref().map(|input| literals::modules_of_input(item, endpoint, input, shapes));
    let literals = literals.unwrap_or_default();
    let required: Option<TokenStream> = endpoint.input.as_ref().and_then(|input| required(&[input]));
    let hidden = [
        required,
        bounds(own.iter().copied()),
        hidden("arg", literals.arg),
        hidden("list", literals.list),
        hidden("nested", literals.nested),
    ];
    let building = endpoint.input.as_ref().map_or_else(builder::of_union, builder::builder);

    let shared = endpoint.shared.iter().map(String::as_str).collect();
    let shared = imports::public_uses(place.types(depth), &shared);
    let sections = vec![
        Section::untitled(imports.std()),
        Section::untitled([imports.crates()]),
        Section::untitled([shared]),
        Section::untitled(definitions),
        Section::titled("Building.", building),
        Section::titled("On the wire.", on_wire),
        Section::untitled(hidden.into_iter().flatten()),
    ];
    Page { source: Some(endpoint.file.clone()), docs, sections }
}

/// Returns the definition of an output or event, unless it is a union, which is among the types.
fn output(name: &str, about: &str, output: &Output) -> Option<TokenStream> {
    Some(match output {
        Output::Struct(output) => structs::definition(output),
        Output::Alias(Ty::Named(own)) if own == name => return None,
        Output::Alias(alias) => {
            let (docs, name, ty) = (docs::line(about), ident(name), ty(alias));
            quote!(#docs pub type #name = #ty;)
        }
    })
}

/// Returns the `Debug` impl of an output or event with secrets.
fn output_debug(output: &Output) -> Option<TokenStream> {
    match output {
        Output::Struct(output) => structs::debug(output),
        Output::Alias(_) => None,
    }
}

/// Returns true for an event that has the type of the output.
fn is_output(event: &Output) -> bool {
    matches!(event, Output::Alias(Ty::Named(name)) if name == "Output")
}

/// Returns the type that stands for the endpoint, and its traits.
fn model(item: &Crate, endpoint: &Endpoint) -> Vec<TokenStream> {
    let (id, title) = (&endpoint.id, &endpoint.title);
    let description = docs::plain(&endpoint.description);
    let description =
        (!description.is_empty()).then(|| quote!(const DESCRIPTION: &'static str = #description;));
    let category = endpoint
        .category
        .as_ref()
        .map(|category| quote!(const CATEGORY: Option<&'static str> = Some(#category);));
    let docs_url = endpoint.is_published.then(|| {
        let url = format!("https://fal.ai/models/{id}");
        quote!(const DOCS_URL: Option<&'static str> = Some(#url);)
    });
    let docs = docs::line(&match &endpoint.session {
        None => format!("The endpoint {}.", endpoint.link()),
        Some(protocol) => {
            format!("Sessions of {} over {}. No call reaches them.", endpoint.link(), docs::escape(protocol))
        }
    });
    let mut items = vec![
        quote! {
            #docs
            #[derive(Debug)]
            pub enum Model {}
        },
        quote! {
            impl Endpoint for Model {
                const ID: &'static str = #id;
                const TITLE: &'static str = #title;
                #description
                #category
                #docs_url
                type Input = Input;
                type Output = Output;
            }
        },
    ];
    if let Some(event) = &endpoint.event {
        let event = ident(if is_output(event) { "Output" } else { "Event" });
        items.push(quote! {
            impl Streams for Model {
                type Event = #event;
            }
        });
    }
    let tasks = if endpoint.session.is_none() { tasks::of(item, endpoint) } else { Vec::new() };
    items.extend(tasks.into_iter().map(|task| {
        let name = ident(task.name);
        let constants = task.constants.iter().map(|(constant, value)| {
            let constant = ident(constant);
            quote!(const #constant: &'static str = #value;)
        });
        quote! {
            impl fal_core::task::#name for Model {
                #(#constants)*
            }
        }
    }));
    if endpoint.realtime {
        items.push(quote! {
            impl Realtime for Model {
                type Send = Input;
                type Receive = Output;
            }
        });
    }
    items
}

/// Returns the definition of a type, and what belongs right below it.
fn definition(item: &Item) -> Vec<TokenStream> {
    match item {
        Item::Struct(item) => [structs::definition(item)]
            .into_iter()
            .chain(structs::debug(item))
            .chain(structs::media(item))
            .chain(file_limits::constants(item))
            .collect(),
        Item::TextEnum(item) => types::text_enum(item),
        Item::IntegerEnum(item) => types::integer_enum(item),
        Item::Union(item) => types::union(item),
        Item::Tuple(item) => tuples::definition(item),
        Item::Number(item) => vec![types::number(item)],
        Item::Length(_) => Vec::new(),
    }
}

/// Returns the impls that read, write and check values of a type.
fn impls(item: &Item) -> Vec<TokenStream> {
    match item {
        Item::Struct(item) => {
            let parameters = item.direction.is_input().then(|| checks::structure(item));
            parameters.into_iter().chain(serde_impls::structure(item)).collect()
        }
        Item::Union(item) => {
            let parameters = item.direction.is_input().then(|| checks::union(item));
            parameters.into_iter().chain(serde_impls::union(item)).collect()
        }
        Item::Tuple(item) => {
            let parameters = item.direction.is_input().then(|| checks::tuple(item));
            parameters.into_iter().chain(tuples::impls(item)).collect()
        }
        Item::TextEnum(_) | Item::IntegerEnum(_) | Item::Number(_) | Item::Length(_) => Vec::new(),
    }
}

/// Returns the module of the traits with which the compiler names a missing parameter.
fn required(structs: &[&Struct]) -> Option<TokenStream> {
    hidden("required", structs.iter().flat_map(|item| builder::required_traits(item)).collect())
}

/// Returns the module of the markers of bounds.
fn bounds<'a>(items: impl Iterator<Item = &'a Item>) -> Option<TokenStream> {
    let markers = items.filter_map(|item| match item {
        Item::Number(number) => Some(types::number_bounds(number)),
        Item::Length(rule) => Some(types::length_bounds(rule)),
        _ => None,
    });
    hidden("bounds", markers.collect())
}

/// Returns a module that users never name, if it has something to hold.
fn hidden(name: &str, items: TokenStream) -> Option<TokenStream> {
    let allow = match name {
        "arg" | "list" => quote!(#[allow(non_camel_case_types)]),
        "nested" => quote!(#[allow(unused_imports)]),
        "shape" => quote!(#[allow(non_camel_case_types, non_snake_case, unused_imports)]),
        _ => TokenStream::new(),
    };
    let name = ident(name);
    (!items.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            #allow
            pub mod #name {
                #items
            }
        }
    })
}
