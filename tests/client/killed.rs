//! A batch whose process is killed is continued by another process.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Stdio},
};

use fal_client::{batch::FileJournal, core::Integer};
use fal_emulator::RequestKind;

use super::*;

/// Environment variables of the process that runs the batch: the emulator's URL and the path of the journal.
const URL: &str = "FAL_TESTS_BATCH_URL";
const JOURNAL: &str = "FAL_TESTS_BATCH_JOURNAL";

const INPUTS: usize = 24;
const CONCURRENCY: usize = 4;

fn inputs() -> impl Iterator<Item = dev::Input> + Send + 'static {
    (0..INPUTS).map(|seed| {
        let mut input = small();
        input.seed = Some(seed.into());
        input
    })
}

/// Runs the batch and prints the outcome of each input.
async fn run_batch(url: &str, journal: &str) {
    let client = Client::builder().emulator(url).build().unwrap();
    let journal = FileJournal::open(journal).unwrap();
    let mut done =
        client.batch(inputs()).concurrency(CONCURRENCY).journal(journal).as_completed().await.unwrap();
    while let Some((index, reply)) = done.next().await {
        match reply {
            Ok(reply) => println!("[{index}] done {}", reply.seed),
            Err(error) if error.is_in_doubt() => println!("[{index}] in doubt"),
            Err(error) => panic!("{index}: {error}"),
        }
    }
}

/// Starts this test in a process of its own, where it runs the batch.
fn spawn_worker(url: &str, journal: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "killed::a_killed_batch_loses_no_input_and_submits_none_twice"])
        .env(URL, url)
        .env(JOURNAL, journal)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_batch_loses_no_input_and_submits_none_twice() {
    if let (Ok(url), Ok(journal)) = (std::env::var(URL), std::env::var(JOURNAL)) {
        return run_batch(&url, &journal).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let pace = Pace::default().ahead(0).run(Duration::from_millis(120));
    let emulator = Emulator::builder().pace(pace).start().await.unwrap();
    let submits = || emulator.requests().iter().filter(|request| request.kind == RequestKind::Submit).count();

    // The worker is killed three times, each time after a few more submissions.
    for until in [3, 9, 15] {
        let mut worker = spawn_worker(&emulator.url(), &journal);
        while submits() < until && worker.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.kill().unwrap(); // SIGKILL
        let killed = worker.wait().unwrap();
        assert!(!killed.success(), "the worker finished before it was killed");
    }
    let last = spawn_worker(&emulator.url(), &journal);
    let output = tokio::task::spawn_blocking(move || last.wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success());

    let printed = String::from_utf8(output.stdout).unwrap();
    let mut submitted: BTreeMap<Integer, usize> = BTreeMap::new();
    for input in emulator.received_inputs::<dev::Model>() {
        *submitted.entry(input.seed.unwrap()).or_default() += 1;
    }
    let mut in_doubt = 0;
    for index in 0..INPUTS {
        let seed = Integer::from(index);
        let times = submitted.get(&seed).copied().unwrap_or_default();
        if printed.contains(&format!("[{index}] in doubt\n")) {
            in_doubt += 1;
            assert!(times <= 1, "{index} was submitted {times} times");
        } else {
            assert!(printed.contains(&format!("[{index}] done {index}\n")), "{index} was lost: {printed}");
            assert_eq!(times, 1, "{index}");
        }
    }
    // Only inputs whose submission was under way when the worker was killed can be in doubt.
    assert!(in_doubt <= 3 * CONCURRENCY, "{in_doubt}");
    println!(
        "{INPUTS} inputs, 3 kills: {} done, {in_doubt} in doubt, 0 lost, 0 submitted twice",
        INPUTS - in_doubt
    );
}
