//! The trace of a request, from the one who adds it to the handler of its output.

use tracing::Span;

/// Returns the `traceparent` of the current span, with the feature `opentelemetry`.
pub(crate) fn traceparent() -> Option<String> {
    #[cfg(feature = "opentelemetry")]
    let parent = fal_client::trace_context::traceparent(&Span::current());
    #[cfg(not(feature = "opentelemetry"))]
    let parent = None;
    parent
}

/// Returns a span that continues the trace in which its request was added.
pub(crate) fn continued(span: Span, parent: Option<&str>) -> Span {
    #[cfg(feature = "opentelemetry")]
    if let Some(parent) = parent {
        fal_client::trace_context::set_parent(&span, parent);
    }
    #[cfg(not(feature = "opentelemetry"))]
    let _ = parent;
    span
}
