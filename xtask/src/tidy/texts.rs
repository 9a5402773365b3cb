//! Every text: its length, its white space, and what it must not hold.

use super::files::{Files, Problem};

/// So long a file can be read in one sitting.
const LINES: usize = 400;

/// Files that may be longer, up to which length, and why. An entry that is not needed any more is a problem.
const LONGER: &[(&str, usize, &str)] = &[
    ("crates/fal-client/tests/wire/realtime.rs", 500, "a list of cases, each read alone"),
    ("crates/fal-client/tests/wire/upload.rs", 500, "a list of cases, each read alone"),
    ("crates/fal-core/src/wire.rs", 500, "what all generated code stands on, in one place"),
];

/// Texts that others wrote, or programs: no rule of ours reaches them.
const FOREIGN: &[&str] = &["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for (path, text) in files.iter() {
        let name = path.rsplit('/').next().unwrap_or(path);
        if FOREIGN.contains(&name) {
            continue;
        }
        let generated = is_generated(text);
        if path.ends_with(".rs") && !generated {
            length(path, text, problems);
        }
        // Snapshots hold what programs printed, and seeds what programs are given.
        if !path.ends_with(".snap") && !path.ends_with(".stderr") && !path.starts_with("fuzz/seeds/") {
            white_space(path, text, problems);
        }
        if !path.starts_with("xtask/src/tidy/") {
            content(path, text, problems);
        }
    }
    for (path, _, _) in LONGER.iter().filter(|(path, _, _)| !files.has(path)) {
        problems.push(Problem::of(
            path,
            "is gone: take it out of the list of longer files in xtask/src/tidy/texts.rs",
        ));
    }
}

/// Whether a program wrote it.
pub(super) fn is_generated(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("@generated"))
}

fn length(path: &str, text: &str, problems: &mut Vec<Problem>) {
    let lines = text.lines().count();
    let longer = LONGER.iter().find(|(other, _, _)| *other == path);
    let most = longer.map_or(LINES, |(_, most, _)| *most);
    if lines > most {
        problems.push(Problem::of(
            path,
            format!("has {lines} lines, and {most} are allowed: split it by what it is about"),
        ));
    } else if longer.is_some() && lines <= LINES {
        let message =
            "is short enough now: take it out of the list of longer files in xtask/src/tidy/texts.rs";
        problems.push(Problem::of(path, message));
    }
}

fn white_space(path: &str, text: &str, problems: &mut Vec<Problem>) {
    for (end, message) in [
        ("\r\n", "ends as lines do on Windows"),
        (" \n", "has spaces at its end"),
        ("\t\n", "has spaces at its end"),
    ] {
        for (start, _) in text.match_indices(end) {
            problems.push(Problem::at(path, line_of(text, start).0, message));
        }
    }
    if path.ends_with(".rs") {
        for (start, _) in text.match_indices('\t') {
            problems.push(Problem::at(path, line_of(text, start).0, "has a tab: four spaces instead"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(Problem::of(path, "does not end with a line break"));
    } else if text.ends_with("\n\n") {
        problems.push(Problem::of(path, "ends with an empty line"));
    }
}

fn content(path: &str, text: &str, problems: &mut Vec<Problem>) {
    let mut say = |start, message| problems.push(Problem::at(path, line_of(text, start).0, message));
    for folder in ["/home/", "/root/", "/Users/", "/tmp/", "/var/folders/"] {
        for (start, _) in text.match_indices(folder).filter(|(start, _)| starts_path(&text[..*start])) {
            say(start, format!("names `{folder}`, a place on somebody's machine"));
        }
    }
    for word in ["TODO", "FIXME", "XXX", "HACK"] {
        for (start, _) in text.match_indices(word).filter(|(start, _)| is_word(text, *start, word)) {
            say(start, format!("says {word}: do it, or say in prose what is missing"));
        }
    }
    for marker in ["<<<<<<< ", ">>>>>>> "] {
        let at_start = |start: usize| text[..start].is_empty() || text[..start].ends_with('\n');
        for (start, _) in text.match_indices(marker).filter(|(start, _)| at_start(*start)) {
            say(start, "is left over from a merge".to_owned());
        }
    }
    if path.ends_with(".rs") {
        code(text, say);
    }
}

/// What the compiler's lints say too, but only of code that they see: not of examples, templates and other platforms.
fn code(text: &str, mut say: impl FnMut(usize, String)) {
    let is_code = |start: usize| !line_of(text, start).1.contains("//");
    for keyword in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"] {
        for (start, _) in text.match_indices(keyword).filter(|(start, _)| is_code(*start)) {
            say(start, format!("has `{keyword}`, and nothing here is unsafe"));
        }
    }
    for call in ["todo!(", "unimplemented!(", "dbg!("] {
        for (start, _) in text.match_indices(call).filter(|(start, _)| is_code(*start)) {
            say(start, format!("has `{call})`, which is for drafts"));
        }
    }
}

/// The index of the line that holds a position, and the line as far as that position.
fn line_of(text: &str, position: usize) -> (usize, &str) {
    let before = &text[..position];
    (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default())
}

/// Whether an absolute path can start after `before`. In `docs/tmp/x` and `https://example.com/tmp/x`, none does.
fn starts_path(before: &str) -> bool {
    before.chars().next_back().is_none_or(|last| !last.is_alphanumeric() && !".-_/}".contains(last))
}

fn is_word(text: &str, start: usize, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    !text[..start].chars().next_back().is_some_and(inside)
        && !text[start + word.len()..].chars().next().is_some_and(inside)
}
