//! Workers, handlers, failures and locks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_client::{
    Usd,
    batch::{Budget, Concurrency},
    error_type,
    untyped::Any,
};
use fal_emulator::{Pace, RequestKind};
use fal_fleet::RetryFailed;
use fal_flux::dev;
use serde_json::json;

use crate::support::{Stage, inputs, keys};

on_both_ledgers! {
    every_request_is_sent_and_handled_once_by_several_workers,
    an_output_is_offered_until_its_handler_is_done_and_paid_once,
    a_worker_that_has_lost_an_output_does_not_acknowledge_it,
    concurrency_holds_for_all_workers_together,
    a_locked_account_stops_all_workers_and_a_probe_lets_them_go_on,
    an_adaptive_account_shrinks_after_429_and_loses_nothing,
    failures_are_kept_retried_and_cancelled,
    single_requests_and_whole_batches_are_cancelled_retried_and_pruned,
    a_model_that_fails_is_run_again_as_often_as_the_batch_says,
    failures_are_sent_again_by_their_type,
    pauses_before_a_failed_request_double_up_to_the_longest,
    a_worker_stops_when_it_is_told_to_and_finishes_its_handlers,
    a_wrong_key_stops_its_worker_and_not_the_account,
    an_answer_counts_although_the_lease_of_its_submit_has_ended,
    a_request_without_a_webhook_is_followed_by_a_stream_if_one_is_free,
    a_worker_that_stops_leaves_its_streams,
}

async fn every_request_is_sent_and_handled_once_by_several_workers(stage: Stage) {
    stage.fleet.batch("cats").concurrency(8).enqueue(inputs(60)).await.unwrap();
    assert_eq!(stage.work(3).await, keys(60));
    assert_eq!(stage.submits(), 60);
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert_eq!((status.done, status.acknowledged, status.failed), (60, 60, 0));
    assert!(status.is_finished());
    assert!(status.to_string().starts_with("cats: 0 waiting, 0 under way, 60 done, $"), "{status}");
    // Nothing is left to do, and nothing is done again.
    assert!(stage.work(1).await.is_empty());
    assert_eq!(stage.submits(), 60);
}

async fn an_output_is_offered_until_its_handler_is_done_and_paid_once(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(2)).await.unwrap();
    let offers = Arc::new(AtomicUsize::new(0));
    let counted = offers.clone();
    let handler = async move |done: fal_fleet::Done<dev::Model>| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert!(!done.reply()?.images.is_empty() && done.input_json().contains("cat"));
        if done.key() == "0001" && done.offer() < 2 {
            return Err("the disk is full".into());
        }
        Ok(())
    };
    stage.worker().run::<dev::Model, _>(handler).await.unwrap();
    assert_eq!((offers.load(Ordering::Relaxed), stage.submits()), (3, 2));
}

async fn a_worker_that_has_lost_an_output_does_not_acknowledge_it(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let offers = AtomicUsize::new(0);
    let handler = async |_: fal_fleet::Done<Any>| {
        if offers.fetch_add(1, Ordering::Relaxed) == 0 {
            // Another worker takes it, as after a lease that has ended.
            stage.execute("update fal.request set epoch = epoch + 1, due = now()").await;
        }
        Ok(())
    };
    stage.worker().run::<Any, _>(handler).await.unwrap();
    assert_eq!((offers.load(Ordering::Relaxed), stage.submits()), (2, 1));
}

async fn concurrency_holds_for_all_workers_together(stage: Stage) {
    stage.fleet.batch("cats").concurrency(3).enqueue(inputs(30)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).delay(Duration::from_millis(30));
    let most = AtomicUsize::new(0);
    let watch = async {
        loop {
            let under_way =
                stage.number("select count(*) from fal.request where state in ('begun', 'submitted')").await;
            most.fetch_max(usize::try_from(under_way).unwrap(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let handled = tokio::select! { handled = stage.work(5) => handled, () = watch => unreachable!() };
    assert_eq!(handled.len(), 30);
    assert!((1..=3).contains(&most.load(Ordering::Relaxed)), "{most:?}");
}

async fn a_locked_account_stops_all_workers_and_a_probe_lets_them_go_on(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(40)).await.unwrap();
    let locked = json!({ "detail": "User is locked. Reason: Exhausted balance." });
    let lock = stage.emulator.on_request(RequestKind::Submit).fail(403, locked).times(8);
    let workers = (0..4).map(|_| stage.worker().run::<Any, _>(async |_| Ok(())));
    let seen = async {
        while lock.hits() < 8 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage.number("select count(*) from fal.account where locked_at is not null and lock_reason like '%balance%'").await
    };
    let (_, locked) = tokio::join!(futures_util::future::try_join_all(workers), seen);
    assert!(locked <= 1);
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert_eq!((status.done, status.failed, status.in_doubt), (40, 0, 0));
    assert!(stage.fleet.status().await.unwrap().locked.is_empty());
    // One refusal a worker at most, and the rest are probes.
    assert_eq!(stage.submits(), 48);
}

async fn an_adaptive_account_shrinks_after_429_and_loses_nothing(stage: Stage) {
    stage.fleet.batch("cats").concurrency(Concurrency::adaptive().max(50)).enqueue(inputs(30)).await.unwrap();
    stage
        .emulator
        .on_request(RequestKind::Submit)
        .fail(429, json!({ "detail": "Too many requests" }))
        .after(5)
        .times(3);
    assert_eq!(stage.work(2).await, keys(30));
    assert_eq!(stage.number("select count(*) from fal.account where width between 1 and 50").await, 1);
}

async fn failures_are_kept_retried_and_cancelled(stage: Stage) {
    let batch = stage.fleet.batch("cats");
    batch.enqueue(inputs(4)).await.unwrap();
    let refusal = json!({ "detail": [{ "loc": ["body", "prompt"], "msg": "no cats\u{0} please", "type": "value_error" }] });
    stage.emulator.on_request(RequestKind::Submit).fail(422, refusal).times(2);
    assert_eq!(stage.work(1).await.len(), 2);
    assert_eq!(stage.number("select count(*) from fal.failures where message like '%no cats%'").await, 2);
    assert_eq!(batch.retry().await.unwrap(), 2);
    assert!(batch.cancel_key("0000").await.unwrap() || batch.cancel_key("0001").await.unwrap());
    assert!(!batch.cancel_key("none").await.unwrap());
    assert_eq!(stage.work(1).await.len(), 1);
    let status = batch.status().await.unwrap();
    assert_eq!((status.done, status.failed), (3, 1));
    assert_eq!(batch.prune(Duration::ZERO).await.unwrap(), 3);
}

async fn single_requests_and_whole_batches_are_cancelled_retried_and_pruned(stage: Stage) {
    let batch = stage.fleet.batch("cats").budget(Budget::new(Usd::cents(9)).max_per_request(Usd::cents(1)));
    batch.enqueue(inputs(5)).await.unwrap();
    assert!(batch.cancel_key("0001").await.unwrap());
    assert_eq!(batch.cancel().await.unwrap(), 4);
    assert!(stage.work(1).await.is_empty());
    assert!(batch.retry_key("0003").await.unwrap());
    assert!(!batch.retry_key("0003").await.unwrap(), "it waits");
    assert_eq!(stage.work(1).await, ["0003"]);
    assert!(!batch.cancel_key("0003").await.unwrap(), "it was sent");
    assert_eq!(batch.prune(Duration::from_secs(3600)).await.unwrap(), 0);

    let progress = "select count(*) from fal.progress where batch = 'cats' and requests = 5 and done = 1
                    and acknowledged = 1 and failed = 4 and waiting + begun + submitted + in_doubt = 0
                    and finished_last_minute = 5 and stop_reason is null";
    assert_eq!(stage.number(progress).await, 1);
    let spend = "select count(*) from fal.spend where batch = 'cats' and unpriced = 0
                 and abs(cast(spent as double precision) - 0.01) < 0.0001 and abs(\"left\" - 0.08) < 0.0001";
    assert_eq!(stage.number(spend).await, 1);
    let failures = "select count(*) from fal.failures where batch = 'cats' and message like 'cancelled%'";
    assert_eq!(stage.number(failures).await, 4);

    assert_eq!(batch.prune(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(batch.retry().await.unwrap(), 4);
    assert_eq!(stage.work(1).await, ["0000", "0001", "0002", "0004"]);
    assert_eq!(stage.submits(), 5);
    let nowhere = stage.fleet.batch("dogs");
    for outcome in [nowhere.retry().await, nowhere.cancel().await, nowhere.prune(Duration::ZERO).await] {
        assert_eq!(outcome.unwrap_err().kind(), fal_fleet::ErrorKind::NotFound);
    }
}

async fn a_model_that_fails_is_run_again_as_often_as_the_batch_says(stage: Stage) {
    stage.fleet.batch("cats").retry_failed(1).enqueue(inputs(1)).await.unwrap();
    stage.emulator.on::<dev::Model>().fail(500, json!({ "detail": "the runner is gone" })).times(2);
    assert!(work_without_pauses(&stage).await.is_empty());
    assert_eq!(stage.submits(), 2);
    let failed =
        stage.number("select count(*) from fal.request where state = 'failed' and failures = 2").await;
    assert_eq!(failed, 1);
}

/// Works until nothing is left, and does not wait for the pauses before failed requests are sent again.
async fn work_without_pauses(stage: &Stage) -> Vec<String> {
    let hurry = async {
        loop {
            stage.execute("update fal.request set due = now() where state = 'waiting' and due > now()").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! { worked = stage.work(1) => worked, () = hurry => unreachable!() }
}

async fn failures_are_sent_again_by_their_type(stage: Stage) {
    let nothing = json!({ "detail": "nothing was made", "error_type": error_type::NO_MEDIA_GENERATED });
    let crash = json!({ "detail": "the runner is gone", "error_type": error_type::INTERNAL_SERVER_ERROR });
    let twice = RetryFailed::times(2);
    for (nth, policy, status, body, submits) in [
        (0, twice.clone(), 422, &nothing, 1),
        (1, twice.clone().also([error_type::NO_MEDIA_GENERATED]), 422, &nothing, 2),
        (2, twice.clone().also([error_type::NO_MEDIA_GENERATED]), 500, &crash, 2),
        (3, twice.clone().only([error_type::NO_MEDIA_GENERATED]), 422, &nothing, 2),
        (4, twice.clone().only([error_type::NO_MEDIA_GENERATED]), 500, &crash, 1),
        (5, twice.only(Vec::<String>::new()), 500, &crash, 1),
    ] {
        stage.emulator.reset();
        stage.emulator.on::<dev::Model>().fail(status, body).times(1);
        stage.fleet.batch(nth.to_string()).retry_failed(policy).enqueue(inputs(1)).await.unwrap();
        let worked = work_without_pauses(&stage).await;
        assert_eq!((worked.len(), stage.submits()), (submits - 1, submits), "{nth}");
    }
    let bad = stage.fleet.batch("bad").retry_failed(RetryFailed::times(1).also(["nul\0"]));
    assert_eq!(bad.enqueue(inputs(1)).await.unwrap_err().kind(), fal_fleet::ErrorKind::Config);
}

async fn pauses_before_a_failed_request_double_up_to_the_longest(stage: Stage) {
    let policy = RetryFailed::times(9).pauses(Duration::from_secs(1000), Duration::from_secs(3000));
    stage.fleet.batch("cats").retry_failed(policy).enqueue(inputs(1)).await.unwrap();
    stage.emulator.on::<dev::Model>().fail(500, json!({ "detail": "the runner is gone" }));
    for (failures, pause) in [(1, 1000), (2, 2000), (3, 3000), (4, 3000)] {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker = stage.worker().stop_when(async { drop(stopped.await) });
        let failed =
            format!("select count(*) from fal.request where state = 'waiting' and failures = {failures}");
        let stops = async {
            while stage.number(&failed).await == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            drop(stop);
        };
        let (worked, ()) = tokio::join!(worker.run::<Any, _>(async |_| Ok(())), stops);
        worked.unwrap();
        let waits = format!(
            "select count(*) from fal.request where {} between {} and {pause}",
            stage.seconds_until("due"),
            pause - 300
        );
        assert_eq!(stage.number(&waits).await, 1, "{failures} failures");
        stage.execute("update fal.request set due = now()").await;
    }
}

async fn a_worker_stops_when_it_is_told_to_and_finishes_its_handlers(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = std::sync::Mutex::new(Some(stop));
    let worker =
        stage.fleet.worker(stage.client()).handlers_at_once(1).poll_interval(Duration::from_millis(20));
    let worker = worker.stop_when(async { drop(stopped.await) });
    let handler = async |_: fal_fleet::Done<Any>| {
        drop(stop.lock().unwrap().take());
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    };
    worker.run::<Any, _>(handler).await.unwrap();
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert!(status.acknowledged >= 1 && status.in_doubt == 0, "{status}");
    assert_eq!(stage.number("select count(*) from fal.worker").await, 0);
}

async fn a_wrong_key_stops_its_worker_and_not_the_account(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).fail(401, json!({ "detail": "Invalid key" })).times(1);
    let error = stage.worker().run::<Any, _>(async |_| Ok(())).await.unwrap_err();
    assert_eq!(error.kind(), fal_fleet::ErrorKind::Fal);
    assert_eq!(stage.work(1).await, keys(3));
}

async fn an_answer_counts_although_the_lease_of_its_submit_has_ended(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).delay(Duration::from_secs(5));
    let sweeps = async {
        while stage.number("select count(*) from fal.request where state = 'waiting'").await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ended = stage.update("update fal.request set due = now() where state = 'begun'").await;
        assert_eq!(ended, 1, "the answer came before its lease could end");
    };
    let worker = stage.worker();
    let (worked, ()) = tokio::join!(worker.run::<Any, _>(async |_| Ok(())), sweeps);
    worked.unwrap();
    // The batch is not reconciled, so only the answer can have decided it. The worker may end before it.
    stage.work(1).await;
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert_eq!((status.done, status.in_doubt, stage.submits()), (1, 0, 1), "{status}");
}

/// Returns the number of statuses and of status streams that the emulator was asked for.
fn looks(stage: &Stage) -> (usize, usize) {
    let requests = stage.emulator.requests();
    let count = |kind| requests.iter().filter(|request| request.kind == kind).count();
    (count(RequestKind::Status), count(RequestKind::StatusStream))
}

async fn a_request_without_a_webhook_is_followed_by_a_stream_if_one_is_free(stage: Stage) {
    let slow = stage.with_pace(Pace::instant().run(Duration::from_secs(2))).await;
    slow.fleet.batch("cats").enqueue(inputs(4)).await.unwrap();
    slow.worker().submits_at_once(4).streams_at_once(3).run::<Any, _>(async |_| Ok(())).await.unwrap();
    let (looked, streamed) = looks(&slow);
    // One more, if it is still under way when another one has ended.
    assert!((3..=4).contains(&streamed), "{streamed} streams");
    slow.fleet.batch("dogs").enqueue(inputs(1)).await.unwrap();
    slow.worker().streams_at_once(0).run::<Any, _>(async |_| Ok(())).await.unwrap();
    let (statuses, streams) = looks(&slow);
    assert!(streams == streamed && statuses > looked, "{statuses} statuses, {streams} streams");
}

async fn a_worker_that_stops_leaves_its_streams(stage: Stage) {
    let slow = stage.with_pace(Pace::instant().run(Duration::from_secs(3600))).await;
    slow.fleet.batch("cats").enqueue(inputs(2)).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = slow.worker().stop_when(async { drop(stopped.await) }).grace(Duration::from_secs(600));
    let stops = async {
        while looks(&slow).1 < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop(stop);
    };
    // A stream would last for half of the lease, a minute.
    let work = async { tokio::join!(worker.run::<Any, _>(async |_| Ok(())), stops).0 };
    tokio::time::timeout(Duration::from_secs(40), work).await.unwrap().unwrap();
    assert_eq!(slow.number("select count(*) from fal.request where state = 'submitted'").await, 2);
}
