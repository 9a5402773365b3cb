//! Thousands of subscriptions in flight.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    Extent, block_on,
    model::{CAT, Input},
    raw::client,
    row::{Of, Row},
    server::Server,
};

pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let (jobs, count) = extent.select((10_000, "10,000"), (500, "500"));
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
                (0..jobs).map(|_| client.subscribe(input.clone()).into_future()).collect();
            let all_submitted = async {
                while state.submitted.load(Ordering::Relaxed) - before < jobs {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                in_flight = start.elapsed().as_secs_f64();
                // Time for each to poll at least once.
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
            assert_eq!(done, jobs);
            drained = start.elapsed().as_secs_f64() - in_flight - 3.0;
        });
    });
    let connections = state.connections.load(Ordering::Relaxed) - connections;
    let row = |name: &str, unit: &str, figure: f64| {
        Row::alone(&format!("client: {count} jobs in flight, {name}"), unit, &[figure])
    };
    vec![
        row("memory of each", "bytes", (measured.bytes_max as f64 / jobs as f64).round())
            .at_most(Of::Ours, 8192.0),
        row("connections", "connections", connections as f64),
        row("submitting them", "s", in_flight),
        row("from their end to the last reply", "s", drained),
    ]
}
