//! The operations that requests ask for, and their recognition by path.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// The operation that a request asks for.
///
/// Scenario files and the admin API spell the kinds in snake case: `status_stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestKind {
    /// A direct call.
    Run,
    /// A direct call that is answered with events: `…/stream`.
    Stream,
    /// The opening of a realtime connection.
    Realtime,
    /// The opening of a connection for HTTP over WebSocket.
    WebSocket,
    /// The submission of a request to the queue.
    Submit,
    /// A poll of the status of a queued request.
    Status,
    /// The status of a queued request as a stream of events.
    StatusStream,
    /// The fetch of the output of a queued request.
    Result,
    /// The cancellation of a queued request.
    Cancel,
    /// The issue of a token, for realtime connections or for the CDN.
    Token,
    /// The initiation of an upload.
    UploadInitiate,
    /// The bytes of an upload, whole or in parts, and its completion.
    Upload,
    /// The download of a file.
    Media,
    /// A request to the platform API.
    Platform,
    /// Any other request, and every CORS preflight.
    Other,
}

/// The part of a path that names the endpoint or the queued request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Endpoint(&'a str),
    Job(&'a str),
    None,
}

/// Determines the kind and the target of a request from its method and path.
pub(crate) fn classify<'a>(method: &Method, path: &'a str) -> (RequestKind, Target<'a>) {
    let (service, rest) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    let rest = rest.trim_end_matches('/');
    if *method == Method::OPTIONS {
        // A browser's question whether a page may send a request is not that request.
        return (RequestKind::Other, Target::None);
    }
    match service {
        "run" => classify_run(rest),
        "ws" => match rest.strip_suffix("/realtime") {
            Some(id) => (RequestKind::Realtime, Target::Endpoint(id)),
            None => (RequestKind::WebSocket, Target::Endpoint(rest)),
        },
        "queue" => classify_queue(rest),
        "rest" if rest.starts_with("tokens") || rest == "storage/auth/token" => {
            (RequestKind::Token, Target::None)
        }
        "rest" if rest.starts_with("storage/upload/initiate") => (RequestKind::UploadInitiate, Target::None),
        "rest" if rest.starts_with("storage/upload") => (RequestKind::Upload, Target::None),
        "cdn" if matches!(*method, Method::GET | Method::HEAD) => (RequestKind::Media, Target::None),
        "cdn" => (RequestKind::Upload, Target::None),
        "platform" => (RequestKind::Platform, Target::None),
        _ => (RequestKind::Other, Target::None),
    }
}

fn classify_run(rest: &str) -> (RequestKind, Target<'_>) {
    if let Some(id) = rest.strip_suffix("/stream") {
        (RequestKind::Stream, Target::Endpoint(id))
    } else if let Some(id) = rest.strip_suffix("/realtime") {
        (RequestKind::Realtime, Target::Endpoint(id))
    } else {
        (RequestKind::Run, Target::Endpoint(rest))
    }
}

fn classify_queue(rest: &str) -> (RequestKind, Target<'_>) {
    let Some((_, job)) = rest.rsplit_once("/requests/") else {
        return (RequestKind::Submit, Target::Endpoint(rest));
    };
    let (id, action) = job.split_once('/').unwrap_or((job, ""));
    let kind = match action {
        "status" => RequestKind::Status,
        "status/stream" => RequestKind::StatusStream,
        "" | "response" => RequestKind::Result,
        "cancel" => RequestKind::Cancel,
        _ => RequestKind::Other,
    };
    (kind, Target::Job(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_determine_kinds() {
        let flux = || Target::Endpoint("fal-ai/flux/dev");
        let post = |path| classify(&Method::POST, path);
        assert_eq!(post("/run/fal-ai/flux/dev"), (RequestKind::Run, flux()));
        assert_eq!(post("/run/fal-ai/flux/dev/stream"), (RequestKind::Stream, flux()));
        assert_eq!(post("/queue/fal-ai/flux/dev/"), (RequestKind::Submit, flux()));
        let get = |path| classify(&Method::GET, path);
        assert_eq!(get("/ws/fal-ai/flux/dev/realtime"), (RequestKind::Realtime, flux()));
        assert_eq!(get("/queue/fal-ai/flux/requests/1/status"), (RequestKind::Status, Target::Job("1")));
        assert_eq!(get("/queue/a/b/requests/1/status/stream"), (RequestKind::StatusStream, Target::Job("1")));
        assert_eq!(get("/queue/a/b/requests/1/"), (RequestKind::Result, Target::Job("1")));
        assert_eq!(get("/queue/a/b/requests/1/response"), (RequestKind::Result, Target::Job("1")));
        assert_eq!(get("/cdn/files/b/1/a.png").0, RequestKind::Media);
        assert_eq!(classify(&Method::PUT, "/cdn/upload/b/1/a.png").0, RequestKind::Upload);
        assert_eq!(post("/rest/storage/upload/initiate").0, RequestKind::UploadInitiate);
        assert_eq!(post("/rest/tokens/").0, RequestKind::Token);
        assert_eq!(get("/").0, RequestKind::Other);
        for path in ["/run/fal-ai/flux/dev", "/queue/fal-ai/flux/requests/1", "/rest/storage/upload/initiate"]
        {
            assert_eq!(classify(&Method::OPTIONS, path), (RequestKind::Other, Target::None), "{path}");
        }
    }
}
