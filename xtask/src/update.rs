//! `cargo xtask update`: takes the changes of fal, generates the code, and describes all of it for a pull request.

#[cfg(test)]
mod tests;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fal_codegen::{
    Manifest, Tree,
    workspace::{self, Failure, SCHEMAS},
};
use serde::Deserialize;

use crate::{
    catalogue,
    diff::{self, Format, Repository},
    root,
};

/// Arguments of `cargo xtask update`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The commit, branch or tag that the text compares with
    #[arg(long, value_name = "GIT-REF", default_value = "HEAD")]
    since: String,
    /// Writes the text of the pull request to a file. It is printed by default
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Also adds every endpoint that fal has and the manifest lacks
    #[arg(long)]
    with_new: bool,
    /// Reads records from a folder in place of fal
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// URL of the platform API, the only service that FAL_KEY is sent to
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

/// The result of fetching every endpoint of the manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Report {
    new: Vec<String>,
    changed: Vec<String>,
    /// The reason for each document that was not written.
    problems: Vec<String>,
    notes: Vec<String>,
    /// The subjects of fal's texts that have changed, by the ids of endpoints.
    rephrased: BTreeMap<String, Vec<String>>,
    /// The number of endpoints that lack the description of a name.
    missing: BTreeMap<String, usize>,
    /// The endpoints that fal no longer has or has retired, with the reason.
    gone: BTreeMap<String, String>,
    /// The number of endpoints that the manifest lacks, by category.
    unknown: BTreeMap<String, usize>,
    /// The message of fal for each endpoint that the manifest lacks and that fal has no document of.
    undocumented: BTreeMap<String, String>,
    /// The lines of code of the crates that may become too large.
    #[serde(skip)]
    large: BTreeMap<String, usize>,
}

/// The lines of code of a crate that are reported. With 40,000 lines, the largest crate takes 1.75 s to check on two
/// cores, and 2 s are the most that an app should wait for one model.
const LARGE: usize = 42_000;

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let file = root.join("target/update.json");
    let mut options = vec![file.display().to_string(), "--since".to_owned(), arguments.since.clone()];
    if let Some(folder) = &arguments.from {
        options.extend(["--from".to_owned(), folder.display().to_string()]);
    }
    if let Some(url) = &arguments.base_url {
        options.extend(["--base-url".to_owned(), url.clone()]);
    }
    if arguments.with_new {
        options.push("--with-new".to_owned());
    }
    eprintln!("fetching the documents of all endpoints");
    fetch(&root, &options)?;
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let (text, left) = update(&root, report, &arguments.since)?;
    match &arguments.text {
        Some(file) => {
            fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
            eprintln!("{} has the text of the pull request", file.display());
        }
        None => print!("{text}"),
    }
    eprintln!("next: read it, and go on with step 2 of \"Take a month of changes\" in CONTRIBUTING.md");
    match left {
        0 => Ok(()),
        1 => Err("1 document was not updated; the text says why".to_owned()),
        left => Err(format!("{left} documents were not updated; the text says why")),
    }
}

/// Fetches the documents of all endpoints, and writes the report about them.
fn fetch(root: &Path, options: &[String]) -> Result<(), String> {
    catalogue::run_with(root, "report", options)
        .map_err(|cause| format!("{cause}\nThe documents were not all fetched, so no code was generated."))
}

/// Generates the code of documents that were fetched. Returns the text of a pull request, and the number of documents
/// that could not be updated.
fn update(root: &Path, mut report: Report, since: &str) -> Result<(String, usize), String> {
    let repository = Repository(root.to_owned());
    eprintln!("generating the code");
    generate(root, &repository, &mut report)?;
    eprintln!("comparing it with {since}");
    let changes = diff::changes_since(&repository, since, Format::Markdown, true)?;
    Ok((text::write(&changes, &report, since), report.problems.len()))
}

/// Generates the code. A document that it cannot be generated from gets its committed state back.
fn generate(root: &Path, repository: &Repository, report: &mut Report) -> Result<(), String> {
    let mut fetched: BTreeSet<String> = report.new.iter().chain(&report.changed).cloned().collect();
    loop {
        let errors = match workspace::plan(root, &[]) {
            Ok(plan) => {
                report.large = large_crates(plan.tree());
                return plan.write(root).map_err(|error| error.to_string());
            }
            Err(Failure::Documents(errors)) => errors,
            Err(failure) => return Err(failure.to_string()),
        };
        let file = |id: &str| format!("{SCHEMAS}/{}", Manifest::document_path(id));
        let broken: BTreeMap<String, String> = errors
            .0
            .iter()
            .filter_map(|error| {
                let id = fetched.iter().find(|id| error.file == file(id))?;
                Some((id.clone(), error.to_string()))
            })
            .collect();
        if broken.is_empty() {
            return Err(errors.to_string());
        }
        for (id, problem) in broken {
            restore(root, repository, &id, &file(&id))?;
            fetched.remove(&id);
            // The digests of its texts are the committed ones again, so the next run names those that have changed.
            report.rephrased.remove(&id);
            report.problems.push(problem);
        }
    }
}

/// Returns the crates with many lines of code.
fn large_crates(tree: &Tree) -> BTreeMap<String, usize> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let name = path.split('/').nth(2).unwrap_or_default();
        *lines.entry(name.to_owned()).or_default() += text.lines().count();
    }
    lines.retain(|_, lines| *lines >= LARGE);
    lines
}

/// Gives a document and its entry in the lock their committed state back.
fn restore(root: &Path, repository: &Repository, id: &str, file: &str) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let old = repository
        .file("HEAD", file)
        .map_err(|error| format!("{file} is new and cannot be generated: {error}"))?;
    let path = root.join(file);
    fs::write(&path, old).map_err(|error| failed(&path, error))?;
    let lock_file = format!("{SCHEMAS}/lock.toml");
    let path = root.join(&lock_file);
    let (old, mut lock) = (
        repository.file("HEAD", &lock_file)?,
        fs::read_to_string(&path).map_err(|error| failed(&path, error))?,
    );
    if let (Some(old_entry), Some(entry)) = (entry(&old, id), entry(&lock, id)) {
        lock = lock.replacen(entry, old_entry, 1);
        fs::write(&path, lock).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// Returns the entry of an endpoint in a lock, with its header.
fn entry<'a>(lock: &'a str, id: &str) -> Option<&'a str> {
    let start = lock.find(&format!("[{id:?}]\n"))?;
    let end = lock[start..].find("\n\n").map_or(lock.len(), |end| start + end);
    Some(lock[start..end].trim_end())
}
