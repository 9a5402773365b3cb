//! `BENCHMARKS.md` and the plots that it shows.

use std::{fs, io, path::Path};

use super::{chart, machine::Machine, row::Row, table};
use crate::root;

/// What the floor of each bench is.
const FLOORS: [(&str, &str); 6] = [
    (
        "codegen",
        "Every document of the corpus, to files on disk. The floor parses the same documents as JSON with `serde_json`.",
    ),
    (
        "compile",
        "A program with one typed call of FLUX. The floor makes the same call with `reqwest`, `serde` and `tokio` alone, \
         with the same TLS provider and the same features of `reqwest`. Built in empty folders, without incremental \
         compilation; the memory is that of the largest compiler process.",
    ),
    (
        "client",
        "The floor makes the same exchange with the same server by plain `reqwest` and `serde_json`; that of \
         subscribes is the time of the job itself.",
    ),
    (
        "stream",
        "The floor reads the same events by plain `reqwest`, or the same messages by plain `tokio-tungstenite`, from the \
         same server.",
    ),
    ("upload", "The floor sends the same bytes in the same parts by plain `reqwest`."),
    ("emulator", "The binary, as a process of its own, under load."),
];

const FOLDER: &str = "docs/benchmarks";

pub(super) fn write(machine: &Machine, rows: &[Row]) -> Result<(), String> {
    let written = write_below(&root(), machine, rows);
    written.map_err(|error| format!("BENCHMARKS.md could not be written: {error}"))?;
    println!("BENCHMARKS.md and {FOLDER} are written.");
    Ok(())
}

fn write_below(root: &Path, machine: &Machine, rows: &[Row]) -> io::Result<()> {
    let folder = root.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (bench, rows) in table::groups(rows) {
        if let Some(svg) = chart::svg(bench, rows) {
            fs::write(folder.join(format!("{bench}.svg")), svg)?;
        }
    }
    fs::write(root.join("BENCHMARKS.md"), page(machine, rows))
}

fn page(machine: &Machine, rows: &[Row]) -> String {
    let mut page = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`, which anyone can run: it measures everything again and writes \
         this page. `--peers` measures others\nin the same run, `--json FILE` writes the rows.\n\n\
         Ours and the floor, which is the same work without this project's code, take turns; figures are medians. The \
         ratio is\nours by floor, the median over the rounds, and its middle half lies between the quartiles. More of \
         what ends with `/s` is\nbetter, less of everything else. Compare ratios; absolute figures are those of one \
         machine.\n\n{machine}.\n\n"
    );
    let targets: Vec<&Row> = rows.iter().filter(|row| row.target.is_some()).collect();
    let missed: Vec<&&Row> = targets.iter().filter(|row| row.reached() == Some(false)).collect();
    page.push_str(&format!("{} of {} targets are reached", targets.len() - missed.len(), targets.len()));
    if missed.is_empty() {
        page.push_str(".\n");
    } else {
        page.push_str("; these are not:\n\n");
        for row in missed {
            let figure = row.aimed().map_or("not measured".to_owned(), table::number);
            let target = table::target(row).unwrap_or_default();
            page.push_str(&format!(
                "- {}: {figure} ({})\n",
                row.name,
                target.split(", missed").next().unwrap_or_default()
            ));
        }
    }
    for (bench, rows) in table::groups(rows) {
        page.push_str(&format!("\n## {bench}\n\n"));
        if let Some((_, floor)) = FLOORS.iter().find(|(name, _)| *name == bench) {
            page.push_str(&format!("{floor}\n\n"));
        }
        page.push_str(&table::markdown(rows));
        if chart::svg(bench, rows).is_some() {
            page.push_str(&format!(
                "\n![{bench}: ours, the floor and others as bars]({FOLDER}/{bench}.svg)\n"
            ));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::Of;

    fn machine() -> Machine {
        Machine {
            cpu: "Fast".to_owned(),
            cores: 2,
            memory: Some(8),
            os: "linux".to_owned(),
            rustc: "rustc 1".to_owned(),
            date: "2026-01-01".to_owned(),
            load: Some(0.1),
        }
    }

    fn rows() -> Vec<Row> {
        vec![
            Row::against("client: run", "calls/s", &[80.0], &[100.0]).at_least(Of::Ratio, 0.95),
            Row::alone("client: memory", "bytes", &[4000.0]).at_most(Of::Ours, 8192.0),
            Row::alone("emulator: start", "ms", &[4.25]),
        ]
    }

    #[test]
    fn the_page_begins_with_what_was_missed() {
        insta::assert_snapshot!(page(&machine(), &rows()));
    }

    #[test]
    fn plots_that_are_no_longer_measured_go() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let plots = folder.path().join(FOLDER);
        fs::create_dir_all(&plots)?;
        fs::write(plots.join("old.svg"), "")?;
        write_below(folder.path(), &machine(), &rows())?;
        let names: Vec<_> = fs::read_dir(plots)?.flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["client.svg"]);
        let page = fs::read_to_string(folder.path().join("BENCHMARKS.md"))?;
        assert!(page.contains("(docs/benchmarks/client.svg)") && !page.contains("emulator.svg"), "{page}");
        Ok(())
    }
}
