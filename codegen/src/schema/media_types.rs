//! The media types of replies that are sequences.

/// Returns a media type without its parameters, such as `charset`.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns true for a stream of server-sent events.
pub(crate) fn is_event_stream(media_type: &str) -> bool {
    essence(media_type) == "text/event-stream"
}

/// Returns true for lines of JSON.
pub(crate) fn is_lines(media_type: &str) -> bool {
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"]
        .contains(&essence(media_type).as_str())
}
