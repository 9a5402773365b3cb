//! Fetching from a service that speaks the platform API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fal_emulator::Emulator;
use tokio::runtime::Runtime;

use super::*;
use crate::house::tests::{WORDS, record};

const WIDE: &str = "[under.acme]\nimage = \"The image.\"";

/// A catalogue of one endpoint, and a service that has it.
struct Bench {
    root: tempfile::TempDir,
    emulator: Emulator,
    _runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let words = root.path().join("schemas/words");
        let served = root.path().join("served");
        fs::create_dir_all(&words).unwrap();
        fs::create_dir_all(&served).unwrap();
        fs::write(words.join("all.toml"), WORDS).unwrap();
        fs::write(words.join("acme.toml"), WIDE).unwrap();
        fs::write(served.join("draw.json"), record().to_string()).unwrap();
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::builder().schemas_dir(served).start()).unwrap();
        Self { root, emulator, _runtime: runtime }
    }

    fn fetch(&self, id: &str, force: bool) -> Result<(), String> {
        let base_url = format!("{}/platform/v1", self.emulator.url());
        let source = Source { from: None, reword: false, base_url, force };
        fetch(self.root.path(), &[id.to_owned()], false, &source)
    }

    fn document(&self) -> PathBuf {
        self.root.path().join("schemas/acme/draw.json")
    }
}

#[test]
fn a_document_comes_in_house_form_and_is_not_overwritten_once_edited() {
    let bench = Bench::new();
    bench.fetch("acme/draw", false).unwrap();
    let written = fs::read_to_string(bench.document()).unwrap();
    assert!(written.contains("A prompt.") && !written.contains("SOMEBODY"), "{written}");
    let lock = Lock::read(&bench.root.path().join("schemas/lock.toml")).unwrap();
    let entry = &lock.0["acme/draw"];
    assert_eq!(entry.updated.as_deref(), Some("2026-05-29"));
    assert!(entry.source.ends_with("/platform/v1/models"), "{}", entry.source);

    bench.fetch("acme/draw", false).unwrap();
    fs::write(bench.document(), "{}").unwrap();
    bench.fetch("acme/draw", false).unwrap_err();
    assert_eq!(fs::read_to_string(bench.document()).unwrap(), "{}");
    bench.fetch("acme/draw", true).unwrap();
    assert_eq!(fs::read_to_string(bench.document()).unwrap(), written);
}

#[test]
fn what_the_service_does_not_have_is_an_error_and_nothing_is_written() {
    let bench = Bench::new();
    bench.fetch("acme/other", false).unwrap_err();
    assert!(!bench.root.path().join("schemas/acme").exists());
}

#[test]
fn a_changed_phrase_needs_no_service() {
    let bench = Bench::new();
    bench.fetch("acme/draw", false).unwrap();
    let words = bench.root.path().join("schemas/words/acme.toml");
    fs::write(words, WIDE.replace("The image.", "What was drawn.")).unwrap();
    let source = Source { from: None, reword: true, base_url: String::new(), force: false };
    fetch(bench.root.path(), &["acme/draw".to_owned()], false, &source).unwrap();
    assert!(fs::read_to_string(bench.document()).unwrap().contains("What was drawn."));
    bench.fetch("acme/draw", false).unwrap();
}

#[test]
fn an_interrupted_run_goes_on_where_it_broke_off() {
    let bench = Bench::new();
    bench.fetch("acme/draw", false).unwrap();
    let base_url = format!("{}/nowhere", bench.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let fetch = || fetch(bench.root.path(), &["acme/draw".to_owned()], false, &source);
    // There are no models there, so that whatever has to be fetched is missed.
    fetch().unwrap_err();
    let mut progress = Progress::read(bench.root.path(), &source.service().unwrap());
    progress.add(&["acme/draw".to_owned()]).unwrap();
    fetch().unwrap();
    // That run has finished, and the next is a new one.
    fetch().unwrap_err();
    // What is not here any more is fetched, whatever the last run has noted.
    progress.add(&["acme/draw".to_owned()]).unwrap_err();
    let mut progress = Progress::read(bench.root.path(), &source.service().unwrap());
    progress.add(&["acme/draw".to_owned()]).unwrap();
    fs::remove_file(bench.document()).unwrap();
    fetch().unwrap_err();
}
