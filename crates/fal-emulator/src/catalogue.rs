//! The models that the emulator serves, without a server: for programs that list models, describe their parameters or check
//! inputs before a call.
//!
//! ```
//! use fal_emulator::catalogue::Catalogue;
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let catalogue = Catalogue::embedded()?;
//! let model = catalogue.get("fal-ai/flux/dev").ok_or("no such model")?;
//! let problems = model.check(json!({"prompt": "a cat", "num_images": 9})).unwrap_err();
//! assert_eq!(problems[0]["msg"], "Input should be less than or equal to 4");
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::Error;
use crate::input_files;
use crate::models::{Model, Registry};
use crate::validate::{self, CheckedInput};

/// A set of models, by endpoint id.
#[derive(Clone)]
pub struct Catalogue(Registry);

/// The facts about a model that a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary<'a> {
    /// The id of the endpoint, such as `fal-ai/flux/dev`.
    pub id: &'a str,
    /// The name, for people. Empty if it is not known.
    pub name: &'a str,
    /// The category, such as `text-to-image`. Empty if it is not known.
    pub category: &'a str,
    /// A sentence about the model. Empty if there is none.
    pub description: &'a str,
}

/// A model with its document.
#[derive(Clone)]
pub struct CatalogueModel(Arc<Model>);

impl Catalogue {
    /// Returns the built-in models. Their documents are read when they are asked for.
    ///
    /// # Errors
    ///
    /// Returns an error if the built-in index is damaged.
    pub fn embedded() -> Result<Self, Error> {
        Registry::embedded().map(Self)
    }

    /// Adds the models of a file, or of the `.json` files below a folder, in the forms that
    /// [`EmulatorBuilder::add_schemas`](crate::EmulatorBuilder::add_schemas) takes. They replace models with the same ids.
    ///
    /// # Errors
    ///
    /// Returns an error that names the file that cannot be read or describes no model.
    pub fn add_schemas(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.0.add_schemas(path.as_ref())
    }

    /// Adds the model of one record of the platform API, `{"endpoint_id": …, "metadata": …, "openapi": …}`. Returns its id, or
    /// `None` if the record describes no model.
    ///
    /// # Errors
    ///
    /// Returns a message if the document does not describe the call of a model.
    pub fn add_record(&mut self, record: Value) -> Result<Option<String>, String> {
        self.0.add_record(record)
    }

    /// Returns the facts about all models, in the order of their ids, without reading their documents.
    pub fn summaries(&self) -> impl Iterator<Item = Summary<'_>> {
        self.0.summaries().map(|model| Summary {
            id: model.id,
            name: model.name,
            category: model.category,
            description: model.description,
        })
    }

    /// Returns a model, or `None` if there is none with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<CatalogueModel> {
        self.0.get(id).cloned().map(CatalogueModel)
    }

    /// Returns the record of a built-in model, `{"endpoint_id": …, "metadata": …, "openapi": …}`, as JSON. `None` if there is none
    /// with this id.
    #[must_use]
    pub fn built_in_record(&self, id: &str) -> Option<String> {
        self.0.built_in_record(id)
    }

    /// Returns up to three ids that resemble one that does not exist, the best first.
    #[must_use]
    pub fn similar_ids(&self, id: &str) -> Vec<&str> {
        self.0.similar_ids(id)
    }
}

impl CatalogueModel {
    /// Returns the id of the endpoint.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Returns the metadata of the record, such as `display_name` and `description`; null without any.
    #[must_use]
    pub fn metadata(&self) -> &Value {
        self.0.metadata.as_ref().unwrap_or(&Value::Null)
    }

    /// Returns the category, such as `text-to-image`, or an empty text if the document does not name it.
    #[must_use]
    pub fn category(&self) -> &str {
        self.0.category()
    }

    /// Returns true if the endpoint also answers with a stream of events.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.0.streams()
    }

    /// Returns the schema of the input, with its references followed.
    #[must_use]
    pub fn input(&self) -> &Value {
        self.resolve(&self.0.input)
    }

    /// Returns the schema of the output, with its references followed.
    #[must_use]
    pub fn output(&self) -> &Value {
        self.resolve(&self.0.output)
    }

    /// Follows the references of a schema of this document.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        self.0.components.resolve(schema).0
    }

    /// Returns the schema of the input as one JSON Schema 2020-12 that stands alone.
    #[must_use]
    pub fn input_json_schema(&self) -> Value {
        self.0.components.inline(&self.0.input)
    }

    /// Returns the kind of file that the parameter `name` with this schema takes: `image`, `video`, `audio`,
    /// `image or video`, `archive` or `any`. `None` for a parameter that takes no file.
    #[must_use]
    pub fn file_kind(&self, name: &str, schema: &Value) -> Option<&'static str> {
        input_files::file_kind(name, schema, self.resolve(schema))
    }

    /// Checks an input as fal's apps do. Returns it with its numbers and booleans converted, if they were written as text.
    ///
    /// # Errors
    ///
    /// Returns all violations in the form of fal's `detail` list: `{"type", "loc", "msg", "input", "ctx"}`.
    pub fn check(&self, input: Value) -> Result<Value, Vec<Value>> {
        match validate::check_input(&self.0, input) {
            Ok(CheckedInput::Accepted(input)) => Ok(input),
            Ok(CheckedInput::Refused(details)) => Err(details),
            Err(problem) => {
                let message = format!("the document of {} cannot check inputs: {problem}", self.0.id);
                Err(vec![json!({"type": "value_error", "loc": ["body"], "msg": message, "input": null})])
            }
        }
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("models", &self.0.ids().count()).finish()
    }
}

impl fmt::Debug for CatalogueModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogueModel").field("id", &self.0.id).finish_non_exhaustive()
    }
}
