//! The summary of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    Error, Report,
    report::{Entry, Status},
};

/// The number of lines of one kind that are shown. The report has all of them.
const MAX_LINES: usize = 20;

/// The number of endpoints that are named for one place.
const MAX_IDS: usize = 3;

/// The width of the column of ids. Longer ones move the rest of their line.
const MAX_WIDTH: usize = 50;

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
        let width = generated().map(|entry| entry.id.chars().count()).max().unwrap_or(0).min(MAX_WIDTH);
        lines.extend(generated().map(|entry| {
            let place = place(entry, module, crates.len());
            format!("  {:width$}  {place}{}", entry.id, describe_protocols(entry))
        }));
    }
    lines.push(format!("properties        {properties}"));
    let kinds: [(&str, &str, ListOf); 3] = [
        ("raw JSON", "any JSON, because there is no exact type", |entry| &entry.untyped),
        ("not checked", "rules that only the service checks", |entry| &entry.unenforced),
        ("oddities", "unusual in the document", |entry| &entry.oddities),
    ];
    for (title, meaning, list) in kinds {
        let told =
            generated().flat_map(|entry| list(entry).iter().map(|text| (text.as_str(), entry.id.as_str())));
        push_list(&mut lines, title, meaning, told, generated().count() > 1);
    }
    push_counts(
        &mut lines,
        "fixups",
        "corrections of documents",
        generated().flat_map(|entry| &entry.fixups).map(|name| (name, 1)),
    );
    let keywords = generated().flat_map(|entry| &entry.unknown_keywords);
    push_counts(
        &mut lines,
        "unknown keywords",
        "they change no type",
        keywords.map(|(name, count)| (name, *count)),
    );
    let skipped = || report.endpoints.iter().filter(|entry| entry.status == Status::Skipped);
    let intended: Vec<&Entry> = skipped().filter(|entry| entry.intended).collect();
    if !intended.is_empty() {
        lines.push(format!("left out          {}", intended.len()));
        let reasons =
            intended.iter().map(|entry| (entry.reason.as_deref().unwrap_or_default(), entry.id.as_str()));
        lines.extend(
            group(reasons).iter().map(|(reason, ids)| format!("  {}: {reason}", list_ids(ids, usize::MAX))),
        );
    }
    let lost: Vec<&Entry> = skipped().filter(|entry| !entry.intended).collect();
    if !lost.is_empty() {
        lines.push(format!("skipped           {}", lost.len()));
        let mut helps: Vec<(&str, Vec<String>)> = Vec::new();
        for entry in lost {
            match helps.iter_mut().find(|(help, _)| *help == entry.help) {
                Some((_, entries)) => entries.push(describe_skipped(entry)),
                None => helps.push((&entry.help, vec![describe_skipped(entry)])),
            }
        }
        for (help, entries) in helps {
            lines.extend(entries.iter().map(|entry| format!("  {entry}")));
            lines.extend((!help.is_empty()).then(|| format!("    help: {help}")));
        }
    }
    lines.iter().map(|line| line.replace(char::is_control, " ")).collect()
}

/// Returns the texts of one kind about an endpoint.
type ListOf = fn(&Entry) -> &[String];

/// Returns each text once, with the ids that have it, in the order of the texts.
fn group<'t>(told: impl Iterator<Item = (&'t str, &'t str)>) -> BTreeMap<&'t str, BTreeSet<&'t str>> {
    let mut grouped: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (text, id) in told {
        grouped.entry(text).or_default().insert(id);
    }
    grouped
}

/// Lists ids, the first `count` by name.
fn list_ids(ids: &BTreeSet<&str>, count: usize) -> String {
    let named: Vec<&str> = ids.iter().copied().take(count).collect();
    match ids.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Describes the ways to call an endpoint besides `run` and the queue.
fn describe_protocols(entry: &Entry) -> String {
    if let Some(protocol) = &entry.session {
        return format!(", messages of a session over {protocol}");
    }
    let text = match (entry.streams, entry.realtime) {
        (false, false) => "",
        (true, false) => ", also as a stream",
        (false, true) => ", over a realtime connection",
        (true, true) => ", as a stream, and over a realtime connection",
    };
    text.to_owned()
}

/// Returns lines about the crates of apps that a run does not name, if there are any.
pub(crate) fn describe_kept(kept: &[String], out: &Path) -> Option<Vec<String>> {
    if kept.is_empty() {
        return None;
    }
    let mut lines = vec![format!(
        "kept              {}: crates of apps that this run does not name; remove the folders of apps that are gone",
        kept.len()
    )];
    let folder = |name: &String| format!("  {}", out.join("crates").join(name).display());
    lines.extend(kept.iter().take(MAX_LINES).map(folder));
    if kept.len() > MAX_LINES {
        lines.push(format!("  and {} more", kept.len() - MAX_LINES));
    }
    Some(lines.iter().map(|line| line.replace(char::is_control, " ")).collect())
}

/// Returns a line that says how to use what was written. `runtime` names the crates that a module
/// depends on.
pub(crate) fn next_step(report: &Report, out: &Path, module: Option<&Path>, runtime: &str) -> Option<String> {
    let generated = || report.endpoints.iter().filter(|entry| entry.status == Status::Generated);
    let first = generated().find(|entry| entry.session.is_none()).or_else(|| generated().next())?;
    let crates: BTreeSet<&str> = report.endpoints.iter().filter_map(|entry| entry.krate.as_deref()).collect();
    let step = match module {
        Some(file) => {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let model = place(first, module, crates.len());
            let (verb, ty) = if first.session.is_none() { ("call", "Model") } else { ("send", "Input") };
            format!("add {runtime} to the crate, declare `mod {name};`, and {verb} `{model}::{ty}`")
        }
        None => {
            let krate = first.krate.as_deref()?;
            let path = out.join("crates").join(krate);
            format!("depend on it: `cargo add --path {}`", path.display())
        }
    };
    Some(format!("next              {step}"))
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
    let place = if entry.pointer.is_empty() { String::new() } else { format!("{}: ", entry.pointer) };
    format!("{}: {place}{reason}", entry.id)
}

fn push_list<'t>(
    lines: &mut Vec<String>,
    title: &str,
    meaning: &str,
    told: impl Iterator<Item = (&'t str, &'t str)>,
    names_ids: bool,
) {
    let grouped = group(told);
    if grouped.is_empty() {
        return;
    }
    lines.push(format!("{title:<17} {}: {meaning}", grouped.len()));
    lines.extend(grouped.iter().take(MAX_LINES).map(|(text, ids)| {
        let ids = if names_ids { format!(" [{}]", list_ids(ids, MAX_IDS)) } else { String::new() };
        format!("  {text}{ids}")
    }));
    if grouped.len() > MAX_LINES {
        lines.push(format!("  and {} more, which `--report FILE.json` lists", grouped.len() - MAX_LINES));
    }
}

fn push_counts<'a>(
    lines: &mut Vec<String>,
    title: &str,
    meaning: &str,
    each: impl Iterator<Item = (&'a String, usize)>,
) {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count) in each {
        *totals.entry(name).or_default() += count;
    }
    if totals.is_empty() {
        return;
    }
    let sum: usize = totals.values().sum();
    lines.push(format!("{title:<17} {sum}: {meaning}"));
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
        .with_help("this is a bug of the generator: report it with the document, and leave the route out with `--skip` \
                     until it is corrected")
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
