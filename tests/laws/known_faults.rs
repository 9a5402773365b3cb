//! Documents that the generator once got wrong: each generates, compiles without a warning, and has its right outcome.

mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fal_codegen::{Generated, Generator, Options, Source};
use serde_json::Value;

use self::table::{Check, FAULTS, Fault, OPEN};
use crate::{
    cases::Case,
    compare::Direction,
    harness::{Harness, Session},
};

#[test]
fn documents_of_known_faults_have_their_right_outcome() {
    let folder = fal_tests::root().join("../shared/cases/codegen");
    if !folder.is_dir() {
        println!("skipped: there are no documents of known faults at {}", folder.display());
        return;
    }
    let mut all = Generated::default();
    let mut generated = BTreeMap::new();
    for fault in FAULTS {
        let result = generate(&folder, fault);
        if let Ok(one) = &result {
            one.tree.iter().for_each(|(path, text)| all.tree.insert(path, text));
            all.report.endpoints.extend(one.report.endpoints.clone());
        }
        generated.insert(fault.document, result);
    }
    let (harness, failed) = Harness::compile("faults", all);
    let mut session = harness.start();
    let mut wrong = unlisted(&folder);
    for fault in FAULTS {
        let problems = match &generated[fault.document] {
            Ok(one) => problems(fault, one, &harness, &failed, &mut session),
            Err(errors) => without_code(fault, errors),
        };
        let open = OPEN.iter().find(|(document, _)| *document == fault.document);
        match (open, problems.as_slice()) {
            (None, []) => {}
            (None, problems) => wrong.push(format!("{}:\n{}", fault.document, problems.join("\n"))),
            (Some((document, _)), []) => {
                wrong.push(format!("{document} is right now; remove it from `OPEN`"))
            }
            (Some((document, reason)), _) => println!("open: {document}: {reason}"),
        }
    }
    assert!(wrong.is_empty(), "{} of {} documents:\n\n{}", wrong.len(), FAULTS.len(), wrong.join("\n\n"));
}

/// Describes documents of the folder that the table lacks.
fn unlisted(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names =
        names.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "json"));
    let names = names.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let names = names.filter(|name| FAULTS.iter().all(|fault| fault.document != *name));
    names.map(|name| format!("{name} is not in `FAULTS`")).collect()
}

/// Generates the crate of a document.
fn generate(folder: &Path, fault: &Fault) -> Result<Generated, String> {
    let mut files: Vec<PathBuf> = match folder.join(fault.document) {
        records if records.is_dir() => {
            fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect()
        }
        _ => vec![folder.join(format!("{}.json", fault.document))],
    };
    files.sort();
    let sources = files.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Source { file: path.file_name().unwrap().to_string_lossy().into_owned(), text }
    });
    // This document says by its paths which endpoint it describes.
    let app = (fault.document != "queue-document-without-metadata").then(|| format!("t/{}", fault.document));
    let generator = Generator::new(Options { app, ..fal_tests::standalone() });
    generator.crates(&sources.collect::<Vec<_>>()).map_err(|errors| errors.to_string())
}

/// Returns the id of an endpoint by its path in the document, or by its id.
fn id(fault: &Fault, path: &str) -> String {
    match (fault.document, path) {
        ("queue-document-without-metadata", _) => "fal-ai/nano-banana".to_owned(),
        (_, id) if id.starts_with("t/") => id.to_owned(),
        (document, path) => format!("t/{document}{path}"),
    }
}

/// Describes the checks that fail for a document without code.
fn without_code(fault: &Fault, errors: &str) -> Vec<String> {
    let fits = !["fixup", "manifest", "codegen/src"].iter().any(|word| errors.contains(word));
    let wrong = fault.checks.iter().filter(|check| match check {
        Check::ErrorFits => !fits,
        Check::Says(texts) => !texts.iter().any(|text| errors.contains(text)),
        _ => true,
    });
    let wrong: Vec<String> = wrong.map(|check| format!("  {check:?}")).collect();
    if wrong.is_empty() { wrong } else { [wrong, vec![format!("  no code: {errors}")]].concat() }
}

/// Describes the checks that fail for generated code.
fn problems(
    fault: &Fault,
    generated: &Generated,
    harness: &Harness,
    failed: &BTreeMap<String, String>,
    session: &mut Session,
) -> Vec<String> {
    let krate = generated.report.endpoints.iter().find_map(|entry| entry.krate.clone()).unwrap_or_default();
    if let Some(messages) = failed.get(&krate) {
        return vec![format!("  does not compile: {messages}")];
    }
    let own = format!("crates/{krate}/");
    let warnings = harness.warnings.iter().filter(|warning| warning.contains(&own) && !krate.is_empty());
    let mut wrong: Vec<String> = warnings.map(|warning| format!("  {warning}")).collect();
    let said = said(generated);
    for check in fault.checks {
        let mut read = |direction, path: &str, text: &str| {
            let id = id(fault, path);
            if generated.report.endpoints.iter().any(|entry| entry.id == id && entry.krate.is_some()) {
                probe(session, &id, direction, text)
            } else {
                Err(format!("there is no code for {id}"))
            }
        };
        let problem = match check {
            Check::Input(path, text) => unchanged(text, read(Direction::Input, path, text)),
            Check::Output(path, text) => unchanged(text, read(Direction::Output, path, text)),
            Check::InputRefused(path, text) => refused(read(Direction::Input, path, text)),
            Check::InputRefusedOr(path, text, message) => {
                refused(read(Direction::Input, path, text)).filter(|_| !said.contains(message))
            }
            Check::OutputRefusedOr(path, text, message) => {
                refused(read(Direction::Output, path, text)).filter(|_| !said.contains(message))
            }
            Check::Says(texts) => {
                (!texts.iter().any(|text| said.contains(text))).then(|| "is not in the report".to_owned())
            }
            Check::ErrorFits => None,
            Check::Program(code) => run(fault, &krate, code),
        };
        wrong.extend(problem.map(|problem| format!("  {check:?}: {problem}")));
    }
    wrong
}

/// Returns the statements of a report: why routes were skipped, and what is unusual or untyped.
fn said(generated: &Generated) -> String {
    let mut said = String::new();
    for entry in &generated.report.endpoints {
        // The name of the app is the name of the document.
        let path = entry.id.splitn(3, '/').nth(2).unwrap_or_default();
        let reason = entry.reason.iter().map(|reason| format!("/{path}: {reason}"));
        let entry = serde_json::to_value(entry).unwrap();
        let lists = entry.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_array());
        let texts = lists.flatten().filter_map(Value::as_str).map(str::to_owned);
        reason.chain(texts).for_each(|text| said += &format!("{text}\n"));
    }
    said
}

fn probe(session: &mut Session, id: &str, direction: Direction, text: &str) -> Result<Value, String> {
    let instance: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let case = Case { direction, kind: "", pointer: String::new(), instance, valid: true };
    session.check(id, &[case]).remove(0)
}

fn unchanged(text: &str, answer: Result<Value, String>) -> Option<String> {
    let instance: Value = serde_json::from_str(text).unwrap_or_default();
    match answer {
        Ok(again) if again == instance => None,
        Ok(again) => Some(format!("is written as {again}")),
        Err(error) => Some(error),
    }
}

fn refused(answer: Result<Value, String>) -> Option<String> {
    match answer {
        Ok(again) => Some(format!("is accepted, and written as {again}")),
        Err(error) if error.starts_with("there is no code") => Some(error),
        Err(_) => None,
    }
}

/// Compiles and runs a program that uses the generated crate. Returns its messages if it fails.
fn run(fault: &Fault, krate: &str, code: &str) -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("laws/faults");
    let folder = target.join("programs").join(fault.document);
    let core = fal_tests::root().join("crates/fal-core");
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         fal = {{ package = {krate:?}, path = {:?} }}\nfal-core = {{ path = {core:?} }}\nserde_json = \"1\"\n\n\
         [profile.dev]\ndebug = false\n",
        target.join("generated/crates").join(krate)
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), format!("fn main() {{\n{code}\n}}\n")).unwrap();
    fs::copy(fal_tests::root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet", "--target-dir"])
        .arg(target.join("target"))
        .current_dir(&folder)
        .output()
        .unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
