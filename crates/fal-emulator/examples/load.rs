//! A load test: `load <binary>` starts the emulator, puts load on it and prints the measured rows as JSON;
//! `--quick` uses a light load, and `--debug` measures only what tests wait for, of a binary without optimizations. It stops at
//! the first failed request, so that rows always come from a run without failures.
//!
//! `cargo xtask bench emulator` builds the binaries and runs this example.

#[path = "../../fal-client/benches/support/row.rs"]
mod row;
#[path = "../../fal-client/benches/support/stats.rs"]
mod stats;

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::Client;
use row::{Of, Row};
use serde_json::{Value, json};
use stats::quantile;

/// The number of concurrent callers.
const CALLERS: usize = 64;

/// The options of an emulator whose requests stay queued for longer than the load test takes.
const STUCK: &[&str] = &["--queue-time", "3600000"];

/// The amount of load.
#[derive(Clone, Copy)]
struct Load {
    /// The number of starts that are timed.
    starts: usize,
    /// The number of queued requests.
    jobs: usize,
    /// The number of open connections.
    connections: usize,
    /// The number of requests that callers submit and wait for, all at the same time.
    subscribes: usize,
    /// The number of rounds of subscribes, each with a new emulator.
    subscribe_rounds: usize,
    /// The number of images that are asked for and fetched.
    images: usize,
}

const FULL: Load = Load {
    starts: 10,
    jobs: 10_000,
    connections: 1_000,
    subscribes: 2_000,
    subscribe_rounds: 5,
    images: 1_000,
};
const QUICK: Load =
    Load { starts: 2, jobs: 500, connections: 50, subscribes: 100, subscribe_rounds: 1, images: 50 };

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let binary = std::env::args().nth(1).ok_or("usage: load <binary of fal-emulator> [--quick] [--debug]")?;
    // reqwest needs a crypto provider even though every URL is plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let load = if has("--quick") { QUICK } else { FULL };
    let mut rows = start(&binary, load.starts)?;
    if !has("--debug") {
        rows.extend(queue(&binary, load).await?);
    }
    rows.extend(subscribe_rounds(&binary, load).await?);
    rows.extend(draw_images(&binary, load.images).await?);
    if has("--debug") {
        for row in &mut rows {
            row.name = row.name.replacen("emulator: ", "emulator: debug build, ", 1);
        }
    }
    row::print(&rows);
    Ok(())
}

/// Starts the emulator several times.
fn start(binary: &str, starts: usize) -> Result<Vec<Row>, BoxError> {
    let mut times = Vec::new();
    for _ in 0..starts {
        times.push(EmulatorProcess::start(binary, STUCK)?.started_in);
    }
    Ok(vec![Row::alone("emulator: start", "ms", &milliseconds(&times)).at_most(Of::Ours, 100.0)])
}

/// Fills the queue, asks for each status, and watches requests by streams.
async fn queue(binary: &str, load: Load) -> Result<Vec<Row>, BoxError> {
    let emulator = EmulatorProcess::start(binary, STUCK)?;
    let idle = emulator.memory();
    let client = Client::builder().pool_max_idle_per_host(CALLERS).build()?;
    let (submits, jobs) = submit(&client, &emulator, load.jobs).await?;
    let statuses = poll_statuses(&client, &jobs).await?;
    let queued = emulator.memory();
    let (watchers, watched) = watch(&emulator, &client, load.connections).await?;
    let (jobs, connections) = (load.jobs, load.connections);
    let mut rows = Vec::new();
    for (what, times) in [
        (format!("submit, {jobs} by {CALLERS} callers"), submits),
        (format!("status, {jobs} by {CALLERS} callers"), statuses),
        (format!("first event, {connections} connections by {CALLERS} callers"), watchers),
    ] {
        let times = milliseconds(&times);
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            rows.push(Row::alone(&format!("emulator: {what}, {name}"), "ms", &[quantile(&times, share)]));
        }
    }
    for (what, memory) in [
        ("idle".to_owned(), idle),
        (format!("{jobs} requests queued"), queued),
        (format!("{connections} connections open"), watched),
    ] {
        rows.extend(memory.map(|memory| Row::alone(&format!("emulator: memory, {what}"), "MiB", &[memory])));
    }
    Ok(rows)
}

/// An emulator process, killed when it is dropped.
struct EmulatorProcess {
    process: Child,
    urls: Value,
    started_in: Duration,
}

impl EmulatorProcess {
    fn start(binary: &str, options: &[&str]) -> Result<Self, BoxError> {
        let before = Instant::now();
        let mut process =
            Command::new(binary).args(options).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let started_in = before.elapsed();
        Ok(Self { process, urls: serde_json::from_str(&line)?, started_in })
    }

    fn url(&self, service: &str) -> &str {
        self.urls[service].as_str().unwrap_or_default()
    }

    /// Returns the resident memory in MiB; `None` where there is no `/proc`.
    fn memory(&self) -> Option<f64> {
        Some(self.status("VmRSS:")? / 1024.0)
    }

    /// Returns the largest resident memory so far in MiB; `None` where there is no `/proc`.
    fn largest_memory(&self) -> Option<f64> {
        Some(self.status("VmHWM:")? / 1024.0)
    }

    /// Returns a number of `/proc/<id>/status`.
    fn status(&self, name: &str) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

/// Submits all jobs. Returns the time that each took, and the status URLs.
async fn submit(
    client: &Client,
    emulator: &EmulatorProcess,
    jobs: usize,
) -> Result<(Vec<Duration>, Vec<String>), BoxError> {
    let url = format!("{}/fal-ai/flux/dev", emulator.url("queue"));
    let calls = stream::iter(0..jobs).map(async |number| -> Result<(Duration, String), BoxError> {
        let input = json!({"prompt": format!("cat {number}"), "seed": number});
        let before = Instant::now();
        let reply = client.post(&url).json(&input).send().await?.error_for_status()?;
        let receipt: Value = reply.json().await?;
        Ok((before.elapsed(), receipt["status_url"].as_str().ok_or("no status_url")?.to_owned()))
    });
    collect_times(calls.buffer_unordered(CALLERS).collect().await)
}

/// Fetches the status of each job once. Returns the time that each took.
async fn poll_statuses(client: &Client, jobs: &[String]) -> Result<Vec<Duration>, BoxError> {
    let calls = stream::iter(jobs).map(async |url| -> Result<(Duration, ()), BoxError> {
        let before = Instant::now();
        let status: Value = client.get(url).send().await?.error_for_status()?.json().await?;
        if status["status"] == "IN_QUEUE" { Ok((before.elapsed(), ())) } else { Err("not queued".into()) }
    });
    let (times, _) = collect_times(calls.buffer_unordered(CALLERS).collect().await)?;
    Ok(times)
}

/// Opens a status stream for each of many jobs. Returns the times to the first events, and the memory while all
/// streams are open. In the end, it cancels every job and checks that its stream ends.
async fn watch(
    emulator: &EmulatorProcess,
    client: &Client,
    connections: usize,
) -> Result<(Vec<Duration>, Option<f64>), BoxError> {
    let url = format!("{}/fal-ai/flux/dev", emulator.url("queue"));
    let watching = Client::builder().build()?;
    let opened = stream::iter(0..connections).map(async |_| -> Result<(Duration, _), BoxError> {
        let receipt: Value = client.post(&url).json(&json!({"prompt": "cat"})).send().await?.json().await?;
        let text = |name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
        let before = Instant::now();
        let mut events = watching.get(text("status_url") + "/stream").send().await?.error_for_status()?;
        let first = events.chunk().await?.ok_or("no first event")?;
        if !first.starts_with(b"data:") {
            return Err("not an event".into());
        }
        Ok((before.elapsed(), (events, text("cancel_url"))))
    });
    let (times, watchers) = collect_times(opened.buffer_unordered(CALLERS).collect().await)?;
    let memory = emulator.memory();
    let ends = stream::iter(watchers).map(async |(mut events, cancel)| -> Result<(Duration, ()), BoxError> {
        client.put(cancel).send().await?.error_for_status()?;
        let mut last = Vec::new();
        while let Some(piece) = events.chunk().await? {
            last.extend_from_slice(&piece);
        }
        if last.windows(9).any(|part| part == b"COMPLETED") {
            Ok((Duration::ZERO, ()))
        } else {
            Err("a stream ended early".into())
        }
    });
    collect_times(ends.buffer_unordered(CALLERS).collect().await)?;
    Ok((times, memory))
}

/// Measures [`subscribe`] with several emulators. The memory depends on how many calls happen to wait for their picture.
async fn subscribe_rounds(binary: &str, load: Load) -> Result<Vec<Row>, BoxError> {
    let (mut seconds, mut memory, mut threads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..load.subscribe_rounds {
        let round = subscribe(binary, load.subscribes).await?;
        seconds.push(round.seconds);
        memory.extend(round.memory);
        threads.extend(round.threads);
    }
    let name = |what: &str| format!("emulator: {} subscribes at once, {what}", load.subscribes);
    let mut rows = vec![Row::alone(&name("with their pictures"), "s", &seconds)];
    if !memory.is_empty() {
        rows.push(Row::alone(&name("memory"), "MiB", &memory).at_most(Of::Ours, 150.0));
    }
    if !threads.is_empty() {
        rows.push(Row::alone(&name("threads"), "threads", &threads).at_most(Of::Ours, 40.0));
    }
    Ok(rows)
}

/// The figures of many subscribes at once.
struct SubscribeRound {
    seconds: f64,
    /// The peak in MiB; `None` where there is no `/proc`, as for the threads.
    memory: Option<f64>,
    threads: Option<f64>,
}

/// Submits requests, waits for their ends by status streams and fetches results and pictures, all at the same time.
async fn subscribe(binary: &str, subscribes: usize) -> Result<SubscribeRound, BoxError> {
    let emulator = EmulatorProcess::start(binary, &[])?;
    let client = Client::builder().build()?;
    let (done, mut is_done) = tokio::sync::oneshot::channel::<()>();
    let most_threads = async {
        let mut most = None;
        while tokio::time::timeout(Duration::from_millis(20), &mut is_done).await.is_err() {
            let now = emulator.status("Threads:");
            most = now.filter(|now| most.is_none_or(|most| *now > most)).or(most);
        }
        most
    };
    let url = format!("{}/fal-ai/flux/dev", emulator.url("queue"));
    let before = Instant::now();
    let calls = async {
        let calls = (0..subscribes).map(async |number| -> Result<(), BoxError> {
            let input = json!({"prompt": format!("cat {number}")});
            let receipt: Value =
                client.post(&url).json(&input).send().await?.error_for_status()?.json().await?;
            let text = |name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
            let events = client.get(text("status_url") + "/stream").send().await?.error_for_status()?;
            if !events.text().await?.contains("COMPLETED") {
                return Err("a stream ended early".into());
            }
            let result: Value =
                client.get(text("response_url")).send().await?.error_for_status()?.json().await?;
            let picture = client.get(result["images"][0]["url"].as_str().ok_or("no picture")?).send().await?;
            picture.error_for_status()?.bytes().await?;
            Ok(())
        });
        let outcome: Result<Vec<()>, BoxError> =
            futures_util::future::join_all(calls).await.into_iter().collect();
        done.send(()).ok();
        outcome
    };
    let (outcome, threads) = futures_util::future::join(calls, most_threads).await;
    outcome?;
    let seconds = before.elapsed().as_secs_f64();
    Ok(SubscribeRound { seconds, memory: emulator.largest_memory(), threads })
}

/// Asks for images of the default size, each with a prompt of its own, and fetches them.
async fn draw_images(binary: &str, images: usize) -> Result<Vec<Row>, BoxError> {
    let emulator = EmulatorProcess::start(binary, &["--run-time", "0"])?;
    let client = Client::builder().pool_max_idle_per_host(CALLERS).build()?;
    let url = format!("{}/fal-ai/flux/dev", emulator.url("run"));
    let before = Instant::now();
    let calls = stream::iter(0..images).map(async |number| -> Result<(), BoxError> {
        let input = json!({"prompt": format!("cat {number}")});
        let output: Value = client.post(&url).json(&input).send().await?.error_for_status()?.json().await?;
        let picture = client.get(output["images"][0]["url"].as_str().ok_or("no picture")?).send().await?;
        picture.error_for_status()?.bytes().await?;
        Ok(())
    });
    let outcomes: Vec<Result<(), BoxError>> = calls.buffer_unordered(CALLERS).collect().await;
    outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
    let name = format!("emulator: {images} different images of FLUX, called and fetched");
    Ok(vec![Row::alone(&name, "s", &[before.elapsed().as_secs_f64()]).at_most(Of::Ours, 5.0)])
}

/// Separates times from other results; returns the first error.
fn collect_times<T>(
    outcomes: Vec<Result<(Duration, T), BoxError>>,
) -> Result<(Vec<Duration>, Vec<T>), BoxError> {
    Ok(outcomes.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
}

fn milliseconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1000.0).collect()
}
