//! 10,000 subscriptions in flight.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};

use crate::{
    block_on,
    model::{CAT, Input},
    raw::client,
    server::Server,
    stats::rounded,
};

const JOBS: usize = 10_000;

pub(crate) fn measure(server: &Server) -> Value {
    let state = &server.state;
    let client = client(&server.url);
    let input = Input { takes: 3_600_000, ..CAT };
    let (before, connections) =
        (state.submitted.load(Ordering::Relaxed), state.connections.load(Ordering::Relaxed));
    let (mut in_flight, mut drained) = (0.0, 0.0);
    let measured = allocation_counter::measure(|| {
        block_on(async {
            let start = Instant::now();
            let mut calls: FuturesUnordered<_> =
                (0..JOBS).map(|_| client.subscribe(input.clone()).into_future()).collect();
            let all_submitted = async {
                while state.submitted.load(Ordering::Relaxed) - before < JOBS {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                in_flight = start.elapsed().as_secs_f64();
                // All have looked at least once.
                tokio::time::sleep(Duration::from_secs(3)).await;
                state.end_all();
            };
            let mut done = 0;
            let all_done = async {
                while let Some(reply) = calls.next().await {
                    reply.unwrap();
                    done += 1;
                }
            };
            tokio::join!(all_submitted, all_done);
            assert_eq!(done, JOBS);
            drained = start.elapsed().as_secs_f64() - in_flight - 3.0;
        });
    });
    json!({
        "jobs": JOBS,
        "bytes_a_job": (measured.bytes_max as f64 / JOBS as f64).round(),
        "connections": state.connections.load(Ordering::Relaxed) - connections,
        "seconds_to_submit_all": rounded(in_flight),
        "seconds_from_completion_to_last_reply": rounded(drained),
    })
}
