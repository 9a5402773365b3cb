//! The trace and the metrics of a fleet. A process of its own, because both are set for the process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use fal_client::{
    Client,
    untyped::{self, Any},
};
use fal_emulator::{Emulator, Pace};
use fal_fleet::{Fleet, MediaStore, metrics};
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde_json::json;
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

const DEV: &str = "fal-ai/flux/dev";

#[tokio::test]
async fn a_request_is_one_trace_from_its_enqueuer_to_its_files_and_is_counted() {
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("app"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let exporter = PrometheusBuilder::new().install_recorder().unwrap();
    fal_client::metrics::describe();
    metrics::describe();

    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::embedded(folder.path().join("fleet.db")).await.unwrap();
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let batch = fleet.batch("cats");
    for order in ["first", "second"] {
        let input = untyped::input(DEV, json!({ "prompt": "a cat" }));
        batch.enqueue([(order, input)]).instrument(info_span!("order", otel.name = order)).await.unwrap();
    }
    let location = folder.path().join("out").display().to_string();
    fleet
        .worker(client)
        .poll_interval(Duration::from_millis(20))
        .save_media(MediaStore::open(&location, "{key}.{ext}").unwrap())
        .until_finished()
        .run::<Any, _>(async |_| Ok(()))
        .await
        .unwrap();
    fleet.status().await.unwrap();
    provider.force_flush().unwrap();

    let spans = spans.get_finished_spans().unwrap();
    let mut by_trace: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for span in &spans {
        by_trace.entry(span.span_context.trace_id().to_string()).or_default().push(&*span.name);
    }
    for order in ["first", "second"] {
        let root = spans.iter().find(|span| span.name == order).unwrap().span_context.clone();
        let trace = &by_trace[&root.trace_id().to_string()];
        for step in ["submit", "follow", "save", "handle"].map(|step| format!("fal.fleet.{step}")) {
            assert!(trace.contains(&&*step), "{order} has no {step}: {trace:?}");
            let is_child = |span: &&opentelemetry_sdk::trace::SpanData| {
                span.name == step && span.parent_span_id == root.span_id() && span.parent_span_is_remote
            };
            assert!(spans.iter().any(|span| is_child(&span)), "{step} is no child of {order}");
        }
        assert!(trace.contains(&"fal.submit") && trace.contains(&"fal.download"), "{trace:?}");
    }

    let scraped = exporter.render();
    let line = |name: &str, labels: &[&str]| {
        let is_it = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
        let line = scraped.lines().find(is_it);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or_else(|| panic!("{name}: {scraped}"))
    };
    assert_eq!(line("fal_fleet_requests{", &["batch=\"cats\"", "state=\"acknowledged\""]), 2.0);
    assert_eq!(line("fal_fleet_requests{", &["state=\"waiting\""]), 0.0);
    assert!(line("fal_client_spend{", &["batch=\"cats\""]) > 0.0);
    assert!(line("fal_fleet_claim_duration_count", &[]) >= 1.0);
    for name in ["run_duration", "queue_duration", "billable_units"] {
        assert_eq!(line(&format!("fal_client_{name}_count{{"), &["fal-ai/flux/dev"]), 2.0, "{name}");
    }
}
