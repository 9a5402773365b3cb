//! What is checked and what can be run is said in one way everywhere.

use super::files::{Files, Problem};

const SCRIPT: &str = ".ci/run";
const WORKFLOW: &str = ".github/workflows/ci.yml";
const GUIDE: &str = "CONTRIBUTING.md";
const CHANGES: &str = "CHANGELOG.md";

pub(super) fn check(files: &Files, commands: &[String], problems: &mut Vec<Problem>) {
    let (script, workflow) = (files.get(SCRIPT).unwrap_or_default(), files.get(WORKFLOW).unwrap_or_default());
    for step in script.lines().filter_map(|line| line.strip_prefix("step_")?.split_once('(')) {
        if !workflow.contains(&format!("run: {SCRIPT} {}\n", step.0)) {
            problems.push(Problem::of(WORKFLOW, format!("has no job that runs `{SCRIPT} {}`", step.0)));
        }
    }
    let guide = files.get(GUIDE).unwrap_or_default();
    for command in commands.iter().filter(|command| !guide.contains(&format!("cargo xtask {command}"))) {
        problems.push(Problem::of(GUIDE, format!("does not say what `cargo xtask {command}` is for")));
    }
    if !files.get(CHANGES).is_some_and(|text| text.contains("\n## [Unreleased]\n")) {
        problems.push(Problem::of(CHANGES, "has no section `## [Unreleased]`"));
    }
}
