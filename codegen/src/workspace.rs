//! The generated crates of a workspace: from `schemas/` to `crates/models/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::Path,
};

use crate::{
    emit::{examples, style},
    error::{Error, Errors},
    generator::{Generated, Generator},
    manifest::Manifest,
    options::{Layout, Options, Source},
    tree::{self, Change, Tree},
    type_names::TypeNames,
};

/// The folder of schemas, relative to the root.
pub const SCHEMAS: &str = "schemas";

/// The folder of overlays in the folder of schemas.
pub const OVERLAYS: &str = "overlays";

/// The record of the names of shared types, relative to the root.
pub const TYPE_NAMES: &str = "schemas/type_names.jsonl";

/// The files of a workspace, and how the disk differs from them.
#[derive(Debug)]
pub struct Plan {
    /// The files that follow from the schemas.
    pub generated: Generated,
    /// The differences of the disk, sorted by path. Empty when it is fresh.
    pub changes: Vec<Change>,
    /// The names of the crates that were generated.
    pub crates: Vec<String>,
}

/// The reason why a workspace could not be generated.
#[derive(Debug)]
pub enum Failure {
    /// The manifest or the documents are wrong.
    Documents(Errors),
    /// The disk could not be read.
    Disk(io::Error),
    /// The manifest does not have the crate, but others.
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

/// Compares the workspace at `root` with its schemas. `only` names the crates to generate; if it is empty, all are.
///
/// # Errors
///
/// Fails when a document is wrong or the disk cannot be read. Nothing is written in any case.
pub fn plan(root: &Path, only: &[String]) -> Result<Plan, Failure> {
    let file = format!("{SCHEMAS}/manifest.toml");
    let text = fs::read_to_string(root.join(&file))
        .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    let mut manifest =
        Manifest::parse(&file, &text).map_err(|error| Failure::Documents(Errors(vec![error])))?;
    if let Some(unknown) = only.iter().find(|name| !manifest.crates.contains_key(*name)) {
        return Err(Failure::UnknownCrate(unknown.clone(), manifest.crates.into_keys().collect()));
    }
    if !only.is_empty() {
        manifest.crates.retain(|name, _| only.contains(name));
    }
    let sources = read_sources(root, &manifest)?;
    let mut options = options();
    options.overlays = read_overlays(root)?;
    if !only.is_empty() {
        // The documents of the other crates are not read.
        options
            .overlays
            .retain(|overlay| sources.iter().any(|source| overlay.file == overlay_path(&source.file)));
    }
    options.type_names = read_type_names(root)?;
    let mut type_names = if only.is_empty() { TypeNames::default() } else { options.type_names.clone() };
    let mut generated =
        Generator::new(options).manifest(&manifest, &file, &sources).map_err(Failure::Documents)?;
    type_names.extend(generated.type_names.clone());
    generated.tree.insert(TYPE_NAMES, type_names.print());
    if only.is_empty() {
        let path = format!("{}/README.md", style::folder(&Layout::Workspace));
        let page = index(&manifest, &generated.tasks);
        generated.tree.insert(path, page);
    } else {
        // These files are about all crates, and cannot be written knowing some.
        let folder = format!("{}/{}", style::folder(&Layout::Workspace), examples::FOLDER);
        generated.tree.remove_folder(&folder);
    }
    for (licence, text) in read_licences(root)? {
        for name in manifest.crates.keys() {
            let path = format!("{}/{name}/{licence}", style::folder(&Layout::Workspace));
            generated.tree.insert(path, text.clone());
        }
    }
    let crates: Vec<String> = manifest.crates.into_keys().collect();
    // A crate that left the manifest is removed too, but only a full run can know it.
    let folder = style::folder(&Layout::Workspace);
    let folders = match only {
        [] => vec![folder.to_owned()],
        only => only.iter().map(|name| format!("{folder}/{name}")).collect(),
    };
    let changes = generated.tree.changes(root, &folders)?;
    Ok(Plan { generated, changes, crates })
}

/// Reads the record of names. A workspace may have none yet.
fn read_type_names(root: &Path) -> Result<TypeNames, Failure> {
    match fs::read_to_string(root.join(TYPE_NAMES)) {
        Ok(text) => {
            TypeNames::parse(TYPE_NAMES, &text).map_err(|error| Failure::Documents(Errors(vec![error])))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TypeNames::default()),
        Err(error) => Err(error.into()),
    }
}

/// Reads the licences at the root. Both demand a copy in every crate that is published.
fn read_licences(root: &Path) -> io::Result<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        match fs::read_to_string(root.join(name)) {
            Ok(text) => found.push((name, text.replace("\r\n", "\n"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Returns the options that the crates of a workspace are generated with, without overlays.
#[must_use]
pub fn options() -> Options {
    Options { command: "cargo xtask regen".to_owned(), layout: Layout::Workspace, ..Options::default() }
}

/// Writes the page that lists the crates.
fn index(manifest: &Manifest, tasks: &BTreeMap<&'static str, Vec<String>>) -> String {
    let endpoints: usize = manifest.crates.values().map(|family| family.endpoints.len()).sum();
    let mut page = format!(
        "<!-- @generated by `cargo xtask regen` from {SCHEMAS}/manifest.toml. Do not edit. -->\n\
         # The model crates\n\n\
         {endpoints} endpoints in {} crates. The documentation of a crate lists its modules.\n\n\
         | crate | family | app | endpoints |\n|---|---|---|---|\n",
        manifest.crates.len(),
    );
    for (name, family) in &manifest.crates {
        let (app, title) = (&family.app, family.title.replace('|', "\\|"));
        page.push_str(&format!("| [`{name}`]({name}) | {title} | `{app}` | {} |\n", family.endpoints.len()));
    }
    let modules: BTreeSet<&String> = tasks.values().flatten().collect();
    page.push_str(&format!(
        "\n## Tasks\n\n\
         {} endpoints implement a trait of `fal_client::task`, so that another model does the same task when one path is \
         changed.\n\n\
         | task | endpoints | modules |\n|---|---|---|\n",
        modules.len(),
    ));
    for (task, modules) in tasks {
        let listed: Vec<String> = modules.iter().map(|module| format!("`{module}`")).collect();
        page.push_str(&format!("| {task} | {} | {} |\n", modules.len(), listed.join(", ")));
    }
    page
}

/// Reads the documents that the manifest names.
fn read_sources(root: &Path, manifest: &Manifest) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for id in manifest.crates.values().flat_map(|family| &family.endpoints) {
        let file = format!("{SCHEMAS}/{}", Manifest::document_path(id));
        match fs::read_to_string(root.join(&file)) {
            Ok(text) => sources.push(Source { file, text }),
            Err(error) => errors.push(
                Error::new(file, error.to_string())
                    .with_help(format!("`{id}` is in {SCHEMAS}/manifest.toml, so its document must exist")),
            ),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(Failure::Documents(Errors(errors))) }
}

/// Returns the path of the overlay of a document, which it has in the folder of overlays.
fn overlay_path(document: &str) -> String {
    let inside = document.strip_prefix(SCHEMAS).unwrap_or(document);
    format!("{SCHEMAS}/{OVERLAYS}{inside}")
}

/// Reads the overlays beside the manifest. Each has the path of its document, in the folder of overlays.
fn read_overlays(root: &Path) -> Result<Vec<Source>, Failure> {
    let mut overlays = Vec::new();
    let mut folders = vec![format!("{SCHEMAS}/{OVERLAYS}")];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let file = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(file);
            } else if file.ends_with(".json") {
                overlays.push(Source { text: fs::read_to_string(root.join(&file))?, file });
            }
        }
    }
    overlays.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(overlays)
}

impl Plan {
    /// Writes the changes.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be written.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        self.tree().apply(root, &self.changes)?;
        // Cargo takes an empty folder among the crates for a crate without its manifest.
        tree::remove_empty_folders(&root.join(style::folder(&Layout::Workspace)))
    }

    /// Returns the files that belong into the workspace.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.generated.tree
    }

    /// Returns the changes of one crate.
    pub fn changes_of(&self, name: &str) -> impl Iterator<Item = &Change> {
        let folder = format!("{}/{name}/", style::folder(&Layout::Workspace));
        self.changes.iter().filter(move |change| change.path().starts_with(&folder))
    }
}
