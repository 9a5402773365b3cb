//! Compares the crates of two catalogues.

use std::collections::{BTreeMap, BTreeSet};

use fal_codegen::{
    AnalyzedCrate, Generator, Manifest, Options, Source,
    manifest::Family,
    model::{Endpoint, TypeGraph},
    workspace::SCHEMAS,
};
use semver::Version;
use serde_json::Value;

use super::{
    finding::{Finding, Kind, Level, Part},
    surface::{self, TYPES},
    types::TypeDiff,
    version,
};

/// The schemas of a commit or of the work tree.
pub(super) struct Snapshot {
    /// Prefix of paths in messages, such as `HEAD:`.
    pub(super) label: String,
    pub(super) manifest: Manifest,
    /// The text of each document of the manifest, by endpoint id.
    pub(super) documents: BTreeMap<String, String>,
    /// The version of the crates.
    pub(super) version: Version,
}

/// The changes of a crate.
pub(super) struct CrateDiff {
    pub(super) name: String,
    pub(super) app: String,
    pub(super) level: Level,
    /// The old version. `None` for a new crate.
    pub(super) version: Option<Version>,
    /// The version that it needs. `None` for a removed crate.
    pub(super) next: Option<Version>,
    /// Sorted by level, breaking changes first.
    pub(super) changes: Vec<Change>,
}

/// A change, and the endpoints that have it.
pub(super) struct Change {
    pub(super) finding: Finding,
    pub(super) endpoints: Vec<String>,
}

/// Compares two snapshots. Crates without a change are left out.
pub(super) fn compare(before: &Snapshot, after: &Snapshot) -> Result<Vec<CrateDiff>, String> {
    let names: BTreeSet<&String> =
        before.manifest.crates.keys().chain(after.manifest.crates.keys()).collect();
    let changed: BTreeSet<&String> =
        names.into_iter().filter(|name| before.inputs(name) != after.inputs(name)).collect();
    let (old, new) = (before.analyze(&changed)?, after.analyze(&changed)?);
    let mut crates = Vec::new();
    for name in changed {
        let families = (before.manifest.crates.get(name), after.manifest.crates.get(name));
        let changes = match families {
            (None, Some(family)) => vec![new_crate(name, family)],
            (Some(family), None) => vec![removed_crate(name, family)],
            _ => match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) => compare_crate(families, old, new),
                _ => Vec::new(),
            },
        };
        let Some(level) = changes.iter().map(|change| change.finding.level).max() else { continue };
        let app = families.1.or(families.0).map(|family| family.app.clone()).unwrap_or_default();
        let version = families.0.map(|_| before.version.clone());
        let next = version.as_ref().filter(|_| families.1.is_some());
        let next = next.map(|version| version::next(version, level));
        crates.push(CrateDiff { name: name.clone(), app, level, version, next, changes });
    }
    // A new crate starts with the shared version.
    let shared = crates.iter().filter_map(|item| item.next.clone()).chain([after.version.clone()]).max();
    for item in crates.iter_mut().filter(|item| after.manifest.crates.contains_key(&item.name)) {
        item.next = item.next.take().or_else(|| shared.clone());
    }
    Ok(crates)
}

impl Snapshot {
    /// Returns everything that a crate is generated from.
    fn inputs(&self, name: &str) -> Option<(&Family, Vec<Option<&String>>)> {
        let family = self.manifest.crates.get(name)?;
        Some((family, family.endpoints.iter().map(|id| self.documents.get(id)).collect()))
    }

    fn analyze(&self, only: &BTreeSet<&String>) -> Result<BTreeMap<String, AnalyzedCrate>, String> {
        let mut manifest = self.manifest.clone();
        manifest.crates.retain(|name, _| only.contains(name));
        let ids = manifest.crates.values().flat_map(|family| &family.endpoints);
        let sources: Vec<Source> = ids
            .filter_map(|id| {
                let file = format!("{}{SCHEMAS}/{}", self.label, Manifest::document_path(id));
                Some(Source { file, text: self.documents.get(id)?.clone() })
            })
            .collect();
        let file = format!("{}{SCHEMAS}/manifest.toml", self.label);
        let generator = Generator::new(Options::default());
        generator.analyze(&manifest, &file, &sources).map_err(|errors| errors.to_string())
    }
}

fn compare_crate(
    families: (Option<&Family>, Option<&Family>),
    old: &AnalyzedCrate,
    new: &AnalyzedCrate,
) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut broken: BTreeSet<&str> = BTreeSet::new();
    if let (Some(old), Some(new)) = families
        && old.title != new.title
    {
        let message = format!("the title of the crate is \"{}\", was \"{}\"", new.title, old.title);
        add(&mut changes, at_endpoint(Level::Patch, Kind::DescriptionChanged, message, ""), None);
    }
    let find = |endpoints: &'_ [Endpoint], id: &str| endpoints.iter().position(|endpoint| endpoint.id == id);
    for before in &old.endpoints {
        let found = match find(&new.endpoints, &before.id) {
            Some(index) => compare_endpoint(before, &new.endpoints[index]),
            None => {
                let reason = "Code that names its module no longer compiles.";
                vec![at_endpoint(
                    Level::Breaking,
                    Kind::EndpointRemoved,
                    "the endpoint was removed".to_owned(),
                    reason,
                )]
            }
        };
        if found.iter().any(|finding| finding.level == Level::Breaking) {
            broken.insert(&before.id);
        }
        found.into_iter().for_each(|finding| add(&mut changes, finding, Some(&before.id)));
    }
    for after in new.endpoints.iter().filter(|after| find(&old.endpoints, &after.id).is_none()) {
        let message = match &after.category {
            Some(category) => format!("a new endpoint, {category}"),
            None => "a new endpoint".to_owned(),
        };
        add(&mut changes, at_endpoint(Level::Minor, Kind::EndpointAdded, message, ""), Some(&after.id));
    }
    let (was, is) = (surface::of_crate(&old.plan), surface::of_crate(&new.plan));
    for (module, before) in &was {
        // Removed names are the consequence of another breaking change.
        let explained = broken.contains(module.as_str()) || (module == TYPES && !broken.is_empty());
        let after = is.get(module).cloned().unwrap_or_default();
        if explained {
            continue;
        }
        for message in surface::removed(before, &after) {
            let reason = "Code that names it no longer compiles.";
            let endpoint = (module != TYPES).then_some(module.as_str());
            add(&mut changes, at_endpoint(Level::Breaking, Kind::NameChanged, message, reason), endpoint);
        }
    }
    for before in &old.endpoints {
        let is_listed = changes.iter().any(|change| change.endpoints.contains(&before.id));
        let after = new.endpoints.iter().find(|after| after.id == before.id);
        if !is_listed && after.is_some_and(|after| type_graphs(before) != type_graphs(after)) {
            let message =
                "an example, the order of parameters or the description of an object has changed".to_owned();
            add(
                &mut changes,
                at_endpoint(Level::Patch, Kind::DescriptionChanged, message, ""),
                Some(&before.id),
            );
        }
    }
    changes.sort_by(|a, b| {
        let key = |change: &Change| (change.finding.kind, change.finding.part, change.endpoints.clone());
        b.finding.level.cmp(&a.finding.level).then_with(|| key(a).cmp(&key(b)))
    });
    changes
}

fn type_graphs(endpoint: &Endpoint) -> (&TypeGraph, &TypeGraph, Option<&TypeGraph>) {
    (&endpoint.input, &endpoint.output, endpoint.event.as_ref())
}

/// Adds a change, or its endpoint if another endpoint has the same change.
fn add(changes: &mut Vec<Change>, finding: Finding, endpoint: Option<&str>) {
    let endpoint = endpoint.map(str::to_owned);
    match changes.iter_mut().find(|change| change.finding == finding) {
        Some(change) => change.endpoints.extend(endpoint),
        None => changes.push(Change { finding, endpoints: endpoint.into_iter().collect() }),
    }
}

fn compare_endpoint(before: &Endpoint, after: &Endpoint) -> Vec<Finding> {
    let mut found = Vec::new();
    let descriptions = |endpoint: &Endpoint| {
        (endpoint.title.clone(), endpoint.description.clone(), endpoint.category.clone())
    };
    if descriptions(before) != descriptions(after) {
        let message = "its title, description or category has changed".to_owned();
        found.push(at_endpoint(Level::Patch, Kind::DescriptionChanged, message, ""));
    }
    if before.realtime != after.realtime {
        found.push(match after.realtime {
            true => {
                at_endpoint(Level::Minor, Kind::RealtimeAdded, "supports realtime connections".to_owned(), "")
            }
            false => at_endpoint(
                Level::Breaking,
                Kind::RealtimeRemoved,
                "no longer supports realtime connections".to_owned(),
                "Code that connects to it no longer compiles.",
            ),
        });
    }
    found.extend(TypeDiff::compare(Part::Input, &before.input, &after.input));
    found.extend(TypeDiff::compare(Part::Output, &before.output, &after.output));
    match (&before.event, &after.event) {
        (None, None) => {}
        (None, Some(_)) => {
            found.push(at_endpoint(Level::Minor, Kind::StreamAdded, "streams its output".to_owned(), ""));
        }
        (Some(_), None) => found.push(at_endpoint(
            Level::Breaking,
            Kind::StreamRemoved,
            "no longer streams its output".to_owned(),
            "Code that streams from it no longer compiles.",
        )),
        // If events are partial outputs, their changes are those of the output.
        (Some(_), Some(_)) if streams_output(before) && streams_output(after) => {}
        (Some(old), Some(new)) => found.extend(TypeDiff::compare(Part::Event, old, new)),
    }
    found
}

/// Returns true if the events of a stream are outputs or partial outputs.
fn streams_output(endpoint: &Endpoint) -> bool {
    let event = endpoint.event.as_ref();
    event == Some(&endpoint.output) || event == Some(&endpoint.output.partial())
}

fn new_crate(name: &str, family: &Family) -> Change {
    let message = format!("the crate `{name}` is new: {}", family.title);
    Change {
        finding: at_endpoint(Level::Minor, Kind::CrateAdded, message, ""),
        endpoints: family.endpoints.clone(),
    }
}

fn removed_crate(name: &str, family: &Family) -> Change {
    let message = format!("the crate `{name}` was removed");
    let reason = "Its published versions stay available and get no updates.";
    let finding = at_endpoint(Level::Breaking, Kind::CrateRemoved, message, reason);
    Change { finding, endpoints: family.endpoints.clone() }
}

fn at_endpoint(level: Level, kind: Kind, message: String, reason: &'static str) -> Finding {
    let (from, to) = (Value::Null, Value::Null);
    Finding { level, kind, part: Part::Endpoint, path: String::new(), message, reason, from, to }
}
