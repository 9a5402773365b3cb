//! Turns the OpenAPI documents of fal models into Rust crates.
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

pub mod emit;
mod error;
mod families;
pub mod manifest;
pub mod model;
pub mod normalize;
mod options;
pub mod report;
pub mod rust;
pub mod schema;
pub mod tree;
pub mod workspace;

pub use error::{Error, Errors};
pub use manifest::Manifest;
pub use options::{FalCore, Layout, Options, Source};
pub use report::Report;
pub use tree::Tree;

use emit::Style;
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
    let (endpoints, report) = read(sources, options)?;
    let groups = families::by_app(endpoints, options.crate_name.as_deref())?;
    write(&groups, report, options)
}

/// Generates the crates that a manifest names.
pub(crate) fn generate_manifest(
    manifest: &Manifest,
    file: &str,
    sources: &[Source],
    options: &Options,
) -> Result<Generated, Errors> {
    let (mut endpoints, report) = read(sources, options)?;
    let mut errors = Vec::new();
    let mut groups = Vec::new();
    for (name, family) in &manifest.crates {
        let mut own = Vec::new();
        for id in &family.endpoints {
            match endpoints.iter().position(|endpoint| endpoint.id == *id) {
                Some(index) => own.push(endpoints.swap_remove(index)),
                None => errors.push(
                    Error::new(file, format!("no document describes `{id}`"))
                        .at(format!("/crates/{name}"))
                        .help(format!(
                            "a document is stored under the id of its endpoint, `{}`",
                            Manifest::document(id)
                        )),
                ),
            }
        }
        let (name, source) = (name.clone(), Some(file.to_owned()));
        groups.push(Group { name, family: family.clone(), source, endpoints: own });
    }
    if errors.is_empty() { write(&groups, report, options) } else { Err(Errors(errors)) }
}

/// Stages 1 to 3.
fn read(sources: &[Source], options: &Options) -> Result<(Vec<Endpoint>, Report), Errors> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut report = Report::default();
    let mut errors = Vec::new();
    for source in sources {
        let records = match schema::read(&source.file, &source.text, options.app.as_deref()) {
            Ok(records) => records,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for record in records {
            match record {
                Record::Unavailable { id, reason } => {
                    report.endpoints.push(Entry::skipped(id, reason.message))
                }
                Record::Document(document) => match understand(*document, &mut report) {
                    Ok(found) => endpoints.extend(found),
                    Err(error) => errors.push(error),
                },
            }
        }
    }
    endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in endpoints.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        errors.push(
            Error::new(&pair[1].file, format!("`{}` is described by {} too", pair[1].id, pair[0].file))
                .help("give one document an endpoint"),
        );
    }
    report.endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    if errors.is_empty() { Ok((endpoints, report)) } else { Err(Errors(errors)) }
}

/// Stages 2 and 3 for one document.
fn understand(document: Document, report: &mut Report) -> Result<Vec<Endpoint>, Error> {
    let unknown_keywords = document.unknown_keywords.clone();
    let normalized = normalize::normalize(document)?;
    let routes = model::routes(&normalized)?;
    let fixups: Vec<String> = normalized.fixups.iter().map(|&name| name.to_owned()).collect();
    let entries = routes.endpoints.iter();
    report
        .endpoints
        .extend(entries.map(|endpoint| Entry::read(endpoint, unknown_keywords.clone(), fixups.clone())));
    report.endpoints.extend(routes.skipped.into_iter().map(|(id, reason)| Entry::skipped(id, reason)));
    Ok(routes.endpoints)
}

/// Stages 4 and 5.
fn write(groups: &[Group], mut report: Report, options: &Options) -> Result<Generated, Errors> {
    let style = Style::new(options);
    let mut tree = Tree::default();
    let mut errors = Vec::new();
    for group in groups {
        let written = rust::plan(group).and_then(|item| {
            report.place(&item);
            emit::emit(style, &item, &mut tree)
        });
        errors.extend(written.err());
    }
    emit::emit_common(style, &mut tree);
    if errors.is_empty() { Ok(Generated { tree, report }) } else { Err(Errors(errors)) }
}
