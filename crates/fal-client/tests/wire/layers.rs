//! Layers of tower around the HTTP client.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use fal_client::{
    Client, Retry,
    middleware::{BoxError, HttpService},
};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use serde_json::json;
use tower::{
    Service, ServiceBuilder,
    layer::layer_fn,
    service_fn,
    util::{MapRequestLayer, MapResponseLayer},
};

use crate::{
    job::accepted,
    model::cat,
    server::{Reaction, Received, Server, bytes, json as answer, quick, unused_url},
};

type Outgoing = http::Request<reqwest::Body>;

#[tokio::test]
async fn requests_and_responses_pass_a_layer() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => {
            bytes(200, &[("content-type", "text/event-stream")], "data: {\"status\": \"COMPLETED\"}\n\n")
        }
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let layer = ServiceBuilder::new()
        .layer(MapRequestLayer::new(|mut request: Outgoing| {
            request.headers_mut().insert("x-layer", HeaderValue::from_static("1"));
            request
        }))
        .layer(MapResponseLayer::new(|mut response: http::Response<reqwest::Body>| {
            response.headers_mut().insert("x-fal-served-from", HeaderValue::from_static("a layer"));
            response
        }));
    let client = server.builder().layer(layer).build().unwrap();
    let reply = client.subscribe(cat()).await.unwrap();
    assert_eq!((reply.seed, reply.served_from()), (1, Some("a layer")));
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|sent| sent.header("x-layer") == Some("1")));
    assert!(received.iter().all(|sent| sent.header("authorization") == Some("Key test:key")));
}

#[tokio::test]
async fn rate_limit_of_tower_spreads_requests() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let layer = ServiceBuilder::new().buffer(100).rate_limit(2, Duration::from_millis(200));
    let client = server.builder().layer(layer).build().unwrap();
    let start = Instant::now();
    let calls = (0..6).map(|_| client.run(cat()).into_future());
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    // Two at once, two after 200 ms and two after 400 ms.
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
}

#[tokio::test]
async fn timeout_of_a_request_holds_behind_a_layer() {
    let server = Server::start(|_, _| Reaction::Hang).await;
    let client = server.builder().retry(Retry::none()).layer(layer_fn(|service: HttpService| service));
    let call = client.build().unwrap().run(cat()).timeout(Duration::from_millis(50));
    assert!(call.await.unwrap_err().is_timeout());
}

/// A service that refuses, before or after it has sent the request.
#[derive(Clone)]
struct Refuse {
    service: HttpService,
    sends_first: bool,
}

impl Service<Outgoing> for Refuse {
    type Response = http::Response<reqwest::Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Outgoing) -> Self::Future {
        let sent = self.sends_first.then(|| self.service.call(request));
        Box::pin(async move {
            if let Some(sent) = sent {
                sent.await?;
            }
            Err("the layer is tired".into())
        })
    }
}

#[tokio::test]
async fn failure_of_a_layer_counts_as_sent_only_if_it_was() {
    let server = Server::start(|_, _| answer(200, &json!({"request_id": "r1", "seed": 1}))).await;
    let client = |sends_first| {
        let layer = layer_fn(move |service| Refuse { service, sends_first });
        server.builder().layer(layer).build().unwrap()
    };
    let error = client(false).submit(cat()).await.unwrap_err();
    assert!(error.is_transport() && !error.may_be_accepted(), "{error:?}");
    assert!(error.to_string().contains("a layer of the client failed: the layer is tired"), "{error}");
    assert!(server.received().is_empty());
    // It may be running, so it is sent once.
    let error = client(true).submit(cat()).await.unwrap_err();
    assert!(error.is_transport() && error.may_be_accepted(), "{error:?}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn failed_connection_behind_a_layer_is_told_apart() {
    let (url, _socket) = unused_url();
    let hide = |cause: BoxError| std::io::Error::other(cause);
    for layer in 0..3 {
        let builder = Client::builder().emulator(&url).retry(quick());
        let builder = match layer {
            0 => builder.layer(layer_fn(|service: HttpService| service)),
            1 => builder.layer(ServiceBuilder::new().buffer(10)),
            // The error is the content of another one.
            _ => builder.layer(ServiceBuilder::new().map_err(hide)),
        };
        let error = builder.build().unwrap().submit(cat()).await.unwrap_err();
        assert!(error.is_transport() && !error.may_be_accepted(), "{error:?}");
    }
}

#[tokio::test]
async fn layer_cannot_send_the_key_to_another_host() {
    let stranger = Server::start(|_, _| answer(200, &json!({"seed": 666}))).await;
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let target: Uri = format!("{}/run/acme/app/edit", stranger.url).parse().unwrap();
    let elsewhere = target.clone();
    let redirect = MapRequestLayer::new(move |mut request: Outgoing| {
        *request.uri_mut() = elsewhere.clone();
        request
    });
    // A layer that makes a request of its own takes nothing along that tells its host.
    let copy = layer_fn(move |service: HttpService| {
        let target = target.clone();
        service_fn(move |request: Outgoing| {
            let mut copy = http::Request::post(target.clone()).body(reqwest::Body::default()).unwrap();
            copy.headers_mut().clone_from(request.headers());
            service.clone().call(copy)
        })
    });
    let clients = [server.builder().layer(redirect).build(), server.builder().layer(copy).build()];
    for client in clients {
        let error = client.unwrap().run(cat()).await.unwrap_err();
        assert!(error.to_string().contains("sends the key to another host"), "{error}");
    }
    assert!(stranger.received().is_empty() && server.received().is_empty());
}

#[tokio::test]
async fn layer_can_answer_in_place_of_the_network() {
    let layer = layer_fn(|_: HttpService| {
        service_fn(|_: Outgoing| -> Ready<Result<http::Response<String>, BoxError>> {
            ready(Ok(http::Response::new("{\"seed\": 9}".to_owned())))
        })
    });
    let client = Client::builder().key("a:b").layer(layer).build().unwrap();
    assert_eq!(client.run(cat()).await.unwrap().seed, 9);
}
