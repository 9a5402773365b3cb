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
        fetch(self.root.path(), &[id.to_owned()], false, &source)
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
    fetch(fixture.root.path(), &["acme/draw".to_owned()], false, &source).unwrap();
    assert!(fs::read_to_string(fixture.document()).unwrap().contains("The drawing."));
    fixture.fetch("acme/draw", false).unwrap();
}

#[test]
fn an_interrupted_run_is_resumed() {
    let fixture = Fixture::new();
    fixture.fetch("acme/draw", false).unwrap();
    let base_url = format!("{}/nowhere", fixture.emulator.url());
    let source = Source { from: None, reword: false, base_url, force: false };
    let fetch = || fetch(fixture.root.path(), &["acme/draw".to_owned()], false, &source);
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
