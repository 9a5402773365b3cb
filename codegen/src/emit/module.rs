//! One file: its header, its docs, and its items in the order people read them.

use std::collections::BTreeSet;

use super::{
    Style, builder, checks, defaults, docs, example, imports, layout, literals, structs, types, wire,
};
use crate::rust::{Crate, Endpoint, Item, Module, Output, Struct, Ty};

/// A module before it has a place: a file of its own, or a part of another one.
pub(super) struct Page {
    /// The document that it comes from.
    pub(super) source: Option<String>,
    /// What its documentation says.
    pub(super) docs: Vec<String>,
    /// Its `use` lines and items, after an empty line.
    pub(super) body: String,
}

/// Where modules are put, which decides how they name one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In files of a crate.
    Crate,
    /// In one text, which may stand in any module of any crate.
    Text,
}

impl Place {
    /// The path of the module of shared types, as a module `depth` levels below the root names it.
    fn types(self, depth: usize) -> String {
        match (self, depth) {
            (Self::Crate, _) => "crate::types".to_owned(),
            (Self::Text, 0) => "self::types".to_owned(),
            (Self::Text, depth) => format!("{}types", "super::".repeat(depth)),
        }
    }

    /// The same path, as a module inside of that module writes it.
    fn types_from_inside(self, depth: usize) -> String {
        match self {
            Self::Crate => self.types(depth),
            Self::Text => self.types(depth + 1),
        }
    }

    /// How the root names itself.
    fn root(self) -> &'static str {
        match self {
            Self::Crate => "crate",
            Self::Text => "self",
        }
    }

    /// Examples are run where the path of the crate is known.
    fn fence(self) -> &'static str {
        match self {
            Self::Crate => "```",
            Self::Text => "```ignore",
        }
    }
}

impl Page {
    /// The text of a file, with the modules that it declares.
    pub(super) fn file(self, style: Style, declarations: &str) -> String {
        let Self { source, docs, body } = self;
        let between = if declarations.is_empty() || body.is_empty() { "" } else { "\n" };
        let head = header(style, source.as_deref());
        format!("{head}{}\n{declarations}{between}{body}", inner_docs(&docs))
    }
}

/// What every generated crate can be compiled with.
const FEATURES: &str = "The feature `schemars` gives every type a JSON Schema, with which a language model can be given \
                        a model as a tool.";

/// The root: the page of the crate, and its own endpoint if the app is one.
pub(super) fn root(place: Place, item: &Crate) -> Page {
    let mut docs = vec![format!("{}.", docs::escape(&item.title))];
    if !item.root.children.is_empty() {
        docs.push(String::new());
        docs.push("| module | endpoint | what it does |".to_owned());
        docs.push("|---|---|---|".to_owned());
        table(place, &item.root, &mut docs);
    }
    if let Some(endpoint) = &item.root.endpoint {
        docs.push(String::new());
        docs.extend(about(place, item, &item.root, endpoint));
    }
    if place == Place::Crate {
        docs.push(String::new());
        docs.extend(docs::lines(&[FEATURES.to_owned()]));
    }
    let Some(endpoint) = &item.root.endpoint else {
        return Page { source: item.source.clone(), docs, body: String::new() };
    };
    Page { source: Some(endpoint.file.clone()), docs, body: body(place, item, &item.root, endpoint) }
}

/// The module of an endpoint, or of a part of an id that has endpoints below it.
pub(super) fn endpoint(place: Place, item: &Crate, module: &Module) -> Page {
    let Some(endpoint) = &module.endpoint else {
        let docs = vec![format!("Endpoints under `{}`.", module.id)];
        return Page { source: item.source.clone(), docs, body: String::new() };
    };
    let docs = about(place, item, module, endpoint);
    Page { source: Some(endpoint.file.clone()), docs, body: body(place, item, module, endpoint) }
}

/// `types`: what endpoints share.
pub(super) fn types(item: &Crate) -> Page {
    let docs = vec![format!("Types that the endpoints of `{}` share.", item.app)];
    let own = || item.types.iter().filter(|item| item.known().is_none());
    let structs: Vec<&Struct> = own().filter_map(as_struct).collect();
    let mut text = layout::items(own().flat_map(definition));
    let builders =
        structs.iter().filter(|item| item.direction.is_input()).flat_map(|item| builder::builder(item));
    push_section(&mut text, "Building.", &layout::items(builders));
    push_section(&mut text, "On the wire.", &layout::items(own().flat_map(wire_of)));
    let built: Vec<&Struct> = structs.into_iter().filter(|item| item.direction.is_input()).collect();
    push(
        &mut text,
        &hidden_modules(&built, &item.types.iter().collect::<Vec<_>>(), &[("shape", literals::shapes(item))]),
    );
    let body = layout::items([imports::of(&text), known(&item.types), text]);
    Page { source: item.source.clone(), docs, body }
}

/// The types that `fal_core` has, under the names that they have here.
fn known(types: &[Item]) -> String {
    let named = types.iter().filter_map(|item| Some((item.known()?, item.name()?)));
    let named =
        named.map(|(known, name)| if known == name { name.to_owned() } else { format!("{known} as {name}") });
    let named: BTreeSet<String> = named.collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!("#[doc(inline)]\npub use fal_core::media::{one};\n"),
        several => format!("#[doc(inline)]\npub use fal_core::media::{{{}}};\n", several.join(", ")),
    }
}

/// The modules of a file, as `lib.rs` or the file of an endpoint declares them.
pub(super) fn declarations(module: &Module, types: bool) -> String {
    let mut names: Vec<&str> =
        module.children.iter().filter_map(|child| child.path.last()).map(String::as_str).collect();
    if types {
        names.push("types");
    }
    names.sort_unstable();
    names.iter().map(|name| format!("pub mod {name};\n")).collect()
}

pub(super) fn header(style: Style, source: Option<&str>) -> String {
    format!("// {}\n", style.header(source))
}

pub(super) fn inner_docs(lines: &[String]) -> String {
    docs::commented(0, "//!", lines)
}

/// What the endpoint is, where it is described, and how it is called.
fn about(place: Place, item: &Crate, module: &Module, endpoint: &Endpoint) -> Vec<String> {
    let link = format!("[`{0}`](https://fal.ai/models/{0})", endpoint.id);
    let category =
        endpoint.category.as_ref().map_or(String::new(), |category| format!(" ({})", docs::escape(category)));
    let mut paragraphs = vec![format!("{}: {link}{category}.", docs::escape(&endpoint.title))];
    paragraphs.extend(docs::paragraphs(&endpoint.description));
    paragraphs.extend(docs::offers(endpoint));
    let mut lines = docs::lines(&paragraphs);
    if let Some(example) = example::lines(item, module, endpoint) {
        lines.extend([String::new(), place.fence().to_owned()]);
        lines.extend(example);
        lines.push("```".to_owned());
    }
    lines
}

fn table(place: Place, module: &Module, lines: &mut Vec<String>) {
    if let Some(endpoint) = &module.endpoint {
        let path = match module.path.as_slice() {
            [] => place.root().to_owned(),
            // A segment such as `reference` is the name of a primitive type too.
            path => format!("mod@{}", path.join("::")),
        };
        lines.push(format!(
            "| [`{path}`] | [`{id}`](https://fal.ai/models/{id}) | {what} |",
            id = endpoint.id,
            what = docs::what(endpoint),
        ));
    }
    module.children.iter().for_each(|child| table(place, child, lines));
}

fn body(place: Place, item: &Crate, module: &Module, endpoint: &Endpoint) -> String {
    let types = [&endpoint.input_types, &endpoint.output_types, &endpoint.event_types];
    let all_types: Vec<&Item> = types.into_iter().flatten().collect();
    let read: Vec<&Struct> = [Some(&endpoint.output), endpoint.event.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(|output| match output {
            Output::Struct(output) => Some(output),
            Output::Alias(_) => None,
        })
        .collect();

    let mut items = model(endpoint);
    items.push(structs::definition(&endpoint.input));
    let mut text = layout::items(items);
    push(&mut text, &defaults::of_input(item, &all_types, &endpoint.input).unwrap_or_default());
    let mut items = Vec::new();
    items.extend(endpoint.input_types.iter().flat_map(definition));
    items.push(gives("Output", &format!("What [`{}`](Model) gives.", endpoint.id), &endpoint.output));
    items.extend(endpoint.output_types.iter().flat_map(definition));
    if let Some(event) = endpoint.event.as_ref().filter(|event| !is_output(event)) {
        items.push(gives("Event", &format!("One event of the stream of [`{}`](Model).", endpoint.id), event));
        items.extend(endpoint.event_types.iter().flat_map(definition));
    }
    push(&mut text, &layout::items(items));

    let building = builder::builder(&endpoint.input);
    push_section(&mut text, "Building.", &layout::items(building));

    let mut on_wire = vec![checks::of_struct(&endpoint.input)];
    on_wire.extend(wire::structure(&endpoint.input));
    on_wire.extend(read.into_iter().flat_map(wire::structure));
    on_wire.extend(all_types.iter().copied().flat_map(wire_of));
    push_section(&mut text, "On the wire.", &layout::items(on_wire));
    let types = place.types(module.path.len());
    let literals = literals::of_input(item, endpoint, &place.types_from_inside(module.path.len()));
    push(&mut text, &hidden_modules(&[&endpoint.input], &all_types, &literals));

    let shared = match endpoint.shared.as_slice() {
        [] => String::new(),
        [one] => format!("#[doc(inline)]\npub use {types}::{one};\n"),
        several => format!("#[doc(inline)]\npub use {types}::{{{}}};\n", several.join(", ")),
    };
    let uses = imports::of(&text);
    let uses = if shared.is_empty() { uses } else { format!("{uses}\n{shared}") };
    format!("{uses}\n{text}").replacen("\n\n\n", "\n\n", 1)
}

/// The definition of what an endpoint gives.
fn gives(name: &str, about: &str, output: &Output) -> String {
    match output {
        Output::Struct(output) => structs::definition(output),
        Output::Alias(ty) => {
            docs::line(0, about) + &layout::assignment(0, &format!("pub type {name}"), &structs::ty(ty))
        }
    }
}

/// Whether an event is what the endpoint gives in the end.
fn is_output(event: &Output) -> bool {
    matches!(event, Output::Alias(Ty::Named(name)) if name == "Output")
}

fn model(endpoint: &Endpoint) -> Vec<String> {
    let id = &endpoint.id;
    let docs = docs::line(0, &format!("The endpoint [`{id}`](https://fal.ai/models/{id})."));
    let mut items = vec![
        format!("{docs}#[derive(Debug)]\npub enum Model {{}}\n"),
        format!(
            "impl Endpoint for Model {{
    const ID: &'static str = {id:?};
    type Input = Input;
    type Output = Output;
}}
"
        ),
    ];
    if let Some(event) = &endpoint.event {
        let event = if is_output(event) { "Output" } else { "Event" };
        items.push(format!("impl Streams for Model {{\n    type Event = {event};\n}}\n"));
    }
    if endpoint.realtime {
        let types = "    type Send = Input;\n    type Receive = Output;\n";
        items.push(format!("impl Realtime for Model {{\n{types}}}\n"));
    }
    items
}

fn as_struct(item: &Item) -> Option<&Struct> {
    match item {
        Item::Struct(item) => Some(item),
        _ => None,
    }
}

fn definition(item: &Item) -> Vec<String> {
    match item {
        Item::Struct(item) => [structs::definition(item)].into_iter().chain(structs::media(item)).collect(),
        Item::TextEnum(item) => types::text_enum(item),
        Item::IntegerEnum(item) => types::integer_enum(item),
        Item::Union(item) => types::union(item),
        Item::Number(item) => vec![types::number(item)],
        Item::Length(_) => Vec::new(),
    }
}

fn wire_of(item: &Item) -> Vec<String> {
    match item {
        Item::Struct(item) => {
            let parameters = item.direction.is_input().then(|| checks::of_struct(item));
            parameters.into_iter().chain(wire::structure(item)).collect()
        }
        Item::Union(item) => {
            let parameters = item.direction.is_input().then(|| checks::of_union(item));
            parameters.into_iter().chain(wire::union(item)).collect()
        }
        Item::TextEnum(_) | Item::IntegerEnum(_) | Item::Number(_) | Item::Length(_) => Vec::new(),
    }
}

/// The modules that users never name: slots of builders, bounds, and what literals become.
fn hidden_modules(built: &[&Struct], items: &[&Item], literals: &[(&str, String)]) -> String {
    let mut text = String::new();
    let given = layout::items(built.iter().flat_map(|item| builder::given_traits(item)));
    push_module(&mut text, "given", "", &given);

    let bounds = layout::items(items.iter().filter_map(|item| match item {
        Item::Number(number) => Some(types::number_bounds(number)),
        Item::Length(rule) => Some(types::length_bounds(rule)),
        _ => None,
    }));
    push_module(&mut text, "bounds", &imports::of_bounds(&bounds), &bounds);

    for (name, body) in literals {
        push_module(&mut text, name, "", body);
    }
    text
}

fn push_module(text: &mut String, name: &str, uses: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    let inner = if uses.is_empty() { body.to_owned() } else { format!("{uses}\n{body}") };
    let inner = indented(&inner);
    let allow = match name {
        "arg" | "list" => "#[allow(non_camel_case_types)]\n",
        "nested" => "#[allow(unused_imports)]\n",
        "shape" => "#[allow(non_camel_case_types, non_snake_case, unused_imports)]\n",
        _ => "",
    };
    push(text, &format!("#[doc(hidden)]\n{allow}pub mod {name} {{\n{inner}}}\n"));
}

/// Text one level further in. No literal of generated code spans lines.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect()
}

fn push_section(text: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        push(text, &format!("// {title}\n\n{body}"));
    }
}

fn push(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push('\n');
    }
    text.push_str(part);
}
