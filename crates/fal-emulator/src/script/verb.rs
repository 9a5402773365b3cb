//! What a request asks for.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verb {
    /// A direct call.
    Run,
    /// A direct call that answers with events: `/stream`.
    Stream,
    /// A realtime connection.
    Realtime,
    /// HTTP over WebSocket.
    WebSocket,
    /// Into the queue.
    Submit,
    /// The status of a queued request.
    Status,
    /// The status as a stream of events.
    StatusStream,
    /// The output of a queued request.
    Result,
    /// The cancel of a queued request.
    Cancel,
    /// A token: for realtime connections or for the CDN.
    Token,
    /// The announcement of an upload.
    UploadInitiate,
    /// Bytes of an upload, in one piece or several, and its completion.
    Upload,
    /// The download of a file.
    Media,
    /// The platform API.
    Platform,
    /// Anything else.
    Other,
}

/// A request as its path tells it: the verb, and what stands for the endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    pub(crate) verb: Verb,
    pub(crate) target: Target<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Endpoint(&'a str),
    Job(&'a str),
    None,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(method: &Method, path: &'a str) -> Self {
        let (service, rest) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let rest = rest.trim_end_matches('/');
        let (verb, target) = match service {
            "run" => run(rest),
            "ws" => match rest.strip_suffix("/realtime") {
                Some(id) => (Verb::Realtime, Target::Endpoint(id)),
                None => (Verb::WebSocket, Target::Endpoint(rest)),
            },
            "queue" => queue(rest),
            "rest" if rest.starts_with("tokens") || rest == "storage/auth/token" => {
                (Verb::Token, Target::None)
            }
            "rest" if rest.starts_with("storage/upload/initiate") => (Verb::UploadInitiate, Target::None),
            "rest" if rest.starts_with("storage/upload") => (Verb::Upload, Target::None),
            "cdn" if matches!(*method, Method::GET | Method::HEAD) => (Verb::Media, Target::None),
            "cdn" => (Verb::Upload, Target::None),
            "platform" => (Verb::Platform, Target::None),
            _ => (Verb::Other, Target::None),
        };
        Self { verb, target }
    }
}

fn run(rest: &str) -> (Verb, Target<'_>) {
    if let Some(id) = rest.strip_suffix("/stream") {
        (Verb::Stream, Target::Endpoint(id))
    } else if let Some(id) = rest.strip_suffix("/realtime") {
        (Verb::Realtime, Target::Endpoint(id))
    } else {
        (Verb::Run, Target::Endpoint(rest))
    }
}

fn queue(rest: &str) -> (Verb, Target<'_>) {
    let Some((_, job)) = rest.rsplit_once("/requests/") else {
        return (Verb::Submit, Target::Endpoint(rest));
    };
    let (id, question) = job.split_once('/').unwrap_or((job, ""));
    let verb = match question {
        "status" => Verb::Status,
        "status/stream" => Verb::StatusStream,
        "" | "response" => Verb::Result,
        "cancel" => Verb::Cancel,
        _ => Verb::Other,
    };
    (verb, Target::Job(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_verbs() {
        let asked = |method: Method, path| {
            let asked = Asked::of(&method, path);
            (asked.verb, asked.target)
        };
        let flux = || Target::Endpoint("fal-ai/flux/dev");
        assert_eq!(asked(Method::POST, "/run/fal-ai/flux/dev"), (Verb::Run, flux()));
        assert_eq!(asked(Method::POST, "/run/fal-ai/flux/dev/stream"), (Verb::Stream, flux()));
        assert_eq!(asked(Method::GET, "/ws/fal-ai/flux/dev/realtime"), (Verb::Realtime, flux()));
        assert_eq!(asked(Method::POST, "/queue/fal-ai/flux/dev/"), (Verb::Submit, flux()));
        let job = |path| asked(Method::GET, path);
        assert_eq!(job("/queue/fal-ai/flux/requests/1/status"), (Verb::Status, Target::Job("1")));
        assert_eq!(job("/queue/a/b/requests/1/status/stream"), (Verb::StatusStream, Target::Job("1")));
        assert_eq!(job("/queue/a/b/requests/1/"), (Verb::Result, Target::Job("1")));
        assert_eq!(job("/queue/a/b/requests/1/response"), (Verb::Result, Target::Job("1")));
        assert_eq!(asked(Method::GET, "/cdn/files/b/1/a.png").0, Verb::Media);
        assert_eq!(asked(Method::PUT, "/cdn/upload/b/1/a.png").0, Verb::Upload);
        assert_eq!(asked(Method::POST, "/rest/storage/upload/initiate").0, Verb::UploadInitiate);
        assert_eq!(asked(Method::POST, "/rest/tokens/").0, Verb::Token);
        assert_eq!(asked(Method::GET, "/").0, Verb::Other);
    }
}
