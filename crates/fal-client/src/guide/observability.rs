//! Spans and headers for OpenTelemetry.
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
//! # Headers of a trace
//!
//! [`on_request`](crate::ClientBuilder::on_request) adds headers to every attempt. It is called inside the span of the attempt, so
//! it can name that span as the parent of whatever fal or your own app reports:
//!
//! ```
//! use fal_client::Client;
//!
//! # fn traceparent(span: &tracing::Span) -> Option<http::HeaderValue> { None }
//! # fn example() -> fal_client::Result<()> {
//! let client = Client::builder().key("key-id:key-secret").on_request(|headers| {
//!     if let Some(parent) = traceparent(&tracing::Span::current()) {
//!         headers.insert("traceparent", parent);
//!     }
//! });
//! # client.build()?;
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! # Attempts
//!
//! [`on_attempt`](crate::ClientBuilder::on_attempt) observes each attempt with its host, path, status, duration and the pause
//! before the next one. [`middleware`](crate::middleware) also sees bodies, and with the feature `tower` every
//! [`layer`](crate::ClientBuilder::layer) of tower wraps the HTTP client.
