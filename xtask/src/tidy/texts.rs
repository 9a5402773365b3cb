//! Every text file: its length, its white space, and text that must not be committed.

use super::files::{Files, Problem, is_generated};

/// Maximum lines of a hand-written file. A file is as long as its concept, and longer ones hold several.
const MAX_LINES: usize = 800;

/// Texts of others and texts that programs write, which no rule here applies to.
const FOREIGN: &[&str] = &["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for (path, text) in files.iter() {
        let name = path.rsplit('/').next().unwrap_or(path);
        if FOREIGN.contains(&name) {
            continue;
        }
        if path.ends_with(".rs") && !is_generated(text) {
            length(path, text, problems);
        }
        // Snapshots hold the output of programs, and seeds their input.
        if !path.ends_with(".snap") && !path.ends_with(".stderr") && !path.starts_with("fuzz/seeds/") {
            white_space(path, text, problems);
        }
        if !path.starts_with("xtask/src/tidy/") {
            content(path, text, problems);
        }
    }
}

fn length(path: &str, text: &str, problems: &mut Vec<Problem>) {
    let lines = text.lines().count();
    if lines > MAX_LINES {
        let message = format!("has {lines} lines, and {MAX_LINES} are allowed: split it by concept");
        problems.push(Problem::in_file(path, message));
    }
}

fn white_space(path: &str, text: &str, problems: &mut Vec<Problem>) {
    for (end, message) in [
        ("\r\n", "has a Windows line ending"),
        (" \n", "has spaces at its end"),
        ("\t\n", "has spaces at its end"),
    ] {
        for (start, _) in text.match_indices(end) {
            problems.push(Problem::at_line(path, line_of(text, start).0, message));
        }
    }
    if path.ends_with(".rs") {
        for (start, _) in text.match_indices('\t') {
            problems.push(Problem::at_line(path, line_of(text, start).0, "has a tab: use four spaces"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(Problem::in_file(path, "does not end with a line break"));
    } else if text.ends_with("\n\n") {
        problems.push(Problem::in_file(path, "ends with an empty line"));
    }
}

fn content(path: &str, text: &str, problems: &mut Vec<Problem>) {
    let mut report = |start, message| problems.push(Problem::at_line(path, line_of(text, start).0, message));
    for folder in ["/home/", "/root/", "/Users/", "/tmp/", "/var/folders/"] {
        for (start, _) in text.match_indices(folder).filter(|(start, _)| starts_path(&text[..*start])) {
            report(start, format!("names `{folder}`, a path of one machine"));
        }
    }
    for word in ["TODO", "FIXME", "XXX", "HACK"] {
        for (start, _) in text.match_indices(word).filter(|(start, _)| is_word(text, *start, word)) {
            report(start, format!("has {word}: do it now, or describe the limitation"));
        }
    }
    for marker in ["<<<<<<< ", ">>>>>>> "] {
        let at_start = |start: usize| text[..start].is_empty() || text[..start].ends_with('\n');
        for (start, _) in text.match_indices(marker).filter(|(start, _)| at_start(*start)) {
            report(start, "is a merge conflict marker".to_owned());
        }
    }
    if path.ends_with(".rs") {
        code(text, report);
    }
}

/// Repeats lints of the compiler, which do not see templates, examples and code for other platforms.
fn code(text: &str, mut report: impl FnMut(usize, String)) {
    let is_code = |start: usize| !line_of(text, start).1.contains("//");
    for keyword in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"] {
        for (start, _) in text.match_indices(keyword).filter(|(start, _)| is_code(*start)) {
            report(start, format!("has `{keyword}`, which this workspace forbids"));
        }
    }
    for call in ["todo!(", "unimplemented!(", "dbg!("] {
        for (start, _) in text.match_indices(call).filter(|(start, _)| is_code(*start)) {
            report(start, format!("has `{call})`, which is for drafts only"));
        }
    }
}

/// Returns the index of the line that holds `position`, and the line up to it.
fn line_of(text: &str, position: usize) -> (usize, &str) {
    let before = &text[..position];
    (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default())
}

/// Returns true if an absolute path can start after `before`, which is not so in `docs/tmp/x` and
/// `https://example.com/tmp/x`.
fn starts_path(before: &str) -> bool {
    before.chars().next_back().is_none_or(|last| !last.is_alphanumeric() && !".-_/}".contains(last))
}

fn is_word(text: &str, start: usize, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    !text[..start].chars().next_back().is_some_and(inside)
        && !text[start + word.len()..].chars().next().is_some_and(inside)
}
