//! A batch whose workers are killed and have wrong clocks, whose database crashes, whose network stops and breaks, and whose
//! answers and webhooks are lost, doubled and late.
//!
//! Afterwards, fal has accepted exactly one request for each input, every output was handled, and the budget holds. `cargo test`
//! runs a short form, and `cargo xtask fleet-chaos` a longer one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(dead_code, reason = "the cluster has more than one user")]

mod clock;
#[path = "../support/cluster.rs"]
mod cluster;
mod proxy;
mod server;

use std::{
    env, fs,
    net::Ipv4Addr,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use clock::Clock;
use cluster::Cluster;
use fal_client::{
    Client, Usd,
    batch::Budget,
    reconcile::Reconcile,
    untyped::{self, Any},
    webhook::Verifier,
};
use fal_fleet::{BatchStatus, Fleet, Webhooks};
use http::{HeaderMap, StatusCode, Uri};
use proxy::{Proxy, Upstream};
use serde_json::json;
use server::{Light, Server};
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Child, process::Command};

const DEV: &str = "fal-ai/flux/dev";
const WORKER: &str = "FAL_CHAOS_WORKER";
const SUBMITS: &str = "FAL_CHAOS_SUBMITS";

/// The time between two kills of a worker.
const KILL_EVERY: Duration = Duration::from_secs(2);
/// The time between two crashes of the database. Five times as long in runs of 500,000 requests and more, as for faults.
const CRASH_EVERY: Duration = Duration::from_secs(15);
/// The number of kills between two faults of the network. They last up to longer than a lease, and less than the time after which
/// a request that fal does not list counts as one that was not accepted.
const KILLS_PER_FAULT: usize = 3;
const STALLS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_millis(300), Duration::from_secs(10)];
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
    /// The number of requests that are under way at the same time.
    at_once: usize,
    /// Uses a light server in place of the emulator.
    light: bool,
}

impl Arguments {
    /// Reads `--requests`, `--workers`, `--at-once` and `--light`, and leaves arguments of `cargo test` out.
    fn parse() -> Self {
        let arguments: Vec<String> = env::args().collect();
        let number = |name: &str, default: usize| {
            let place = arguments.iter().position(|argument| argument == name);
            let value = place.and_then(|place| arguments.get(place + 1));
            value.map_or(default, |value| {
                value.parse().unwrap_or_else(|_| panic!("{name} {value} is not a number"))
            })
        };
        Self {
            requests: number("--requests", 1500),
            workers: number("--workers", 3),
            at_once: number("--at-once", 40),
            light: arguments.iter().any(|argument| argument == "--light"),
        }
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
    let submits: usize = env::var(SUBMITS).unwrap().parse().unwrap();
    let worker = fleet
        .worker(client)
        .submits_at_once(submits)
        .handlers_at_once(2 * submits)
        .lease(Duration::from_secs(8))
        .poll_interval(Duration::from_millis(50))
        .reconcile_settings(
            // One machine, so that the clocks of fal and of the database are one.
            Reconcile::default()
                .lag(Duration::from_secs(15))
                .first_pause(Duration::from_millis(500))
                .clock_skew(Duration::from_secs(2)),
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
    let Some(cluster) = Cluster::start(&format!("{} -c autovacuum_naptime=1s", cluster::QUICK)) else {
        assert!(env::var_os("FAL_REQUIRE_DATABASE").is_none(), "PostgreSQL is required, and not installed");
        println!("skipped: install PostgreSQL 15 or later (`apt-get install postgresql`)");
        return;
    };
    let url = cluster.url("postgres");
    let fleet = Fleet::connect(&url).await.unwrap();
    cluster::execute(&url, "create table output (key text primary key, handled int not null)").await;
    // A crash forgets how many rows were changed, and the database crashes before it is a part of a large table.
    let vacuum = "alter table fal.request set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)";
    cluster::execute(&url, vacuum).await;
    let (server, hooks) = start_server(arguments, &fleet).await;

    let start = Instant::now();
    let inputs = (0..arguments.requests)
        .map(|index| (index, untyped::input(DEV, json!({ "prompt": "a cat", "seed": index }))));
    // A cent for each, and one more for those that are under way at the end.
    let budget = Budget::new(Usd::cents(arguments.requests as u64)).max_per_request(Usd::cents(1));
    let batch =
        fleet.batch("chaos").concurrency(arguments.at_once).webhook(hooks).reconcile(true).budget(budget);
    batch.enqueue(inputs).await.unwrap();
    println!("{} requests added in {:.1?}", arguments.requests, start.elapsed());

    let start = Instant::now();
    let mut chaos = Chaos::start(&cluster, server, arguments).await;
    let status = chaos.until_finished(&cluster, &fleet, arguments.requests).await;
    let rate = arguments.requests as f64 / start.elapsed().as_secs_f64();
    println!("{status}");
    println!("{:.0?}, {rate:.0} requests/s; {}", start.elapsed(), chaos.summary());
    let accepted = chaos.stop().await;
    check(arguments.requests, &status, accepted, &url).await;
}

/// Starts the fal of a run, and the receiver of its webhooks. Returns it with the URL of webhooks.
async fn start_server(arguments: &Arguments, fleet: &Fleet) -> (Server, String) {
    if arguments.light {
        let light = Light::start(arguments.requests).await;
        light.deliver_to(fleet.webhooks(light.verifier()));
        return (Server::Light(light), "http://127.0.0.1/fal".to_owned());
    }
    let server = Server::emulator(arguments.requests).await;
    let client = Client::builder().emulator(server.url()).build().unwrap();
    let hooks = serve(fleet.webhooks(Verifier::new(&client))).await;
    (server, hooks)
}

async fn serve(webhooks: Webhooks) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/fal", listener.local_addr().unwrap());
    let handler =
        move |uri: Uri, headers: HeaderMap, body: Bytes| receive(webhooks.clone(), uri, headers, body);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/fal", post(handler))).await });
    url
}

/// Compares what fal has accepted with the ledger and with the outputs.
async fn check(requests: usize, status: &BatchStatus, accepted: u64, url: &str) {
    let requests = requests as u64;
    assert_eq!((status.done, status.acknowledged, status.failed), (requests, requests, 0), "{status}");
    assert_eq!(accepted, requests, "the number of requests that fal has accepted");
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
struct Chaos {
    /// The database and fal, as the workers see them.
    database: Proxy,
    fal: Proxy,
    server: Server,
    clocks: Vec<Clock>,
    /// The files of the clocks.
    _folder: TempDir,
    workers: Vec<Child>,
    /// The number of requests that a worker submits at the same time.
    submits: usize,
    kills: usize,
    crashes: usize,
    faults: usize,
    largest: u64,
}

impl Chaos {
    async fn start(cluster: &Cluster, server: Server, arguments: &Arguments) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chaos = Self {
            database: Proxy::start(Upstream::Unix(cluster.socket())).await,
            fal: Proxy::start(Upstream::Tcp(server.url().trim_start_matches("http://").to_owned())).await,
            server,
            clocks: (0..arguments.workers).map(|worker| Clock::new(folder.path(), worker)).collect(),
            _folder: folder,
            workers: Vec::new(),
            // Each of them is in doubt when its worker is killed, and takes a place until that is decided.
            submits: (arguments.at_once / 60).clamp(4, 16),
            kills: 0,
            crashes: 0,
            faults: 0,
            largest: 0,
        };
        chaos.workers = (0..arguments.workers).map(|worker| chaos.start_worker(worker)).collect();
        chaos
    }

    fn start_worker(&self, worker: usize) -> Child {
        let database = format!("host=127.0.0.1 port={} user=fal dbname=postgres", self.database.port);
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .env(WORKER, format!("http://127.0.0.1:{}", self.fal.port))
            .env("FAL_CHAOS_DATABASE", database)
            .env(SUBMITS, self.submits.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        self.clocks[worker].set(&mut command);
        command.spawn().unwrap()
    }

    /// Stops the workers, and returns the number of requests that fal has accepted.
    async fn stop(mut self) -> u64 {
        for worker in &mut self.workers {
            worker.kill().await.unwrap();
        }
        self.server.accepted().await
    }

    /// Stops or breaks one of the networks, and moves the clock of one worker.
    fn disturb(&mut self) {
        let network = if self.faults.is_multiple_of(2) { &self.database } else { &self.fal };
        match self.faults / 2 % 3 {
            2 => network.cut(),
            nth => network.stall(STALLS[(self.faults / 6 * 2 + nth) % STALLS.len()]),
        }
        self.faults += 1;
        self.clocks[self.faults % self.clocks.len()].step(self.faults);
    }

    /// Kills workers and crashes the database until the batch is finished.
    async fn until_finished(&mut self, cluster: &Cluster, fleet: &Fleet, requests: usize) -> BatchStatus {
        let (mut crashed, mut moved, mut last) = (Instant::now(), Instant::now(), (0, 0));
        let mut spares = false;
        // The state of a large batch takes the database a second or more, and a long run has more faults in all.
        let scale = (requests / 100_000).clamp(1, 5);
        let (look_every, crash_every) = (KILL_EVERY * scale as u32, CRASH_EVERY * scale as u32);
        let mut looked = Instant::now();
        loop {
            tokio::time::sleep(KILL_EVERY).await;
            // A doubt may need a longer look than a worker lives.
            if !spares {
                self.kill_one().await;
                if self.kills.is_multiple_of(KILLS_PER_FAULT * scale) {
                    self.disturb();
                }
            }
            if crashed.elapsed() >= crash_every {
                cluster.crash();
                self.crashes += 1;
                crashed = Instant::now();
            }
            if looked.elapsed() < look_every {
                continue;
            }
            let Ok(status) = fleet.batch("chaos").status().await else { continue };
            looked = Instant::now();
            if status.is_finished() {
                return status;
            }
            spares = status.waiting + status.under_way == 0;
            // About one answer in a hundred is lost.
            for _ in 0..(status.done - last.0).div_ceil(100).max(1) {
                self.server.lose_an_answer();
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
        self.workers[index] = self.start_worker(index);
        self.kills += 1;
    }

    fn summary(&self) -> String {
        let clocks = match self.clocks.iter().all(Clock::is_installed) {
            true => "with wrong clocks that step",
            false => "with right clocks, because libfaketime is not installed",
        };
        format!(
            "{} workers {clocks}, {} kills, {} crashes of the database, {} faults of the network, {} answers lost, {} MiB in the \
             largest worker",
            self.workers.len(),
            self.kills,
            self.crashes,
            self.faults,
            self.server.lost(),
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
