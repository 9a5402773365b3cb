//! The id of an endpoint: which part of it goes into which URL.

use std::fmt;

use url::Url;

use crate::{Error, ErrorKind, Result, hosts::join};

/// `[workflows/ or comfy/]owner/alias[/path…]`, or the old `123-alias`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointId {
    segments: Vec<String>,
    /// How many of the segments name the app. The rest is a path inside it.
    app: usize,
}

impl EndpointId {
    pub(crate) fn parse(id: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!(
                    "`{}` is not an endpoint id: {why}; one looks like `fal-ai/flux/dev`",
                    id.escape_debug()
                ),
            ))
        };
        if id.contains("://") {
            return wrong("it is a URL");
        }
        if id.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return wrong("it contains a space or a control character");
        }
        let mut segments: Vec<String> = id.split('/').map(str::to_owned).collect();
        if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return wrong("a segment between slashes is empty, `.` or `..`");
        }
        if let [legacy] = segments.as_slice() {
            match legacy.split_once('-') {
                Some((owner, alias)) if is_legacy(owner, alias) => {
                    segments = vec![owner.to_owned(), alias.to_owned()];
                }
                _ => return wrong("it has no owner"),
            }
        }
        let namespaced = matches!(segments.first().map(String::as_str), Some("workflows" | "comfy"));
        let app = if namespaced { 3 } else { 2 };
        if segments.len() < app {
            return wrong("after `workflows` or `comfy` come an owner and a name");
        }
        Ok(Self { segments, app })
    }

    /// Where calls go: `{base}/owner/alias/path`.
    pub(crate) fn call_url(&self, base: &Url) -> Url {
        join(base, self.segments.iter().map(String::as_str))
    }

    /// Where a request is followed: `{base}/owner/alias/requests/{request id}`, without the path.
    pub(crate) fn request_url(&self, base: &Url, request_id: &str) -> Result<Url> {
        if matches!(request_id.trim(), "" | "." | "..") {
            let message = format!("`{request_id}` is not a request id");
            return Err(Error::new(ErrorKind::Config, message).at(self.to_string()));
        }
        let app = self.segments.iter().take(self.app).map(String::as_str);
        Ok(join(base, app.chain(["requests", request_id])))
    }
}

fn is_legacy(owner: &str, alias: &str) -> bool {
    let named = |character: char| character.is_ascii_alphanumeric() || character == '-';
    !owner.is_empty()
        && owner.chars().all(|character| character.is_ascii_digit())
        && !alias.is_empty()
        && alias.chars().all(named)
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(id: &str) -> (String, String) {
        let base = Url::parse("https://queue.fal.run/").unwrap();
        let id = EndpointId::parse(id).unwrap();
        let request = id.request_url(&base, "r1").unwrap();
        (id.call_url(&base).path().to_owned(), request.path().to_owned())
    }

    #[test]
    fn requests_are_followed_without_the_path() {
        let table = [
            ("fal-ai/fast-sdxl", "/fal-ai/fast-sdxl", "/fal-ai/fast-sdxl/requests/r1"),
            ("fal-ai/flux/dev", "/fal-ai/flux/dev", "/fal-ai/flux/requests/r1"),
            ("a/b/c/d", "/a/b/c/d", "/a/b/requests/r1"),
            ("workflows/acme/wf/sub", "/workflows/acme/wf/sub", "/workflows/acme/wf/requests/r1"),
            ("comfy/acme/wf", "/comfy/acme/wf", "/comfy/acme/wf/requests/r1"),
            ("123-my-app", "/123/my-app", "/123/my-app/requests/r1"),
        ];
        for (id, call, request) in table {
            assert_eq!(urls(id), (call.to_owned(), request.to_owned()), "{id}");
        }
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(urls("acme/what?is#this").0, "/acme/what%3Fis%23this");
        assert_eq!(urls("acme/50%").0, "/acme/50%25");
        let base = Url::parse("https://queue.fal.run/").unwrap();
        let request = EndpointId::parse("a/b").unwrap().request_url(&base, "../x/y").unwrap();
        assert_eq!(request.path(), "/a/b/requests/..%2Fx%2Fy");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let bad = [
            "",
            "flux",
            "/a/b",
            "a/b/",
            "a//b",
            "a/../b",
            "a/.",
            "workflows/acme",
            "comfy",
            "a b/c",
            "a/b\n",
            "https://fal.run/a/b",
            "12a-app",
            "123-",
            "-app",
            "123-my_app",
        ];
        for id in bad {
            let error = EndpointId::parse(id).unwrap_err();
            assert!(error.is_config() && error.to_string().contains("fal-ai/flux/dev"), "{id}: {error}");
        }
        let id = EndpointId::parse("a/b").unwrap();
        for request_id in ["", " ", ".", ".."] {
            assert!(id.request_url(&Url::parse("https://x.y").unwrap(), request_id).is_err());
        }
    }
}
