//! Runs operations one by one and prints the outcome of each as a line of JSON.

use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use fal_client::queue::{Log, Update};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

/// The outcome of an operation or of one check.
pub(crate) type Check = Result<(), Box<dyn std::error::Error>>;

type Operation = Box<dyn Fn() -> LocalBoxFuture<'static, Check>>;

/// The time limit for an operation.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Operations(Vec<(&'static str, Operation)>);

impl Operations {
    pub(crate) fn add<F>(&mut self, name: &'static str, operation: F)
    where
        F: AsyncFn() -> Check + Copy + 'static,
    {
        self.0.push((name, Box::new(move || Box::pin(async move { operation().await }))));
    }

    /// Runs the operations of this part that the arguments name, or all of it without arguments.
    pub(crate) fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("no runtime: {error}");
                return ExitCode::FAILURE;
            }
        };
        let named: Vec<String> = std::env::args().skip(1).collect();
        let times_out = std::env::var("CONFORMANCE_PART").is_ok_and(|part| part == "timeouts");
        let mut chosen = self.0;
        chosen.retain(|(name, _)| {
            (name.starts_with("timeout") || name.starts_with("priority")) == times_out
                && (named.is_empty() || named.iter().any(|wanted| wanted == name))
        });
        say(&json!({"plan": chosen.iter().map(|(name, _)| *name).collect::<Vec<_>>()}));
        for (name, operation) in &chosen {
            let mut line = json!({"operation": name, "passed": true});
            let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, operation()).await });
            if let Err(error) = ended.unwrap_or_else(|_| Err("still under way after a minute".into())) {
                line = json!({"operation": name, "passed": false, "error": error.to_string()});
            }
            say(&line);
            // The runner inspects the requests of this operation before it lets the next one begin.
            io::stdin().lock().read_line(&mut String::new()).ok();
        }
        ExitCode::SUCCESS
    }
}

fn say(line: &Value) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

pub(crate) fn ensure(holds: bool, found: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(found().into()) }
}

/// Checks that a call failed with a status.
pub(crate) fn fails<T>(call: fal_client::Result<T>, status: u16) -> Check {
    let Err(error) = call else { return Err(format!("no error, where {status} should be").into()) };
    ensure(error.status().is_some_and(|found| found == status), || format!("not {status}: {error}"))
}

/// Returns a callback for updates, and the receiver of the updates that it gets.
pub(crate) fn update_channel() -> (mpsc::Receiver<Update>, impl FnMut(&Update) + Send + 'static) {
    let (send, seen) = mpsc::channel();
    (seen, move |update: &Update| drop(send.send(update.clone())))
}

/// Checks that the updates are those of a queued request, in order, with each log line once.
pub(crate) fn are_updates(updates: &[Update]) -> Check {
    let rank = |update: &Update| match update {
        Update::Queued { position, .. } => (0, -i64::from(*position)),
        Update::Running { .. } => (1, 0),
        _ => (2, 0),
    };
    let ranks: Vec<_> = updates.iter().map(rank).collect();
    let ends_well = updates.first().is_some_and(|first| matches!(first, Update::Queued { .. }))
        && updates.last().is_some_and(Update::is_completed);
    ensure(ends_well && ranks.is_sorted(), || format!("{updates:?}"))?;
    are_logs(updates.iter().flat_map(Update::logs))
}

pub(crate) fn are_logs<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Check {
    let found: Vec<&str> = logs.into_iter().map(|log| log.message.as_str()).collect();
    let steps = [1, 2, 3, 4].map(|n| format!("fal-emulator: step {n} of 4"));
    ensure(found == steps, || format!("{found:?}"))
}
