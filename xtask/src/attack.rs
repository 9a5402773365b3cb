//! `cargo xtask attack`: runs the tests that attack this project, and counts them by the part that they attack.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{cargo, cargo_command};
use crate::{root, test};

mod classes;

use classes::{CLASSES, Class, Suite};

/// The lines of SECURITY.md between which the table stands.
const START: &str = "<!-- The table of attacks: `cargo xtask attack --write` -->";
const END: &str = "<!-- The end of the table of attacks -->";

/// Arguments of `cargo xtask attack`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Attacks for longer: more kills, a fleet whose workers and database die, and the page of the emulator in a browser.
    /// Needs PostgreSQL, npm and a network
    #[arg(long)]
    long: bool,

    /// Writes the table into SECURITY.md
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let programs = programs()?;
    let mut passed = Passed::default();
    for target in targets() {
        passed.start(target);
        for program in programs.iter().filter(|program| program.target == target) {
            run_program(program, arguments.long, &mut passed)?;
        }
    }
    report(&passed, arguments.write)?;
    if arguments.long {
        let hostile =
            ["hostile text", "values that are no text", "direction marks and long words", "a flood of calls"];
        cargo(["xtask", "conformance", "--page"].into_iter().chain(hostile))?;
        cargo(["xtask", "fleet-chaos", "--requests", "2000"])?;
    }
    Ok(())
}

/// Runs `cargo test`, prints its output without what tests that pass have printed, and counts the attacks among them.
pub(crate) fn run_among_all(test: &mut Command) -> Result<(), String> {
    let failed = |error| format!("cargo test: {error}");
    // One pipe for both, because cargo tells on one of them which program prints on the other.
    let (output, input) = std::io::pipe().map_err(failed)?;
    test.stdout(input.try_clone().map_err(failed)?).stderr(input);
    let mut child = test.spawn().map_err(failed)?;
    // The last writers besides the child, without whose end the output has none.
    test.stdout(Stdio::null()).stderr(Stdio::null());
    let mut passed = Passed::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        if passed.read_line(&line) {
            println!("{line}");
        }
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(format!("`cargo test` failed ({status})"));
    }
    report(&passed, false)
}

/// Prints the table, and compares it with that of SECURITY.md, or replaces it.
fn report(passed: &Passed, write: bool) -> Result<(), String> {
    let table = table(passed)?;
    println!("{table}");
    let path = root().join("SECURITY.md");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let fresh = with_table(&text, &table)?;
    if write {
        return std::fs::write(&path, fresh).map_err(|error| format!("{}: {error}", path.display()));
    }
    if fresh != text {
        println!("the table in SECURITY.md is older; `cargo xtask attack --write` replaces it");
    }
    Ok(())
}

/// Returns the targets of all classes, each once.
fn targets() -> Vec<&'static str> {
    let mut targets: Vec<_> =
        CLASSES.iter().flat_map(|class| class.suites).map(|suite| suite.target).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// A compiled program of tests.
struct Program {
    /// The name of the target, or `lib` for the tests of any library.
    target: String,
    path: PathBuf,
    /// Folder of the package.
    folder: PathBuf,
}

/// Compiles all tests as `cargo xtask test` does, so that each is compiled once for both.
fn programs() -> Result<Vec<Program>, String> {
    let mut command = cargo_command();
    command.args(["test", "--no-run", "--message-format=json"]).args(test::selection()?).current_dir(root());
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("cargo test: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo test --no-run: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(program).collect())
}

/// Reads a message of cargo, and returns the program of tests that it tells of.
fn program(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let name = match target["kind"][0].as_str()? {
        "lib" => "lib",
        "test" => target["name"].as_str()?,
        // A program that tests start.
        _ => return None,
    };
    Some(Program {
        target: name.to_owned(),
        path: message["executable"].as_str()?.into(),
        folder: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
    })
}

/// Runs the attacking tests of a program.
fn run_program(program: &Program, is_long: bool, passed: &mut Passed) -> Result<(), String> {
    let Program { target, path, folder } = program;
    let suites = CLASSES.iter().flat_map(|class| class.suites).filter(|suite| suite.target == *target);
    let mut command = Command::new(path);
    command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
    if is_long {
        command.env("KILLS", "50");
    }
    let tests = suites.flat_map(|suite| suite.tests).filter(|test| !test.is_empty());
    let output = command.arg(SHOW_OUTPUT).args(tests).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("attacks on {target} succeeded:\n{text}"));
    }
    for line in text.lines() {
        passed.read_line(line);
    }
    Ok(())
}

/// The flag with which tests that pass show what they have printed.
pub(crate) const SHOW_OUTPUT: &str = "--show-output";

/// The tests that have passed, read from their output.
#[derive(Default)]
struct Passed {
    /// The number of attacks of each test, by target and name.
    attacks: BTreeMap<String, BTreeMap<String, usize>>,
    /// The target whose output is read.
    target: String,
    /// The test whose output is read, with the number of its attacks so far.
    shown: Option<(String, usize)>,
    /// `true` while the output of tests that have passed is read.
    in_successes: bool,
}

impl Passed {
    /// Begins the output of a target.
    fn start(&mut self, target: &str) {
        target.clone_into(&mut self.target);
        self.attacks.entry(target.to_owned()).or_default();
        (self.shown, self.in_successes) = (None, false);
    }

    /// Reads a line. A test that has passed makes as many attacks as it prints, such as `attacks: 7`, or else one.
    ///
    /// Returns true if the line is shown without [`SHOW_OUTPUT`], too.
    fn read_line(&mut self, line: &str) -> bool {
        let tests = self.attacks.entry(self.target.clone()).or_default();
        if let Some(target) = running(line) {
            self.start(target);
        } else if line == "successes:" {
            self.in_successes = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.in_successes = false;
        } else if let Some(name) = passed_test(line).filter(|_| !self.in_successes) {
            tests.insert(name.to_owned(), 1);
        } else if let Some(name) =
            line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----"))
        {
            self.shown = Some((name.to_owned(), 0));
        } else if let (Some((name, sum)), Some(count)) = (&mut self.shown, line.strip_prefix("attacks: ")) {
            *sum += count.parse::<usize>().unwrap_or_default();
            tests.insert(name.clone(), *sum);
        }
        !self.in_successes
    }
}

/// Returns the name in a line such as `test wire::one ... ok`.
///
/// Other text may stand before it, because a child of a test may have written to stderr without ending its line.
fn passed_test(line: &str) -> Option<&str> {
    let line = line.strip_suffix(" ... ok")?;
    let is_identifier = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|other| other.is_alphanumeric() || other == '_')
    };
    let is_test = |name: &&str| {
        let path = name.strip_suffix(" - should panic").unwrap_or(name);
        path.split("::").all(is_identifier)
    };
    let behind = line.rsplit_once("test ").map(|(_, name)| name).filter(is_test);
    // The name of an example in docs is no path: `src/lib.rs - One (line 7)`.
    behind.or_else(|| line.strip_prefix("test "))
}

/// Returns the target of a line such as `Running tests/wire/main.rs (target/debug/deps/wire-0f1e)`, and `lib` for the unit
/// tests of a library.
fn running(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line.strip_prefix("Running unittests ").is_some_and(|rest| rest.contains("lib.rs (")) {
        return Some("lib");
    }
    if let Some(library) = line.strip_prefix("Doc-tests ") {
        return Some(library);
    }
    let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.split_once('(')?;
    Path::new(path).file_name()?.to_str()?.rsplit_once('-').map(|(name, _)| name)
}

/// Returns the table of all classes as Markdown.
///
/// # Errors
///
/// Returns the tests that are listed and did not run.
fn table(passed: &Passed) -> Result<String, String> {
    let mut table = "| attacked | tests | attacks | what holds |\n| --- | --: | --: | --- |\n".to_owned();
    let (mut tests, mut attacks, mut missing) = (0, 0, Vec::new());
    for Class { part, holds, suites } in &CLASSES {
        let mut counts = Vec::new();
        for suite in *suites {
            let of_target =
                passed.attacks.get(suite.target).ok_or_else(|| format!("{} did not run", suite.target))?;
            match attacks_of(suite, of_target) {
                Ok(of_suite) => counts.extend(of_suite),
                Err(error) => missing.push(error),
            }
        }
        let sum: usize = counts.iter().sum();
        tests += counts.len();
        attacks += sum;
        writeln!(table, "| {part} | {} | {sum} | {holds}. |", counts.len())
            .map_err(|error| error.to_string())?;
    }
    if !missing.is_empty() {
        return Err(missing.join("\n"));
    }
    writeln!(table, "| all | {tests} | {attacks} | |").map_err(|error| error.to_string())?;
    Ok(table)
}

/// Returns the number of attacks of each test of a suite.
fn attacks_of(suite: &Suite, passed: &BTreeMap<String, usize>) -> Result<Vec<usize>, String> {
    let of_prefix = |prefix: &&str| passed.iter().filter(|(name, _)| name.starts_with(*prefix)).count();
    let missing: Vec<_> = suite.tests.iter().filter(|prefix| of_prefix(prefix) == 0).copied().collect();
    if !missing.is_empty() {
        return Err(format!(
            "no test of {} that begins with `{}` has passed",
            suite.target,
            missing.join("`, `")
        ));
    }
    let is_listed = |name: &str| suite.tests.iter().any(|prefix| name.starts_with(prefix));
    Ok(passed.iter().filter(|(name, _)| is_listed(name)).map(|(_, count)| *count).collect())
}

/// Replaces the table in the text of SECURITY.md.
fn with_table(text: &str, table: &str) -> Result<String, String> {
    let missing = || format!("SECURITY.md lacks the lines `{START}` and `{END}`");
    let (before, rest) = text.split_once(START).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{START}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_counted_by_the_tests_that_passed() {
        let output = "     Running unittests src/lib.rs (target/debug/deps/fal_core-0f1e)\n\
                      test a::one ... ok\ntest a::two ... ok\ntest b::three ... ignored\n\nsuccesses:\n\n\
                      ---- a::two stdout ----\nattacks: 3\nother\nattacks: 4\n\nsuccesses:\n    a::one\n\n\
                      test result: ok. 2 passed\n     Running tests/wire/main.rs (target/debug/deps/wire-0f1e)\n\
                      test a::one ... FAILED\n\nfailures:\n\n---- a::one stdout ----\nwrong\n";
        let mut passed = Passed::default();
        let shown: Vec<_> = output.lines().filter(|line| passed.read_line(line)).collect();
        assert!(
            !shown.contains(&"other")
                && shown.contains(&"wrong")
                && shown.contains(&"test result: ok. 2 passed")
        );
        assert_eq!(passed.attacks["wire"], BTreeMap::new());
        let passed = &passed.attacks["lib"];
        assert_eq!(*passed, BTreeMap::from([("a::one".to_owned(), 1), ("a::two".to_owned(), 7)]));
        let suite = |tests| Suite { target: "lib", tests };
        assert_eq!(attacks_of(&suite(&["a::"]), passed), Ok(vec![1, 7]));
        assert!(attacks_of(&suite(&["a::", "b::"]), passed).unwrap_err().contains("`b::`"));
    }

    #[test]
    fn passed_test_is_found_behind_other_text() {
        for (line, name) in [
            ("test a::one ... ok", "a::one"),
            ("test src/lib.rs - One (line 7) ... ok", "src/lib.rs - One (line 7)"),
            ("no newline at the endtest a::one ... ok", "a::one"),
            ("50% test one_2 ... ok", "one_2"),
            ("test of a childtest a::one ... ok", "a::one"),
            (".test a::one - should panic ... ok", "a::one - should panic"),
        ] {
            assert_eq!(passed_test(line), Some(name), "{line}");
        }
        for line in [
            "text test a::one ... FAILED",
            "text test a::one ... ok, or not",
            "text `test a::one ... ok`",
            "text test of a child ... ok",
            "text test a: :one ... ok",
            "text test a:: ... ok",
            "text test 2 ... ok",
            "text test  ... ok",
            "text a::one ... ok",
        ] {
            assert_eq!(passed_test(line), None, "{line}");
        }
    }

    #[test]
    fn results_in_the_output_of_a_test_are_not_counted() {
        let mut passed = Passed::default();
        passed.start("wire");
        let output = "note: test one ... ok\n\nsuccesses:\n\n---- one stdout ----\ntest two ... ok\nx test three ... ok\n";
        for line in output.lines() {
            passed.read_line(line);
        }
        assert_eq!(passed.attacks["wire"], BTreeMap::from([("one".to_owned(), 1)]));
    }

    #[test]
    fn the_table_stands_between_its_lines() {
        let text = format!("before\n{START}\nold\n{END}\nafter");
        let fresh = with_table(&text, "| new |\n").unwrap();
        assert_eq!(fresh, format!("before\n{START}\n\n| new |\n\n{END}\nafter"));
        assert_eq!(with_table(&fresh, "| new |\n").unwrap(), fresh);
        assert!(with_table("nothing", "").is_err());
    }
}
