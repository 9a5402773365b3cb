//! The summary of a run.

use std::collections::BTreeMap;

use fal_codegen::{
    Error, Report,
    report::{Entry, Status},
};

/// Returns the lines of the summary.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let generated = || report.endpoints.iter().filter(|entry| entry.status == Status::Generated);
    let crates: std::collections::BTreeSet<&str> =
        generated().filter_map(|entry| entry.krate.as_deref()).collect();
    let read: usize = generated().map(|entry| entry.properties_read).sum();
    let emitted: usize = generated().map(|entry| entry.properties_emitted).sum();
    let untyped: usize = generated().map(|entry| entry.untyped.len()).sum();
    let mut lines = vec![
        format!("crates            {}", crates.len()),
        format!("endpoints         {}", generated().count()),
        format!("properties        {read} read, {emitted} emitted, {untyped} as raw JSON"),
    ];
    let oddities: Vec<String> = generated()
        .flat_map(|entry| entry.oddities.iter().map(move |oddity| format!("  {}{oddity}", entry.id)))
        .collect();
    lines.push(format!("oddities          {}", oddities.len()));
    lines.extend(oddities);
    push_counts(&mut lines, "fixups", generated().flat_map(|entry| &entry.fixups).map(|name| (name, 1)));
    let keywords = generated().flat_map(|entry| &entry.unknown_keywords);
    push_counts(&mut lines, "unknown keywords", keywords.map(|(name, count)| (name, *count)));
    let skipped: Vec<&Entry> =
        report.endpoints.iter().filter(|entry| entry.status == Status::Skipped).collect();
    if !skipped.is_empty() {
        lines.push(format!("skipped           {}", skipped.len()));
        lines.extend(skipped.iter().map(|entry| {
            let reason = entry.reason.as_deref().unwrap_or("no reason was given");
            format!("  {}: {reason}", entry.id)
        }));
    }
    lines.iter().map(|line| line.replace(char::is_control, " ")).collect()
}

fn push_counts<'a>(lines: &mut Vec<String>, title: &str, each: impl Iterator<Item = (&'a String, usize)>) {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count) in each {
        *totals.entry(name).or_default() += count;
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
