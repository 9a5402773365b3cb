//! Settings of batches that decide what is sent, and when.

use std::{
    pin::pin,
    time::{Duration, SystemTime},
};

use fal_client::untyped::Any;
use fal_emulator::{FaultPoint, RequestKind};
use fal_fleet::Done;
use futures_util::StreamExt;
use serde_json::json;

use crate::support::{Stage, inputs, keys};

on_both_ledgers! {
    batches_with_a_higher_priority_go_first,
    nothing_is_sent_after_a_deadline_or_while_a_batch_is_paused,
    accounts_have_workers_of_their_own,
    outputs_are_handed_to_workers_of_their_account,
    a_watch_goes_on,
    failures_are_listed_with_their_reasons,
}

async fn batches_with_a_higher_priority_go_first(stage: Stage) {
    stage.fleet.batch("later").concurrency(1).enqueue(inputs(3)).await.unwrap();
    stage.fleet.batch("first").priority(5).enqueue(inputs(6).skip(3)).await.unwrap();
    assert_eq!(stage.work(1).await, keys(6));
    let submits: Vec<i64> = stage
        .emulator
        .requests()
        .iter()
        .filter(|request| request.kind == RequestKind::Submit)
        .filter_map(|request| request.json()["seed"].as_i64())
        .collect();
    assert_eq!(submits, [3, 4, 5, 0, 1, 2]);
}

async fn nothing_is_sent_after_a_deadline_or_while_a_batch_is_paused(stage: Stage) {
    let late = stage.fleet.batch("late").deadline(SystemTime::now() - Duration::from_secs(1));
    late.enqueue(inputs(2)).await.unwrap();
    let paused = stage.fleet.batch("paused");
    paused.enqueue(inputs(2)).await.unwrap();
    paused.pause("the prompts are read again").await.unwrap();
    assert!(stage.work(2).await.is_empty());
    assert_eq!(stage.submits(), 0);
    let status = paused.status().await.unwrap();
    assert!(status.to_string().ends_with("stopped: the prompts are read again"), "{status}");

    paused.resume().await.unwrap();
    late.clone().deadline(SystemTime::now() + Duration::from_secs(3600)).enqueue(inputs(0)).await.unwrap();
    assert_eq!(stage.work(2).await.len(), 4);
}

async fn accounts_have_workers_of_their_own(stage: Stage) {
    stage.fleet.batch("ours").concurrency(2).enqueue(inputs(2)).await.unwrap();
    stage.fleet.batch("theirs").account("theirs").concurrency(9).enqueue(inputs(2)).await.unwrap();
    stage.work(1).await;
    assert_eq!(stage.fleet.batch("theirs").status().await.unwrap().waiting, 2);
    let kept = "select count(*) from fal.account where (name, concurrency) in (values ('default', 2), ('theirs', 9))";
    assert_eq!(stage.number(kept).await, 2);
    let worker = stage.worker().account("theirs");
    worker.run::<Any, _>(async |_| Ok(())).await.unwrap();
    assert!(stage.fleet.batch("theirs").status().await.unwrap().is_finished());
}

async fn outputs_are_handed_to_workers_of_their_account(stage: Stage) {
    for account in ["ours", "theirs"] {
        stage.fleet.batch(account).account(account).enqueue(inputs(3)).await.unwrap();
        // Their outputs are there, and no handler has run.
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker =
            stage.fleet.worker(stage.client()).account(account).poll_interval(Duration::from_millis(20));
        let worker = worker.stop_when(async { drop(stopped.await) });
        let done = async {
            while stage.fleet.batch(account).status().await.unwrap().done < 3 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            drop(stop);
        };
        let handler = async |_: Done<fal_flux::schnell::Model>| Ok(());
        let (worked, ()) = tokio::join!(worker.run(handler), done);
        worked.unwrap();
    }
    for (account, other) in [("ours", "theirs"), ("theirs", "ours")] {
        let handler = async |done: Done<Any>| {
            assert_eq!(done.batch(), account);
            Ok(())
        };
        stage.worker().account(account).run(handler).await.unwrap();
        assert!(stage.fleet.batch(account).status().await.unwrap().is_finished());
        let left = if other == "theirs" { 3 } else { 0 };
        let status = stage.fleet.batch(other).status().await.unwrap();
        assert_eq!(status.done - status.acknowledged, left, "{status}");
    }
}

async fn failures_are_listed_with_their_reasons(stage: Stage) {
    let batch = stage.fleet.batch("cats").concurrency(1);
    assert_eq!(batch.failures(10).await.unwrap(), []);
    stage.emulator.on_request(RequestKind::Submit).fail(422, json!({ "detail": "no cats" })).times(1);
    batch.enqueue(inputs(1)).await.unwrap();
    stage.work(1).await;
    stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1);
    batch.enqueue(inputs(3)).await.unwrap();
    stage.work(1).await;
    let failures = batch.failures(10).await.unwrap();
    let seen: Vec<_> = failures.iter().map(|failed| (failed.key.as_str(), failed.is_in_doubt)).collect();
    assert_eq!(seen, [("0000", false), ("0001", true)]);
    assert!(failures[0].message.contains("no cats") && !failures[1].message.is_empty(), "{failures:?}");
    assert_eq!(batch.failures(1).await.unwrap().len(), 1);
    assert_eq!(stage.fleet.batch("other").failures(10).await.unwrap(), []);
}

async fn a_watch_goes_on(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    let states: Vec<_> = pin!(stage.fleet.watch(Duration::from_millis(10)).take(2)).collect().await;
    for status in states {
        assert_eq!(status.unwrap().batches[0].waiting, 3);
    }
}
