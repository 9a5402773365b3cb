//! The trace of requests, with a real tracer. A process of its own, because it sets the subscriber of the process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, http::Uri, routing::post};
use fal_client::{
    Client, File, Retry, storage::Repository, storage::UploadOptions, trace_context, untyped, webhook,
};
use fal_emulator::{Emulator, Pace, RequestKind};
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{Instrument, Span, info_span};
use tracing_subscriber::layer::SubscriberExt;

/// Returns the ids of a `traceparent`.
fn ids(traceparent: &str) -> (TraceId, SpanId) {
    let parts: Vec<_> = traceparent.split('-').collect();
    assert_eq!((parts[0], parts[3]), ("00", "01"), "{traceparent}");
    (TraceId::from_hex(parts[1]).unwrap(), SpanId::from_hex(parts[2]).unwrap())
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap()
}

/// Starts an app that handles deliveries in a span that continues the trace of the submit. Returns its URL.
async fn start_app(handled: mpsc::UnboundedSender<bool>) -> String {
    let handle = move |uri: Uri| async move {
        let span = info_span!("delivery");
        let parent = webhook::traceparent_from_url(&uri).unwrap_or_default();
        let is_set = trace_context::set_parent(&span, &parent);
        async { handled.send(is_set).unwrap() }.instrument(span).await;
    };
    let routes = Router::new().route("/fal", post(handle));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fal", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn the_span_of_a_request_travels_with_it_and_through_its_webhook() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("app"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();

    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    emulator.on_endpoint("acme/app").reply(|_| json!({"seed": 7}));
    emulator.on_request(RequestKind::Run).fail(429, json!({"detail": "busy"})).times(1);
    let client = Client::builder().emulator(emulator.url());
    let client = client.uploads(UploadOptions::default().repository(Repository::Rest)).build().unwrap();
    let (handled, mut deliveries) = mpsc::unbounded_channel();
    let app = start_app(handled).await;

    let calls = async {
        client.run(untyped::input("acme/app", json!({}))).await.unwrap();
        client.upload(File::bytes(vec![7; 100], "image/png")).await.unwrap();
        let parent = trace_context::traceparent(&Span::current()).unwrap();
        let url = webhook::url_with_traceparent(&app, &parent).unwrap();
        client.submit(untyped::input("acme/app", json!({}))).webhook(url).await.unwrap();
    };
    calls.instrument(info_span!("order")).await;
    assert!(deliveries.recv().await.unwrap());
    provider.force_flush().unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let order = named(&spans, "order").span_context.clone();
    let sent = emulator.requests();
    let (to_fal, elsewhere): (Vec<_>, Vec<_>) =
        sent.iter().partition(|request| request.kind != RequestKind::Upload);
    assert!(to_fal.len() >= 4 && !elsewhere.is_empty(), "{sent:?}");
    for request in &to_fal {
        let (trace, parent) = ids(request.header("traceparent").unwrap());
        let attempt = spans.iter().find(|span| span.span_context.span_id() == parent).unwrap();
        assert_eq!((trace, &*attempt.name), (order.trace_id(), "POST"), "{request:?}");
        let call = spans.iter().find(|span| span.span_context.span_id() == attempt.parent_span_id).unwrap();
        assert!(call.name.starts_with("fal."), "{}", call.name);
        assert_eq!(call.parent_span_id, order.span_id());
    }
    let mut attempts: Vec<_> = to_fal.iter().map(|request| request.header("traceparent")).collect();
    attempts.dedup();
    assert_eq!(attempts.len(), to_fal.len(), "every attempt has a span of its own");
    assert!(elsewhere.iter().all(|request| request.header("traceparent").is_none()), "{elsewhere:?}");

    let delivery = named(&spans, "delivery");
    assert_eq!(delivery.span_context.trace_id(), order.trace_id());
    assert_eq!((delivery.parent_span_id, delivery.parent_span_is_remote), (order.span_id(), true));
    assert!(!trace_context::set_parent(&info_span!("other"), "00-0-0-00"));

    // A header of the call wins.
    let before = emulator.requests().len();
    let call =
        client.run(untyped::input("acme/app", json!({}))).header("traceparent", "mine").retry(Retry::none());
    call.await.unwrap();
    assert_eq!(emulator.requests()[before].header("traceparent"), Some("mine"));
}
