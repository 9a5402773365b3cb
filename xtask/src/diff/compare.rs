//! Compares the crates of two catalogues.

use std::collections::{BTreeMap, BTreeSet};

use fal_codegen::{
    AnalyzedCrate, Errors, Generator, Manifest, Options, Source, TypeNames,
    manifest::Family,
    model::{Endpoint, Type, TypeGraph},
    rust::Module,
    workspace::{self, OVERLAYS, SCHEMAS},
};
use semver::Version;
use serde_json::Value;

use super::{
    finding::{Finding, Kind, Level, Part},
    items::{ItemChange, Items, Sources},
    migration::{self, After, BUILDERS, Migration},
    snapshot,
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
    /// The text of each overlay, by the id of the endpoint that it corrects.
    pub(super) overlays: BTreeMap<String, String>,
    /// The generated code of each crate, as it was committed or is in the work tree.
    pub(super) code: BTreeMap<String, Sources>,
    /// The names of shared types.
    pub(super) type_names: TypeNames,
    /// The version of `fal-core`, whose types are part of the API of every crate.
    pub(super) fal_core: Version,
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
    /// Contradictions of the new documents, for maintainers.
    pub(super) oddities: Vec<Change>,
    /// The names that are gone or have another type, and the parameters that are written in another way.
    pub(super) migrations: Vec<Migration>,
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
    let changed: BTreeSet<&String> = names
        .into_iter()
        .filter(|name| {
            before.inputs(name) != after.inputs(name)
                || before.code.get(*name) != after.code.get(*name)
                || before.fal_core != after.fal_core
        })
        .collect();
    let (old, unreadable) = before.analyze_leniently(&changed);
    let new = after.analyze(&changed).map_err(|errors| errors.to_string())?;
    let code = after.generate(&changed)?;
    let mut crates = Vec::new();
    for name in changed {
        let families = (before.manifest.crates.get(name), after.manifest.crates.get(name));
        let Differences { changes, oddities, migrations } = match families {
            (None, Some(family)) => {
                Differences { changes: vec![new_crate(name, family)], ..Default::default() }
            }
            (Some(family), None) => Differences {
                changes: vec![removed_crate(name, family)],
                migrations: vec![replacement(name, family)],
                ..Default::default()
            },
            (Some(old_family), Some(new_family)) => {
                let nothing = Sources::new();
                let comparison = Comparison {
                    fal_core: (&before.fal_core, &after.fal_core),
                    families: (old_family, new_family),
                    endpoints: (old.get(name), new.get(name)),
                    code: (before.code.get(name).unwrap_or(&nothing), code.get(name).unwrap_or(&nothing)),
                    unreadable: &unreadable,
                };
                comparison.run()?
            }
            (None, None) => continue,
        };
        let Some(level) = changes.iter().map(|change| change.finding.level).max() else { continue };
        let app = families.1.or(families.0).map(|family| family.app.clone()).unwrap_or_default();
        let version = families.0.map(version::parse).transpose()?;
        let next = match (&version, families.1) {
            (_, None) => None,
            (Some(version), _) => Some(version::next(version, level)),
            (None, Some(family)) => Some(version::parse(family)?),
        };
        let name = name.clone();
        crates.push(CrateDiff { name, app, level, version, next, changes, oddities, migrations });
    }
    Ok(crates)
}

/// The problem of each old document that today's generator cannot read, by the id of its endpoint.
pub(super) type Unreadable = BTreeMap<String, String>;

/// Everything that a crate is generated from: its family, and the document and overlay of each of its endpoints.
type Inputs<'a> = (&'a Family, Vec<(Option<&'a String>, Option<&'a String>)>);

impl Snapshot {
    fn inputs(&self, name: &str) -> Option<Inputs<'_>> {
        let family = self.manifest.crates.get(name)?;
        let files = family.endpoints.iter().map(|id| (self.documents.get(id), self.overlays.get(id)));
        Some((family, files.collect()))
    }

    /// Reads the documents of some crates. Documents that cannot be read are left out and returned.
    fn analyze_leniently(&self, only: &BTreeSet<&String>) -> (BTreeMap<String, AnalyzedCrate>, Unreadable) {
        let mut unreadable = Unreadable::new();
        // A document may have a problem that shows only after those of the other documents are gone.
        loop {
            match self.analyze_without(only, &unreadable) {
                Ok(crates) => return (crates, unreadable),
                Err(Errors(errors)) => {
                    let known = unreadable.len();
                    for error in errors {
                        let ids = self.manifest.crates.values().flat_map(|family| &family.endpoints);
                        let of_file = |id: &&String| error.file == self.document_file(id);
                        let of_overlay = |id: &&String| error.file == self.overlay_file(id);
                        match ids.clone().find(|id| of_file(id) || of_overlay(id)) {
                            Some(id) => unreadable.entry(id.clone()).or_insert(error.to_string()),
                            None => continue,
                        };
                    }
                    if unreadable.len() == known {
                        return (BTreeMap::new(), unreadable);
                    }
                }
            }
        }
    }

    fn analyze(&self, only: &BTreeSet<&String>) -> Result<BTreeMap<String, AnalyzedCrate>, Errors> {
        self.analyze_without(only, &Unreadable::new())
    }

    fn analyze_without(
        &self,
        only: &BTreeSet<&String>,
        without: &Unreadable,
    ) -> Result<BTreeMap<String, AnalyzedCrate>, Errors> {
        let (manifest, sources, options) = self.generator_inputs(only, without);
        Generator::new(options).analyze(&manifest, &self.manifest_file(), &sources)
    }

    /// Returns the code that the generator writes for some crates.
    pub(super) fn generate(&self, only: &BTreeSet<&String>) -> Result<BTreeMap<String, Sources>, String> {
        Ok(self.generate_without(only, &Unreadable::new())?.0)
    }

    /// Returns the code that the generator writes for some crates without some endpoints, and the names of their shared types.
    pub(super) fn generate_without(
        &self,
        only: &BTreeSet<&String>,
        without: &Unreadable,
    ) -> Result<(BTreeMap<String, Sources>, TypeNames), String> {
        let (manifest, sources, options) = self.generator_inputs(only, without);
        let generator = Generator::new(options);
        let generated = generator.manifest(&manifest, &self.manifest_file(), &sources);
        let generated = generated.map_err(|errors| errors.to_string())?;
        let mut code: BTreeMap<String, Sources> = BTreeMap::new();
        for (path, text) in generated.tree.iter() {
            if let Some((name, path)) = snapshot::source_of_crate(path) {
                code.entry(name.to_owned()).or_default().insert(path.to_owned(), text.to_owned());
            }
        }
        Ok((code, generated.type_names))
    }

    fn generator_inputs(
        &self,
        only: &BTreeSet<&String>,
        without: &Unreadable,
    ) -> (Manifest, Vec<Source>, Options) {
        let mut manifest = self.manifest.clone();
        manifest.crates.retain(|name, _| only.contains(name));
        for family in manifest.crates.values_mut() {
            family.endpoints.retain(|id| !without.contains_key(id));
        }
        let ids: Vec<&String> = manifest.crates.values().flat_map(|family| &family.endpoints).collect();
        let source = |id: &String| {
            Some(Source { file: self.document_file(id), text: self.documents.get(id)?.clone() })
        };
        let overlay =
            |id: &String| Some(Source { file: self.overlay_file(id), text: self.overlays.get(id)?.clone() });
        let sources = ids.iter().filter_map(|id| source(id)).collect();
        let overlays = ids.iter().filter_map(|id| overlay(id)).collect();
        let type_names = self.type_names.clone();
        let options = Options { overlays, type_names, ..workspace::options() };
        (manifest, sources, options)
    }

    fn manifest_file(&self) -> String {
        format!("{}{SCHEMAS}/manifest.toml", self.label)
    }

    fn document_file(&self, id: &str) -> String {
        format!("{}{SCHEMAS}/{}", self.label, Manifest::document_path(id))
    }

    fn overlay_file(&self, id: &str) -> String {
        format!("{}{SCHEMAS}/{OVERLAYS}/{}", self.label, Manifest::document_path(id))
    }
}

/// The differences between two states of a crate.
#[derive(Default)]
struct Differences {
    changes: Vec<Change>,
    oddities: Vec<Change>,
    migrations: Vec<Migration>,
}

/// The old and the new state of a crate.
struct Comparison<'a> {
    fal_core: (&'a Version, &'a Version),
    families: (&'a Family, &'a Family),
    endpoints: (Option<&'a AnalyzedCrate>, Option<&'a AnalyzedCrate>),
    code: (&'a Sources, &'a Sources),
    unreadable: &'a Unreadable,
}

impl Comparison<'_> {
    fn run(&self) -> Result<Differences, String> {
        let (mut changes, mut oddities) = (Vec::new(), Vec::new());
        let (old, new) = self.families;
        if old.title != new.title {
            let message = format!("the title of the crate is \"{}\", was \"{}\"", new.title, old.title);
            add(&mut changes, at_endpoint(Level::Patch, Kind::DescriptionChanged, message, ""), None);
        }
        if self.fal_core.0 != self.fal_core.1 {
            add(&mut changes, fal_core_changed(self.fal_core), None);
        }
        let new_items = Items::parse(self.code.1)?;
        let old_items = Items::parse(self.code.0).unwrap_or_else(|error| {
            let message = format!("the old code cannot be read: {error}");
            let reason = "Compare it by hand.";
            add(&mut changes, at_endpoint(Level::Patch, Kind::NotComparable, message, reason), None);
            Items::default()
        });
        let modules = self.modules();
        let mut migrations = self.migrations(&old_items, &new_items, &modules);
        let mut all = Vec::new();
        for id in &old.endpoints {
            let mut found = self.endpoint(id);
            if let Some((module, _)) = modules.iter().find(|(_, endpoint)| *endpoint == id) {
                let lost = unexplained(old_items.broken(module, &new_items), &mut found);
                let reason = lost_task_reason(&found);
                found.extend(lost.into_iter().map(|item| name_changed(with_reason(item.message, &reason))));
                let default = |name: &str| self.default_number(id, name);
                migration::add_parameters(&mut migrations, module, &new_items, &found, default);
            }
            all.extend(found.iter().cloned());
            for finding in found {
                let list = if finding.kind == Kind::Odd { &mut oddities } else { &mut changes };
                add(list, finding, Some(id));
            }
        }
        for id in new.endpoints.iter().filter(|id| !old.endpoints.contains(id)) {
            let category = self.find(self.endpoints.1, id).and_then(|endpoint| endpoint.category.clone());
            let category = category.map_or_else(String::new, |category| format!(", {category}"));
            let message = format!("a new endpoint{category}");
            add(&mut changes, at_endpoint(Level::Minor, Kind::EndpointAdded, message, ""), Some(id));
        }
        // The module of the types that endpoints share.
        for module in old_items.modules().filter(|module| !modules.contains_key(*module)) {
            for item in unexplained(old_items.broken(module, &new_items), &mut all) {
                add(&mut changes, name_changed(format!("{} in `{module}`", item.message)), None);
            }
        }
        for (module, id) in &modules {
            let is_listed = changes.iter().any(|change| change.endpoints.contains(id));
            if let Some(finding) =
                self.describe_rest(id, &new_items.added(module, &old_items)).filter(|_| !is_listed)
            {
                add(&mut changes, finding, Some(id));
            }
        }
        if changes.is_empty() && self.code.0 != self.code.1 {
            let message = "its code has changed, and nothing that users name".to_owned();
            add(&mut changes, at_endpoint(Level::Patch, Kind::DescriptionChanged, message, ""), None);
        }
        changes.sort_by(|a, b| {
            let key = |change: &Change| (change.finding.kind, change.finding.part, change.endpoints.clone());
            b.finding.level.cmp(&a.finding.level).then_with(|| key(a).cmp(&key(b)))
        });
        Ok(Differences { changes, oddities, migrations })
    }

    /// Returns the new default of a parameter that is a number, or else the old one.
    fn default_number(&self, id: &str, name: &str) -> Option<f64> {
        let default = |side| {
            let input = &self.find(side, id)?.input;
            let Type::Object(root) = &input.root else { return None };
            let property =
                input.objects.get(root)?.properties.iter().find(|property| property.name == name)?;
            property.default.as_ref()?.as_f64()
        };
        default(self.endpoints.1).or_else(|| default(self.endpoints.0))
    }

    /// Returns the names that users have to replace, module by module. A module that is gone is one name.
    fn migrations(&self, old: &Items, new: &Items, modules: &BTreeMap<String, String>) -> Vec<Migration> {
        let mut migrations = Vec::new();
        for module in old.modules() {
            let is_gone = modules.get(module).is_some_and(|id| !self.families.1.endpoints.contains(id));
            if is_gone {
                let after = self.families.1.superseded_by.clone().map_or(After::Nothing, After::Newer);
                migrations.push(Migration { before: module.clone(), after });
            } else {
                migrations.extend(migration::find(module, old.of(module), new.of(module)));
            }
        }
        migrations
    }

    /// Returns the ids of endpoints by their modules, of both states.
    fn modules(&self) -> BTreeMap<String, String> {
        fn visit(module: &Module, modules: &mut BTreeMap<String, String>) {
            if let Some(endpoint) = &module.endpoint {
                modules.insert(module.path.join("::"), endpoint.id.clone());
            }
            module.children.iter().for_each(|child| visit(child, modules));
        }
        let mut modules = BTreeMap::new();
        for side in [self.endpoints.0, self.endpoints.1].into_iter().flatten() {
            visit(&side.plan.root, &mut modules);
        }
        modules
    }

    fn find<'b>(&self, side: Option<&'b AnalyzedCrate>, id: &str) -> Option<&'b Endpoint> {
        side?.endpoints.iter().find(|endpoint| endpoint.id == id)
    }

    /// Compares the schemas of an endpoint of the old state.
    fn endpoint(&self, id: &String) -> Vec<Finding> {
        if !self.families.1.endpoints.contains(id) {
            let reason = "Code that names its module no longer compiles.";
            let message = "the endpoint was removed".to_owned();
            return vec![at_endpoint(Level::Breaking, Kind::EndpointRemoved, message, reason)];
        }
        match (self.find(self.endpoints.0, id), self.find(self.endpoints.1, id)) {
            (Some(old), Some(new)) => compare_endpoint(old, new),
            _ => {
                let problem = self.unreadable.get(id).map_or("its crate cannot be read", String::as_str);
                let problem = problem.lines().next().unwrap_or_default();
                let message = format!("the old document cannot be compared: {problem}");
                let reason = "Compare its bounds and defaults by hand; its Rust code is compared as usual.";
                vec![at_endpoint(Level::Patch, Kind::NotComparable, message, reason)]
            }
        }
    }

    /// Describes a change of an endpoint that has no other: new names, examples or an order.
    fn describe_rest(&self, id: &str, added: &[&str]) -> Option<Finding> {
        let (old, new) = (self.find(self.endpoints.0, id)?, self.find(self.endpoints.1, id)?);
        let (message, level, kind) = match added {
            [] if type_graphs(old) == type_graphs(new) => return None,
            [] => {
                let message =
                    "an example, the order of parameters or the description of an object has changed";
                (message.to_owned(), Level::Patch, Kind::DescriptionChanged)
            }
            [name] => (format!("`{name}` is new"), Level::Minor, Kind::Added),
            [name, rest @ ..] => {
                (format!("`{name}` and {} more names are new", rest.len()), Level::Minor, Kind::Added)
            }
        };
        Some(at_endpoint(level, kind, message, ""))
    }
}

/// Returns the items whose change does not follow from a finding. A default whose constant is gone becomes breaking.
fn unexplained(lost: Vec<ItemChange>, found: &mut [Finding]) -> Vec<ItemChange> {
    lost.into_iter().filter(|item| !found.iter_mut().any(|finding| explains(finding, &item.name))).collect()
}

/// Returns true if the change of an item follows from a finding.
fn explains(finding: &mut Finding, item: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let last = finding.path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]").to_owned();
    if finding.kind == Kind::DefaultChanged {
        let is_constant = item
            .rsplit_once("::DEFAULT_")
            .is_some_and(|(_, name)| !last.is_empty() && plain(name) == plain(&last));
        if is_constant {
            finding.level = Level::Breaking;
            finding.reason = "Its `DEFAULT_` constant is gone or has another type, so code that names it no longer compiles.";
        }
        return is_constant;
    }
    match finding.kind {
        Kind::EndpointRemoved => true,
        Kind::StreamRemoved => item.starts_with("Event") || item.contains(": Streams"),
        Kind::RealtimeRemoved => item.contains(": Realtime"),
        _ if finding.level < Level::Breaking => false,
        // The builder has the parameters that are required as type parameters.
        Kind::BecameRequired | Kind::BecameOptional | Kind::Added
            if item.starts_with("Builder") || BUILDERS.iter().any(|method| item.ends_with(method)) =>
        {
            true
        }
        _ if last.is_empty() => true,
        _ => plain(item).contains(&plain(&last)),
    }
}

/// The parameters and fields that tasks of `fal_core::task` use as a rule.
const OF_TASKS: [&str; 9] =
    ["prompt", "text", "image_url", "video_url", "audio_url", "images", "image", "video", "audio"];

/// Returns the change that keeps an endpoint from a task of `fal_core::task`, if one surely does: a required parameter
/// that no task gives, or the end of one that tasks use.
fn lost_task_reason(found: &[Finding]) -> Option<String> {
    let is_reason = |finding: &&Finding| {
        let is_of_task = OF_TASKS.contains(&finding.path.as_str());
        match finding.kind {
            Kind::Added | Kind::BecameRequired => {
                finding.part == Part::Input && !finding.path.contains('.') && !is_of_task
            }
            Kind::Removed | Kind::TypeChanged => is_of_task,
            _ => false,
        }
    };
    let finding = found.iter().filter(|finding| finding.level == Level::Breaking).find(is_reason)?;
    let name = finding.part.name(&finding.path);
    Some(match finding.kind {
        Kind::Added | Kind::BecameRequired => format!("because {name} is required"),
        Kind::Removed => format!("because {name} was removed"),
        _ => format!("because {name} has another type"),
    })
}

/// Returns the message that an item is gone, with the reason if a task is lost.
fn with_reason(message: String, reason: &Option<String>) -> String {
    match reason {
        Some(reason) if message.contains(" takes part in ") => format!("{message}, {reason}"),
        _ => message,
    }
}

fn name_changed(message: String) -> Finding {
    at_endpoint(Level::Breaking, Kind::NameChanged, message, "Code that uses it may no longer compile.")
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
    if before.deprecated != after.deprecated {
        found.push(match after.deprecated {
            true => {
                let reason = "Code that builds its input gets a warning.";
                at_endpoint(Level::Minor, Kind::Deprecated, "is deprecated now".to_owned(), reason)
            }
            false => at_endpoint(Level::Patch, Kind::Restored, "is no longer deprecated".to_owned(), ""),
        });
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
    let known: Vec<&String> = oddities(before).collect();
    let new = oddities(after).filter(|oddity| !known.contains(oddity));
    found.extend(
        new.map(|oddity| at_endpoint(Level::Patch, Kind::Odd, oddity.clone(), "Check it against fal.")),
    );
    found
}

/// Returns what is strange in the schemas of an endpoint, such as a default outside its bounds.
fn oddities(endpoint: &Endpoint) -> impl Iterator<Item = &String> {
    endpoint.input.oddities.iter().chain(&endpoint.output.oddities)
}

/// Returns true if the events of a stream are outputs or partial outputs.
fn streams_output(endpoint: &Endpoint) -> bool {
    let event = endpoint.event.as_ref();
    event == Some(&endpoint.output) || event == Some(&endpoint.output.partial())
}

fn fal_core_changed((old, new): (&Version, &Version)) -> Finding {
    let message = format!("depends on fal-core {new}, was {old}");
    match version::is_compatible(old, new) {
        true => at_endpoint(Level::Patch, Kind::DependencyChanged, message, ""),
        false => {
            let reason = "Its types are another version's, so that other crates have to be updated with it.";
            at_endpoint(Level::Breaking, Kind::DependencyChanged, message, reason)
        }
    }
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

/// Returns the migration from a crate that was removed.
fn replacement(name: &str, family: &Family) -> Migration {
    let after = family.superseded_by.clone().map_or(After::Nothing, After::Newer);
    Migration { before: name.to_owned(), after }
}

fn at_endpoint(level: Level, kind: Kind, message: String, reason: &'static str) -> Finding {
    let (from, to) = (Value::Null, Value::Null);
    Finding { level, kind, part: Part::Endpoint, path: String::new(), message, reason, from, to }
}
