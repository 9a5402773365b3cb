//! Spans, metrics, and the headers of a trace.
//!
//! # Spans
//!
//! Every call is a span of [`tracing`](https://docs.rs/tracing) at the level `info`, and every attempt at an HTTP request one at
//! `debug` below it. Their fields have the names of OpenTelemetry's conventions, so that
//! [tracing-opentelemetry](https://docs.rs/tracing-opentelemetry) exports them as they are:
//!
//! | Span | Fields |
//! |---|---|
//! | `fal.run`, `fal.submit`, `fal.subscribe`, `fal.stream`, `fal.job` … | `gen_ai.provider.name`, `gen_ai.request.model` (the endpoint), `gen_ai.response.id` (the request id), `error.type` |
//! | `fal.attempt` | `otel.kind` (`client`), `http.request.method`, `http.response.status_code`, `http.request.resend_count`, `server.address`, `server.port`, `url.full` (without the query), `error.type` |
//!
//! Fields never contain the key, queries of URLs or content.
//!
//! # Metrics
//!
//! With the feature `metrics`, calls record requests, retries, times in the queue and on a runner, bytes and money through the
//! facade of the crate `metrics`, for every exporter that it has. The page of the module `metrics` lists them, and has the recipe
//! for Prometheus.
//!
//! # The trace of a request
//!
//! With the feature `opentelemetry` there is nothing to do: every request to fal has the `traceparent` of its span, if the app's
//! subscriber has the layer of tracing-opentelemetry. The module `trace_context` also carries the trace through a webhook. This is
//! the whole setup, of which an app replaces the exporter by its own. The filter leaves out what HTTP libraries tell about each
//! connection, which makes each call 2 µs longer, and the traces larger:
//!
//! ```
//! # #[cfg(feature = "opentelemetry")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use opentelemetry::trace::TracerProvider;
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//! use tracing::Level;
//! use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};
//!
//! let exporter = InMemorySpanExporter::default();
//! let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
//! let shown = Targets::new().with_default(Level::INFO).with_target("fal_client", Level::DEBUG);
//! let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("my-app")).with_filter(shown);
//! tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
//! # Ok(())
//! # }
//! # #[cfg(feature = "opentelemetry")]
//! # example().unwrap();
//! ```
//!
//! For other tracers, [`on_request`](crate::ClientBuilder::on_request) adds headers to every attempt. It is called inside the span
//! of the attempt, so it can name that span as the parent. fal sends no header of the caller with a webhook, so
//! [`url_with_traceparent`](crate::webhook::url_with_traceparent) puts it into the URL, and the handler of the delivery continues
//! the trace:
//!
//! ```no_run
//! use fal_client::{Client, input, webhook};
//! use fal_flux::dev;
//!
//! # fn traceparent(span: &tracing::Span) -> Option<String> { None }
//! # async fn example() -> fal_client::Result<()> {
//! let client = Client::builder()
//!     .env()
//!     .on_request(|headers| {
//!         let parent = traceparent(&tracing::Span::current());
//!         if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
//!             headers.insert("traceparent", parent);
//!         }
//!     })
//!     .build()?;
//!
//! let mut url = "https://my-app.example/fal".to_owned();
//! if let Some(parent) = traceparent(&tracing::Span::current()) {
//!     url = webhook::url_with_traceparent(&url, &parent)?;
//! }
//! client.submit(input!(dev { prompt: "a cat" })).webhook(url).await?;
//! # Ok(())
//! # }
//!
//! fn on_delivery(uri: &http::Uri) {
//!     let parent = webhook::traceparent_from_url(uri);
//!     let span = tracing::info_span!("delivery", parent);
//! #   let _ = span;
//! }
//! ```
//!
//! # Attempts
//!
//! [`on_attempt`](crate::ClientBuilder::on_attempt) observes each attempt with its host, path, status, duration and the pause
//! before the next one. [`middleware`](crate::middleware) also sees bodies, and with the feature `tower` every
//! [`layer`](crate::ClientBuilder::layer) of tower wraps the HTTP client.
