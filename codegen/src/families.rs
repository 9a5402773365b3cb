//! Groups of endpoints that become one crate: without a manifest, those of one app.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, Errors},
    manifest::{self, Family},
    model::Endpoint,
    rust::names,
    type_names::CrateNames,
};

/// Crates of this project that generated crates depend on or are published beside.
const RESERVED: &[&str] = &["fal-client", "fal-codegen", "fal-core", "fal-emulator"];

/// The endpoints of one crate.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) family: Family,
    /// The file that lists the endpoints, if there is one.
    pub(crate) source: Option<String>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// The names that shared types have already.
    pub(crate) given: CrateNames,
}

/// Groups endpoints by their app. `name` is the name of the crate, which fits only if there is one app.
pub(crate) fn group_by_app(endpoints: Vec<Endpoint>, name: Option<&str>) -> Result<Vec<Group>, Errors> {
    let mut apps: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        apps.entry(app_id(&endpoint.id)).or_default().push(endpoint);
    }
    if let Some(name) = name
        && apps.len() > 1
    {
        let apps: Vec<_> = apps.into_keys().collect();
        return Err(Errors(vec![
            Error::new(name, format!("one name for the crates of {} apps: {}", apps.len(), apps.join(", ")))
                .with_help("leave `--crate-name` out, or give the documents of one app"),
        ]));
    }
    if let Some(name) = name.filter(|name| !names::is_crate_name(name)) {
        return Err(Errors(vec![
            Error::new("--crate-name", format!("{name:?} is not a crate name"))
                .with_help("use lower-case letters, digits and `-`, starting with a letter"),
        ]));
    }
    if let Some(name) = name.filter(|name| names::is_reserved_crate(name)) {
        let message = format!("`{name}` is a keyword, or the name of a crate or folder of cargo's own");
        let error = Error::new("--crate-name", message).with_help("use another name, such as `my-app`");
        return Err(Errors(vec![error]));
    }
    let mut groups: Vec<Group> = Vec::with_capacity(apps.len());
    let mut taken: BTreeSet<String> = RESERVED.iter().map(|&name| name.to_owned()).collect();
    for (app, mut endpoints) in apps {
        endpoints.sort_by(|a, b| a.id.cmp(&b.id));
        let preferred = name.map_or_else(|| crate_name(&app), str::to_owned);
        // The names of two apps may only differ in punctuation, or one may have the name of a crate of ours.
        let mut name = preferred.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{preferred}-{number}");
        }
        let source = describe_files(endpoints.iter().map(|endpoint| endpoint.file.as_str()));
        let title = format!("The app `{app}`");
        let version = manifest::first_version();
        let family = Family { title, app, version, endpoints: Vec::new(), superseded_by: None };
        groups.push(Group { name, family, source, endpoints, given: CrateNames::default() });
    }
    Ok(groups)
}

/// Returns the documents that code comes from, as the first line of a file names them.
///
/// Folders are left out: generated files must not depend on the folder that the generator runs in.
pub(crate) fn describe_files<'a>(files: impl Iterator<Item = &'a str>) -> Option<String> {
    let files: BTreeSet<&str> = files.collect();
    let names = files.iter().map(|file| file.rsplit('/').next().unwrap_or(file));
    let first = names.min()?;
    Some(match files.len() {
        1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    })
}

/// Returns the app of an endpoint: `owner/alias`, after the namespace of workflows and ComfyUI apps.
#[must_use]
pub fn app_id(id: &str) -> String {
    let namespaced = id.starts_with("workflows/") || id.starts_with("comfy/");
    id.split('/').take(if namespaced { 3 } else { 2 }).collect::<Vec<_>>().join("/")
}

/// Returns the name of an app's crate: `fal-flux` for `fal-ai/flux`, `fal-acme-upscaler` for `acme/upscaler`.
///
/// The owner is named once, and without an ending that says nothing: `fal-acme-upscaler` for `acme-ai/acme-upscaler`
/// too.
#[must_use]
pub fn crate_name(app: &str) -> String {
    let (owner, alias) = app.split_once('/').unwrap_or(("fal-ai", app));
    let (mut owner, alias) = (words(owner), words(alias));
    if owner.len() > 1 && owner.last().is_some_and(|word| matches!(word.as_str(), "ai" | "fal")) {
        owner.pop();
    }
    if alias.starts_with(&owner) {
        owner.clear();
    }
    // The apps of fal itself have the owner `fal-ai`.
    let own = owner.iter().skip(usize::from(owner.first().is_some_and(|word| word == "fal")));
    let name: Vec<&str> = std::iter::once("fal")
        .chain(own.map(String::as_str))
        .chain(alias.iter().map(String::as_str))
        .collect();
    name.join("-")
}

/// Splits an id into lower-case words of letters and digits.
fn words(id: &str) -> Vec<String> {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
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
            ("fal-ai/fal/x", "fal-fal"),
            ("acme-ai/sound", "fal-acme-sound"),
            ("acme-fal/acme-photo", "fal-acme-photo"),
            ("acme/acme_eraser/x", "fal-acme-eraser"),
            ("acme/acmeology", "fal-acme-acmeology"),
            ("ai/paint", "fal-ai-paint"),
        ] {
            assert_eq!(crate_name(&app_id(id)), name, "{id}");
        }
    }
}
