//! A batch whose workers are killed, whose database crashes, and whose answers and webhooks are lost, doubled and late.
//!
//! Afterwards, fal has accepted exactly one request for each input, every output was handled, and the budget holds. `cargo test`
//! runs a short form, and `cargo xtask fleet-chaos` a longer one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(dead_code, reason = "the cluster has more than one user")]

#[path = "../support/cluster.rs"]
mod cluster;

use std::{
    env, fs,
    net::Ipv4Addr,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use cluster::Cluster;
use fal_client::{
    Client, Usd,
    batch::Budget,
    reconcile::Reconcile,
    untyped::{self, Any},
    webhook::Verifier,
};
use fal_emulator::{Emulator, FaultPoint, Pace, RequestKind};
use fal_fleet::{BatchStatus, Fleet, Webhooks};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;
use tokio::{net::TcpListener, process::Child, process::Command};

const DEV: &str = "fal-ai/flux/dev";
const WORKER: &str = "FAL_CHAOS_WORKER";

/// The time between two kills of a worker.
const KILL_EVERY: Duration = Duration::from_secs(2);
/// The time between two crashes of the database.
const CRASH_EVERY: Duration = Duration::from_secs(15);
/// The time without progress after which the run has failed.
const PATIENCE: Duration = Duration::from_secs(180);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match env::var(WORKER) {
        Ok(emulator) => runtime.block_on(work(&emulator)),
        Err(_) => runtime.block_on(run(&Arguments::parse())),
    }
}

struct Arguments {
    requests: usize,
    workers: usize,
}

impl Arguments {
    /// Reads `--requests` and `--workers`, and leaves arguments of `cargo test` out.
    fn parse() -> Self {
        let arguments: Vec<String> = env::args().collect();
        let number = |name: &str, default: usize| {
            let place = arguments.iter().position(|argument| argument == name);
            let value = place.and_then(|place| arguments.get(place + 1));
            value.map_or(default, |value| {
                value.parse().unwrap_or_else(|_| panic!("{name} {value} is not a number"))
            })
        };
        Self { requests: number("--requests", 1500), workers: number("--workers", 3) }
    }
}

/// A worker process, which runs until it is killed.
async fn work(emulator: &str) {
    let url = env::var("FAL_CHAOS_DATABASE").unwrap();
    // The database may be down when the process starts.
    let fleet = loop {
        match Fleet::connect(&url).await {
            Ok(fleet) => break fleet,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let client = Client::builder().emulator(emulator).build().unwrap();
    let outputs = cluster::connect(&url).await;
    let outputs = tokio::sync::Mutex::new(outputs);
    let worker = fleet
        .worker(client)
        .submits_at_once(4)
        .handlers_at_once(8)
        .lease(Duration::from_secs(8))
        .poll_interval(Duration::from_millis(50))
        .reconcile_settings(
            Reconcile::default().lag(Duration::from_secs(3)).first_pause(Duration::from_millis(500)),
        );
    let handler = async |done: fal_fleet::Done<Any>| {
        assert_eq!(done.reply()?["images"].as_array().map(Vec::len), Some(1));
        let mut outputs = outputs.lock().await;
        if outputs.is_closed() {
            *outputs = cluster::connect(&url).await;
        }
        let statement = "insert into output (key, handled) values ($1, 1) on conflict (key) do update set handled = output.handled + 1";
        outputs.execute(statement, &[&done.key()]).await?;
        Ok(())
    };
    worker.run::<Any, _>(handler).await.unwrap();
}

/// Receives deliveries: some twice, some late, and some not at all, after which they come again.
async fn receive(webhooks: Webhooks, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    match COUNT.fetch_add(1, Ordering::Relaxed) % 20 {
        0 | 1 => {
            webhooks.handle(&uri, &headers, body.clone()).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            webhooks.handle(&uri, &headers, body).await
        }
        2 | 3 => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                webhooks.handle(&uri, &headers, body).await
            });
            StatusCode::OK
        }
        4 => StatusCode::BAD_GATEWAY,
        _ => webhooks.handle(&uri, &headers, body).await,
    }
}

async fn run(arguments: &Arguments) {
    let Some(cluster) = Cluster::start(cluster::QUICK) else {
        assert!(env::var_os("FAL_REQUIRE_DATABASE").is_none(), "PostgreSQL is required, and not installed");
        println!("skipped: install PostgreSQL 15 or later (`apt-get install postgresql`)");
        return;
    };
    let url = cluster.url("postgres");
    let pace = Pace::instant().run(Duration::from_millis(20));
    let emulator = Emulator::builder()
        .pace(pace)
        .keep(arguments.requests * 2)
        .webhook_retries(vec![Duration::from_secs(1); 5])
        .start()
        .await
        .unwrap();
    let fleet = Fleet::connect(&url).await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    cluster::execute(&url, "create table output (key text primary key, handled int not null)").await;
    let hooks = serve(fleet.webhooks(Verifier::new(&client))).await;

    let start = Instant::now();
    let inputs = (0..arguments.requests)
        .map(|index| (index, untyped::input(DEV, json!({ "prompt": "a cat", "seed": index }))));
    // A cent for each, and one more for those that are under way at the end.
    let budget = Budget::new(Usd::cents(arguments.requests as u64)).max_per_request(Usd::cents(1));
    let batch = fleet.batch("chaos").concurrency(40).webhook(hooks).reconcile(true).budget(budget);
    batch.enqueue(inputs).await.unwrap();
    println!("{} requests added in {:.1?}", arguments.requests, start.elapsed());

    let start = Instant::now();
    let mut chaos = Chaos::new(&url, &emulator, arguments.workers);
    let status = chaos.until_finished(&cluster, &fleet).await;
    let rate = arguments.requests as f64 / start.elapsed().as_secs_f64();
    println!("{status}");
    println!("{:.0?}, {rate:.0} requests/s; {}", start.elapsed(), chaos.summary());
    drop(chaos);
    check(arguments.requests, &status, &emulator, &url).await;
}

async fn serve(webhooks: Webhooks) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/fal", listener.local_addr().unwrap());
    let handler =
        move |uri: Uri, headers: HeaderMap, body: Bytes| receive(webhooks.clone(), uri, headers, body);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/fal", post(handler))).await });
    url
}

/// Compares what the emulator has done with the ledger and with the outputs.
async fn check(requests: usize, status: &BatchStatus, emulator: &Emulator, url: &str) {
    let requests = requests as u64;
    assert_eq!((status.done, status.acknowledged, status.failed), (requests, requests, 0), "{status}");
    let charged = emulator.cost().await;
    assert_eq!(charged.calls, requests, "the number of requests that fal has accepted");
    assert_eq!((status.spent, status.reserved), (Usd::cents(requests), Usd::ZERO), "the budget");
    let database = cluster::connect(url).await;
    let row =
        database.query_one("select count(*), coalesce(sum(handled), 0) from output", &[]).await.unwrap();
    let (outputs, handled): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(outputs as u64, requests, "the number of outputs that were handled");
    println!(
        "each of {requests} inputs was accepted once and handled; {} handlers ran a second time",
        handled - outputs
    );
}

/// The workers, and what happens to them.
struct Chaos<'a> {
    url: &'a str,
    emulator: &'a Emulator,
    workers: Vec<Child>,
    kills: usize,
    crashes: usize,
    lost: Vec<fal_emulator::Rule>,
    largest: u64,
}

impl<'a> Chaos<'a> {
    fn new(url: &'a str, emulator: &'a Emulator, workers: usize) -> Self {
        let mut chaos =
            Self { url, emulator, workers: Vec::new(), kills: 0, crashes: 0, lost: Vec::new(), largest: 0 };
        chaos.workers = (0..workers).map(|_| chaos.start_worker()).collect();
        chaos
    }

    fn start_worker(&self) -> Child {
        Command::new(env::current_exe().unwrap())
            .env(WORKER, self.emulator.url())
            .env("FAL_CHAOS_DATABASE", self.url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Kills workers and crashes the database until the batch is finished.
    async fn until_finished(&mut self, cluster: &Cluster, fleet: &Fleet) -> BatchStatus {
        let (mut crashed, mut moved, mut last) = (Instant::now(), Instant::now(), (0, 0));
        let mut spares = false;
        loop {
            tokio::time::sleep(KILL_EVERY).await;
            // A doubt may need a longer look than a worker lives.
            if !spares {
                self.kill_one().await;
            }
            if crashed.elapsed() >= CRASH_EVERY {
                cluster.crash();
                self.crashes += 1;
                crashed = Instant::now();
            }
            let Ok(status) = fleet.batch("chaos").status().await else { continue };
            if status.is_finished() {
                return status;
            }
            spares = status.waiting + status.under_way == 0;
            // About one answer in a hundred is lost.
            for _ in 0..(status.done - last.0).div_ceil(100).max(1) {
                self.lost
                    .push(self.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1));
            }
            if (status.done, status.acknowledged) != last {
                (last, moved) = ((status.done, status.acknowledged), Instant::now());
            }
            assert!(moved.elapsed() < PATIENCE, "nothing moves: {status}");
        }
    }

    async fn kill_one(&mut self) {
        let index = self.kills % self.workers.len();
        if let Some(id) = self.workers[index].id() {
            self.largest = self.largest.max(resident_kib(id));
        }
        self.workers[index].kill().await.unwrap();
        self.workers[index] = self.start_worker();
        self.kills += 1;
    }

    fn summary(&self) -> String {
        let lost: usize = self.lost.iter().map(fal_emulator::Rule::hits).sum();
        format!(
            "{} workers, {} kills, {} crashes of the database, {lost} answers lost, {} MiB in the largest worker",
            self.workers.len(),
            self.kills,
            self.crashes,
            self.largest / 1024
        )
    }
}

/// Returns the memory of a process, on Linux.
fn resident_kib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
