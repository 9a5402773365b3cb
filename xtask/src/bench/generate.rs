//! Documents to files on disk, beside what only parsing their JSON takes.

use std::{hint::black_box, path::Path, time::Instant};

use fal_codegen::{Options, Source, generate};
use serde_json::Value;

use super::{
    row::{Of, Row},
    stats::median,
};

pub(super) fn measure(sources: &[Source], folder: &Path, quick: bool) -> Result<Vec<Row>, String> {
    let options = Options::default();
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
        let plan =
            timed(|| fal_codegen::check(sources, &options).map(drop).map_err(|errors| errors.to_string()))?;
        let memory = timed(|| generate(sources, &options).map(drop).map_err(|errors| errors.to_string()))?;
        // A folder of its own for every round: file systems are slow to create what was just deleted.
        let folder = folder.join(round.to_string());
        let start = Instant::now();
        let generated = generate(sources, &options).map_err(|errors| errors.to_string())?;
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
            .at_most(Of::Ratio, 5.0),
        Row::alone("codegen: of which reading and planning", "s", &plans),
        Row::alone("codegen: of which writing code", "s", &[part(&memories, &plans)]),
        Row::alone("codegen: of which writing files", "s", &[part(&wholes, &memories)]),
        Row::alone("codegen: documents to files", "endpoints/s", &rate),
    ])
}

/// Seconds.
fn timed(run: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}
