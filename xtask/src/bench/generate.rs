//! Documents to files on disk, beside what only parsing their JSON takes.

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use fal_codegen::{Options, Source, generate};
use serde_json::{Value, json};

use super::rounded;

/// The machine is not ours alone: the best of several runs is what the work itself takes.
const RUNS: usize = 5;

pub(super) fn measure(sources: &[Source], folder: &Path) -> Result<Value, String> {
    let options = Options::default();
    let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    let parse = best(|| {
        for source in sources {
            let value: Value = serde_json::from_str(&source.text).map_err(|error| error.to_string())?;
            black_box(&value);
        }
        Ok(())
    })?;
    let plan = best(|| fal_codegen::check(sources, &options).map(drop).map_err(|errors| errors.to_string()))?;
    let memory = best(|| generate(sources, &options).map(drop).map_err(|errors| errors.to_string()))?;
    let mut endpoints = 0;
    let mut files = 0;
    let mut run = 0;
    let whole = best(|| {
        // A folder of its own for every run: file systems are slow to create what was just deleted.
        run += 1;
        let folder = folder.join(run.to_string());
        let start = Instant::now();
        let generated = generate(sources, &options).map_err(|errors| errors.to_string())?;
        generated.tree.write(&folder).map_err(|error| error.to_string())?;
        let took = start.elapsed();
        endpoints = generated.report.endpoints.iter().filter(|entry| entry.krate.is_some()).count();
        files = generated.tree.iter().count();
        Ok(took)
    })?;
    let seconds = |duration: Duration| rounded(duration.as_secs_f64());
    let share = |part: Duration| rounded(part.as_secs_f64() / whole.as_secs_f64());
    Ok(json!({
        "bytes": bytes,
        "endpoints": endpoints,
        "files": files,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "parse_json_seconds": seconds(parse),
        "documents_to_disk_seconds": seconds(whole),
        "ratio": rounded(whole.as_secs_f64() / parse.as_secs_f64()),
        "endpoints_a_second": (endpoints as f64 / whole.as_secs_f64()).round(),
        "share_of_reading_and_planning": share(plan),
        "share_of_emission": share(memory.saturating_sub(plan)),
        "share_of_disk": share(whole.saturating_sub(memory)),
    }))
}

/// What a run says it took, or what it took.
trait Took {
    fn took(self, elapsed: Duration) -> Duration;
}

impl Took for () {
    fn took(self, elapsed: Duration) -> Duration {
        elapsed
    }
}

impl Took for Duration {
    fn took(self, _: Duration) -> Duration {
        self
    }
}

fn best<T: Took>(mut run: impl FnMut() -> Result<T, String>) -> Result<Duration, String> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let took = run()?;
        best = best.min(took.took(start.elapsed()));
    }
    Ok(best)
}
