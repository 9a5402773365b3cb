//! The trace of a request, in the form of the [W3C](https://www.w3.org/TR/trace-context/). With the feature `opentelemetry`.
//!
//! Every request to fal has the headers `traceparent` and `tracestate` of the span that it is sent in, if the app's subscriber of
//! `tracing` has the layer of [tracing-opentelemetry](https://docs.rs/tracing-opentelemetry). Uploads, downloads and everything
//! else that goes to other hosts has none. A header that the call or
//! [`on_request`](crate::ClientBuilder::on_request) sets wins.
//!
//! fal sends no header of the caller with a webhook, so the URL carries the trace to the handler of the delivery:
//!
//! ```no_run
//! use fal_client::{Client, input, trace_context, webhook};
//! use fal_flux::dev;
//! use tracing::Span;
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let mut url = "https://my-app.example/fal".to_owned();
//! if let Some(parent) = trace_context::traceparent(&Span::current()) {
//!     url = webhook::url_with_traceparent(&url, &parent)?;
//! }
//! client.submit(input!(dev { prompt: "a cat" })).webhook(url).await?;
//! # Ok(())
//! # }
//!
//! fn on_delivery(uri: &http::Uri) {
//!     let span = tracing::info_span!("delivery");
//!     if let Some(parent) = webhook::traceparent_from_url(uri) {
//!         trace_context::set_parent(&span, &parent);
//!     }
//! }
//! ```

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::spans::is_traceparent;

/// Returns the `traceparent` of a span. `None` if no layer of OpenTelemetry knows the span.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    format_traceparent(span.context().span().span_context())
}

/// Makes the span of a `traceparent` the parent of `span`, which must not have been entered. Returns false if the text is no
/// `traceparent`, if `span` has begun, or if no layer of OpenTelemetry knows it.
pub fn set_parent(span: &Span, traceparent: &str) -> bool {
    let Some(parent) = parse_traceparent(traceparent) else { return false };
    span.set_parent(Context::new().with_remote_span_context(parent)).is_ok()
}

/// Adds the headers of the current span.
pub(crate) fn add_headers(headers: &mut HeaderMap) {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    let Some(Ok(parent)) = format_traceparent(span).map(HeaderValue::try_from) else { return };
    headers.insert("traceparent", parent);
    let state = span.trace_state().header();
    if let (false, Ok(state)) = (state.is_empty(), HeaderValue::try_from(state)) {
        headers.insert("tracestate", state);
    }
}

fn format_traceparent(span: &SpanContext) -> Option<String> {
    let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags() & TraceFlags::SAMPLED);
    span.is_valid().then(|| format!("00-{trace:032x}-{id:016x}-{flags:02x}"))
}

fn parse_traceparent(text: &str) -> Option<SpanContext> {
    if !is_traceparent(text) {
        return None;
    }
    let mut parts = text.split('-').skip(1);
    let (trace, id, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, id) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(id).ok()?);
    Some(SpanContext::new(trace, id, flags, true, TraceState::default()))
}
