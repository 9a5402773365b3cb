//! The id of an endpoint, and the URLs made from it.

use std::{borrow::Cow, fmt};

use url::Url;

use crate::{Error, ErrorKind, Result, hosts::join};

/// An endpoint id: `[workflows/ or comfy/]owner/alias[/path…]`, or the old `123-alias`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointId<'a> {
    /// The id, with the old form converted to the new.
    id: Cow<'a, str>,
    /// The number of segments that name the app. The rest is a path inside it.
    app_segments: usize,
}

impl<'a> EndpointId<'a> {
    pub(crate) fn parse(id: &'a str) -> Result<Self> {
        let invalid = |why: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!(
                    "`{}` is not an endpoint id: {why}; one looks like `fal-ai/flux/dev`",
                    id.escape_debug()
                ),
            ))
        };
        if id.contains("://") {
            return invalid("it is a URL");
        }
        if let Err(why) = check_path(id) {
            return invalid(why);
        }
        let whole = match id.split_once('/') {
            Some(_) => Cow::Borrowed(id),
            None => match id.split_once('-') {
                Some((owner, alias)) if is_legacy(owner, alias) => Cow::Owned(format!("{owner}/{alias}")),
                _ => return invalid("it has no owner"),
            },
        };
        let namespaced = matches!(whole.split('/').next(), Some("workflows" | "comfy"));
        let app_segments = if namespaced { 3 } else { 2 };
        if whole.split('/').count() < app_segments {
            return invalid("after `workflows` or `comfy` come an owner and a name");
        }
        Ok(Self { id: whole, app_segments })
    }

    /// Returns the URL of calls: `{base}/owner/alias/path`, and then `path` if one is given.
    pub(crate) fn call_url(&self, base: &Url, path: Option<&str>) -> Result<Url> {
        let Some(path) = path else { return Ok(join(base, self.id.split('/'))) };
        let path = path.trim_matches('/');
        if let Err(why) = check_path(path) {
            let message = format!("`{}` is not a path of an endpoint: {why}", path.escape_debug());
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(join(base, self.id.split('/').chain(path.split('/'))))
    }

    /// Returns the name of the app without its owner, as tokens name it.
    #[cfg(feature = "realtime")]
    pub(crate) fn alias(&self) -> &str {
        self.id.split('/').nth(self.app_segments - 1).unwrap_or_default()
    }

    /// Returns the URL of a request: `{base}/owner/alias/requests/{request id}`, without the path.
    pub(crate) fn request_url(&self, base: &Url, request_id: &str) -> Result<Url> {
        if matches!(request_id.trim(), "" | "." | "..") {
            let message = format!("`{}` is not a request id", request_id.escape_debug());
            return Err(Error::new(ErrorKind::Config, message).with_endpoint(self.to_string()));
        }
        let app = self.id.split('/').take(self.app_segments);
        Ok(join(base, app.chain(["requests", request_id])))
    }
}

/// Checks the segments between slashes; fails with the reason.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err("it contains a space or a control character");
    }
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("a segment between slashes is empty, `.` or `..`");
    }
    Ok(())
}

/// Returns true if an id of the form `123-alias` has these parts.
fn is_legacy(owner: &str, alias: &str) -> bool {
    let named = |character: char| character.is_ascii_alphanumeric() || character == '-';
    !owner.is_empty()
        && owner.chars().all(|character| character.is_ascii_digit())
        && !alias.is_empty()
        && alias.chars().all(named)
}

impl fmt::Display for EndpointId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(id: &str) -> (String, String) {
        let base = Url::parse("https://queue.fal.run/").unwrap();
        let id = EndpointId::parse(id).unwrap();
        let request = id.request_url(&base, "r1").unwrap();
        (id.call_url(&base, None).unwrap().path().to_owned(), request.path().to_owned())
    }

    #[test]
    fn request_urls_leave_out_the_path() {
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
    fn segments_are_percent_encoded() {
        assert_eq!(urls("acme/what?is#this").0, "/acme/what%3Fis%23this");
        assert_eq!(urls("acme/50%").0, "/acme/50%25");
        let base = Url::parse("https://queue.fal.run/").unwrap();
        let request = EndpointId::parse("a/b").unwrap().request_url(&base, "../x/y").unwrap();
        assert_eq!(request.path(), "/a/b/requests/..%2Fx%2Fy");
    }

    #[test]
    fn path_of_a_call_is_appended_and_checked() {
        let base = Url::parse("https://fal.run/").unwrap();
        let id = EndpointId::parse("acme/app").unwrap();
        let path = |path| id.call_url(&base, Some(path)).map(|url| url.path().to_owned());
        assert_eq!(path("/v2/edit/").unwrap(), "/acme/app/v2/edit");
        for bad in ["", "/", "../other", "a//b", "a b"] {
            assert!(path(bad).unwrap_err().is_config(), "{bad}");
        }
    }

    #[test]
    fn invalid_ids_are_refused() {
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
