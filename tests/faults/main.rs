//! Every fault of the network and of the service in every request of every call: the outcome, and the number of requests
//! that the server sees.
//!
//! `expected.md` lists the expected outcomes. `cargo test -p fal-tests --test faults -- --nocapture` prints how many cases
//! each call has.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod batches;
mod case;
mod connection;
mod expected;
mod fault;
mod injection;
mod logs;
mod model;

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use case::cases;
use expected::Expected;
use fault::FAULTS;
use futures_util::future::{join, join_all};
use injection::{INJECTIONS, Injection};

#[test]
fn the_table_of_expected_outcomes_lists_every_fault() {
    let faults: BTreeSet<&str> =
        FAULTS.iter().filter(|fault| !fault.is_of_stream).map(|fault| fault.name).collect();
    assert_eq!(Expected::read().names().collect::<BTreeSet<_>>(), faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_has_its_expected_outcome() {
    let expected = Arc::new(Expected::read());
    let runs = INJECTIONS.iter().map(|injection| tokio::spawn(run_all(injection, Arc::clone(&expected))));
    let mut table =
        format!("{:<38} {:>6} {:>7}\n", "call, and the request with the fault", "cases", "passed");
    let mut failures = String::new();
    let (mut cases, mut passed) = (0, 0);
    for (injection, run) in INJECTIONS.iter().zip(runs.collect::<Vec<_>>()) {
        // A panic of the client would end the task.
        let results = run.await.unwrap();
        let good = results.iter().filter(|result| result.is_ok()).count();
        writeln!(table, "{:<38} {:>6} {:>7}", injection.name, results.len(), good).unwrap();
        for failure in results.iter().filter_map(|result| result.as_ref().err()) {
            writeln!(failures, "{}: {failure}", injection.name).unwrap();
        }
        cases += results.len();
        passed += good;
    }
    writeln!(table, "{:<38} {cases:>6} {passed:>7}", format!("{} faults", FAULTS.len())).unwrap();
    println!("{table}");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Runs all cases of an injection. Those that last until a timeout do so at the same time.
async fn run_all(injection: &'static Injection, expected: Arc<Expected>) -> Vec<Result<(), String>> {
    let expected = &*expected;
    let (long, short): (Vec<_>, Vec<_>) =
        cases(injection).into_iter().partition(|case| case.times_out(injection, expected));
    let together = long.iter().map(|case| async move {
        let emulator = Injection::start_emulator().await;
        case.run(injection, expected, &emulator).await
    });
    let one_by_one = async {
        let emulator = Injection::start_emulator().await;
        let mut results = Vec::new();
        for case in short {
            results.push(case.run(injection, expected, &emulator).await);
        }
        results
    };
    let (mut results, more) = join(one_by_one, join_all(together)).await;
    results.extend(more);
    results
}
