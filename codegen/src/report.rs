//! What became of every endpoint.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    model::{Type, TypeGraph},
    rust::{Crate, Endpoint, Item, Module, Output, Struct, Ty, VariantKind},
};

/// What became of every endpoint, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// One entry an endpoint.
    pub endpoints: Vec<Entry>,
}

/// What became of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Whether there is code for it.
    pub status: Status,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The crate it is in.
    #[serde(rename = "crate", skip_serializing_if = "Option::is_none")]
    pub krate: Option<String>,
    /// The module it is, inside the crate. Empty for the crate's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The properties of its input, output and events in the document, those of shared objects included.
    pub properties_read: usize,
    /// The fields generated for them. Equal, or the generator lost something.
    pub properties_emitted: usize,
    /// Keywords of schemas that no rule knows, and how often each occurs.
    pub unknown_keywords: BTreeMap<String, usize>,
    /// The fixups that were applied.
    pub fixups: Vec<String>,
    /// What is odd in the document and was read by a rule, with JSON pointers.
    pub oddities: Vec<String>,
    /// JSON pointers of what has no type here and is raw JSON in Rust.
    pub untyped: Vec<String>,
}

/// Whether there is code for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is.
    Generated,
    /// There is none.
    Skipped,
}

impl Entry {
    /// An endpoint without code.
    pub(crate) fn skipped(id: String, reason: String) -> Self {
        Self {
            id,
            status: Status::Skipped,
            reason: Some(reason),
            krate: None,
            module: None,
            properties_read: 0,
            properties_emitted: 0,
            unknown_keywords: BTreeMap::new(),
            fixups: Vec::new(),
            oddities: Vec::new(),
            untyped: Vec::new(),
        }
    }

    /// An endpoint that was read; [`Report::place`] says where its code is.
    pub(crate) fn read(
        endpoint: &crate::model::Endpoint,
        unknown_keywords: BTreeMap<String, usize>,
        fixups: Vec<String>,
    ) -> Self {
        let sides = [Some(&endpoint.input), Some(&endpoint.output), endpoint.event.as_ref()];
        let sides = || sides.iter().flatten();
        Self {
            status: Status::Generated,
            reason: None,
            properties_read: sides().map(|side| properties(side)).sum(),
            unknown_keywords,
            fixups,
            oddities: sides().flat_map(|side| side.oddities.clone()).collect(),
            untyped: sides().flat_map(|side| side.untyped.clone()).collect(),
            ..Self::skipped(endpoint.id.clone(), String::new())
        }
    }
}

/// The properties of every object of a side.
fn properties(side: &TypeGraph) -> usize {
    let reached = if matches!(side.root, Type::Any) { 0 } else { 1 };
    side.objects.values().map(|object| object.properties.len()).sum::<usize>() * reached
}

impl Report {
    /// Says of every endpoint of a crate where its code is and how much of it there is.
    pub(crate) fn place(&mut self, item: &Crate) {
        self.place_module(item, &item.root);
    }

    fn place_module(&mut self, item: &Crate, module: &Module) {
        if let Some(endpoint) = &module.endpoint
            && let Some(entry) = self.endpoints.iter_mut().find(|entry| entry.id == endpoint.id)
        {
            entry.krate = Some(item.name.clone());
            entry.module = Some(module.path.join("::"));
            entry.properties_emitted = emitted(item, endpoint);
        }
        module.children.iter().for_each(|child| self.place_module(item, child));
    }
}

/// The fields of every struct that an endpoint reaches, each side on its own.
fn emitted(item: &Crate, endpoint: &Endpoint) -> usize {
    let input = fields(item, &[&endpoint.input_types], Root::Struct(&endpoint.input));
    let output = fields(item, &[&endpoint.output_types], Root::of(&endpoint.output));
    let event = match &endpoint.event {
        // The same type, read on the output's side.
        Some(Output::Alias(Ty::Named(name))) if name == "Output" => output,
        Some(event) => fields(item, &[&endpoint.event_types], Root::of(event)),
        None => 0,
    };
    input + output + event
}

enum Root<'a> {
    Struct(&'a Struct),
    Ty(&'a Ty),
}

impl<'a> Root<'a> {
    fn of(output: &'a Output) -> Self {
        match output {
            Output::Struct(item) => Self::Struct(item),
            Output::Alias(ty) => Self::Ty(ty),
        }
    }
}

fn fields(item: &Crate, own: &[&Vec<Item>], root: Root) -> usize {
    let mut names = Vec::new();
    let mut count = 0;
    match root {
        Root::Struct(item) => {
            count += item.fields.len();
            item.fields.iter().for_each(|field| field.ty.collect_names(&mut names));
        }
        Root::Ty(ty) => ty.collect_names(&mut names),
    }
    let mut seen: Vec<String> = Vec::new();
    while let Some(name) = names.pop() {
        if seen.contains(&name) {
            continue;
        }
        let found = own.iter().copied().flatten().chain(&item.types).find(|item| item.name() == Some(&name));
        match found {
            Some(Item::Struct(item)) => {
                count += item.fields.len();
                item.fields.iter().for_each(|field| field.ty.collect_names(&mut names));
            }
            Some(Item::Union(union)) => {
                for variant in &union.variants {
                    if let VariantKind::Value { ty, .. } = &variant.kind {
                        ty.collect_names(&mut names);
                    }
                }
            }
            _ => {}
        }
        seen.push(name);
    }
    count
}
