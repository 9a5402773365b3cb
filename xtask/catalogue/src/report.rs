//! The report of a run for `cargo xtask update`, which writes the text of a pull request from it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use crate::{
    add,
    canonical::Prose,
    fetch::{self, Fetched, Listing, Source},
    lock::{Lock, write_file},
    root, upstream,
};

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file to write
    report: PathBuf,
    /// Also adds the endpoints that fal has and the manifest lacks
    #[arg(long)]
    with_new: bool,
    /// The commit, branch or tag whose lock tells which texts of fal have changed
    #[arg(long, value_name = "GIT-REF", default_value = "HEAD")]
    since: String,
    #[command(flatten)]
    source: Listing,
}

/// The result of fetching every endpoint of the manifest.
#[derive(Serialize)]
struct Report {
    new: Vec<String>,
    changed: Vec<String>,
    /// The reason for each document that was not written.
    problems: Vec<String>,
    notes: Vec<String>,
    /// The texts of fal that changed, by the ids of endpoints.
    rephrased: BTreeMap<String, Vec<String>>,
    /// The number of endpoints that lack the description of a name.
    missing: BTreeMap<String, usize>,
    /// The endpoints that fal no longer has or has retired, with the reason.
    gone: BTreeMap<String, String>,
    /// The number of endpoints that the manifest lacks, by category.
    unknown: BTreeMap<String, usize>,
    /// The message of fal for each endpoint that the manifest lacks and that fal has no document of.
    undocumented: BTreeMap<String, String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let before = Lock::read_commit(&root, &arguments.since)?;
    let known: Vec<String> =
        fetch::manifest(&root)?.crates.into_values().flat_map(|family| family.endpoints).collect();
    let models = fetch::list(&arguments.source)?;
    let gone = upstream::gone(&models, &known);
    let mut unknown = upstream::new(&models, &known);
    // Those that are gone would be reported twice.
    let mut ids: Vec<String> = known.iter().filter(|id| models.contains_key(*id)).cloned().collect();
    if arguments.with_new {
        ids.extend(unknown.values().flatten().cloned());
    }
    let mut fetched = fetch::fetch(&root, &ids, true, &Source::from(&arguments.source))?;
    let mut undocumented = BTreeMap::new();
    if arguments.with_new {
        let new: Vec<String> = unknown.values().flatten().cloned().collect();
        // Some endpoints stay without a document, which nobody here can change.
        undocumented = fetched.take_undocumented(&new);
        let added: Vec<String> = new.into_iter().filter(|id| fetched.has(id)).collect();
        add::add_to_manifest(&root, &added)?;
        for ids in unknown.values_mut() {
            ids.retain(|id| !added.contains(id) && !undocumented.contains_key(id));
        }
        unknown.retain(|_, ids| !ids.is_empty());
    }
    let mut missing = BTreeMap::new();
    for item in &fetched.findings.missing {
        *missing.entry(item.subject.to_string()).or_default() += 1;
    }
    let rephrased = rephrased(&fetched, &before);
    // Those of an interrupted run have changed too, as far as anybody knows.
    let changed = [fetched.changed, fetched.resumed].concat();
    let report = Report {
        new: fetched.new,
        changed,
        problems: fetched.problems,
        notes: fetched.findings.notes,
        rephrased,
        missing,
        gone,
        unknown: unknown.into_iter().map(|(category, ids)| (category, ids.len())).collect(),
        undocumented,
    };
    let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    write_file(&arguments.report, &text)
}

/// Returns what fal describes in other words than in a commit. Endpoints whose digests the commit lacks are compared with
/// those of the work tree: an earlier run on the same branch may have entered them.
fn rephrased(fetched: &Fetched, before: &Lock) -> BTreeMap<String, Vec<String>> {
    let subjects = |id: &String, prose: &Prose| match before.0.get(id).and_then(|entry| entry.prose.as_ref())
    {
        Some(digests) => prose.changed_since(digests),
        None => fetched.rephrased.get(id).cloned().unwrap_or_default(),
    };
    let changed = fetched.prose.iter().map(|(id, prose)| (id, subjects(id, prose)));
    changed
        .filter(|(_, subjects)| !subjects.is_empty())
        .map(|(id, subjects)| (id.clone(), subjects.iter().map(ToString::to_string).collect()))
        .collect()
}
