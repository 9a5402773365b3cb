//! The figures of a fleet: `cargo xtask bench fleet`, or
//! `cargo test -p fal-fleet --lib -- --ignored --nocapture ledger::postgres::rate::figures`.

use std::{
    env, fs,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::{Manager, Pool, Runtime};
use fal_client::{Client, Usd, untyped::Any};
use fal_emulator::{Emulator, Pace, RequestKind};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::Postgres;
use crate::{
    Fleet,
    ledger::{Accepted, BatchSettings, CHUNK, ClaimOptions, Estimates, Finished, NewRequest},
};

#[path = "../../../tests/support/cluster.rs"]
#[expect(dead_code, reason = "the tests of fleets use more of it")]
mod cluster;

/// The connections that work at the same time, and the requests that each takes at once.
const LANES: usize = 8;
const AT_ONCE: i64 = 16;
const LEASE: Duration = Duration::from_secs(600);

/// The environment of the process of a worker.
const DATABASE: &str = "FAL_FIGURES_DATABASE";
const EMULATOR: &str = "FAL_FIGURES_EMULATOR";

/// The number of restarts of a worker.
const RESTARTS: usize = 5;

struct NoEstimates;

impl Estimates for NoEstimates {
    fn estimate(&self, _: &str, _: &str) -> Option<Option<Usd>> {
        Some(None)
    }
}

/// Prints the figures as JSON, and writes them to the file `FAL_FIGURES`. `SIZES` are the numbers of waiting requests, and
/// `SECONDS` is the time for which each rate is measured.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn figures() {
    let sizes = env::var("SIZES").unwrap_or_else(|_| "10000 100000 1000000".to_owned());
    let time = env::var("SECONDS").map_or(20, |seconds| seconds.parse().expect("SECONDS is a number"));
    let mut figures = Vec::new();
    let sizes: Vec<usize> =
        sizes.split_whitespace().map(|size| size.parse().expect("SIZES has numbers")).collect();
    for waiting in &sizes {
        let is_largest = Some(waiting) == sizes.iter().max();
        figures.push(measure(*waiting, Duration::from_secs(time), is_largest).await);
        println!("{}", figures[figures.len() - 1]);
    }
    if let Some(file) = env::var_os("FAL_FIGURES") {
        fs::write(file, Value::from(figures).to_string()).expect("the file can be written");
    }
}

/// Measures the ledger, and a worker if this is the largest ledger.
async fn measure(waiting: usize, time: Duration, is_largest: bool) -> Value {
    let cluster = cluster::Cluster::start("-c shared_buffers=512MB").expect("PostgreSQL is installed");
    let url = cluster.url("postgres");
    let manager = Manager::new(url.parse().expect("a connection string"), NoTls);
    let pool = Pool::builder(manager).max_size(LANES).runtime(Runtime::Tokio1).build().expect("a pool");
    let ledger = Postgres::open(pool).await.unwrap();

    let start = Instant::now();
    enqueue(&ledger, waiting).await;
    let added = per_second(waiting as u64, start.elapsed());
    let database = cluster::connect(&url).await;
    let row = database.query_one("select pg_total_relation_size('fal.request')", &[]).await.unwrap();
    let bytes = row.get::<_, i64>(0) as f64 / waiting as f64;
    database.batch_execute("analyze").await.unwrap();

    let (finished, start, end) = (AtomicU64::new(0), Instant::now(), Instant::now() + time);
    join_all((0..LANES).map(|_| work(&ledger, end, &finished))).await;
    let steps = 4.0 * per_second(finished.load(Ordering::Relaxed), start.elapsed());

    let worker = if is_largest { Some(measure_worker(&url, time).await) } else { None };
    json!({
        "waiting": waiting,
        "added_per_second": added,
        "bytes": bytes,
        "steps_per_second": steps,
        "worker": worker,
    })
}

async fn measure_worker(url: &str, time: Duration) -> Value {
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.expect("the emulator starts");
    let mut restarts = Vec::new();
    for _ in 0..RESTARTS {
        restarts.push(restart(url, &emulator).await);
    }
    let mut worker = start_worker(url, &emulator);
    tokio::time::sleep(time).await;
    let memory = peak_mib(&worker);
    kill(&mut worker).await;
    json!({ "restart_seconds": restarts, "mib": memory })
}

/// Returns the time from the start of a worker's process to its first submit, in seconds, and kills the process.
async fn restart(url: &str, emulator: &Emulator) -> f64 {
    let submits = || emulator.requests().iter().filter(|request| request.kind == RequestKind::Submit).count();
    let (before, start) = (submits(), Instant::now());
    let mut worker = start_worker(url, emulator);
    while submits() == before {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let time = start.elapsed().as_secs_f64();
    kill(&mut worker).await;
    time
}

/// Kills a worker, and waits for what it has sent.
async fn kill(worker: &mut Child) {
    worker.kill().expect("the worker ends");
    worker.wait().expect("the worker ends");
    tokio::time::sleep(Duration::from_millis(300)).await;
}

fn start_worker(url: &str, emulator: &Emulator) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "ledger::postgres::rate::worker_of_figures"])
        .env(DATABASE, url)
        .env(EMULATOR, emulator.url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the worker starts")
}

/// A worker in a process of its own, which runs until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of the figures"]
async fn worker_of_figures() {
    let (Ok(url), Ok(emulator)) = (env::var(DATABASE), env::var(EMULATOR)) else { return };
    let fleet = Fleet::connect(&url).await.unwrap();
    let client = Client::builder().emulator(&emulator).build().unwrap();
    fleet.worker(client).submits_at_once(8).run::<Any, _>(async |_| Ok(())).await.unwrap();
}

/// Returns the largest memory that a process has had, in MiB, on Linux.
fn peak_mib(process: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

async fn enqueue(ledger: &Postgres, count: usize) {
    let settings = BatchSettings {
        name: "rate".to_owned(),
        concurrency: Some(1_000_000.into()),
        ..BatchSettings::default()
    };
    let batch = ledger.save_batch(&settings).await.unwrap();
    let input = r#"{"prompt":"a cat reading a map","num_inference_steps":28,"image_size":"landscape_16_9"}"#;
    for first in (0..count).step_by(CHUNK) {
        let request = |key: usize| NewRequest {
            key: key.to_string(),
            endpoint: "fal-ai/flux/dev".to_owned(),
            input: input.to_owned(),
        };
        let requests: Vec<_> = (first..count.min(first + CHUNK)).map(request).collect();
        ledger.add(batch, &requests).await.unwrap();
    }
}

/// Takes requests through all steps: begun, submitted, done and acknowledged.
async fn work(ledger: &Postgres, end: Instant, finished: &AtomicU64) {
    let owner = Uuid::new_v4();
    let options = ClaimOptions { owner, account: "default", most: AT_ONCE, lease: LEASE };
    let output = Finished {
        result: Ok(r#"{"images":[{"url":"https://v3.fal.media/files/a.png"}],"seed":7}"#.to_owned()),
        units: Some("1".to_owned()),
        cost: Some(Usd::cents(1)),
        is_retryable: false,
    };
    while Instant::now() < end {
        let claimed = ledger.claim(options, Arc::new(NoEstimates)).await.unwrap().requests;
        let is_empty = claimed.is_empty();
        let submitted = claimed.into_iter().map(|claimed| {
            ledger.submitted(Accepted {
                id: claimed.id,
                attempt: claimed.attempt,
                token: claimed.token,
                request_id: Uuid::new_v4().to_string(),
                ticket: None,
                look_in: Duration::ZERO,
            })
        });
        assert!(join_all(submitted).await.into_iter().all(Result::unwrap));
        let followed = ledger.follow("default", AT_ONCE, LEASE).await.unwrap();
        let done = followed.into_iter().map(|followed| ledger.finish(followed.held, output.clone()));
        assert!(join_all(done).await.into_iter().all(Result::unwrap));
        let offered = ledger.offer("default", "", false, AT_ONCE, LEASE).await.unwrap();
        let acknowledged =
            join_all(offered.into_iter().map(|offered| ledger.acknowledge(offered.collected.held))).await;
        finished.fetch_add(acknowledged.len() as u64, Ordering::Relaxed);
        if is_empty && acknowledged.is_empty() {
            break;
        }
        assert!(acknowledged.into_iter().all(Result::unwrap));
    }
}
