//! Turns the OpenAPI documents of fal models into Rust crates, or into one module.
//!
//! Documents in, files out: no network, no clock, no environment. Five stages, in this order, one
//! folder each:
//!
//! | stage | in and out |
//! |---|---|
//! | [`schema`] | text to a document, as it was published |
//! | [`mod@normalize`] | the dialect that fal writes to strict OpenAPI 3.0 |
//! | [`model`] | OpenAPI to what an endpoint takes and gives |
//! | [`rust`] | endpoints to crates, modules, types and their names |
//! | [`emit`] | crates to files |
//!
//! [`generate`] gives a workspace of crates, [`generate_module`] one module. The binary `fal-codegen` does
//! both from the command line.
//!
//! # In a build script
//!
//! For an app of your own, whose document is a file of your crate, with `fal-codegen` under
//! `[build-dependencies]` (`default-features = false` leaves the binary's dependencies out) and `fal-core`,
//! `serde` and `serde_json` under `[dependencies]`:
//!
//! ```no_run
//! // build.rs
//! use std::{env, fs, path::Path};
//!
//! use fal_codegen::{Options, Source, generate_module};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let file = "my-app.json";
//!     println!("cargo::rerun-if-changed={file}");
//!     let source = Source { file: file.to_owned(), text: fs::read_to_string(file)? };
//!     let options = Options {
//!         command: "build.rs".to_owned(),
//!         app: Some("me/my-app".to_owned()),
//!         ..Options::default()
//!     };
//!     let module = generate_module(&[source], &options)?;
//!     fs::write(Path::new(&env::var("OUT_DIR")?).join("my_app.rs"), module)?;
//!     Ok(())
//! }
//! ```
//!
//! And in the crate, where `input!(my_app { .. })` then works:
//!
//! ```ignore
//! #[allow(dead_code, unused_imports)]
//! mod my_app {
//!     include!(concat!(env!("OUT_DIR"), "/my_app.rs"));
//! }
//! ```
//!
//! `examples/build-script` is such a crate.

mod catalogue;
pub mod emit;
mod error;
pub mod families;
mod ids;
pub mod manifest;
pub mod model;
pub mod normalize;
mod options;
mod parallel;
pub mod report;
pub mod rust;
pub mod schema;
pub mod tree;
pub mod workspace;

pub use catalogue::{Understood, understand_manifest};
pub use error::{Error, Errors};
pub use manifest::Manifest;
pub use options::{FalCore, Layout, Options, Source, Step};
pub use report::Report;
pub use tree::Tree;

pub(crate) use catalogue::generate_manifest;
use emit::{
    examples::{self, Call},
    module_text,
    style::Style,
};
use families::Group;
use model::Endpoint;
use report::Entry;
use schema::{Document, Record};

/// What a run produced.
#[derive(Debug, Clone, Default)]
pub struct Generated {
    /// The files, relative to the root of the workspace.
    pub tree: Tree,
    /// What became of every endpoint.
    pub report: Report,
}

/// Generates one crate for each app that the sources describe.
///
/// # Errors
///
/// Every problem of every source. Nothing is generated then. An endpoint that fal itself has no schema for
/// is no problem: the report names it.
pub fn generate(sources: &[Source], options: &Options) -> Result<Generated, Errors> {
    generate_observed(sources, options, &|_| {})
}

/// [`generate`], which tells `observe` of each step done, from several threads.
///
/// # Errors
///
/// As of [`generate`].
pub fn generate_observed(
    sources: &[Source],
    options: &Options,
    observe: &(dyn Fn(Step) + Sync),
) -> Result<Generated, Errors> {
    let (groups, report, mut errors) = group(sources, options, observe);
    match write(&groups, report, options, observe) {
        Ok(generated) if errors.is_empty() => return Ok(generated),
        Ok(_) => {}
        Err(Errors(more)) => errors.extend(more),
    }
    Err(Errors(errors))
}

/// Generates one Rust module for all endpoints of the sources, as one text that depends on `fal-core`,
/// `serde` and `serde_json`.
///
/// It can be a file that `mod` declares, or what `include!` takes, anywhere in a crate. The endpoints of one
/// app are modules of it; several apps are one module each, named as their crates would be.
///
/// Where a parameter must match a regular expression, the module needs the feature `pattern` of `fal-core`.
///
/// # Errors
///
/// As of [`generate`].
///
/// ```
/// use fal_codegen::{Options, Source, generate_module};
///
/// let text = r#"{
///     "openapi": "3.1.0",
///     "info": { "title": "Echo", "version": "1" },
///     "paths": { "/": { "post": {
///         "requestBody": { "content": { "application/json": { "schema": {
///             "type": "object",
///             "properties": { "text": { "type": "string" } },
///             "required": ["text"]
///         } } } },
///         "responses": { "200": { "description": "Done", "content": { "application/json": { "schema": {
///             "type": "object", "properties": { "echo": { "type": "string" } }
///         } } } } }
///     } } }
/// }"#;
/// let source = Source { file: "echo.json".to_owned(), text: text.to_owned() };
/// let options = Options { app: Some("me/echo".to_owned()), ..Options::default() };
/// let module = generate_module(&[source], &options)?;
/// assert!(module.starts_with("// @generated by `fal-codegen` from echo.json"));
/// assert!(module.contains("pub struct Input {"));
/// # Ok::<(), fal_codegen::Errors>(())
/// ```
pub fn generate_module(sources: &[Source], options: &Options) -> Result<String, Errors> {
    let generated = generate_module_observed(sources, options, &|_| {})?;
    Ok(generated.0)
}

/// [`generate_module`] with the report, which tells `observe` of each step done, from several threads.
///
/// # Errors
///
/// As of [`generate`].
pub fn generate_module_observed(
    sources: &[Source],
    options: &Options,
    observe: &(dyn Fn(Step) + Sync),
) -> Result<(String, Report), Errors> {
    let (groups, mut report, mut errors) = group(sources, options, observe);
    let mut crates = Vec::new();
    for planned in parallel::map(&groups, rust::plan) {
        match planned {
            Ok(item) => crates.push(item),
            Err(error) => errors.push(error),
        }
    }
    crates.iter().for_each(|item| report.place(item));
    let all = groups.iter().flat_map(|group| &group.endpoints).map(|endpoint| endpoint.file.as_str());
    let source = families::source(all);
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let text = module_text::print(Style::new(options), &crates, source.as_deref())?;
    Ok((text, report))
}

/// Runs all stages but the last: whether the sources can be generated from, without generating.
///
/// # Errors
///
/// As of [`generate`].
pub fn check(sources: &[Source], options: &Options) -> Result<Report, Errors> {
    let (groups, mut report, mut errors) = group(sources, options, &|_| {});
    for planned in parallel::map(&groups, rust::plan) {
        match planned {
            Ok(item) => report.place(&item),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(report) } else { Err(Errors(errors)) }
}

/// Stages 1 to 3, and which endpoints become one crate.
fn group(
    sources: &[Source],
    options: &Options,
    observe: &(dyn Fn(Step) + Sync),
) -> (Vec<Group>, Report, Vec<Error>) {
    if let Some(message) = options.app.as_deref().and_then(ids::problem) {
        let error = Error::new("--app", message).help("an app is written `OWNER/NAME`");
        return (Vec::new(), Report::default(), vec![error]);
    }
    let (endpoints, report, mut errors) = read(sources, options, observe);
    let groups = families::by_app(endpoints, options.crate_name.as_deref());
    let groups = groups.unwrap_or_else(|Errors(more)| {
        errors.extend(more);
        Vec::new()
    });
    (groups, report, errors)
}

/// What one source, or one document of it, gave.
#[derive(Default)]
struct Read {
    endpoints: Vec<Endpoint>,
    entries: Vec<Entry>,
    errors: Vec<Error>,
}

/// Stages 1 to 3, for all sources. The errors are in the order of the sources.
fn read(
    sources: &[Source],
    options: &Options,
    observe: &(dyn Fn(Step) + Sync),
) -> (Vec<Endpoint>, Report, Vec<Error>) {
    let mut all = Read::default();
    let each = parallel::map(sources, |source| {
        let found = read_one(source, options);
        observe(Step::Read);
        found
    });
    for found in each {
        all.endpoints.extend(found.endpoints);
        all.entries.extend(found.entries);
        all.errors.extend(found.errors);
    }
    let Read { mut endpoints, mut entries, mut errors } = all;
    endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in endpoints.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        errors.push(
            Error::new(&pair[1].file, format!("`{}` is described by {} too", pair[1].id, pair[0].file))
                .help("give one document an endpoint"),
        );
    }
    endpoints.dedup_by(|a, b| a.id == b.id);
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    (endpoints, Report { endpoints: entries }, errors)
}

/// Stages 1 to 3 for one source.
fn read_one(source: &Source, options: &Options) -> Read {
    let mut found = Read::default();
    for record in schema::read(&source.file, &source.text, options.app.as_deref()) {
        match record {
            Ok(Record::Unavailable { id, reason }) => found.entries.push(Entry::skipped(id, reason.message)),
            Ok(Record::Document(document)) => {
                if let Err(Errors(errors)) = understand(*document, &mut found) {
                    found.errors.extend(errors);
                }
            }
            Err(error) => found.errors.push(error),
        }
    }
    found
}

/// Stages 2 and 3 for one document.
fn understand(document: Document, found: &mut Read) -> Result<(), Errors> {
    ids::check(&document.file, format!("{}/info", document.base), &document.id)?;
    let normalized = normalize::normalize(document)?;
    let routes = model::routes(&normalized)?;
    let fixups: Vec<String> = normalized.fixups.iter().map(|&name| name.to_owned()).collect();
    for endpoint in routes.endpoints {
        // A route of an app may have parameters in its path, and then it is no endpoint.
        if let Some(reason) = ids::problem(&endpoint.id) {
            found.entries.push(Entry::skipped(endpoint.id, reason));
            continue;
        }
        found.entries.push(Entry::read(&endpoint, normalized.unknown_keywords.clone(), fixups.clone()));
        found.endpoints.push(endpoint);
    }
    found.entries.extend(routes.skipped.into_iter().map(|(id, reason)| Entry::skipped(id, reason)));
    Ok(())
}

/// Stages 4 and 5. The errors are in the order of the crates.
fn write(
    groups: &[Group],
    mut report: Report,
    options: &Options,
    observe: &(dyn Fn(Step) + Sync),
) -> Result<Generated, Errors> {
    let style = Style::new(options);
    observe(Step::Planned(groups.len()));
    let each = parallel::map(groups, |group| {
        let mut tree = Tree::default();
        let written = rust::plan(group).and_then(|item| {
            emit::emit_crate(style, &item, &mut tree)?;
            Ok(item)
        });
        observe(Step::Written);
        written.map(|item| (item, tree))
    });
    let mut tree = Tree::default();
    let mut calls = Vec::new();
    let mut errors = Vec::new();
    for written in each {
        match written {
            Ok((item, files)) => {
                report.place(&item);
                calls.extend(Call::of(&item));
                tree.extend(files);
            }
            Err(error) => errors.push(error),
        }
    }
    if !groups.is_empty() {
        emit::emit_common(style, &mut tree);
        if options.layout == Layout::Workspace {
            examples::emit(style, &calls, &mut tree)?;
        }
    }
    if errors.is_empty() { Ok(Generated { tree, report }) } else { Err(Errors(errors)) }
}
