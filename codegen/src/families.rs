//! Which endpoints make up one crate, where no manifest says so: those of one app.

use std::collections::BTreeMap;

use crate::{Error, Errors, manifest::Family, model::Endpoint};

/// The endpoints of one crate.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) family: Family,
    /// The file that says what belongs to it, if one does.
    pub(crate) source: Option<String>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Groups endpoints by their app. `name` is the name of the crate if there is only one app.
pub(crate) fn by_app(endpoints: Vec<Endpoint>, name: Option<&str>) -> Result<Vec<Group>, Errors> {
    let mut apps: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        apps.entry(app(&endpoint.id)).or_default().push(endpoint);
    }
    if let Some(name) = name
        && apps.len() > 1
    {
        let apps: Vec<_> = apps.into_keys().collect();
        return Err(Errors(vec![
            Error::new(name, format!("one name for the crates of {} apps: {}", apps.len(), apps.join(", ")))
                .help("leave `--crate-name` out, or give the documents of one app"),
        ]));
    }
    let mut groups: Vec<Group> = Vec::with_capacity(apps.len());
    for (app, mut endpoints) in apps {
        endpoints.sort_by(|a, b| a.id.cmp(&b.id));
        let preferred = name.map_or_else(|| crate_name(&app), str::to_owned);
        // Two apps whose names differ in punctuation only.
        let clashes = groups.iter().filter(|group| group.name == preferred).count();
        let name = if clashes == 0 { preferred } else { format!("{preferred}-{}", clashes + 1) };
        let family = Family { title: format!("The app `{app}`"), app, endpoints: Vec::new() };
        groups.push(Group { name, family, source: None, endpoints });
    }
    Ok(groups)
}

/// `owner/alias`, with the namespace of workflows and ComfyUI apps before it.
fn app(id: &str) -> String {
    let namespaced = id.starts_with("workflows/") || id.starts_with("comfy/");
    id.split('/').take(if namespaced { 3 } else { 2 }).collect::<Vec<_>>().join("/")
}

/// `fal-ai/flux` is `fal-flux`, `acme/upscaler` is `fal-acme-upscaler`.
fn crate_name(app: &str) -> String {
    let name = app.strip_prefix("fal-ai/").unwrap_or(app);
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    format!("fal-{}", words.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_named_after_their_app() {
        for (id, name) in [
            ("fal-ai/flux/dev", "fal-flux"),
            ("fal-ai/kling-video/v2.1/master/text-to-video", "fal-kling-video"),
            ("tripo3d/h3.1", "fal-tripo3d-h3-1"),
            ("workflows/me/my_flow", "fal-workflows-me-my-flow"),
            ("fal-ai/hunyuan_world/x", "fal-hunyuan-world"),
        ] {
            assert_eq!(crate_name(&app(id)), name, "{id}");
        }
    }
}
