//! The models that the emulator serves, by endpoint id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use serde_json::Value;

use crate::error::Error;

mod app_document;
mod capabilities;
mod model;
mod stream_outputs;

pub(crate) use capabilities::{RealtimeMode, RealtimeRoute};
pub(crate) use model::Model;
#[cfg(test)]
pub(crate) use model::tests;

use stream_outputs::derive_stream_outputs;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// All models, in alphabetical order.
#[derive(Default, Clone)]
pub(crate) struct Registry(BTreeMap<String, Arc<Model>>);

impl Registry {
    /// Returns the built-in models. Their megabytes of JSON are parsed once per process.
    pub(crate) fn embedded() -> Result<Self, Error> {
        static PARSED: OnceLock<Registry> = OnceLock::new();
        if let Some(parsed) = PARSED.get() {
            return Ok(parsed.clone());
        }
        let mut registry = Self::default();
        let mut folders = vec![&EMBEDDED];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files().filter(|file| is_json(file.path())) {
                registry.add_record(file.path(), parse(file.path(), file.contents())?)?;
            }
        }
        derive_stream_outputs(&mut registry.0);
        Ok(PARSED.get_or_init(|| registry).clone())
    }

    /// Reads the models of the `.json` files below a folder.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut registry = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let read_error = |source| Error::Read { path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(read_error)? {
                let path: PathBuf = entry.map_err(read_error)?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if is_json(&path) {
                    registry.add_file(root, &path)?;
                }
            }
        }
        if registry.0.is_empty() {
            return Err(Error::NoModels { path: root.to_owned() });
        }
        derive_stream_outputs(&mut registry.0);
        Ok(registry)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Model>> {
        self.0.get(id)
    }

    /// Returns true if any endpoint belongs to the app `owner/alias`.
    pub(crate) fn has_app(&self, app: &str) -> bool {
        self.0
            .range(app.to_owned()..)
            .take_while(|(id, _)| id.starts_with(app))
            .any(|(id, _)| id.len() == app.len() || id.as_bytes().get(app.len()) == Some(&b'/'))
    }

    /// Adds all endpoints of an app, from the OpenAPI document that the app publishes.
    pub(crate) fn add_app(&mut self, app: &str, path: &Path) -> Result<(), Error> {
        let document = parse(path, &read(path)?)?;
        self.add_routes(app.trim_matches('/'), path, &document)?;
        derive_stream_outputs(&mut self.0);
        Ok(())
    }

    /// Adds the models of a file. The path of a document that names no endpoint, relative to `root`, names its app.
    fn add_file(&mut self, root: &Path, path: &Path) -> Result<(), Error> {
        let document = parse(path, &read(path)?)?;
        if document.get("paths").is_none()
            || model::is_of_service(&document)
            || app_document::names_endpoint(&document)
        {
            return self.add_record(path, document);
        }
        let app = app_document::app_id(path.strip_prefix(root).unwrap_or(path))
            .map_err(|problem| Error::Document { path: path.to_owned(), problem })?;
        self.add_routes(&app, path, &document)
    }

    fn add_routes(&mut self, app: &str, path: &Path, document: &Value) -> Result<(), Error> {
        let routes = app_document::split_routes(app, document);
        if routes.is_empty() {
            let problem = "no path takes a JSON body by POST".to_owned();
            return Err(Error::Document { path: path.to_owned(), problem });
        }
        routes.into_iter().try_for_each(|route| self.add_record(path, route))
    }

    fn add_record(&mut self, path: &Path, record: Value) -> Result<(), Error> {
        let document_error = |problem: String| Error::Document { path: path.to_owned(), problem };
        let Some(model) = Model::parse(record).map_err(document_error)? else {
            tracing::debug!(path = %path.display(), "skipped: it describes no model");
            return Ok(());
        };
        let endpoint = model.id.clone();
        match self.0.insert(endpoint.clone(), Arc::new(model)) {
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

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

#[cfg(test)]
mod registry_tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_file_and_the_problem() {
        let mut registry = Registry::default();
        let path = Path::new("acme/painter.json");
        let mut add = |text: &[u8]| registry.add_record(path, parse(path, text)?);
        let broken = add(b"{").unwrap_err().to_string();
        assert!(broken.starts_with("acme/painter.json is not a model document: EOF"), "{broken}");
        let nameless = add(b"{}").unwrap_err().to_string();
        assert!(nameless.contains("endpoint_id"), "{nameless}");
        add(br#"{"endpoint_id": "a/b", "openapi": {"error": {}}}"#).unwrap();
        add(br#"{"servers": [{"url": "https://api.fal.ai/v1"}], "paths": {}}"#).unwrap();
        add(br#"{"paths": {"/{owner}/{app}": {}, "/{owner}/{app}/{path}": {}}}"#).unwrap();
        assert_eq!(registry.ids().count(), 0);
    }

    #[test]
    fn an_app_is_known_by_whole_segments_of_its_id() {
        let mut registry = Registry::default();
        registry.0.insert("acme/painter/fast".into(), Arc::new(tests::model(json!({}), json!({}))));
        assert!(registry.has_app("acme/painter"));
        assert!(registry.has_app("acme/painter/fast"));
        assert!(!registry.has_app("acme/paint"));
    }
}
