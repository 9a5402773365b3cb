//! The speed of the ledger, by hand: `cargo test -p fal-fleet --lib -- --ignored --nocapture ledger_rate`.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::{Manager, Pool, Runtime};
use fal_client::Usd;
use futures_util::future::join_all;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::Postgres;
use crate::ledger::{Accepted, BatchSettings, CHUNK, ClaimOptions, Estimates, Finished, NewRequest};

#[path = "../../../tests/support/cluster.rs"]
#[expect(dead_code, reason = "the tests of fleets use more of it")]
mod cluster;

/// The connections that work at the same time, and the requests that each takes at once.
const LANES: usize = 8;
const AT_ONCE: i64 = 16;
const LEASE: Duration = Duration::from_secs(600);

struct NoEstimates;

impl Estimates for NoEstimates {
    fn estimate(&self, _: &str, _: &str) -> Option<Option<Usd>> {
        Some(None)
    }
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn ledger_rate() {
    let sizes = env::var("SIZES").unwrap_or_else(|_| "10000 100000 1000000".to_owned());
    for size in sizes.split_whitespace() {
        let waiting: usize = size.parse().expect("SIZES has numbers");
        let cluster = cluster::Cluster::start("-c shared_buffers=512MB").expect("PostgreSQL is installed");
        let url = cluster.url("postgres");
        let manager = Manager::new(url.parse().expect("a connection string"), NoTls);
        let pool = Pool::builder(manager).max_size(LANES).runtime(Runtime::Tokio1).build().expect("a pool");
        let ledger = Postgres::open(pool).await.unwrap();

        let start = Instant::now();
        enqueue(&ledger, waiting).await;
        let enqueue_rate = per_second(waiting as u64, start.elapsed());
        let database = cluster::connect(&url).await;
        let row = database.query_one("select pg_total_relation_size('fal.request')", &[]).await.unwrap();
        let bytes = row.get::<_, i64>(0) as f64 / waiting as f64;
        database.batch_execute("analyze").await.unwrap();

        let (finished, start, end) =
            (AtomicU64::new(0), Instant::now(), Instant::now() + Duration::from_secs(20));
        join_all((0..LANES).map(|_| work(&ledger, end, &finished))).await;
        let rate = per_second(finished.load(Ordering::Relaxed), start.elapsed());
        println!(
            "{waiting} waiting: {enqueue_rate:.0} added/s, {bytes:.0} bytes each; {rate:.0} requests/s, {:.0} steps/s",
            4.0 * rate
        );
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

async fn enqueue(ledger: &Postgres, count: usize) {
    let settings = BatchSettings {
        name: "rate".to_owned(),
        concurrency: Some(1_000_000.into()),
        ..BatchSettings::default()
    };
    let batch = ledger.save_batch(&settings).await.unwrap();
    let input = r#"{"prompt":"a cat reading a map","num_inference_steps":28,"image_size":"landscape_16_9"}"#;
    for first in (0..count).step_by(CHUNK) {
        let request = |key: usize| NewRequest {
            key: key.to_string(),
            endpoint: "fal-ai/flux/dev".to_owned(),
            input: input.to_owned(),
        };
        let requests: Vec<_> = (first..count.min(first + CHUNK)).map(request).collect();
        ledger.add(batch, &requests).await.unwrap();
    }
}

/// Takes requests through all steps: begun, submitted, done and acknowledged.
async fn work(ledger: &Postgres, end: Instant, finished: &AtomicU64) {
    let owner = Uuid::new_v4();
    let options = ClaimOptions { owner, account: "default", most: AT_ONCE, lease: LEASE };
    let output = Finished {
        result: Ok(r#"{"images":[{"url":"https://v3.fal.media/files/a.png"}],"seed":7}"#.to_owned()),
        units: Some("1".to_owned()),
        cost: Some(Usd::cents(1)),
        is_retryable: false,
    };
    while Instant::now() < end {
        let claimed = ledger.claim(options, Arc::new(NoEstimates)).await.unwrap().requests;
        let submitted = claimed.into_iter().map(|claimed| {
            ledger.submitted(Accepted {
                id: claimed.id,
                attempt: claimed.attempt,
                token: claimed.token,
                request_id: Uuid::new_v4().to_string(),
                ticket: None,
                look_in: Duration::ZERO,
            })
        });
        assert!(join_all(submitted).await.into_iter().all(Result::unwrap));
        let followed = ledger.follow("default", AT_ONCE, LEASE).await.unwrap();
        let done = followed.into_iter().map(|followed| ledger.finish(followed.held, output.clone()));
        assert!(join_all(done).await.into_iter().all(Result::unwrap));
        let offered = ledger.offer("", false, AT_ONCE, LEASE).await.unwrap();
        let acknowledged =
            join_all(offered.into_iter().map(|offered| ledger.acknowledge(offered.held))).await;
        finished.fetch_add(acknowledged.len() as u64, Ordering::Relaxed);
        assert!(acknowledged.into_iter().all(Result::unwrap));
    }
}
