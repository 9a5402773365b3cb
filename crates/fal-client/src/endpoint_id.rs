//! The id of an endpoint, and the URLs made from it.

use std::{borrow::Cow, fmt};

use url::Url;

use crate::{Error, ErrorKind, Result, hosts::join};

/// The id of an endpoint: `[workflows/ or comfy/]owner/alias[/path…]`, or the old `123-alias`.
///
/// ```
/// use fal_client::untyped::EndpointId;
///
/// let id = EndpointId::parse("https://fal.ai/models/fal-ai/flux/dev/api")?;
/// assert_eq!(id.to_string(), "fal-ai/flux/dev");
/// assert_eq!((id.owner(), id.alias(), id.path()), ("fal-ai", "flux", Some("dev")));
/// # Ok::<(), fal_client::Error>(())
/// ```
#[doc(alias = "parseEndpointId")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointId<'a> {
    /// The id, with the old form converted to the new.
    id: Cow<'a, str>,
    /// The number of segments that name the app. The rest is a path inside it.
    app_segments: usize,
}

impl<'a> EndpointId<'a> {
    /// Parses an id, or a URL of fal with one: of a call, such as `https://fal.run/fal-ai/flux/dev`, or of a model's page,
    /// such as `https://fal.ai/models/fal-ai/flux/dev`.
    ///
    /// # Errors
    ///
    /// `Config` with the reason.
    pub fn parse(id: &'a str) -> Result<Self> {
        if let Some(of_url) = id_of_url(id) {
            let EndpointId { id, app_segments } = EndpointId::parse(&of_url)?;
            return Ok(Self { id: Cow::Owned(id.into_owned()), app_segments });
        }
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
            return invalid("it is a URL, but not that of a call or of a model at fal");
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

    /// Returns `workflows` or `comfy`, if the id begins with it.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        (self.app_segments == 3).then(|| self.segment(0))
    }

    /// Returns the owner of the app, such as `fal-ai`.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.segment(self.app_segments - 2)
    }

    /// Returns the name of the app without its owner, such as `flux`.
    #[must_use]
    pub fn alias(&self) -> &str {
        self.segment(self.app_segments - 1)
    }

    /// Returns the path inside the app, such as `dev`, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.id.splitn(self.app_segments + 1, '/').nth(self.app_segments)
    }

    fn segment(&self, index: usize) -> &str {
        self.id.split('/').nth(index).unwrap_or_default()
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

/// Returns `text`, or the id in it if it is a URL of fal.
pub(crate) fn without_url(text: String) -> String {
    match EndpointId::parse(&text) {
        Ok(id) if text.contains("://") => id.to_string(),
        _ => text,
    }
}

/// Returns the id in a URL of fal. `None` for any other text.
fn id_of_url(text: &str) -> Option<String> {
    if !text.contains("://") {
        return None;
    }
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.port().is_none())?;
    let path = url.path().trim_matches('/');
    let id = match url.host_str()? {
        "fal.run" | "queue.fal.run" | "ws.fal.run" if url.query().is_none() => path,
        "fal.ai" | "www.fal.ai" => {
            let id = path.strip_prefix("models/")?;
            // The tabs of a model's page.
            ["/api", "/playground", "/examples"].iter().find_map(|tab| id.strip_suffix(tab)).unwrap_or(id)
        }
        _ => return None,
    };
    // The URL of a request names its app only. A URL inside a URL is nothing that fal has.
    let is_id = !id.is_empty() && !id.contains("://") && !id.split('/').any(|segment| segment == "requests");
    is_id.then(|| id.to_owned())
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
    fn parts_of_ids_are_told_apart() {
        let table = [
            ("fal-ai/flux", None, "fal-ai", "flux", None),
            ("fal-ai/flux/dev/image-to-image", None, "fal-ai", "flux", Some("dev/image-to-image")),
            ("workflows/acme/wf/sub", Some("workflows"), "acme", "wf", Some("sub")),
            ("comfy/acme/wf", Some("comfy"), "acme", "wf", None),
            ("123-my-app", None, "123", "my-app", None),
        ];
        for (text, namespace, owner, alias, path) in table {
            let id = EndpointId::parse(text).unwrap();
            let parts = (id.namespace(), id.owner(), id.alias(), id.path());
            assert_eq!(parts, (namespace, owner, alias, path), "{text}");
        }
    }

    #[test]
    fn urls_of_fal_are_ids() {
        for url in [
            "https://fal.run/fal-ai/flux/dev",
            "https://queue.fal.run/fal-ai/flux/dev/",
            "https://fal.ai/models/fal-ai/flux/dev",
            "https://fal.ai/models/fal-ai/flux/dev/api?platform=http#about",
            "https://www.fal.ai/models/fal-ai/flux/dev/playground",
        ] {
            assert_eq!(without_url(url.to_owned()), "fal-ai/flux/dev", "{url}");
            assert_eq!(urls(url).1, "/fal-ai/flux/requests/r1", "{url}");
        }
        for other in ["a/b", "123-my-app", "https://x.example/a/b", ""] {
            assert_eq!(without_url(other.to_owned()), other);
        }
    }

    #[test]
    fn urls_inside_urls_are_refused_at_any_depth() {
        let nested = "https://fal.run/".repeat(200_000) + "a/b";
        assert!(EndpointId::parse(&nested).is_err());
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
            "https://evil.example/a/b",
            "https://fal.run.evil.example/a/b",
            "http://fal.run/a/b",
            "https://fal.run:8443/a/b",
            "https://fal.run/",
            "https://fal.run/a",
            "https://fal.run/a/b?x=1",
            "https://queue.fal.run/a/b/requests/r1",
            "https://fal.ai/dashboard/keys",
            "https://fal.run/https://fal.run/a/b",
            "https://me@evil.example/https://fal.run/a/b",
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
