//! Streams of 100,000 events.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Extent, client,
    row::{Of, Row},
    server::BLOCK,
};

const EVENTS: usize = 100_000 / BLOCK * BLOCK;

/// The type of an event, for both.
#[derive(Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) n: usize,
    state: String,
    progress: f64,
    preview: String,
}

pub(crate) enum Model {}

impl fal_client::Endpoint for Model {
    const ID: &'static str = "acme/live";
    type Input = Input;
    type Output = Value;
}

impl fal_client::Streams for Model {
    type Event = Progress;
}

#[derive(Serialize)]
pub(crate) struct Input {}

impl fal_client::core::Parameters for Input {}

impl fal_client::IntoInput for Input {
    type Endpoint = Model;

    fn into_input(self) -> Self {
        self
    }
}

impl Progress {
    /// Uses every field, so that none is optimized away.
    fn weight(&self) -> usize {
        self.n + self.state.len() + self.preview.len() + usize::from(self.progress > 0.0)
    }
}

pub(crate) async fn measure(url: &str, extent: Extent) -> Vec<Row> {
    let rounds = if extent == Extent::Quick { 2 } else { 31 };
    let (client, raw) =
        (client(url), reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap());
    let mut rows = Vec::new();
    for (name, together) in [("stream: events", 1), ("stream: events, 64 in a chunk", 64)] {
        let path = format!("/{EVENTS}/{together}");
        let (mut raws, mut clients) = (Vec::new(), Vec::new());
        // The first round warms up.
        for round in 0..=rounds {
            // The second one benefits from a warmer cache.
            let (by_hand, by_client) = if round % 2 == 0 {
                let by_hand = timed(read_raw(&raw, url, &path)).await;
                (by_hand, timed(read(&client, &path)).await)
            } else {
                let by_client = timed(read(&client, &path)).await;
                (timed(read_raw(&raw, url, &path)).await, by_client)
            };
            assert_eq!(by_hand.1, by_client.1, "both have read the same events");
            if round > 0 {
                raws.push(EVENTS as f64 / by_hand.0);
                clients.push(EVENTS as f64 / by_client.0);
            }
        }
        rows.push(Row::against(name, "events/s", &clients, &raws).at_least(Of::Ratio, 0.9));
    }
    rows
}

async fn timed(work: impl Future<Output = usize>) -> (f64, usize) {
    let start = Instant::now();
    let read = work.await;
    (start.elapsed().as_secs_f64(), read)
}

async fn read(client: &fal_client::Client, path: &str) -> usize {
    let mut events = client.stream(Input {}).path(path).await.unwrap();
    let mut weight = 0;
    while let Some(event) = events.next().await {
        weight += event.unwrap().weight();
    }
    assert_eq!(events.count(), EVENTS as u64);
    weight
}

/// Reads the events without this crate: joins the chunks, and parses an event at every empty line.
async fn read_raw(raw: &reqwest::Client, url: &str, path: &str) -> usize {
    let request = raw.post(format!("{url}/run/acme/live{path}")).header("content-type", "application/json");
    let mut response = request.body("{}").send().await.unwrap().error_for_status().unwrap();
    let (mut buffer, mut weight, mut count) = (Vec::new(), 0, 0);
    while let Some(chunk) = response.chunk().await.unwrap() {
        buffer.extend_from_slice(&chunk);
        let mut taken = 0;
        while let Some(end) = memchr::memmem::find(&buffer[taken..], b"\n\n") {
            let event = buffer[taken..taken + end].strip_prefix(b"data: ").unwrap();
            weight += serde_json::from_slice::<Progress>(event).unwrap().weight();
            count += 1;
            taken += end + 2;
        }
        buffer.drain(..taken);
    }
    assert_eq!(count, EVENTS);
    weight
}
