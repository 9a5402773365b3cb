//! An output of 4 MB in one data URI.

use std::time::Instant;

use fal_flux::dev;
use serde_json::{Value, json};

use crate::{
    block_on,
    model::{CAT, Input, Output},
    raw::{Raw, client},
    server::Server,
    stats::{median, rounded},
};

const BYTES: usize = 4 << 20;
const ROUNDS: usize = 60;

pub(crate) fn measure(server: &Server) -> Value {
    let (raw, client) = (Raw::new(&server.url), client(&server.url));
    let input = Input { bytes: BYTES, ..CAT };
    let (mut calls, mut decodes) = (Vec::new(), Vec::new());
    block_on(async {
        for _ in 0..ROUNDS {
            let start = Instant::now();
            raw.run(&input).await;
            let by_hand = start.elapsed().as_secs_f64();
            let start = Instant::now();
            let reply = client.run(input.clone()).await.unwrap();
            calls.push(by_hand / start.elapsed().as_secs_f64());
            drop(reply);
        }
    });
    // The generated type of a model, without the network.
    let output = json!({
        "images": [{ "url": format!("data:image/png;base64,{}", "iVBORw0K".repeat(BYTES / 8)), "width": 1, "height": 1 }],
        "seed": 42, "prompt": "a cat", "completed_at": 0, "timings": {}, "has_nsfw_concepts": [false],
    });
    let body = output.to_string();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::hint::black_box(serde_json::from_slice::<Output>(body.as_bytes()).unwrap());
        let derived = start.elapsed().as_secs_f64();
        let start = Instant::now();
        std::hint::black_box(serde_json::from_slice::<dev::Output>(body.as_bytes()).unwrap());
        decodes.push(derived / start.elapsed().as_secs_f64());
    }
    json!({
        "bytes": BYTES,
        "ratio": rounded(median(&calls)),
        "ratio_of_generated_type": rounded(median(&decodes)),
    })
}
