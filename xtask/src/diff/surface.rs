//! The names of types, fields and variants, whose changes the comparison of schemas misses: a renamed type, for example.

use std::collections::{BTreeMap, BTreeSet};

use fal_codegen::rust::{Crate, Endpoint, Item, Module, Output, Struct, VariantKind};

/// Types, fields and variants by module: the id of an endpoint, or `types`.
pub(super) type Surface = BTreeMap<String, BTreeSet<String>>;

/// The module of the types that endpoints share.
pub(super) const TYPES: &str = "types";

/// Returns the names of a crate.
pub(super) fn of_crate(plan: &Crate) -> Surface {
    let mut surface = Surface::new();
    surface.insert(TYPES.to_owned(), plan.types.iter().flat_map(item).collect());
    module(&plan.root, &mut surface);
    surface
}

/// Returns a sentence for each removed name of a module. If types were removed, their fields and variants are left out.
pub(super) fn removed(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let removed: Vec<&String> = before.difference(after).collect();
    let types: Vec<&&String> = removed.iter().filter(|name| !name.contains(['.', ':', ' '])).collect();
    if !types.is_empty() {
        return types.iter().map(|name| format!("the type `{name}` was removed or renamed")).collect();
    }
    let ident =
        |name: &str| name.split([' ', '(']).next().unwrap_or_default().trim_end_matches(':').to_owned();
    let names: BTreeSet<String> = after.iter().map(|name| ident(name)).collect();
    removed
        .into_iter()
        .map(|name| match ident(name) {
            name if names.contains(&name) => format!("`{name}` has another type in Rust"),
            name => format!("`{name}` was removed or renamed"),
        })
        .collect()
}

fn module(module: &Module, surface: &mut Surface) {
    if let Some(endpoint) = &module.endpoint {
        surface.insert(endpoint.id.clone(), self::endpoint(endpoint));
    }
    module.children.iter().for_each(|child| self::module(child, surface));
}

fn endpoint(endpoint: &Endpoint) -> BTreeSet<String> {
    let types = endpoint.input_types.iter().chain(&endpoint.output_types).chain(&endpoint.event_types);
    let mut names: BTreeSet<String> = types.flat_map(item).collect();
    names.extend(endpoint.input.iter().flat_map(structure));
    for (name, output) in [("Output", Some(&endpoint.output)), ("Event", endpoint.event.as_ref())] {
        match output {
            Some(Output::Struct(output)) => names.extend(structure(output)),
            Some(Output::Alias(ty)) => names.extend([name.to_owned(), format!("{name} = {ty:?}")]),
            None => {}
        }
    }
    names.extend(endpoint.shared.iter().cloned());
    names
}

fn item(item: &Item) -> Vec<String> {
    match item {
        Item::Struct(item) => structure(item),
        Item::TextEnum(item) => variants(&item.ident, item.variants.iter().map(|(name, _)| name.clone())),
        Item::IntegerEnum(item) => variants(&item.ident, item.variants.iter().map(|(name, _)| name.clone())),
        Item::Union(item) => {
            let shown = item.variants.iter().map(|variant| match &variant.kind {
                VariantKind::Text(_) => variant.ident.clone(),
                VariantKind::Value { ty, .. } => format!("{}({ty:?})", variant.ident),
            });
            variants(&item.ident, shown)
        }
        Item::Tuple(item) => {
            let types = item.positions().enumerate();
            let fields = types.map(|(index, position)| format!("{}.{index}: {:?}", item.ident, position.ty));
            std::iter::once(item.ident.clone()).chain(fields).collect()
        }
        Item::Number(item) => vec![item.ident.clone()],
        Item::Length(_) => Vec::new(),
    }
}

fn structure(item: &Struct) -> Vec<String> {
    let fields = item.fields.iter();
    let fields =
        fields.map(|field| format!("{}.{}: {:?} {:?}", item.ident, field.ident, field.presence, field.ty));
    let extra = item.extra.iter().map(|extra| format!("{}.extra: {:?}", item.ident, extra.ty));
    std::iter::once(item.ident.clone()).chain(fields).chain(extra).collect()
}

fn variants(ident: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(ident.to_owned()).chain(names.map(|name| format!("{ident}::{name}"))).collect()
}
