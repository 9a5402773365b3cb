//! Which endpoints make up one crate, where no manifest says so: those of one app.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Error, Errors, manifest::Family, model::Endpoint, rust::names};

/// Crates of this project that generated ones depend on or stand beside.
const RESERVED: &[&str] = &["fal-client", "fal-codegen", "fal-core", "fal-emulator"];

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
    if let Some(name) = name.filter(|name| !names::is_crate_name(name)) {
        return Err(Errors(vec![
            Error::new("--crate-name", format!("{name:?} is not a crate name"))
                .help("use lower-case letters, digits and `-`, starting with a letter"),
        ]));
    }
    let mut groups: Vec<Group> = Vec::with_capacity(apps.len());
    let mut taken: BTreeSet<String> = RESERVED.iter().map(|&name| name.to_owned()).collect();
    for (app, mut endpoints) in apps {
        endpoints.sort_by(|a, b| a.id.cmp(&b.id));
        let preferred = name.map_or_else(|| crate_name(&app), str::to_owned);
        // Two apps whose names differ in punctuation only, or one that is called as a crate of ours.
        let mut name = preferred.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{preferred}-{number}");
        }
        let source = source(endpoints.iter().map(|endpoint| endpoint.file.as_str()));
        let family = Family { title: format!("The app `{app}`"), app, endpoints: Vec::new() };
        groups.push(Group { name, family, source, endpoints });
    }
    Ok(groups)
}

/// How the first line of a file names the documents that it comes from.
pub(crate) fn source<'a>(files: impl Iterator<Item = &'a str>) -> Option<String> {
    let files: BTreeSet<&str> = files.collect();
    let first = files.first()?;
    Some(match files.len() {
        1 => (*first).to_owned(),
        count => format!("{first} and {} more", count - 1),
    })
}

/// The app of an endpoint: `owner/alias`, with the namespace of workflows and ComfyUI apps before it.
#[must_use]
pub fn app(id: &str) -> String {
    let namespaced = id.starts_with("workflows/") || id.starts_with("comfy/");
    id.split('/').take(if namespaced { 3 } else { 2 }).collect::<Vec<_>>().join("/")
}

/// The crate of an app: `fal-ai/flux` is `fal-flux`, `acme/upscaler` is `fal-acme-upscaler`.
#[must_use]
pub fn crate_name(app: &str) -> String {
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
