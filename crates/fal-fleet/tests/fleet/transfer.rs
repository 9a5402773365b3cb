//! Batches that are moved from one ledger to another.

use std::{sync::Mutex, time::Duration};

use fal_client::{Usd, batch::Budget, untyped::Any};
use fal_fleet::{Done, ErrorKind, Fleet, RetryFailed, Reuse};

use crate::support::{Stage, inputs, keys};

#[tokio::test]
async fn a_batch_moves_from_an_embedded_ledger_to_postgres() {
    let Some(to) = Stage::on_postgres().await else { return };
    moves(Stage::embedded().await, to).await;
}

#[tokio::test]
async fn a_batch_moves_from_postgres_to_an_embedded_ledger() {
    let Some(from) = Stage::on_postgres().await else { return };
    moves(from, Stage::embedded().await).await;
}

#[tokio::test]
async fn a_batch_moves_from_one_file_to_another() {
    moves(Stage::embedded().await, Stage::embedded().await).await;
}

async fn moves(from: Stage, to: Stage) {
    let budget = Budget::new(Usd::cents(20)).max_per_request(Usd::cents(1));
    let retry =
        RetryFailed::times(4).only(["a", "b,\"c"]).pauses(Duration::from_secs(7), Duration::from_secs(70));
    let batch = from
        .fleet
        .batch("cats")
        .concurrency(3)
        .priority(2)
        .budget(budget)
        .reuse(Reuse::Seeded)
        .retry_failed(retry);
    batch.enqueue(inputs(4)).await.unwrap();
    from.work(1).await;
    batch.enqueue(inputs(12)).await.unwrap();
    batch.cancel_key("0011").await.unwrap();
    // One output waits for its handler, one request is in fal's queue, and one is in doubt.
    from.execute("update fal.request set acknowledged_at = null, offers = 1 where key = '0002'").await;
    from.execute("update fal.request set state = 'submitted', output = null, done_at = null, acknowledged_at = null where key = '0003'").await;
    from.execute(
        "update fal.request set state = 'in_doubt', attempts = 1, begun_at = now() where key = '0004'",
    )
    .await;
    let before = batch.status().await.unwrap();
    assert_eq!((before.waiting, before.done, before.under_way, before.in_doubt), (6, 3, 1, 1), "{before}");

    assert_eq!(from.fleet.move_batch("cats", &to.fleet).await.unwrap(), 12);
    assert_eq!(batch.status().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(from.number("select count(*) from fal.request").await, 0);
    let mut after = to.fleet.batch("cats").status().await.unwrap();
    after.oldest_waiting = before.oldest_waiting;
    assert_eq!(before, after);
    let kept = "select count(*) from fal.batch b join fal.account a on a.name = b.account
                where a.concurrency = 3 and b.priority = 2 and b.reuse = 'seeded' and b.retries = 4
                  and not b.retry_transient and cast(b.retry_error_types as text) like '%a%b,%c%'
                  and b.retry_pause = 7 and b.retry_max_pause = 70";
    assert_eq!(to.number(kept).await, 1);
    assert_eq!(
        to.number("select count(*) from fal.request where cast(estimate as double precision) = 0.01").await,
        4
    );
    // A move that is complete can be asked for again, by mistake or after an error, and changes nothing.
    assert_eq!(from.fleet.move_batch("cats", &to.fleet).await.unwrap_err().kind(), ErrorKind::NotFound);

    let handled = Mutex::new(Vec::new());
    let handler = async |done: Done<Any>| {
        assert!(!done.reply()?["images"].is_null());
        handled.lock().unwrap().push(format!("{} {}", done.key(), done.offer()));
        Ok(())
    };
    // The account is the same one at fal, and so is the emulator.
    let worker = to.fleet.worker(from.client()).poll_interval(Duration::from_millis(20));
    worker.until_finished().run::<Any, _>(handler).await.unwrap();
    let mut handled = handled.into_inner().unwrap();
    handled.sort();
    let expected = ["0002 2", "0003 2", "0005 1", "0006 1", "0007 1", "0008 1", "0009 1", "0010 1"];
    assert_eq!(handled, expected);
    assert_eq!(from.submits(), 10);
    // A known key is known there, too, and what was cancelled and is tried again is sent.
    let known = to.fleet.batch("cats").enqueue(inputs(12)).await.unwrap();
    assert_eq!((known.added, known.known), (0, 12));
}

#[cfg(feature = "media")]
mod names_of_files {
    use std::sync::Arc;

    use fal_fleet::{
        MediaStore,
        object_store::{ObjectStore, memory::InMemory},
    };

    use super::*;

    #[tokio::test]
    async fn move_to_postgres_with_their_requests() {
        let Some(to) = Stage::on_postgres().await else { return };
        moves(Stage::embedded().await, to).await;
    }

    #[tokio::test]
    async fn move_to_an_embedded_ledger_with_their_requests() {
        let Some(from) = Stage::on_postgres().await else { return };
        moves(from, Stage::embedded().await).await;
    }

    /// A worker was killed after it had written a file and before it could say so. The one of the other ledger writes the file again,
    /// under the same name, and takes no name of a file that was saved.
    async fn moves(from: Stage, to: Stage) {
        let bucket: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = || MediaStore::with_store(bucket.clone(), "memory:///", "cat.{ext}").unwrap();
        let batch = from.fleet.batch("cats");
        batch.enqueue(inputs(2)).await.unwrap();
        from.worker().save_media(store()).run::<Any, _>(async |_| Ok(())).await.unwrap();
        let files = "select count(distinct location) from fal.media";
        assert_eq!(from.number(files).await, 2);
        from.execute(
            "update fal.request set saved = null, acknowledged_at = null, due = now() where key = '0001'",
        )
        .await;
        from.fleet.move_batch("cats", &to.fleet).await.unwrap();
        assert_eq!(to.number("select count(*) from fal.media_name").await, 2);
        let worker = to.fleet.worker(from.client()).save_media(store()).until_finished();
        worker.run::<Any, _>(async |_| Ok(())).await.unwrap();
        assert_eq!(to.number(files).await, 2);
        let objects = bucket.list_with_delimiter(None).await.unwrap().objects;
        assert_eq!(objects.len(), 4, "two files with a description each: {objects:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_tried_again_and_moves_is_known_to_webhooks() {
    let Some(to) = Stage::on_postgres().await else { return };
    let from = Stage::embedded().await;
    let batch = from.fleet.batch("cats");
    batch.enqueue(inputs(1)).await.unwrap();
    batch.cancel().await.unwrap();
    batch.retry().await.unwrap();
    // The token is a part of the URL that fal has.
    let token = "select count(*) from fal.request where cast(token as text) like '________-____-____-____-____________'";
    assert_eq!(from.number(token).await, 1);
    from.fleet.move_batch("cats", &to.fleet).await.unwrap();
    assert_eq!(to.number(token).await, 1);
}

#[tokio::test]
async fn an_interrupted_move_is_completed() {
    let (from, to) = (Stage::embedded().await, Stage::embedded().await);
    let batch = from.fleet.batch("cats");
    batch.enqueue(inputs(6)).await.unwrap();
    batch.pause("for a while").await.unwrap();
    // The disk of the other one is full after a part of the requests.
    to.execute("create trigger fal.full before insert on request when new.key > '0003' begin select raise(abort, 'full'); end")
        .await;
    assert_eq!(from.fleet.move_batch("cats", &to.fleet).await.unwrap_err().kind(), ErrorKind::Database);
    // It is stopped in both meanwhile.
    assert!(from.work(1).await.is_empty() && to.work(1).await.is_empty());
    to.execute("drop trigger fal.full").await;
    assert_eq!(from.fleet.move_batch("cats", &to.fleet).await.unwrap(), 6);
    let moved = to.fleet.batch("cats");
    assert_eq!(moved.status().await.unwrap().stop_reason.as_deref(), Some("for a while"));
    moved.resume().await.unwrap();
    assert_eq!(to.work(1).await, keys(6));
    assert_eq!((from.submits(), to.submits()), (0, 6));
}

#[tokio::test]
async fn a_batch_moves_to_no_place_that_has_it() {
    let stage = Stage::embedded().await;
    stage.fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    let again: Fleet = stage.fleet.clone();
    assert_eq!(stage.fleet.move_batch("cats", &again).await.unwrap_err().kind(), ErrorKind::Config);
    let other = Stage::embedded().await;
    other.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let error = stage.fleet.move_batch("cats", &other.fleet).await.unwrap_err();
    assert!(error.to_string().contains("has one of this name"), "{error}");
    assert_eq!(stage.fleet.move_batch("dogs", &other.fleet).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Nothing has changed by it.
    assert_eq!(stage.work(1).await, keys(3));
}
