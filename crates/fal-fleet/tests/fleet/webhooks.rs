//! Webhooks.

use std::net::Ipv4Addr;

use fal_client::webhook::Verifier;
use fal_emulator::{FaultPoint, RequestKind};
use http::{HeaderMap, Uri};
use tokio::net::TcpListener;

use crate::support::{Stage, inputs, keys};

on_both_ledgers! {
    a_delivery_decides_a_submit_whose_answer_was_lost,
    a_delivery_without_a_signature_changes_nothing,
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
