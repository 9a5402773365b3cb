//! The report of a run: the result for every endpoint.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::{
    error::Error,
    model::{self, Type, TypeGraph},
    rust::{Crate, Endpoint, Item, Module, Output, Struct, Ty},
};

/// The results for all endpoints, sorted by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// An entry for each endpoint.
    pub endpoints: Vec<Entry>,
}

/// The result for an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The id.
    pub id: String,
    /// `Generated` if there is code for it.
    pub status: Status,
    /// The reason why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The place in the document that is the reason, as a JSON pointer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// Advice for the author of the document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// `true` if it was skipped and nothing is lost, because it is no `POST` route or was left out on demand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub intended: bool,
    /// The crate of its code.
    #[serde(rename = "crate", skip_serializing_if = "Option::is_none")]
    pub krate: Option<String>,
    /// The module of its code, inside the crate. Empty for the root of the crate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// `true` if it also streams.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub streams: bool,
    /// `true` if its messages go over one connection.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub realtime: bool,
    /// The protocol of the session whose messages these are, if they are messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The number of properties of its input, output and events in the document, with those of shared objects.
    pub properties_read: usize,
    /// The number of fields generated for them. If it is another number, the generator lost something.
    pub properties_emitted: usize,
    /// Keywords of schemas that no rule knows, with the number of their uses.
    pub unknown_keywords: BTreeMap<String, usize>,
    /// The names of the fixups and the files of the overlays that were applied.
    pub fixups: Vec<String>,
    /// JSON pointers of what is unusual in the document, and how it was read.
    pub oddities: Vec<String>,
    /// JSON pointers of constructs that have no type here, and are raw JSON in Rust.
    pub untyped: Vec<String>,
    /// JSON pointers of rules of the document that the types do not enforce.
    pub unenforced: Vec<String>,
}

/// The kind of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is code.
    Generated,
    /// There is no code.
    Skipped,
}

impl Entry {
    /// Creates the entry of an endpoint without code.
    pub(crate) fn skipped(id: String, reason: Error, intended: bool) -> Self {
        Self {
            id,
            status: Status::Skipped,
            reason: Some(reason.message),
            pointer: reason.pointer,
            help: reason.help,
            intended,
            krate: None,
            module: None,
            streams: false,
            realtime: false,
            session: None,
            properties_read: 0,
            properties_emitted: 0,
            unknown_keywords: BTreeMap::new(),
            fixups: Vec::new(),
            oddities: Vec::new(),
            untyped: Vec::new(),
            unenforced: Vec::new(),
        }
    }

    /// Creates the entry of an endpoint that was read. [`Report::add_crate`] adds the place of its code.
    pub(crate) fn read(
        endpoint: &model::Endpoint,
        unknown_keywords: BTreeMap<String, usize>,
        fixups: Vec<String>,
    ) -> Self {
        let graphs = [Some(&endpoint.input), Some(&endpoint.output), endpoint.event.as_ref()];
        let graphs = || graphs.iter().flatten();
        Self {
            status: Status::Generated,
            reason: None,
            streams: endpoint.event.is_some(),
            realtime: endpoint.realtime,
            session: endpoint.session.clone(),
            properties_read: graphs().map(|graph| count_properties(graph)).sum(),
            unknown_keywords,
            fixups,
            oddities: graphs().flat_map(|graph| graph.oddities.clone()).collect(),
            untyped: graphs().flat_map(|graph| graph.untyped.clone()).collect(),
            unenforced: graphs().flat_map(|graph| graph.unenforced.clone()).collect(),
            ..Self::skipped(endpoint.id.clone(), Error::new("", ""), false)
        }
    }
}

/// Returns the number of properties of all objects of an input, output or event.
fn count_properties(graph: &TypeGraph) -> usize {
    let reached = if matches!(graph.root, Type::Any) { 0 } else { 1 };
    graph.objects.values().map(|object| object.properties.len()).sum::<usize>() * reached
}

impl Entry {
    /// Returns a line for everything that the code lacks or that is unusual, with JSON pointers.
    ///
    /// A document without any such line is represented exactly.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        if self.status == Status::Skipped && !self.intended {
            let reason = self.reason.as_deref().unwrap_or("no reason was given");
            let place = if self.pointer.is_empty() { String::new() } else { format!("{}: ", self.pointer) };
            losses.push(format!("skipped: {place}{reason}"));
        }
        losses.extend(self.untyped.iter().map(|pointer| format!("raw JSON: {pointer}")));
        losses.extend(self.unenforced.iter().map(|rule| format!("not checked: {rule}")));
        losses.extend(self.oddities.iter().cloned());
        losses.extend(
            self.unknown_keywords
                .iter()
                .map(|(keyword, count)| format!("keyword without effect: `{keyword}` ({count})")),
        );
        losses
    }
}

impl Report {
    /// Returns a line for each route that was skipped because of its document, with the reason and the remedy. A build
    /// script can print them as warnings.
    pub fn describe_skipped(&self) -> impl Iterator<Item = String> {
        let lost = self.endpoints.iter().filter(|entry| entry.status == Status::Skipped && !entry.intended);
        lost.map(|entry| {
            let reason = entry.reason.as_deref().unwrap_or("no reason was given");
            let parts = [entry.id.as_str(), &entry.pointer, reason, &entry.help].map(str::trim);
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join(": ").replace(char::is_control, " ")
        })
    }

    /// Adds to the entries of a crate's endpoints the place of their code, and the number of fields.
    pub(crate) fn add_crate(&mut self, item: &Crate) {
        self.add_module(item, &item.root);
    }

    fn add_module(&mut self, item: &Crate, module: &Module) {
        if let Some(endpoint) = &module.endpoint
            && let Some(entry) = self.endpoints.iter_mut().find(|entry| entry.id == endpoint.id)
        {
            entry.krate = Some(item.name.clone());
            entry.module = Some(module.path.join("::"));
            entry.properties_emitted = count_fields(item, endpoint);
        }
        module.children.iter().for_each(|child| self.add_module(item, child));
    }
}

/// Returns the number of fields of all structs that an endpoint reaches.
fn count_fields(item: &Crate, endpoint: &Endpoint) -> usize {
    let input = fields(item, &[&endpoint.input_types], Root::of_input(&endpoint.input));
    let output = fields(item, &[&endpoint.output_types], Root::of(&endpoint.output));
    let event = match &endpoint.event {
        // The same type as the output.
        Some(Output::Alias(Ty::Named(name))) if name == "Output" => output,
        Some(event) => fields(item, &[&endpoint.event_types], Root::of(event)),
        None => 0,
    };
    input + output + event
}

enum Root<'a> {
    Struct(&'a Struct),
    Named(&'a str),
    Ty(&'a Ty),
}

impl<'a> Root<'a> {
    fn of_input(input: &'a Option<Struct>) -> Self {
        input.as_ref().map_or(Self::Named("Input"), Self::Struct)
    }

    fn of(output: &'a Output) -> Self {
        match output {
            Output::Struct(item) => Self::Struct(item),
            Output::Alias(ty) => Self::Ty(ty),
        }
    }
}

/// Returns the number of fields that can be reached from `root`. A name in a shared type is that of a shared type.
fn fields(item: &Crate, own: &[&Vec<Item>], root: Root) -> usize {
    let mut names = Vec::new();
    let mut count = 0;
    // An object that contains itself may also be a shared type. Its properties were read once.
    let mut root_component = None;
    match root {
        Root::Struct(item) => {
            root_component = Some(&item.component);
            count += item.fields.len() + item.constants.len();
            item.types().for_each(|ty| ty.collect_names(&mut names));
        }
        Root::Named(name) => names.push(name.to_owned()),
        Root::Ty(ty) => ty.collect_names(&mut names),
    }
    let own = by_name(own.iter().copied().flatten());
    let shared = by_name(&item.types);
    let mut pending: Vec<(String, bool)> = names.drain(..).map(|name| (name, false)).collect();
    let mut seen: HashSet<*const Item> = HashSet::new();
    while let Some((name, is_in_shared)) = pending.pop() {
        let name = name.as_str();
        let own = own.get(name).filter(|_| !is_in_shared).map(|item| (*item, false));
        let Some((item, is_shared)) = own.or_else(|| Some((*shared.get(name)?, true))) else { continue };
        if !seen.insert(item) {
            continue;
        }
        match item {
            Item::Struct(item) => {
                if root_component != Some(&item.component) {
                    count += item.fields.len() + item.constants.len();
                }
                item.types().for_each(|ty| ty.collect_names(&mut names));
            }
            Item::Union(union) => union.types().for_each(|ty| ty.collect_names(&mut names)),
            Item::Tuple(tuple) => {
                tuple.positions().for_each(|position| position.ty.collect_names(&mut names));
            }
            _ => {}
        }
        pending.extend(names.drain(..).map(|name| (name, is_shared)));
    }
    count
}

fn by_name<'a>(items: impl IntoIterator<Item = &'a Item>) -> HashMap<&'a str, &'a Item> {
    let mut named = HashMap::new();
    for item in items {
        if let Some(name) = item.name() {
            named.entry(name).or_insert(item);
        }
    }
    named
}
