//! Writes `BENCHMARKS.md`.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use super::{machine::Machine, row::Row, table};
use crate::root;

/// The sections of the page, each with a description of its floor.
const FLOORS: [(&str, &str); 9] = [
    (
        "codegen",
        "Every document of the corpus, to files on disk. The floor parses the same documents as JSON with `serde_json`.",
    ),
    (
        "compile",
        "A program with one typed call of FLUX. The floor makes the same call with `reqwest`, `serde` and `tokio` alone, \
         with the same TLS provider, which is ring, and the same features of `reqwest`; the default provider takes about \
         40 s of CPU more. Built in empty folders, without incremental compilation; the memory is that of the largest \
         compiler process. The crate `fal` uses the system's OpenSSL, \
         which its size does not count.",
    ),
    (
        "families",
        "The program of `compile` with one call of a large family. Its crate alone is checked after everything else was.",
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
    ("emulator", "The binary, as a separate process under load."),
    ("cli", "Starts without a network. The floor is a process that does nothing, `true`."),
    (
        "fleet",
        "PostgreSQL on the same machine, with fsync. A step takes a request to begun, submitted, done or acknowledged, \
         from 8 tasks with 16 requests each.",
    ),
];

/// Reasons why a target may be missed, and what was tried.
const TRIED: [(&str, &str); 12] = [
    (
        "codegen: 1305 documents to files",
        "`syn` and `prettyplease` take most of the time, and one parse and one layout of each item cost more than the \
         target alone. Templates of text saved 0.3 s and cost readability: *Generated code is emitted with `quote`* in \
         ARCHITECTURE.md.",
    ),
    (
        "codegen: times as fast as progenitor",
        "It was 4.4 when templates of text wrote the code; see above. A crate has more than the types that progenitor and typify \
         write: builders, checks of values, JSON Schemas, pages of documentation and their examples, 29 kB for a document.",
    ),
    (
        "codegen: cargo check of each of 1295 endpoints, compared with derives",
        "The impls have grown since derives took 2.5 times as long: they keep `null`s, unknown values and the forms of unions, \
         which derives do not.",
    ),
    (
        "compile: cold check",
        "The client has twice the code that it had when it reached this, and is checked last, on one core. Of the 13 packages \
         that the floor does not have, the largest is `time`, with 1.4 s of CPU.",
    ),
    (
        "compile: cold build",
        "As above. The code that uploads files was compiled in each app, for each of its inputs; now it is compiled once, which \
         halved the code of an app.",
    ),
    (
        "compile: release binary, stripped",
        "When the difference was 0.6 MB, 0.23 MB of it were the client, most of it errors, retries and secrets; the rest were JSON values \
         of any kind and code of the standard library for them. An app that sends no file contains no uploads.",
    ),
    (
        "client: run, 64 at once",
        "A call costs about 2 µs more than by hand, of a time in which fal computes for seconds: the checks of limits \
         and hosts, spans that nobody reads, and timers. Calls became smaller, and allocate twice more than by hand.",
    ),
    (
        "stream: events",
        "An event costs about 0.15 µs more than by hand. The floor knows one form of an event; the parser takes every \
         form, keeps the bytes of each event, and bounds its size and its silence. One buffer in place of lines in chunks, one \
         timer for a stream in place of one for an event, and the usual step compiled into its caller helped.",
    ),
    ("stream: events, 64 in a chunk", "As above, without the time of a chunk for each event."),
    (
        "stream: realtime messages of 1 KiB, 32 under way",
        "Each message may be the one after which the connection has ended, so the socket is checked for its end before one is sent. \
         It was 0.88 before the connection was only read when its socket says that something came.",
    ),
    (
        "upload: 10,000 files of 4 KiB",
        "Names, types and hosts of uploads are checked, and each has a token and a record. It was 0.75 to 0.81 before \
         extensions were searched, hosts copied and headers grown less.",
    ),
    (
        "emulator: debug build, 2000 subscribes at once, memory",
        "Replies come later than those of the release build, so that callers open 5,100 connections in place of 2,800, and each takes \
         18 KiB. A request that waits for its result takes 3 KiB less than it did.",
    ),
];

/// Reasons why another project has a better figure, and what was tried.
const BEHIND: [(&str, &str); 4] = [
    (
        "codegen: one of the 956 documents that typify accepts, normalized",
        "typify writes types alone. This generator also writes builders, checks, JSON Schemas and a page with an example.",
    ),
    (
        "compile: memory of the cold build",
        "The largest process compiles the client, of which types and lifetimes alone take 460 MiB. A profile of the compiler is even \
         over its 3,786 functions, so that no part stands out. Two crates in place of one would need less, and every app would name \
         both.",
    ),
    (
        "compile: release binary, stripped",
        "It contains no TLS, but uses the system's OpenSSL; the next row compares it with binaries that do the same.",
    ),
    (
        "compile: release binary with the system's TLS, stripped",
        "The app contains the texts of the client's errors, its retries, its checks of hosts and secrets, and JSON values of any kind.",
    ),
];

const FOLDER: &str = "docs/benchmarks";
const PAGE: &str = "BENCHMARKS.md";

/// The last figures of a bench. They are kept as JSON, so that each bench can be measured alone.
#[derive(Serialize, Deserialize)]
struct Measured {
    machine: Machine,
    rows: Vec<Row>,
}

/// Writes the page from the saved rows of all benches.
pub(super) fn write_page() -> Result<(), String> {
    let written = write_page_below(&root());
    written.map_err(|error| format!("{PAGE} could not be written: {error}"))?;
    println!("Wrote {PAGE}.");
    Ok(())
}

/// Saves the rows of one or more benches, and writes the page with the rows of all benches.
pub(super) fn write(machine: &Machine, rows: &[Row]) -> Result<(), String> {
    let written = write_below(&root(), machine, rows);
    written.map_err(|error| format!("{PAGE} could not be written: {error}"))?;
    println!("\nWrote {PAGE} and {FOLDER}.");
    Ok(())
}

fn write_below(root: &Path, machine: &Machine, rows: &[Row]) -> io::Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let saved = saved_rows_below(root)?;
    for (bench, rows) in table::groups(rows) {
        let rows = rows.iter().map(|row| with_saved_peers(row, &saved)).collect();
        let measured = Measured { machine: machine.clone(), rows };
        let text = serde_json::to_string_pretty(&measured)?;
        fs::write(folder.join(format!("{bench}.json")), text + "\n")?;
    }
    write_page_below(root)
}

fn write_page_below(root: &Path) -> io::Result<()> {
    fs::write(root.join(PAGE), page(&saved_below(root)?))
}

/// Returns a row with the figures of others from the last run with `--peers`, unless it has some of its own.
fn with_saved_peers(row: &Row, saved: &[Row]) -> Row {
    let mut row = row.clone();
    if row.peers.is_empty()
        && let Some(last) = saved.iter().find(|last| last.name == row.name)
    {
        row.peers.clone_from(&last.peers);
    }
    row
}

/// Reads the last figures of every section that was measured, with the description of its floor.
fn saved_below(root: &Path) -> io::Result<Vec<(&'static str, &'static str, Measured)>> {
    let mut all = Vec::new();
    for (bench, floor) in FLOORS {
        let saved = root.join(FOLDER).join(format!("{bench}.json"));
        if saved.exists() {
            all.push((bench, floor, serde_json::from_str(&fs::read_to_string(saved)?)?));
        }
    }
    Ok(all)
}

fn saved_rows_below(root: &Path) -> io::Result<Vec<Row>> {
    Ok(saved_below(root)?.into_iter().flat_map(|(.., measured)| measured.rows).collect())
}

fn page(all: &[(&str, &str, Measured)]) -> String {
    let mut page = "# Benchmarks\n\n`cargo xtask bench` measures everything and writes this page; `cargo xtask bench client` \
                    measures one section.\nWith `--peers`, other projects are measured in the same run; without, their last \
                    figures stay.\n\n\
                    *Ours* and the *floor*, which is the same work without this project's code, are measured in turns. \
                    Figures are medians.\nThe *ratio* is ours divided by the floor: the median over the rounds, with \
                    its middle half between the quartiles. For\nunits that end with `/s`, for `times` and for \
                    `documents`, larger is better; for all others, smaller. Compare ratios: absolute figures\ndepend on the machine.\n\n"
        .to_owned();
    let rows = || all.iter().flat_map(|(.., measured)| &measured.rows);
    let targets = rows().filter(|row| row.target.is_some()).count();
    let missed: Vec<&Row> = rows().filter(|row| row.reached() == Some(false)).collect();
    page.push_str(&format!("{} of {targets} targets are reached", targets - missed.len()));
    if missed.is_empty() {
        page.push_str(".\n");
    } else {
        page.push_str("; these are not:\n\n");
        for row in missed {
            let figure = row.aimed().map_or("not measured".to_owned(), table::number);
            let target = table::target(row).unwrap_or_default();
            let target = target.split(", missed").next().unwrap_or_default();
            page.push_str(&format!("- {}: {figure} ({target}){}\n", row.name, find_note(&TRIED, row)));
        }
    }
    let mut behind = rows().filter_map(|row| Some((row, table::list_better_peers(row)?))).peekable();
    if behind.peek().is_some() {
        page.push_str("\nAnother project has a better figure in these rows:\n\n");
    }
    for (row, others) in behind {
        let figure = table::number(row.ours);
        page.push_str(&format!("- {}: {figure}, {others}{}\n", row.name, find_note(&BEHIND, row)));
    }
    for (bench, floor, Measured { machine, rows }) in all {
        page.push_str(&format!("\n## {bench}\n\n{floor}\n\n{machine}.\n\n{}", table::markdown(rows)));
    }
    page
}

/// Returns the note on a row, as a further sentence.
fn find_note(notes: &[(&str, &str)], row: &Row) -> String {
    let note = notes.iter().find(|(name, _)| *name == row.name);
    note.map_or(String::new(), |(_, note)| format!(". {note}"))
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
            Row::alone("client: memory", "bytes", &[4000.0]).at_most(Of::Ours, 8192.0).peer("Python", 3000.0),
            Row::alone("emulator: start", "ms", &[4.25]),
        ]
    }

    #[test]
    fn the_page_starts_with_the_missed_targets() {
        let (client, emulator) = (rows()[..2].to_vec(), rows()[2..].to_vec());
        insta::assert_snapshot!(page(&[
            ("client", "The floor of it.", Measured { machine: machine(), rows: client }),
            ("emulator", "The floor of that.", Measured { machine: machine(), rows: emulator }),
        ]));
    }

    #[test]
    fn notes_belong_to_rows_with_a_target_or_others() {
        let rows = saved_rows_below(&root()).unwrap();
        for (name, _) in TRIED {
            assert!(rows.iter().any(|row| row.name == name && row.target.is_some()), "{name}");
        }
        for (name, _) in BEHIND {
            assert!(rows.iter().any(|row| row.name == name && !row.peers.is_empty()), "{name}");
        }
    }

    #[test]
    fn every_row_that_falls_short_has_a_note() {
        for row in saved_rows_below(&root()).unwrap() {
            assert!(row.reached() != Some(false) || !find_note(&TRIED, &row).is_empty(), "{}", row.name);
            assert!(
                table::list_better_peers(&row).is_none() || !find_note(&BEHIND, &row).is_empty(),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn the_page_shows_the_saved_figures_and_the_notes_of_today() {
        let (saved, committed) =
            (saved_below(&root()).unwrap(), fs::read_to_string(root().join(PAGE)).unwrap());
        assert_eq!(saved.len(), FLOORS.len(), "a section was never measured");
        assert!(page(&saved) == committed, "{PAGE} is not of today: run `cargo xtask bench --page`");
    }

    #[test]
    fn sections_measured_earlier_are_kept() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        write_below(folder.path(), &machine(), &rows())?;
        let later = Machine { date: "2026-02-02".to_owned(), ..machine() };
        write_below(folder.path(), &later, &[Row::alone("emulator: start", "ms", &[3.5])])?;
        let page = fs::read_to_string(folder.path().join(PAGE))?;
        assert!(page.contains("2026-01-01") && page.contains("2026-02-02"), "{page}");
        assert!(page.contains("3.5") && !page.contains("4.25"), "{page}");
        // Measured again without --peers.
        write_below(folder.path(), &later, &[Row::alone("client: memory", "bytes", &[3900.0])])?;
        assert!(fs::read_to_string(folder.path().join(PAGE))?.contains("Python 3,000"));
        Ok(())
    }
}
