//! A batch with a budget whose processes are killed.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use fal_client::{
    Usd,
    batch::{FileJournal, JournalEntry, JournalReader},
    reconcile::Reconcile,
};
use fal_emulator::{HistorySettings, RequestKind};

use super::*;

/// Environment variables of the process that runs the batch: the emulator's URL and the path of the journal.
const URL: &str = "FAL_TESTS_BUDGET_URL";
const JOURNAL: &str = "FAL_TESTS_BUDGET_JOURNAL";

const INPUTS: u64 = 1000;
/// The price of an image at the emulator is a cent, so that 700 of the inputs can be paid.
const BUDGET: Usd = Usd::dollars(7);
const PAYABLE: usize = 700;
const KILLS: u32 = 6;
/// The time from the start of a run until the emulator lists it.
const LAG: Duration = Duration::from_millis(150);

/// Runs the batch, and prints what it has spent.
async fn run_batch(url: &str, journal: &str) {
    let client = Client::builder().emulator(url).build().unwrap();
    let inputs = (0..INPUTS).map(|seed| {
        let mut input = small();
        input.seed = Some(seed.into());
        input
    });
    // Much longer than the lag, because a busy machine may take its time to accept what a killed process has sent.
    let settings = Reconcile::default().lag(10 * LAG).timeout(Duration::from_secs(120));
    let batch = client
        .batch(inputs)
        .concurrency(32)
        .journal(FileJournal::open(journal).unwrap())
        .keep_outputs()
        .budget(BUDGET)
        .reconcile(settings.first_pause(Duration::from_millis(100)));
    let mut done = batch.as_completed().await.unwrap();
    while let Some((index, reply)) = done.next().await {
        match reply {
            Ok(reply) => assert_eq!(reply.seed, i64::try_from(index).unwrap()),
            Err(error) => assert!(error.is_unsent(), "{index}: {error}"),
        }
    }
    println!("[{}, {}]", done.spent().await.unwrap(), done.stop_reason().unwrap_or("not stopped"));
}

fn spawn(url: &str, journal: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = "killed_budget::a_killed_batch_keeps_its_budget_and_sends_nothing_twice";
    command.args(["--exact", "--nocapture", test]).env(URL, url).env(JOURNAL, journal).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn submits(emulator: &Emulator) -> Vec<i64> {
    let submits = emulator.requests().into_iter().filter(|request| request.kind == RequestKind::Submit);
    submits.map(|request| request.json()["seed"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_batch_keeps_its_budget_and_sends_nothing_twice() {
    if let (Ok(url), Ok(journal)) = (std::env::var(URL), std::env::var(JOURNAL)) {
        return run_batch(&url, &journal).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let pace = Pace::default().ahead(0).run(Duration::from_millis(100));
    let history = HistorySettings::default().lag(LAG);
    let emulator = Emulator::builder().pace(pace).history(history).start().await.unwrap();
    let url = emulator.url();

    let mut kills = 0;
    while kills < KILLS {
        let mut worker = spawn(&url, &journal);
        let (start, before) = (Instant::now(), submits(&emulator).len());
        let wanted = before + 60;
        while submits(&emulator).len() < wanted && start.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.kill().unwrap(); // SIGKILL
        worker.wait().unwrap();
        kills += 1;
        assert!(submits(&emulator).len() <= PAYABLE);
    }
    let finish = || async {
        let last = spawn(&url, &journal);
        let output = tokio::task::spawn_blocking(move || last.wait_with_output().unwrap()).await.unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{printed}");
        printed
    };
    let printed = finish().await;
    let seeds = submits(&emulator);
    let unique: BTreeSet<_> = seeds.iter().collect();
    assert_eq!((seeds.len(), unique.len()), (PAYABLE, PAYABLE), "{printed}");
    assert!(printed.contains("[$7.00 spent, the budget of $7.00 has no room for $0.01"), "{printed}");
    let costs = JournalReader::open(&journal).unwrap().filter_map(|entry| match entry.unwrap() {
        JournalEntry::Collected { cost, .. } => cost,
        _ => None,
    });
    assert_eq!(costs.sum::<Usd>(), BUDGET);

    // Run again, it asks for the price, and for nothing else.
    let requests = emulator.requests().len();
    let printed = finish().await;
    assert!(printed.contains("[$7.00 spent, the budget of"), "{printed}");
    let later: Vec<_> = emulator.requests().split_off(requests);
    assert!(later.iter().all(|request| request.path.contains("/pricing")) && later.len() <= 1, "{later:?}");
}
