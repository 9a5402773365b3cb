//! Outputs of earlier requests in place of a request.

use std::sync::Mutex;

use fal_client::{
    Usd,
    batch::Budget,
    untyped::{self, Any},
};
use fal_fleet::{Done, Reuse};
use serde_json::json;

use crate::support::{DEV, Stage};

on_both_ledgers! {
    equal_requests_are_sent_once_and_cost_once,
    inputs_without_a_seed_are_sent_unless_all_are_to_be_reused,
    a_failed_request_is_not_reused,
    equal_requests_are_answered_although_the_budget_is_spent,
    other_accounts_and_batches_that_do_not_ask_reuse_nothing,
}

/// Returns a cat with a seed, with the members of its input in one of two orders.
fn cat(key: &str, seed: u32) -> (String, untyped::Input) {
    let input = match key.len() % 2 {
        0 => json!({ "prompt": "a cat", "seed": seed }),
        _ => serde_json::from_str(&format!(r#"{{"seed":{seed},"prompt":"a cat"}}"#)).unwrap(),
    };
    (key.to_owned(), untyped::input(DEV, input))
}

async fn equal_requests_are_sent_once_and_cost_once(stage: Stage) {
    let budget = Budget::new(Usd::cents(2)).max_per_request(Usd::cents(1));
    let batch = stage.fleet.batch("cats").concurrency(8).budget(budget).reuse(Reuse::Seeded);
    // The first six are in flight at the same time.
    batch.enqueue(["a", "bb", "c", "dd", "e", "ff"].map(|key| cat(key, 1))).await.unwrap();
    let handled = Mutex::new(Vec::new());
    let handler = async |done: Done<Any>| {
        let images = done.reply()?["images"].to_string();
        handled.lock().unwrap().push((done.is_reused(), done.request_id().to_owned(), images, done.cost()));
        Ok(())
    };
    stage.worker().submits_at_once(4).run::<Any, _>(&handler).await.unwrap();
    stage.fleet.batch("cats").enqueue(["g", "hh"].map(|key| cat(key, 1))).await.unwrap();
    stage.fleet.batch("cats").enqueue([cat("i", 2)]).await.unwrap();
    stage.worker().run::<Any, _>(&handler).await.unwrap();

    assert_eq!(stage.submits(), 2);
    let mut handled = handled.into_inner().unwrap();
    handled.sort();
    let reused = handled.iter().filter(|(is_reused, ..)| *is_reused);
    assert_eq!(reused.clone().count(), 7);
    assert!(reused.clone().all(|(_, _, _, cost)| *cost == Some(Usd::ZERO)), "{handled:?}");
    let sent = handled.iter().find(|(is_reused, id, ..)| !is_reused && *id == handled[8].1).unwrap();
    assert!(reused.clone().all(|(_, id, images, _)| (id, images) == (&sent.1, &sent.2)), "{handled:?}");
    let status = batch.status().await.unwrap();
    assert_eq!((status.spent, status.reserved, status.reused), (Usd::cents(2), Usd::ZERO, 7), "{status}");
}

async fn inputs_without_a_seed_are_sent_unless_all_are_to_be_reused(stage: Stage) {
    let plain = |key: &str| (key.to_owned(), untyped::input(DEV, json!({ "prompt": "a cat" })));
    let batch = stage.fleet.batch("cats").reuse(Reuse::Seeded);
    batch.enqueue([plain("a"), plain("b")]).await.unwrap();
    assert_eq!((stage.work(1).await.len(), stage.submits()), (2, 2));
    batch.clone().reuse(Reuse::All).enqueue([plain("c"), plain("d")]).await.unwrap();
    assert_eq!((stage.work(1).await.len(), stage.submits()), (2, 3));
}

async fn a_failed_request_is_not_reused(stage: Stage) {
    let batch = stage.fleet.batch("cats").reuse(Reuse::Seeded);
    batch.enqueue([cat("a", 1), cat("b", 1)]).await.unwrap();
    let refusal = stage.emulator.on_request(fal_emulator::RequestKind::Submit);
    refusal.fail(422, json!({ "detail": "no" })).times(1);
    assert_eq!(stage.work(1).await, ["b"]);
    assert_eq!(stage.submits(), 2);
    // What failed is answered by what has worked since.
    batch.retry().await.unwrap();
    assert_eq!((stage.work(1).await, stage.submits()), (vec!["a".to_owned()], 2));
}

async fn equal_requests_are_answered_although_the_budget_is_spent(stage: Stage) {
    let budget = Budget::new(Usd::cents(1)).max_per_request(Usd::cents(1));
    let batch = stage.fleet.batch("cats").budget(budget).reuse(Reuse::Seeded);
    // The second one with the first seed is behind many for which there is no money.
    batch.enqueue((0..300).map(|seed| cat(&format!("{seed:03}"), seed))).await.unwrap();
    batch.enqueue([cat("z", 0)]).await.unwrap();
    assert_eq!(stage.work(1).await, ["000", "z"]);
    let status = batch.status().await.unwrap();
    assert_eq!((stage.submits(), status.waiting, status.spent), (1, 299, Usd::cents(1)), "{status}");
    assert!(status.stop_reason.is_some());
}

async fn other_accounts_and_batches_that_do_not_ask_reuse_nothing(stage: Stage) {
    stage.fleet.batch("cats").reuse(Reuse::Seeded).enqueue([cat("a", 1)]).await.unwrap();
    stage.work(1).await;
    stage.fleet.batch("plain").enqueue([cat("a", 1)]).await.unwrap();
    stage.fleet.batch("theirs").account("theirs").reuse(Reuse::Seeded).enqueue([cat("a", 1)]).await.unwrap();
    stage.work(1).await;
    stage.worker().account("theirs").run::<Any, _>(async |_| Ok(())).await.unwrap();
    assert_eq!(stage.submits(), 3);
    stage.fleet.batch("more").reuse(Reuse::Seeded).enqueue([cat("a", 1)]).await.unwrap();
    stage.work(1).await;
    assert_eq!(stage.submits(), 3);
}
