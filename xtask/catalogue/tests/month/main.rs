//! A month of fal's changes, taken by the weekly job: `.ci/update-schemas` in a workspace of its own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod job;
mod records;
mod ways;
mod workspace;

use std::{collections::BTreeMap, env, fs, path::Path};

use serde_json::Value;

use records::{Month, UNDOCUMENTED};
use ways::WAYS;
use workspace::{Workspace, here};

/// The lines of a pull request about changes for users, and its sections after them.
struct Text<'a> {
    changes: Vec<&'a str>,
    whole: &'a str,
}

impl<'a> Text<'a> {
    fn new(whole: &'a str) -> Self {
        let end = whole.find("\n## Not updated").or_else(|| whole.find("\n## Gone")).unwrap_or(whole.len());
        let changes = whole[..end].lines().filter(|line| line.starts_with("- ")).collect();
        Self { changes, whole }
    }

    fn section(&self, title: &str) -> &'a str {
        let start = self
            .whole
            .find(&format!("\n## {title}\n"))
            .unwrap_or_else(|| panic!("no {title}: {}", self.whole));
        let rest = &self.whole[start + 1..];
        rest.find("\n## ").map_or(rest, |end| &rest[..end])
    }

    /// Returns the lines about an endpoint.
    fn lines_of(&self, id: &str) -> Vec<&'a str> {
        let name = format!("`{id}`");
        self.changes.iter().filter(|line| line.contains(&name)).copied().collect()
    }
}

/// Checks the verdict about each record of a month, and that no other endpoint has one. `known` are the documents before.
fn assert_verdicts(
    text: &Text<'_>,
    month: &Month,
    known: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
) {
    let level = |line: &str| {
        ["breaking", "minor", "patch"].iter().position(|level| line.contains(level)).unwrap_or(3)
    };
    let head = |line: &'_ str| line.split(": ").next().unwrap_or_default().to_owned();
    for change in &month.changed {
        let (id, way) = (&change.id, change.way);
        let lines = text.lines_of(id);
        let highest = lines.iter().map(|line| level(&head(line))).min();
        let expected = way.level.map(level);
        assert_eq!(highest, expected, "{}: {id}: {lines:#?}", way.name);
        let is_named =
            |line: &&&str| line.contains(way.phrase) && line.contains(&format!("`{}`", change.property));
        assert!(
            expected.is_none() || change.property.is_empty() || lines.iter().find(is_named).is_some(),
            "{}: {id}: {}: {lines:#?}",
            way.name,
            change.property
        );
    }
    let gone = text.section("Gone");
    let removed: Vec<&String> = known.keys().filter(|id| !month.records.contains_key(*id)).collect();
    assert!(month.removed.iter().all(|id| removed.contains(&id)));
    for id in &removed {
        assert!(gone.contains(&format!("`{id}`: fal has no such endpoint")), "{id}: {gone}");
    }
    assert_eq!(gone.matches("no such endpoint").count(), removed.len(), "{gone}");
    let left = text.section("Not updated");
    for (id, reason) in &month.damaged {
        let file = format!("schemas/{id}.json");
        assert!(left.contains(&file) && left.contains(reason), "{id}: {reason}: {left}");
    }
    assert!(!left.contains(UNDOCUMENTED), "{left}");
    let undocumented = text.section("New, without a document");
    assert!(undocumented.contains(&format!("`{UNDOCUMENTED}`: Failed to fetch")), "{undocumented}");
    let undecided = text.section("Undecided");
    for phrase in
        ["exclude every value", "is outside of its bounds", "the kind of output of `image-to-dream`"]
    {
        assert!(undecided.contains(phrase), "{phrase}: {undecided}");
    }
    let texts = text.section("Texts of fal that changed");
    for change in month.changed.iter().filter(|change| change.way.name == "another text") {
        let line = texts.lines().find(|line| line.starts_with(&format!("- `{}`: ", change.id)));
        let is_named = |line: &str| {
            line.contains("the endpoint") && line.contains(&format!("`input.{}`", change.property))
        };
        assert!(line.is_some_and(is_named), "{}: {}: {texts}", change.id, change.property);
    }
    let writes_texts = |id: &String| {
        let ways =
            ["another text", "new parameter", "new required parameter", "renamed parameter", "new field"];
        month.changed.iter().any(|change| change.id == *id && ways.contains(&change.way.name))
    };
    for id in known.keys().filter(|id| !writes_texts(id)) {
        assert!(!texts.contains(&format!("- `{id}`: ")), "{id}: {texts}");
    }
    let is_expected = |id: &str| new.contains_key(id) || month.changed.iter().any(|change| change.id == id);
    for line in &text.changes {
        let ids = line.split('`').filter(|word| month.records.contains_key(*word));
        ids.for_each(|id| assert!(is_expected(id), "{line}"));
    }
}

/// Takes a month, and checks the pull request and the workspace. Returns the text of the pull request.
fn take(workspace: &Workspace, month: &Month, new: &BTreeMap<String, Value>) -> String {
    let before = workspace.documents();
    let folder = tempfile::tempdir().unwrap();
    month.write(folder.path());
    let records = folder.path().display().to_string();
    let output = workspace.update(&["--from", &records, "--with-new"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{error}");
    assert!(error.contains("documents were not updated; the text says why"), "{error}");
    let text = workspace.pull_request().unwrap_or_else(|| panic!("{error}"));
    assert_verdicts(&Text::new(&text), month, &before, new);
    assert!(text.contains("## Descriptions to write"), "{text}");

    let after = workspace.documents();
    assert!(new.keys().all(|id| after.contains_key(id)));
    for id in month.removed.iter().chain(month.damaged.iter().map(|(id, _)| id)) {
        assert_eq!(after[id], before[id], "{id}");
    }
    for change in month.changed.iter().filter(|change| change.way.level.is_none()) {
        assert_eq!(after[&change.id], before[&change.id], "{}", change.id);
    }
    workspace.succeed(&["regen", "--check"]);
    workspace.succeed(&["diff", "origin/main", "--check"]);
    assert_eq!(workspace.git(&["status", "--porcelain"]), "");
    assert!(workspace.calls().contains("gh pr list\ngh pr create\n"), "{}", workspace.calls());
    text
}

/// The crates that the small workspace has.
const CRATES: [&str; 6] =
    ["fal-flux", "fal-ideogram", "fal-kling-video", "fal-recraft", "fal-vidu", "fal-whisper"];

/// The crates that come with the month.
const NEW_CRATES: [&str; 2] = ["fal-veo3-1", "fal-trellis"];

/// Endpoints of the small workspace that come with the month.
const NEW_ENDPOINTS: [&str; 2] = ["fal-ai/flux/dev/image-to-image", "fal-ai/recraft/vectorize"];

#[test]
fn a_month_is_taken_with_the_right_verdict_for_each_change() {
    let workspace = Workspace::with_crates(&CRATES, &NEW_ENDPOINTS);
    let all = Workspace::with_crates(&[CRATES.as_slice(), &NEW_CRATES].concat(), &[]).documents();
    let known = workspace.documents();
    let new: BTreeMap<_, _> = all.into_iter().filter(|(id, _)| !known.contains_key(id)).collect();
    assert!(new.len() > 10, "{}", new.len());
    let month = Month::new(known, new.clone(), [2, 4, 5]);
    let text = take(&workspace, &month, &new);
    for name in NEW_CRATES {
        assert!(text.contains(&format!("\n- minor: The crate `{name}` is new: ")), "{text}");
    }
    assert_eq!(month.changed.len(), 2 * WAYS.len());
}

/// Takes the records of `more` and 60 changes, which takes minutes. `MONTH_CORPUS` names the folder of records, and
/// `MONTH_TEXT` a file for the text of the pull request.
#[test]
#[ignore = "takes minutes, and needs a folder with all records"]
fn a_month_of_five_hundred_new_endpoints_is_taken() {
    let corpus = env::var_os("MONTH_CORPUS").map_or_else(|| here().join("../shared/corpus"), Into::into);
    let manifest = fs::read_to_string(here().join("schemas/manifest.toml")).unwrap();
    let read = |folder: &str| -> BTreeMap<String, Value> {
        let records = records_in(&corpus.join(folder)).into_iter();
        let records = records.filter_map(|record| Some((record["endpoint_id"].as_str()?.to_owned(), record)));
        records.filter(|(id, _)| manifest.contains(&format!("\"{id}\""))).collect()
    };
    let (known, new) = (read("schemas"), read("more"));
    let ids: Vec<String> = new.keys().cloned().collect();
    let workspace = Workspace::whole(&ids);
    let month = Month::new(known, new.clone(), [4, 10, 5]);
    let text = take(&workspace, &month, &new);
    if let Some(file) = env::var_os("MONTH_TEXT") {
        fs::write(file, &text).unwrap();
    }
    println!("{} new, {} changed, {} lines", new.len(), month.changed.len(), text.lines().count());
}

/// Reads every record below a folder.
fn records_in(folder: &Path) -> Vec<Value> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => records_in(&path),
            false => vec![serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()],
        })
        .collect()
}
