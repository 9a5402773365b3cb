//! Webhooks.

use std::{net::Ipv4Addr, time::Duration};

use fal_client::{Usd, batch::Budget, webhook::Verifier};
use fal_emulator::{FaultPoint, Pace, RequestKind};
use http::{HeaderMap, Uri};
use tokio::net::TcpListener;

use crate::support::{Stage, inputs, keys};

on_both_ledgers! {
    a_delivery_decides_a_submit_whose_answer_was_lost,
    a_delivery_without_a_signature_changes_nothing,
    a_request_that_was_given_back_and_accepted_is_charged,
    its_estimate_is_reserved_again_without_a_limit_for_each_request,
}

/// Serves the webhooks of a fleet, and returns their URL.
async fn serve(stage: &Stage) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/fal", listener.local_addr().unwrap());
    let webhooks = stage.fleet.webhooks(Verifier::new(&stage.client()));
    let app = axum::Router::new().nest("/fal", webhooks.into_router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn a_delivery_decides_a_submit_whose_answer_was_lost(stage: Stage) {
    let url = serve(&stage).await;
    stage.fleet.batch("cats & dogs").webhook(url).reconcile(true).enqueue(inputs(8)).await.unwrap();
    // Without the list of requests, only the webhooks can tell.
    stage.emulator.on_request(RequestKind::Platform).fail(503, serde_json::json!({}));
    stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(2);
    assert_eq!(stage.work(2).await, keys(8));
    assert_eq!(stage.submits(), 8);
}

async fn a_delivery_without_a_signature_changes_nothing(stage: Stage) {
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();
    let webhooks = stage.fleet.webhooks(Verifier::new(&stage.client()));
    let uri = Uri::from_static("/fal?fleet_batch=cats&fleet_key=0000&fleet_attempt=0&fleet_token=x");
    let status = webhooks.handle(&uri, &HeaderMap::new(), "{}").await;
    assert!(status.is_client_error(), "{status}");
    assert_eq!(stage.number("select count(*) from fal.request where state = 'waiting'").await, 1);
}

async fn a_request_that_was_given_back_and_accepted_is_charged(stage: Stage) {
    let stage = stage.with_pace(Pace::instant().run(RUN)).await;
    // The cost is not known.
    stage.emulator.on_request(RequestKind::Platform).fail(503, serde_json::json!({}));
    give_back_and_accept(stage, Budget::new(Usd::cents(5)).max_per_request(Usd::cents(1))).await;
}

async fn its_estimate_is_reserved_again_without_a_limit_for_each_request(stage: Stage) {
    let stage = stage.with_pace(Pace::instant().run(RUN)).await;
    // The emulator charges a cent for a picture.
    give_back_and_accept(stage, Usd::cents(5).into()).await;
}

/// The time for which a request runs. It ends when the test moves the clock.
const RUN: Duration = Duration::from_secs(3600);

/// Loses the answer to a submit, gives the request back with its money, and lets a webhook tell that it was accepted.
async fn give_back_and_accept(stage: Stage, budget: Budget) {
    let url = serve(&stage).await;
    stage.fleet.batch("cats").webhook(url).budget(budget).enqueue(inputs(1)).await.unwrap();
    stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1);
    assert!(stage.work(1).await.is_empty());
    // As after a look at the list of requests that was too early.
    stage
        .execute(
            "update fal.batch set reserved = '0' where exists (select 1 from fal.request where state = 'in_doubt');
             update fal.request set state = 'waiting', reserved = null where state = 'in_doubt'",
        )
        .await;
    stage.emulator.advance(RUN);
    while stage.number("select count(*) from fal.request where state = 'submitted'").await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stage.fleet.batch("cats").status().await.unwrap().reserved, Usd::cents(1));
    assert_eq!(stage.work(1).await, keys(1));
    let status = stage.fleet.batch("cats").status().await.unwrap();
    assert_eq!((status.spent, status.reserved), (Usd::cents(1), Usd::ZERO));
}
