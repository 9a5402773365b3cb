//! Steps of `.ci/run`, jobs of the workflow and commands of CONTRIBUTING.md agree.

use super::files::{Files, Problem};

const SCRIPT: &str = ".ci/run";
const WORKFLOW: &str = ".github/workflows/ci.yml";
const GUIDE: &str = "CONTRIBUTING.md";
const CHANGES: &str = "CHANGELOG.md";

pub(super) fn check(files: &Files, commands: &[String], problems: &mut Vec<Problem>) {
    let (script, workflow) = (files.get(SCRIPT).unwrap_or_default(), files.get(WORKFLOW).unwrap_or_default());
    for step in script.lines().filter_map(|line| line.strip_prefix("step_")?.split_once('(')) {
        if !workflow.contains(&format!("run: {SCRIPT} {}\n", step.0)) {
            problems.push(Problem::in_file(WORKFLOW, format!("has no job that runs `{SCRIPT} {}`", step.0)));
        }
    }
    let guide = files.get(GUIDE).unwrap_or_default();
    for command in commands.iter().filter(|command| !guide.contains(&format!("cargo xtask {command}"))) {
        problems.push(Problem::in_file(GUIDE, format!("does not mention `cargo xtask {command}`")));
    }
    if !files.get(CHANGES).is_some_and(|text| text.contains("\n## [Unreleased]\n")) {
        problems.push(Problem::in_file(CHANGES, "has no section `## [Unreleased]`"));
    }
}
