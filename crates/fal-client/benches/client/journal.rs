//! A batch that is run again with the journal of a run that has finished.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::atomic::Ordering,
    time::Instant,
};

use fal_client::{
    Client,
    batch::{Completions, FileJournal},
};
use futures_util::future::join_all;
use serde_json::Value;

use crate::{
    Extent, block_on,
    model::{CAT, Model},
    raw::client,
    row::{Of, Row},
    server::Server,
};

const AT_ONCE: usize = 64;

pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let (inputs, count) = extent.select((10_000, "10,000"), (200, "200"));
    let rounds = extent.select(9, 2);
    let client = client(&server.url);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cats.jsonl");
    block_on(async {
        let start = Instant::now();
        assert_eq!(outputs(&mut open(&client, &path, inputs).await).await.len(), inputs);
        let first = inputs as f64 / start.elapsed().as_secs_f64();
        let submitted = server.state.submitted.load(Ordering::Relaxed);
        let again = rerun(&client, &path, inputs, inputs, rounds).await;
        let mut batch = open(&client, &path, inputs).await;
        let keys = outputs(&mut batch).await;
        join_all(keys.iter().map(|key| batch.acknowledge(key))).await.into_iter().for_each(Result::unwrap);
        drop(batch);
        let acknowledged = rerun(&client, &path, inputs, 0, rounds).await;
        assert_eq!(server.state.submitted.load(Ordering::Relaxed), submitted, "a rerun sends nothing");
        let name = |what: &str| format!("client: batch of {count} with a journal, {what}");
        let row = |what, (ours, floor): (Vec<f64>, Vec<f64>)| Row::against(&name(what), "s", &ours, &floor);
        vec![
            Row::alone(&name("first run"), "inputs/s", &[first]),
            row("rerun with all outputs in it", again).at_most(Of::Ours, 1.0),
            row("rerun with all acknowledged", acknowledged).at_most(Of::Ours, 1.0),
        ]
    })
}

async fn open(client: &Client, path: &Path, inputs: usize) -> Completions<Model, usize> {
    let journal = FileJournal::open(path).unwrap();
    let batch = client.batch_by_key((0..inputs).map(|key| (key, CAT)));
    batch.concurrency(AT_ONCE).keep_outputs().journal(journal).as_completed().await.unwrap()
}

/// Waits for all outputs, and returns their keys.
async fn outputs(batch: &mut Completions<Model, usize>) -> Vec<usize> {
    let mut keys = Vec::new();
    while let Some((key, reply)) = batch.next().await {
        reply.unwrap();
        keys.push(key);
    }
    keys
}

/// Returns the times of reruns, and those of parsing the lines of the journal alone.
async fn rerun(
    client: &Client,
    path: &Path,
    inputs: usize,
    expected: usize,
    rounds: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        assert_eq!(outputs(&mut open(client, path, inputs).await).await.len(), expected);
        ours.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for line in BufReader::new(File::open(path).unwrap()).lines() {
            std::hint::black_box(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        }
        floor.push(start.elapsed().as_secs_f64());
    }
    (ours, floor)
}
