//! Generates the crates of many documents, and builds and runs a program that reads and writes instances with their types.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use fal_codegen::{Generated, Generator, Source, report::Status};
use serde_json::Value;

use crate::{cases::Case, compare::Direction, documents::Document};

/// The number of endpoints in one crate of the program, small enough for all cores to have work.
const ENDPOINTS_PER_PART: usize = 64;

/// The built program.
pub(crate) struct Harness {
    binary: PathBuf,
    pub(crate) generated: Generated,
    /// Warnings of the compiler. Generated code must not cause any.
    pub(crate) warnings: Vec<String>,
    pub(crate) generating: Duration,
    pub(crate) compiling: Duration,
}

/// Generates the crates of all documents.
pub(crate) fn generate(documents: &[Document]) -> Generated {
    let sources: Vec<Source> =
        documents.iter().map(|one| Source { file: one.file.clone(), text: one.text.clone() }).collect();
    Generator::new(fal_tests::standalone()).crates(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

impl Harness {
    /// Builds the program for `documents` in the folder `name`, reusing an earlier build there.
    pub(crate) fn build(name: &str, documents: &[Document]) -> Self {
        let start = Instant::now();
        let generated = generate(documents);
        let generating = start.elapsed();
        let (harness, failed) = Self::compile(name, generated);
        let errors: Vec<&str> = failed.values().map(String::as_str).collect();
        assert!(failed.is_empty(), "generated code does not compile:\n{}", errors.join("\n\n"));
        Self { generating, ..harness }
    }

    /// Builds the program for generated crates in the folder `name`. Crates that do not compile are left out, and
    /// returned with the messages of the compiler.
    pub(crate) fn compile(name: &str, generated: Generated) -> (Self, BTreeMap<String, String>) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("laws").join(name);
        let crates = folder.join("generated");
        let changes = generated.tree.changes(&crates, &["crates".to_owned()]).unwrap();
        generated.tree.apply(&crates, &changes).unwrap();

        let start = Instant::now();
        let workspace = folder.join("harness");
        let mut failed = BTreeMap::new();
        let messages = loop {
            write_workspace(&workspace, &generated, &failed);
            let (success, messages) = cargo_build(&workspace, &folder.join("target"));
            if success {
                break messages;
            }
            let before = failed.len();
            for krate in generated.report.endpoints.iter().filter_map(|entry| entry.krate.as_deref()) {
                if messages.contains(&format!("could not compile `{krate}`")) {
                    failed.insert(krate.to_owned(), blocks(&messages, krate, "error").join("\n\n"));
                }
            }
            assert!(failed.len() > before, "the program does not compile:\n{messages}");
        };
        let warnings = blocks(&messages, "", "warning");
        let binary = folder.join("target/debug").join(format!("harness{}", std::env::consts::EXE_SUFFIX));
        let (generating, compiling) = (Duration::ZERO, start.elapsed());
        (Self { binary, generated, warnings, generating, compiling }, failed)
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

/// Returns the messages of a level about the files of a crate, or about any file. Lines about cargo's progress may precede
/// the first line of a message.
fn blocks(messages: &str, krate: &str, level: &str) -> Vec<String> {
    let file = if krate.is_empty() { String::new() } else { format!("crates/{krate}/") };
    let starts_here = |line: &&str| {
        // Cargo counts the messages of each crate in a line of its own.
        let counts = line.contains(" generated ") || line.contains("could not compile");
        !counts && (line.starts_with(&format!("{level}: ")) || line.starts_with(&format!("{level}[")))
    };
    let found = messages.split("\n\n").filter(|block| block.contains(&file)).filter_map(|block| {
        let lines: Vec<&str> = block.lines().skip_while(|line| !starts_here(line)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    });
    found.collect()
}

fn cargo_build(workspace: &Path, target: &Path) -> (bool, String) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["build", "--keep-going", "--offline", "--color=never", "--target-dir"])
        .arg(target)
        .current_dir(workspace)
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Writes the sources of the program: a crate with the operations, crates that list endpoints, and the binary. Crates that
/// failed to compile are left out.
fn write_workspace(folder: &Path, generated: &Generated, failed: &BTreeMap<String, String>) {
    let mut rows: Vec<(String, String)> = Vec::new();
    for entry in &generated.report.endpoints {
        if let (Status::Generated, Some(krate), Some(module)) = (entry.status, &entry.krate, &entry.module)
            && !failed.contains_key(krate)
        {
            let mut path = krate.replace('-', "_");
            if !module.is_empty() {
                write!(path, "::{module}").unwrap();
            }
            rows.push((krate.clone(), format!("{path}::Model")));
        }
    }
    // Endpoints of one crate are neighbours, so that each part depends on few crates.
    rows.sort();

    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let core = fal_tests::root().join("crates/fal-core");
    let serde =
        "serde = { version = \"1\", default-features = false, features = [\"std\"] }\nserde_json = \"1\"\n";
    let schemars = "schemars = { version = \"1.2\", default-features = false, features = [\"std\"] }\n";
    files.insert(
        "probe/Cargo.toml".to_owned(),
        package("probe", &format!("fal-core = {{ path = {core:?} }}\n{serde}{schemars}")),
    );
    files.insert("probe/src/lib.rs".to_owned(), include_str!("template/probe.rs").to_owned());

    let (mut parts, mut calls) = (String::new(), String::new());
    for (index, part) in rows.chunks(ENDPOINTS_PER_PART).enumerate() {
        let mut crates: Vec<&str> = part.iter().map(|(krate, _)| krate.as_str()).collect();
        crates.dedup();
        let mut dependencies = "probe = { path = \"../probe\" }\n".to_owned();
        for krate in crates {
            writeln!(
                dependencies,
                "{krate} = {{ path = \"../../generated/crates/{krate}\", features = [\"schemars\"] }}"
            )
            .unwrap();
        }
        let mut code = "//! Endpoints.\n\npub fn rows() -> Vec<probe::Row> {\n    vec![\n".to_owned();
        for (_, model) in part {
            writeln!(code, "        probe::row::<{model}>(),").unwrap();
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
        format!("{main}\nfn rows() -> Vec<probe::Row> {{\n    [{calls}].concat()\n}}\n"),
    );
    // JSON is read millions of times and worth optimising. Generated code runs briefly, and is only compiled.
    let profile = "\n[workspace]\n\n[profile.dev]\ndebug = false\n\
        \n[profile.dev.package.serde_json]\nopt-level = 1\n\
        \n[profile.dev.package.serde_core]\nopt-level = 1\n";
    files.insert(
        "Cargo.toml".to_owned(),
        package("harness", &format!("probe = {{ path = \"probe\" }}\nserde_json = \"1\"\n{parts}")) + profile,
    );
    // The versions in this repository's lock file are available without a network.
    let lock = fs::read_to_string(fal_tests::root().join("Cargo.lock")).unwrap();
    files.insert("Cargo.lock".to_owned(), lock);
    for (path, text) in files {
        let path = folder.join(path);
        // An unchanged file is not compiled again.
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
    /// Sends all cases of an endpoint. Each answer is the instance as it was written again, or the reason of its refusal.
    pub(crate) fn check(&mut self, id: &str, cases: &[Case]) -> Vec<Result<Value, String>> {
        let requests = self.requests.as_mut().unwrap();
        for case in cases {
            let direction = match case.direction {
                Direction::Input => "input",
                Direction::Output => "output",
            };
            writeln!(requests, "{id} {direction} {}", case.instance).unwrap();
        }
        writeln!(requests).unwrap();
        requests.flush().unwrap();
        cases.iter().map(|_| self.answer(id)).collect()
    }

    /// Returns the JSON Schema that the input type of an endpoint implements.
    pub(crate) fn schema(&mut self, id: &str) -> Value {
        let requests = self.requests.as_mut().unwrap();
        writeln!(requests, "{id} schema\n").unwrap();
        requests.flush().unwrap();
        self.answer(id).unwrap_or_else(|error| panic!("{id}: {error}"))
    }

    fn answer(&mut self, id: &str) -> Result<Value, String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{id}: the program answered `{line}`: {error}"));
        match answer {
            Value::Object(mut answer) => match answer.remove("again") {
                Some(again) => Ok(again),
                None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
            },
            _ => panic!("{id}: the program answered `{line}`"),
        }
    }
}

impl Drop for Session {
    /// Closes the program's input, which ends it.
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
