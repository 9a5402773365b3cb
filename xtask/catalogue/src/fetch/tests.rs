//! Fetches from the platform API of the emulator.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fal_emulator::Emulator;
use tokio::runtime::Runtime;

use super::*;
use crate::canonical::tests::{DESCRIPTIONS, record};

const IMAGE: &str = "[under.acme]\nimage = \"The image.\"";

/// A catalogue of one endpoint, and a service that serves it.
struct Fixture {
    root: tempfile::TempDir,
    emulator: Emulator,
    _runtime: Runtime,
}

impl Fixture {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let descriptions = root.path().join("schemas/descriptions");
        let served = root.path().join("served");
        fs::create_dir_all(&descriptions).unwrap();
        fs::create_dir_all(&served).unwrap();
        fs::write(descriptions.join("all.toml"), DESCRIPTIONS).unwrap();
        fs::write(descriptions.join("acme.toml"), IMAGE).unwrap();
        fs::write(served.join("draw.json"), record().to_string()).unwrap();
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::builder().schemas_dir(served).start()).unwrap();
        Self { root, emulator, _runtime: runtime }
    }

    fn fetch(&self, id: &str, force: bool) -> Result<(), String> {
        let base_url = format!("{}/platform/v1", self.emulator.url());
        let source = Source { from: None, reword: false, base_url, force };
        fetch(self.root.path(), &[id.to_owned()], false, &source)?.complete()
    }

    fn document(&self) -> PathBuf {
        self.root.path().join("schemas/acme/draw.json")
    }
}

#[test]
fn a_fetched_document_is_canonical_and_an_edited_one_is_kept() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let written = fs::read_to_string(fixture.document()).unwrap();
    assert!(written.contains("A prompt.") && !written.contains("SOMEBODY"), "{written}");
    let lock = Lock::read(&fixture.root.path().join("schemas/lock.toml")).unwrap();
    let entry = &lock.0["acme/draw"];
    assert_eq!(entry.updated.as_deref(), Some("2026-05-29"));
    assert!(entry.source.ends_with("/platform/v1/models"), "{}", entry.source);

    fixture.fetch("acme/draw", false).unwrap();
    fs::write(fixture.document(), "{}").unwrap();
    fixture.fetch("acme/draw", false).unwrap_err();
    assert_eq!(fs::read_to_string(fixture.document()).unwrap(), "{}");
    fixture.fetch("acme/draw", true).unwrap();
    assert_eq!(fs::read_to_string(fixture.document()).unwrap(), written);
}

#[test]
fn an_unknown_endpoint_is_an_error_and_writes_nothing() {
    let fixture = Fixture::new();
    fixture.fetch("acme/other", false).unwrap_err();
    assert!(!fixture.root.path().join("schemas/acme").exists());
}

#[test]
fn a_changed_description_needs_no_service() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let file = fixture.root.path().join("schemas/descriptions/acme.toml");
    fs::write(file, IMAGE.replace("The image.", "The drawing.")).unwrap();
    let source = Source { from: None, reword: true, base_url: String::new(), force: false };
    fetch(fixture.root.path(), &["acme/draw".to_owned()], false, &source).unwrap().complete().unwrap();
    assert!(fs::read_to_string(fixture.document()).unwrap().contains("The drawing."));
    fixture.fetch("acme/draw", false).unwrap();
}

#[test]
fn document_written_by_hand_stays_one_when_its_words_change() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let lock = fixture.root.path().join("schemas/lock.toml");
    Lock::default().write(&lock).unwrap();
    let source = Source { from: None, reword: true, base_url: String::new(), force: true };
    let ids = ["acme/draw".to_owned()];
    let fetched = fetch(fixture.root.path(), &ids, true, &source).unwrap();
    assert_eq!(fetched.same, ids);
    assert_eq!(Lock::read(&lock).unwrap(), Lock::default());
}

#[test]
fn an_interrupted_run_is_resumed() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let base_url = format!("{}/nowhere", fixture.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let fetch = || fetch(fixture.root.path(), &["acme/draw".to_owned()], false, &source)?.complete();
    // This service has no models, so every fetch fails.
    fetch().unwrap_err();
    let mut progress = Progress::read(fixture.root.path(), &source.service().unwrap());
    progress.add(&["acme/draw".to_owned()]).unwrap();
    fetch().unwrap();
    // That run finished, so the next one starts anew.
    fetch().unwrap_err();
    // A deleted document is fetched even if the last run recorded it.
    progress.add(&["acme/draw".to_owned()]).unwrap_err();
    let mut progress = Progress::read(fixture.root.path(), &source.service().unwrap());
    progress.add(&["acme/draw".to_owned()]).unwrap();
    fs::remove_file(fixture.document()).unwrap();
    fetch().unwrap_err();
}

#[test]
fn endpoint_that_an_interrupted_run_has_fetched_is_added_by_the_next_one() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let root = fixture.root.path();
    fs::write(root.join("schemas/manifest.toml"), "[crates]\n").unwrap();
    let base_url = format!("{}/platform/v1", fixture.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let ids = ["acme/draw".to_owned()];
    Progress::read(root, &source.service().unwrap()).add(&ids).unwrap();
    let (fetched, added) = crate::add::add(root, &ids, &source, |_| Ok(())).unwrap();
    assert_eq!((&fetched.resumed[..], &added[..]), (&ids[..], &ids[..]));
    assert!(fs::read_to_string(root.join("schemas/manifest.toml")).unwrap().contains("acme/draw"));
}

/// Adds endpoints to an empty catalogue, with a process that can be killed.
fn add_in_another_process(root: &Path, records: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fetch::tests::adds_for_another_process", "--ignored", "--quiet"])
        .env("FETCH_ROOT", root)
        .env("FETCH_RECORDS", records)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn add(root: &Path, records: &Path) {
    let generate = |root: &Path| {
        let plan = fal_codegen::workspace::plan(root, &[]).map_err(|failure| failure.to_string())?;
        plan.write(root).map_err(|error| error.to_string())
    };
    let (fetched, added) = crate::add::add(root, &ids(ADDED), &from(records, false), generate).unwrap();
    fetched.complete().unwrap();
    assert_eq!(added.len(), ADDED);
}

const ADDED: usize = 6;

#[test]
#[ignore = "runs as the other process of `adding_that_was_killed_is_finished_by_adding_again`"]
fn adds_for_another_process() {
    let (root, records) = (std::env::var("FETCH_ROOT").unwrap(), std::env::var("FETCH_RECORDS").unwrap());
    add(Path::new(&root), Path::new(&records));
}

/// Returns the paths and texts of all files below a folder, without the records as they were received.
fn files(root: &Path) -> std::collections::BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, found: &mut std::collections::BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            match path.is_dir() {
                true if name == "target" => {}
                true => walk(root, &path, found),
                false => drop(found.insert(name, fs::read_to_string(&path).unwrap())),
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[test]
fn adding_that_was_killed_is_finished_by_adding_again() {
    let records = folder(ADDED, 9);
    let catalogue = || {
        let root = catalogue();
        let manifest =
            "[crates.fal-first]\napp = \"acme/first\"\ntitle = \"First\"\nendpoints = [\"acme/first\"]\n";
        fs::write(root.path().join("schemas/manifest.toml"), manifest).unwrap();
        fs::create_dir_all(root.path().join("schemas/acme")).unwrap();
        let first = record().to_string().replace("acme/draw", "acme/first");
        fs::write(root.path().join("schemas/acme/first.json"), first).unwrap();
        root
    };
    let whole = catalogue();
    let start = std::time::Instant::now();
    add(whole.path(), records.path());
    // The other processes need about as long, wherever this runs.
    let duration = start.elapsed();
    let expected = files(whole.path());
    assert!(expected.contains_key("crates/models/fal-acme-draw3/src/lib.rs"), "{:?}", expected.keys());
    for moment in 0..50 {
        let root = catalogue();
        let mut child = add_in_another_process(root.path(), records.path());
        // The first document is there when it has begun.
        let begun = root.path().join("schemas/acme/draw0.json");
        while !begun.exists() && child.try_wait().unwrap().is_none() {}
        std::thread::sleep(duration * moment / 50);
        child.kill().unwrap();
        child.wait().unwrap();
        add(root.path(), records.path());
        assert_eq!(files(root.path()), expected, "moment {moment}");
    }
}

/// A folder of records that differ in one bound.
fn folder(records: usize, maximum: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..records {
        let mut record = record();
        record["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["prompt"]["maxLength"] =
            maximum.into();
        let id = format!("acme/draw{number}");
        let text = record.to_string().replace("acme/draw", &id);
        let path = folder.path().join(Manifest::document_path(&id));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn from(folder: &Path, force: bool) -> Source {
    Source { from: Some(folder.to_owned()), reword: false, base_url: String::new(), force }
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("acme/draw{number}")).collect()
}

fn catalogue() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("schemas/descriptions")).unwrap();
    fs::write(root.path().join("schemas/descriptions/all.toml"), DESCRIPTIONS).unwrap();
    root
}

#[test]
fn a_record_of_another_endpoint_or_a_damaged_one_leaves_its_document_and_the_others_go_on() {
    let (root, records) = (catalogue(), folder(3, 9));
    fetch(root.path(), &ids(3), false, &from(records.path(), false)).unwrap().complete().unwrap();
    let document = |number: usize| {
        fs::read_to_string(root.path().join(format!("schemas/acme/draw{number}.json"))).unwrap()
    };
    let before = document(0);
    let records = folder(3, 8);
    fs::copy(records.path().join("acme/draw1.json"), records.path().join("acme/draw0.json")).unwrap();
    let cut = fs::read_to_string(records.path().join("acme/draw1.json")).unwrap();
    fs::write(records.path().join("acme/draw1.json"), &cut[..200]).unwrap();

    let fetched = fetch(root.path(), &ids(3), false, &from(records.path(), false)).unwrap();
    assert_eq!(fetched.changed, ["acme/draw2"]);
    // A damaged record is not taken for one that is gone.
    let listing = Listing { from: Some(records.path().to_owned()), base_url: String::new() };
    assert!(list(&listing).unwrap().contains_key("acme/draw1"));
    assert_eq!(fetched.problems[0], "schemas/acme/draw0.json: the record is that of `acme/draw1`");
    assert!(fetched.problems[1].contains("acme/draw1.json: EOF"), "{:?}", fetched.problems);
    assert_eq!(document(0), before);
    assert!(document(2).contains("\"maxLength\": 8"));
}

#[test]
fn change_of_prose_alone_is_named_and_changes_only_its_digests() {
    let (root, records) = (catalogue(), folder(2, 9));
    let run = || fetch(root.path(), &ids(2), false, &from(records.path(), false)).unwrap();
    let lock = || fs::read_to_string(root.path().join("schemas/lock.toml")).unwrap();
    assert!(run().rephrased.is_empty());
    let first = lock();
    assert!(run().rephrased.is_empty());
    assert_eq!(lock(), first);
    // A record that was sent again with the same texts is no news.
    let path = records.path().join("acme/draw0.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("2026-05-29", "2026-11-26")).unwrap();
    assert!(run().rephrased.is_empty());
    assert_eq!(lock(), first);

    let prose = text.replacen(
        "\"description\":\"SOMEBODY ELSE'S\",\"type\"",
        "\"description\":\"new prose\",\"type\"",
        1,
    );
    assert_ne!(prose, text);
    fs::write(&path, prose).unwrap();
    let document = || fs::read_to_string(root.path().join("schemas/acme/draw0.json")).unwrap();
    let before = document();
    let fetched = run();
    assert_eq!(document(), before);
    assert_eq!(fetched.same, ids(2));
    let [(id, subjects)] = &fetched.rephrased.iter().collect::<Vec<_>>()[..] else { panic!("{fetched:?}") };
    assert_eq!((id.as_str(), subjects.len()), ("acme/draw0", 1));
    // The text itself is not kept in the repository, and is kept for `words`.
    assert!(!lock().contains("new prose"));
    let record = fs::read_to_string(root.path().join("target/records/acme/draw0.json")).unwrap();
    assert!(record.contains("new prose"));
    let without_digests = |lock: &str| {
        lock.lines().filter(|line| !line.starts_with("prose = ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_digests(&lock()), without_digests(&first));
    assert!(run().rephrased.is_empty());
}

#[test]
fn digests_of_texts_are_filled_in_silently_and_stay_when_descriptions_change() {
    let (root, records) = (catalogue(), folder(1, 9));
    let path = root.path().join("schemas/lock.toml");
    let run = |source: &Source| fetch(root.path(), &ids(1), false, source).unwrap();
    run(&from(records.path(), false));
    let with_digests = fs::read_to_string(&path).unwrap();
    let old: String = with_digests
        .lines()
        .filter(|line| !line.starts_with("prose = "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(old, with_digests);
    fs::write(&path, &old).unwrap();
    assert!(run(&from(records.path(), false)).rephrased.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), with_digests);
    let reword = Source { from: None, reword: true, base_url: String::new(), force: false };
    assert!(run(&reword).rephrased.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), with_digests);
    // Another document keeps the digests too, so that a text that changed with it is noticed.
    let next = folder(1, 8);
    let file = next.path().join("acme/draw0.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("SOMEBODY ELSE'S", "new prose")).unwrap();
    let fetched = run(&from(next.path(), false));
    assert_eq!(fetched.changed, ids(1));
    assert!(fetched.rephrased["acme/draw0"].contains(&Subject::Endpoint), "{fetched:?}");
}

#[test]
fn text_that_changed_in_an_interrupted_run_is_named_by_the_next_one() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let root = fixture.root.path();
    // The run was interrupted after it had received the record, so its digests are not in the lock.
    let mut record = record();
    record["metadata"]["description"] = "new prose".into();
    fs::write(root.join("target/records/acme/draw.json"), record.to_string()).unwrap();
    let base_url = format!("{}/platform/v1", fixture.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let ids = ["acme/draw".to_owned()];
    Progress::read(root, &source.service().unwrap()).add(&ids).unwrap();
    let fetched = fetch(root, &ids, false, &source).unwrap();
    assert_eq!(fetched.resumed, ids);
    assert_eq!(fetched.rephrased["acme/draw"], [Subject::Endpoint]);
}

#[test]
fn one_of_several_additions_that_fails_leaves_nothing_behind() {
    let (root, records) = (catalogue(), folder(3, 9));
    fs::write(root.path().join("schemas/manifest.toml"), "[crates]\n").unwrap();
    let broken = records.path().join("acme/draw1.json");
    let text = fs::read_to_string(&broken).unwrap();
    fs::write(&broken, text.replace("\"maxLength\":9", "\"maxLength\":[9]")).unwrap();
    let generate = |_: &Path| Ok(());
    let (fetched, added) =
        crate::add::add(root.path(), &ids(3), &from(records.path(), false), generate).unwrap();
    assert_eq!(added, ["acme/draw0", "acme/draw2"]);
    assert!(fetched.problems[0].contains("acme/draw1.json: /openapi/components"), "{:?}", fetched.problems);
    let read = |file: &str| fs::read_to_string(root.path().join("schemas").join(file)).unwrap();
    assert!(!root.path().join("schemas/acme/draw1.json").exists());
    assert!(!read("lock.toml").contains("draw1") && !read("manifest.toml").contains("draw1"));
    // The next run takes the corrected record.
    fs::write(&broken, text).unwrap();
    crate::add::add(root.path(), &ids(3), &from(records.path(), false), generate).unwrap();
    assert!(read("manifest.toml").contains("draw1"));
}

#[test]
fn endpoint_without_a_document_is_a_problem_unless_it_is_taken_as_a_new_one() {
    let (root, records) = (catalogue(), folder(3, 9));
    let error = serde_json::json!({ "error": { "code": "expansion_failed", "message": "Failed to fetch" } });
    for number in [1, 2] {
        let path = records.path().join(format!("acme/draw{number}.json"));
        let mut record: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        record["openapi"] = error.clone();
        fs::write(path, record.to_string()).unwrap();
    }
    let mut fetched = fetch(root.path(), &ids(3), false, &from(records.path(), false)).unwrap();
    assert_eq!(fetched.problems.len(), 2);
    let taken = fetched.take_undocumented(&["acme/draw1".to_owned()]);
    assert_eq!(taken, BTreeMap::from([("acme/draw1".to_owned(), "Failed to fetch".to_owned())]));
    assert!(fetched.problems.len() == 1 && fetched.problems[0].contains("`acme/draw2`"), "{fetched:?}");
    fetched.complete().unwrap_err();
}

#[test]
fn malformed_id_is_refused_before_anything_is_read() {
    let root = catalogue();
    for id in ["flux dev", "FAL-AI/flux/dev/", "../../evil", ""] {
        let source = from(Path::new("/nowhere"), false);
        let error = crate::add::add(root.path(), &[id.to_owned()], &source, |_| Ok(())).unwrap_err();
        assert!(error.contains("an id is written like `fal-ai/flux/dev`"), "{id}: {error}");
    }
}

#[test]
fn everything_that_cannot_be_added_is_named_at_once() {
    let (root, records) = (catalogue(), folder(1, 9));
    let add = |ids: &[&str]| {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        crate::add::add(root.path(), &ids, &from(records.path(), false), |_| Ok(()))
    };
    let error = add(&["flux dev", "acme/draw0", "../../evil"]).unwrap_err();
    assert!(error.contains("flux dev") && error.contains("../../evil"), "{error}");
    fs::write(root.path().join("schemas/manifest.toml"), "[crates]\n").unwrap();
    let (fetched, added) = add(&["acme/no1", "acme/draw0", "other/no2"]).unwrap();
    assert_eq!(added, ["acme/draw0"]);
    let missing = |id: &str| fetched.problems.iter().any(|problem| problem.contains(id));
    assert!(
        fetched.problems.len() == 2 && missing("acme/no1") && missing("other/no2"),
        "{:?}",
        fetched.problems
    );
}

#[test]
fn batch_that_is_not_found_is_asked_for_one_by_one() {
    let fixture = Fixture::new();
    let nothing = serde_json::json!({ "error": { "type": "not_found", "message": "no such endpoint" } });
    fixture.emulator.on_request(fal_emulator::RequestKind::Platform).fail(404, nothing).times(1);
    let base_url = format!("{}/platform/v1", fixture.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let ids = ["acme/draw", "acme/other"].map(str::to_owned);
    let fetched = fetch(fixture.root.path(), &ids, false, &source).unwrap();
    assert_eq!(fetched.new, ["acme/draw"]);
    assert_eq!(fetched.problems, ["schemas/acme/other.json: the platform has no endpoint `acme/other`"]);
}

#[test]
fn wrong_base_url_is_named() {
    let fixture = Fixture::new();
    let base_url = format!("{}/wrong", fixture.emulator.url());
    let url = format!("{base_url}/models");
    let listing = Listing { from: None, base_url: base_url.clone() };
    let error = list(&listing).unwrap_err();
    assert!(
        error.contains(&url) && error.contains("404 Not Found") && error.contains("--base-url"),
        "{error}"
    );
    let source = Source { from: None, reword: false, base_url, force: false };
    let fetched = fetch(fixture.root.path(), &["acme/draw".to_owned()], false, &source).unwrap();
    assert!(fetched.problems[0].contains(&url), "{:?}", fetched.problems);
}

/// Runs this test program again, as a process that fetches and can be killed.
fn fetch_in_another_process(root: &Path, records: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fetch::tests::fetches_for_another_process", "--ignored", "--quiet"])
        .env("FETCH_ROOT", root)
        .env("FETCH_RECORDS", records)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "runs as the other process of `a_run_that_was_killed_is_finished_by_the_next_one`"]
fn fetches_for_another_process() {
    let (root, records) = (std::env::var("FETCH_ROOT").unwrap(), std::env::var("FETCH_RECORDS").unwrap());
    fetch(Path::new(&root), &ids(RECORDS_TO_FETCH), false, &from(Path::new(&records), false)).unwrap();
}

const RECORDS_TO_FETCH: usize = 30;

/// The number of runs that are killed, each at a later moment. If none of them was killed between two documents, as happens on
/// a busy machine, more are killed.
const KILLS: u64 = 50;
const MOST_KILLS: u64 = 500;

#[test]
fn a_run_that_was_killed_is_finished_by_the_next_one() {
    let (root, old, new) = (catalogue(), folder(RECORDS_TO_FETCH, 9), folder(RECORDS_TO_FETCH, 8));
    let run =
        |records: &Path| fetch(root.path(), &ids(RECORDS_TO_FETCH), false, &from(records, false)).unwrap();
    run(old.path()).complete().unwrap();
    let (mut runs, mut interrupted) = (0, 0);
    while runs < KILLS || (interrupted == 0 && runs < MOST_KILLS) {
        let moment = runs % KILLS;
        runs += 1;
        let (records, maximum) = if moment.is_multiple_of(2) { (new.path(), 8) } else { (old.path(), 9) };
        let mut child = fetch_in_another_process(root.path(), records);
        // It writes documents while the lock has hashes of replaced ones.
        let lock = root.path().join("schemas/lock.toml");
        while !fs::read_to_string(&lock).unwrap().contains("replaced") && child.try_wait().unwrap().is_none()
        {
        }
        std::thread::sleep(std::time::Duration::from_micros(100 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
        let fetched = run(records);
        fetched.complete().unwrap_or_else(|error| panic!("moment {moment}: {error}: {:?}", fetched.problems));
        interrupted += usize::from(!fetched.changed.is_empty() && !fetched.same.is_empty());
        for id in ids(RECORDS_TO_FETCH) {
            let text = fs::read_to_string(root.path().join(format!("schemas/{id}.json"))).unwrap();
            assert!(text.contains(&format!("\"maxLength\": {maximum}")), "moment {moment}: {id}");
        }
        let lock = fs::read_to_string(root.path().join("schemas/lock.toml")).unwrap();
        assert!(!lock.contains("replaced"), "moment {moment}");
    }
    assert!(interrupted > 0, "no run was killed between two documents");
    println!("{interrupted} of {runs} runs were killed between two documents");
    // An edit by hand is still noticed.
    fs::write(root.path().join("schemas/acme/draw7.json"), "{}").unwrap();
    assert_eq!(run(new.path()).problems.len(), 1);
}
