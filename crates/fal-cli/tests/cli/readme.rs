//! Every line that the README shows is run, one block after another, and prints what the README says.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Outcome, PIXEL, Terminal};

/// A line of the README and its output. `…` stands for any text.
struct Shown {
    command: String,
    output: Vec<String>,
}

fn shown(readme: &str) -> Vec<Shown> {
    let blocks =
        readme.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    let mut found: Vec<Shown> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => found.push(Shown { command: command.to_owned(), output: Vec::new() }),
            None => found.last_mut().unwrap().output.push(line.to_owned()),
        }
    }
    // The lines of the table come after those of the blocks, whose files they use.
    let cells =
        readme.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split(" | ").nth(1));
    let lines = cells.filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
    let lines = lines.filter(|line| line.contains("fal-cli "));
    found.extend(lines.map(|line| Shown { command: line.replace("\\|", "|"), output: Vec::new() }));
    found
}

/// Returns true if a text has the parts of a pattern between its `…`, in their order.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    let parts: Vec<&str> = pattern.split('…').collect();
    parts.iter().enumerate().all(|(index, part)| match rest.find(part) {
        Some(0) => {
            rest = &rest[part.len()..];
            true
        }
        Some(at) if index > 0 => {
            rest = &rest[at + part.len()..];
            true
        }
        _ => false,
    }) && (rest.is_empty() || pattern.ends_with('…'))
}

/// Orders the properties of a line of JSON. Their order depends on features of `serde_json` that other crates turn on.
fn in_order(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(mut value) if value.is_object() => {
            value.sort_all_objects();
            value.to_string()
        }
        _ => line.to_owned(),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn every_line_of_the_readme_does_what_it_shows() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let terminal = Terminal::with_emulator().await;
    terminal.write("cat.png", PIXEL);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_fal-cli")).parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let lines = shown(&readme);
    assert!(lines.len() > 35);
    let program = crate::webhooks::Program::start().await;
    let local = |text: &str| text.replace("http://localhost:3000/hook", &program.url);
    for Shown { command, output } in lines {
        let (command, output) = (local(&command), output.iter().map(|line| local(line)).collect::<Vec<_>>());
        let mut shell = terminal.command(&[]);
        let environment: Vec<_> = shell
            .as_std()
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let mut sh = tokio::process::Command::new("sh");
        sh.args(["-c", &format!("exec 2>&1; {command}")]).env_clear().envs(environment).env("PATH", &path);
        sh.env("FAL_CLI_LISTEN_AT", "127.0.0.1:0");
        sh.current_dir(terminal.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        shell.kill_on_drop(true);
        let outcome = Outcome::wait(sh.spawn().unwrap()).await;
        let printed: Vec<&str> = outcome.stdout.lines().collect();
        let expected = if outcome.stdout.contains("error:") { 2 } else { 0 };
        assert_eq!(outcome.code, expected, "{command}: {}", outcome.stdout);
        // A line that is `…` alone stands for any number of lines.
        let mut rest = printed.as_slice();
        for (index, pattern) in output.iter().enumerate() {
            if pattern == "…" {
                let next = output.get(index + 1);
                let end = next.and_then(|next| rest.iter().position(|line| matches(next, line)));
                rest = &rest[end.unwrap_or(rest.len())..];
                continue;
            }
            let (first, others) =
                rest.split_first().unwrap_or_else(|| panic!("{command}: nothing for {pattern:?}"));
            let fits = matches(pattern, first) || matches(&in_order(pattern), &in_order(first));
            assert!(fits, "{command}: {first:?} is not {pattern:?}");
            rest = others;
        }
        assert!(output.is_empty() || rest.is_empty(), "{command}: also printed {rest:?}");
    }
}
