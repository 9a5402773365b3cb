//! 64 concurrent `subscribe`s of a job of 200 ms.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    block_on,
    model::{CAT, Input},
    raw::{Raw, client},
    server::{Server, now},
    stats::{quantile, rounded},
};

const AT_ONCE: usize = 64;
const ROUNDS: usize = 8;
const JOB: u64 = 200;
/// Jobs one after the other: of 64 that end at once, most wait for the others.
const ALONE: usize = 100;
const SHORT: u64 = 10;

/// Milliseconds of calls, and from the moment at which the job was completed to their ends.
#[derive(Default)]
struct Times {
    calls: Vec<f64>,
    latencies: Vec<f64>,
}

pub(crate) fn measure(server: &Server) -> Value {
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let input = Input { takes: JOB, ..CAT };
    let (mut raws, mut clients) = (Times::default(), Times::default());
    let (mut trips, mut alone, mut raw_alone) = (Vec::new(), Vec::new(), Vec::new());
    let short = Input { takes: SHORT, ..CAT };
    block_on(async {
        for round in 0..=ROUNDS {
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
            client.job::<crate::model::Model>("0").result().await.unwrap();
            trips.push(start.elapsed().as_secs_f64() * 1e3);
            for (times, round_of) in [(&mut raws, raw_round), (&mut clients, client_round)] {
                // The first round makes the connections.
                for (call, latency) in round_of.into_iter().filter(|_| round > 0) {
                    times.calls.push(call.as_secs_f64() * 1e3);
                    times.latencies.push(latency as f64 / 1e6);
                }
            }
        }
        for _ in 0..ALONE {
            let completed_at = raw.subscribe(&short).await.completed_at;
            raw_alone.push((now() - completed_at) as f64 / 1e6);
            let completed_at = client.subscribe(short.clone()).await.unwrap().completed_at;
            alone.push((now() - completed_at) as f64 / 1e6);
        }
    });
    let job = JOB as f64;
    let figure = |times: &[f64], part| rounded(quantile(times, part));
    json!({
        "raw_p50_ms": figure(&raws.calls, 0.5),
        "raw_p99_ms": figure(&raws.calls, 0.99),
        "client_p50_ms": figure(&clients.calls, 0.5),
        "client_p99_ms": figure(&clients.calls, 0.99),
        "p50_of_job": rounded(quantile(&clients.calls, 0.5) / job),
        "p99_of_job": rounded(quantile(&clients.calls, 0.99) / job),
        "p50_to_raw": rounded(quantile(&clients.calls, 0.5) / quantile(&raws.calls, 0.5)),
        "p99_to_raw": rounded(quantile(&clients.calls, 0.99) / quantile(&raws.calls, 0.99)),
        "raw_completion_latency_p50_ms": figure(&raws.latencies, 0.5),
        "client_completion_latency_p50_ms": figure(&clients.latencies, 0.5),
        "client_completion_latency_p99_ms": figure(&clients.latencies, 0.99),
        "raw_completion_latency_alone_p50_ms": figure(&raw_alone, 0.5),
        "client_completion_latency_alone_p50_ms": figure(&alone, 0.5),
        "client_completion_latency_alone_p99_ms": figure(&alone, 0.99),
        "one_round_trip_ms": figure(&trips, 0.5),
    })
}
