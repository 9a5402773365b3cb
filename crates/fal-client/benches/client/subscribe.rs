//! Subscriptions, 64 at once, to jobs of 200 ms.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{
    Extent, block_on,
    model::{CAT, Input},
    raw::{Raw, client},
    row::{Of, Row},
    server::{Server, now},
    stats::{median, quantile},
};

const AT_ONCE: usize = 64;
const JOB: u64 = 200;
/// The run time of jobs that are measured one after the other. Of 64 that end at once, most wait for the others.
const SHORT: u64 = 10;

/// Times in milliseconds, one for each round.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// The time between the end of the job and the end of the call.
    latency_p50: Vec<f64>,
    latency_p99: Vec<f64>,
}

impl Times {
    fn add(&mut self, round: &[(Duration, u64)]) {
        let calls: Vec<f64> = round.iter().map(|(call, _)| call.as_secs_f64() * 1e3).collect();
        let latencies: Vec<f64> = round.iter().map(|(_, latency)| *latency as f64 / 1e6).collect();
        self.p50.push(median(&calls));
        self.p99.push(quantile(&calls, 0.99));
        self.latency_p50.push(median(&latencies));
        self.latency_p99.push(quantile(&latencies, 0.99));
    }
}

pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let input = Input { takes: JOB, ..CAT };
    let (mut raws, mut clients) = (Times::default(), Times::default());
    let (mut trips, mut alone, mut raw_alone) = (Vec::new(), Vec::new(), Vec::new());
    let short = Input { takes: SHORT, ..CAT };
    block_on(async {
        for round in 0..=extent.select(8, 2) {
            let raw_round = join_all((0..AT_ONCE).map(|_| async {
                let start = Instant::now();
                let completed_at = raw.subscribe(&input).await.completed_at;
                (start.elapsed(), now() - completed_at)
            }))
            .await;
            let client_round = join_all((0..AT_ONCE).map(|_| async {
                let start = Instant::now();
                let completed_at = client.subscribe(input.clone()).await.unwrap().completed_at;
                (start.elapsed(), now() - completed_at)
            }))
            .await;
            let start = Instant::now();
            client.endpoint::<crate::model::Model>().job("0").result().await.unwrap();
            trips.push(start.elapsed().as_secs_f64() * 1e3);
            // The first round makes the connections.
            if round > 0 {
                raws.add(&raw_round);
                clients.add(&client_round);
            }
        }
        for _ in 0..extent.select(100, 10) {
            let completed_at = raw.subscribe(&short).await.completed_at;
            raw_alone.push((now() - completed_at) as f64 / 1e6);
            let completed_at = client.subscribe(short.clone()).await.unwrap().completed_at;
            alone.push((now() - completed_at) as f64 / 1e6);
        }
    });
    let job = vec![JOB as f64; raws.p50.len()];
    let of_job = |name: &str, ours: &[f64], raw: &[f64], target: f64| {
        Row::against(name, "ms", ours, &job).at_most(Of::Ratio, target).peer("raw reqwest", median(raw))
    };
    vec![
        of_job("client: 64 subscribes to jobs of 200 ms, p50", &clients.p50, &raws.p50, 1.03),
        of_job("client: 64 subscribes to jobs of 200 ms, p99", &clients.p99, &raws.p99, 1.1),
        Row::against("client: end of a job to its reply, one at a time", "ms", &alone, &raw_alone),
        Row::against(
            "client: end of a job to its reply, 64 at once, p50",
            "ms",
            &clients.latency_p50,
            &raws.latency_p50,
        ),
        Row::against(
            "client: end of a job to its reply, 64 at once, p99",
            "ms",
            &clients.latency_p99,
            &raws.latency_p99,
        ),
        Row::alone("client: result of a finished job", "ms", &trips),
    ]
}
