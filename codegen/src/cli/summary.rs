//! The summary of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use fal_codegen::{
    Error, Report,
    report::{Entry, Status},
};

/// The number of lines of one kind that are shown. The report has all of them.
const MAX_LINES: usize = 20;

/// Returns the lines of the summary. A kind of which there is nothing to tell has no line. `module` is the file of a
/// single module.
pub(crate) fn lines(report: &Report, module: Option<&Path>) -> Vec<String> {
    let generated = || report.endpoints.iter().filter(|entry| entry.status == Status::Generated);
    let crates: BTreeSet<&str> = generated().filter_map(|entry| entry.krate.as_deref()).collect();
    let properties: usize = generated().map(|entry| entry.properties_read).sum();
    let mut lines = Vec::new();
    if module.is_none() {
        lines.push(format!("crates            {}", crates.len()));
    }
    lines.push(format!("endpoints         {}", generated().count()));
    if generated().count() <= MAX_LINES {
        lines.extend(
            generated().map(|entry| format!("  {}: {}", entry.id, place(entry, module, crates.len()))),
        );
    }
    lines.push(format!("properties        {properties}"));
    push_list(
        &mut lines,
        "raw JSON",
        generated()
            .flat_map(|entry| entry.untyped.iter().map(move |pointer| format!("{}: {pointer}", entry.id))),
    );
    push_list(
        &mut lines,
        "not checked",
        generated()
            .flat_map(|entry| entry.unenforced.iter().map(move |rule| format!("{}: {rule}", entry.id))),
    );
    push_list(
        &mut lines,
        "oddities",
        generated()
            .flat_map(|entry| entry.oddities.iter().map(move |oddity| format!("{}: {oddity}", entry.id))),
    );
    push_counts(&mut lines, "fixups", generated().flat_map(|entry| &entry.fixups).map(|name| (name, 1)));
    let keywords = generated().flat_map(|entry| &entry.unknown_keywords);
    push_counts(&mut lines, "unknown keywords", keywords.map(|(name, count)| (name, *count)));
    let skipped: Vec<&Entry> =
        report.endpoints.iter().filter(|entry| entry.status == Status::Skipped).collect();
    if !skipped.is_empty() {
        lines.push(format!("skipped           {}", skipped.len()));
        for entry in skipped {
            lines.push(format!("  {}", describe_skipped(entry)));
            if !entry.help.is_empty() {
                lines.push(format!("    help: {}", entry.help));
            }
        }
    }
    lines.iter().map(|line| line.replace(char::is_control, " ")).collect()
}

/// Returns the path of the code of an endpoint.
fn place(entry: &Entry, module: Option<&Path>, crates: usize) -> String {
    let krate = entry.krate.as_deref().unwrap_or_default().replace('-', "_");
    let file = module.map(|file| file.file_stem().unwrap_or_default().to_string_lossy());
    let root = match file {
        // Each of several apps is a module of its own.
        Some(file) if crates > 1 => format!("{file}::{krate}"),
        Some(file) => file.into_owned(),
        None => krate,
    };
    match entry.module.as_deref().unwrap_or_default() {
        "" => root,
        inner => format!("{root}::{inner}"),
    }
}

fn describe_skipped(entry: &Entry) -> String {
    let reason = entry.reason.as_deref().unwrap_or("no reason was given");
    // A route that is no endpoint anyway needs no place to look at.
    let place = if entry.intended || entry.pointer.is_empty() {
        String::new()
    } else {
        format!("{}: ", entry.pointer)
    };
    format!("{}: {place}{reason}", entry.id)
}

fn push_list(lines: &mut Vec<String>, title: &str, each: impl Iterator<Item = String>) {
    let each: BTreeSet<String> = each.collect();
    if each.is_empty() {
        return;
    }
    lines.push(format!("{title:<17} {}", each.len()));
    lines.extend(each.iter().take(MAX_LINES).map(|line| format!("  {line}")));
    if each.len() > MAX_LINES {
        lines.push(format!("  and {} more, which `--report FILE.json` lists", each.len() - MAX_LINES));
    }
}

fn push_counts<'a>(lines: &mut Vec<String>, title: &str, each: impl Iterator<Item = (&'a String, usize)>) {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count) in each {
        *totals.entry(name).or_default() += count;
    }
    if totals.is_empty() {
        return;
    }
    let sum: usize = totals.values().sum();
    lines.push(format!("{title:<17} {sum}"));
    lines.extend(totals.iter().map(|(name, count)| format!("  {name}: {count}")));
}

/// Returns an error for each endpoint that lost properties, which is a bug of the generator.
pub(crate) fn lost_properties(report: &Report) -> Vec<Error> {
    let lossy = report.endpoints.iter().filter(|entry| entry.properties_read != entry.properties_emitted);
    let errors = lossy.map(|entry| {
        Error::new(
            &entry.id,
            format!(
                "{} properties were read and {} emitted",
                entry.properties_read, entry.properties_emitted
            ),
        )
        .with_help("this is a bug of the generator; report it with the document")
    });
    errors.collect()
}

/// Returns an error for everything that has no exact type, or no code.
pub(crate) fn losses(report: &Report) -> Vec<Error> {
    let errors = report.endpoints.iter().flat_map(|entry| {
        entry.losses().into_iter().map(|loss| Error::new(&entry.id, loss).with_help(&entry.help))
    });
    let mut errors: Vec<Error> = errors.collect();
    if let Some(last) = errors.last_mut().filter(|last| last.help.is_empty()) {
        last.help = "`--strict` refuses these; change the document, correct it with `--overlay`, or leave a route out \
                     with `--skip`"
            .to_owned();
    }
    errors
}
