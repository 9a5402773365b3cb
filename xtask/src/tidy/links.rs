//! Links in Markdown files: each leads to a file, a folder or a heading that exists.

use super::files::{Files, Problem};

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in prose(text) {
            for target in targets(line).filter(|target| !is_external(target)) {
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { path.to_owned() } else { resolve(folder, file) };
                if !files.has(&file) {
                    problems.push(Problem::at_line(path, index, format!("`{target}` does not exist")));
                } else if !heading.is_empty()
                    && !files.get(&file).is_some_and(|text| has_heading(text, heading))
                {
                    problems.push(Problem::at_line(
                        path,
                        index,
                        format!("`{target}`: {file} has no such heading"),
                    ));
                }
            }
        }
    }
}

/// Returns the lines outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Returns the targets of the links of a line, which stand in `](…)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(start, _)| line[start + 2..].split(')').next())
}

fn is_external(target: &str) -> bool {
    ["https://", "http://", "mailto:", "<"].iter().any(|scheme| target.starts_with(scheme))
}

fn resolve(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn has_heading(text: &str, anchor: &str) -> bool {
    let slug = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().chars();
        let kept = kept.filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    prose(text).any(|(_, line)| line.starts_with('#') && slug(line) == anchor)
}
