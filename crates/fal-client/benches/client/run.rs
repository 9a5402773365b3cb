//! Direct calls, one after the other and many at once.

use std::time::Instant;

use futures_util::{StreamExt, stream};

use crate::{
    Extent, block_on,
    model::CAT,
    raw::{Raw, client},
    row::{Of, Row},
    server::Server,
};

const AT_ONCE: usize = 64;
pub(crate) const CALLS: usize = 250;
const COUNTED: usize = 200;

pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let by_hand = || async {
        raw.run(&CAT).await;
    };
    let by_client = || async {
        client.run(CAT).await.unwrap();
    };
    let rounds = extent.select(40, 4);
    let mut rows = Vec::new();
    for (name, at_once, calls) in
        [("client: run, one after the other", 1, CALLS), ("client: run, 64 at once", AT_ONCE, 4 * CALLS)]
    {
        let (mut raws, mut clients) = (Vec::new(), Vec::new());
        block_on(async {
            // The first round warms up.
            for round in 0..=rounds {
                // The order alternates, because the second one finds a warmer cache.
                let (first, second) = if round % 2 == 0 {
                    let first = rate(by_hand, at_once, calls).await;
                    (first, rate(by_client, at_once, calls).await)
                } else {
                    let second = rate(by_client, at_once, calls).await;
                    (rate(by_hand, at_once, calls).await, second)
                };
                if round > 0 {
                    raws.push(first);
                    clients.push(second);
                }
            }
        });
        rows.push(Row::against(name, "calls/s", &clients, &raws).at_least(Of::Ratio, 0.95));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let count = |one: &dyn Fn()| {
        one();
        allocation_counter::measure(|| (0..COUNTED).for_each(|_| one())).count_total as f64 / COUNTED as f64
    };
    let ours = count(&|| runtime.block_on(by_client()));
    let floor = count(&|| runtime.block_on(by_hand()));
    rows.push(
        Row::against("client: allocations of a run", "allocations", &[ours], &[floor])
            .at_most(Of::Difference, 3.0),
    );
    rows
}

/// Calls a second.
pub(crate) async fn rate<F: Future>(call: impl Fn() -> F, at_once: usize, calls: usize) -> f64 {
    let start = Instant::now();
    stream::iter(0..calls).map(|_| call()).buffer_unordered(at_once).for_each(|_| async {}).await;
    calls as f64 / start.elapsed().as_secs_f64()
}
