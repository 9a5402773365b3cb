//! Sequential `run`.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    block_on,
    model::CAT,
    raw::{Raw, client},
    server::Server,
    stats::{median, rounded},
};

const ROUNDS: usize = 41;
const CALLS: u32 = 250;
const COUNTED: u64 = 200;

pub(crate) fn measure(server: &Server) -> Value {
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let by_hand = || async {
        raw.run(&CAT).await;
    };
    let by_client = || async {
        client.run(CAT).await.unwrap();
    };
    let (mut raws, mut clients, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut raw_allocations, mut client_allocations) = (0, 0);
    block_on(async {
        for round in 0..ROUNDS {
            // Whoever comes second finds a warmer cache.
            let (first, second) = if round % 2 == 0 {
                let first = timed(by_hand).await;
                (first, timed(by_client).await)
            } else {
                let second = timed(by_client).await;
                (timed(by_hand).await, second)
            };
            // The first round warms up.
            if round > 0 {
                raws.push(first);
                clients.push(second);
                ratios.push(first / second);
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (counter, call) in [(&mut raw_allocations, true), (&mut client_allocations, false)] {
        let one = || runtime.block_on(async { if call { by_hand().await } else { by_client().await } });
        one();
        *counter = allocation_counter::measure(|| (0..COUNTED).for_each(|_| one())).count_total;
    }
    let each = |count: u64| rounded(count as f64 / COUNTED as f64);
    json!({
        "raw_a_second": (f64::from(CALLS) / median(&raws)).round(),
        "client_a_second": (f64::from(CALLS) / median(&clients)).round(),
        "ratio": rounded(median(&ratios)),
        "raw_allocations": each(raw_allocations),
        "client_allocations": each(client_allocations),
        "allocations_beyond": rounded(each(client_allocations) - each(raw_allocations)),
    })
}

/// Seconds for a round.
async fn timed<F: Future>(call: impl Fn() -> F) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        call().await;
    }
    start.elapsed().as_secs_f64()
}
