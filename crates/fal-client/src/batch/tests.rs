//! Batches in simulated time.

mod adaptive;
mod budget;
mod queue;
mod repeated;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::{BoxFuture, Client, Error, Retry, sync::lock, transport::simulation, untyped};

/// A queue whose account is locked at times, and the submits that it received.
#[derive(Clone, Default)]
struct Account {
    locked: Arc<Mutex<bool>>,
    /// The number of submits of each input, and how many of them were accepted.
    submits: Arc<Mutex<BTreeMap<u64, (usize, usize)>>>,
    /// The times of all submits in seconds.
    times: Arc<Mutex<Vec<u64>>>,
}

/// The seed of an input whose job fails with the words of a lock, such as those of the model's own provider.
const FAILING: u64 = 999;

const LOCKED: &str = "User is locked. Reason: Exhausted balance. Top up your balance.";

impl Account {
    fn lock(&self, locked: bool) {
        *lock(&self.locked) = locked;
    }

    fn submits(&self) -> usize {
        lock(&self.submits).values().map(|(sent, _)| sent).sum()
    }

    fn accepted(&self) -> Vec<usize> {
        lock(&self.submits).values().map(|(_, accepted)| *accepted).collect()
    }

    /// Answers a request. Every job takes 5 seconds. The account is locked at the submit with the number `lock_at`.
    async fn answer(
        self,
        path: String,
        body: Value,
        start: Instant,
        lock_at: Option<usize>,
    ) -> reqwest::Response {
        if let Some(id) = body["seed"].as_u64() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let nth = self.submits();
            if lock_at == Some(nth) {
                self.lock(true);
            }
            lock(&self.times).push(start.elapsed().as_secs());
            let is_locked = *lock(&self.locked);
            let mut submits = lock(&self.submits);
            let (sent, accepted) = submits.entry(id).or_default();
            *sent += 1;
            if is_locked {
                return simulation::json(403, &json!({ "detail": LOCKED }));
            }
            *accepted += 1;
            return simulation::json(200, &json!({ "request_id": format!("id{id}") }));
        }
        if path.ends_with("/stream") {
            return simulation::json(404, &json!({}));
        }
        if path.ends_with("/status") {
            tokio::time::sleep(Duration::from_secs(5)).await;
            return simulation::json(200, &json!({ "status": "COMPLETED" }));
        }
        let id = path.rsplit_once("/id").and_then(|(_, id)| id.parse::<u64>().ok());
        if id == Some(FAILING) {
            return simulation::json(403, &json!({ "detail": LOCKED }));
        }
        simulation::json(200, &json!({ "seed": id }))
    }

    fn client(&self, lock_at: Option<usize>) -> Client {
        let (account, start) = (self.clone(), Instant::now());
        simulation::client(Client::builder().retry(Retry::none()), move |request: &reqwest::Request| {
            let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
            let body = serde_json::from_slice(body).unwrap_or_default();
            account.clone().answer(request.url().path().to_owned(), body, start, lock_at)
        })
    }
}

fn inputs(count: u64) -> impl Iterator<Item = untyped::Input> + Send + 'static {
    (0..count).map(|seed| untyped::input("acme/app", json!({ "seed": seed })))
}

#[derive(Clone, Default)]
struct MemoryJournal(Arc<Mutex<Vec<JournalEntry>>>);

impl MemoryJournal {
    fn entries(&self) -> Vec<JournalEntry> {
        lock(&self.0).clone()
    }
}

impl Journal for MemoryJournal {
    fn read(&self) -> JournalEntries<'_> {
        Box::pin(futures_util::stream::iter(self.entries()).map(Ok))
    }

    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, std::io::Result<()>> {
        lock(&self.0).push(entry);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_locked_batch_takes_no_more_inputs_and_finishes_what_runs() {
    let account = Account::default();
    let journal = MemoryJournal::default();
    // The first 32 are accepted, and the account is locked while they run.
    let client = account.client(Some(32));
    let replies = client.batch(inputs(500)).concurrency(32).journal(journal.clone()).await.unwrap();
    assert_eq!(replies.len(), 500);
    let count = |is: fn(&Error) -> bool| replies.iter().filter(|reply| reply.as_ref().is_err_and(is)).count();
    let (locked, unsent) = (count(Error::is_locked), count(Error::is_unsent));
    assert!(replies[..32].iter().all(Result::is_ok));
    assert!((1..=32).contains(&locked), "{locked}");
    assert_eq!(unsent, 500 - 32 - locked);
    assert_eq!(account.submits(), 32 + locked);
    let error = replies[499].as_ref().unwrap_err();
    assert!(error.to_string().contains("Exhausted balance"), "{error}");

    // The next process sends the rest, and nothing twice.
    account.lock(false);
    let client = account.client(None);
    let replies = client.batch(inputs(500)).concurrency(32).journal(journal).await.unwrap();
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(account.accepted(), [1; 500]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_stream_leaves_inputs_in_the_iterator() {
    let account = Account::default();
    account.lock(true);
    let taken: Arc<Mutex<u64>> = Arc::default();
    let counter = taken.clone();
    let inputs = inputs(500).inspect(move |_| *lock(&counter) += 1);
    let mut replies = account.client(None).batch(inputs).concurrency(32).as_completed().await.unwrap();
    let mut count = 0;
    while let Some((_, reply)) = replies.next().await {
        assert!(reply.is_err_and(|error| error.is_locked() || error.is_unsent()));
        count += 1;
    }
    assert_eq!((count, *lock(&taken), account.submits()), (32, 32, 32));
    assert!(replies.stop_reason().unwrap().contains(LOCKED));
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_on_by_itself_when_the_lock_ends() {
    for has_journal in [false, true] {
        let account = Account::default();
        let client = account.client(Some(100));
        let mut batch = client.batch(inputs(500)).concurrency(32).wait_while_locked(LockWait::default());
        if has_journal {
            batch = batch.journal(MemoryJournal::default());
        }
        let unlock = async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            account.lock(false);
            std::future::pending::<()>().await;
        };
        let replies = tokio::select! {
            replies = batch => replies.unwrap(),
            () = unlock => unreachable!(),
        };
        for (index, reply) in replies.iter().enumerate() {
            assert_eq!(reply.as_ref().unwrap()["seed"], index);
        }
        // No request was accepted twice.
        assert_eq!(account.accepted(), [1; 500]);
        let times = lock(&account.times).clone();
        let during: Vec<_> = times.into_iter().filter(|time| (60..3600).contains(time)).collect();
        // After the first pauses, one request every 10 minutes probes.
        assert!((6..=9).contains(&during.len()), "{during:?}");
        assert!(account.submits() <= 500 + 32 + 12, "{}", account.submits());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_with_the_words_of_a_lock_does_not_stop_the_batch() {
    let inputs = [FAILING, 1, 2, 3].map(|seed| untyped::input("acme/app", json!({ "seed": seed })));
    for wait in [None, Some(LockWait::default())] {
        let mut batch = Account::default().client(None).batch(inputs.clone()).concurrency(1);
        if let Some(wait) = wait {
            batch = batch.wait_while_locked(wait);
        }
        let replies = batch.await.unwrap();
        assert!(replies[0].as_ref().is_err_and(|error| error.is_locked() && error.request_id().is_some()));
        assert!(replies[1..].iter().all(Result::is_ok), "{replies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_of_another_endpoint_is_an_error() {
    let account = Account::default();
    let ticket = crate::queue::Ticket::with_endpoint("acme/other", "id0");
    let journal =
        MemoryJournal(Arc::new(Mutex::new(vec![JournalEntry::Submitted { key: "0".to_owned(), ticket }])));
    let replies = account.client(None).batch(inputs(1)).journal(journal).await.unwrap();
    assert!(replies[0].as_ref().is_err_and(Error::is_config), "{replies:?}");
    assert_eq!(account.submits(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_outlasts_the_limit_stops_the_batch() {
    let account = Account::default();
    account.lock(true);
    let wait = LockWait::default().limit(Duration::from_secs(300));
    let replies =
        account.client(None).batch(inputs(50)).concurrency(4).wait_while_locked(wait).await.unwrap();
    assert!(
        replies.iter().all(|reply| reply.as_ref().is_err_and(|error| error.is_unsent() || error.is_locked()))
    );
    assert_eq!(replies.iter().filter(|reply| reply.as_ref().is_err_and(Error::is_locked)).count(), 1);
    // 4 at once, and probes after 30, 90 and 210 seconds.
    assert_eq!(account.submits(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_exceeds_its_timeout_is_cancelled_unless_a_journal_goes_on_with_it() {
    let cancels: Arc<Mutex<usize>> = Arc::default();
    let counter = cancels.clone();
    let client = simulation::client(Client::builder(), move |request: &reqwest::Request| {
        let response = match *request.method() {
            http::Method::POST => json!({ "request_id": "r1" }),
            http::Method::PUT => {
                *lock(&counter) += 1;
                json!({ "status": "CANCELLATION_REQUESTED" })
            }
            _ => json!({ "status": "IN_PROGRESS" }),
        };
        std::future::ready(simulation::json(202, &response))
    });
    let limit = Duration::from_secs(100);
    let replies = client.batch(inputs(1)).timeout(limit).await.unwrap();
    let error = replies[0].as_ref().unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("it was cancelled"), "{error}");
    assert_eq!(*lock(&cancels), 1);
    let replies = client.batch(inputs(1)).journal(MemoryJournal::default()).timeout(limit).await.unwrap();
    assert!(replies[0].as_ref().unwrap_err().is_timeout());
    assert_eq!(*lock(&cancels), 1);
}
