//! Adding requests.

use std::time::Duration;

use fal_client::{File, untyped};
use fal_fleet::{ErrorKind, Fleet};
use serde_json::json;

use crate::{
    cluster,
    support::{DEV, Stage, inputs},
};

on_both_ledgers! {
    known_keys_are_left_and_other_inputs_are_errors,
    bad_requests_are_refused_before_anything_is_written,
}

async fn known_keys_are_left_and_other_inputs_are_errors(stage: Stage) {
    let batch = stage.fleet.batch("cats").concurrency(7).priority(2);
    let first = batch.enqueue(inputs(2500)).await.unwrap();
    assert_eq!((first.added, first.known), (2500, 0));
    let again = stage.fleet.batch("cats").enqueue(inputs(2501)).await.unwrap();
    assert_eq!((again.added, again.known), (1, 2500));

    let changed = [
        ("0000".to_owned(), untyped::input(DEV, json!({ "prompt": "cat 0", "seed": 0 }))),
        ("new".to_owned(), untyped::input(DEV, json!({}))),
        ("0003".to_owned(), untyped::input(DEV, json!({ "prompt": "a dog" }))),
    ];
    let error = batch.enqueue(changed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherInput);
    assert!(error.to_string().contains("`0003`"), "{error}");
    // Neither is the rest of those requests added, nor are settings forgotten.
    assert_eq!(batch.status().await.unwrap().waiting, 2501);
    let kept = "select count(*) from fal.batch join fal.account a on a.name = account where priority = 2 and concurrency = 7";
    assert_eq!(stage.number(kept).await, 1);
}

async fn bad_requests_are_refused_before_anything_is_written(stage: Stage) {
    let batch = stage.fleet.batch("cats");
    let input = || untyped::input(DEV, json!({ "prompt": "a" }));
    let long = "k".repeat(257);
    for key in ["", "nul\0", &long] {
        assert_eq!(batch.enqueue([(key, input())]).await.unwrap_err().kind(), ErrorKind::Config, "{key}");
    }
    let local = untyped::input(DEV, json!({})).file("image_url", File::path("cat.png"));
    let error = batch.enqueue([("a", local)]).await.unwrap_err();
    assert!(error.to_string().contains("cat.png") && error.to_string().contains("upload"), "{error}");
    let nowhere = untyped::input("no-endpoint", json!({}));
    assert_eq!(batch.enqueue([("a", nowhere)]).await.unwrap_err().kind(), ErrorKind::Config);
    let error = batch.clone().webhook("me.example").enqueue([("a", input())]).await.unwrap_err();
    assert!(error.to_string().contains("me.example"), "{error}");
    assert_eq!(stage.number("select count(*) from fal.request").await, 0);
    assert_eq!(stage.fleet.batch("dogs").status().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn requests_share_the_fate_of_the_transaction_that_adds_them() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let mut database = cluster::connect(stage.url()).await;
    let mut transaction = database.transaction().await.unwrap();
    stage.fleet.batch("cats").enqueue_in(&mut transaction, inputs(3)).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(stage.number("select count(*) from fal.request").await, 0);

    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let mut transaction = database.transaction().await.unwrap();
    stage.fleet.batch("cats").enqueue_in(&mut transaction, inputs(3)).await.unwrap();
    // A transaction that is open does not hold workers up.
    let worked = tokio::time::timeout(Duration::from_secs(60), stage.work(1)).await;
    assert_eq!(worked.unwrap(), ["0000"]);
    transaction.commit().await.unwrap();
    assert_eq!(stage.fleet.batch("cats").status().await.unwrap().waiting, 2);
}

#[tokio::test]
async fn the_schema_is_created_once_by_many_processes() {
    let Some(url) = cluster::new_database().await else { return };
    let fleets = (0..6).map(|_| Fleet::connect(&url));
    futures_util::future::try_join_all(fleets).await.unwrap();
    cluster::execute(&url, "insert into fal.migration (version) values (1000)").await;
    let error = Fleet::connect(&url).await.unwrap_err();
    assert!(error.to_string().contains("update fal-fleet"), "{error}");
    assert_eq!(Fleet::connect("postgres://[bad").await.unwrap_err().kind(), ErrorKind::Config);
}
