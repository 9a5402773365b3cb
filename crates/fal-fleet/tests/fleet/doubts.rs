//! Submits whose answers were lost.

use fal_emulator::{FaultPoint, RequestKind};

use crate::support::{Stage, inputs, keys};

on_both_ledgers! {
    a_lost_answer_is_found_and_never_sent_again,
    a_request_that_never_arrived_is_sent_after_fal_was_asked,
    a_doubt_stays_one_without_reconcile,
    a_worker_that_died_while_it_sent_leaves_a_doubt,
}

async fn a_lost_answer_is_found_and_never_sent_again(stage: Stage) {
    stage.fleet.batch("cats").reconcile(true).enqueue(inputs(12)).await.unwrap();
    let lost = stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).after(3).times(3);
    assert_eq!(stage.work(2).await, keys(12));
    assert_eq!((stage.submits(), lost.hits()), (12, 3));
}

async fn a_request_that_never_arrived_is_sent_after_fal_was_asked(stage: Stage) {
    stage.fleet.batch("cats").reconcile(true).enqueue(inputs(6)).await.unwrap();
    let unsent = stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Arrival).times(1);
    assert_eq!(stage.work(1).await, keys(6));
    // The one that was not handled is one more at the emulator.
    assert_eq!((stage.submits(), unsent.hits()), (7, 1));
}

async fn a_doubt_stays_one_without_reconcile(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1);
    assert_eq!(stage.work(1).await.len(), 2);
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert_eq!((status.in_doubt, status.done, stage.submits()), (1, 2, 3));
}

async fn a_worker_that_died_while_it_sent_leaves_a_doubt(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(2)).await.unwrap();
    stage.execute("update fal.request set state = 'begun', begun_at = now(), epoch = 1, due = now() where key = '0000'").await;
    assert_eq!(stage.work(1).await, ["0001"]);
    assert_eq!(
        stage
            .number(
                "select count(*) from fal.request where state = 'in_doubt' and key = '0000' and epoch = 2"
            )
            .await,
        1
    );
    assert_eq!(stage.submits(), 1);
}
