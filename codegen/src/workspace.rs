//! The generated crates of a workspace: `schemas/` in, `crates/models/` out.

use std::{fmt, fs, io, path::Path};

use crate::{
    Error, Errors, Generated, Layout, Manifest, Options, Source, emit, generate_manifest,
    tree::{Change, Tree},
};

/// The folder of schemas, relative to the root.
pub const SCHEMAS: &str = "schemas";

/// What a workspace should hold, and how what it holds differs.
#[derive(Debug)]
pub struct Plan {
    /// What the schemas say.
    pub generated: Generated,
    /// How the disk differs, in the order of the paths. Empty when it is fresh.
    pub changes: Vec<Change>,
    /// The crates looked at.
    pub crates: Vec<String>,
}

/// Why a workspace could not be regenerated.
#[derive(Debug)]
pub enum Failure {
    /// The manifest or the documents are wrong.
    Documents(Errors),
    /// The disk could not be read or written.
    Disk(io::Error),
    /// A crate was asked for that the manifest does not have.
    UnknownCrate(String, Vec<String>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documents(errors) => errors.fmt(f),
            Self::Disk(error) => error.fmt(f),
            Self::UnknownCrate(name, known) => {
                write!(f, "`{name}` is not in {SCHEMAS}/manifest.toml; it has {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Compares the workspace at `root` with its schemas. `only` names crates; none means all.
///
/// # Errors
///
/// When a document is wrong or the disk cannot be read. Nothing is written in any case.
pub fn plan(root: &Path, only: &[String]) -> Result<Plan, Failure> {
    let file = format!("{SCHEMAS}/manifest.toml");
    let text = fs::read_to_string(root.join(&file))
        .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    let mut manifest =
        Manifest::read(&file, &text).map_err(|error| Failure::Documents(Errors(vec![error])))?;
    if let Some(unknown) = only.iter().find(|name| !manifest.crates.contains_key(*name)) {
        return Err(Failure::UnknownCrate(unknown.clone(), manifest.crates.into_keys().collect()));
    }
    if !only.is_empty() {
        manifest.crates.retain(|name, _| only.contains(name));
    }
    let generated = generate_manifest(&manifest, &file, &sources(root, &manifest)?, &options())
        .map_err(Failure::Documents)?;
    let crates: Vec<String> = manifest.crates.into_keys().collect();
    // A crate that left the manifest goes too, but only a full run can know.
    let folder = emit::folder(&Layout::Workspace);
    let folders = match only {
        [] => vec![folder.to_owned()],
        only => only.iter().map(|name| format!("{folder}/{name}")).collect(),
    };
    let changes = generated.tree.changes(root, &folders)?;
    Ok(Plan { generated, changes, crates })
}

fn options() -> Options {
    Options { command: "cargo xtask regen".to_owned(), layout: Layout::Workspace, ..Options::default() }
}

/// The documents that the manifest names.
fn sources(root: &Path, manifest: &Manifest) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for id in manifest.crates.values().flat_map(|family| &family.endpoints) {
        let file = format!("{SCHEMAS}/{}", Manifest::document(id));
        match fs::read_to_string(root.join(&file)) {
            Ok(text) => sources.push(Source { file, text }),
            Err(error) => errors.push(
                Error::new(file, error.to_string())
                    .help(format!("`{id}` is in {SCHEMAS}/manifest.toml, so its document must exist")),
            ),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(Failure::Documents(Errors(errors))) }
}

impl Plan {
    /// Writes what changed.
    ///
    /// # Errors
    ///
    /// When the disk cannot be written.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        self.tree().apply(root, &self.changes)
    }

    /// The files that belong in the workspace.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.generated.tree
    }

    /// The changes of one crate.
    pub fn changes_of(&self, name: &str) -> impl Iterator<Item = &Change> {
        let folder = format!("{}/{name}/", emit::folder(&Layout::Workspace));
        self.changes.iter().filter(move |change| change.path().starts_with(&folder))
    }
}
