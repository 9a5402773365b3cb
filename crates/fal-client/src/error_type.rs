//! The error types that fal documents, for comparison with [`Error::error_type`](crate::Error::error_type).
//!
//! ```
//! use fal_client::{Error, error_type};
//!
//! fn is_refused(error: &Error) -> bool {
//!     error.error_type() == Some(error_type::CONTENT_POLICY_VIOLATION)
//! }
//! ```
//!
//! Models may have others, and the types of pydantic, such as `missing`, occur too.

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $value),)*];
    };
}

types! {
    /// The model crashed (500).
    INTERNAL_SERVER_ERROR = "internal_server_error",
    /// The model took too long (504).
    GENERATION_TIMEOUT = "generation_timeout",
    /// A service that the model depends on refused (400, 500).
    DOWNSTREAM_SERVICE_ERROR = "downstream_service_error",
    /// A service that the model depends on did not respond (500).
    DOWNSTREAM_SERVICE_UNAVAILABLE = "downstream_service_unavailable",
    /// The prompt or a file was flagged (422).
    CONTENT_POLICY_VIOLATION = "content_policy_violation",
    /// The model generated nothing from the input (422).
    NO_MEDIA_GENERATED = "no_media_generated",
    /// `ctx` has `min_height` and `min_width` (422).
    IMAGE_TOO_SMALL = "image_too_small",
    /// `ctx` has `max_height` and `max_width` (422).
    IMAGE_TOO_LARGE = "image_too_large",
    /// The image is damaged, or not an image (422).
    IMAGE_LOAD_ERROR = "image_load_error",
    /// The URL of a file could not be fetched (422).
    FILE_DOWNLOAD_ERROR = "file_download_error",
    /// There is no face in the image (422).
    FACE_DETECTION_ERROR = "face_detection_error",
    /// The model does not support this combination of parameters (422).
    FEATURE_NOT_SUPPORTED = "feature_not_supported",
    /// `ctx` has `max_size`, in bytes (422).
    FILE_TOO_LARGE = "file_too_large",
    /// `ctx` has `gt` (422).
    GREATER_THAN = "greater_than",
    /// `ctx` has `ge` (422).
    GREATER_THAN_EQUAL = "greater_than_equal",
    /// `ctx` has `lt` (422).
    LESS_THAN = "less_than",
    /// `ctx` has `le` (422).
    LESS_THAN_EQUAL = "less_than_equal",
    /// `ctx` has `multiple_of` (422).
    MULTIPLE_OF = "multiple_of",
    /// `ctx` has `min_length` (422).
    SEQUENCE_TOO_SHORT = "sequence_too_short",
    /// `ctx` has `max_length` (422).
    SEQUENCE_TOO_LONG = "sequence_too_long",
    /// `ctx` has `expected`, a list (422).
    ONE_OF = "one_of",
    /// `ctx` has `supported_extensions` (422).
    INVALID_ARCHIVE = "invalid_archive",
    /// `ctx` has `min_count` and `provided_count` (422).
    ARCHIVE_FILE_COUNT_BELOW_MINIMUM = "archive_file_count_below_minimum",
    /// `ctx` has `max_count` and `provided_count` (422).
    ARCHIVE_FILE_COUNT_EXCEEDS_MAXIMUM = "archive_file_count_exceeds_maximum",
    /// `ctx` has `max_duration` and `provided_duration`, in seconds (422).
    AUDIO_DURATION_TOO_LONG = "audio_duration_too_long",
    /// `ctx` has `min_duration` and `provided_duration`, in seconds (422).
    AUDIO_DURATION_TOO_SHORT = "audio_duration_too_short",
    /// `ctx` has `max_duration` and `provided_duration`, in seconds (422).
    VIDEO_DURATION_TOO_LONG = "video_duration_too_long",
    /// `ctx` has `min_duration` and `provided_duration`, in seconds (422).
    VIDEO_DURATION_TOO_SHORT = "video_duration_too_short",
    /// `ctx` has `supported_formats` (422).
    UNSUPPORTED_AUDIO_FORMAT = "unsupported_audio_format",
    /// `ctx` has `supported_formats` (422).
    UNSUPPORTED_IMAGE_FORMAT = "unsupported_image_format",
    /// `ctx` has `supported_formats` (422).
    UNSUPPORTED_VIDEO_FORMAT = "unsupported_video_format",

    /// The time limit of the app, or the caller's `start_timeout`, passed (504).
    REQUEST_TIMEOUT = "request_timeout",
    /// No runner was ready in time (504).
    STARTUP_TIMEOUT = "startup_timeout",
    /// No runner could be found (503).
    RUNNER_SCHEDULING_FAILURE = "runner_scheduling_failure",
    /// The runner was not reached in time (503).
    RUNNER_CONNECTION_TIMEOUT = "runner_connection_timeout",
    /// The runner disconnected while it worked (503).
    RUNNER_DISCONNECTED = "runner_disconnected",
    /// The runner refused the connection (503).
    RUNNER_CONNECTION_REFUSED = "runner_connection_refused",
    /// The connection to the runner failed in another way (503).
    RUNNER_CONNECTION_ERROR = "runner_connection_error",
    /// The runner's response broke off (502).
    RUNNER_INCOMPLETE_RESPONSE = "runner_incomplete_response",
    /// The app crashed (500).
    RUNNER_SERVER_ERROR = "runner_server_error",
    /// fal itself failed (500).
    INTERNAL_ERROR = "internal_error",
    /// The caller disconnected (499).
    CLIENT_DISCONNECTED = "client_disconnected",
    /// The request was cancelled (499).
    CLIENT_CANCELLED = "client_cancelled",
    /// A header or the request itself is invalid (400).
    BAD_REQUEST = "bad_request",
    /// The account has more concurrent requests than it may (429).
    CONCURRENT_REQUESTS_LIMIT = "concurrent_requests_limit",
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn constants_are_named_after_their_values() {
        for (name, value) in ALL {
            assert_eq!(name.to_lowercase(), *value);
        }
    }
}
