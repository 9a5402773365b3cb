//! The models that are served, by endpoint id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use jsonschema::Validator;
use serde_json::Value;

use crate::error::Error;
use crate::schema::Components;

mod own_app;
mod streams;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// One model: its document and, from its first use on, its compiled schemas.
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) metadata: Option<Value>,
    pub(crate) openapi: Value,
    pub(crate) components: Components,
    pub(crate) input: Value,
    pub(crate) output: Value,
    input_validator: OnceLock<Result<Validator, String>>,
    output_validator: OnceLock<Result<Validator, String>>,
}

impl Model {
    /// Reads a record `{endpoint_id, metadata, openapi}` or a document that names its endpoint.
    /// `None` stands for a record of a document that fal could not produce, and for the document of the platform
    /// API, which describes no model.
    pub(crate) fn new(mut record: Value) -> Result<Option<Self>, String> {
        if is_platform_api(&record) {
            return Ok(None);
        }
        let is_document = record.get("paths").is_some();
        let id = record
            .pointer(if is_document { "/info/x-fal-metadata/endpointId" } else { "/endpoint_id" })
            .and_then(Value::as_str)
            .ok_or("it has neither an endpoint_id nor an info.x-fal-metadata.endpointId")?
            .trim_matches('/')
            .to_owned();
        let metadata = record.get_mut("metadata").map(Value::take);
        let openapi = if is_document {
            record
        } else {
            record.get_mut("openapi").map(Value::take).ok_or("it has no openapi")?
        };
        if openapi.get("error").is_some() {
            return Ok(None);
        }
        let input = input_schema(&openapi, &id).ok_or("no path takes a JSON body by POST")?;
        let output = output_schema(&openapi, &id).ok_or("no path replies with an output")?;
        let components = Components::new(&openapi);
        Ok(Some(Self {
            id,
            metadata,
            components,
            input,
            output,
            openapi,
            input_validator: OnceLock::new(),
            output_validator: OnceLock::new(),
        }))
    }

    /// The compiled input schema.
    ///
    /// # Errors
    ///
    /// What makes the schema invalid.
    pub(crate) fn input_validator(&self) -> Result<&Validator, &String> {
        self.input_validator.get_or_init(|| self.components.validator(&self.input)).as_ref()
    }

    /// The compiled output schema.
    ///
    /// # Errors
    ///
    /// What makes the schema invalid.
    pub(crate) fn output_validator(&self) -> Result<&Validator, &String> {
        self.output_validator.get_or_init(|| self.components.validator(&self.output)).as_ref()
    }

    /// What the model does, such as `text-to-image`; empty when the document does not say.
    pub(crate) fn category(&self) -> &str {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.get("category"))
            .or_else(|| self.openapi.pointer("/info/x-fal-metadata/category"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

fn input_schema(openapi: &Value, id: &str) -> Option<Value> {
    let body = |item: &Value| item.pointer("/post/requestBody/content/application~1json/schema").cloned();
    let paths = openapi.get("paths")?.as_object()?;
    let own = [format!("/{id}"), "/".to_owned()];
    own.iter().filter_map(|path| paths.get(path)).chain(paths.values()).find_map(body)
}

fn output_schema(openapi: &Value, id: &str) -> Option<Value> {
    let paths = openapi.get("paths")?.as_object()?;
    let reply = |item: &Value, method: &str| {
        item.pointer(&format!("/{method}/responses/200/content/application~1json/schema")).cloned()
    };
    // Queue documents describe the output where it is fetched, plain ones where it is made.
    let fetched = paths
        .iter()
        .filter(|(path, _)| path.ends_with("/requests/{request_id}"))
        .find_map(|(_, item)| reply(item, "get"));
    let own = [format!("/{id}"), "/".to_owned()];
    fetched.or_else(|| {
        own.iter()
            .filter_map(|path| paths.get(path))
            .chain(paths.values())
            .find_map(|item| reply(item, "post"))
    })
}

/// All models, in alphabetical order.
#[derive(Default, Clone)]
pub(crate) struct Registry(BTreeMap<String, Arc<Model>>);

impl Registry {
    /// The models that are built in. They are read once in a process: there are megabytes of them.
    pub(crate) fn embedded() -> Result<Self, Error> {
        static READ: OnceLock<Registry> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(read.clone());
        }
        let mut registry = Self::default();
        let mut folders = vec![&EMBEDDED];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files().filter(|file| is_json(file.path())) {
                registry.add(file.path(), file.contents())?;
            }
        }
        registry.lend_outputs();
        Ok(READ.get_or_init(|| registry).clone())
    }

    /// The models below a folder.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut registry = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let failed = |source| Error::Read { path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let path: PathBuf = entry.map_err(failed)?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if is_json(&path) {
                    let text = read(&path)?;
                    registry.add_below(root, &path, &text)?;
                }
            }
        }
        if registry.0.is_empty() {
            return Err(Error::NoModels { path: root.to_owned() });
        }
        registry.lend_outputs();
        Ok(registry)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Model>> {
        self.0.get(id)
    }

    /// Whether any endpoint belongs to this `owner/alias`.
    pub(crate) fn has_app(&self, app: &str) -> bool {
        self.0
            .range(app.to_owned()..)
            .take_while(|(id, _)| id.starts_with(app))
            .any(|(id, _)| id.len() == app.len() || id.as_bytes().get(app.len()) == Some(&b'/'))
    }

    /// Adds all endpoints of an app, by the document it publishes itself.
    pub(crate) fn add_app(&mut self, app: &str, path: &Path) -> Result<(), Error> {
        let document = parsed(path, &read(path)?)?;
        self.add_routes(app.trim_matches('/'), path, &document)?;
        self.lend_outputs();
        Ok(())
    }

    /// Adds a document whose place below a folder may say whose it is.
    fn add_below(&mut self, root: &Path, path: &Path, text: &[u8]) -> Result<(), Error> {
        let document = parsed(path, text)?;
        if document.get("paths").is_none() || is_platform_api(&document) || own_app::names_endpoint(&document)
        {
            return self.add_record(path, document);
        }
        let app = own_app::id(path.strip_prefix(root).unwrap_or(path))
            .map_err(|problem| Error::Document { path: path.to_owned(), problem })?;
        self.add_routes(&app, path, &document)
    }

    fn add_routes(&mut self, app: &str, path: &Path, document: &Value) -> Result<(), Error> {
        let routes = own_app::split(app, document);
        if routes.is_empty() {
            let problem = "no path takes a JSON body by POST".to_owned();
            return Err(Error::Document { path: path.to_owned(), problem });
        }
        routes.into_iter().try_for_each(|route| self.add_record(path, route))
    }

    fn add(&mut self, path: &Path, text: &[u8]) -> Result<(), Error> {
        self.add_record(path, parsed(path, text)?)
    }

    fn add_record(&mut self, path: &Path, record: Value) -> Result<(), Error> {
        let bad = |problem: String| Error::Document { path: path.to_owned(), problem };
        let Some(model) = Model::new(record).map_err(bad)? else {
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

fn parsed(path: &Path, text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text)
        .map_err(|error| Error::Document { path: path.to_owned(), problem: error.to_string() })
}

fn is_platform_api(document: &Value) -> bool {
    let server = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    server.starts_with("https://api.fal.ai/")
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A model whose input and output schemas are given.
    pub(crate) fn model(input: Value, output: Value) -> Model {
        let operation = |schema: &str| json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
        let document = json!({
            "info": {"x-fal-metadata": {"endpointId": "acme/painter"}},
            "components": {"schemas": {"In": input, "Out": output}},
            "paths": {"/acme/painter": {"post": {
                "requestBody": {"content": {"application/json": operation("In")}},
                "responses": {"200": {"content": {"application/json": operation("Out")}}},
            }}},
        });
        Model::new(document).unwrap().unwrap()
    }

    #[test]
    fn a_bare_document_names_its_endpoint() {
        let model = model(json!({}), json!({"type": "object"}));
        assert_eq!(model.id, "acme/painter");
        assert_eq!(model.output, json!({"$ref": "#/components/schemas/Out"}));
    }

    #[test]
    fn errors_name_the_file_and_the_problem() {
        let mut registry = Registry::default();
        let path = Path::new("acme/painter.json");
        let text = |error: Error| error.to_string();
        let broken = text(registry.add(path, b"{").unwrap_err());
        assert!(broken.starts_with("acme/painter.json is not a model document: EOF"), "{broken}");
        let nameless = text(registry.add(path, b"{}").unwrap_err());
        assert!(nameless.contains("endpoint_id"), "{nameless}");
        registry.add(path, br#"{"endpoint_id": "a/b", "openapi": {"error": {}}}"#).unwrap();
        let platform = br#"{"servers": [{"url": "https://api.fal.ai/v1"}], "paths": {}}"#;
        registry.add(path, platform).unwrap();
        assert_eq!(registry.ids().count(), 0);
    }

    #[test]
    fn an_app_is_known_by_whole_segments() {
        let mut registry = Registry::default();
        registry.0.insert("acme/painter/fast".into(), Arc::new(model(json!({}), json!({}))));
        assert!(registry.has_app("acme/painter"));
        assert!(registry.has_app("acme/painter/fast"));
        assert!(!registry.has_app("acme/paint"));
    }
}
