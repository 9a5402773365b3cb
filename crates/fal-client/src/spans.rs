//! Spans, with the names of OpenTelemetry's conventions for HTTP and for generative models.

use tracing::Span;

use crate::{Error, Result};

/// Creates the span of a call of an endpoint.
///
/// The first two fields are this crate's own names, for people who read logs.
macro_rules! call_span {
    ($name:literal, $endpoint:expr $(, $field:ident = $value:expr)*) => {
        ::tracing::info_span!(
            $name,
            endpoint = $endpoint,
            request_id = ::tracing::field::Empty,
            gen_ai.operation.name = "generate_content",
            gen_ai.provider.name = "fal",
            gen_ai.request.model = $endpoint,
            gen_ai.response.id = ::tracing::field::Empty,
            "error.type" = ::tracing::field::Empty
            $(, $field = $value)*
        )
    };
}

/// Records the id that fal gave the request of the current call.
pub(crate) fn record_request_id(id: Option<&str>) {
    if let Some(id) = id {
        let span = Span::current();
        span.record("request_id", id);
        span.record("gen_ai.response.id", id);
    }
}

/// Records the failure of the current call, if it is one.
pub(crate) fn record_failure<T>(result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        Span::current().record("error.type", error_type(error).as_str());
    }
    result
}

/// Returns the category of a failure, for OpenTelemetry's `error.type`: fal's own, a status, or the kind of the error.
pub(crate) fn error_type(error: &Error) -> String {
    match (error.error_type(), error.status()) {
        (Some(error_type), _) => error_type.to_owned(),
        (None, Some(status)) => status.as_str().to_owned(),
        (None, None) if error.is_timeout() => "timeout".to_owned(),
        (None, None) if error.is_transport() => "connection_failed".to_owned(),
        (None, None) => "not_sent".to_owned(),
    }
}

/// Returns true for `version-trace-span-flags` in hexadecimal digits, of the lengths that version 00 has, and with ids that are
/// not zero.
#[cfg(any(feature = "opentelemetry", feature = "webhook"))]
pub(crate) fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    match parts.as_slice() {
        [version, trace, span, flags] => {
            [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2]
                && parts.iter().all(|part| is_hex(part))
                && *version != "ff"
                && !is_zero(trace)
                && !is_zero(span)
        }
        _ => false,
    }
}
