//! Batches whose account is locked, and whose submits are not answered.

use std::time::Duration;

use fal_client::{
    Client, Error, Retry,
    batch::LockWait,
    reconcile::{DoubtReason, Reconcile, Reconciled},
    untyped,
};
use fal_emulator::{Emulator, FaultPoint, HistoryOutage, HistorySettings, RequestKind, Rule};
use serde_json::json;

const ENDPOINT: &str = "acme/app/edit";

async fn start() -> (Emulator, Client) {
    let history = HistorySettings::default().lag(Duration::from_millis(100));
    let emulator = Emulator::builder().history(history).start().await.unwrap();
    emulator.on_endpoint(ENDPOINT).reply(|_| json!({"seed": 7}));
    let client = Client::builder().emulator(emulator.url()).retry(Retry::none()).build().unwrap();
    (emulator, client)
}

fn inputs(count: usize) -> impl Iterator<Item = untyped::Input> + Send + 'static {
    (0..count).map(|n| untyped::input(ENDPOINT, json!({ "n": n })))
}

fn lock(rule: Rule) -> Rule {
    rule.fail(403, json!({"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}))
}

fn submits(emulator: &Emulator) -> usize {
    emulator.requests().iter().filter(|request| request.kind == RequestKind::Submit).count()
}

/// Returns patience that a test has the time for.
fn quick() -> Reconcile {
    let settings =
        Reconcile::default().lag(Duration::from_millis(400)).first_pause(Duration::from_millis(50));
    settings.timeout(Duration::from_secs(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_stops_at_a_lock() {
    let (emulator, client) = start().await;
    lock(emulator.on_request(RequestKind::Submit).after(10));
    let replies = client.batch(inputs(200)).concurrency(4).await.unwrap();
    let count = |is: fn(&Error) -> bool| replies.iter().filter(|reply| reply.as_ref().is_err_and(is)).count();
    let (locked, unsent) = (count(Error::is_locked), count(Error::is_unsent));
    assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 10);
    assert!((1..=4).contains(&locked), "{locked}");
    assert_eq!((submits(&emulator), unsent), (10 + locked, 190 - locked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_on_when_the_lock_ends() {
    let (emulator, client) = start().await;
    // The lock outlasts those that are under way, and four probes.
    lock(emulator.on_request(RequestKind::Submit).after(10).times(8));
    let wait = LockWait::default().first_pause(Duration::from_millis(20));
    let replies = client.batch(inputs(100)).concurrency(4).wait_while_locked(wait).await.unwrap();
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(submits(&emulator), 108);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_asks_about_submits_without_an_answer() {
    let (emulator, client) = start().await;
    // These are accepted, and their answers are lost.
    emulator.on_request(RequestKind::Submit).after(5).times(3).reset(FaultPoint::Reply);
    // These are not.
    emulator.on_request(RequestKind::Submit).after(20).times(3).reset(FaultPoint::Arrival);
    let replies = client.batch(inputs(40)).concurrency(4).reconcile(quick()).await.unwrap();
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!(submits(&emulator), 43, "those that were not accepted are sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_for_in_the_list() {
    let (emulator, client) = start().await;
    let submit = |n: usize| client.submit(untyped::input(ENDPOINT, json!({ "n": n })));
    for (point, is_accepted) in [(FaultPoint::Reply, true), (FaultPoint::Arrival, false)] {
        emulator.on_request(RequestKind::Submit).times(1).reset(point);
        let error = submit(1).await.unwrap_err();
        assert!(error.may_be_accepted(), "{error:?}");
        submit(2).await.unwrap();
        for outage in [HistoryOutage::Unavailable, HistoryOutage::Empty] {
            emulator.set_history(HistorySettings::default().outage(outage));
            let settings = quick().timeout(Duration::from_secs(1));
            let reconciled = error.reconcile::<untyped::Any>(&client).settings(settings).await.unwrap();
            let is_right = match outage {
                HistoryOutage::Empty => matches!(reconciled, Reconciled::InDoubt(DoubtReason::Unwitnessed)),
                _ => matches!(reconciled, Reconciled::InDoubt(DoubtReason::Outage(_))),
            };
            assert!(is_right, "{reconciled:?}");
        }
        emulator.set_history(HistorySettings::default());
        match error.reconcile::<untyped::Any>(&client).settings(quick()).await.unwrap() {
            Reconciled::Found(ticket) if is_accepted => {
                assert_eq!(client.resume(ticket).wait().await.unwrap()["seed"], 7);
            }
            Reconciled::NotAccepted if !is_accepted => {}
            wrong => panic!("{point:?}: {wrong:?}"),
        }
    }
}
