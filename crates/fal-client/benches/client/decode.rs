//! An output of 4 MB in one data URI.

use std::time::Instant;

use fal_flux::dev;
use serde_json::json;

use crate::{
    Extent, block_on,
    model::{CAT, Input, Output},
    raw::{Raw, client},
    row::{Of, Row},
    server::Server,
};

const BYTES: usize = 4 << 20;

/// Megabytes a second.
fn rate(start: Instant) -> f64 {
    BYTES as f64 / 1e6 / start.elapsed().as_secs_f64()
}

pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let rounds = extent.select(60, 5);
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let input = Input { bytes: BYTES, ..CAT };
    let (mut raws, mut clients) = (Vec::new(), Vec::new());
    block_on(async {
        for _ in 0..rounds {
            let start = Instant::now();
            let by_hand = raw.run(&input).await;
            raws.push(rate(start));
            drop(by_hand);
            let start = Instant::now();
            let reply = client.run(input.clone()).await.unwrap();
            clients.push(rate(start));
            drop(reply);
        }
    });
    // The generated type of a model, without the network.
    let output = json!({
        "images": [{ "url": format!("data:image/png;base64,{}", "iVBORw0K".repeat(BYTES / 8)), "width": 1, "height": 1 }],
        "seed": 42, "prompt": "a cat", "completed_at": 0, "timings": {}, "has_nsfw_concepts": [false],
    });
    let body = output.to_string();
    let (mut derived, mut generated) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        std::hint::black_box(serde_json::from_slice::<Output>(body.as_bytes()).unwrap());
        derived.push(rate(start));
        let start = Instant::now();
        std::hint::black_box(serde_json::from_slice::<dev::Output>(body.as_bytes()).unwrap());
        generated.push(rate(start));
    }
    vec![
        Row::against("client: run, an output of 4 MiB", "MB/s", &clients, &raws).at_least(Of::Ratio, 0.9),
        Row::against("client: reading an output of 4 MiB", "MB/s", &generated, &derived)
            .at_least(Of::Ratio, 0.9),
    ]
}
