//! The cost of spans and metrics of a direct call.

use fal_client::Client;
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing::{Dispatch, Level};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};

use crate::{
    Extent, block_on,
    model::CAT,
    raw,
    row::{Of, Row},
    run::{CALLS, rate},
    server::Server,
};

/// A hundredth of a run of 1 ms, in microseconds. The fastest models take a hundred times as long.
const ONE_PERCENT: f64 = 10.0;

/// Compares calls whose spans and metrics are recorded for OpenTelemetry and Prometheus with calls that nobody observes.
pub(crate) fn measure(server: &Server, extent: Extent) -> Vec<Row> {
    let client = raw::client(&server.url);
    let metrics = PrometheusBuilder::new().build_recorder();
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    // As the module `observability` of the guide advises.
    let shown = Targets::new().with_default(Level::INFO).with_target("fal_client", Level::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench")).with_filter(shown);
    let subscriber = Dispatch::new(tracing_subscriber::registry().with(layer));
    let with_spans = || tracing::dispatcher::with_default(&subscriber, || time_of_a_call(&client));
    let with_metrics = || metrics::with_local_recorder(&metrics, || time_of_a_call(&client));
    let (mut costs_of_spans, mut costs_of_metrics) = (Vec::new(), Vec::new());
    for round in 0..=extent.select(100, 4) {
        let costs = [with_spans(), with_metrics()].map(|time| time - time_of_a_call(&client));
        spans.reset();
        // The first round warms up.
        if round > 0 {
            costs_of_spans.push(costs[0]);
            costs_of_metrics.push(costs[1]);
        }
    }
    let row = |name: &str, costs: &[f64]| {
        Row::alone(&format!("client: run, cost of {name}"), "µs", costs).at_most(Of::Ours, ONE_PERCENT)
    };
    vec![row("spans for OpenTelemetry", &costs_of_spans), row("metrics for Prometheus", &costs_of_metrics)]
}

/// Returns the time of a call in microseconds.
fn time_of_a_call(client: &Client) -> f64 {
    let call = || async {
        client.run(CAT).await.unwrap();
    };
    1e6 / block_on(rate(call, 1, CALLS))
}
