//! A request with a webhook.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use fal_client::untyped::Any;
use fal_client::webhook::Verifier;

use crate::report::{Check, ensure};
use crate::{client, input, is_output};

pub(crate) async fn submit() -> Check {
    let (send, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
    let hear = async move |headers: HeaderMap, body: Bytes| drop(send.send((headers, body)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook?a=b%20c", listener.local_addr()?);
    let server =
        tokio::spawn(axum::serve(listener, axum::Router::new().route("/hook", post(hear))).into_future());

    let client = client()?;
    let job = client.submit(input()).webhook(url).await?;
    let Some((headers, body)) = deliveries.recv().await else { return Err("nothing came".into()) };
    server.abort();
    let delivery = Verifier::new(&client).verify(&headers, body).await?;
    ensure(delivery.request_id() == job.request_id(), || delivery.request_id().to_owned())?;
    is_output(&delivery.parse::<Any>()?)
}
