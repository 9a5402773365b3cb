//! The weekly job against the platform API of the emulator: what it does in each kind of week, and that it fails loudly.

use std::process::Output;

use fal_emulator::{Emulator, RequestKind, ResponseTemplate};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    ways::{Record, WAYS},
    workspace::Workspace,
};

/// A workspace with a few endpoints, and the emulator in the place of fal.
struct Week {
    workspace: Workspace,
    emulator: Emulator,
    _runtime: Runtime,
}

/// The endpoint that changes.
const CHANGED: &str = "fal-ai/trellis";

impl Week {
    /// `change` changes the record of [`CHANGED`], or removes it by returning `None`.
    fn new(change: impl Fn(Value) -> Option<Value>) -> Self {
        let workspace = Workspace::with_crates(&["fal-trellis", "fal-whisper"], &[]);
        let served = workspace.root().join("target/served");
        for (id, document) in workspace.documents() {
            let document = if id == CHANGED { change(document) } else { Some(document) };
            if let Some(document) = document {
                workspace.write(&format!("target/served/{id}.json"), &document.to_string());
            }
        }
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::builder().schemas_dir(served).start()).unwrap();
        Self { workspace, emulator, _runtime: runtime }
    }

    fn run(&self) -> Output {
        self.workspace.update(&["--base-url", &format!("{}/platform/v1", self.emulator.url())])
    }

    /// Runs a job that must fail before it takes anything, and returns its errors.
    fn fail(&self) -> String {
        let output = self.run();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{error}");
        assert_eq!(self.workspace.pull_request(), None);
        assert_eq!(self.workspace.git(&["status", "--porcelain"]), "");
        error
    }
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Changes a record in one of the ways of a month.
fn in_way(name: &str) -> impl Fn(Value) -> Option<Value> {
    let way = WAYS.iter().find(|way| way.name == name).unwrap();
    move |record| {
        let mut record = Record(record);
        (way.apply)(&mut record).unwrap();
        Some(record.0)
    }
}

#[test]
fn good_week_opens_a_pull_request_and_the_next_one_keeps_the_commits_of_people() {
    let week = Week::new(in_way("new required parameter"));
    assert_success(&week.run());
    let text = week.workspace.pull_request().unwrap();
    assert!(text.contains("| `fal-trellis` | breaking, 0.1.0 becomes 0.2.0 |"), "{text}");
    // Facts do not wait for the description.
    assert!(text.contains("## Descriptions to write") && text.contains("`input.moon_phase`: 1"), "{text}");
    assert!(week.workspace.calls().contains("cargo test --quiet --package fal-tests --test snapshots\n"));
    assert_eq!(week.workspace.pushed("schemas"), "Update the schemas to what fal publishes\n");

    let descriptions = "schemas/descriptions/moon.toml";
    week.workspace.write(descriptions, "[under.fal-ai]\nmoon_phase = \"The phase of the moon.\"\n");
    week.workspace.git(&["add", "schemas"]);
    week.workspace.git(&["commit", "--quiet", "--message", "Describe the phase of the moon"]);
    week.workspace.git(&["push", "--quiet", "origin", "schemas"]);
    week.workspace.git(&["switch", "--quiet", "main"]);
    assert_success(&week.run());
    let subjects = week.workspace.pushed("schemas");
    assert!(subjects.contains("Describe the phase of the moon"), "{subjects}");
    assert!(week.workspace.read(&format!("schemas/{CHANGED}.json")).contains("The phase of the moon."));
    assert!(!week.workspace.pull_request().unwrap().contains("`input.moon_phase`: 1"));
    assert!(week.workspace.calls().ends_with("gh pr list\ngh pr edit\n"), "{}", week.workspace.calls());
}

#[test]
fn empty_week_opens_no_pull_request() {
    let week = Week::new(Some);
    assert_success(&week.run());
    assert_eq!(week.workspace.pull_request(), None);
    assert_eq!(week.workspace.git(&["log", "--oneline", "origin/main..schemas"]), "");
}

#[test]
fn week_of_other_texts_changes_only_the_lock_and_names_them_until_they_are_merged() {
    let week = Week::new(in_way("another text"));
    assert_success(&week.run());
    let section = "## Texts of fal that changed";
    let text = week.workspace.pull_request().unwrap();
    assert!(
        text.starts_with("Nothing has changed for users since `origin/main`.") && text.contains(section),
        "{text}"
    );
    assert!(text.contains(&format!("- `{CHANGED}`: the endpoint, `input.")), "{text}");
    let files = || week.workspace.git(&["diff", "--name-only", "origin/main..schemas"]);
    assert_eq!(files(), "schemas/lock.toml\n");
    let words = week.workspace.succeed(&["words", "--changed", "--since", "origin/main"]);
    assert!(words.contains(&format!("the endpoint: {CHANGED}\n")), "{words}");
    assert!(words.contains("fal:  ") && words.contains("Somebody wrote another text."), "{words}");
    // The branch has the new digests by now, and `main` has the old ones.
    week.workspace.git(&["switch", "--quiet", "main"]);
    assert_success(&week.run());
    assert!(week.workspace.pull_request().unwrap().contains(section));
    assert_eq!(week.workspace.pushed("schemas").lines().count(), 1);

    week.workspace.git(&["push", "--quiet", "origin", "schemas:main"]);
    week.workspace.git(&["push", "--quiet", "--delete", "origin", "schemas"]);
    assert_success(&week.run());
    assert_eq!(week.workspace.git(&["log", "--oneline", "origin/main..schemas"]), "");
    assert!(!week.workspace.read("target/update.md").contains(section));
}

#[test]
fn new_endpoint_without_a_document_is_listed_and_fails_nothing() {
    let week = Week::new(in_way("new parameter"));
    let soon = json!({
        "endpoint_id": "fal-ai/soon",
        "metadata": { "category": "text-to-image", "status": "active" },
        "openapi": { "error": { "code": "expansion_failed", "message": "Failed to fetch OpenAPI schema" } },
    });
    week.workspace.write("target/served/fal-ai/soon.json", &soon.to_string());
    let served = week.workspace.root().join("target/served").display().to_string();
    assert_success(&week.workspace.update(&["--from", &served, "--with-new"]));
    let text = week.workspace.pull_request().unwrap();
    assert!(!text.contains("## Not updated"), "{text}");
    assert!(
        text.contains("## New, without a document") && text.contains("- `fal-ai/soon`: Failed"),
        "{text}"
    );
}

#[test]
fn refused_key_fails_the_job_with_the_host_and_the_status() {
    let week = Week::new(Some);
    let refusal = json!({ "error": { "type": "authorization_error", "message": "Invalid key" } });
    week.emulator.on_request(RequestKind::Platform).fail(401, refusal);
    let error = week.fail();
    assert!(error.contains("the platform responded with 401 Unauthorized: Invalid key"), "{error}");
}

#[test]
fn cut_response_fails_the_job() {
    let week = Week::new(Some);
    let cut = ResponseTemplate::bytes(200, r#"{"models": [{"endpoint_id": "fal-ai/tre"#);
    week.emulator.on_request(RequestKind::Platform).respond(cut);
    let error = week.fail();
    assert!(error.contains("the response of the platform is not JSON: EOF"), "{error}");
}

#[test]
fn service_that_cannot_be_reached_is_named_with_the_cause() {
    let week = Week::new(Some);
    let output = week.workspace.update(&["--base-url", "http://127.0.0.1:1"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{error}");
    assert!(error.contains("127.0.0.1") && error.contains("onnection refused"), "{error}");
}

#[test]
fn removed_endpoint_fails_the_job_while_no_pull_request_says_it() {
    let week = Week::new(|_| None);
    let error = week.fail();
    assert!(error.contains("no pull request says it"), "{error}");
    assert!(error.contains(&format!("`{CHANGED}`: fal has no such endpoint")), "{error}");
}

#[test]
fn document_that_no_code_can_be_generated_from_fails_the_job_and_is_named() {
    let broken = |mut record: Value| {
        record["openapi"]["components"]["schemas"]["Whole"] =
            json!({ "$ref": "#/components/schemas/Nowhere" });
        let mut record = Record(record);
        record.change_input(|schema| {
            let reference = json!({ "$ref": "#/components/schemas/Whole" });
            Some(std::mem::replace(schema, reference.as_object()?.clone()))
        })?;
        Some(record.0)
    };
    let week = Week::new(broken);
    let output = week.run();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{error}");
    assert!(error.contains("1 document was not updated; the text says why"), "{error}");
    let text = week.workspace.read("target/update.md");
    assert!(text.contains("## Not updated") && text.contains("#/components/schemas/Nowhere"), "{text}");
}
