//! The models that the emulator serves, by endpoint id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;

use crate::endpoint_id::EndpointId;
use crate::error::Error;
use crate::sync::lock;

mod app_document;
mod built_in;
mod capabilities;
mod generic;
mod model;
mod openai;
mod path_template;
mod route;
mod similar_ids;
mod stream_output;

pub(crate) use app_document::LeftOutRoute;
use built_in::Position;
pub(crate) use capabilities::{RealtimeMode, RealtimeRoute};
pub(crate) use model::Model;
#[cfg(test)]
pub(crate) use model::tests;
pub(crate) use openai::OpenAiRoute;
pub(crate) use path_template::match_id;
pub(crate) use route::{BodyKind, ParameterPlace, StreamFormat};

/// All models, in alphabetical order. They are read when they are first needed.
#[derive(Default, Clone)]
pub(crate) struct Registry {
    entries: BTreeMap<String, Arc<Entry>>,
    /// The apps whose own document is served, by `owner/alias`.
    own_apps: BTreeMap<String, Arc<OwnApp>>,
    accepts_unknown: bool,
}

/// An app whose own document is served.
pub(crate) struct OwnApp {
    pub(crate) document: Value,
    /// The number of routes that are served.
    served: usize,
    left_out: Vec<LeftOutRoute>,
}

impl OwnApp {
    /// Returns lines for the user: the number of routes that are served, and the routes that are not, with the reasons.
    pub(crate) fn report(&self, app: &str) -> Vec<String> {
        let routes = if self.served == 1 { "route" } else { "routes" };
        let total = match self.left_out.len() {
            0 => format!("{app}: {} {routes} served", self.served),
            others => format!("{app}: {} {routes} served, {others} not", self.served),
        };
        [total].into_iter().chain(self.left_out.iter().map(|route| format!("{app}: {route}"))).collect()
    }

    /// Returns the route with this method and this path in the app if it is one of those that are not served.
    pub(crate) fn left_out(&self, method: &str, path: &str) -> Option<&LeftOutRoute> {
        self.left_out
            .iter()
            .find(|route| route.method == method && path_template::match_id(&route.path, path).is_some())
    }
}

/// A model, and the facts about it that are known without reading its document.
struct Entry {
    name: String,
    category: String,
    description: String,
    document: Document,
    model: OnceLock<Option<Arc<Model>>>,
}

/// The document of a model that has not been needed yet.
enum Document {
    BuiltIn(Position),
    Parsed(Mutex<Option<Box<Model>>>),
}

/// The facts about a model that a list shows.
pub(crate) struct ModelSummary<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) category: &'a str,
    pub(crate) description: &'a str,
}

impl Registry {
    /// Returns the built-in models. Each is parsed at most once per process.
    pub(crate) fn embedded() -> Result<Self, Error> {
        static INDEX: OnceLock<Registry> = OnceLock::new();
        if let Some(registry) = INDEX.get() {
            return Ok(registry.clone());
        }
        let damaged = |problem| Error::Document { path: PathBuf::from("models.bin"), problem };
        let mut registry = Self::default();
        for entry in built_in::index().map_err(damaged)? {
            let document = Document::BuiltIn(entry.position);
            let (name, category, description) = (entry.name, entry.category, entry.description);
            let model = OnceLock::new();
            let known = Entry { name, category, description, document, model };
            registry.entries.insert(entry.id, Arc::new(known));
        }
        Ok(INDEX.get_or_init(|| registry).clone())
    }

    /// Reads the models of the `.json` files below a folder.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut added = Additions::default();
        added.add_folder(root)?;
        if added.models.is_empty() {
            return Err(Error::NoModels { path: root.to_owned() });
        }
        let mut registry = Self::default();
        registry.extend(added);
        Ok(registry)
    }

    /// Adds the models of a file or of the `.json` files below a folder. They replace models with the same ids.
    pub(crate) fn add_schemas(&mut self, path: &Path) -> Result<(), Error> {
        let mut added = Additions::default();
        if path.is_dir() {
            added.add_folder(path)?;
        } else {
            added.add_file(path, None)?;
        }
        if added.models.is_empty() {
            return Err(Error::NoModels { path: path.to_owned() });
        }
        self.extend(added);
        Ok(())
    }

    /// Adds all endpoints of an app, from the OpenAPI document that the app publishes or that fal publishes for it.
    pub(crate) fn add_app(&mut self, app: &str, path: &Path) -> Result<(), Error> {
        let mut added = Additions::default();
        let id = EndpointId::parse(app).ok_or_else(|| Error::AppId { id: app.to_owned() })?;
        added.add_app(&id.full, path)?;
        self.extend(added);
        Ok(())
    }

    /// Lets every id be that of a model: one that no document describes takes any input.
    pub(crate) fn accept_unknown(&mut self) {
        self.accepts_unknown = true;
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(crate) fn summaries(&self) -> impl Iterator<Item = ModelSummary<'_>> {
        self.entries.iter().map(|(id, entry)| ModelSummary {
            id,
            name: &entry.name,
            category: &entry.category,
            description: &entry.description,
        })
    }

    /// Returns all models, which reads those that nothing has needed yet.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.entries.values().filter_map(|entry| entry.model(self))
    }

    /// Returns the model of an id, or the model of a route with parameters in its path that the id matches.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Model>> {
        let template = || {
            let (app, _) = self.own_app(id)?;
            self.of_app(app).find(|(known, _)| {
                path_template::is_template(known) && path_template::match_id(known, id).is_some()
            })
        };
        let entry = self.entries.get(id).or_else(|| template().map(|(_, entry)| entry))?;
        entry.model(self)
    }

    /// Returns the app of an id if the app's own document is served, with its id.
    pub(crate) fn own_app(&self, id: &str) -> Option<(&str, &OwnApp)> {
        // An app may have a longer id than `owner/alias`, so the longest one counts.
        let starts = id.match_indices('/').map(|(end, _)| &id[..end]).chain([id]);
        let mut known = starts.filter_map(|start| self.own_apps.get_key_value(start)).collect::<Vec<_>>();
        known.pop().map(|(app, own)| (app.as_str(), &**own))
    }

    /// Returns the apps whose own document is served, in the order of their ids.
    pub(crate) fn own_apps(&self) -> impl Iterator<Item = (&str, &OwnApp)> {
        self.own_apps.iter().map(|(app, own)| (app.as_str(), &**own))
    }

    /// Returns the record of a built-in model as JSON.
    pub(crate) fn built_in_record(&self, id: &str) -> Option<String> {
        match &self.entries.get(id)?.document {
            Document::BuiltIn(position) => String::from_utf8(built_in::read_record(position).ok()?).ok(),
            Document::Parsed(_) => None,
        }
    }

    /// Returns the category of a model, or an empty text if it is not known.
    pub(crate) fn category(&self, id: &str) -> String {
        match self.entries.get(id) {
            Some(entry) => entry.category.clone(),
            None => self.generic(id).map(|model| model.category().to_owned()).unwrap_or_default(),
        }
    }

    /// Returns the model to call by this id: that of a document, or a generic one if unknown ids are accepted.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Model>> {
        self.get(id).cloned().or_else(|| self.generic(id))
    }

    /// Returns a model in the shape that an unknown id suggests, if such ids are accepted.
    fn generic(&self, id: &str) -> Option<Arc<Model>> {
        let model = || {
            // A route of a known app probably does what its neighbours do.
            let app = id.split('/').take(2).collect::<Vec<_>>().join("/");
            let siblings = self.ids().filter(|other| other.starts_with(&format!("{app}/")) || *other == app);
            let siblings = siblings.filter(|other| !generic::is_variant_for_medium(other, id));
            let sibling = similar_ids::find(id, siblings).first().and_then(|id| self.entries.get(*id));
            generic::model(id, sibling.map(|sibling| sibling.category.as_str()))
        };
        self.accepts_unknown.then(model)?.map(Arc::new)
    }

    /// Returns true if any endpoint belongs to the app `owner/alias`, or if unknown ids are accepted.
    pub(crate) fn has_app(&self, app: &str) -> bool {
        self.accepts_unknown || self.own_apps.contains_key(app) || self.of_app(app).next().is_some()
    }

    /// Returns the entries of an app, `owner/alias` and below.
    fn of_app(&self, app: &str) -> impl Iterator<Item = (&String, &Arc<Entry>)> {
        self.entries
            .range(app.to_owned()..)
            .take_while(move |(id, _)| id.starts_with(app))
            .filter(move |(id, _)| id.len() == app.len() || id.as_bytes().get(app.len()) == Some(&b'/'))
    }

    /// Returns the ids that resemble one that does not exist, the best first.
    pub(crate) fn similar_ids(&self, id: &str) -> Vec<&str> {
        similar_ids::find(id, self.ids())
    }

    /// Adds the model of a record `{endpoint_id, metadata, openapi}` or of a document that names its endpoint. Returns its
    /// id, or `None` if it describes no model.
    pub(crate) fn add_record(&mut self, record: Value) -> Result<Option<String>, String> {
        let Some(model) = Model::parse(record)? else { return Ok(None) };
        let id = model.id.clone();
        self.extend(Additions { models: [(id.clone(), model)].into(), ..Additions::default() });
        Ok(Some(id))
    }

    fn extend(&mut self, added: Additions) {
        self.own_apps.extend(added.apps);
        for (id, model) in added.models {
            let text = |name| model.metadata_text(name).unwrap_or_default().to_owned();
            let (name, description) = (text("display_name"), text("description"));
            let category = model.category().to_owned();
            let document = Document::Parsed(Mutex::new(Some(Box::new(model))));
            let entry = Entry { name, category, description, document, model: OnceLock::new() };
            self.entries.insert(id, Arc::new(entry));
        }
    }
}

impl Entry {
    fn model(&self, registry: &Registry) -> Option<&Arc<Model>> {
        self.model.get_or_init(|| self.read(registry).map(Arc::new)).as_ref()
    }

    fn read(&self, registry: &Registry) -> Option<Model> {
        let mut model = match &self.document {
            Document::BuiltIn(position) => built_in::read(position)
                .inspect_err(|problem| tracing::error!(problem, "a built-in model cannot be read"))
                .ok()??,
            Document::Parsed(model) => *lock(model).take()?,
        };
        if stream_output::is_unspecified(&model)
            && let Some(parent) = model.id.strip_suffix("/stream").and_then(|parent| registry.get(parent))
        {
            stream_output::inherit_output(&mut model, parent);
        }
        Some(model)
    }
}

/// Models that are read from files.
#[derive(Default)]
struct Additions {
    models: BTreeMap<String, Model>,
    apps: BTreeMap<String, Arc<OwnApp>>,
}

impl Additions {
    fn add_folder(&mut self, root: &Path) -> Result<(), Error> {
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let read_error = |source| Error::Read { path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(read_error)? {
                let path: PathBuf = entry.map_err(read_error)?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "json") {
                    self.add_file(&path, Some(root))?;
                }
            }
        }
        Ok(())
    }

    /// Adds the models of a file: a record, a document, or a page of records. The path of a document that names no
    /// endpoint, relative to `root`, names its app.
    fn add_file(&mut self, path: &Path, root: Option<&Path>) -> Result<(), Error> {
        let document = parse(path, &read(path)?)?;
        let records = match &document {
            Value::Array(records) => Some(records),
            _ => document.get("models").and_then(Value::as_array),
        };
        if let Some(records) = records {
            return records.iter().try_for_each(|record| self.add_record(path, record.clone()));
        }
        if document.get("paths").is_none()
            || model::is_of_service(&document)
            || app_document::names_endpoint(&document)
        {
            return self.add_record(path, document);
        }
        let relative = root.and_then(|root| path.strip_prefix(root).ok());
        let app = match relative {
            Some(relative) => app_document::app_id(relative),
            None => Err(format!(
                "it names no endpoint; pass it as --app OWNER/ALIAS={} with the id of its app",
                path.display()
            )),
        };
        let document_error = |problem| Error::Document { path: path.to_owned(), problem };
        self.add_routes(&app.map_err(document_error)?, path, document, document_error)
    }

    fn add_app(&mut self, app: &str, path: &Path) -> Result<(), Error> {
        let app_error = |problem| Error::App { id: app.to_owned(), path: path.to_owned(), problem };
        let document = serde_json::from_slice::<Value>(&read(path)?).map_err(|error| {
            app_error(format!(
                "it is not JSON ({error}); an app publishes its document as JSON at /openapi.json, and prints it with \
                 `json.dumps(MyApp(_allow_init=True).openapi())`"
            ))
        })?;
        if document.get("endpoint_id").is_none() && !app_document::names_endpoint(&document) {
            return self.add_routes(app, path, document, app_error);
        }
        self.add_record(path, document)?;
        match self.models.keys().find(|id| *id != app && !id.starts_with(&format!("{app}/"))) {
            Some(other) => Err(app_error(format!("it describes {other}; pass it as --schema"))),
            None => Ok(()),
        }
    }

    /// Adds the routes of an app. A route that cannot be served does not stop the others.
    ///
    /// # Errors
    ///
    /// Returns the error that `document_error` makes of a problem if no route can be served, and another one if another file
    /// describes one of them.
    fn add_routes(
        &mut self,
        app: &str,
        path: &Path,
        document: Value,
        document_error: impl Fn(String) -> Error,
    ) -> Result<(), Error> {
        let (served, left_out) = app_document::read_routes(app, &document);
        if served.is_empty() {
            let reasons: Vec<String> = left_out.iter().map(ToString::to_string).collect();
            return Err(document_error(match reasons.as_slice() {
                [] => "it has no paths".to_owned(),
                reasons => format!("no route can be served: {}", reasons.join("; ")),
            }));
        }
        let own = OwnApp { document, served: served.len(), left_out };
        self.apps.insert(app.to_owned(), Arc::new(own));
        served.into_iter().try_for_each(|model| self.add_model(path, model))
    }

    fn add_record(&mut self, path: &Path, record: Value) -> Result<(), Error> {
        let document_error = |problem: String| Error::Document { path: path.to_owned(), problem };
        let Some(model) = Model::parse(record).map_err(document_error)? else {
            tracing::debug!(path = %path.display(), "skipped: it describes no model");
            return Ok(());
        };
        self.add_model(path, model)
    }

    fn add_model(&mut self, path: &Path, model: Model) -> Result<(), Error> {
        let endpoint = model.id.clone();
        match self.models.insert(endpoint.clone(), model) {
            None => Ok(()),
            Some(_) => Err(Error::Duplicate { endpoint, path: path.to_owned() }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn parse(path: &Path, text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text)
        .map_err(|error| Error::Document { path: path.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod registry_tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_file_and_the_problem() {
        let mut added = Additions::default();
        let path = Path::new("acme/painter.json");
        let mut add = |text: &[u8]| added.add_record(path, parse(path, text)?);
        let broken = add(b"{").unwrap_err().to_string();
        assert!(broken.starts_with("acme/painter.json is not a model document: EOF"), "{broken}");
        let nameless = add(b"{}").unwrap_err().to_string();
        assert!(nameless.contains("endpoint_id"), "{nameless}");
        add(br#"{"endpoint_id": "a/b", "openapi": {"error": {}}}"#).unwrap();
        add(br#"{"servers": [{"url": "https://api.fal.ai/v1"}], "paths": {}}"#).unwrap();
        add(br#"{"paths": {"/{owner}/{app}": {}, "/{owner}/{app}/{path}": {}}}"#).unwrap();
        assert_eq!(added.models.len(), 0);
    }

    #[test]
    fn an_app_is_known_by_whole_segments_of_its_id() {
        let mut added = Additions::default();
        added.models.insert("acme/painter/fast".into(), tests::model(json!({}), json!({})));
        let mut registry = Registry::default();
        registry.extend(added);
        assert!(registry.has_app("acme/painter"));
        assert!(registry.has_app("acme/painter/fast"));
        assert!(!registry.has_app("acme/paint"));
    }

    #[test]
    fn an_unknown_model_is_not_taken_for_the_variant_of_it_for_another_medium() {
        let mut models = Registry::embedded().unwrap();
        models.accepts_unknown = true;
        assert!(
            models.get("fal-ai/birefnet/v2/video").is_some() && models.get("fal-ai/birefnet/v2").is_none()
        );
        assert_eq!(models.category("fal-ai/birefnet/v2"), "text-to-image");
        assert_eq!(
            models.category("fal-ai/birefnet/v2/video/fast"),
            models.category("fal-ai/birefnet/v2/video")
        );
    }

    #[test]
    fn every_built_in_model_can_be_read() {
        let models = Registry::embedded().unwrap();
        assert_eq!(models.iter().count(), models.ids().count());
        assert!(models.ids().count() > 1_000);
        assert!(
            models
                .iter()
                .zip(models.summaries())
                .all(|(model, summary)| { model.id == summary.id && model.category() == summary.category })
        );
    }
}
