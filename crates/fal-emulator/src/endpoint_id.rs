//! Endpoint ids as they appear in paths.

/// An endpoint id and its parts: `[namespace/]owner/alias[/path]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointId {
    /// The whole id, as the model registry spells it.
    pub(crate) full: String,
    /// The id without the path. The URLs of a queued request carry this part only.
    pub(crate) app: String,
}

impl EndpointId {
    /// Parses an id. The older form `123-alias` means `123/alias`. Returns `None` if it is not an endpoint id.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let full = canonical(path);
        let has_namespace = ["workflows", "comfy"].contains(&full.split('/').next()?);
        let segments: Vec<&str> = full.split('/').collect();
        let app_length = if has_namespace { 3 } else { 2 };
        if segments.len() < app_length || segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let app = segments[..app_length].join("/");
        Some(Self { full, app })
    }

    /// Returns the alias, which fal's messages use as the name of the application.
    pub(crate) fn alias(&self) -> &str {
        self.app.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the names that a token may list to allow this endpoint: the alias, the app, and the id with and
    /// without its route.
    pub(crate) fn token_names(&self) -> [&str; 4] {
        let model = self.full.strip_suffix("/realtime").or_else(|| self.full.strip_suffix("/stream"));
        [self.alias(), &self.app, &self.full, model.unwrap_or(&self.full)]
    }
}

/// Returns an id as the model registry spells it: without slashes at its ends, and `123/alias` for `123-alias`.
pub(crate) fn canonical(id: &str) -> String {
    let id = id.trim_matches('/');
    match id.split_once('-') {
        Some((owner, alias))
            if !id.contains('/') && !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("{owner}/{alias}")
        }
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_split_into_app_and_path() {
        let parse = |path: &str| EndpointId::parse(path).map(|id| (id.full, id.app));
        let pair = |full: &str, app: &str| Some((full.to_owned(), app.to_owned()));
        assert_eq!(parse("fal-ai/flux/dev"), pair("fal-ai/flux/dev", "fal-ai/flux"));
        assert_eq!(parse("fal-ai/whisper/"), pair("fal-ai/whisper", "fal-ai/whisper"));
        assert_eq!(parse("workflows/me/wf/x"), pair("workflows/me/wf/x", "workflows/me/wf"));
        assert_eq!(parse("comfy/me/wf"), pair("comfy/me/wf", "comfy/me/wf"));
        assert_eq!(parse("123-my-app"), pair("123/my-app", "123/my-app"));
        for bad in ["", "flux", "fal-ai//dev", "workflows/me", "my-app"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
