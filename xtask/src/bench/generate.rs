//! Measures generating files from documents, compared with parsing the JSON of the documents.

use std::{hint::black_box, path::Path, time::Instant};

use fal_codegen::{Generator, Options, Source, workspace};
use serde_json::Value;

use super::{
    row::{Of, Row},
    stats::median,
};
use crate::root;

pub(super) fn measure(sources: &[Source], folder: &Path, quick: bool) -> Result<Vec<Row>, String> {
    let generator = Generator::new(Options::default());
    let (mut parses, mut plans, mut memories, mut wholes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut endpoints = 0;
    // The first round warms up.
    for round in 0..=if quick { 1 } else { 7 } {
        let parse = timed(|| {
            for source in sources {
                let value: Value = serde_json::from_str(&source.text).map_err(|error| error.to_string())?;
                black_box(&value);
            }
            Ok(())
        })?;
        let plan = timed(|| generator.check(sources).map(drop).map_err(|errors| errors.to_string()))?;
        let memory = timed(|| generator.crates(sources).map(drop).map_err(|errors| errors.to_string()))?;
        // A new folder for every round: creating files right after deleting them is slow.
        let folder = folder.join(round.to_string());
        let start = Instant::now();
        let generated = generator.crates(sources).map_err(|errors| errors.to_string())?;
        generated.tree.write(&folder).map_err(|error| error.to_string())?;
        let whole = start.elapsed().as_secs_f64();
        endpoints = generated.report.endpoints.iter().filter(|entry| entry.krate.is_some()).count();
        if round > 0 {
            parses.push(parse);
            plans.push(plan);
            memories.push(memory);
            wholes.push(whole);
        }
    }
    let rate: Vec<f64> = wholes.iter().map(|seconds| endpoints as f64 / seconds).collect();
    let part = |whole: &[f64], before: &[f64]| (median(whole) - median(before)).max(0.0);
    let documents = sources.len();
    Ok(vec![
        Row::against(&format!("codegen: {documents} documents to files"), "s", &wholes, &parses)
            .at_most(Of::Ratio, 12.0),
        Row::alone("codegen: of which reading and planning", "s", &plans),
        Row::alone("codegen: of which writing code", "s", &[part(&memories, &plans)]),
        Row::alone("codegen: of which writing files", "s", &[part(&wholes, &memories)]),
        Row::alone("codegen: documents to files", "endpoints/s", &rate),
    ])
}

/// Measures `cargo xtask regen` of crates/models: reading schemas/, generating and comparing with the files on disk.
pub(super) fn regen(quick: bool) -> Result<Row, String> {
    let root = root();
    let mut seconds = Vec::new();
    for _ in 0..if quick { 1 } else { 5 } {
        seconds.push(timed(|| workspace::plan(&root, &[]).map(drop).map_err(|failure| failure.to_string()))?);
    }
    Ok(Row::alone("codegen: regen of crates/models", "s", &seconds).at_most(Of::Ours, 1.5))
}

/// Runs a closure and returns the seconds that it took.
fn timed(run: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}
