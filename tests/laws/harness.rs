//! Generates the crates of many documents, builds a program on top of them, and asks it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use fal_codegen::{FalCore, Generated, Layout, Options, Source, report::Status};
use serde_json::Value;

use crate::{cases::Case, compare::Side, documents::Document};

/// How many endpoints one crate of the program names: enough crates to keep every core busy.
const PART: usize = 64;

/// The program, and what was learnt from building it.
pub(crate) struct Harness {
    binary: PathBuf,
    pub(crate) generated: Generated,
    /// What the compiler said. Generated code gives it no reason to speak.
    pub(crate) warnings: Vec<String>,
    pub(crate) generating: Duration,
    pub(crate) compiling: Duration,
}

/// Generates everything that `documents` describe.
pub(crate) fn generate(documents: &[Document]) -> Generated {
    let sources: Vec<Source> =
        documents.iter().map(|one| Source { file: one.file.clone(), text: one.text.clone() }).collect();
    let fal_core = fal_tests::root().join("crates/fal-core").to_string_lossy().into_owned();
    let options = Options {
        command: "cargo xtask test".to_owned(),
        layout: Layout::Standalone { fal_core: FalCore::Path(fal_core) },
        ..Options::default()
    };
    fal_codegen::generate(&sources, &options).unwrap_or_else(|errors| panic!("{errors}"))
}

impl Harness {
    /// Builds the program for `documents` in the folder `name`, where a build of before is taken up again.
    pub(crate) fn build(name: &str, documents: &[Document]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("laws").join(name);
        let start = Instant::now();
        let generated = generate(documents);
        let crates = folder.join("generated");
        let changes = generated.tree.changes(&crates, &["crates".to_owned()]).unwrap();
        generated.tree.apply(&crates, &changes).unwrap();
        let generating = start.elapsed();

        let start = Instant::now();
        let workspace = folder.join("harness");
        write_workspace(&workspace, &generated);
        let (success, messages) = cargo_build(&workspace, &folder.join("target"));
        let errors: Vec<&str> = messages.split("\n\n").filter(|block| block.contains("error")).collect();
        assert!(success, "generated code does not compile:\n{}", errors.join("\n\n"));
        // A block begins with its `warning:`, or follows cargo's own lines about what it does.
        let warnings = messages
            .split("\n\n")
            .filter_map(|block| block.find("warning: ").map(|start| block[start..].to_owned()))
            .collect();
        let binary = folder.join("target/debug").join(format!("harness{}", std::env::consts::EXE_SUFFIX));
        Self { binary, generated, warnings, generating, compiling: start.elapsed() }
    }

    /// Starts the program.
    pub(crate) fn start(&self) -> Session {
        let mut child =
            Command::new(&self.binary).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = BufWriter::new(child.stdin.take().unwrap());
        let answers = BufReader::new(child.stdout.take().unwrap());
        Session { child, requests: Some(requests), answers }
    }
}

fn cargo_build(workspace: &Path, target: &Path) -> (bool, String) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["build", "--offline", "--color=never", "--target-dir"])
        .arg(target)
        .current_dir(workspace)
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The sources of the program: one crate with the questions, crates with the endpoints, the program.
fn write_workspace(folder: &Path, generated: &Generated) {
    let mut rows: Vec<(String, String)> = Vec::new();
    for entry in &generated.report.endpoints {
        if let (Status::Generated, Some(krate), Some(module)) = (entry.status, &entry.krate, &entry.module) {
            let mut path = krate.replace('-', "_");
            if !module.is_empty() {
                write!(path, "::{module}").unwrap();
            }
            rows.push((krate.clone(), format!("{path}::Model")));
        }
    }
    // Neighbours share a crate, so a part waits for few crates.
    rows.sort();

    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let core = fal_tests::root().join("crates/fal-core");
    let serde =
        "serde = { version = \"1\", default-features = false, features = [\"std\"] }\nserde_json = \"1\"\n";
    let schemars = "schemars = { version = \"1.2\", default-features = false, features = [\"std\"] }\n";
    files.insert(
        "ask/Cargo.toml".to_owned(),
        package("ask", &format!("fal-core = {{ path = {core:?} }}\n{serde}{schemars}")),
    );
    files.insert("ask/src/lib.rs".to_owned(), include_str!("template/ask.rs").to_owned());

    let (mut parts, mut calls) = (String::new(), String::new());
    for (index, part) in rows.chunks(PART).enumerate() {
        let mut crates: Vec<&str> = part.iter().map(|(krate, _)| krate.as_str()).collect();
        crates.dedup();
        let mut dependencies = "ask = { path = \"../ask\" }\n".to_owned();
        for krate in crates {
            writeln!(
                dependencies,
                "{krate} = {{ path = \"../../generated/crates/{krate}\", features = [\"schemars\"] }}"
            )
            .unwrap();
        }
        let mut code = "//! Endpoints.\n\npub fn rows() -> Vec<ask::Row> {\n    vec![\n".to_owned();
        for (_, model) in part {
            writeln!(code, "        ask::row::<{model}>(),").unwrap();
        }
        code.push_str("    ]\n}\n");
        files.insert(format!("part-{index}/Cargo.toml"), package(&format!("part-{index}"), &dependencies));
        files.insert(format!("part-{index}/src/lib.rs"), code);
        writeln!(parts, "part-{index} = {{ path = \"part-{index}\" }}").unwrap();
        write!(calls, "part_{index}::rows(), ").unwrap();
    }

    let main = include_str!("template/main.rs");
    files.insert(
        "src/main.rs".to_owned(),
        format!("{main}\nfn rows() -> Vec<ask::Row> {{\n    [{calls}].concat()\n}}\n"),
    );
    // What is not generated is worth optimising; what is generated is compiled once and runs briefly.
    let profile = "\n[workspace]\n\n[profile.dev]\ndebug = false\n\
        \n[profile.dev.package.serde_json]\nopt-level = 1\n\
        \n[profile.dev.package.serde_core]\nopt-level = 1\n";
    files.insert(
        "Cargo.toml".to_owned(),
        package("harness", &format!("ask = {{ path = \"ask\" }}\nserde_json = \"1\"\n{parts}")) + profile,
    );
    // The versions that this repository is locked to are the ones that are at hand.
    let lock = fs::read_to_string(fal_tests::root().join("Cargo.lock")).unwrap();
    files.insert("Cargo.lock".to_owned(), lock);
    for (path, text) in files {
        let path = folder.join(path);
        // A file that is left alone is not compiled again.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn package(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\n{dependencies}"
    )
}

/// A running program.
pub(crate) struct Session {
    child: Child,
    requests: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    /// Asks about every case of an endpoint: what was written again, or why it was refused.
    pub(crate) fn ask(&mut self, id: &str, cases: &[Case]) -> Vec<Result<Value, String>> {
        let requests = self.requests.as_mut().unwrap();
        for case in cases {
            let side = match case.side {
                Side::Input => "input",
                Side::Output => "output",
            };
            writeln!(requests, "{id} {side} {}", case.instance).unwrap();
        }
        writeln!(requests).unwrap();
        requests.flush().unwrap();
        cases.iter().map(|_| self.answer(id)).collect()
    }

    /// Asks for the schema that the input of an endpoint gives of itself.
    pub(crate) fn schema(&mut self, id: &str) -> Value {
        let requests = self.requests.as_mut().unwrap();
        writeln!(requests, "{id} schema\n").unwrap();
        requests.flush().unwrap();
        self.answer(id).unwrap_or_else(|error| panic!("{id}: {error}"))
    }

    fn answer(&mut self, id: &str) -> Result<Value, String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{id}: answered `{line}`: {error}"));
        match answer {
            Value::Object(mut answer) => match answer.remove("again") {
                Some(again) => Ok(again),
                None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
            },
            _ => panic!("{id}: answered `{line}`"),
        }
    }
}

impl Drop for Session {
    /// The program ends when its input does.
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
