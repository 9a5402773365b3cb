//! Files of embedded ledgers.

use fal_client::{Usd, batch::Budget, untyped::Any};
use fal_fleet::{ErrorKind, Fleet};
use futures_util::future::try_join_all;

use crate::support::{Stage, inputs};

#[tokio::test]
async fn many_handles_open_a_new_file_at_once_and_work_on_it() {
    let stage = Stage::embedded().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a folder with ?odd&name%20.db");
    // Each has a connection of its own, as other processes have.
    let fleets = try_join_all((0..6).map(|_| Fleet::embedded(&path))).await.unwrap();
    let budget = Budget::new(Usd::cents(25)).max_per_request(Usd::cents(1));
    fleets[0].batch("cats").concurrency(30).budget(budget).enqueue(inputs(40)).await.unwrap();
    let workers = fleets.iter().map(|fleet| {
        let worker = fleet.worker(stage.client()).submits_at_once(4).until_finished();
        worker.poll_interval(std::time::Duration::from_millis(20)).run::<Any, _>(async |_| Ok(()))
    });
    try_join_all(workers).await.unwrap();
    let status = fleets[5].batch("cats").status().await.unwrap();
    assert_eq!((status.done, status.acknowledged, status.waiting), (25, 25, 15), "{status}");
    assert_eq!((stage.submits(), status.spent), (25, Usd::cents(25)), "{status}");
    assert!(path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_file_is_opened_while_another_handle_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    // As another handle does that changes the file to WAL: SQLite then does not wait for it.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let opening = tokio::spawn(Fleet::embedded(path));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    other.execute_batch("commit").unwrap();
    opening.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_outlive_the_program() {
    let stage = Stage::embedded().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let fleet = Fleet::embedded(&path).await.unwrap();
    fleet.batch("cats").enqueue(inputs(3)).await.unwrap();
    drop(fleet);
    let fleet = Fleet::embedded(&path).await.unwrap();
    let worker = fleet.worker(stage.client()).until_finished();
    worker.run::<Any, _>(async |_| Ok(())).await.unwrap();
    assert_eq!(stage.submits(), 3);
}

#[tokio::test]
async fn other_files_and_newer_ones_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, and longer than the header of one: ".repeat(40)).unwrap();
    let before = std::fs::read(&text).unwrap();
    for path in [text.as_path(), folder.path(), "".as_ref(), &folder.path().join("no/such/folder.db")] {
        let error = Fleet::embedded(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    assert_eq!(std::fs::read(&text).unwrap(), before);
    let newer = folder.path().join("newer.db");
    drop(Fleet::embedded(&newer).await.unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = Fleet::embedded(&newer).await.unwrap_err();
    assert!(error.to_string().contains("update fal-fleet"), "{error}");
}
