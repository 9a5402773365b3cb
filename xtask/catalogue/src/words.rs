//! `cargo xtask words`: lists the descriptions that documents lack and those whose text by fal has changed, and writes drafts
//! to fill in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
};

use fal_codegen::{Manifest, families};
use serde_json::Value;

use crate::{
    canonical::{self, Descriptions, Missing, Prose, Subject, single_line},
    fetch,
    lock::{LOCK, Lock, write_file},
    root,
};

/// The folder of drafts. They have texts of fal, so they are not committed.
const DRAFTS: &str = "target/words";

/// Arguments of `cargo xtask words`.
#[derive(clap::Args)]
#[group(required = true, multiple = true, args = ["missing", "draft", "changed"])]
pub(crate) struct Arguments {
    /// Lists the descriptions that are missing or do not fit, the most frequent names first
    #[arg(long)]
    missing: bool,
    /// Writes a file for each family to target/words, with an empty line for each missing description and the text of
    /// fal above it. Fill in the lines, and copy them to schemas/descriptions.
    #[arg(long)]
    draft: bool,
    /// Lists the texts of fal that have changed, with the description here below each
    #[arg(long)]
    changed: bool,
    /// The commit, branch or tag that `--changed` compares with
    #[arg(long, value_name = "GIT-REF", default_value = "HEAD", requires = "changed")]
    since: String,
    /// Reads the records of a folder in place of those that were fetched
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Ids of endpoints. All by default
    ids: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    if arguments.changed {
        let changes = Changes::read(&root, arguments)?;
        print!("{}", changes.list(&arguments.since));
    }
    if !(arguments.missing || arguments.draft) {
        return Ok(());
    }
    let descriptions = Descriptions::read(&root.join("schemas/descriptions"))?;
    let records = read_records(&root, arguments)?;
    let mut missing = Vec::new();
    for (file, record) in &records {
        match canonical::canonicalize(record, &descriptions) {
            Ok((_, findings)) => missing.extend(findings.missing),
            Err(problem) => eprintln!("{}: {problem}", file.display()),
        }
    }
    if arguments.missing {
        print!("{}", list(&missing, records.len()));
    }
    if arguments.draft {
        let manifest = fetch::manifest(&root)?;
        for (name, text) in drafts(&missing, &manifest) {
            let path = root.join(DRAFTS).join(format!("{name}.toml"));
            write_file(&path, &text)?;
            println!("{DRAFTS}/{name}.toml");
        }
    }
    Ok(())
}

/// Reads the records of some endpoints, or of all endpoints of the manifest or of a folder.
fn read_records(root: &Path, arguments: &Arguments) -> Result<Vec<(PathBuf, Value)>, String> {
    let mut records = match &arguments.from {
        Some(folder) => fetch::all_records(folder)?,
        None => {
            let ids = fetch::manifest(root)?.crates.into_values().flat_map(|family| family.endpoints);
            let read = |id: String| {
                let document = Manifest::document_path(&id);
                let fetched = root.join(fetch::RECORDS).join(&document);
                let file = if fetched.exists() { fetched } else { root.join("schemas").join(&document) };
                fetch::read_record(&file).map(|record| (file, record))
            };
            ids.map(read).collect::<Result<Vec<_>, _>>()?
        }
    };
    let is_wanted = |record: &Value| arguments.ids.iter().any(|id| record["endpoint_id"] == *id.as_str());
    records.retain(|(_, record)| arguments.ids.is_empty() || is_wanted(record));
    Ok(records)
}

/// A text of fal that has changed, with the description here.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    subject: Subject,
    fal: String,
    here: String,
}

/// The texts of fal that have changed since a commit.
#[derive(Default)]
struct Changes {
    /// The ids of the endpoints that have the same change.
    endpoints: BTreeMap<Change, Vec<String>>,
    /// The ids of endpoints whose texts are not here as they are in the lock.
    unread: Vec<String>,
    /// The number of endpoints whose lock has no digests in the commit.
    unknown: usize,
}

impl Changes {
    /// Compares the records of a folder, or those that were fetched, with the lock of a commit.
    fn read(root: &Path, arguments: &Arguments) -> Result<Self, String> {
        let before = Lock::read_commit(root, &arguments.since)?;
        let now = Lock::read(&root.join(LOCK))?;
        let mut changes = Self::default();
        for (id, entry) in &now.0 {
            let is_wanted = arguments.ids.is_empty() || arguments.ids.contains(id);
            // The texts of an endpoint that is new since then have not changed.
            let Some(before) = before.0.get(id).filter(|_| is_wanted) else { continue };
            let Some(old) = &before.prose else {
                changes.unknown += 1;
                continue;
            };
            let document = Manifest::document_path(id);
            let record = |folder: &Path| fetch::read_record(&folder.join(&document)).ok();
            let prose = match &arguments.from {
                Some(folder) => record(folder).map(|record| Prose::read(&record)),
                None if entry.prose.as_ref() == Some(old) => None,
                None => {
                    let prose = record(&root.join(fetch::RECORDS)).map(|record| Prose::read(&record));
                    let prose = prose.filter(|prose| entry.prose.as_ref() == Some(&prose.digests()));
                    changes.unread.extend(prose.is_none().then(|| id.clone()));
                    prose
                }
            };
            let Some(prose) = prose else { continue };
            let here = record(&root.join("schemas")).unwrap_or_default();
            changes.add(id, old, &prose, &Prose::read(&here));
        }
        Ok(changes)
    }

    /// Adds the texts of an endpoint that differ from those with the digests `old`.
    fn add(&mut self, id: &str, old: &str, prose: &Prose, here: &Prose) {
        for subject in prose.changed_since(old) {
            let (fal, here) = (prose.text(&subject).to_owned(), here.text(&subject).to_owned());
            self.endpoints.entry(Change { subject, fal, here }).or_default().push(id.to_owned());
        }
    }

    fn list(&self, since: &str) -> String {
        let mut text = String::new();
        for (Change { subject, fal, here }, ids) in &self.endpoints {
            let rest = ids.len().saturating_sub(MAX_IDS);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let ids = ids.iter().take(MAX_IDS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "{subject}: {ids}{more}");
            for (name, words) in [("fal: ", fal), ("here:", here)] {
                let words = if words.is_empty() { "nothing" } else { words };
                let _ = writeln!(text, "    {name} {words}");
            }
            text.push('\n');
        }
        if !self.unread.is_empty() {
            let _ = writeln!(
                text,
                "Endpoints whose changed texts are not on this machine: {}. To fetch them, run\n    \
                 cargo xtask fetch {}",
                self.unread.len(),
                self.unread.join(" ")
            );
        } else if self.endpoints.is_empty() {
            let _ = writeln!(text, "fal has changed no text since `{since}`.");
        } else {
            text.push_str(
                "Where a description is no longer right, change it in schemas/descriptions, or the rule in \
                 schemas/descriptions/rules.toml. Then run `cargo xtask fetch --reword --all` and `cargo xtask regen`.\n",
            );
        }
        if self.unknown > 0 {
            let _ = writeln!(
                text,
                "Endpoints without digests of their texts in `{since}`: {}. Their changes are not known.",
                self.unknown
            );
        }
        text
    }
}

/// Largest number of endpoints that are named for a change.
const MAX_IDS: usize = 5;

/// Lists missing descriptions by name.
fn list(missing: &[Missing], documents: usize) -> String {
    if missing.is_empty() {
        return format!("No description is missing in {documents} documents.\n");
    }
    let mut names: BTreeMap<&Subject, Vec<&Missing>> = BTreeMap::new();
    for item in missing {
        names.entry(&item.subject).or_default().push(item);
    }
    let affected: BTreeSet<&String> = missing.iter().map(|item| &item.endpoint_id).collect();
    let mut text = format!(
        "{} descriptions of {} names are missing in {} of {documents} documents.\n",
        missing.len(),
        names.len(),
        affected.len()
    );
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
    for (subject, items) in names {
        let _ = writeln!(text, "\n{subject}: {}", endpoints(&items));
        for facts in most_frequent(items.iter().map(|item| item.facts.as_str())) {
            let _ = writeln!(text, "    {facts}");
        }
        for original in most_frequent(items.iter().map(|item| item.original.as_str())) {
            let _ = writeln!(text, "    fal: {original}");
        }
        for misfit in most_frequent(items.iter().filter_map(|item| item.misfit.as_deref())) {
            let _ = writeln!(text, "    the one {misfit}");
        }
        if *subject != Subject::Endpoint {
            let _ = writeln!(text, "    {}", place(subject, &items));
        }
    }
    text
}

/// Names an endpoint, or counts several by the kind of their output.
fn endpoints(items: &[&Missing]) -> String {
    if let [item] = items {
        return item.endpoint_id.clone();
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    items.iter().for_each(|item| *kinds.entry(item.kind).or_default() += 1);
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", if kind.is_empty() { "other" } else { kind }))
        .collect();
    format!("{} endpoints ({})", items.len(), kinds.join(", "))
}

/// Returns the three most frequent texts, each in one line.
fn most_frequent<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    texts.filter(|text| !text.is_empty()).for_each(|text| *counts.entry(text).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(3).map(|(text, _)| single_line(text)).collect()
}

/// Returns the line to write, and the table and file that it belongs to.
fn place(subject: &Subject, items: &[&Missing]) -> String {
    let apps: BTreeSet<String> = items.iter().map(|item| families::app_id(&item.endpoint_id)).collect();
    let kinds: BTreeSet<&str> = items.iter().map(|item| item.kind).collect();
    let key = key(subject);
    let (file, table) = match (apps.len(), kinds.first()) {
        (1, _) => (
            format!("{}.toml", families::crate_name(apps.first().map_or("", String::as_str))),
            "under".to_owned(),
        ),
        (_, Some(kind)) if kinds.len() == 1 && !kind.is_empty() => {
            ("_shared.toml".to_owned(), format!("kind.{kind}"))
        }
        _ => ("_shared.toml".to_owned(), "any".to_owned()),
    };
    let table = match subject {
        Subject::Type(_) => "types".to_owned(),
        _ if table == "under" => format!("under.{:?}", relative(&items[0].endpoint_id)),
        _ => table,
    };
    format!("schemas/descriptions/{file}: [{table}] {key} = \"\"")
}

/// Returns the key of a subject in a table of descriptions.
fn key(subject: &Subject) -> String {
    match subject {
        Subject::Endpoint => String::new(),
        Subject::Type(name) => name.clone(),
        Subject::Property { owner, name } if matches!(owner.as_str(), "input" | "output") => name.clone(),
        Subject::Property { owner, name } => format!("\"{owner}.{name}\""),
    }
}

/// Returns an id without its app.
fn relative(id: &str) -> &str {
    id.strip_prefix(&families::app_id(id)).unwrap_or(id).trim_start_matches('/')
}

/// Returns a draft for each family: its tables, with an empty text for each description.
fn drafts(missing: &[Missing], manifest: &Manifest) -> BTreeMap<String, String> {
    let mut families_of: BTreeMap<String, Vec<&Missing>> = BTreeMap::new();
    for item in missing {
        families_of.entry(families::app_id(&item.endpoint_id)).or_default().push(item);
    }
    families_of
        .into_iter()
        .map(|(app, items)| {
            let known =
                manifest.crates.iter().find(|(_, family)| family.app == app).map(|(name, _)| name.clone());
            let head = match &known {
                Some(_) => format!("app = {app:?}\n"),
                None => format!("app = {app:?}\ntitle = \"\"\n"),
            };
            (known.unwrap_or_else(|| families::crate_name(&app)), head + &tables(&items))
        })
        .collect()
}

fn tables(items: &[&Missing]) -> String {
    let mut text = String::new();
    let mut last = None;
    let mut sorted: Vec<_> = items.to_vec();
    // Endpoints and types have one table each, and properties one for each endpoint.
    let rank = |item: &Missing| match item.subject {
        Subject::Endpoint => 0,
        Subject::Type(_) => 1,
        Subject::Property { .. } => 2,
    };
    sorted.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.endpoint_id.cmp(&b.endpoint_id)));
    let mut types = BTreeSet::new();
    for item in sorted {
        let id = relative(&item.endpoint_id);
        let table = match &item.subject {
            Subject::Endpoint => "[endpoints]".to_owned(),
            Subject::Type(name) if !types.insert(name) => continue,
            Subject::Type(_) => "[types]".to_owned(),
            Subject::Property { .. } => format!("[under.{id:?}]"),
        };
        if last.as_ref() != Some(&table) {
            let _ = writeln!(text, "\n{table}");
            last = Some(table);
        }
        for note in [&item.facts, &item.original, item.misfit.as_ref().unwrap_or(&String::new())] {
            let note = single_line(note);
            if !note.is_empty() {
                let _ = writeln!(text, "# {note}");
            }
        }
        let _ = match &item.subject {
            Subject::Endpoint => writeln!(text, "{id:?} = {{ name = \"\", description = \"\" }}"),
            subject => writeln!(text, "{} = \"\"", key(subject)),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use clap::Parser as _;

    use super::*;
    use crate::lock::Entry;

    fn missing(id: &str, kind: &'static str, subject: Subject) -> Missing {
        Missing {
            endpoint_id: id.to_owned(),
            kind,
            subject,
            misfit: None,
            original: "Text\nof fal.".to_owned(),
            facts: "string, required".to_owned(),
        }
    }

    fn input(name: &str) -> Subject {
        Subject::Property { owner: "input".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn changed_texts_are_listed_once_beside_the_descriptions_here() {
        let mut changes = Changes::default();
        assert_eq!(changes.list("main"), "fal has changed no text since `main`.\n");
        let before = canonical::tests::record();
        let mut after = before.clone();
        after["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["prompt"]["description"] =
            "Words.\nAt most nine.".into();
        let mut here = before.clone();
        here["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["prompt"] =
            serde_json::json!({ "description": "A prompt." });
        let [before, after, here] = [before, after, here].map(|record| Prose::read(&record));
        for number in 0..7 {
            changes.add(&format!("acme/draw{number}"), &before.digests(), &after, &here);
        }
        let text = changes.list("main");
        let expected = "`input.prompt`: acme/draw0, acme/draw1, acme/draw2, acme/draw3, acme/draw4 and 2 more\n    \
                        fal:  Words. At most nine. SOMEBODY ELSE'S\n    here: A prompt.\n\nWhere a description";
        assert!(text.starts_with(expected), "{text}");
        changes.unknown = 2;
        assert!(changes.list("main").ends_with(
            "\nEndpoints without digests of their texts in `main`: 2. Their changes are not known.\n"
        ));
        changes.unknown = 0;
        changes.unread.push("acme/film".to_owned());
        assert!(changes.list("main").ends_with("run\n    cargo xtask fetch acme/film\n"));
    }

    #[test]
    fn endpoint_that_the_commit_lacks_has_no_unknown_changes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let git = |arguments: &[&str]| {
            let identity =
                ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
            let mut git = std::process::Command::new("git");
            assert!(git.args(identity).args(arguments).current_dir(root).status().unwrap().success());
        };
        let entry = |prose: Option<&str>| Entry {
            source: "file".to_owned(),
            updated: None,
            document: String::new(),
            written: String::new(),
            prose: prose.map(str::to_owned),
            replaced: None,
        };
        let lock = |ids: &[&str], prose| {
            let entries = ids.iter().map(|&id| (id.to_owned(), entry(prose)));
            Lock(entries.collect()).write(&root.join(LOCK)).unwrap();
        };
        git(&["init", "--quiet"]);
        lock(&["acme/draw"], None);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "Lock"]);
        lock(&["acme/draw", "acme/film"], Some("0a1b"));
        let line = Line::try_parse_from(["words", "--changed"]).unwrap();
        let changes = Changes::read(root, &line.arguments).unwrap();
        assert_eq!((changes.unknown, changes.unread), (1, Vec::new()));
        assert!(changes.endpoints.is_empty());
    }

    /// A command line.
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn commit_without_a_list_of_changed_texts_is_refused() {
        let is_valid = |line: &[&str]| Line::try_parse_from([&["words"], line].concat()).is_ok();
        assert!(is_valid(&["--missing"]) && is_valid(&["--changed"]));
        assert!(is_valid(&["--missing", "--changed", "--since", "main"]));
        assert!(!is_valid(&["--missing", "--since", "main"]));
    }

    #[test]
    fn names_are_listed_by_frequency_with_the_place_of_their_description() {
        let all = [
            missing("acme/draw", "image", input("rare")),
            missing("acme/draw", "image", input("prompt")),
            missing("other/paint", "image", input("prompt")),
            missing("acme/draw/fast", "image", input("seed")),
            missing("other/film", "video", input("seed")),
        ];
        insta::assert_snapshot!(list(&all, 9));
    }

    #[test]
    fn a_draft_can_be_added_to_the_descriptions_once_it_is_filled_in() {
        let manifest = Manifest::parse("manifest.toml", "[crates]").unwrap();
        let all = [
            missing("acme/draw/fast", "image", input("prompt")),
            missing("acme/draw", "image", Subject::Endpoint),
            missing("acme/draw", "image", Subject::Type("Brush".to_owned())),
            missing("acme/draw/fast", "image", Subject::Type("Brush".to_owned())),
            missing(
                "acme/draw",
                "image",
                Subject::Property { owner: "Brush".to_owned(), name: "width".to_owned() },
            ),
        ];
        let drafts = drafts(&all, &manifest);
        let draft = &drafts["fal-acme-draw"];
        insta::assert_snapshot!(draft);
        let mut descriptions = Descriptions::default();
        descriptions
            .add(
                "draft.toml",
                &draft
                    .replace("\"\"", "\"Words.\"")
                    .replace("\"Words.\" = {", "\"\" = {")
                    .replace("under.\"Words.\"", "under.\"\""),
            )
            .unwrap();
        assert_eq!(descriptions.type_text("acme/draw", "Brush"), Some("Words."));
        assert_eq!(descriptions.endpoint("acme/draw").unwrap().name, "Words.");
    }
}
