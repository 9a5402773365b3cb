//! Every fault of the network and the service, at every verb: what becomes of it, and how many requests the
//! server sees.
//!
//! `cargo test -p fal-tests --test faults -- --nocapture` prints the table.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cell;
mod fault;
mod logs;
mod model;
mod verb;

use std::fmt::Write as _;

use cell::{Cell, Mode};
use fal_emulator::Verb as Asked;
use fault::{FAULTS, Fault, What};
use verb::{VERBS, Verb};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_fault_loses_pays_twice_hangs_or_panics() {
    let columns = VERBS.iter().map(|verb| tokio::spawn(async move { verb.column(&cells(verb)).await }));
    let mut table = format!("{:<36} {:>6} {:>7}\n", "verb, and where the fault is", "cases", "passed");
    let mut failures = String::new();
    let (mut cases, mut passed) = (0, 0);
    for (verb, column) in VERBS.iter().zip(columns.collect::<Vec<_>>()) {
        // A panic of the client would end the task.
        let outcomes = column.await.unwrap();
        let well = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        writeln!(table, "{:<36} {:>6} {:>7}", verb.name, outcomes.len(), well).unwrap();
        for failure in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            writeln!(failures, "{}: {failure}", verb.name).unwrap();
        }
        cases += outcomes.len();
        passed += well;
    }
    writeln!(table, "{:<36} {cases:>6} {passed:>7}", format!("{} faults", FAULTS.len())).unwrap();
    println!("{table}");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Every fault that there can be at a verb, happening once and for ever.
fn cells(verb: &Verb) -> Vec<Cell> {
    let modes = |fault: &'static Fault| {
        let modes: &[Mode] = match fault.what {
            // A connection that is kept cannot be refused.
            What::Nobody if verb.at_first() => &[Mode::Always],
            What::Unread if verb.at_first() => &[Mode::Once, Mode::Always],
            What::Nobody | What::Unread => &[],
            What::Stream(_) if verb.at != Asked::StatusStream => &[],
            // What stalls ends with the call's own timeout, so once is for ever.
            What::Reply(_) if fault.stalls => &[Mode::Always],
            What::Reply(_) | What::Stream(_) => &[Mode::Once, Mode::Always],
        };
        modes.iter().map(move |mode| Cell { fault, mode: *mode })
    };
    FAULTS.iter().flat_map(modes).collect()
}
