//! The `use` lines of a module: the names that its items are known to need.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::{place::ModulePath, structs::is_input, tokens::ident};
use crate::rust::{
    Bounds, Endpoint, Field, Item, Output, Position, Presence, Rule, Struct, TupleStruct, Ty, Union,
    VariantKind,
};

/// The names that a module imports.
#[derive(Debug, Default)]
pub(super) struct Imports {
    maps: bool,
    fal_core: BTreeSet<&'static str>,
    /// The traits of serde by which values are written.
    writes: bool,
    /// Those by which unions and tuples are read. Macros of `fal_core` use those of objects.
    reads: bool,
    map_access: bool,
    serde_json: BTreeSet<&'static str>,
}

impl Imports {
    /// Collects the imports of the module of an endpoint.
    pub(super) fn of_endpoint(endpoint: &Endpoint) -> Self {
        let mut imports = Self::default();
        imports.fal_core.insert("Endpoint");
        imports.fal_core.extend(endpoint.event.is_some().then_some("Streams"));
        imports.fal_core.extend(endpoint.realtime.then_some("Realtime"));
        match &endpoint.input {
            Some(input) => imports.add_struct(input),
            None => imports.fal_core.extend(["IntoInput", "Violations"]),
        }
        for output in [Some(&endpoint.output), endpoint.event.as_ref()].into_iter().flatten() {
            match output {
                Output::Struct(output) => imports.add_struct(output),
                Output::Alias(ty) => imports.add_type(ty),
            }
        }
        endpoint.types().for_each(|item| imports.add_item(item));
        imports
    }

    /// Collects the imports of a module of types.
    pub(super) fn of_items<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut imports = Self::default();
        items.for_each(|item| imports.add_item(item));
        imports
    }

    /// Returns the `use` line of the standard library.
    pub(super) fn std(&self) -> Option<TokenStream> {
        self.maps.then(|| {
            quote!(
                use std::collections::BTreeMap;
            )
        })
    }

    /// Returns the `use` lines of other crates.
    pub(super) fn crates(&self) -> TokenStream {
        let reads = self.reads.then(|| quote!(Deserialize, Deserializer,));
        let map_access = self.map_access.then(|| quote!(, de::MapAccess));
        let serde = self.writes.then(|| quote!(use serde::{#reads Serialize, Serializer #map_access};));
        let fal_core = uses(&quote!(fal_core), &self.fal_core);
        let serde_json = uses(&quote!(serde_json), &self.serde_json);
        quote!(#fal_core #serde #serde_json)
    }

    fn add_item(&mut self, item: &Item) {
        match item {
            Item::Struct(item) => self.add_struct(item),
            Item::Union(item) => self.add_union(item),
            Item::Tuple(item) => self.add_tuple(item),
            Item::Number(item) => {
                self.fal_core.insert(match item.bounds {
                    Bounds::Integer(_) => "Int",
                    Bounds::Wide(_) => "WideInt",
                    Bounds::Number(_) => "Float",
                });
            }
            // Macros of `fal_core` write what these need.
            Item::TextEnum(_) | Item::IntegerEnum(_) | Item::Length(_) => {}
        }
    }

    fn add_struct(&mut self, item: &Struct) {
        self.writes = true;
        self.map_access = true;
        self.fal_core.insert("json");
        item.fields.iter().for_each(|field| self.add_field(field));
        if let Some(extra) = &item.extra {
            self.add_type(&Ty::Map(Box::new(extra.ty.clone())));
        }
        if !item.direction.is_input() {
            return;
        }
        self.fal_core.insert("Parameters");
        let has = |presence: fn(&Field) -> bool| item.fields.iter().any(presence);
        self.fal_core.extend(has(|field| field.presence == Presence::Required).then_some("Unset"));
        self.fal_core.extend(has(|field| field.presence != Presence::Required).then_some("Param"));
        self.fal_core.extend((item.has_files()).then_some("File"));
        self.fal_core.extend(item.has_rules().then_some("Check"));
        if is_input(item) {
            self.fal_core.extend(["IntoInput", "Violations"]);
        }
    }

    fn add_field(&mut self, field: &Field) {
        self.add_type(&field.ty);
        self.fal_core.extend((field.presence == Presence::TriState).then_some("Nullable"));
    }

    fn add_union(&mut self, item: &Union) {
        (self.writes, self.reads) = (true, true);
        self.serde_json.insert("Value");
        let reads_by_helper = item.is_ambiguous
            || item
                .variants
                .iter()
                .any(|variant| matches!(&variant.kind, VariantKind::Value { form: Some(form), .. } if item.writes_tag_of(form)));
        self.fal_core.extend(reads_by_helper.then_some("json"));
        item.types().for_each(|ty| self.add_type(ty));
        if !item.direction.is_input() {
            return;
        }
        self.fal_core.insert("Parameters");
        for variant in &item.variants {
            if let VariantKind::Value { rule, has_files, .. } = &variant.kind {
                self.fal_core.extend(has_files.then_some("File"));
                self.fal_core.extend((*rule != Rule::None).then_some("Check"));
            }
        }
    }

    fn add_tuple(&mut self, item: &TupleStruct) {
        (self.writes, self.reads) = (true, true);
        self.fal_core.insert("json");
        item.positions().for_each(|position| self.add_type(&position.ty));
        if !item.direction.is_input() {
            return;
        }
        self.fal_core.insert("Parameters");
        let has = |property: fn(&Position) -> bool| item.positions().any(property);
        self.fal_core.extend(has(|position| position.has_files).then_some("File"));
        let is_checked = item.rest_length.is_some() || has(|position| position.rule != Rule::None);
        self.fal_core.extend(is_checked.then_some("Check"));
    }

    fn add_type(&mut self, ty: &Ty) {
        match ty {
            Ty::File => drop(self.fal_core.insert("File")),
            Ty::Integer => drop(self.fal_core.insert("Integer")),
            Ty::Json => drop(self.serde_json.insert("Value")),
            Ty::Map(item) if **item == Ty::Json => self.serde_json.extend(["Map", "Value"]),
            Ty::Map(item) => {
                self.maps = true;
                self.add_type(item);
            }
            Ty::List(item) | Ty::Option(item) | Ty::Boxed(item) => self.add_type(item),
            Ty::Tuple(items) => items.iter().for_each(|item| self.add_type(item)),
            Ty::Text | Ty::Number | Ty::Boolean | Ty::Null | Ty::Named(_) => {}
        }
    }
}

/// Returns the `pub use` line of shared types, which a module also offers under its own path.
pub(super) fn public_uses(path: ModulePath, names: &BTreeSet<&str>) -> TokenStream {
    let uses = uses(&quote!(#path), names);
    if names.is_empty() { TokenStream::new() } else { quote!(#[doc(inline)] pub #uses) }
}

/// Returns the `use` line of names of a crate or module.
fn uses(path: &TokenStream, names: &BTreeSet<&str>) -> TokenStream {
    let idents: Vec<_> = names.iter().map(|name| ident(name)).collect();
    match idents.as_slice() {
        [] => TokenStream::new(),
        [one] => quote!(use #path::#one;),
        several => quote!(use #path::{#(#several),*};),
    }
}
