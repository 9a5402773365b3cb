//! Batches whose processes are killed are continued by other processes.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use fal_client::{
    batch::FileJournal,
    platform::{Paginate, TryStreamExt},
    reconcile::Reconcile,
};
use fal_emulator::HistorySettings;

use super::*;

/// Environment variables of the process that runs a batch: the emulator's URL, the path of the journal, the first seed
/// of the inputs, and `1` if doubts are decided.
const URL: &str = "FAL_TESTS_BATCH_URL";
const JOURNAL: &str = "FAL_TESTS_BATCH_JOURNAL";
const FIRST_SEED: &str = "FAL_TESTS_BATCH_FIRST_SEED";
const RECONCILE: &str = "FAL_TESTS_BATCH_RECONCILE";

/// The number of inputs of each batch, and of kills. The environment variable `KILLS` sets the kills, and then a batch has
/// 500 inputs.
const INPUTS: usize = 60;
const KILLS: usize = 10;
const CONCURRENCY: usize = 8;
/// Each input occurs this often, so that an input alone does not identify a request.
const COPIES: usize = 2;
/// A batch is killed until this many of its inputs are left.
const LAST_INPUTS: usize = 10;

/// The time from the start of a run until the emulator lists it.
const LAG: Duration = Duration::from_millis(150);

/// Returns the number of inputs of each batch, and the number of kills.
fn size() -> (usize, usize) {
    std::env::var("KILLS").map_or((INPUTS, KILLS), |kills| (500, kills.parse().unwrap()))
}

fn inputs(first_seed: usize) -> impl Iterator<Item = dev::Input> + Send + 'static {
    (0..size().0).map(move |index| {
        let mut input = small();
        input.seed = Some((first_seed + index / COPIES).into());
        input
    })
}

/// Runs the batch and prints the outcome of each input.
async fn run_batch(url: &str, journal: &str) {
    let first_seed: usize = std::env::var(FIRST_SEED).unwrap().parse().unwrap();
    let client = Client::builder().emulator(url).build().unwrap();
    let journal = FileJournal::open(journal).unwrap();
    let mut batch = client.batch(inputs(first_seed)).concurrency(CONCURRENCY).journal(journal);
    if std::env::var_os(RECONCILE).is_some() {
        // Much longer than the lag, because a busy machine may take its time to accept what a killed process has sent.
        let settings = Reconcile::default().lag(10 * LAG).timeout(Duration::from_secs(120));
        batch = batch.reconcile(settings.first_pause(Duration::from_millis(100)));
    }
    let mut done = batch.as_completed().await.unwrap();
    while let Some((index, reply)) = done.next().await {
        match reply {
            Ok(reply) => println!("[{index}] done {}", reply.seed),
            Err(error) if error.is_in_doubt() => println!("[{index}] in doubt: {error}"),
            Err(error) => panic!("{index}: {error}"),
        }
    }
}

/// A batch that several processes work on, one after the other.
struct Batch<'a> {
    url: String,
    journal: &'a Path,
    first_seed: usize,
    reconciles: bool,
}

impl Batch<'_> {
    /// Starts this test in a process of its own, where it runs the batch.
    fn spawn(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--nocapture", "killed::a_killed_batch_loses_no_input_and_submits_none_twice"])
            .env(URL, &self.url)
            .env(JOURNAL, self.journal)
            .env(FIRST_SEED, self.first_seed.to_string())
            .stdout(Stdio::piped());
        if self.reconciles {
            command.env(RECONCILE, "1");
        }
        command.spawn().unwrap()
    }

    /// Returns the number of requests that the journal knows as accepted.
    fn submitted(&self) -> usize {
        let text = std::fs::read(self.journal).unwrap_or_default();
        String::from_utf8_lossy(&text).matches("\"submitted\"").count()
    }

    /// Runs the batch to its end and returns what it prints.
    async fn finish(&self) -> String {
        let last = self.spawn();
        let output = tokio::task::spawn_blocking(move || last.wait_with_output().unwrap()).await.unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{printed}");
        printed
    }
}

/// Random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_batch_loses_no_input_and_submits_none_twice() {
    if let (Ok(url), Ok(journal)) = (std::env::var(URL), std::env::var(JOURNAL)) {
        return run_batch(&url, &journal).await;
    }
    let (count, wanted) = size();
    let folder = tempfile::tempdir().unwrap();
    let pace = Pace::default().ahead(0).run(Duration::from_millis(60));
    let history = HistorySettings::default().lag(LAG);
    let emulator = Emulator::builder().pace(pace).history(history).start().await.unwrap();

    let (mut random, mut kills, mut batches, mut in_doubt) = (Random(7), 0, 0, 0);
    while kills < wanted {
        let journal = folder.path().join(format!("{batches}.jsonl"));
        let first_seed = batches * count / COPIES;
        let mut batch = Batch { url: emulator.url(), journal: &journal, first_seed, reconciles: false };
        let before = kills;
        while kills < wanted && batch.submitted() < count - LAST_INPUTS {
            // The processes that decide doubts are killed, too.
            batch.reconciles = random.below(2) == 0;
            let until = batch.submitted() + usize::try_from(random.below(5)).unwrap();
            let mut worker = batch.spawn();
            let start = Instant::now();
            // Some are killed before they send anything.
            let longest =
                Duration::from_millis(if random.below(8) == 0 { random.below(400) } else { 60_000 });
            while batch.submitted() < until
                && start.elapsed() < longest
                && worker.try_wait().unwrap().is_none()
            {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
            worker.kill().unwrap(); // SIGKILL
            let output = worker.wait_with_output().unwrap();
            if output.status.success() {
                // All inputs that are left are in doubt.
                break;
            }
            assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stdout));
            kills += 1;
        }
        batch.reconciles = false;
        in_doubt += batch.finish().await.matches(" in doubt").count();
        batch.reconciles = true;
        let printed = batch.finish().await;
        for index in 0..count {
            let seed = batch.first_seed + index / COPIES;
            assert!(printed.contains(&format!("[{index}] done {seed}\n")), "{index} was lost: {printed}");
        }
        batches += 1;
        println!("batch {batches}: {} kills, {count} done", kills - before);
    }
    let submitted = submits_by_seed(&emulator).await;
    assert_eq!(submitted.len(), batches * count / COPIES);
    let paid_twice: Vec<_> = submitted.iter().filter(|(_, times)| **times != COPIES).collect();
    assert!(paid_twice.is_empty(), "{paid_twice:?}");
    println!(
        "{batches} batches of {count}, {kills} kills: 0 lost, 0 submitted twice, 0 in doubt, \
         {in_doubt} of them only with the help of the list of requests"
    );
}

/// Counts the accepted requests of each seed.
async fn submits_by_seed(emulator: &Emulator) -> BTreeMap<i64, usize> {
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let platform = client.platform().await.unwrap();
    tokio::time::sleep(2 * LAG).await;
    let list = platform.list_requests().endpoint_id(vec!["fal-ai/flux/dev".to_owned()]);
    let list = list.expand(vec!["payloads".to_owned()]).limit(100);
    let mut submitted = BTreeMap::new();
    for request in list.stream().try_collect::<Vec<_>>().await.unwrap() {
        *submitted.entry(request.json_input.unwrap()["seed"].as_i64().unwrap()).or_default() += 1;
    }
    submitted
}
