//! Every text: its length, its white space, and what it must not hold.

use super::files::{Files, Problem};

/// So long a file can be read in one sitting.
const LINES: usize = 400;

/// Files that may be longer, up to which length, and why. An entry that is not needed any more is a problem.
const LONGER: &[(&str, usize, &str)] = &[
    ("crates/fal-client/src/realtime/link.rs", 500, "one state that both halves of a connection share"),
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
        // Snapshots hold what programs printed.
        if !path.ends_with(".snap") && !path.ends_with(".stderr") {
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
    for (index, line) in text.split('\n').enumerate() {
        if line.ends_with('\r') {
            problems.push(Problem::at(path, index, "ends as lines do on Windows"));
        } else if line.ends_with([' ', '\t']) {
            problems.push(Problem::at(path, index, "has spaces at its end"));
        }
        if path.ends_with(".rs") && line.contains('\t') {
            problems.push(Problem::at(path, index, "has a tab: four spaces instead"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(Problem::of(path, "does not end with a line break"));
    } else if text.ends_with("\n\n") {
        problems.push(Problem::of(path, "ends with an empty line"));
    }
}

fn content(path: &str, text: &str, problems: &mut Vec<Problem>) {
    for (index, line) in text.lines().enumerate() {
        for folder in ["/home/", "/root/", "/Users/", "/tmp/", "/var/folders/"] {
            if names_folder(line, folder) {
                problems.push(Problem::at(
                    path,
                    index,
                    format!("names `{folder}`, a place on somebody's machine"),
                ));
            }
        }
        for word in ["TODO", "FIXME", "XXX", "HACK"] {
            if has_word(line, word) {
                problems.push(Problem::at(
                    path,
                    index,
                    format!("says {word}: do it, or say in prose what is missing"),
                ));
            }
        }
        if ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker)) {
            problems.push(Problem::at(path, index, "is left over from a merge"));
        }
        if path.ends_with(".rs") {
            code(path, index, line, problems);
        }
    }
}

/// What the compiler's lints say too, but only of code that they see: not of examples, templates and other platforms.
fn code(path: &str, index: usize, line: &str, problems: &mut Vec<Problem>) {
    let line = line.split("//").next().unwrap_or_default();
    for keyword in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern"] {
        if line.contains(keyword) {
            problems.push(Problem::at(path, index, format!("has `{keyword}`, and nothing here is unsafe")));
        }
    }
    for call in ["todo!(", "unimplemented!(", "dbg!("] {
        if line.contains(call) {
            problems.push(Problem::at(path, index, format!("has `{call})`, which is for drafts")));
        }
    }
}

/// Whether an absolute path starts with this folder. `docs/tmp/x` and `https://example.com/tmp/x` do not.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        line[..start]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric() && !".-_/}".contains(before))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].chars().next_back().is_some_and(inside)
            && !line[start + word.len()..].chars().next().is_some_and(inside)
    })
}
